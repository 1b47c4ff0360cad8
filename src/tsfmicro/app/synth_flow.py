"""`tsfmicro data synth-flow`: flow maps to try the composite on, without anybody's data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def synth_flow(
    out: Annotated[Path, typer.Argument(help="A new folder, in the layout of STSTNet's flow maps.")],
    people: Annotated[
        int | None, typer.Option(min=1, help="People of each dataset. Default: all 68, with the 442 clips of MEGC2019.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other people.")] = 0,
) -> None:
    """Draw flow maps of people who never lived, as many as MEGC2019 has of each dataset and class."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.study.demo import draw_flow_maps

    with Screen() as screen:
        draw_flow_maps(out, people, seed, screen)
    print(f"flow maps in {out}. Use them: tsfmicro run megc2019-ststnet --data flow-maps={out} --out run")
