"""`tsfmicro matrix`: what datasets teach about each other."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import (
    Address,
    Cache,
    Config,
    Data,
    Device,
    GpusPerTraining,
    Machines,
    Set,
    Slurm,
    Workers,
    roots,
)
from tsfmicro.errors import RunError
from tsfmicro.places import CACHE


def matrix(
    config: Config,
    data: Data,
    out: Annotated[Path, typer.Option(help="A study's folder; the same command goes on where it was stopped.")],
    set: Set = None,
    within: Annotated[
        bool,
        typer.Option(help="Also leave out each person of each dataset: the diagonal, which others are compared with."),
    ] = True,
    rule: Annotated[str, typer.Option(help="Which epoch counts: last or inner.")] = "last",
    cache: Cache = CACHE,
    device: Device = "auto",
    workers: Workers = None,
    machines: Machines = "here",
    address: Address = None,
    gpus_per_training: GpusPerTraining = None,
    slurm: Slurm = None,
) -> None:
    """Train on each of several datasets and test on each other one: a matrix of UF1, as table and picture."""
    from tsfmicro.app.screens import Screen, show_table
    from tsfmicro.machines.named import machines as machines_named
    from tsfmicro.study import shipped
    from tsfmicro.study.matrix import matrix as do

    settings = shipped.config(config, set or [])
    where = machines_named(machines, workers, address, gpus_per_training, slurm or ())
    with Screen() as screen:
        found = do(settings, roots(data), out, cache, within, rule, device, workers, screen, where)
    show_table(*found.cells())
    for note in found.notes():
        print(note)
    print(f"more: {', '.join(str(out / name) for name in ('matrix.png', 'matrix.md', 'table.csv'))}")
    if found.table.failed:
        reasons = "; ".join(f"{row.member.name}: {row.problem.rstrip('.')}" for row in found.table.failed)
        raise RunError(f"{len(found.table.failed)} runs failed: {reasons}. The same command goes on with them.")
