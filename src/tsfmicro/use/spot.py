"""Somebody's video, and when the faces in it moved."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tsfmicro import __version__
from tsfmicro.columns import MODEL, SPOTTED, curve_columns, heads, in_columns, write_codebook
from tsfmicro.data.frames import number_frames
from tsfmicro.errors import ConfigError, RunError, UnknownNameError
from tsfmicro.files import csv_lines, csv_text, in_the_way, write_whole
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.prepare.face import finder_of_all, mouth_width, quarter_turns
from tsfmicro.prepare.images import read_image
from tsfmicro.run.watch import Watch
from tsfmicro.spot.found import Thresholds
from tsfmicro.spot.learned import shipped
from tsfmicro.spot.listing import Listed, Listing, Marked, read_listing, write_listing
from tsfmicro.spot.motion import SIZE, Layout
from tsfmicro.spot.pair import Compared, compare
from tsfmicro.spot.rest import Known, Rest, as_rest
from tsfmicro.spot.spot import LEVEL, spot_video
from tsfmicro.spot.track import Cutting
from tsfmicro.spot.types import Expression, Spotting
from tsfmicro.spot.video import SLOWEST, open_video

REPORT, SPOTTING = "report.html", "spotting.json"
CUTTING = Cutting(to_template, crop, mouth_width)
SPOTTERS = ("learned", "peaks")
SPOTTER = "peaks"


def spot(
    path: Path,
    watch: Watch | None = None,
    fps: float | None = None,
    thresholds: Thresholds | None = None,
    level: float = LEVEL,
    rest: Known | None = None,
    spotter: str = SPOTTER,
) -> Spotting:
    """Find micro- and macro-expressions in a video.

    Args:
        path: a video file, or a folder of numbered images.
        watch: is told how it goes; what its `progress` raises stops the work, and nothing is left behind.
        fps: frames per second of a folder of images.
        thresholds: what counts as an expression.
        level: least confidence of what is told, from 0 (all that moved) to 1.
        rest: seconds, from and to, in which the faces are known to rest, or how they rest in other videos (`rest_from`); by default it is
            looked for.
        spotter: how sure each is: 'learned' (by networks) or 'peaks' (by how far it is above the thresholds).
    Raises:
        UnknownNameError: no such spotter.
        VideoError: it cannot be read or is too slow. FrameError: an image of the folder is damaged.
        FaceError: no face in it.
    """
    watch = watch or Watch()
    if spotter not in SPOTTERS:
        raise UnknownNameError("spotter", spotter, SPOTTERS)
    source, known = open_video(path, read_image, fps), shipped()
    tell, learned = partial(watch.progress, "reading frames"), known if spotter == "learned" else None
    found = spot_video(
        source, find_landmarks, CUTTING, thresholds, tell, level, quarter_turns, rest, learned, known.of_peaks
    )
    return replace(found, spotter=spotter, level=level, false_alarms=known.expected(level, spotter))


def rest_from(place: Path) -> Rest:
    """How a person rests in a video that was spotted before.

    Args: place: what `save` left of it: the folder, or its spotting.json or reading.json.
    Raises: ConfigError: nothing of the kind is there, no face rests in it, or several do.
    """
    file = place / SPOTTING if place.is_dir() else place
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        video = str(told["video"]).replace("\\", "/").rpartition("/")[2]
        found = [rest for one in told["rests"] if not one.get("video") and (rest := as_rest(one, video))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ConfigError(
            f"--rest {place}: is neither FROM-TO in seconds nor what `tsfmicro spot OTHER-VIDEO --out FOLDER` left."
        ) from None
    if len(found) != 1:
        raise ConfigError(
            f"--rest {place}: {len(found) or 'no'} faces rest in {video}, and it must be one. Give another video of the person."
        )
    return found[0]


def find_landmarks(image: np.ndarray) -> list[np.ndarray]:
    """Landmarks (5, 2) of every face in an image (H, W, 3) uint8 RGB, pixels."""
    return [face.landmarks for face in finder_of_all()(image)]


def compare_faces(onset: np.ndarray, apex: np.ndarray, landmarks: np.ndarray, on_apex: np.ndarray) -> Compared:
    """How two pictures of a face differ, the head's movement taken out.

    Args: onset, apex: (H, W, 3) uint8 RGB; landmarks, on_apex: (5, 2) pixels of each.
    """
    grey, other = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (onset, apex))
    matrix = to_template(landmarks, SIZE)
    layout, before = Layout(landmarks @ matrix[:, :2].T + matrix[:, 2]), crop(grey, matrix, SIZE)
    # Landmarks may be found wrongly on an apex, and a head may have gone far from its place: the better start counts.
    starts = [to_template(marks, SIZE) for marks in (landmarks, on_apex)]
    return max((compare(before, layout, other, start, crop) for start in starts), key=lambda c: c.alike)


def onset_and_apex(
    spotting: Spotting, size: int, expressions: Sequence[Expression] | None = None
) -> dict[Expression, np.ndarray]:
    """The aligned faces of each expression, both cut with the transform of the onset, as in preparation.

    The video is read once more, from its beginning to the last frame that is needed.

    Args: size: edge, pixels; expressions: which ones; by default all.
    Returns: expression → (2, size, size, 3) uint8 RGB.
    Raises: VideoError: the video is not there any more, or is another one.
    """
    chosen = list(spotting.expressions if expressions is None else expressions)
    wanted = defaultdict(list)
    for e in chosen:
        matrix = to_template(spotting.segment_of(e).landmarks_at(e.onset), size)
        wanted[e.onset].append((e, 0, matrix))
        wanted[e.apex].append((e, 1, matrix))
    pairs = {e: np.zeros((2, size, size, 3), np.uint8) for e in chosen}
    # Frames are picked by their number, and frames that are lost may have made the mean rate one that no video may have.
    source = open_video(spotting.video.path, read_image, max(spotting.video.fps, SLOWEST))
    for number, image in source.pick(wanted):
        for e, place, matrix in wanted[number]:
            pairs[e][place] = crop(image, matrix, size)
    return pairs


def save(spotting: Spotting, out: Path, known: Mapping[str, Any] | None = None) -> list[Path]:
    """Write spotting.json, expressions.csv and curve.csv with their codebooks, spotting.png and report.html into a folder.

    Args: known: what a model said of it, for the report. Returns: the files. Raises: RunError: they cannot be written.
    """
    from tsfmicro.report.printed import made, printed
    from tsfmicro.spot.figure import SHOWN, draw_spotting

    files = [out / name for name in (SPOTTING, "expressions.csv", "curve.csv", "spotting.png")]
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_whole(files[0], json.dumps(spotting.to_dict(), indent=1))
        expressions, curves = (*SPOTTED, MODEL), curve_columns(spotting.regions)
        write_whole(files[1], csv_text(heads(expressions), expression_rows(spotting)))
        write_whole(files[2], csv_lines(heads(curves), curve_rows(spotting)))
        files += [write_codebook(files[1], expressions), write_codebook(files[2], curves)]
        draw_spotting(spotting, onset_and_apex(spotting, 128, spotting.surest(SHOWN)), files[3])
        files.append(out / REPORT)
        write_whole(files[-1], printed(known or spotting.to_dict(), files[3].read_bytes(), made()))
    except OSError as error:
        raise RunError(
            f"{error.filename or out}: cannot be written ({error.strerror}). Choose another --out."
        ) from None
    return files


def check_places(out: Path | None, file: Path | None = None) -> None:
    """Before the work: whether what is found can be written into a folder, and into a challenge's file.

    Raises: RunError: it cannot. AnnotationError: the file is there and is no challenge's file.
    """
    for place, option in ((out, "--out"), (file and file.parent, "--csv")):
        if place is not None and (there := in_the_way(place)) is not None:
            raise RunError(f"{place}: cannot be written ({there} is no folder that may be). Choose another {option}.")
    if file is not None and file.is_dir():
        raise RunError(f"{file}: is a folder. Give --csv a file.")
    if file is not None and file.exists():
        read_listing(file)


def add_to_listing(spotting: Spotting, file: Path, first: int | None = None) -> None:
    """Write a video's expressions into a challenge's file; its rows of an earlier call are replaced, other videos' are kept.

    Args: first: number of the first frame; by default that in the name of the first image of a folder, and 0 for a video.
    Raises: AnnotationError: the file is there and is no challenge's file, or it cannot be written.
    """
    video = spotting.video
    if first is None:
        first = min(number_frames(p.name for p in video.path.iterdir())[0], default=0) if video.path.is_dir() else 0
    marked = tuple(Marked(e.onset + first, e.offset + first, e.kind, e.apex + first) for e in spotting.expressions)
    name = video.path.name if video.path.is_dir() else video.path.stem
    before = read_listing(file).videos if file.exists() else ()
    others = tuple(listed for listed in before if listed.name != name)
    write_listing(file, Listing(str(file), (*others, Listed(name, marked))))


NO_MODEL = f"no model was asked; movement measured by tsfmicro {__version__}"


def expression_rows(spotting: Spotting) -> list[list[Any]]:
    """A row of `SPOTTED` and `MODEL` for each expression."""
    return [[*in_columns(e.to_dict()).values(), NO_MODEL] for e in spotting.expressions]


def curve_rows(spotting: Spotting) -> Iterator[list[Any]]:
    """A row of `curve_columns` for each frame that was measured of each face; one at a time, an hour has a hundred thousand."""
    return (
        [segment.track, int(frame), f"{spotting.video.times[frame]:.4f}", *(f"{v:.3f}" for v in values)]
        for segment, curve in zip(spotting.segments, spotting.curves, strict=True)
        for frame, values in zip(segment.frames, curve, strict=True)
    )
