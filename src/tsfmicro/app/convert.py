"""tsfmicro convert: a released checkpoint as a saved model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def convert(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name from `tsfmicro models`.")],
    weights: Annotated[Path, typer.Argument(metavar="WEIGHTS", help="The released .pth, .pt or .safetensors file.")],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The saved model.")],
    classes: Annotated[str, typer.Option(help="Class names in the order of its outputs: negative,positive,surprise.")],
    size: Annotated[int | None, typer.Option(help="Edge of its images; by default the published one.")] = None,
    option: Annotated[
        list[str] | None, typer.Option("--option", metavar="KEY=VALUE", help="An option of the model; may be repeated.")
    ] = None,
) -> None:
    """Read a released program's checkpoint, safely, into a folder that `predict` and `export` take."""
    from tsfmicro.config import parse_override
    from tsfmicro.use.convert import convert as do

    options = dict(parse_override(one, "--option", "key=value, e.g. depth=2") for one in option or [])
    model = do(name, weights, out, [one.strip() for one in classes.split(",") if one.strip()], size, **options)
    print(f"{out}: {name}, {sum(p.numel() for p in model.parameters()):,} parameters, {len(model.classes)} classes")
