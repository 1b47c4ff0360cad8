"""Where trainings run: what a run asks of machines, and this machine. Others are in machines/."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tsfmicro.run.environment import choose_device, choose_workers
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.task import Job, do_task, training_memory
from tsfmicro.run.watch import Task, Watch
from tsfmicro.workers import cores, spread


class Machines(Protocol):
    """What a run needs to know of the machines that train for it."""

    def choose_device(self, name: str) -> str:
        """The device of the trainings, asked before anything is prepared. Raises ConfigError: it cannot be had."""

    def threads(self, tasks: int) -> int:
        """Threads of each of so many trainings."""

    def train(self, job: Job, tasks: Sequence[Task], watch: Watch) -> None:
        """Do these trainings and keep their results in the run folder.

        Raises: TsfmicroError: something went wrong; what is finished is kept.
        """


@dataclass(frozen=True)
class Here:
    """This machine.

    Attributes:
        workers: trainings at once; by default as many as its cores, memory and GPU hold.
    """

    workers: int | None = None

    def choose_device(self, name: str) -> str:
        return choose_device(name)

    def threads(self, tasks: int) -> int:
        """One each, unless there are fewer trainings than cores."""
        return max(1, cores() // max(1, tasks))

    def train(self, job: Job, tasks: Sequence[Task], watch: Watch) -> None:
        train_here(job, tasks, self.workers or _as_many_as_fit(job, tasks), watch)


def _as_many_as_fit(job: Job, tasks: Sequence[Task]) -> int:
    plan = RunFolder.open(job.run).plan
    return choose_workers(job.device, len(tasks), training_memory(plan.config, len(plan.classes)))


def train_here(job: Job, tasks: Sequence[Task], workers: int, watch: Watch) -> None:
    """Do all trainings on this machine. What is finished is on disk, whatever happens to the rest.

    Raises: TsfmicroError: a worker died.
    """
    work = partial(do_task, job)
    with closing(spread(work, tasks, min(workers, len(tasks)), lambda report: watch.epoch(*report))) as finished:
        for _ in finished:
            pass
