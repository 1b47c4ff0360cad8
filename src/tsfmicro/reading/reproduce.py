"""`tsfmicro reproduce`: a finished run, done once more from its folder and the dataset, and held against the first to the last bit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.errors import ConfigError, RunError
from tsfmicro.run.environment import settled_precision
from tsfmicro.run.experiment import run
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.here import Here
from tsfmicro.run.summary import summarise
from tsfmicro.run.watch import Task, Watch

_SHOWN = 3  # names in a line that could have many
_MACHINE = ("processor", "instructions", "system", "device", "precision", "threads", "python")


@dataclass(frozen=True)
class Apart:
    """A training that ended otherwise.

    Attributes:
        epoch: the first, from 1, whose logits differ; epochs: all there are.
        first, last: the largest difference of a logit in that epoch and in the last.
        answers: clips that the last epoch answers otherwise, of so many `clips`.
    """

    fold: str
    seed: int
    epoch: int
    epochs: int
    first: float
    last: float
    answers: int
    clips: int

    def line(self) -> str:
        """casme2-sub01, seed 0: from epoch 3 of 20 on, by up to 1.2e-07 there and 0.004 in the last; 1 of 9 clips answered otherwise"""
        return (
            f"{Task(self.fold, self.seed)}: from epoch {self.epoch} of {self.epochs} on, by up to {self.first:.2g} there and "
            f"{self.last:.2g} in the last; {self.answers} of {self.clips} clips answered otherwise"
        )


@dataclass(frozen=True)
class Reproduction:
    """A run beside its repetition.

    Attributes:
        run, again: their folders.
        trainings: how many were compared.
        apart: those that ended otherwise.
        plan: what differed before anything was trained: clips, labels, folds, prepared faces.
        machine: what is another machine's or version's, as 'torch 2.12, now 2.13'.
        scores: what either reached, a line each.
    """

    run: Path
    again: Path
    trainings: int
    apart: tuple[Apart, ...]
    plan: tuple[str, ...]
    machine: tuple[str, ...]
    scores: tuple[str, str]

    @property
    def equal(self) -> bool:
        """Whether both are the same to the last bit."""
        return not self.apart and not self.plan

    def lines(self) -> list[str]:
        """What differs, and the verdict."""
        lines = [f"other before anything was trained: {what}" for what in self.plan]
        lines += [one.line() for one in self.apart]
        lines += [f"other machine or version: {what}" for what in self.machine]
        if not self.equal:
            if not self.machine:
                lines.append("machine and versions are the same")
            lines += [f"then: {self.scores[0]}", f"now:  {self.scores[1]}"]
        verdict = (
            f"bit-equal: all logits of {self.trainings} trainings, in every epoch"
            if self.equal
            else f"not bit-equal: {len(self.apart)} of {self.trainings} trainings differ"
        )
        return [*lines, f"{self.run}: {verdict}"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"equal": self.equal, **asdict(self), "run": str(self.run), "again": str(self.again)}


@dataclass(frozen=True)
class AsThen(Here):
    """This machine, with as many threads for each training as the run had: their number decides the last bits."""

    count: int = 1

    def threads(self, tasks: int) -> int:
        return self.count


def reproduce(
    path: Path,
    roots: Mapping[str, Path],
    out: Path,
    cache: Path,
    device: str | None = None,
    workers: int | None = None,
    watch: Watch | None = None,
) -> Reproduction:
    """Do a finished run again, and compare. The same call goes on where it was stopped.

    Args:
        path: its folder, which is only read.
        roots: folder of each of its datasets.
        out: the folder of the repetition; what it holds already is not done again.
        cache: where prepared faces are kept; of the same clips they are taken as they are.
        device: 'auto', 'cpu', …; by default the CPU for a run on a CPU, else the best there is.
    Raises: RunError: the run is not finished, or is damaged; ConfigError: `out` is the run; and all that `run` raises.
    """
    folder = RunFolder.open(path)
    if out.exists() and out.samefile(path):
        raise ConfigError(f"{out}: is the run itself. Choose another --out.")
    if missing := folder.missing():
        raise RunError(
            f"{path}: {len(missing)} of {len(folder.plan.tasks)} trainings are not finished. Finish it with the command that began it."
        )
    device = device or ("cpu" if folder.environment.get("device") == "cpu" else "auto")
    here = AsThen(workers, int(folder.environment.get("threads", 1)))
    then, start = settled_precision(folder.environment, device), folder.plan.start
    run(folder.plan.config, roots, out, cache, device, workers, watch, machines=here, precision=then, start=start)
    return side_by_side(folder, RunFolder.open(out))


def side_by_side(folder: RunFolder, again: RunFolder) -> Reproduction:
    """A run and its repetition. Raises RunError: a training is missing or damaged."""
    same = {fold.name for fold in folder.plan.folds if fold in again.plan.folds}
    tasks = [task for task in folder.plan.tasks if task.fold in same]
    apart = [found for task in tasks if (found := _apart(folder, again, task))]
    return Reproduction(
        folder.path,
        again.path,
        len(tasks),
        tuple(apart),
        tuple(_plan(folder, again)),
        tuple(_machine(folder.environment, again.environment)),
        (summarise(folder).line(), summarise(again).line()),
    )


def _apart(folder: RunFolder, again: RunFolder, task: Task) -> Apart | None:
    was, now = (
        np.concatenate([outcome.test.values, outcome.val.values], axis=1)
        for outcome in (one.outcome(task) for one in (folder, again))
    )
    if was.shape != now.shape:
        raise RunError(
            f"{again.path}: {task}: has logits of shape {now.shape}, the run {was.shape}. Delete that folder."
        )
    same = [np.array_equal(a, b, equal_nan=True) for a, b in zip(was, now, strict=True)]
    if all(same):
        return None
    epoch = same.index(False)
    first, last = (float(np.abs(was[n].astype(np.float64) - now[n]).max()) for n in (epoch, -1))
    answered = [end > 0 if folder.plan.scheme.units else end.argmax(-1)[:, None] for end in (was[-1], now[-1])]
    answers = int((answered[0] != answered[1]).any(-1).sum())
    return Apart(task.fold, task.seed, epoch + 1, len(was), first, last, answers, was.shape[1])


def _plan(folder: RunFolder, again: RunFolder) -> Iterator[str]:
    was, now = folder.plan, again.plan
    for what, clips in (
        ("only then", was.labels.keys() - now.labels.keys()),
        ("only now", now.labels.keys() - was.labels.keys()),
        ("with another label", {c for c in was.labels.keys() & now.labels.keys() if was.labels[c] != now.labels[c]}),
    ):
        if clips:
            yield f"{len(clips)} clips {what} ({_some(clips)})"
    if folds := {fold.name for fold in (*was.folds, *now.folds) if fold not in was.folds or fold not in now.folds}:
        yield f"{len(folds)} folds have other people or clips, and are not compared ({_some(folds)})"
    if was.prepared != now.prepared:
        yield "the prepared faces (other images or clips, or prepared by another version)"


def _some(names: set[str]) -> str:
    return ", ".join(sorted(names)[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _machine(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What one of the two versions does not write down is not compared."""
    for what in _MACHINE:
        if what in was and was[what] != now.get(what):
            yield f"{what} {was[what]}, now {now.get(what)}"
    packages, ours = was.get("packages", {}), now.get("packages", {})
    for name in packages:
        if name in ours and packages[name] != ours[name]:
            yield f"{name} {packages[name]}, now {ours[name]}"
