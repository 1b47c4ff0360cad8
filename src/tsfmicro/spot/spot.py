"""The whole story of spotting: frames → faces followed → movement of regions → expressions."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from tsfmicro.errors import FaceError, VideoError
from tsfmicro.spot.fitness import FindTurn, judge, turn_advice
from tsfmicro.spot.found import Found, Thresholds, View
from tsfmicro.spot.intervals import find_intervals, from_rest
from tsfmicro.spot.learned import PROPOSALS, Spotter
from tsfmicro.spot.marks import (
    Stretch,
    find_blinks,
    find_chewing,
    find_compressed,
    find_covered,
    find_exposure,
    find_flicker,
    find_glances,
    find_shakes,
    find_turns,
    overlaps,
)
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.rest import Known, Rest, beyond_rest, find_rest, inside, until_rest, while_wide, without_expressions
from tsfmicro.spot.track import Cutting, FindFaces, Tracker
from tsfmicro.spot.types import Blink, Expression, Mark, Resting, Segment, Spotting, Video
from tsfmicro.spot.video import Source, rate_of

FULL_RATE = 200.0  # frames per second up to which every frame is measured
LEVEL = 0.5  # confidence from which a movement is told as an expression
_SURE_RATE = 50.0  # frames per second below which short micro-expressions have few frames
_TURN_LOOKS = 1.0  # seconds between two looks for whether a face lies on its side
_SHORTEST = 0.25  # seconds; in a shorter stretch no expression can begin and end

WITHIN = "micro-expression within a macro-expression"
Sure = Callable[[Sequence[Found]], list[Found]]
"""Movements that the peaks' demands judged → the same, with a confidence that is a probability; as they are where none is known."""
Tell = Callable[[int, int], None]
"""Told after each frame how many were read, of about how many. It stops the work by raising."""


def spot_video(
    source: Source,
    find: FindFaces,
    cutting: Cutting,
    thresholds: Thresholds | None = None,
    tell: Tell | None = None,
    level: float = LEVEL,
    find_turn: FindTurn | None = None,
    rest: Known | None = None,
    spotter: Spotter | None = None,
    sure: Sure = list,
) -> Spotting:
    """Find the expressions in a video.

    Frames pass through one at a time: what is kept of each is some fifty numbers a face.

    Args:
        find, cutting: how faces are found and cut out, from preparation.
        thresholds: what counts as an expression.
        tell: see `Tell`.
        level: least confidence of an expression; 0 shows all that moved, with what speaks against it.
        rest: seconds, from and to, in which the faces are known to rest, or how they rest in other videos; by default it is looked for.
        find_turn: whether a face lies on its side, from preparation; nothing is said of it where it is not given.
        spotter: says how sure each is; None leaves that to the peaks' demands. sure: how sure these are, see `Sure`.
    Raises:
        FaceError: no face in the whole video. VideoError: it cannot be read, or ends after one frame.
    """
    stride = max(1, round(source.fps / FULL_RATE))
    tracker, times, turns = Tracker(find, cutting), array("d"), list[int]()
    for frame in source.frames():
        times.append(frame.time)
        if find_turn is not None and frame.time >= _TURN_LOOKS * len(turns) and len(turns) < 2:
            turns.append(find_turn(frame.image) or 0)
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
        if (seconds := float(video.times[-1])) < _SHORTEST:
            raise FaceError(
                f"{source.path}: ends after {seconds:.2g} s; at least {_SHORTEST:g} s of a face are needed. Give a longer cut."
            )
        lying = max(turns, default=0)
        raise FaceError(
            f"{source.path}: no face is seen long enough. "
            + (
                f"A face lies on its side or stands on its head: {turn_advice(lying)}."
                if lying
                else "Faces must be upright, seen from the front, uncovered, and at least a tenth of the picture's height."
            )
        )
    covers = covers_of(segments, video.times)
    rests = rests_of(segments, video.times, covers, rest)
    if isinstance(rest, tuple) and not rests:
        raise VideoError(
            f"{source.path}: no face is seen from {rest[0]:g} to {rest[1]:g} s, where it is said to rest. The video has "
            f"{video.seconds:.1f} s. Name another --rest, or leave it out."
        )
    seen = [
        analysed(one, covers[one.track], video, thresholds, rests.get(one.track), spotter, sure) for one in segments
    ]
    told = [_expression(f, one.segment, video) for one in seen for f in one.found if f.confidence >= level]
    blinks = [Blink(one.segment.track, *map(video.frame_at, blink)) for one in seen for blink in one.blinks]
    return Spotting(
        video=video,
        segments=segments,
        expressions=tuple(sorted(told, key=lambda e: (e.onset, e.track))),
        blinks=tuple(sorted(blinks, key=lambda b: (b.onset, b.track))),
        rests=tuple(_resting(track, r, video) for track, r in sorted(rests.items())),
        marks=tuple(sorted(marks(seen, video), key=lambda m: (m.onset, m.track, m.what))),
        regions=REGIONS,
        curves=tuple(one.curve for one in seen),
        notes=(*_notes(source, video, told), *_whose(rest, rests)),
        fitness=judge(
            video.times,
            tracker.looks,
            min(s.eye_distance for s in segments),
            _share_of(seen, video),
            tracker.copied,
            turns,
            bool(tracker.small),
            _bits(video),
        ),
    )


