"""A face's own rest: the stretch in which it moves least, or one that is named, and what that says of the rest of the video.

Faces differ in how still they keep. What a face does while it rests is no expression, so an expression must go further. And an
expression lasts until the face has come back: what follows before that is the same one. How still a person keeps can be told in one of their videos
and used in the others, since it is in per cent of the distance between the eyes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tsfmicro.spot.found import LONGEST_MICRO, Found, Thresholds, View
from tsfmicro.spot.intervals import find_intervals
from tsfmicro.spot.marks import Stretch, outside
from tsfmicro.spot.motion import REGIONS

SECONDS = 5.0  # of a rest that is not named
_QUIET = 1.5  # times the quietest stretch's movement, up to which the first seconds will do
_MOST = 0.8  # per cent: a region that goes further does not rest, unless it is said to
_SMOOTH = 0.03  # seconds
# of the moments: of a rest that is named; of one that is looked for, which may hold a micro-expression or two
_NEARLY_ALL, _MUCH = 0.95, 0.8
_BEYOND = 2.0  # times what a region does at rest
_AWAY, _PAUSE = 0.4, 1.5  # of an expression's height, and seconds: between two parts of one the face has not come back
# per cent by which a smile widens the mouth at least; share of that which is still a smile
_WIDER, _STILL_WIDE = 5.0, 0.25
_BEFORE, _BEGINS = 0.5, 0.2  # seconds before it, and for which it has hardly begun: a hand may leave just then
_FREE = 0.9  # share of the time for which both mouth corners are seen though something is before the face
_CORNERS = [REGIONS.index(f"{side} mouth corner") for side in ("left", "right")]
_WIDENS = np.array([any(word in name for word in ("nose", "cheek", "mouth", "lip", "chin")) for name in REGIONS])
_CLEAR = 1.25  # times what is asked for elsewhere: a slow expression is not everywhere slow
_SLOW = 1.0  # seconds over which a slow expression is taken out to see a quick one on it


@dataclass(frozen=True, eq=False)
class Rest:
    """Where a face rests.

    Attributes:
        begin, end: seconds.
        unrest: (R,) how far each region goes meanwhile from where it usually is, per cent of the eyes' distance; of the
            moments, 95 in a hundred have less, or 80 where nobody named it: then it may hold an expression.
        video: the other video of the same person that it is told in; empty where it is this one.
    """

    begin: float
    end: float
    unrest: np.ndarray = field(repr=False)
    video: str = ""


Known = Stretch | Rest | Mapping[int, Stretch | Rest]
"""What is known of how faces rest, of all or by face: from when to when in this video, or what was told in another one."""


def as_rest(told: Mapping[str, Any], video: str) -> Rest | None:
    """A rest that was told in another video. Args: told: as `Resting.to_dict` has it; video: its name. None: it is damaged, or
    of a version that measured other regions."""
    try:
        unrest = np.array([float(told["unrest"][region]) for region in REGIONS])
        return Rest(float(told["onset_s"]), float(told["offset_s"]), unrest, video)
    except (KeyError, TypeError, ValueError):
        return None


def find_rest(
    times: np.ndarray, motion: np.ndarray, seen: np.ndarray, named: Stretch | None = None, seconds: float = SECONDS
) -> Rest | None:
    """Where a face rests: at first, where it is quiet then, else where it moves least; None where it is seen too shortly, or
    never rests.

    Args:
        times: (T,) seconds; motion: (T, R, 2) per cent; seen: (T, R).
        named: seconds, from and to, that are known to be rest.
    """
    if named is not None:
        return _rest(times, motion, *named)
    if len(times) < 4 or times[-1] - times[0] < 2 * seconds:
        return None
    begins = np.arange(times[0], times[-1] - seconds + 1e-6, seconds / 2)
    tried = [
        rest
        for begin in begins
        if seen[slice(*np.searchsorted(times, (begin, begin + seconds)))].mean() > 0.95
        if (rest := _rest(times, motion, float(begin), float(begin + seconds), share=_MUCH)) is not None
        and rest.unrest.max() < _MOST
    ]
    if not tried:
        return None
    least = min(float(rest.unrest.mean()) for rest in tried)
    if tried[0].begin == times[0] and tried[0].unrest.mean() <= _QUIET * least:
        return tried[0]
    return min(tried, key=lambda rest: float(rest.unrest.mean()))


def _rest(
    times: np.ndarray,
    motion: np.ndarray,
    begin: float,
    end: float,
    without: Sequence[Stretch] = (),
    share: float = _NEARLY_ALL,
) -> Rest | None:
    from scipy.ndimage import gaussian_filter1d

    during = slice(*np.searchsorted(times, (begin - 1e-6, end + 1e-6)))
    free = outside(without, times[during])
    if free.sum() < 4:
        return None
    rate = 1 / float(np.median(np.diff(times[during])))
    smooth = gaussian_filter1d(motion[during], max(_SMOOTH * rate, 0.3), axis=0, mode="nearest")[free]
    away = np.linalg.norm(smooth - np.median(smooth, axis=0), axis=2)
    return Rest(begin, end, np.quantile(away, share, axis=0))


def without_expressions(rest: Rest, times: np.ndarray, motion: np.ndarray, view: View) -> Rest:
    """The same rest without what meets every other demand on an expression: where nobody named a rest, it may hold some, and they would
    be compared with themselves.

    Args: times: (T,) seconds; motion: (T, R, 2) per cent; view: see `find_intervals`.
    """
    near = slice(*np.searchsorted(times, (rest.begin - SECONDS, rest.end + SECONDS)))
    told = find_intervals(times[near], motion[near], (), view=view.near(near))
    return _rest(times, motion, rest.begin, rest.end, [(one.onset, one.offset) for one in told], _MUCH) or rest


def beyond_rest(found: Sequence[Found], rest: Rest | None) -> list[Found]:
    """What a face does at rest too is doubted."""
    if rest is None:
        return list(found)
    judged = []
    for one in found:
        ratio = one.motion / max(_BEYOND * float(rest.unrest[one.region]), 1e-6)
        judged.append(one if ratio >= min(1.0, one.ratio) else replace(one, ratio=ratio, doubt="as at rest"))
    return judged


def until_rest(found: Sequence[Found], times: np.ndarray, motion: np.ndarray) -> list[Found]:
    """Slow movements between which the region has not come back are one, of which the larger leads.

    Args: found: by onset; times: (T,) seconds; motion: (T, R, 2) per cent.
    """
    joined: list[Found] = []
    for one in found:
        before = joined[-1] if joined else None
        if before is None or not _is_one(before, one, times, motion):
            joined.append(one)
            continue
        more = max(before, one, key=lambda f: f.motion)
        joined[-1] = replace(
            more, onset=before.onset, offset=max(before.offset, one.offset), parts=before.parts + one.parts
        )
    return joined


def while_wide(found: Sequence[Found], times: np.ndarray, mouth: np.ndarray, view: View) -> list[Found]:
    """Slow movements that widened the mouth, each to where it is back: a smile fades and comes again, and the head turns meanwhile,
    while how wide a mouth is can be seen in every picture. What such a smile does on the way is part of it, but for the brows.

    Args: found: by onset; times: (T,) seconds; mouth: (m, 2) rows of the traces, and per cent of the eyes' distance; view: see
        `find_intervals`.
    """
    from scipy.ndimage import median_filter

    (left, right), rows = view.seen[:, _CORNERS].T, mouth[:, 0].astype(int)
    there = left & right
    seconds, width = times[rows[there[rows]]], median_filter(mouth[there[rows], 1], size=3, mode="nearest")
    # Hair before a leaning face leaves the mouth free, and a hand seldom does.
    covers = [(one, there[slice(*np.searchsorted(times, one))]) for one in view.covered]
    hands = [one for one, free in covers if free.sum() < _FREE * len(free)]
    free = outside(hands, seconds)
    joined: list[Found] = []
    until = -np.inf
    for one in found:
        if one.kind == "macro" and one.onset < until and _WIDENS[one.region]:
            continue
        if one.kind == "macro" and one.ratio >= 1:
            end = _while_wide(one, seconds, width, free)
            if end > one.offset:
                until = end
                one = replace(one, offset=end)
        joined.append(one)
    return joined


def _while_wide(one: Found, seconds: np.ndarray, width: np.ndarray, free: np.ndarray) -> float:
    """Until when the mouth is wider than before a movement; the movement's own end where it did not widen it, or it is back by then.

    Args: seconds, width: (m,) of what is seen of the mouth; free: (m,) whether nothing is before the face then.
    """
    before = width[(seconds > one.onset - _BEFORE) & (seconds <= one.onset + _BEGINS)]
    during = width[(seconds > one.onset) & (seconds <= one.offset)]
    if not len(before) or not len(during) or during.max() < before.min() + _WIDER:
        return one.offset
    wide = width - before.min() > _STILL_WIDE * (during.max() - before.min())
    last = seconds[wide & (seconds <= one.offset)][-1]
    for second in seconds[wide & free & (seconds > one.offset)]:
        if second - last > _PAUSE:
            break
        last = second
    return max(one.offset, float(last))


def _is_one(before: Found, one: Found, times: np.ndarray, motion: np.ndarray) -> bool:
    sure = min(before.ratio, one.ratio) >= 1 and before.kind == one.kind == "macro"
    if not sure or before.region != one.region or one.onset - before.offset > _PAUSE:
        return False
    start, stop, again = np.searchsorted(times, (before.onset, before.offset, one.onset))
    between = motion[stop : again + 1, one.region] - motion[start, one.region]
    return bool(np.linalg.norm(between, axis=1).min() > _AWAY * min(before.motion, one.motion))


def inside(
    macro: Found,
    times: np.ndarray,
    motion: np.ndarray,
    blinks: Sequence[Stretch] = (),
    view: View | None = None,
    thresholds: Thresholds | None = None,
) -> list[Found]:
    """Micro-expressions within a macro-expression: quick movements that are left when slow ones are taken out.

    Args: times: (T,) seconds; motion: (T, R, 2) per cent, of the whole face: an hour of it is not looked at. blinks, view: see
        `find_intervals`.
    """
    from scipy.ndimage import median_filter

    near = slice(*np.searchsorted(times, (macro.onset - _SLOW, macro.offset + _SLOW)))
    seconds, traces = times[near], motion[near]
    if len(seconds) < 4:
        return []
    width = round(_SLOW / float(np.median(np.diff(seconds)))) | 1
    quick = traces - median_filter(traces, size=(width, 1, 1), mode="nearest")
    return [
        one
        for one in find_intervals(seconds, quick, blinks, thresholds, view and view.near(near))
        if one.ratio >= _CLEAR and one.length <= LONGEST_MICRO and macro.onset < one.onset and one.offset < macro.offset
    ]
