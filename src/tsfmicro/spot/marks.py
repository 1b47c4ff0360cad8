"""What moves in a picture of a face and is no expression: blinks, hands before it, turns and shakes, flicker, exposure and
compression.

Each is told as a stretch of time, from and to in seconds. They say where to look less closely, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from tsfmicro.spot.fitness import FROZEN
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.traces import smooth

Stretch = tuple[float, float]
"""Seconds, from and to."""

_PIECE, _BESIDE = 60.0, 2.0  # seconds looked at together, and those before and after: an hour need not be copied whole
_OPEN = 2.0  # seconds over which an eye is said to be usually as it is
_LIDS = 0.05  # seconds for which the lids move before and after
_BLINK = 0.5  # seconds; eyes that are closed for longer do not blink
_MOMENT = 0.2  # seconds
_LIPS = np.array(["lip" in name for name in REGIONS])  # they open, and then other things are seen: teeth
# The edge of a face turns away, and hair or a collar is seen; lips open, and teeth are.
_EDGE = np.array([any(word in name for word in ("lip", "chin", "outer")) for name in REGIONS])
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
    covers = _joined(told(near), _REMAINS)
    alone = [run for run in runs if not seen[run[0] : run[1] + 1, ~_EDGE].all()]
    alone = [run for run in alone if not overlaps(turns, float(times[run[0]]), float(times[run[1]]) + 1e-6)]
    return _joined(sorted([*covers, *(one for one in told(alone) if not overlaps(covers, *one))]), 0.0)


def find_turns(times: np.ndarray, turned: np.ndarray) -> list[Stretch]:
    """Where the head turns to the side or nods.

    Args: times: (T,) seconds; turned: (T, R, 2) per cent of the eyes' distance.
    """
    if len(times) < 4:
        return []
    steps = np.searchsorted(times, times - _TURN_TIME)
    far = np.linalg.norm(turned - turned[steps], axis=2)
    return _joined([(times[steps[a]], times[b]) for a, b in _runs(far.mean(1) > _TURN)], 0.3)


def find_flicker(times: np.ndarray, light: np.ndarray) -> list[Stretch]:
    """Where the light flickers or the camera's exposure jumps.

    Args: times: (T,) seconds; light: (T,) brightness of the face.
    """
    if len(times) < 4:
        return []
    jumps = np.abs(np.diff(light)) / np.maximum(light[1:], 1)
    many = _joined([(times[a], times[b + 1]) for a, b in _runs(jumps > _FLICKER)], 0.5)
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
    return _joined([(float(times[a]), float(times[b])) for a, b in _runs(usual > FROZEN)], _STANDS)


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
    return _joined(sorted(found), 0.3)


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
    steps = _joined([(times[a], times[b]) for a, b in _runs(np.abs(after - before) > _EXPOSURE)], 0.3)
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


def _joined(stretches: Sequence[Stretch], gap: float) -> list[Stretch]:
    """Stretches with less than `gap` seconds between them as one."""
    joined: list[Stretch] = []
    for begin, end in stretches:
        if joined and begin - joined[-1][1] < gap:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((float(begin), float(end)))
    return joined