def rests_of(
    segments: Sequence[Segment], times: np.ndarray, covers: Mapping[int, list[Stretch]], known: Known | None = None
) -> dict[int, Rest]:
    """Where each face rests: in the first of its stretches that is long enough, or as it is known.

    Args: times: (T,) seconds of the video's frames; covers: see `covers_of`.
    """
    found: dict[int, Rest] = {}
    alone = len({one.track for one in segments}) == 1
    for one in segments:
        given = known.get(one.track) if isinstance(known, Mapping) else known
        if isinstance(given, Rest):
            given = given if alone or isinstance(known, Mapping) else None
        if one.track not in found and (rest := _rest_of(one, times, covers[one.track], given)):
            found[one.track] = rest
    return found


def _rest_of(
    segment: Segment, video_times: np.ndarray, covered: list[Stretch], given: Stretch | Rest | None
) -> Rest | None:
    if isinstance(given, Rest):
        return given
    times = video_times[segment.frames]
    rest = find_rest(times, segment.motion, segment.seen, given)
    if rest is None or given is not None:
        return rest
    return without_expressions(rest, times, segment.motion, _view(segment, covered, video_times))


def _resting(track: int, rest: Rest, video: Video) -> Resting:
    here = not rest.video
    onset, offset = (video.frame_at(seconds) if here else None for seconds in (rest.begin, rest.end))
    unrest = dict(zip(REGIONS, map(float, rest.unrest), strict=True))
    return Resting(track, onset, offset, rest.begin, rest.end, unrest, rest.video)


def _whose(known: Known | None, rests: Mapping[int, Rest]) -> Iterator[str]:
    """That another video's rest was not used, since here are several faces."""
    if isinstance(known, Rest) and not any(rest.video for rest in rests.values()):
        yield f"several faces are seen, so that the rest from {known.video} is nobody's: each face's own was taken"


def _share_of(seen: Sequence[Analysed], video: Video) -> float:
    """Share of the time in which the light flickers on a face."""
    return max(sum(end - begin for begin, end in one.view.flicker) for one in seen) / video.seconds


def _video(source: Source, times: np.ndarray) -> Video:
    if len(times) < 2:
        raise VideoError(f"{source.path}: only {len(times)} frame could be read. Copy the file again.")
    return Video(source.path, source.width, source.height, rate_of(times), times)


def _bits(video: Video) -> float:
    """Of the file, sound and all, for each pixel of each frame; no limit for a folder of images."""
    if not video.path.is_file():
        return np.inf
    return 8 * video.path.stat().st_size / (video.frames * video.width * video.height)


