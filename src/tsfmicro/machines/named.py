"""The machines by name: this one, a Ray cluster, or SLURM jobs. The result is the same to the last bit."""

from __future__ import annotations

from collections.abc import Sequence

from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.run.here import Here, Machines


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
        from tsfmicro.machines.on_ray import OnRay

        return OnRay(address, workers=workers) if gpus is None else OnRay(address, gpus, workers)
    if name == "slurm":
        from tsfmicro.machines.on_slurm import OnSlurm

        return OnSlurm.of(slurm, workers)
    return Here(workers)
