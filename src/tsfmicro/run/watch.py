"""Who looks on while a run works. Every method does nothing here; the command line draws bars instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One training: a fold and a seed, with the true labels or, as a floor, with shuffled ones."""

    fold: str
    seed: int
    shuffled: bool = False

    def __str__(self) -> str:
        return f"{self.fold}, seed {self.seed}" + (", shuffled labels" if self.shuffled else "")


class Watch:
    """Called from the process that runs the job, never from its workers."""

    def note(self, text: str) -> None:
        """Something the user should read, e.g. which clips were skipped."""

    def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
        """A stage such as 'drawing faces' or 'preparing clips' went on."""

    def training(self, total: int, finished: int) -> None:
        """Trainings are about to start: so many in all, of which so many are finished. Each run of a study says so again."""

    def epoch(self, task: Task, epoch: int, epochs: int, loss: float) -> None:
        """A training finished an epoch."""