def covers_of(segments: Sequence[Segment], times: np.ndarray) -> dict[int, list[Stretch]]:
    """Where something is before each face, in all of its stretches: a hand may hide a face for a while: it is lost, and found.

    Args: segments: all of the video; times: (T,) seconds of its frames.
    """
    of_faces: dict[int, list[Segment]] = {}
    for one in segments:
        of_faces.setdefault(one.track, []).append(one)
    return {
        track: find_covered(
            np.concatenate([times[one.frames] for one in of_face]),
            np.concatenate([one.seen for one in of_face]),
            [turn for one in of_face for turn in find_turns(times[one.frames], one.turned)],
        )
        for track, of_face in of_faces.items()
    }


def around(segment: Segment, covered: list[Stretch], video_times: np.ndarray) -> tuple[list[Stretch], View]:
    """What else happens while a face moves, whatever the thresholds: its blinks, and what stands in the way.

    Args: covered: where something is before this face, see `covers_of`; video_times: (T,) seconds of the video's frames.
    """
    times = video_times[segment.frames]
    blinks = [blink for blink in find_blinks(times, segment.eyes) if not overlaps(covered, *blink)]
    return blinks, _view(segment, covered, video_times)


def _view(segment: Segment, covered: list[Stretch], video_times: np.ndarray) -> View:
    times = video_times[segment.frames]
    step = 1.5 * float(np.median(np.diff(video_times))) + np.diff(times).max()
    lost = [
        float(at) for at, edge in ((times[0], video_times[0]), (times[-1], video_times[-1])) if abs(at - edge) > step
    ]
    flicker, compressed = find_flicker(times, segment.light), find_compressed(times, segment.frozen)
    return View(segment.turned, segment.roll, segment.place, segment.seen, covered, flicker, lost, compressed)


@dataclass(frozen=True, eq=False)
class Analysed:
    """What a segment holds. found: all that moved, with doubts. within: of these, what moved within a macro-expression."""

    segment: Segment
    found: list[Found]
    within: list[Found]
    blinks: list[Stretch]
    view: View
    curve: np.ndarray = field(repr=False)


def analysed(
    segment: Segment,
    covered: list[Stretch],
    video: Video,
    thresholds: Thresholds | None = None,
    rest: Rest | None = None,
    spotter: Spotter | None = None,
    sure: Sure = list,
) -> Analysed:
    """What moved in a segment of a video. Args: covered: see `around`; the others: see `spot_video`."""
    times = video.times[segment.frames]
    blinks, view = around(segment, covered, video.times)
    found, within = movements(segment, times, blinks, view, thresholds, rest, spotter, sure)
    told = [one for one in found if one.confidence >= LEVEL]
    return Analysed(segment, found, within, blinks, view, from_rest(times, segment.motion, told))


def movements(
    segment: Segment,
    times: np.ndarray,
    blinks: Sequence[Stretch],
    view: View,
    thresholds: Thresholds | None = None,
    rest: Rest | None = None,
    spotter: Spotter | None = None,
    sure: Sure = list,
) -> tuple[list[Found], list[Found]]:
    """All that moved in a segment, with doubts, by onset; and which of that moved within a macro-expression.

    Args: times: (T,) seconds of its frames; blinks, view: see `around`; the others: see `spot_video`.
    """
    asked = thresholds or (Thresholds() if spotter is None else PROPOSALS)
    found = until_rest(find_intervals(times, segment.motion, blinks, asked, view, level=0.0), times, segment.motion)
    found = while_wide(found, times, _mouth(segment), view)
    if spotter is not None:
        found = spotter.judged(found, times, segment, blinks, view)
    found = beyond_rest(found, rest)
    quick = _within(found, times, segment, blinks, view, thresholds)
    within = [one for one in quick if not any(_is_half(one, slow) for slow in found)]
    found = [one for one in found if not any(_is_half(fast, one) for fast in quick)]
    return sorted((*(found if spotter else sure(found)), *sure(quick)), key=lambda one: one.onset), within


