"""`tsfmicro spot`: when the faces in a video moved. And `tsfmicro data synth-video`: videos to try it on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tsfmicro.app.arguments import AsJson, Level, Pdf, Spotter, Workers
from tsfmicro.errors import ConfigError
from tsfmicro.files import counted

if TYPE_CHECKING:
    from tsfmicro.use.spot import Rest, Spotting


def spot(
    video: Annotated[Path, typer.Argument(help="A video, or a folder of numbered images (then with --fps).")],
    out: Annotated[Path | None, typer.Option(help="Write a picture, tables and JSON into this folder.")] = None,
    fps: Annotated[float | None, typer.Option(min=1, help="Frames per second of a folder of images.")] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write vid,onset,offset,type here, as the grand challenges want it; other videos' rows are kept.",
        ),
    ] = None,
    first_frame: Annotated[
        int | None,
        typer.Option(help="Number of the first frame in that file. Default: that of the first image; 0 for a video."),
    ] = None,
    level: Level = 0.5,
    spotter: Spotter = "peaks",
    rest: Annotated[
        str,
        typer.Option(
            metavar="FROM-TO|FOLDER",
            help="Seconds in which the faces rest, e.g. 0-5; or the --out of another video of the same person, whose rest is "
            "theirs here too. Default: the first seconds where they are quiet, else the quietest.",
        ),
    ] = "",
    pdf: Pdf = False,
    as_json: AsJson = False,
) -> None:
    """Find micro- and macro-expressions in a video: onset, apex, offset, and which part of the face moved."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.use import paper
    from tsfmicro.use import spot as spotting

    if pdf:
        paper.check(out)
    spotting.check_places(out, csv)
    resting = _resting(rest, spotting.rest_from) if rest else None
    with Screen() as screen:
        found = spotting.spot(video, screen, fps, level=level, rest=resting, spotter=spotter)
    if as_json:
        print(json.dumps(found.to_dict(), indent=1))
    else:
        _show(found)
    tell = (lambda line: None) if as_json else print
    if csv is not None:
        spotting.add_to_listing(found, csv, first_frame)
        tell(f"written: {csv}")
    if out is not None:
        files = spotting.save(found, out)
        if pdf:
            files.append(paper.report_to_pdf(out))
        tell(f"written into {out}: {', '.join(file.name for file in files)}")
        tell(f"look at {out / 'report.html'}")


def _resting(text: str, rest_from: Callable[[Path], Rest]) -> tuple[float, float] | Rest:
    """Raises ConfigError: it is neither FROM-TO nor what was left of another video."""
    try:
        begin, end = map(float, text.split("-"))
    except ValueError:
        return rest_from(Path(text))
    if not begin < end < float("inf"):
        raise ConfigError(f"--rest {text}: give seconds, from and to, e.g. --rest 0-5.")
    return begin, end


def synth_video(
    out: Annotated[Path, typer.Argument(help="A new folder.")],
    people: Annotated[int, typer.Option(min=1, help="Videos, each of another person.")] = 2,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Length of each.")] = 20,
    fps: Annotated[int, typer.Option(min=25, max=500, help="Frames per second.")] = 100,
    width: Annotated[int, typer.Option(min=160, max=640, help="Of a frame, pixels.")] = 640,
    hard: Annotated[
        bool, typer.Option(help="With hands, turns, speech, chewing, glances, shakes, compression …: no expressions.")
    ] = False,
    expressions: Annotated[bool, typer.Option(help="With --hard: whether there are expressions besides.")] = True,
    seed: Annotated[int, typer.Option(help="Another seed draws other people.")] = 0,
    workers: Workers = None,
) -> None:
    """Draw videos of people who never lived, with expressions, blinks and head movement, and the truth in truth.csv."""
    from tsfmicro.app.screens import Screen
    from tsfmicro.study.demo import draw_films

    if not (hard or expressions):
        raise ConfigError("--no-expressions belongs to --hard. Give both, or neither.")
    with Screen() as screen:
        draw_films(out, people, seconds, seed, fps, width, workers, screen, hard, expressions)
    print(f"{counted(people, 'video')} and truth.csv in {out}. Spot them: tsfmicro spot {out / 'sub01.avi'}")


def _show(found: Spotting) -> None:
    from tsfmicro.app.screens import show_table

    v, several = found.video, len(found.tracks) > 1
    faces, blinks = counted(len(found.tracks), "face"), counted(len(found.blinks), "blink")
    print(f"{v.frames} frames, {v.seconds:.2f} s at {v.fps:.4g} frames per second, {faces}, {blinks}")
    for finding in found.fitness.findings:
        print(f"recording: {finding.text}")
    for note in found.notes:
        print(f"note: {note}")
    for r in found.rests:
        whose = f"face {r.track}" if several else "the face"
        where = f" in {r.video}" if r.video else ""
        print(f"{r.onset_s:.2f} to {r.offset_s:.2f} s{where}: {whose} rests, moving by {r.moved:.2f} %")
    for mark in found.marks:
        whose = f"face {mark.track}, " if several else ""
        print(f"{v.times[mark.onset]:.2f} to {v.times[mark.offset]:.2f} s: {whose}{mark.what}")
    print(_expected(found))
    if not found.expressions:
        print("no expression found: nothing moved as an expression does")
        return
    headings = ["kind", "onset s", "apex s", "offset s", "frames", "region", "moved %", "confidence"]
    rows = [
        [e.kind, f"{e.onset_s:.3f}", f"{e.apex_s:.3f}", f"{e.offset_s:.3f}", f"{e.onset}–{e.apex}–{e.offset}",
         e.region, f"{e.motion:.2f}", f"{e.confidence:.2f}"]
        for e in found.expressions
    ]  # fmt: skip
    if any(e.doubt for e in found.expressions):
        headings = [*headings, "doubt"]
        rows = [[*row, e.doubt] for e, row in zip(found.expressions, rows, strict=True)]
    if several:
        headings = ["face", *headings]
        rows = [[str(e.track), *row] for e, row in zip(found.expressions, rows, strict=True)]
    show_table(headings, rows)
    print("left and right are those of the picture; moved: per cent of the distance between the eyes")


def _expected(found: Spotting) -> str:
    rates = " and ".join(f"{rate:.1f} {kind}" for kind, rate in found.false_alarms.items())
    return (
        f"level {found.level:g}, spotter {found.spotter}: on drawn films of other people {rates} false alarms a minute"
    )
