"""`tsfmicro spot-score` and `tsfmicro spot-dataset`: how well expressions are spotted, as the grand challenges measure it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsfmicro.app.arguments import AsJson, Workers, roots
from tsfmicro.errors import ConfigError

if TYPE_CHECKING:
    from tsfmicro.use.spot_score import SpotMeasure


def spot_score(
    found: Annotated[
        Path, typer.Argument(help="What was spotted: vid,onset,offset,type, or subject,video,onset,offset,emotion.")
    ],
    truth: Annotated[Path | None, typer.Argument(metavar="[TRUTH]", help="What is true, in either form.")] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="NAME=FOLDER", help="Instead of TRUTH: casme-squared, samm-lv or casme3, and its folder."),
    ] = None,
    shift: Annotated[
        int, typer.Option(help="Is added to FOUND's frame numbers: 1 where it counts from 0 and the truth from 1.")
    ] = 0,
    found_fps: Annotated[
        float | None, typer.Option(min=1, help="Frames per second that FOUND is numbered at, where the truth's differ.")
    ] = None,
    truth_fps: Annotated[float | None, typer.Option(min=1, help="… and those of the truth.")] = None,
    as_json: AsJson = False,
) -> None:
    """Score spotted expressions: F1 of micro, macro and both where half overlaps, and STRS where emotions are named."""
    from tsfmicro.use.spot_score import score_files

    scored = score_files(found, _truth(truth, data), shift, found_fps, truth_fps)
    print(json.dumps(scored.to_dict(), indent=1)) if as_json else _show(scored)


def spot_dataset(
    name: Annotated[str, typer.Argument(help="casme-squared, samm-lv or casme3.")],
    folder: Annotated[Path, typer.Argument(help="The dataset's folder, with its long videos.")],
    out: Annotated[Path, typer.Option(help="Where results go; the same command goes on there where it was stopped.")],
    workers: Workers = None,
    as_json: AsJson = False,
) -> None:
    """Spot every long video of a dataset and score it; thresholds are chosen leaving one person out."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.use.spot_dataset import spot_dataset as do

    with Screen() as screen:
        spotted = do(name, folder, out, workers, screen)
    if as_json:
        print(json.dumps(spotted.to_dict(), indent=1))
        return
    _show(spotted.measure)
    print("thresholds: of each person, the best on all other people's videos (thresholds.csv)")
    print("written: " + ", ".join(str(out / file) for file in ("scores.json", "found.csv", "truth.csv")))


def _truth(file: Path | None, data: str | None) -> Path | tuple[str, Path]:
    if (file is None) == (data is None):
        raise ConfigError("spot-score: give the truth once, as a file or as --data NAME=FOLDER.")
    if file is not None:
        return file
    return roots([str(data)]).popitem()


def _show(scored: SpotMeasure) -> None:
    from tsfmicro.app.screens import show_table

    show_table(*scored.table())
    print("\n".join(scored.lines()))
