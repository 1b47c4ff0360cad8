"""What moves in a picture of a face and is no expression: blinks, glances, bites, hands before it, turns and shakes, flicker,
exposure and compression.

Each is told as a stretch of time, from and to in seconds. They say where to look less closely, or not at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from tsfmicro.spot.fitness import FROZEN
from tsfmicro.spot.motion import JAW, MOUTH, OUTER, REGIONS
from tsfmicro.spot.traces import evenly, smooth

Stretch = tuple[float, float]
"""Seconds, from and to."""

_PIECE, _BESIDE = 60.0, 2.0  # seconds looked at together, and those before and after: an hour need not be copied whole
_OPEN = 2.0  # seconds over which an eye is said to be usually as it is
_LIDS = 0.05  # seconds for which the lids move before and after
_BLINK = 0.5  # seconds; eyes that are closed for longer do not blink
_MOMENT = 0.2  # seconds
_LIPS = np.array(["lip" in name for name in REGIONS])  # they open, and then other things are seen: teeth
# The edge of a face turns away, and hair or a collar is seen; lips open, and teeth are.
_EDGE = JAW | OUTER
# Seconds over which eyes usually look somewhere, and for which they look elsewhere at least; pixels of an eye's picture, 0.9 per cent of
# the eyes' distance: some three degrees.
_LOOKS, _GLANCE, _ASIDE = 4.0, 0.1, 0.2
_PART = 1024  # frames looked at together
_APART = 0.3  # seconds between two of one kind; less is none
# Seconds looked at together, and for which a mouth chews at least; deviations of the Gaussians between which bites lie; per cent of the
# eyes' distance; how far any other region goes for that, and all but two; Hz up to which a mouth chews; how often it goes there and back at
# least.
_BITES, _CHEWS, _BETWEEN = 1.2, 1.0, (0.05, 0.5)
_PHRASE, _FINE = 8.0, 0.02  # seconds that are one or the other, not both; from one moment to the next at least
_BITE, _STILL, _STILL_MOST, _TEMPO, _THERE_AND_BACK = 0.2, 0.25, 0.12, 1.35, 1.4
_MARGIN = 0.3  # seconds before and after, in which a hand is near and its shadow is there
_NEAR = 0.5  # seconds; what hides two regions so soon before or after what hides three is the same hand
_REMAINS = 4.0  # seconds; a hand that was seen to come and to go was there between
_TURN, _TURN_TIME = 2.5, 1.0  # per cent of the eyes' distance, within so many seconds
_STANDS = 0.3  # seconds over which it is said how much of a face usually stands
_FLICKER = 0.02  # of the brightness, from frame to frame
# per cent of the eyes' distance; so many to and fro in turn, of at most so many seconds
_SHAKE, _SWINGS, _SWING = 1.0, 5, 0.5
_GRAIN, _COURSE = 0.03, 0.35  # seconds: what is quicker than a shake, and where the head is meanwhile
_EXPOSURE, _STEP, _SPARK = 0.09, 0.4, 0.15  # of the brightness, within so many seconds; what lasts less is a flash


def find_blinks(times: np.ndarray, eyes: np.ndarray) -> list[Stretch]:
    """Where both eyes are closed or closing, for at most half a second.

    An open eye looks like itself a second ago, wherever it looks; a lid over the iris does not, be its lashes as dark.

    Args: times: (T,) seconds; eyes: (T, 2, h, w) grey levels, the head held still.
    """
    found: list[Stretch] = []
    for begin in np.arange(times[0], times[-1], _PIECE) if len(times) > 3 else ():
        near = slice(*np.searchsorted(times, (begin - _BESIDE, begin + _PIECE + _BESIDE)))
        if near.stop - near.start > 3:
            found += [b for b in _blinks(times[near], eyes[near]) if begin <= b[0] < begin + _PIECE]
    return found


def _blinks(times: np.ndarray, eyes: np.ndarray) -> Iterator[Stretch]:
    from scipy.ndimage import median_filter

    rate = 1 / float(np.median(np.diff(times)))
    step = max(1, round(rate / 15))
    looks = eyes.reshape(len(eyes), 2, -1).astype(np.float32)
    looks -= looks.mean(2, keepdims=True)
    usual = median_filter(looks[::step], size=(round(_OPEN * rate / step) | 1, 1, 1), mode="nearest")
    usual = usual[np.arange(len(looks)) // step]
    like = (looks * usual).sum(2) / np.sqrt((looks**2).sum(2) * (usual**2).sum(2) + 1e-3)
    less = median_filter(like, size=(round(_OPEN * rate) | 1, 1), mode="nearest") - like
    for a, b in _runs((less > 0.03).all(1)):
        both = less[a : b + 1]
        if times[b] - times[a] <= _BLINK and both.min(1).max() > 0.08 and both.mean(1).max() > 0.15:
            yield float(times[a]) - _LIDS, float(times[b]) + _LIDS


def find_covered(times: np.ndarray, seen: np.ndarray, turns: Sequence[Stretch] = ()) -> list[Stretch]:
    """Where a hand or a thing is before the face, or comes or goes: two regions or more, not the lips alone, show something else
    than before; a moment tells nothing. What hid three regions when it came and when it went was there between, too; what hides two may be the
    face's own edge, and while the head turns it is what turns away.

    Args: times: (T,) seconds, of all stretches in which this face was followed; seen: (T, R); turns: seconds in which the head turns.
    """
    from scipy.ndimage import median_filter

    if len(times) < 4:
        return []
    width = round(_MOMENT / float(np.median(np.diff(times)))) | 1
    seen = median_filter(seen, size=(width, 1), mode="nearest")
    hidden = (~seen).sum(1)
    much = hidden >= 3
    told = lambda runs: [(float(times[a]) - _MARGIN, float(times[b]) + _MARGIN) for a, b in runs]  # noqa: E731
    runs = _runs((hidden >= 2) & (~seen[:, ~_LIPS]).any(1))
    hands = [run for run in runs if much[run[0] : run[1] + 1].any()]
    near = [
        run for run in runs if any(max(times[run[0]] - times[b], times[a] - times[run[1]]) < _NEAR for a, b in hands)
    ]
    covers = joined(told(near), _REMAINS)
    alone = [run for run in runs if not seen[run[0] : run[1] + 1, ~_EDGE].all()]
    alone = [run for run in alone if not overlaps(turns, float(times[run[0]]), float(times[run[1]]) + 1e-6)]
    return joined(sorted([*covers, *(one for one in told(alone) if not overlaps(covers, *one))]), 0.0)


def find_glances(times: np.ndarray, eyes: np.ndarray, others: Sequence[Stretch] = ()) -> list[Stretch]:
    """Where both eyes look further to the one side, or to the other, than usually in the seconds around.

    Args: times: (T,) seconds; eyes: (T, 2, h, w) grey levels, the head held still; others: seconds in which they are not seen so, by blinks,
        turns, or what covers the face.
    """
    from scipy.ndimage import median_filter

    if len(times) < 4:
        return []
    rate = 1 / float(np.median(np.diff(times)))
    aside = np.where(outside(others, times), _shifts_aside(eyes, rate), 0)
    looks = np.abs(median_filter(aside, size=round(_GLANCE * rate) | 1, mode="nearest")) > _ASIDE
    looks[1:] &= np.diff(times) < _APART
    found = joined([(float(times[a]), float(times[b])) for a, b in _runs(looks)], _APART)
    return [one for one in found if one[1] - one[0] > _GLANCE - 1e-6]


def _shifts_aside(eyes: np.ndarray, rate: float) -> np.ndarray:
    """(T,) pixels of their pictures by which both eyes look to the right, or to the left (below 0), of where they usually look; the lesser of
    both, and 0 where they go apart.

    It is how far an eye's usual picture must be shifted to look most like this one: least squares, right and down together.
    """
    from scipy.ndimage import median_filter

    step = max(1, round(rate / 5))
    usual = _bare(eyes[::step])
    usual = median_filter(usual, size=(round(_LOOKS * rate / step) | 1, 1, 1, 1), mode="nearest")
    aside = np.zeros(len(eyes))
    for begin in range(0, len(eyes), _PART):  # an hour is not held as floats
        part = slice(begin, begin + _PART)
        like = usual[((np.arange(len(eyes))[part] + step // 2) // step).clip(0, len(usual) - 1)]
        down, right = np.gradient(like, axis=(2, 3))
        less = like - _bare(eyes[part])
        of_right, of_both, of_down, along, across = (
            np.einsum("neyx,neyx->ne", a, b)
            for a, b in ((right, right), (right, down), (down, down), (less, right), (less, down))
        )
        shift = (of_down * along - of_both * across) / (of_right * of_down - of_both**2 + 1e-3)  # (n, 2)
        aside[part] = np.where(shift.prod(1) > 0, np.sign(shift[:, 0]) * np.abs(shift).min(1), 0)
    return aside


def _bare(eyes: np.ndarray) -> np.ndarray:
    """(n, 2, h, w) float32 without how bright each eye is."""
    return eyes - eyes.mean((2, 3), keepdims=True, dtype=np.float32)


def find_chewing(times: np.ndarray, motion: np.ndarray, others: Sequence[Stretch] = ()) -> list[Stretch]:
    """Where lips and chin go to and fro and the rest of the face keeps still. A mouth that speaks does so more quickly; one that
    expresses something goes there and back once.

    Args: times: (T,) seconds; motion: (T, R, 2) per cent of the eyes' distance; others: seconds in which something else moves a
        mouth: what covers it, or an expression that is told.
    """
    from scipy.ndimage import uniform_filter1d

    if len(times) < 4:
        return []
    step = max(1, round(_FINE * float(1 / np.median(np.diff(times)))))
    times, motion = times[::step], motion[::step]
    if len(times) < 4:
        return []
    grid, even = evenly(times, motion)
    rate = 1 / float(grid[1] - grid[0])
    course, place = (smooth(even.astype(np.float32), deviation * rate) for deviation in _BETWEEN)
    del even  # of an hour
    quick, width = course - place, max(1, round(_BITES * rate))
    usual = lambda values: uniform_filter1d(values, width, axis=0, mode="nearest").clip(0)  # noqa: E731
    mouth = quick[:, JAW].reshape(len(grid), -1) / np.sqrt(JAW.sum())
    goes = np.sqrt(usual((mouth**2).sum(1)))
    rest = np.sort(np.sqrt(usual((quick[:, ~MOUTH] ** 2).sum(2))), axis=1) / np.maximum(goes, 1e-6)[:, None]
    # A sine that goes as far, and as far in a second, has this many periods a second.
    speed = usual(np.linalg.norm(np.gradient(mouth, axis=0), axis=1)) * rate
    tempo = speed / np.maximum(4 * np.sqrt(2) * goes, 1e-6)
    alone = (goes > _BITE) & (rest[:, -1] < _STILL) & (rest[:, -3] < _STILL_MOST)
    found = []
    for a, b in _pieces(_runs(alone), _PHRASE * rate):
        bites = _there_and_back(course[a : b + 1, JAW].reshape(b + 1 - a, -1), rate)
        slow = np.average(tempo[a : b + 1], weights=goes[a : b + 1]) <= _TEMPO
        one = float(grid[a]), float(grid[b])
        if slow and one[1] - one[0] >= _CHEWS and bites >= _THERE_AND_BACK and not overlaps(others, *one):
            found.append(one)
    return joined(found, _APART)


def _pieces(runs: Sequence[tuple[int, int]], most: float) -> Iterator[tuple[int, int]]:
    """First and last index of equal pieces of runs, none longer than `most`."""
    for a, b in runs:
        edges = np.linspace(a, b, math.ceil((b - a) / most) + 1 if b > a else 2).round().astype(int).tolist()
        yield from pairwise(edges)


def _there_and_back(places: np.ndarray, rate: float) -> float:
    """How often something goes as far as it comes, and back. Args: places: (n, d)."""
    few = places[:: max(1, round(rate / 15))]
    off = few - few[0] - np.linspace(0, 1, len(few))[:, None] * (few[-1] - few[0])
    way = np.linalg.norm(np.diff(few, axis=0), axis=1).sum()
    return float(way / max(2 * np.linalg.norm(off, axis=1).max(), 1e-6))


def find_turns(times: np.ndarray, turned: np.ndarray) -> list[Stretch]:
    """Where the head turns to the side or nods.

    Args: times: (T,) seconds; turned: (T, R, 2) per cent of the eyes' distance.
    """
    if len(times) < 4:
        return []
    steps = np.searchsorted(times, times - _TURN_TIME)
    far = np.linalg.norm(turned - turned[steps], axis=2)
    return joined([(times[steps[a]], times[b]) for a, b in _runs(far.mean(1) > _TURN)], 0.3)


def find_flicker(times: np.ndarray, light: np.ndarray) -> list[Stretch]:
    """Where the light flickers or the camera's exposure jumps.

    Args: times: (T,) seconds; light: (T,) brightness of the face.
    """
    if len(times) < 4:
        return []
    jumps = np.abs(np.diff(light)) / np.maximum(light[1:], 1)
    many = joined([(times[a], times[b + 1]) for a, b in _runs(jumps > _FLICKER)], 0.5)
    return [(begin, end) for begin, end in many if end - begin > 0.3]


def find_compressed(times: np.ndarray, frozen: np.ndarray) -> list[Stretch]:
    """Where a codec lets most of a face stand as it was, and tells the rest of it now and then: that looks like movements.

    Args: times: (T,) seconds; frozen: (T,) share of the face's blocks that are as on the frame before; where all are, the frame repeats it
        and says nothing.
    """
    from scipy.ndimage import median_filter

    new = frozen < 1
    if new.sum() < 4:
        return []
    width = round(_STANDS / float(np.median(np.diff(times)))) | 1
    usual = median_filter(np.interp(times, times[new], frozen[new]), size=width, mode="nearest")
    found = joined([(float(times[a]), float(times[b])) for a, b in _runs(usual > FROZEN)], _STANDS)
    return [one for one in found if one[1] - one[0] >= _MOMENT]


def find_shakes(times: np.ndarray, place: np.ndarray) -> list[Stretch]:
    """Where the head goes quickly to and fro as a whole: the camera shakes, or the head does; which, the face does not tell.

    Args: times: (T,) seconds; place: (T, 2) of the head in the picture, per cent of the eyes' distance.
    """
    if len(times) < 4:
        return []
    rate = 1 / float(np.median(np.diff(times)))
    found: list[Stretch] = []
    for off in (smooth(place, _GRAIN * rate) - smooth(place, _COURSE * rate)).T:
        edges = [0, *(np.flatnonzero(np.diff(np.sign(off))) + 1).tolist(), len(off)]
        swings = list(pairwise(edges))
        good = [np.abs(off[a:b]).max() >= _SHAKE and times[b - 1] - times[a] <= _SWING for a, b in swings]
        runs = ((a, b) for a, b in _runs(np.array(good)) if b - a + 1 >= _SWINGS)
        found += [(float(times[swings[a][0]]), float(times[swings[b][1] - 1])) for a, b in runs]
    return joined(sorted(found), 0.3)


def find_exposure(times: np.ndarray, light: np.ndarray, others: Sequence[Stretch] = ()) -> list[Stretch]:
    """Where the picture becomes brighter or darker by a step.

    Args: times: (T,) seconds; light: (T,) brightness of the face; others: seconds in which it changes for another reason, by flicker
        or by what covers the face.
    """
    from scipy.ndimage import median_filter

    if len(times) < 4:
        return []
    width = round(_SPARK / float(np.median(np.diff(times)))) | 1
    bright = median_filter(np.log(np.maximum(light, 1)), size=width, mode="nearest")
    before, after = (np.interp(times + beside, times, bright) for beside in (-_STEP / 2, _STEP / 2))
    steps = joined([(times[a], times[b]) for a, b in _runs(np.abs(after - before) > _EXPOSURE)], 0.3)
    return [one for one in steps if not overlaps(others, *one)]


def overlaps(stretches: Sequence[Stretch], begin: float, end: float) -> bool:
    """Whether one of them has a part of this time."""
    return any(a < end and b > begin for a, b in stretches)


def outside(stretches: Sequence[Stretch], times: np.ndarray) -> np.ndarray:
    """(T,) whether each moment is in none of them. Args: times: (T,) seconds."""
    free = np.ones(len(times), bool)
    for begin, end in stretches:
        free &= (times <= begin) | (times >= end)
    return free


def _runs(true: np.ndarray) -> list[tuple[int, int]]:
    """First and last index of each run."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], true.astype(int), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def joined(stretches: Sequence[Stretch], gap: float) -> list[Stretch]:
    """Stretches with less than `gap` seconds between them as one."""
    whole: list[Stretch] = []
    for begin, end in stretches:
        if whole and begin - whole[-1][1] < gap:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((float(begin), float(end)))
    return whole
