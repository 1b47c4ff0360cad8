"""STSTNet at the size of MEGC2019: milliseconds of a clip-step, our training against the published program's.

A clip-step is one clip seen once by one fold's training; a run of 68 folds × 800 epochs has 24 million of them. Both sides
train from the same prepared set of 442 clips of 68 people with batches of 256, in one thread, as a worker does. The reference
is the network as published, three convolutions beside each other in the loop that anybody would write. Both take turns.

    python -m benchmarks.ststnet
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.shared import Row, alternate, compared, program
from tsfmicro.memory import keep_freed_memory
from tsfmicro.models.inputs import flow
from tsfmicro.needs import Stored, need
from tsfmicro.prepared import PreparedSet
from tsfmicro.protocols.composite import Composite
from tsfmicro.run.folder import Plan
from tsfmicro.run.task import train_task
from tsfmicro.study.shipped import config
from tsfmicro.train.loader import Loader
from tsfmicro.types import Clip, Frames

PEOPLE = {"casme2": (145, 24), "smic": (164, 16), "samm": (133, 28)}  # clips and people
CLASSES = ("negative", "positive", "surprise")
ROUNDS = 5


@cache
def prepared() -> PreparedSet:
    """442 flow maps of random greys around the one for no movement: time hangs on their size, and on that alone."""
    clips = tuple(
        Clip(name, f"p{n % people:02d}", f"c{n}", Frames(None, {}), 0, 0, 0, 200, CLASSES[n % 3])  # type: ignore[arg-type]
        for name, (count, people) in PEOPLE.items()
        for n in range(count)
    )
    maps = np.random.default_rng(0).normal(128, 20, (len(clips), 3, 28, 28)).clip(0, 255).round().astype(np.float16)
    return PreparedSet("made", clips, np.arange(len(clips)), {need("flow", 28): Stored({"clip": maps}, "grey", "none")})


def plan(epochs: int) -> Plan:
    settings = config("megc2019-ststnet", [f"train.epochs={epochs}", "train.seeds=[0]"])
    labels = {clip.id: CLASSES.index(clip.emotion) for clip in prepared().clips}
    return Plan(settings, CLASSES, labels, Composite().folds(labels, 0, np.random.default_rng(0)), "made")


class Published(nn.Module):
    """The network as the paper draws it."""

    def __init__(self) -> None:
        super().__init__()
        self.streams = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(3, n, 3, padding=2), nn.ReLU(), nn.BatchNorm2d(n), nn.MaxPool2d(3, 3, padding=1), nn.Dropout()
            )
            for n in (3, 5, 8)
        )
        self.classify = nn.Linear(400, 3)

    def forward(self, flow: Tensor) -> Tensor:
        return self.classify(F.avg_pool2d(torch.cat([stream(flow) for stream in self.streams], 1), 2).flatten(1))


def our_epochs(epochs: int) -> tuple[Callable[[], object], int]:
    """A fold's training; and its clip-steps."""
    made = plan(epochs)
    work = partial(train_task, made, prepared(), made.tasks[0], "cpu", 1, lambda report: None)
    return work, epochs * len(made.folds[0].train)


def published_epochs(epochs: int) -> tuple[Callable[[], object], int]:
    """A fold of the published network in a plain loop; and its clip-steps."""
    made = plan(epochs)
    fold = made.folds[0]
    loader, model = Loader(prepared(), {"flow": flow(28)}, torch.device("cpu")), Published().train()
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-5)

    def train() -> None:
        for _ in range(epochs):
            for chosen in torch.randperm(len(fold.train)).split(made.config.train.batch_size):
                clips = [fold.train[n] for n in chosen]
                loss = F.cross_entropy(
                    model(loader.batch(clips, "annotated")["flow"]), torch.tensor([made.labels[c] for c in clips])
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    return train, epochs * len(fold.train)


def measure(rounds: int) -> dict[str, list[float]]:
    """Milliseconds of a clip-step in each round: the shorter of two runs of about a second.

    Of the processor's time: everything here is one thread, and what other programs take of a busy machine is not ours.
    """
    torch.set_num_threads(1)
    keep_freed_memory()
    cases = {"ours": our_epochs(10), "published": published_epochs(10)}
    for work, _ in cases.values():
        work()
    return alternate(
        list(cases), lambda case: 1e3 * min(_cpu_seconds(cases[case][0]) for _ in range(2)) / cases[case][1], rounds
    )


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def rows() -> list[Row]:
    times = measure(ROUNDS)
    return [compared("STSTNet, train a fold", "ms a clip-step", times["ours"], times["published"])]


if __name__ == "__main__":
    program(rows)
