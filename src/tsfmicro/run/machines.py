"""Where trainings run: in this process, or in several on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial

from tsfmicro.run.task import Job, do_group
from tsfmicro.run.watch import Group, Watch
from tsfmicro.workers import spread


def train_here(job: Job, groups: Sequence[Group], workers: int, watch: Watch) -> None:
    """Do all trainings on this machine. What is finished is on disk, whatever happens to the rest.

    Raises: TsfmicroError: a worker died.
    """
    work = partial(do_group, job)
    with closing(spread(work, groups, min(workers, len(groups)), lambda report: watch.epoch(*report))) as finished:
        for _ in finished:
            pass
