"""What `predict` leaves on disk and shows: a page, tables and JSON of one video."""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np

from tsfmicro.card import DEMONSTRATION
from tsfmicro.columns import heads, write_codebook
from tsfmicro.errors import RunError
from tsfmicro.files import csv_text, write_whole
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.prepare.images import read_image
from tsfmicro.report.moments import Track, page, pictures
from tsfmicro.report.printed import made, printed
from tsfmicro.report.replay import animated, chosen
from tsfmicro.run.watch import Watch
from tsfmicro.spot.figure import SHOWN, draw_spotting
from tsfmicro.spot.types import Spotting
from tsfmicro.spot.video import open_video
from tsfmicro.use.answers import Moment, Reading
from tsfmicro.use.batch import moment_columns, moment_row
from tsfmicro.use.spot import save

REPLAYS = 24  # moments of a video that are shown once more, slowly: the surest
REPLAY_EDGE = 192  # pixels


def write_reading(reading: Reading, out: Path, fps: float | None = None) -> list[Path]:
    """Write reading.html, reading.json, moments.csv, and what spotting leaves.

    Args: fps: of a folder of images.
    Returns: the files. Raises: RunError: they cannot be written.
    """
    spotted = save(reading.spotting, out, reading.to_dict())
    files = [out / name for name in ("reading.html", "reading.json", "moments.csv")]
    try:
        write_whole(files[0], as_page(reading, fps))
        write_whole(files[1], as_json(reading))
        write_whole(files[2], as_csv(reading))
        files.append(write_codebook(files[2], moment_columns(reading.classes)))
    except OSError as error:
        raise RunError(
            f"{error.filename or out}: cannot be written ({error.strerror}). Choose another --out."
        ) from None
    return files + spotted


def as_page(reading: Reading, fps: float | None = None, watch: Watch | None = None) -> str:
    """One HTML file. The video is read once more, for the replays; then it may be deleted."""
    shown = [pictures_of(moment) for moment in reading.moments]
    return page(reading.to_dict(), shown, tracks(reading.spotting), replays(reading, fps, watch or Watch()))


def as_report(reading: Reading) -> str:
    """The report to print, one HTML file. The video need not be there any more."""
    shown = {m.expression: m.answer.faces for m in reading.moments if m.answer and m.answer.faces.size}
    surest = dict(sorted(shown.items(), key=lambda item: -item[0].confidence)[:SHOWN])
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "spotting.png"
        draw_spotting(reading.spotting, surest, picture)
        return printed(reading.to_dict(), picture.read_bytes(), made())


def tracks(spotting: Spotting) -> list[Track]:
    """How far the most moved region of each face is from where it rests."""
    found = []
    for number in spotting.tracks:
        of_face = [(s, c) for s, c in zip(spotting.segments, spotting.curves, strict=True) if s.track == number]
        seconds = np.concatenate([spotting.video.times[s.frames] for s, _ in of_face])
        found.append(Track(number, seconds, np.concatenate([curve.max(1) for _, curve in of_face])))
    return found


def replays(reading: Reading, fps: float | None, watch: Watch) -> list[bytes | None]:
    """An animated WebP of each moment, the head held still; None of all but the surest, which keeps the page small."""
    spotting, moments = reading.spotting, reading.moments
    surest = sorted(range(len(moments)), key=lambda n: -moments[n].expression.confidence)[:REPLAYS]
    wanted: dict[int, list[int]] = defaultdict(list)
    for n in surest:
        for number in chosen(moments[n].expression.onset, moments[n].expression.offset):
            wanted[number].append(n)
    faces: dict[int, list[np.ndarray]] = defaultdict(list)
    made: list[bytes | None] = [None] * len(moments)
    if not moments:
        return made
    for number, image in open_video(spotting.video.path, read_image, fps).pick(wanted):
        for n in wanted[number]:
            expression = moments[n].expression
            landmarks = spotting.segment_of(expression).landmarks_at(number)
            faces[n].append(crop(image, to_template(landmarks, REPLAY_EDGE), REPLAY_EDGE))
            numbers = chosen(expression.onset, expression.offset)
            if number == numbers[-1]:
                made[n] = animated(np.stack(faces.pop(n)), spotting.video.times[numbers])
        watch.progress("making replays", number + 1, max(wanted) + 1)
    return made


def as_json(reading: Reading) -> str:
    """Everything that was found, for programs."""
    return json.dumps(reading.to_dict(), indent=1)


def as_csv(reading: Reading) -> str:
    """A row for each moment."""
    rows = [moment_row(moment.to_dict(), reading.classes, reading.model) for moment in reading.moments]
    return csv_text(heads(moment_columns(reading.classes)), rows)


def pictures_of(moment: Moment) -> dict[str, np.ndarray]:
    """Name → (S, S, 3) uint8 RGB; none where the faces could not be prepared, or were not kept."""
    answer = moment.answer
    return pictures(answer.faces, answer.flow, answer.heat) if answer and answer.faces.size else {}


def moments_table(reading: Reading) -> tuple[list[str], list[list[str]]]:
    """Headings and rows for the screen."""
    doubted = any(moment.expression.doubt for moment in reading.moments)
    rows = [
        [
            str(e.track),
            e.kind,
            f"{e.onset_s:.2f}",
            f"{e.apex_s:.2f}",
            f"{e.offset_s:.2f}",
            e.region,
            f"{e.confidence:.2f}",
            str(moment.answer) if moment.answer else "no face to look at",
            *([e.doubt] if doubted else []),
        ]
        for moment in reading.moments
        for e in (moment.expression,)
    ]
    emotion = "emotion, of drawn faces alone" if DEMONSTRATION in reading.model else "emotion"
    headings = ["face", "kind", "onset s", "apex s", "offset s", "most moved", "confidence", emotion]
    return [*headings, *(["doubt"] if doubted else [])], rows
