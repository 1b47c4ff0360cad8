"""A whole run of the size of CASME II on a GPU: 248 clips of 26 people at 224 × 224, 5 classes, 26 folds × 50 epochs.

The faces are random bytes, since time does not hang on what is seen. Ours is what `tsfmicro run` trains with, from the
prepared set to the last fold's logits. The reference is the straightforward program: the plain model in float32, a
DataLoader that reads, turns and crops one clip after the other, an optimiser without fusing, and the loss read after each
step; it is kind to the reference that its faces are in memory already. One epoch of it is measured, after one that warms
up, and scaled to the run.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --at-once 3                                           # folds at once, in processes
    python -m benchmarks.gpu --device cpu --size 32 --folds 2 --epochs 1 --clips 40 --people 4       # does it run
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.reference import Reference
from benchmarks.shared import Row, compared, program
from tsfmicro.models.registry import describe
from tsfmicro.needs import Stored, need
from tsfmicro.prepared import PreparedSet
from tsfmicro.protocols.loso import Loso
from tsfmicro.run.environment import choose_precision
from tsfmicro.run.folder import Plan
from tsfmicro.run.task import build_model, train_task
from tsfmicro.run.watch import Task
from tsfmicro.study.shipped import config
from tsfmicro.train import augment
from tsfmicro.train.fit import run_epoch
from tsfmicro.train.loader import MEAN, STD, Loader
from tsfmicro.train.precision import at_work
from tsfmicro.train.predict import predict
from tsfmicro.train.step import REHEARSALS, Step
from tsfmicro.types import Clip, Fold, Frames
from tsfmicro.workers import cores, spread

CLASSES = 5
EPOCHS_TIMED = 3


@dataclass(frozen=True)
class Case:
    """What is trained, and where."""

    device: str = "cuda"
    folds: int = 26
    epochs: int = 50
    size: int = 224
    clips: int = 248
    people: int = 26
    at_once: int = 1


@cache
def made(case: Case) -> tuple[Plan, PreparedSet]:
    """Noise faces of people with few and with many clips, and the plan of a run on them; the same in every process."""
    generator = np.random.default_rng(0)
    counts = 1 + generator.multinomial(case.clips - case.people, generator.dirichlet(np.ones(case.people)))
    clips = tuple(
        Clip("casme2", f"sub{person:02}", f"EP{n:02}", Frames(None, {}), 1, 5, 9, 200, "surprise")
        for person, count in enumerate(counts)
        for n in range(count)
    )
    annotated, widest = (
        generator.integers(0, 256, (case.clips, 2, case.size, case.size, 3), np.uint8) for _ in range(2)
    )
    faces = Stored({"annotated": annotated, "widest": widest}, "RGB 0–255", "image")
    prepared = PreparedSet("made", clips, np.arange(case.clips), {need("faces", case.size): faces})
    labels = {clip.id: n % CLASSES for n, clip in enumerate(clips)}
    folds = Loso().folds(labels, 0, generator)[: case.folds]
    settings = config("casme2-5-released", [f"train.epochs={case.epochs}", f"prepare.size={case.size}"])
    return Plan(settings, tuple("abcde"), labels, folds, "made"), prepared


def train(case: Case, task: Task) -> None:
    """One fold, as a worker of a run trains it; the result is dropped."""
    plan, prepared = made(case)
    train_task(plan, prepared, task, case.device, torch.get_num_threads(), lambda report: None)


def our_seconds(case: Case) -> float:
    """The whole run."""
    plan, _ = made(case)
    start = time.perf_counter()
    for _ in spread(partial(train, case), plan.tasks, case.at_once):
        pass
    return time.perf_counter() - start


def our_parts(case: Case) -> dict[str, float]:
    """Seconds of an epoch of the first fold, of gathering and moving its batches alone, and of telling the test clips."""
    plan, prepared = made(case)
    fold, train = plan.folds[0], plan.config.train
    device = torch.device(case.device)
    model = build_model(plan.config, CLASSES)
    loader = Loader(prepared, model.inputs, device)
    generator = torch.Generator().manual_seed(0)
    with at_work(device):
        step = Step(model, loader, {clip: plan.labels[clip] for clip in fold.train}, train)
        rows = torch.tensor(prepared.rows_of(fold.train))

        def gather() -> None:
            order, movements = augment.draw_epoch(len(rows), train.batch_size, train.augment, case.size, generator)
            chosen, moved = loader.here(rows[order]), loader.here(movements)
            for some, their in zip(chosen.split(train.batch_size), moved.split(train.batch_size), strict=True):
                loader.gather(some, train.pair, their)

        for _ in range(REHEARSALS + 1 if device.type == "cuda" else 0):
            run_epoch(step, rows, train, generator)
        return {
            "steps": seconds(lambda: run_epoch(step, rows, train, generator), device),
            "of which gathering, by itself": seconds(gather, device),
            "evaluation": seconds(
                lambda: predict(model, loader, fold.test, train.batch_size, step.precision).cpu(), device
            ),
        }


def seconds(work: Callable[[], object], device: torch.device) -> float:
    """The best of some calls, each until the device has done it."""
    times = []
    for _ in range(EPOCHS_TIMED):
        wait(device)
        start = time.perf_counter()
        work()
        wait(device)
        times.append(time.perf_counter() - start)
    return min(times)


def wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


class Items(Dataset):
    """A clip at a time, as a first program would read, flip, turn and crop it: (movement, onset, label)."""

    def __init__(self, case: Case, clip_ids: tuple[str, ...], moved: bool) -> None:
        self.plan, self.prepared = made(case)
        self.clip_ids, self.moved = clip_ids, moved

    def __len__(self) -> int:
        return len(self.clip_ids)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        clip = self.clip_ids[number]
        stored = self.prepared.faces("widest" if self.moved else "annotated")
        pair = torch.from_numpy(stored[self.prepared.rows_of([clip])[0]]).permute(0, 3, 1, 2).float()
        both = ((pair - MEAN) / STD).flatten(0, 1)[None]  # (1, 6, H, W)
        if self.moved:
            both = self._move(both)
        onset, apex = both[0].unflatten(0, (2, 3))
        return apex - onset, onset, self.plan.labels[clip]

    def _move(self, both: torch.Tensor) -> torch.Tensor:
        settings, size = self.plan.config.train.augment, both.shape[-1]
        if torch.rand(()) < settings.flip:
            both = both.flip(-1)
        angle = torch.deg2rad((2 * torch.rand(()) - 1) * settings.rotate)
        turn = torch.stack(
            [angle.cos(), -angle.sin(), angle.new_zeros(()), angle.sin(), angle.cos(), angle.new_zeros(())]
        )
        grid = F.affine_grid(turn.view(1, 2, 3), list(both.shape), align_corners=False)
        both = F.pad(F.grid_sample(both, grid, align_corners=False), [settings.pad] * 4)
        x, y = torch.randint(0, 2 * settings.pad + 1, (2,)).tolist()
        return both[..., y : y + size, x : x + size]


def reference_seconds(case: Case) -> float:
    """The whole run by the straightforward program: an epoch of the first fold, scaled by the clips it looks at."""
    plan, _ = made(case)
    fold, train, device = plan.folds[0], plan.config.train, torch.device(case.device)
    model = Reference(CLASSES, case.size).to(device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=train.lr, weight_decay=train.weight_decay)
    readers = 0 if device.type == "cpu" else min(8, cores())

    def batches(clips: tuple[str, ...], moved: bool) -> Iterator[list[torch.Tensor]]:
        items = Items(case, clips, moved)
        for batch in DataLoader(items, train.batch_size, shuffle=moved, num_workers=readers, pin_memory=readers > 0):
            yield [part.to(device) for part in batch]

    def epoch() -> None:
        model.train()
        for movement, onset, target in batches(fold.train, moved=True):
            with torch.device(device):  # the plain model makes its masks as it goes
                loss = F.cross_entropy(model(movement, onset), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            loss.item()
        model.eval()
        with torch.no_grad():
            for movement, onset, _ in batches(fold.test, moved=False):
                with torch.device(device):
                    model(movement, onset).cpu()

    epoch()
    wait(device)
    start = time.perf_counter()
    epoch()
    wait(device)
    return (time.perf_counter() - start) * work_of(plan) / work_of_epoch(fold)


def work_of_epoch(fold: Fold) -> float:
    """In trained clips, of which a third is the forward pass that an evaluated clip needs."""
    return len(fold.train) + len(fold.test) / 3


def work_of(plan: Plan) -> float:
    """Of the whole run, in trained clips."""
    return plan.config.train.epochs * sum(work_of_epoch(fold) for fold in plan.folds)


def product_rate(device: torch.device, precision: str) -> float:
    """FLOP/s of a large product of matrices, which is the most that a model can hope for here."""
    edge = 8192 if device.type == "cuda" else 1024
    a, b = torch.randn(2, edge, edge, device=device, dtype=getattr(torch, precision))
    product = lambda: a @ b  # noqa: E731
    product()
    return 2 * edge**3 / seconds(product, device)


def rows() -> list[Row]:
    """The whole run by ours and by the straightforward program; none where there is no GPU."""
    if not torch.cuda.is_available():
        return []
    case = Case()
    ours, reference = [our_seconds(case)], [reference_seconds(case)]
    return [compared("a run of CASME II's size on the GPU (reference: scaled from an epoch)", "s", ours, reference)]


def report(case: Case, reference: bool = True) -> list[str]:
    """Lines: ours, the reference, their ratio, what keeps ours from the floor."""
    device = torch.device(case.device)
    plan, _ = made(case)
    precision = choose_precision(case.device, plan.config.train.precision)
    operations = 3e9 * describe("tsfmicro", CLASSES, case.size).gflop * work_of(plan)
    rate, ours, parts = product_rate(device, precision), our_seconds(case), our_parts(case)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU"
    lines = [
        f"{name}, torch {torch.__version__}, {precision}; {len(plan.folds)} folds × {case.epochs} epochs, {case.clips} clips"
        f" of {case.people} people at {case.size}×{case.size}, {case.at_once} at once",
        f"arithmetic     {operations / 1e15:9.4f} PFLOP, {operations / rate:.1f} s at the {rate / 1e12:.3g} TFLOP/s of a"
        " large product here",
        f"ours           {ours:9.1f} s   {operations / ours / 1e12:.3g} TFLOP/s, {100 * operations / rate / ours:.0f} %"
        " of that floor",
    ]
    if reference:
        theirs = reference_seconds(case)
        lines += [
            f"straightforward{theirs:9.1f} s   scaled from one epoch of one fold",
            f"ratio          {theirs / ours:9.1f}×",
        ]
    shown = ", ".join(f"{part} {1e3 * spent:.1f} ms" for part, spent in parts.items())
    epochs = len(plan.folds) * case.epochs
    alone = epochs * (parts["steps"] + parts["evaluation"]) / case.at_once
    return [*lines, f"an epoch alone {shown}; {epochs} such epochs would take {alone:.1f} s"]


def main() -> None:
    if "--json" in sys.argv[1:]:
        program(rows)
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default=Case.device, help="cuda, or cpu to see that it runs")
    for name, of_what in {
        "folds": "people left out, one after the other",
        "epochs": "of each fold",
        "size": "edge of a face, pixels",
        "clips": "in all",
        "people": "they are of",
        "at-once": "folds trained at once, in processes",
    }.items():
        parser.add_argument(f"--{name}", type=int, default=getattr(Case, name.replace("-", "_")), help=of_what)
    parser.add_argument("--no-reference", action="store_true", help="ours alone")
    given = vars(parser.parse_args())
    reference = not given.pop("no_reference")
    case = Case(**given)
    if case.device.startswith("cuda") and not torch.cuda.is_available():
        sys.exit(
            "this benchmark needs a CUDA GPU; --device cpu with a small --size, --folds and --epochs shows that it runs."
        )
    print("\n".join(report(case, reference)))


if __name__ == "__main__":
    main()
