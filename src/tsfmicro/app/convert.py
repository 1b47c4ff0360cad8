"""tsfmicro convert: a released checkpoint as a saved model, or as a start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.errors import ConfigError

SHOWN = 3  # of the names that begin new


def convert(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `tsfmicro models`.")],
    weights: Annotated[
        list[Path],
        typer.Argument(
            metavar="WEIGHTS",
            help="The released .pth, .pt or .safetensors file; several where a program keeps its parts apart.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The saved model.")],
    classes: Annotated[
        str, typer.Option(help="Class names in the order of its outputs: negative,positive,surprise.")
    ] = "",
    size: Annotated[int | None, typer.Option(help="Edge of its images; by default the published one.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the model; may be repeated.")
    ] = None,
    start: Annotated[
        bool,
        typer.Option(
            "--start",
            help="For train.start=FOLDER, not for answers: what the files do not hold begins new. Needs --seen.",
        ),
    ] = False,
    seen: Annotated[
        str,
        typer.Option(help="Whom or which datasets a start's weights learned from: casme3,casme2/sub04 or imagenet."),
    ] = "",
) -> None:
    """Read a released program's checkpoint, safely, into a folder that `predict` and `export` take, or that a run starts with."""
    from tsfmicro.config import parse_override
    from tsfmicro.use.convert import convert as do

    if seen and not start:
        raise ConfigError("--seen says whom a start has seen. Give --start too, or leave it out.")
    options = dict(parse_override(one, "--option", "key=value, e.g. depth=2") for one in option or [])
    done = do(name, weights, out, _names(classes), size, _names(seen) if start else None, **options)
    model, new = done.model, done.new
    said = f"{len(model.classes)} classes" if model.classes else f"a start: train with --set train.start={out}"
    print(f"{out}: {name}, {sum(p.numel() for p in model.parameters()):,} parameters, {said}")
    if new:
        more = f", and {len(new) - SHOWN} more" * (len(new) > SHOWN)
        print(f"{len(new)} of {len(model.state_dict())} begin new: {', '.join(new[:SHOWN])}{more}")
    for one in done.strange:
        print(f"{one} is no dataset here: kept on the card, and no run looks for its people")


def _names(listed: str) -> list[str]:
    return [name for one in listed.split(",") if (name := one.strip())]
