"""From the movement of regions over time to expressions: onset, apex and offset.

An expression is a region that leaves its place and comes back. In the trace of a region, seen along a direction, that is a
peak, and its prominence is how far the region went and came back, whatever the level around it: a face that does not return
quite to where it was, and the slow errors that a turning head leaves, change levels but make no peaks.

Much makes peaks that is none. So every peak is asked: is it large for this video, whose own restlessness is measured? Does the
region keep still before and after? Did the head turn meanwhile? Is the skin to be seen? What fails one of these is kept, with
the reason, below a confidence of 1/2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from tsfmicro.spot.marks import Stretch, overlaps
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.types import Kind

SHORTEST, LONGEST_MICRO, LONGEST = 1 / 25, 1 / 2, 4.0
"""Seconds: a micro-expression lasts 1/25 to 1/2 s (Yan et al. 2013), a macro-expression up to 4 s (Ekman 2003)."""


@dataclass(frozen=True)
class Thresholds:
    """What counts as an expression. How the values were chosen stands in docs/spotting.md.

    Attributes:
        micro, macro: least movement and return, per cent of the eyes' distance; slow ones must be larger, because the
            errors a turning head leaves are slow.
        noise: … and at least so many times the trace's own noise.
        restless: … and so many times what the face's regions usually do in the seconds before and after; half as many times
            what this region does.
        calm: before and after a micro-expression its region moves by at most so large a share of it.
        turn: a head that turns may meanwhile carry the skin by at most so many times the movement; of a smile, which moves cheeks
            and mouth corners on both sides alike as no turn does,
        smile: … the head's turn may be so many times as large.
        roll: … and roll by at most so many degrees.
        furthest: per cent that skin can move, but for lips and chin, which a jaw carries along: more is something else, a hand say.
        jump: share of a slow movement that may come in a thirtieth of a second: more is the picture's, of a codec say, and not the
            face's.
        flicker: so many times as much is asked for while the light flickers.
        frames: least steps between frames from onset to offset.
        blinking: … and so many times as much in brows and cheeks while the eyes blink.
        edge: an expression begins and ends where it has so large a share of its height.
    """

    micro: float = 0.50
    macro: float = 0.80
    noise: float = 12.0
    restless: float = 18.0
    calm: float = 0.45
    turn: float = 0.56
    smile: float = 1.5
    roll: float = 15.0
    furthest: float = 10.0
    jump: float = 0.5
    flicker: float = 2.0
    frames: int = 4
    blinking: float = 2.0
    edge: float = 0.06


@dataclass(frozen=True)
class Found:
    """One expression.

    Attributes:
        onset, apex, offset: seconds.
        region: number of the region that moved most; motion: how far, per cent of the eyes' distance.
        ratio: how many times the strictest of the demands was met: 1 at the threshold.
        doubt: what that demand was, where it was not met.
    """

    onset: float
    apex: float
    offset: float
    region: int
    motion: float
    ratio: float
    doubt: str = ""
    parts: int = 1  # movements of which it was joined
    held: bool = False  # to the end of the video

    @property
    def confidence(self) -> float:
        """0.5 at the threshold, towards 1 far above it and towards 0 below; a probability once it is calibrated."""
        return self.ratio / (1 + self.ratio)

    @property
    def length(self) -> float:
        return self.offset - self.onset

    @property
    def kind(self) -> Kind:
        return "micro" if self.length <= LONGEST_MICRO else "macro"


@dataclass(frozen=True)
class View:
    """What else is known of a face over time. Rows belong to the times of the traces.

    Attributes:
        turned: (T, R, 2) how far turns of the head have carried each region, per cent of the eyes' distance.
        roll: (T,) degrees by which the head is rolled.
        seen: (T, R) whether a region's skin is to be seen.
        covered: seconds in which a hand or a thing is before the face.
        flicker: seconds in which the light flickers.
        lost: seconds at which the face came or was lost within the video.
    """

    turned: np.ndarray
    roll: np.ndarray
    seen: np.ndarray
    covered: Sequence[Stretch] = ()
    flicker: Sequence[Stretch] = ()
    lost: Sequence[float] = ()

    @classmethod
    def clear(cls, motion: np.ndarray) -> View:
        """Nothing stands in the way. Args: motion: (T, R, 2)."""
        return cls(np.zeros_like(motion), np.zeros(len(motion)), np.ones(motion.shape[:2], bool))

    def near(self, rows: slice) -> View:
        """The same of a part of the times."""
        return replace(self, turned=self.turned[rows], roll=self.roll[rows], seen=self.seen[rows])


@dataclass(frozen=True)
class _Scale:
    """Peaks are looked for twice: quick ones, and slow ones in a smoother trace."""

    smooth: float  # deviation of the Gaussian, seconds
    reach: float  # how far before and after the apex it must have come back, seconds
    least: float


@dataclass(frozen=True)
class _Peak:
    at: int
    region: int
    direction: np.ndarray
    height: float  # prominence, per cent of the eyes' distance
    ratio: float  # to its threshold
    left: int
    right: int
    held: bool  # to the end of the video


_GAP = 0.25  # seconds; with less between them two movements are one
_BESIDE = 0.5  # seconds before and after, in which a face should rest
_MOVES = 2.0  # seconds within which restlessness is movement
_AROUND, _OFF = (
    2.5,
    0.1,
)  # seconds before and after a movement in which restlessness is measured, and those left out beside it
_LEAST_AROUND = 1.0  # seconds; where less is free, all of the video tells
_SPEAKS = 2.5  # seconds in which a mouth that speaks moves four times
_TOGETHER = 1.7  # by how much five regions that move together count more than one
_TOUCHED = 0.15  # share of a movement that may lie beside a hand
_SEEN = 0.1  # 1 / how many times as long as it is hidden a region must be seen
_ASTRAY = 0.6  # share of the regions that must be seen for the head's movement to be known
_ODD, _ODDER = 0.3, 10.0  # per cent, and times the usual, by which one frame alone is off those beside it
_HELD = 0.4  # share of its height that a movement keeps which is held
_REST = 10.0  # seconds over which a face is said to rest
_PIECE = 60.0  # seconds that are looked at together, with the rest before and after: an hour need not be copied whole
_UPPER = np.array([("brow" in name) or ("cheek" in name) for name in REGIONS])
_MOUTH = np.array([any(word in name for word in ("mouth", "lip", "chin")) for name in REGIONS])
_JAW = np.array(["lip" in name or "chin" in name for name in REGIONS])
_OUTER = np.array(["outer" in name for name in REGIONS])
_SMILING = [(REGIONS.index(f"left {name}"), REGIONS.index(f"right {name}")) for name in ("cheek", "mouth corner")]
_ANGLES = np.arange(8) * np.pi / 4
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


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
        near = slice(*np.searchsorted(times, (begin - _REST, end + _REST)))
        ends = near.stop == len(times) and times[-1] not in view.lost
        for one in _in_piece(times[near], motion[near], blinks, t, view.near(near), ends):
            if begin <= one.apex < end and not any(_covers(other, one) for other in found[-2:]):
                found.append(one)
    return [one for one in found if one.confidence >= level]


def _in_piece(
    times: np.ndarray, motion: np.ndarray, blinks: Sequence[Stretch], t: Thresholds, view: View, ends: bool
) -> list[Found]:
    if len(times) < 4 or times[-1] - times[0] < SHORTEST:
        return []
    motion = _mended(motion)
    grid, even = _evenly(times, motion)
    rate = 1 / (grid[1] - grid[0])
    rest, seen = _rest(even, rate), view.seen[np.searchsorted(times, grid - 1e-6).clip(0, len(times) - 1)]
    quick, slow = (
        _at_scale(even, rest, grid, seen, blinks, view.covered, scale, ends, t)
        for scale in (_Scale(0.012, 1.5 * LONGEST_MICRO, t.micro), _Scale(0.06, LONGEST, t.macro))
    )
    # A hand moves the picture by more than any face does, and must not stand before what is seen beside it.
    found: list[Found] = []
    hidden: list[Found] = []
    for free in (True, False):
        these = ([one for one in scale if (_share_covered(one, view) < _TOUCHED) == free] for scale in (quick, slow))
        (found if free else hidden).extend(_one_of_each(*these))
    hidden = [one for one in hidden if not any(_covers(other, one) for other in found)]
    held = [_demanded(one, _of_the_head(one, times, motion, view, t)) for one in found]
    unrest = _Unrest.of(times, motion, view)
    mouth = np.array([one.apex for one in held if _MOUTH[one.region] and one.ratio > 0.7])
    judged = [
        _demanded(one, _of_the_face(one, times, motion, unrest, mouth, view, t))
        for one in _one_each_stretch(held, max(_GAP, 1.5 / rate))
    ]
    judged += [replace(one, ratio=min(one.ratio, 0.1), doubt="covered") for one in hidden]
    return sorted(judged, key=lambda one: one.onset)


def _share_covered(one: Found, view: View) -> float:
    """Of its time, in which a hand is before the face. A smile may begin as a hand leaves."""
    return sum(max(0.0, min(end, one.offset) - max(begin, one.onset)) for begin, end in view.covered) / one.length


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


@dataclass(frozen=True)
class _Unrest:
    """What a face's regions do all the time, be it by compression, by a head that never keeps still, or by speech.

    Attributes: times: (n,) seconds, some ten a second, of all that is not covered; away: (n, R) per cent of the eyes' distance
        from where a region is in the seconds around; NaN where it is not seen.
    """

    times: np.ndarray
    away: np.ndarray

    @classmethod
    def of(cls, times: np.ndarray, motion: np.ndarray, view: View) -> _Unrest:
        from scipy.ndimage import median_filter

        grid, even = _evenly(times, motion)
        rate = 1 / (grid[1] - grid[0])
        step = max(1, round(rate / 10))
        few = _smooth(even, 0.03 * rate)[::step]
        usual = median_filter(few, size=(round(_MOVES * rate / step) | 1, 1, 1), mode="nearest")
        free = np.array([not overlaps(view.covered, at, at) for at in grid[::step]])
        away = np.linalg.norm(few - usual, axis=2)
        away[~view.seen[np.searchsorted(times, grid[::step] - 1e-6).clip(0, len(times) - 1)]] = np.nan
        return cls(grid[::step][free], away[free])

    def beside(self, one: Found) -> np.ndarray:
        """(R,) per cent that each region is usually away before and after, but not while it moves: else an expression would
        count against itself. A short clip may be all expression, and counts for less."""
        if len(self.times) < 2:
            return np.zeros(self.away.shape[1])
        off = np.maximum(one.onset - self.times, self.times - one.offset)  # seconds from it, below 0 within
        near = (off > _OFF) & (off < _AROUND)
        enough = near.sum() * float(np.median(np.diff(self.times))) >= _LEAST_AROUND
        away = self.away[near] if enough else self.away
        seen = np.isfinite(away).any(0)
        if not seen.any():
            return np.zeros(len(seen))
        usual = np.full(len(seen), np.inf)
        usual[seen] = np.nanmedian(away[:, seen], axis=0)
        known = min(1.0, float(self.times[-1] - self.times[0]) / (2 * _MOVES))
        return known * np.maximum(np.median(usual[seen]), 0.5 * usual)


def _off_the_way(one: Found, times: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """(n, R, 2) how far regions are, while it lasts, from the straight way between where they were before and are after; from
    where they were before, if it is held to the end."""
    trace = _smooth(traces[_during(one, times)], 0.02 / float(np.median(np.diff(times))))
    along = (0 if one.held else 1) * np.linspace(0, 1, len(trace))[:, None, None]
    return trace - trace[:1] - along * (trace[-1:] - trace[:1])


def _above(most: np.ndarray, usual: np.ndarray) -> float:
    """How many times what it usually does the face moves. What noise does to one region it seldom does to five at a time.

    Args: most: (R,) how far each region moves; usual: (R,) of it without an expression.
    """
    times = np.sort(most / np.maximum(usual, 1e-6))
    return float(max(times[-1], _TOGETHER * times[-5:].mean()))


def _jump(off: np.ndarray, most: np.ndarray, times: np.ndarray) -> float:
    """The largest share of a movement that comes in a thirtieth of a second: usually, of the regions that move most, at most
    three, and at least half as far as the first.

    Args: off: (n, R, 2) the movement; most: (R,) its largest.
    """
    step = max(1, round(1 / (30 * float(np.median(np.diff(times))))))
    furthest = [region for region in np.argsort(most)[-3:] if most[region] >= 0.5 * most.max()]
    steps = np.linalg.norm(off[step:, furthest] - off[:-step, furthest], axis=2).max(0, initial=0)
    return float(np.median(steps / most[furthest]))


def _smiling(one: Found, times: np.ndarray, motion: np.ndarray) -> float:
    """Per cent by which cheeks and mouth corners go both up or both outwards: as far as the face's two sides do the same."""
    off = _off_the_way(one, times, motion)
    sides = [
        np.abs([off[:, right, 0] - off[:, left, 0], off[:, right, 1] + off[:, left, 1]]) / 2 for left, right in _SMILING
    ]
    return float(np.sqrt(np.prod([both.max() for both in sides])))


