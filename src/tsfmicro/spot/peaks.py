"""Peaks of a face's traces: a region that leaves its place and comes back, and others that move with it.

In the trace of a region, seen along a direction, an expression is a peak, and its prominence is how far the region went and came back,
whatever the level around it: a face that does not return quite to where it was, and the slow errors that a turning head leaves, change levels
but make no peaks.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from tsfmicro.spot.found import LONGEST, LONGEST_MICRO, SHORTEST, Found, Thresholds
from tsfmicro.spot.marks import Stretch, overlaps
from tsfmicro.spot.motion import JAW, OUTER, REGIONS
from tsfmicro.spot.traces import noise_of, smooth

_STEEP = 0.9  # seconds after half its height in which a movement may end, however steep it is
# seconds that a face rests between two movements, and shares of the first: how near to rest that is, how far the second goes at least
_RESTS, _AT_REST, _OPPOSITE = 0.25, 0.2, 0.3
_HELD = 0.4  # share of its height that a movement keeps which is held
_UPPER = np.array([("brow" in name) or ("cheek" in name) for name in REGIONS])
_ANGLES = np.arange(8) * np.pi / 4
_DIRECTIONS = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)


@dataclass(frozen=True)
class Scale:
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


def at_scale(
    even: np.ndarray,
    rest: np.ndarray,
    grid: np.ndarray,
    seen: np.ndarray,
    blinks: Sequence[Stretch],
    covered: Sequence[Stretch],
    scale: Scale,
    ends: bool,
    t: Thresholds,
) -> list[Found]:
    """Movements of one scale, those beside a hand last; nobody has asked yet what they are.

    Args:
        even, rest: (T, R, 2) the traces on an even grid, and where each region usually is; grid: (T,) seconds.
        seen: (T, R) whether a region's skin is to be seen. blinks, covered: seconds, from and to.
        ends: whether the video ends where the traces do.
    """
    rate = 1 / (grid[1] - grid[0])
    traces = smooth(even, scale.smooth * rate)
    least = np.maximum(scale.least, t.noise * noise_of(even, scale.smooth * rate))
    peaks = _peaks(traces, rest, grid, blinks, round(scale.reach * rate), least, ends and scale.reach == LONGEST, t)
    # Before the edge of a face comes hair when the head moves; what else moves then is the face's.
    peaks = [p for p in peaks if seen[p.at, p.region] or not OUTER[p.region]]
    hidden = {peak.at for peak in peaks if overlaps(covered, grid[peak.at] - 1e-6, grid[peak.at] + 1e-6)}
    groups = (_groups(p for p in peaks if (p.at in hidden) == of_hand) for of_hand in (False, True))
    bounded = (_bounded(group, traces, grid, rate, t) for group in chain(*groups))
    return [one for one in bounded if one is not None]


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
    blinking = np.zeros(len(grid), bool)
    for begin, end in blinks:
        blinking |= (grid >= begin) & (grid <= end)
    peaks = []
    window, last = 2 * max(2, reach) + 1, len(traces) - 1
    for region in range(traces.shape[1]):
        for direction in _DIRECTIONS:
            seen, calm = traces[:, region] @ direction, rest[:, region] @ direction
            found = _tops(seen, least[region], window)
            if ends:  # what is held to the end is taken to come back then
                held = _tops(np.append(seen, seen.min()), least[region], window)
                found = {top: sides for top, sides in held.items() if sides[2] > last} | found
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


def _tops(seen: np.ndarray, least: float, window: int) -> dict[int, tuple[float, int, int]]:
    """Top → how high it stands above what is beside it within a window, and where that is left and right; those below `least` are none."""
    from scipy.signal import find_peaks

    with warnings.catch_warnings(
        action="ignore", category=RuntimeWarning
    ):  # of tops as wide as the window, which are none
        tops, about = find_peaks(seen, prominence=least, wlen=window)
    sides = zip(tops, about["prominences"], about["left_bases"], about["right_bases"], strict=True)
    return {int(top): (float(height), int(left), int(right)) for top, height, left, right in sides}


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
    group = [p for p in group if p.height <= t.furthest or JAW[p.region]] or group
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
    if not OUTER[leader.region]:  # where hair comes before the face's edge, it goes to and fro
        together = _alone(together, first, apex, last, rate)
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


def _alone(together: np.ndarray, first: int, apex: int, last: int, rate: float) -> np.ndarray:
    """A movement without the one the other way that comes before or after it, where the face rests between them."""
    back, further = sorted((together[first : apex + 1], together[apex : last + 1]), key=lambda side: -side.min())
    rest = back.min()
    height = together[apex] - rest
    rests = np.abs(further - rest) < _AT_REST * height
    goes_on = further.min() < rest - _OPPOSITE * height and rests.sum() >= _RESTS * rate
    return np.maximum(together, rest) if goes_on else together


def _first_at_top(rise: np.ndarray) -> int:
    """Where a slow movement is complete: its top may be held, and noise then decides which sample is the highest."""
    return int(np.flatnonzero(rise >= rise[0] + 0.95 * (rise[-1] - rise[0]))[0])


def _edge(fall: np.ndarray, rate: float, share: float) -> int:
    """Samples from the apex to where the movement begins or ends.

    The lowest point would do if the face then kept still. So the search ends soon after the steep part: a movement that
    starts and stops smoothly takes twice as long from half its height to its end as from nine tenths to half, and 3.6 times as
    long as from three quarters. One that is held droops before it goes, and then the second says it better.

    Args: fall: the movement from the apex away to the lowest point on that side, samples.
    """
    fall = fall - fall.min()
    half, near, most = (int(np.flatnonzero(fall <= part * fall[0])[0]) for part in (0.5, 0.75, 0.9))
    steep = min(3.5 * (half - most), max(6.3 * (half - near), _STEEP * rate))
    end = half + round(steep + 0.04 * rate) + 1
    fall = fall[:end] - fall[:end].min()
    return int(np.flatnonzero(fall <= share * fall[0])[0])
