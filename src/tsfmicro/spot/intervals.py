"""From the movement of regions over time to expressions: onset, apex and offset.

An expression is a region that leaves its place and comes back. In the trace of a region, seen along a direction, that is a
peak, and its prominence is how far the region went and came back, whatever the level around it: a face that does not return
quite to where it was, and the slow errors that a turning head leaves, change levels but make no peaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.types import Kind

SHORTEST, LONGEST_MICRO, LONGEST = 1 / 25, 1 / 2, 4.0
"""Seconds: a micro-expression lasts 1/25 to 1/2 s (Yan et al. 2013), a macro-expression up to 4 s (Ekman 2003)."""


@dataclass(frozen=True)
class Thresholds:
    """What counts as an expression. The values were tuned on generated videos only, seed 0.

    Attributes:
        micro, macro: least movement and return, per cent of the eyes' distance; slow ones must be larger, because the
            errors a turning head leaves are slow.
        noise: … and at least so many times the trace's own noise.
        blinking: … and so many times as much in brows and cheeks while the eyes blink.
        edge: an expression begins and ends where it has so large a share of its height.
    """

    micro: float = 0.50
    macro: float = 0.80
    noise: float = 12.0
    blinking: float = 2.0
    edge: float = 0.06


@dataclass(frozen=True)
class Found:
    """One expression.

    Attributes:
        onset, apex, offset: seconds.
        region: number of the region that moved most; motion: how far, per cent of the eyes' distance.
        confidence: 0.5 at the threshold, towards 1 far above it; no probability.
    """

    onset: float
    apex: float
    offset: float
    region: int
    motion: float
    confidence: float

    @property
    def length(self) -> float:
        return self.offset - self.onset

    @property
    def kind(self) -> Kind:
        return "micro" if self.length <= LONGEST_MICRO else "macro"


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


_REST = 10.0  # seconds over which a face is said to rest
_PIECE = 60.0  # seconds that are looked at together, with the rest before and after: an hour need not be copied whole
_UPPER = np.array([("brow" in name) or ("cheek" in name) for name in REGIONS])
_ANGLES = np.arange(8) * np.pi / 4
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


def find_intervals(
    times: np.ndarray, motion: np.ndarray, blinks: Sequence[tuple[float, float]], thresholds: Thresholds | None = None
) -> list[Found]:
    """Expressions in the traces of one face, in order.

    Args:
        times: (T,) seconds, ascending, with any steps.
        motion: (T, R, 2) movement of each region, right and down, per cent of the eyes' distance.
        blinks: seconds, from and to.
    """
    t = thresholds or Thresholds()
    found: list[Found] = []
    for begin in np.arange(times[0], times[-1], _PIECE) if len(times) else ():
        end = begin + _PIECE
        near = slice(*np.searchsorted(times, (begin - _REST, end + _REST)))
        for one in _in_piece(times[near], motion[near], blinks, t):
            if begin <= one.apex < end and not any(_covers(other, one) for other in found[-2:]):
                found.append(one)
    return found


def _in_piece(
    times: np.ndarray, motion: np.ndarray, blinks: Sequence[tuple[float, float]], t: Thresholds
) -> list[Found]:
    if len(times) < 4 or times[-1] - times[0] < SHORTEST:
        return []
    grid, even = _evenly(times, motion)
    rate = 1 / (grid[1] - grid[0])
    rest = _rest(even, rate)
    quick, slow = (
        _at_scale(even, rest, grid, blinks, scale, t)
        for scale in (_Scale(0.012, 1.5 * LONGEST_MICRO, t.micro), _Scale(0.06, LONGEST, t.macro))
    )
    return sorted(_one_of_each(quick, slow), key=lambda one: one.onset)


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


def find_blinks(times: np.ndarray, eyes: np.ndarray) -> list[tuple[float, float]]:
    """Seconds, from and to, in which both eyes are closed or closing.

    A lid over iris and white leaves little contrast: a blink is where both eyes lose a fifth of what they have around.

    Args: times: (T,) seconds; eyes: (T, 2) contrast, grey levels.
    """
    from scipy.ndimage import median_filter

    if len(times) < 4:
        return []
    rate = 1 / float(np.median(np.diff(times)))
    usual = median_filter(eyes, size=(round(2 * rate) | 1, 1), mode="nearest")
    closed = np.concatenate([[False], (eyes < 0.8 * usual).all(1), [False]])
    edges = np.flatnonzero(np.diff(closed.astype(int)))
    lids = 0.05  # seconds for which the lids move before and after
    return [(float(times[a]) - lids, float(times[b - 1]) + lids) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _at_scale(
    even: np.ndarray,
    rest: np.ndarray,
    grid: np.ndarray,
    blinks: Sequence[tuple[float, float]],
    scale: _Scale,
    t: Thresholds,
) -> list[Found]:
    rate = 1 / (grid[1] - grid[0])
    traces = _smooth(even, scale.smooth * rate)
    least = np.maximum(scale.least, t.noise * _noise(even, scale.smooth * rate))
    groups = _groups(_peaks(traces, rest, grid, blinks, round(scale.reach * rate), least, t))
    bounded = (_bounded(group, traces, grid, rate, t) for group in groups)
    return [one for one in bounded if one is not None]


def _one_of_each(quick: Sequence[Found], slow: Sequence[Found]) -> list[Found]:
    """An expression may be found at both scales, and a large one has small peaks on it: the larger movement is kept.

    The smoother trace is a little lower, and a quick expression seen in it reaches out to whatever lies beside it; so
    where both are about as large, it is the quick one.
    """
    kept: list[Found] = []
    for one in sorted([*quick, *slow], key=lambda f: -f.motion * (1.5 if any(f is q for q in quick) else 1.0)):
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
    blinks: Sequence[tuple[float, float]],
    reach: int,
    least: np.ndarray,
    t: Thresholds,
) -> list[_Peak]:
    """Peaks of every region along every direction. Args: reach: samples; least: (R,) per cent."""
    from scipy.signal import find_peaks

    blinking = np.zeros(len(grid), bool)
    for begin, end in blinks:
        blinking |= (grid >= begin) & (grid <= end)
    peaks = []
    window = 2 * max(2, reach) + 1
    for region in range(traces.shape[1]):
        for direction in _DIRECTIONS:
            seen, calm = traces[:, region] @ direction, rest[:, region] @ direction
            tops, about = find_peaks(seen, prominence=least[region], wlen=window)
            for top, height, left, right in zip(
                tops, about["prominences"], about["left_bases"], about["right_bases"], strict=True
            ):
                needed = least[region] * (t.blinking if _UPPER[region] and blinking[top] else 1.0)
                # Between two expressions a face goes back and comes again: a peak the other way, whose top is the rest.
                if height >= needed and seen[top] - calm[top] >= 0.35 * height:
                    peaks.append(
                        _Peak(int(top), region, direction, float(height), float(height / needed), int(left), int(right))
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
    offset = apex + _edge(together[apex : last + 1], rate, t.edge)
    if not SHORTEST * 0.75 <= (offset - onset) / rate <= LONGEST:
        return None
    strongest = max(group, key=lambda p: p.height)
    if (offset - onset) / rate > LONGEST_MICRO:
        if strongest.height < t.macro:
            return None
        apex = onset + _first_at_top(together[onset : apex + 1])
    confidence = leader.ratio / (1 + leader.ratio)
    begin, top, end = (float(grid[k]) for k in (onset, apex, offset))
    return Found(begin, top, end, strongest.region, strongest.height, confidence)


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
