"""Where trainings run: in this process, or in several on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from tsfmicro.run.task import Job, train_task
from tsfmicro.run.watch import Task, Watch
from tsfmicro.workers import spread

Report = tuple[Task, int, int, float]


def train_here(job: Job, tasks: Sequence[Task], workers: int, watch: Watch) -> None:
    """Do all trainings on this machine. What is finished is on disk, whatever happens to the rest.

    Raises: TsfmicroError: a worker died.
    """
    work = partial(_train, job)
    with closing(spread(work, tasks, min(workers, len(tasks)), lambda report: watch.epoch(*report))) as finished:
        for _ in finished:
            pass


def _train(job: Job, task: Task, tell: Callable[[Report], None]) -> None:
    train_task(job, task, lambda epoch, epochs, loss: tell((task, epoch, epochs, loss)))
