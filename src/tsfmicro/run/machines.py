"""Where trainings run: on this machine, on a Ray cluster, or as SLURM jobs. The result is the same to the last bit."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.run.environment import choose_device, choose_workers
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.task import Job, do_group, training_memory
from tsfmicro.run.watch import Group, Watch
from tsfmicro.workers import spread


class Machines(Protocol):
    """What a run needs to know of the machines that train for it."""

    def choose_device(self, name: str) -> str:
        """The device of the trainings, asked before anything is prepared. Raises ConfigError: it cannot be had."""

    def train(self, job: Job, groups: Sequence[Group], watch: Watch) -> None:
        """Train these groups and keep their results in the run folder.

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

    def train(self, job: Job, groups: Sequence[Group], watch: Watch) -> None:
        plan = RunFolder.open(job.run).plan
        memory = training_memory(plan.config, len(plan.classes))
        train_here(job, groups, self.workers or choose_workers(job.device, len(groups), memory), watch)


def train_here(job: Job, groups: Sequence[Group], workers: int, watch: Watch) -> None:
    """Do all trainings on this machine. What is finished is on disk, whatever happens to the rest.

    Raises: TsfmicroError: a worker died.
    """
    work = partial(do_group, job)
    with closing(spread(work, groups, min(workers, len(groups)), lambda report: watch.epoch(*report))) as finished:
        for _ in finished:
            pass


def machines(
    name: str = "here",
    workers: int | None = None,
    address: str | None = None,
    gpus: float | None = None,
    slurm: Sequence[str] = (),
) -> Machines:
    """The machines of that name.

    Args:
        name: 'here', 'ray' or 'slurm'.
        workers: trainings at once.
        address: of a Ray cluster. gpus: part of a GPU that one training takes there.
        slurm: 'KEY=VALUE' options of sbatch.
    Raises: UnknownNameError; ConfigError: an option of other machines, or one that cannot work.
    """
    if name not in ("here", "ray", "slurm"):
        raise UnknownNameError("kind of machines", name, ("here", "ray", "slurm"))
    given = {"--address": ("ray", address), "--gpus-per-training": ("ray", gpus), "--slurm": ("slurm", slurm or None)}
    for option, (theirs, value) in given.items():
        if value is not None and name != theirs:
            raise ConfigError(f"{option} goes with --machines {theirs}, not with {name}.")
    if name == "ray":
        from tsfmicro.run.on_ray import OnRay

        return OnRay(address, workers=workers) if gpus is None else OnRay(address, gpus, workers)
    if name == "slurm":
        from tsfmicro.run.on_slurm import OnSlurm

        return OnSlurm.of(slurm, workers)
    return Here(workers)
