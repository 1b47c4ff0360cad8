"""`tsfmicro code convert`: codings from one program's format into another's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

code = typer.Typer(help="Codings of videos: ELAN, Praat, BORIS, Datavyu and others.", no_args_is_help=True)

FORMATS = "elan, praat, boris, datavyu, openface, megc or codes"


@code.command("convert")
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A coding's file, or a folder of them.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A file; or a folder, which gets a file for each video.")],
    to: Annotated[
        str | None,
        typer.Option("--as", metavar="FORMAT", help=f"What to write, where OUT's ending does not tell: {FORMATS}."),
    ] = None,
    of: Annotated[
        str | None, typer.Option("--from", metavar="FORMAT", help="What IN is, where its header does not tell.")
    ] = None,
    fps: Annotated[
        float | None, typer.Option(min=1, max=100_000, help="Frames per second, where IN does not tell them.")
    ] = None,
    video: Annotated[
        Path | None, typer.Option(help="The video that was coded: gives its frame rate and length.")
    ] = None,
) -> None:
    """Carry codings from one program to another, or into a project that can be trained on (--as codes)."""
    from tsfmicro.desk.convert import convert as do

    done = do(source, out, to, of, fps, video)
    for note in done.notes:
        print(f"note: {note}")
    print(f"{done.moments} moments written: {', '.join(map(str, done.files))}")
