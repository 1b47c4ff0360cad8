"""From the movement of regions over time to expressions: onset, apex and offset.

An expression is a region that leaves its place and comes back: a peak (`peaks`). Much makes peaks that is none, so each is asked
(`demands`), and what fails is kept, with the reason, below a confidence of 1/2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tsfmicro.spot.demands import Unrest, demanded, of_the_codec, of_the_face, of_the_head, part_in, that_go_on
from tsfmicro.spot.found import LONGEST, LONGEST_MICRO, SHORTEST, Found, Thresholds, View, covers
from tsfmicro.spot.marks import Stretch
from tsfmicro.spot.motion import MOUTH
from tsfmicro.spot.peaks import Scale, at_scale
from tsfmicro.spot.traces import REST, evenly, mended, smooth, usual_place

_GAP = 0.25  # seconds; with less between them two movements are one
_RESTS = 1.0  # seconds; a face that is back for so long between two movements rests
_OPPOSITE = 2.0  # times as large as each of these such a rest may seem
_TOUCHED = 0.15  # share of a movement that may lie beside a hand: a smile may begin as it leaves
_PIECE = 60.0  # seconds that are looked at together, with the rest before and after: an hour need not be copied whole


def find_intervals(
    times: np.ndarray,
    motion: np.ndarray,
    blinks: Sequence[Stretch],
    thresholds: Thresholds | None = None,
    view: View | None = None,
    level: float = 0.5,
) -> list[Found]:
    """Expressions in the traces of one face, in order.

    Args:
        times: (T,) seconds, ascending, with any steps.
        motion: (T, R, 2) movement of each region, right and down, per cent of the eyes' distance.
        blinks: seconds, from and to.
        view: what else is known; nothing stands in the way where it is not given.
        level: least confidence; 0 gives all peaks, with what speaks against them.
    """
    t, view = thresholds or Thresholds(), view or View.clear(motion)
    found: list[Found] = []
    for begin in np.arange(times[0], times[-1], _PIECE) if len(times) else ():
        end = begin + _PIECE
        near = slice(*np.searchsorted(times, (begin - REST, end + REST)))
        ends = near.stop == len(times) and times[-1] not in view.lost
        for one in _in_piece(times[near], motion[near], blinks, t, view.near(near), ends):
            if begin <= one.apex < end and not any(covers(other, one) for other in found[-2:]):
                found.append(one)
    return [one for one in found if one.confidence >= level]


def _in_piece(
    times: np.ndarray, motion: np.ndarray, blinks: Sequence[Stretch], t: Thresholds, view: View, ends: bool
) -> list[Found]:
    if len(times) < 4 or times[-1] - times[0] < SHORTEST:
        return []
    motion = mended(motion)
    grid, even = evenly(times, motion)
    rate = 1 / (grid[1] - grid[0])
    rest, seen = usual_place(even, rate), view.seen[np.searchsorted(times, grid - 1e-6).clip(0, len(times) - 1)]
    quick, slow = (
        at_scale(even, rest, grid, seen, blinks, view.covered, scale, ends, t)
        for scale in (Scale(0.012, 1.5 * LONGEST_MICRO, t.micro), Scale(0.06, LONGEST, t.macro))
    )
    # A hand moves the picture by more than any face does, and must not stand before what is seen beside it.
    found: list[Found] = []
    hidden: list[Found] = []
    for free in (True, False):
        these = ([one for one in scale if (part_in(view.covered, one) < _TOUCHED) == free] for scale in (quick, slow))
        (found if free else hidden).extend(_one_of_each(*these))
    hidden = [one for one in hidden if not any(covers(other, one) for other in found)]
    found = _without_rests(sorted(found, key=lambda one: one.onset), times, motion)
    held = [demanded(one, of_the_head(one, times, motion, view, t)) for one in found]
    unrest = Unrest.of(times, motion, view)
    mouth = np.array([one.apex for one in held if MOUTH[one.region] and one.ratio > 0.7])
    judged = [
        demanded(one, of_the_face(one, times, motion, unrest, mouth, view, t))
        for one in _one_each_stretch(held, max(_GAP, 1.5 / rate))
    ]
    judged = [of_the_codec(one, view, t) for one in that_go_on(judged, times, motion)]
    judged += [replace(one, ratio=min(one.ratio, 0.1), doubt="covered") for one in hidden]
    return sorted(judged, key=lambda one: one.onset)


def _without_rests(found: Sequence[Found], times: np.ndarray, motion: np.ndarray) -> list[Found]:
    """Movements without the rests between two of them, which look like a movement the other way that begins and ends within these.

    Args: found: by onset; times: (T,) seconds; motion: (T, R, 2) per cent.
    """
    ways = [_way(one, times, motion) for one in found]
    kept = []
    for n, one in enumerate(found):
        first, last = max(range(n), key=lambda k: found[k].offset, default=n), min(n + 1, len(found) - 1)
        between = one.onset < found[first].offset < found[last].onset - _RESTS < one.offset - _RESTS
        other_way = all(
            one.motion < _OPPOSITE * found[k].motion and (ways[k] * ways[n]).sum() < 0 for k in (first, last)
        )
        if not (between and other_way):
            kept.append(one)
    return kept


def _way(one: Found, times: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """(R, 2) per cent by which regions are at its apex off the straight way from its onset to its offset."""
    onset, apex, offset = motion[np.searchsorted(times, (one.onset - 1e-6, one.apex - 1e-6, one.offset - 1e-6))]
    share = (one.apex - one.onset) / one.length
    return apex - (1 - share) * onset - share * offset


def _one_each_stretch(found: Sequence[Found], gap: float) -> list[Found]:
    """Movements that share a border are one, of four seconds at most: a laugh goes up and down. A much smaller one is a tail
    of the larger."""
    joined: list[Found] = []
    for one in sorted(found, key=lambda f: f.onset):
        if not joined or one.onset - joined[-1].offset > gap:
            joined.append(one)
            continue
        less, more = sorted((joined[-1], one), key=lambda f: f.motion)
        begin, end = min(less.onset, more.onset), max(less.offset, more.offset)
        alike = less.motion > 0.5 * more.motion and less.ratio > 0.5
        surer = max(joined[-1], one, key=lambda f: f.ratio)
        whole = replace(
            more, onset=begin, offset=end, parts=less.parts + more.parts, ratio=surer.ratio, doubt=surer.doubt,
            held=max(less, more, key=lambda f: f.offset).held,
        )  # fmt: skip
        if not alike:
            joined[-1] = more
        elif whole.length <= LONGEST:
            joined[-1] = whole
        elif one.onset >= joined[-1].offset:
            joined.append(one)
        else:
            joined[-1] = surer
    return joined


def _one_of_each(quick: Sequence[Found], slow: Sequence[Found]) -> list[Found]:
    """An expression may be found at both scales, and a large one has small peaks on it: the larger movement is kept.

    The smoother trace is a little lower, and a quick expression seen in it reaches out to whatever lies beside it; so
    where both are about as large, it is the quick one; and what came back is not what is held, unless that is twice as large.
    """
    kept: list[Found] = []
    size = lambda f: f.motion * (1.5 if any(f is q for q in quick) else 1.0) * (0.5 if f.held else 1.0)  # noqa: E731
    for one in sorted([*quick, *slow], key=size, reverse=True):
        if not any(covers(other, one) for other in kept):
            kept.append(one)
    return kept


def from_rest(times: np.ndarray, motion: np.ndarray, found: Sequence[Found]) -> np.ndarray:
    """(T, R) how far each region is from where it rests, per cent of the eyes' distance: the curve to look at.

    The rest is the trace itself, slowly averaged, and a straight line through each expression that was found.
    """
    from scipy.ndimage import gaussian_filter1d

    if len(times) < 4:
        return np.zeros(motion.shape[:2], np.float32)
    rate = 1 / float(np.median(np.diff(times)))
    resting = np.ones(len(times), bool)
    for one in found:
        resting &= (times < one.onset) | (times > one.offset)
    resting |= not resting.any()
    curve = np.zeros(motion.shape[:2], np.float32)
    for region in range(motion.shape[1]):
        trace = motion[:, region]
        through = np.stack([np.interp(times, times[resting], trace[resting, axis]) for axis in (0, 1)], axis=1)
        rest = gaussian_filter1d(through, 0.5 * rate, axis=0, mode="nearest")
        curve[:, region] = np.linalg.norm(smooth(trace, 0.012 * rate) - rest, axis=1)
    return curve
