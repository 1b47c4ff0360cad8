"""STSTNet at the size of MEGC2019: milliseconds of a clip-step, folds trained at once against folds one by one.

A clip-step is one clip seen once by one fold's training; a run of 68 folds × 500 epochs has 15 million of them. Both sides
train from the same prepared set of 442 clips of 68 people with batches of 256, in one thread, as a worker does; both cores
are then used by two workers in the same way. The references are our own plain loop, on the same shared batches, and the
network as published, three convolutions beside each other in the loop that anybody would write. All take turns.

    python -m benchmarks.ststnet
    python -m benchmarks.ststnet --together 17 34 68          # how many folds at once
    python -m benchmarks.ststnet --run 20                     # all 68 folds in all cores for 20 epochs, scaled to 500
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache, partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.shared import Row, alternate, compared, program
from tsfmicro.memory import keep_freed_memory
from tsfmicro.protocols.composite import Composite
from tsfmicro.run.folder import Plan
from tsfmicro.run.shipped import config
from tsfmicro.run.task import train_group
from tsfmicro.run.watch import Group
from tsfmicro.train.loader import Loader
from tsfmicro.types import Clip, Frames, PreparedSet
from tsfmicro.workers import cores, spread

PEOPLE = {"casme2": (145, 24), "smic": (164, 16), "samm": (133, 28)}  # clips and people
CLASSES = ("negative", "positive", "surprise")
ROUNDS, EPOCHS_OF_A_RUN = 5, 500


@cache
def prepared() -> PreparedSet:
    """442 flow maps of random greys around the one for no movement: time hangs on their size, and on that alone."""
    clips = tuple(
        Clip(name, f"p{n % people:02d}", f"c{n}", Frames(None, {}), 0, 0, 0, 200, CLASSES[n % 3])  # type: ignore[arg-type]
        for name, (count, people) in PEOPLE.items()
        for n in range(count)
    )
    flow = np.random.default_rng(0).normal(128, 20, (len(clips), 1, 3, 28, 28)).clip(0, 255).round().astype(np.float16)
    return PreparedSet("made", clips, np.arange(len(clips)), None, None, None, flow.repeat(2, 1))


def plan(together: int, epochs: int) -> Plan:
    settings = config("megc2019-ststnet", [f"train.together={together}", f"train.epochs={epochs}", "train.seeds=[0]"])
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


def epochs_at_once(together: int, epochs: int) -> tuple[Callable[[], object], int]:
    """An untimed start, then work to be timed: the first group of folds; and its clip-steps."""
    made = plan(together, epochs)
    group = made.groups()[0]
    clip_steps = epochs * sum(len(made.fold(task.fold).train) for task in group.tasks)
    return partial(_train, made, group), clip_steps


def _train(made: Plan, group: Group) -> None:
    for _ in train_group(made, prepared(), group, "cpu", 1, lambda report: None):
        pass


def published_epochs(epochs: int) -> tuple[Callable[[], object], int]:
    """A fold of the published network in a plain loop; and its clip-steps."""
    made = plan(1, epochs)
    fold = made.folds[0]
    loader, model = Loader(prepared(), ("flow",), torch.device("cpu")), Published().train()
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


def measure(sizes: tuple[int, ...], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of a clip-step in each round: the shorter of two runs of about a second.

    Of the processor's time: everything here is one thread, and what other programs take of a busy machine is not ours.
    """
    torch.set_num_threads(1)
    keep_freed_memory()
    cases = {f"{size} at once": epochs_at_once(size, max(1, 68 // size)) for size in sizes}
    cases |= {"one by one": epochs_at_once(1, 10), "published": published_epochs(10)}
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
    together = config("megc2019-ststnet").train.together
    times = measure((together,), ROUNDS)
    ours = times[f"{together} at once"]
    return [
        compared("STSTNet, folds at once against one by one", "ms a clip-step", ours, times["one by one"]),
        compared("STSTNet, folds at once against the published program", "ms a clip-step", ours, times["published"]),
    ]


def whole_run(epochs: int, together: int) -> None:
    """All folds in as many processes as there are cores."""
    made = plan(together, epochs)
    start, groups = time.perf_counter(), made.groups()
    with closing(spread(partial(_train, made), groups, min(cores(), len(groups)))) as done:
        for _ in done:
            pass
    took, processes = time.perf_counter() - start, min(cores(), len(groups))
    used = resource.getrusage(resource.RUSAGE_CHILDREN if processes > 1 else resource.RUSAGE_SELF)
    worked = used.ru_utime + used.ru_stime  # starting the processes included
    clip_steps = epochs * sum(len(fold.train) for fold in made.folds)
    scale = EPOCHS_OF_A_RUN / epochs / 60
    print(
        f"{len(made.folds)} folds × {epochs} epochs, {clip_steps:,} clip-steps, {len(groups)} groups in {processes} processes: "
        f"{took:.0f} s, {worked:.0f} s of processor time ({1e3 * worked / clip_steps:.4f} ms a clip-step), "
        f"{used.ru_maxrss / 1024:.0f} MB each; {EPOCHS_OF_A_RUN} epochs would take {took * scale:.1f} min like this, "
        f"{worked / processes * scale:.1f} min with the cores to themselves"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--together", type=int, nargs="+", help="folds at once")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--run", type=int, metavar="EPOCHS", help="all folds, in all cores")
    arguments = parser.parse_args()
    sizes = tuple(arguments.together or [config("megc2019-ststnet").train.together])
    print(f"torch {torch.__version__}, {platform.machine()}, {cores()} cores")
    if arguments.run:
        for size in sizes:
            whole_run(arguments.run, size)
        return
    for case, times in measure(sizes, arguments.rounds).items():
        print(f"{case:12} {np.median(times):.4f} ms a clip-step ({min(times):.4f}–{max(times):.4f})")


if __name__ == "__main__":
    if {"--together", "--rounds", "--run", "-h", "--help"} & set(sys.argv[1:]):
        main()
    else:
        program(rows)
