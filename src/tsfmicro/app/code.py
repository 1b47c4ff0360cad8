"""`tsfmicro code`: codings from one program's format into another's, and reports of a project to print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import Pdf

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


@code.command("report")
def report(
    project: Annotated[Path, typer.Argument(help="A project of `tsfmicro web --project`.")],
    out: Annotated[Path, typer.Option(help="The folder for the reports.")],
    person: Annotated[
        list[str] | None, typer.Option(help="Of this person, in all their videos; may be repeated.")
    ] = None,
    video: Annotated[list[str] | None, typer.Option(help="Of this video; may be repeated.")] = None,
    pdf: Pdf = False,
) -> None:
    """Reports to print, of people and videos of a coded project; without --person and --video, of all of them."""
    from tsfmicro.desk.report import open_reports
    from tsfmicro.use import paper

    if pdf:
        paper.browser()
    with open_reports(project) as reports:
        files = reports.write(out, person or (), video or ())
    if pdf:
        files = [*files, *(paper.to_pdf(file, file.with_suffix(".pdf")) for file in files)]
    print("written: " + ", ".join(map(str, files)))