def _demanded(one: Found, demands: dict[str, float]) -> Found:
    """With the strictest demand that is made on it. Args: demands: by name, how many times each is met."""
    reason = min(demands, key=lambda name: demands[name])
    if demands[reason] >= one.ratio:
        return one
    return replace(one, ratio=demands[reason], doubt=reason if demands[reason] < 1 else one.doubt)


def _during(one: Found, times: np.ndarray) -> slice:
    begin, end = np.searchsorted(times, (one.onset - 1e-6, one.offset + 1e-6))
    return slice(int(begin), max(int(end), int(begin) + 1))


def _of_the_head(one: Found, times: np.ndarray, motion: np.ndarray, view: View, t: Thresholds) -> dict[str, float]:
    during = _during(one, times)
    turned = np.linalg.norm(np.ptp(view.turned[during], axis=0), axis=1).mean()
    aside = np.linalg.norm(_off_the_way(one, times, view.turned), axis=2).max(0).mean()
    turns = max(
        t.turn * one.motion / max(float(turned), 1e-6), t.smile * _smiling(one, times, motion) / max(float(aside), 1e-6)
    )
    seen = view.seen[during, one.region]
    if view.seen[during].mean(1).min() < _ASTRAY:
        turns = 0.1
    return {
        "head turns": turns,
        "flicker": one.ratio / t.flicker if overlaps(view.flicker, one.onset, one.offset) else np.inf,
        "not seen": _SEEN * float(seen.sum()) / max(float((~seen).sum()), 1e-6),
    }


