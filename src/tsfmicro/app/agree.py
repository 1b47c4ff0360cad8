"""`tsfmicro agree`: do two coders, or a coder and a model, see the same?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import AsJson

SHOWN = 30  # disagreements on the screen; --out writes all


def agree(
    first: Annotated[Path, typer.Argument(metavar="CODER_A", help="A coding of any format, or a folder of them.")],
    second: Annotated[
        Path,
        typer.Argument(metavar="CODER_B", help="Another one of the same videos; what `spot --out` leaves is one, too."),
    ],
    coder_a: Annotated[
        str | None, typer.Option(metavar="NAME", help="Whose moments to take, where CODER_A has several coders'.")
    ] = None,
    coder_b: Annotated[str | None, typer.Option(metavar="NAME", help="The same of CODER_B.")] = None,
    fps: Annotated[
        float | None, typer.Option(min=1, max=100_000, help="Frames per second, where a file counts frames alone.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write every disagreement into a table.")] = None,
    as_json: AsJson = False,
) -> None:
    """Agreement on moments, action units, emotions, intensities and times, each with its interval, and what differs."""
    from tsfmicro.app.screens import show_table
    from tsfmicro.desk.agree import agree as do
    from tsfmicro.files import counted, write_whole

    found = do(first, second, (coder_a, coder_b), fps)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole(out, found.disagreements_csv())
    if as_json:
        print(json.dumps(found.to_dict(), indent=1))
        return
    print("\n".join(found.about()))
    show_table(*found.occurrence_table())
    if found.timing:
        show_table(*found.timing_table())
    print(found.intensity_line())
    headings, rows = found.disagreements_table()
    print(counted(len(rows), "disagreement") + (f", all in {out}" if out is not None else "") + (":" if rows else ""))
    if rows:
        show_table(headings, rows[:SHOWN])
    if len(rows) > SHOWN and out is None:
        print(f"… and {len(rows) - SHOWN} more; --out FILE.csv writes all")
