"""The whole story of spotting: frames → faces followed → movement of regions → expressions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tsfmicro.errors import FaceError, VideoError
from tsfmicro.spot.intervals import Found, Thresholds, find_blinks, find_intervals, from_rest
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.track import Cutting, FindFaces, Tracker
from tsfmicro.spot.types import Blink, Expression, Segment, Spotting, Video
from tsfmicro.spot.video import Source

FULL_RATE = 200.0  # frames per second up to which every frame is measured
ADVISED = 25.0
_SHORTEST = 0.25  # seconds; in a shorter stretch no expression can begin and end

Tell = Callable[[int, int], None]
"""Told after each frame how many were read, of about how many. It stops the work by raising."""


def spot_video(
    source: Source,
    find: FindFaces,
    cutting: Cutting,
    thresholds: Thresholds | None = None,
    tell: Tell | None = None,
) -> Spotting:
    """Find the expressions in a video.

    Frames pass through one at a time: what is kept of each is some fifty numbers a face.

    Args:
        find, cutting: how faces are found and cut out, from preparation.
        thresholds: what counts as an expression.
        tell: see `Tell`.
    Raises:
        FaceError: no face in the whole video. VideoError: it cannot be read, or ends after one frame.
    """
    stride = max(1, round(source.fps / FULL_RATE))
    tracker, times = Tracker(find, cutting), []
    for frame in source.frames():
        times.append(frame.time)
        if frame.number % stride == 0:
            tracker.see(frame)
        if tell is not None:
            tell(len(times), max(len(times) + 1, source.about))
    if tell is not None:
        tell(len(times), len(times))
    video = _video(source, np.array(times))
    everything = tracker.segments(source.scale())
    segments = tuple(s for s in everything if video.times[s.last] - video.times[s.first] >= _SHORTEST)
    if not segments:
        raise FaceError(
            f"{source.path}: no face is seen long enough. Faces must be upright, seen from the front, and at least a tenth of "
            "the picture's height."
        )
    measured = [_expressions(segment, video, thresholds) for segment in segments]
    return Spotting(
        video=video,
        segments=segments,
        expressions=tuple(sorted((e for found, _, _ in measured for e in found), key=lambda e: (e.onset, e.track))),
        blinks=tuple(sorted((b for _, blinks, _ in measured for b in blinks), key=lambda b: (b.onset, b.track))),
        regions=REGIONS,
        curves=tuple(curve for _, _, curve in measured),
        notes=tuple(_notes(source, video, tracker)),
    )


def _video(source: Source, times: np.ndarray) -> Video:
    if len(times) < 2:
        raise VideoError(f"{source.path}: only {len(times)} frame could be read. Copy the file again.")
    return Video(source.path, source.width, source.height, 1 / float(np.median(np.diff(times))), times)


def _expressions(
    segment: Segment, video: Video, thresholds: Thresholds | None
) -> tuple[list[Expression], list[Blink], np.ndarray]:
    times = video.times[segment.frames]
    blinks = find_blinks(times, segment.eyes)
    found = find_intervals(times, segment.motion, blinks, thresholds)
    closed = [Blink(segment.track, video.frame_at(a), video.frame_at(b)) for a, b in blinks]
    return [_expression(one, segment, video) for one in found], closed, from_rest(times, segment.motion, found)


def _expression(one: Found, segment: Segment, video: Video) -> Expression:
    onset, apex, offset = (video.frame_at(seconds) for seconds in (one.onset, one.apex, one.offset))
    return Expression(
        track=segment.track,
        kind=one.kind,
        onset=onset,
        apex=apex,
        offset=offset,
        onset_s=float(video.times[onset]),
        apex_s=float(video.times[apex]),
        offset_s=float(video.times[offset]),
        region=REGIONS[one.region],
        motion=one.motion,
        confidence=one.confidence,
    )


def _notes(source: Source, video: Video, tracker: Tracker) -> Sequence[str]:
    notes = []
    if video.frames < 0.95 * source.about:
        notes.append(
            f"only {video.frames} of about {source.about} frames could be read; the file may be cut short or damaged"
        )
    if video.fps < ADVISED - 1.1:  # 24 and 23.976 are film
        notes.append(f"{video.fps:.3g} frames per second are few: short micro-expressions may be missed")
    if source.scale() < 1:
        notes.append(
            f"{source.width}×{source.height} pixels were shrunk by {1 / source.scale():.2g} for the measurement"
        )
    if tracker.small:
        notes.append("a face was too small to be measured (less than 20 pixels between the eyes)")
    return notes