def _of_the_face(
    one: Found, times: np.ndarray, motion: np.ndarray, unrest: _Unrest, mouth: np.ndarray, view: View, t: Thresholds
) -> dict[str, float]:
    lost = min((abs(second - at) for second in view.lost for at in (one.onset, one.offset)), default=np.inf)
    during = _during(one, times)
    off = _off_the_way(one, times, motion)
    most = np.linalg.norm(off, axis=2).max(0)
    demands = {
        "covered": np.inf if _JAW[one.region] else t.furthest / one.motion,
        "head turns": t.roll / max(float(np.ptp(view.roll[during])), 1e-6),
        "restless video": _above(most, unrest.beside(one)) / t.restless,
        "face comes or leaves": lost / 0.5,
    }
    if _MOUTH[one.region] and (
        (one.parts >= 4 and one.length / one.parts < 0.6) or (np.abs(mouth - one.apex) < _SPEAKS / 2).sum() >= 4
    ):
        demands["speaks"] = 0.5  # a mouth that goes on and on, several times a second
    if one.kind == "macro":
        demands["jumps"] = t.jump / max(_jump(off, most, times[during]), 1e-6)
    else:
        demands["few frames"] = (during.stop - during.start - 0.5) / t.frames
        demands["no rest beside it"] = t.calm / max(_beside(one, times, motion), 1e-6)
    return demands


