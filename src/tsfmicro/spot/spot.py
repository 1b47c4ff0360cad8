"""The whole story of spotting: frames → faces followed → movement of regions → expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tsfmicro.errors import FaceError, VideoError
from tsfmicro.spot.intervals import Found, Thresholds, View, find_intervals, from_rest
from tsfmicro.spot.learned import PROPOSALS, Spotter
from tsfmicro.spot.marks import Stretch, find_blinks, find_covered, find_flicker, find_turns, overlaps
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.track import Cutting, FindFaces, Tracker
from tsfmicro.spot.types import Blink, Expression, Mark, Segment, Spotting, Video
from tsfmicro.spot.video import Source

FULL_RATE = 200.0  # frames per second up to which every frame is measured
ADVISED = 25.0
LEVEL = 0.5  # confidence from which a movement is told as an expression
_SURE_RATE = 50.0  # frames per second below which short micro-expressions have few frames
_SHORTEST = 0.25  # seconds; in a shorter stretch no expression can begin and end

Tell = Callable[[int, int], None]
"""Told after each frame how many were read, of about how many. It stops the work by raising."""


def spot_video(
    source: Source,
    find: FindFaces,
    cutting: Cutting,
    thresholds: Thresholds | None = None,
    tell: Tell | None = None,
    level: float = LEVEL,
    spotter: Spotter | None = None,
) -> Spotting:
    """Find the expressions in a video.

    Frames pass through one at a time: what is kept of each is some fifty numbers a face.

    Args:
        find, cutting: how faces are found and cut out, from preparation.
        thresholds: what counts as an expression.
        tell: see `Tell`.
        level: least confidence of an expression; 0 shows all that moved, with what speaks against it.
        spotter: says how sure each is; None leaves that to the peaks' demands.
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
    seen = [_analysed(segment, segments, video, thresholds, spotter) for segment in segments]
    told = [_expression(f, one.segment, video) for one in seen for f in one.found if f.confidence >= level]
    blinks = [Blink(one.segment.track, *map(video.frame_at, blink)) for one in seen for blink in one.blinks]
    return Spotting(
        video=video,
        segments=segments,
        expressions=tuple(sorted(told, key=lambda e: (e.onset, e.track))),
        blinks=tuple(sorted(blinks, key=lambda b: (b.onset, b.track))),
        marks=tuple(sorted(_marks(seen, video), key=lambda m: (m.onset, m.track, m.what))),
        regions=REGIONS,
        curves=tuple(one.curve for one in seen),
        notes=tuple(_notes(source, video, tracker, told)),
    )


def _video(source: Source, times: np.ndarray) -> Video:
    if len(times) < 2:
        raise VideoError(f"{source.path}: only {len(times)} frame could be read. Copy the file again.")
    return Video(source.path, source.width, source.height, 1 / float(np.median(np.diff(times))), times)


def around(segment: Segment, segments: Sequence[Segment], video_times: np.ndarray) -> tuple[list[Stretch], View]:
    """What else happens while a face moves, whatever the thresholds: its blinks, and what stands in the way.

    Args: segments: all of the video; video_times: (T,) seconds of its frames.
    """
    of_face = [
        s for s in segments if s.track == segment.track
    ]  # a hand may hide a face for a while: it is lost, and found
    covered = find_covered(
        np.concatenate([video_times[s.frames] for s in of_face]), np.concatenate([s.seen for s in of_face])
    )
    times = video_times[segment.frames]
    blinks = [blink for blink in find_blinks(times, segment.eyes) if not overlaps(covered, *blink)]
    step = 1.5 * float(np.median(np.diff(video_times))) + np.diff(times).max()
    lost = [
        float(at) for at, edge in ((times[0], video_times[0]), (times[-1], video_times[-1])) if abs(at - edge) > step
    ]
    flicker = find_flicker(times, segment.light)
    return blinks, View(segment.turned, segment.roll, segment.seen, covered, flicker, lost)


@dataclass(frozen=True, eq=False)
class _Analysed:
    """What a segment holds. found: all that moved, with doubts."""

    segment: Segment
    found: list[Found]
    blinks: list[Stretch]
    view: View
    curve: np.ndarray = field(repr=False)


def _analysed(
    segment: Segment, segments: Sequence[Segment], video: Video, thresholds: Thresholds | None, spotter: Spotter | None
) -> _Analysed:
    times = video.times[segment.frames]
    blinks, view = around(segment, segments, video.times)
    if spotter is None:
        found = find_intervals(times, segment.motion, blinks, thresholds, view, level=0.0)
    else:
        moved = find_intervals(times, segment.motion, blinks, thresholds or PROPOSALS, view, level=0.0)
        found = spotter.judged(moved, times, segment, blinks, view)
    told = [one for one in found if one.confidence >= LEVEL]
    return _Analysed(segment, found, blinks, view, from_rest(times, segment.motion, told))


def _marks(seen: Sequence[_Analysed], video: Video) -> Iterator[Mark]:
    """What is no expression, by face."""
    for track in {one.segment.track for one in seen}:
        of_face = [one for one in seen if one.segment.track == track]
        stretches: list[tuple[str, Stretch]] = [("covered", one) for one in of_face[0].view.covered]
        for before, after in pairwise(of_face):
            gap = float(video.times[before.segment.last]), float(video.times[after.segment.first])
            if not overlaps(of_face[0].view.covered, *gap):
                stretches.append(("not seen", gap))
        for one in of_face:
            times = video.times[one.segment.frames]
            stretches += [("head turns", at) for at in find_turns(times, one.segment.turned)]
            stretches += [("flicker", at) for at in one.view.flicker]
            stretches += [("speaks", (f.onset, f.offset)) for f in one.found if f.doubt == "speaks"]
        for what, (begin, end) in stretches:
            yield Mark(track, what, video.frame_at(begin), video.frame_at(end))


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
        doubt=one.doubt,
    )


def _notes(source: Source, video: Video, tracker: Tracker, told: Sequence[Expression]) -> Sequence[str]:
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
    if tracker.aside:
        notes.append(
            "a face looks to the side at times, by 30 degrees or more: what is measured there is not to be trusted"
        )
    if tracker.leaning:
        notes.append("a face leans by more than 30 degrees, or lies on its side, at times. Turn the video upright")
    if tracker.cut:
        notes.append("a face is cut by the picture's edge at times: what lies beyond is not measured")
    if video.fps < _SURE_RATE and any(e.kind == "micro" and e.offset - e.onset <= 5 for e in told):
        notes.append(
            f"at {video.fps:.3g} frames per second a micro-expression told here has five frames or fewer; record at 100"
        )
    return notes
