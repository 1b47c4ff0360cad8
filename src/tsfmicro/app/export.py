"""tsfmicro export: a trained model as one ONNX file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A saved model's folder, a run, or RUN/folds/FOLD/seed-N.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.onnx", help="The file to write.")],
    fold: Annotated[str | None, typer.Option(help="Of a run: the model of this fold, not the final one.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of a run's fold: which seed. Default: the first.")] = None,
    int8: Annotated[
        Path | None,
        typer.Option(
            metavar="PREPARED",
            help="Linears in eight bits, faster in OpenVINO; the folder of prepared faces (`tsfmicro prepare` prints it) says how "
            "large values become.",
        ),
    ] = None,
) -> None:
    """Write a trained model as an ONNX file that onnxruntime and OpenVINO run faster than torch does."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.use.export import export_trained

    with Screen() as screen:
        exported = export_trained(model, out, fold, seed, int8, screen)
    print("\n".join(exported.lines()))