def _beside(one: Found, times: np.ndarray, motion: np.ndarray) -> float:
    """How far its region moves in the half second before and after, for its own movement."""
    rate = 1 / float(np.median(np.diff(times)))
    begin, onset, offset, end = np.searchsorted(
        times, (one.onset - _BESIDE, one.onset - 1e-6, one.offset - 1e-6, one.offset + _BESIDE)
    )
    trace = _smooth(motion[begin:end, one.region], 0.02 * rate)
    before, after = trace[: onset - begin + 1], trace[min(offset - begin, len(trace) - 1) :]
    away = max(np.linalg.norm(before - before[-1], axis=1).max(), np.linalg.norm(after - after[0], axis=1).max())
    return float(max(away, np.linalg.norm(after[0] - before[-1]))) / one.motion


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
        curve[:, region] = np.linalg.norm(_smooth(trace, 0.012 * rate) - rest, axis=1)
    return curve


def _at_scale(
    even: np.ndarray,
    rest: np.ndarray,
    grid: np.ndarray,
    seen: np.ndarray,
    blinks: Sequence[Stretch],
    covered: Sequence[Stretch],
    scale: _Scale,
    ends: bool,
    t: Thresholds,
) -> list[Found]:
    rate = 1 / (grid[1] - grid[0])
    traces = _smooth(even, scale.smooth * rate)
    least = np.maximum(scale.least, t.noise * _noise(even, scale.smooth * rate))
    peaks = _peaks(traces, rest, grid, blinks, round(scale.reach * rate), least, ends and scale.reach == LONGEST, t)
    # Before the edge of a face comes hair when the head moves; what else moves then is the face's.
    peaks = [p for p in peaks if seen[p.at, p.region] or not _OUTER[p.region]]
    hidden = {peak.at for peak in peaks if overlaps(covered, grid[peak.at] - 1e-6, grid[peak.at] + 1e-6)}
    groups = (_groups(p for p in peaks if (p.at in hidden) == of_hand) for of_hand in (False, True))
    bounded = (_bounded(group, traces, grid, rate, t) for group in chain(*groups))
    return [one for one in bounded if one is not None]


