"""tsfmicro bench: speed against references, as one table."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def bench(
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Run this benchmark only; may be given several times.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Measure speed against straightforward programs, in some minutes; needs a checkout. A larger ratio is better."""
    from tsfmicro.about.bench import bench as do
    from tsfmicro.app.screens import Screen, show_table

    with Screen() as screen:
        found = do(only or [], screen)
    if as_json:
        print(json.dumps(found.to_dict(), indent=1))
    else:
        show_table(*found.table())
        print(found.machine())
        for name, why in found.failed:
            print(f"could not be measured: {name}: {why}")
    if found.failed:
        raise typer.Exit(1)
