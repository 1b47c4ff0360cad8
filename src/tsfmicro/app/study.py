"""tsfmicro study: many runs from one file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import (
    Address,
    Cache,
    Data,
    Device,
    GpusPerTraining,
    Machines,
    Set,
    Shuffled,
    Slurm,
    Workers,
    roots,
)
from tsfmicro.errors import RunError
from tsfmicro.places import CACHE


def study(
    study: Annotated[
        str,
        typer.Argument(metavar="STUDY", help="A YAML file, or the name of a shipped study (see `tsfmicro configs`)."),
    ],
    data: Data,
    out: Annotated[Path, typer.Option(help="The study's folder; the same command goes on where it was stopped.")],
    only: Annotated[
        list[str] | None, typer.Option(metavar="PATTERN", help="Train only runs of such names, e.g. 'casme2-*'.")
    ] = None,
    set: Set = None,
    rule: Annotated[str, typer.Option(help="Which epoch counts: last, inner, oracle, released, or all.")] = "last",
    cache: Cache = CACHE,
    device: Device = "auto",
    workers: Workers = None,
    shuffled: Shuffled = False,
    machines: Machines = "here",
    address: Address = None,
    gpus_per_training: GpusPerTraining = None,
    slurm: Slurm = None,
) -> None:
    """Train and score a grid of runs, each in a folder of its own, and print one table of them."""
    from tsfmicro.app.screens import Screen, show_table
    from tsfmicro.config import parse_override
    from tsfmicro.machines.named import machines as machines_named
    from tsfmicro.study.study import study as do

    overrides = dict(parse_override(text) for text in set or [])
    folders, where = roots(data), machines_named(machines, workers, address, gpus_per_training, slurm or ())
    with Screen() as screen:
        table = do(
            study,
            folders,
            out,
            cache,
            overrides,
            only or [],
            rule,
            device,
            workers,
            screen,
            shuffled,
            where,
        )
    show_table(*table.table())
    print(f"more: {out / 'table.csv'} and {out / 'table.json'}; each run has its folder in {out}")
    if table.failed:
        reasons = "; ".join(f"{row.member.name}: {row.problem.rstrip('.')}" for row in table.failed)
        raise RunError(
            f"{len(table.failed)} of {len(table.rows)} runs failed: {reasons}. The same command goes on with them."
        )