def _mended(motion: np.ndarray) -> np.ndarray:
    """(T, R, 2) without what is there in one frame alone: that is the picture's."""
    mended = motion.astype(np.float64)
    middle = np.sort(np.stack([mended[:-2], mended[1:-1], mended[2:]]), axis=0)[1]
    off = np.abs(mended[1:-1] - middle)
    odd = off > np.maximum(_ODD, _ODDER * np.median(off, axis=0))
    mended[1:-1][odd] = middle[odd]
    return mended


def _one_of_each(quick: Sequence[Found], slow: Sequence[Found]) -> list[Found]:
    """An expression may be found at both scales, and a large one has small peaks on it: the larger movement is kept.

    The smoother trace is a little lower, and a quick expression seen in it reaches out to whatever lies beside it; so
    where both are about as large, it is the quick one; and what came back is not what is held, unless that is twice as large.
    """
    kept: list[Found] = []
    size = lambda f: f.motion * (1.5 if any(f is q for q in quick) else 1.0) * (0.5 if f.held else 1.0)  # noqa: E731
    for one in sorted([*quick, *slow], key=size, reverse=True):
        if not any(_covers(other, one) for other in kept):
            kept.append(one)
    return kept


def _evenly(times: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The traces on a grid of even steps, as far apart as the frames usually are."""
    count = round(float((times[-1] - times[0]) / np.median(np.diff(times)))) + 1
    grid = np.linspace(times[0], times[-1], max(count, 4))
    flat = motion.reshape(len(times), -1)
    even = np.stack([np.interp(grid, times, trace) for trace in flat.T], axis=1)
    return grid, even.reshape(len(grid), *motion.shape[1:])


def _smooth(traces: np.ndarray, deviation: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(traces, deviation, axis=0, mode="nearest") if deviation > 0.3 else traces


def _rest(traces: np.ndarray, rate: float) -> np.ndarray:
    """(T, R, 2) where a region usually is: the median over the seconds around; from a few samples a second."""
    from scipy.ndimage import median_filter

    step = max(1, round(rate / 5))
    few = np.stack([np.median(traces[k : k + step], axis=0) for k in range(0, len(traces), step)])
    calm = median_filter(few, size=(round(_REST * rate / step) | 1, 1, 1), mode="nearest")
    at = np.arange(len(few)) * step + (step - 1) / 2
    flat = calm.reshape(len(few), -1)
    even = np.stack([np.interp(np.arange(len(traces)), at, trace) for trace in flat.T], axis=1)
    return even.reshape(traces.shape)


def _peaks(
    traces: np.ndarray,
    rest: np.ndarray,
    grid: np.ndarray,
    blinks: Sequence[Stretch],
    reach: int,
    least: np.ndarray,
    ends: bool,
    t: Thresholds,
) -> list[_Peak]:
    """Peaks of every region along every direction. Args: reach: samples; least: (R,) per cent; ends: the video, with them."""
    from scipy.signal import find_peaks

    blinking = np.zeros(len(grid), bool)
    for begin, end in blinks:
        blinking |= (grid >= begin) & (grid <= end)
    peaks = []
    window, last = 2 * max(2, reach) + 1, len(traces) - 1
    for region in range(traces.shape[1]):
        for direction in _DIRECTIONS:
            seen, calm = traces[:, region] @ direction, rest[:, region] @ direction
            tops, about = find_peaks(seen, prominence=least[region], wlen=window)
            sides = zip(tops, about["prominences"], about["left_bases"], about["right_bases"], strict=True)
            found = {int(top): (float(height), int(left), int(right)) for top, height, left, right in sides}
            if ends:  # what is held to the end is taken to come back then
                tops, about = find_peaks(np.append(seen, seen.min()), prominence=least[region], wlen=window)
                sides = zip(tops, about["prominences"], about["left_bases"], about["right_bases"], strict=True)
                found = {int(top): (float(h), int(a), int(b)) for top, h, a, b in sides if b > last} | found
            for top, (height, left, right) in found.items():
                needed = least[region] * (t.blinking if _UPPER[region] and blinking[top] else 1.0)
                # Between two expressions a face goes back and comes again: a peak the other way, whose top is the rest. What is
                # held to the end is the usual there, and not before it came.
                usual = calm[top] if right <= last else min(calm[top], calm[left])
                if height >= needed and seen[top] - usual >= 0.35 * height:
                    peaks.append(
                        _Peak(top, region, direction, height, height / needed, left, min(right, last), right > last)
                    )
    return peaks


def _noise(even: np.ndarray, deviation: float) -> np.ndarray:
    """(R,) deviation of white noise after smoothing, per cent, from second differences: movements are slower and hardly
    count."""
    steps = np.abs(np.diff(even, n=2, axis=0))
    raw = 1.4826 * np.median(steps, axis=0).max(-1) / np.sqrt(6)
    return raw / np.sqrt(2 * np.sqrt(np.pi) * deviation) if deviation > 0.3 else raw


def _groups(peaks: Iterable[_Peak]) -> list[list[_Peak]]:
    """Peaks of several regions that belong to one expression; the most marked leads its group."""
    groups: list[list[_Peak]] = []
    for peak in sorted(peaks, key=lambda p: -p.ratio):
        for group in groups:
            leader = group[0]
            if leader.left < peak.at < leader.right and peak.left < leader.at < peak.right:
                if all(p.region != peak.region for p in group):
                    group.append(peak)
                break
        else:
            groups.append([peak])
    return groups


def _bounded(group: Sequence[_Peak], traces: np.ndarray, grid: np.ndarray, rate: float, t: Thresholds) -> Found | None:
    """Onset, apex and offset of the regions' movements taken together; None where that is no expression."""
    # Hair at the edge of a face goes further than skin can, and is no more than hair where skin moves, too.
    group = [p for p in group if p.height <= t.furthest or _JAW[p.region]] or group
    leader = group[0]
    together = np.sum([p.height * traces[:, p.region] @ p.direction for p in group], axis=0) / sum(
        p.height for p in group
    )
    first, last = leader.left, leader.right
    near = max(1, round(0.03 * rate))
    low, high = max(first, leader.at - near), min(last, leader.at + near)
    apex = low + int(together[low : high + 1].argmax())
    if not first < apex < last:
        return None
    onset = apex - _edge(together[first : apex + 1][::-1], rate, t.edge)
    held = leader.held and together[apex:].min() - together[onset] > _HELD * (together[apex] - together[onset])
    offset = last if held else apex + _edge(together[apex : last + 1], rate, t.edge)
    if not SHORTEST * 0.75 <= (offset - onset) / rate <= LONGEST:
        return None
    strongest = max(group, key=lambda p: p.height)
    if (offset - onset) / rate > LONGEST_MICRO:
        if strongest.height < t.macro:
            return None
        apex = onset + _first_at_top(together[onset : apex + 1])
    begin, top, end = (float(grid[k]) for k in (onset, apex, offset))
    return Found(begin, top, end, strongest.region, strongest.height, leader.ratio, held=held)


def _first_at_top(rise: np.ndarray) -> int:
    """Where a slow movement is complete: its top may be held, and noise then decides which sample is the highest."""
    return int(np.flatnonzero(rise >= rise[0] + 0.95 * (rise[-1] - rise[0]))[0])


def _edge(fall: np.ndarray, rate: float, share: float) -> int:
    """Samples from the apex to where the movement begins or ends.

    The lowest point would do if the face then kept still. So the search ends soon after the steep part: a movement that
    starts and stops smoothly takes twice as long from half its height to its end as from nine tenths to half.

    Args: fall: the movement from the apex away to the lowest point on that side, samples.
    """
    fall = fall - fall.min()
    half, most = (int(np.flatnonzero(fall <= part * fall[0])[0]) for part in (0.5, 0.9))
    end = half + round(3.5 * (half - most) + 0.04 * rate) + 1
    fall = fall[:end] - fall[:end].min()
    return int(np.flatnonzero(fall <= share * fall[0])[0])


def _covers(one: Found, other: Found) -> bool:
    shared = min(one.offset, other.offset) - max(one.onset, other.onset)
    return shared > 0.5 * min(one.length, other.length)
