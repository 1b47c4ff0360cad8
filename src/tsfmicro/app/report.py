"""`tsfmicro report`: the paper's tables and figures, for any runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import Device
from tsfmicro.places import CACHE, VARIABLE, cache_folder


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN…", help="Run folders, of any datasets and models, or a study's folder.")
    ],
    out: Annotated[Path, typer.Option(help="Where index.html, tables and figures go.")],
    cache: Annotated[
        Path,
        typer.Option(
            envvar=VARIABLE,
            help="Where prepared faces are kept; a folder `cache` beside a run is found anyhow.",
            show_default="where `tsfmicro doctor` says",
            callback=cache_folder,
        ),
    ] = CACHE,
    maps: Annotated[bool, typer.Option(help="Work out heat maps (Grad-CAM), once per run; needs captum.")] = True,
    faces: Annotated[
        bool, typer.Option(help="Put faces into figures and the page; a report without them can be passed on.")
    ] = True,
    device: Device = "auto",
) -> None:
    """One page (index.html), with Tables 3–8 and Figures 3–7 of the paper for these runs, and every clip to look at."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.reading.report import report as do

    with Screen() as screen:
        done = do(runs, out, cache, maps, device, screen, faces)
    for file in done.files:
        print(file)
    if done.notes:
        print("not there, or to be known:")
        print("\n".join(f"  {note}" for note in done.notes))
    print(f"{len(done.files)} files in {done.seconds:.0f} s; look at {out / 'index.html'}")
