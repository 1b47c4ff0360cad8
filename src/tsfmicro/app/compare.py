"""`tsfmicro compare`: is one run better than another, or than a floor?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import AsJson

SHOWN = 30  # clips on the screen; --json lists all


def compare(
    run: Annotated[Path, typer.Argument(metavar="RUN_A", help="A run folder.")],
    other: Annotated[
        str,
        typer.Argument(
            metavar="RUN_B", help="Another one, or a floor of RUN_A: linear, majority, shuffled-linear, shuffled."
        ),
    ],
    rule: Annotated[str, typer.Option(help="Which epoch counts: last or inner.")] = "last",
    as_json: AsJson = False,
) -> None:
    """Whether RUN_A is better than RUN_B: a paired test over people, and the clips on which they differ."""
    from tsfmicro.app.screens import show_table
    from tsfmicro.reading.compare import compare as do

    found = do(run, other, rule)
    if as_json:
        print(json.dumps(found.to_dict(), indent=1))
        return
    print("\n".join(found.about()))
    show_table(*found.table())
    if found.clips:
        headings, rows = found.clips_table()
        print(f"they differ on {len(rows)} clips:")
        show_table(headings, rows[:SHOWN])
        if len(rows) > SHOWN:
            print(f"… and {len(rows) - SHOWN} more; --json lists all")
    print(found.headline())