def _mouth(segment: Segment) -> np.ndarray:
    """(m, 2) rows of the segment in which the mouth was looked at, and its width."""
    return np.stack([np.searchsorted(segment.frames, segment.mouth[:, 0]), segment.mouth[:, 1]], axis=1)


def _is_half(quick: Found, slow: Found) -> bool:
    """Whether a quick movement is half of the slow one around it, and so not within it: a quick one that drifts before or after."""
    around = slow.kind == "macro" and slow.onset <= quick.onset and quick.offset <= slow.offset
    return around and quick.length >= 0.5 * slow.length


def _within(
    found: Sequence[Found],
    times: np.ndarray,
    segment: Segment,
    blinks: Sequence[Stretch],
    view: View,
    thresholds: Thresholds | None,
) -> list[Found]:
    """Micro-expressions within the macro-expressions that are told, but for what was found already."""
    told = [one for one in found if one.confidence >= LEVEL]
    known = [(one.onset, one.offset) for one in told if one.kind == "micro"]
    return [
        one
        for macro in told
        if macro.kind == "macro"
        for one in inside(macro, times, segment.motion, blinks, view, thresholds)
        if not overlaps(known, one.onset, one.offset)
    ]


def marks(seen: Sequence[Analysed], video: Video) -> Iterator[Mark]:
    """What is no expression, and micro-expressions within macro-expressions, by face."""
    for track in {one.segment.track for one in seen}:
        of_face = [one for one in seen if one.segment.track == track]
        stretches: list[tuple[str, Stretch]] = [("covered", one) for one in of_face[0].view.covered]
        for before, after in pairwise(of_face):
            gap = float(video.times[before.segment.last]), float(video.times[after.segment.first])
            if not overlaps(of_face[0].view.covered, *gap):
                stretches.append(("not seen", gap))
        for one in of_face:
            stretches += _marked(one, video.times[one.segment.frames])
        for what, (begin, end) in stretches:
            yield Mark(track, what, video.frame_at(begin), video.frame_at(end))


def _marked(one: Analysed, times: np.ndarray) -> Iterator[tuple[str, Stretch]]:
    """What a segment's marks are called, and when. Args: times: (T,) seconds of its frames."""
    view, face = one.view, one.segment
    turns = find_turns(times, face.turned)
    told = [(f.onset, f.offset) for f in one.found if f.confidence >= LEVEL]
    doubted = lambda why: [(f.onset, f.offset) for f in one.found if f.doubt == why]  # noqa: E731
    chews = find_chewing(times, face.motion, (*view.covered, *view.compressed, *told))
    kinds = {
        "head turns": turns,
        "looks aside": find_glances(times, face.eyes, (*view.covered, *one.blinks, *turns)),
        "chews": chews,
        "speaks": [at for at in doubted("speaks") if not overlaps((*chews, *view.compressed), *at)],
        "swallows": doubted("swallows"),
        "shakes": find_shakes(times, face.place),
        "flicker": view.flicker,
        "exposure": find_exposure(times, face.light, (*view.covered, *view.flicker)),
        "compressed": view.compressed,
        WITHIN: [(f.onset, f.offset) for f in one.within],
    }
    for what, stretches in kinds.items():
        yield from ((what, at) for at in stretches)


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


def _notes(source: Source, video: Video, told: Sequence[Expression]) -> Sequence[str]:
    notes = []
    if video.frames < 0.95 * source.about:
        notes.append(
            f"only {video.frames} of about {source.about} frames could be read; the file may be cut short or damaged"
        )
    if source.scale() < 1:
        notes.append(
            f"{source.width}×{source.height} pixels were shrunk by {1 / source.scale():.2g} for the measurement"
        )
    short = [e for e in told if e.kind == "micro" and e.offset - e.onset <= 4]
    if video.fps < _SURE_RATE and short:
        notes.append(
            f"{len(short)} of the micro-expressions told here {'have' if len(short) > 1 else 'has'} five frames or fewer ({short[0].onset_s:.2f} s"
            + (", …" if len(short) > 1 else "")
            + f"): at {video.fps:.3g} frames per second no more can be said of them"
        )
    return notes
