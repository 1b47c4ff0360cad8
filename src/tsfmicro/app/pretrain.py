"""`tsfmicro pretrain`: a model learns from drawn people, to be a start for others."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import Device, Set


def pretrain(
    config: Annotated[
        str, typer.Argument(help="A YAML file, or the name of a shipped pretraining (see `tsfmicro configs`).")
    ],
    out: Annotated[Path, typer.Option(help="The start's folder; the same command goes on where it was stopped.")],
    pairs: Annotated[int | None, typer.Option(min=1, help="Drawn pairs to learn from, instead of learn.pairs.")] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0.01, help="About how long, instead: the first blocks tell how many pairs that is."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Draws other people; never that of people who are tested.")
    ] = None,
    set: Set = None,
    device: Device = "auto",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that draw. Default: one for each core.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep what was drawn, in blocks/.")] = False,
) -> None:
    """Let a model learn from people who never lived, as they are drawn. What comes of it is for `train.start`."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.errors import ConfigError
    from tsfmicro.pretrain.pretrain import pretrain as do
    from tsfmicro.pretrain.settings import settings

    if pairs is not None and minutes is not None:
        raise ConfigError("--pairs and --minutes say two things. Give one of them.")
    asked = {"learn.pairs": pairs, "draw.seed": seed}
    chosen = settings(config, set or [], {key: value for key, value in asked.items() if value is not None})
    with Screen() as screen:
        done = do(chosen, out, minutes, device, workers, keep, screen)
    print(f"begin a run with it: --set train.start={out}")
    print(done.line())
