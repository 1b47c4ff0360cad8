"""`tsfmicro reproduce`: does a finished run come out the same once more?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import AsJson, Cache, Data, Workers, roots
from tsfmicro.places import CACHE


def reproduce(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run; it is only read.")],
    data: Data,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where the repetition goes; by default beside the run. The same command goes on where it was stopped."
        ),
    ] = None,
    cache: Cache = CACHE,
    device: Annotated[
        str | None, typer.Option(help="auto, cpu, cuda or mps; by default the kind that the run was on.")
    ] = None,
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Do a finished run again, from its settings and the dataset, and say whether it is the same to the last bit, or where not."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.reading.reproduce import reproduce as do

    place = out or run.absolute().with_name(f"{run.absolute().name}-again")
    with Screen() as screen:
        found = do(run, roots(data), place, cache, device, workers, screen)
    print(json.dumps(found.to_dict(), indent=1) if as_json else "\n".join(found.lines()))
    if not found.equal:
        raise typer.Exit(1)
