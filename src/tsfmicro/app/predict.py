"""`tsfmicro predict`: what was shown in a video, in a pair of images, or in a folder of videos?"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsfmicro.app.arguments import AsJson, Level, Pdf, Spotter
from tsfmicro.errors import ConfigError

if TYPE_CHECKING:
    from tsfmicro.use.answers import Answer


def predict(
    model: Annotated[
        str,
        typer.Argument(
            help="A run's folder, a saved model's folder, an .onnx file, or 'demonstration' (drawn faces; not for people)."
        ),
    ],
    video: Annotated[
        Path, typer.Argument(metavar="VIDEO|ONSET", help="A video, a folder of videos, or the onset image.")
    ],
    apex: Annotated[
        Path | None, typer.Argument(metavar="APEX", help="The apex image, where the first is an onset.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Also write a page, tables and JSON here; needed for a folder.")
    ] = None,
    fold: Annotated[
        str | None, typer.Option(help="One fold of a run, instead of its final model or all folds.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Abstain where no emotion is as likely as this.")
    ] = 0.5,
    level: Level = 0.5,
    spotter: Spotter = "peaks",
    fps: Annotated[float | None, typer.Option(min=1, help="Frames per second of a folder of numbered images.")] = None,
    pdf: Pdf = False,
    as_json: AsJson = False,
) -> None:
    """Spot the moments in which a face moved, and name the emotion a trained model finds most likely."""
    from tsfmicro.app.screens import Screen, show_table
    from tsfmicro.use import paper
    from tsfmicro.use.batch import holds_videos, read_videos
    from tsfmicro.use.pages import moments_table, write_reading
    from tsfmicro.use.recognise import Recognizer
    from tsfmicro.use.spot import check_places

    if apex is not None and (out is not None or pdf or fps is not None):
        raise ConfigError(
            "--out, --pdf and --fps are for a video; of a pair of images the answer is printed. Leave them out."
        )
    if pdf:
        paper.check(None if holds_videos(video) else out)
    if fps is not None and holds_videos(video):
        raise ConfigError(
            f"--fps is of a folder of numbered images, and {video} holds videos, which say theirs. Leave it out."
        )
    check_places(out)
    recognizer = Recognizer.load(model, fold, threshold)
    if not as_json:
        print(recognizer.card.line)
    if apex is not None:
        answer = recognizer.images(video, apex)
        print(json.dumps(answer.to_dict(), indent=1) if as_json else _spelled(answer))
        return
    if holds_videos(video):
        if out is None:
            raise ConfigError(f"{video}: is a folder of videos. Say with --out where their results go.")
        with Screen() as screen:
            batch = read_videos(recognizer, video, out, screen, level, spotter)
        print(json.dumps(batch.to_dict(), indent=1) if as_json else "\n".join(batch.lines(out)))
        if batch.failed:
            sys.exit(1)
        return
    with Screen() as screen:
        reading = recognizer.video(video, screen, fps, level, spotter=spotter)
    if as_json:
        print(json.dumps(reading.to_dict(), indent=1))
    else:
        for line in (
            *(f"recording: {f.text}" for f in reading.spotting.fitness.findings),
            *(f"note: {n}" for n in reading.spotting.notes),
        ):
            print(line)
        if reading.moments:
            show_table(*moments_table(reading))
        else:
            print("no movement: nothing moved as an expression does")
    if out is not None:
        write_reading(reading, out, fps)
        if pdf:
            paper.report_to_pdf(out)
        if not as_json:
            print(f"look at {out / 'reading.html'}")


def _spelled(answer: Answer) -> str:
    if answer.still:
        return f"no movement: what differs is light, noise or compression ({answer.moved:.2f} % of the eyes' distance at most)"
    lines = [f"{name:12s} {p:4.0%}" for name, p in sorted(answer.probabilities.items(), key=lambda item: -item[1])]
    return "\n".join([*lines, str(answer)])
