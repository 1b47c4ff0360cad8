"""What each movement is asked before it is told: much moves in a face that is no expression.

Is it large for this video, whose own restlessness is measured? Does the region keep still before and after? Did the head turn meanwhile? Is
the skin to be seen? Each answer is a number, how many times a demand is met; the strictest decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tsfmicro.spot.found import Found, Thresholds, View
from tsfmicro.spot.marks import Stretch, outside, overlaps
from tsfmicro.spot.motion import JAW, MOUTH, OUTER, REGIONS
from tsfmicro.spot.traces import evenly, smooth
from tsfmicro.spot.types import Kind

_BESIDE = 0.5  # seconds before and after, in which a face should rest
# seconds within which restlessness is movement: what is slower than a quick movement hardly shifts it
_MOVES: Mapping[Kind, float] = {"micro": 1.0, "macro": 2.0}
# seconds before and after a movement in which restlessness is measured, and those left out beside it
_AROUND, _OFF = 2.5, 0.1
_LEAST_AROUND = 1.0  # seconds; where less is free, all of the video tells
_NOT_ALL = 4.0  # seconds of which no movement is all
_SPEAKS = 2.5  # seconds in which a mouth that speaks moves four times
_ONE_SIDE = 1.1  # of `_both_sides`: up to here one side moves alone
_STILL, _MOST = 0.02, 0.5  # per cent between frames, less than a camera's noise; share of the face that may stand
_SWALLOW = 1.0  # seconds that it lasts
_STROKE = 1.2  # seconds in which a mouth that chews does it again
_COURSE = 0.08  # seconds, deviation of the Gaussian that leaves a mouth's course
_ALL_OF_IT = 0.7  # how much all of a mouth counts beside a micro-expression of it alone; the region itself counts 1
_AS_FAR = 0.5  # share of an outer brow's movement from which the furthest skin elsewhere speaks for it
_BEYOND = 1.5  # times a movement; what goes further is something else
_ALONE = 0.4  # share of a mouth's movement up to which brows, cheeks and nose keep still while it speaks
_GOING, _SOON = ("speaks", "no rest beside it"), 0.5  # what a mouth does that goes on; seconds to the next time
_STEP = 1 / 15  # seconds between two places of a way; closer ones would count noise
_TOGETHER = 1.7  # by how much five regions that move together count more than one
_SEEN = 0.1  # 1 / how many times as long as it is hidden a region must be seen
_ASTRAY = 0.6  # share of the regions that must be seen for the head's movement to be known
_CORNERS, _CHEEKS = (
    [REGIONS.index(f"{side} {name}") for side in ("left", "right")] for name in ("mouth corner", "cheek")
)


def _mirrored() -> list[int]:
    """Of each region, the number of that on the other side; its own in the middle."""
    other = {"left": "right", "right": "left"}
    names = ((name, *name.partition(" ")[::2]) for name in REGIONS)
    return [REGIONS.index(f"{other[side]} {rest}" if side in other else name) for name, side, rest in names]


_OTHER_SIDE = _mirrored()


def demanded(one: Found, demands: dict[str, float]) -> Found:
    """With the strictest demand that is made on it. Args: demands: by name, how many times each is met."""
    reason = min(demands, key=lambda name: demands[name])
    if demands[reason] >= one.ratio:
        return one
    return replace(one, ratio=demands[reason], doubt=reason if demands[reason] < 1 else one.doubt)


def of_the_head(one: Found, times: np.ndarray, motion: np.ndarray, view: View, t: Thresholds) -> dict[str, float]:
    """How many times each demand on the head and the light is met, by name.

    Args: times: (T,) seconds; motion: (T, R, 2) per cent of the eyes' distance.
    """
    during = _during(one, times)
    far = np.linalg.norm(np.ptp(view.turned[during], axis=0), axis=1)
    # A turn shows what was behind the edge of a face, the more the further it carries the edge.
    turned = max(far.mean(), far[one.region] if OUTER[one.region] else 0)
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


def of_the_face(
    one: Found, times: np.ndarray, motion: np.ndarray, unrest: Unrest, mouth: np.ndarray, view: View, t: Thresholds
) -> dict[str, float]:
    """How many times each demand on the face itself is met, by name.

    Args: times: (T,) seconds; motion: (T, R, 2) per cent of the eyes' distance; mouth: (n,) seconds at which the mouth moved.
    """
    lost = min((abs(second - at) for second in view.lost for at in (one.onset, one.offset)), default=np.inf)
    during = _during(one, times)
    off = _off_the_way(one, times, motion)
    most, both = _far(off), _both_sides(off)
    furthest, restless = (t.furthest, t.restless) if one.kind == "macro" else (t.furthest_quick, t.fidgety)
    demands = {
        "sides go one way": _or_not(both / t.sides),
        "covered": furthest / max(_of_skin(one, most), 1e-6),
        "head turns": t.roll / max(float(np.ptp(view.roll[during])), 1e-6),
        "restless video": _above(most, unrest.beside(one)) / restless,
        "face comes or leaves": lost / 0.5,
        "picture stands": _or_not(_MOST / max(_standing(motion[during], times), 1e-6)),
    }
    if one.length <= _SWALLOW and most[JAW].max() > 0.5 * most.max():  # who swallows nods
        demands["swallows"] = _or_not(
            one.motion / max(float(_off_the_way(one, times, view.place[:, None])[..., 1].max()), 1e-6)
        )
    skin = int(np.where(OUTER, 0, most).argmax())
    # Muscles raise and lower a brow's outer end; what hair does beside a smile, or where skin goes further, is no matter.
    if OUTER[one.region] and most[skin] < one.motion:
        right, down = np.abs(off[_furthest(off), one.region])
        demands["brow goes sideways"] = _or_not(max(float(down / max(right, 1e-6)), both / _ONE_SIDE))
    alone = _mouth_alone(one, most)
    if MOUTH[one.region] and (
        (one.parts >= 4 and one.length / one.parts < 0.6) or (np.abs(mouth - one.apex) < _SPEAKS / 2).sum() >= 4
    ):
        demands["speaks"] = 0.5  # a mouth that goes on and on, several times a second
    elif alone:
        demands["speaks"] = _or_not(
            t.way / max(_way(off[:, MOUTH], times[during], _furthest_of(off[:, MOUTH]), 0.04), 1e-6)
        )
    # What a hand covers says nothing of the face; but a micro-expression beside one is doubted.
    hands = view.covered if one.kind == "macro" else ()
    beside = _beside(one, times, motion[:, [one.region]], one.motion, hands)
    if one.kind == "macro":
        demands["jumps"] = t.jump / max(_jump(one, off, most, times[during]), 1e-6)
        if OUTER[one.region] and most[skin] >= _AS_FAR * one.motion:  # hair there says nothing of the face
            beside = min(beside, _beside(one, times, motion[:, [skin]], float(most[skin]), hands))
        if alone and demands["speaks"] >= 1:
            beside = max(beside, _strokes(one, times, motion[:, MOUTH]) / t.strokes)
        demands["no rest beside it"] = _or_not(1 / max(beside, 1e-6))
    else:
        demands["few frames"] = (during.stop - during.start - 0.5) / t.frames
        if alone:
            whole = _beside(one, times, motion[:, MOUTH], _furthest_of(off[:, MOUTH]), hands)
            beside = max(beside, _ALL_OF_IT * whole)
        demands["no rest beside it"] = t.calm / max(beside, 1e-6)
    return demands


def of_the_codec(one: Found, view: View, t: Thresholds) -> Found:
    """More is asked of what moves while a codec lets most of the face stand: what it then tells anew looks like a movement."""
    if part_in(view.compressed, one) < 0.5:
        return one
    ratio = one.ratio / t.compressed
    return replace(one, ratio=ratio, doubt=one.doubt or ("compressed" if ratio < 1 else ""))


def part_in(stretches: Sequence[Stretch], one: Found) -> float:
    """Share of a movement that lies in them. Args: stretches: seconds, none over another."""
    return sum(max(0.0, min(end, one.offset) - max(begin, one.onset)) for begin, end in stretches) / one.length


def that_go_on(judged: Sequence[Found], times: np.ndarray, motion: np.ndarray) -> list[Found]:
    """Movements of which those of a mouth alone, so soon before or after a larger one that speaks or chews, are doubted as that one is:
    a first bite, and a last one, rest on one side.

    Args: judged: see `of_the_face`; times: (T,) seconds; motion: (T, R, 2) per cent of the eyes' distance.
    """
    alone = [bool(MOUTH[one.region]) and _mouth_alone(one, _far(_off_the_way(one, times, motion))) for one in judged]
    going = [one for one, is_alone in zip(judged, alone, strict=True) if is_alone and one.doubt in _GOING]
    found = []
    for one, is_alone in zip(judged, alone, strict=True):
        near = [o for o in going if max(one.onset - o.offset, o.onset - one.offset) < _SOON and o.motion > one.motion]
        less = min((one, *(near if is_alone else ())), key=lambda o: o.ratio)
        found.append(replace(one, ratio=less.ratio, doubt=less.doubt))
    return found


def _mouth_alone(one: Found, most: np.ndarray) -> bool:
    """Whether a mouth moves, and brows, cheeks and nose keep still. Args: most: (R,) how far each region moves."""
    return bool(MOUTH[one.region] and most[~MOUTH].max() < _ALONE * most.max())


def _or_not(met: float) -> float:
    """How many times a demand is met that makes nothing surer once it is met."""
    return met if met < 1 else np.inf


@dataclass(frozen=True)
class Unrest:
    """What a face's regions do all the time, be it by compression, by a head that never keeps still, or by speech.

    Attributes: times: (n,) seconds, some ten a second, of all that is not covered; away: by kind of movement, (n, R) per cent of
        the eyes' distance from where a region is in the seconds around; NaN where it is not seen.
    """

    times: np.ndarray
    away: Mapping[Kind, np.ndarray]

    @classmethod
    def of(cls, times: np.ndarray, motion: np.ndarray, view: View) -> Unrest:
        from scipy.ndimage import median_filter

        grid, even = evenly(times, motion)
        rate = 1 / (grid[1] - grid[0])
        step = max(1, round(rate / 10))
        few = smooth(even, 0.03 * rate)[::step]
        free = outside(view.covered, grid[::step])
        hidden = ~view.seen[np.searchsorted(times, grid[::step] - 1e-6).clip(0, len(times) - 1)]
        away: dict[Kind, np.ndarray] = {}
        for kind, seconds in _MOVES.items():
            usual = median_filter(few, size=(round(seconds * rate / step) | 1, 1, 1), mode="nearest")
            away[kind] = np.linalg.norm(few - usual, axis=2)
            away[kind][hidden] = np.nan
        return cls(grid[::step][free], {kind: of_kind[free] for kind, of_kind in away.items()})

    def beside(self, one: Found) -> np.ndarray:
        """(R,) per cent that each region is usually away before and after, but not while it moves: else an expression would
        count against itself. A short clip may be all expression, and counts for less."""
        away = self.away[one.kind]
        if len(self.times) < 2:
            return np.zeros(away.shape[1])
        off = np.maximum(one.onset - self.times, self.times - one.offset)  # seconds from it, below 0 within
        near = (off > _OFF) & (off < _AROUND)
        enough = near.sum() * float(np.median(np.diff(self.times))) >= _LEAST_AROUND
        away = away[near] if enough else away
        seen = np.isfinite(away).any(0)
        if not seen.any():
            return np.zeros(len(seen))
        usual = np.full(len(seen), np.inf)
        usual[seen] = np.nanmedian(away[:, seen], axis=0)
        known = min(1.0, float(self.times[-1] - self.times[0]) / _NOT_ALL)
        return known * np.maximum(np.median(usual[seen]), 0.5 * usual)


def _during(one: Found, times: np.ndarray) -> slice:
    begin, end = np.searchsorted(times, (one.onset - 1e-6, one.offset + 1e-6))
    return slice(int(begin), max(int(end), int(begin) + 1))


def _off_the_way(one: Found, times: np.ndarray, traces: np.ndarray, deviation: float = 0.02) -> np.ndarray:
    """(n, R, 2) how far regions are, while it lasts, from the straight way between where they were before and are after; from
    where they were before, if it is held to the end.

    Args: deviation: of the Gaussian over time, seconds.
    """
    trace = smooth(traces[_during(one, times)], deviation / float(np.median(np.diff(times))))
    along = (0 if one.held else 1) * np.linspace(0, 1, len(trace))[:, None, None]
    return trace - trace[:1] - along * (trace[-1:] - trace[:1])


def _of_skin(one: Found, most: np.ndarray) -> float:
    """How far skin goes that no jaw carries along, per cent; of an outer brow, before which hair comes, only where it leads.

    Args: most: (R,) how far each region moves.
    """
    furthest = float(most[~JAW & ~OUTER].max())
    return furthest if JAW[one.region] else max(furthest, one.motion)


def _above(most: np.ndarray, usual: np.ndarray) -> float:
    """How many times what it usually does the face moves. What noise does to one region it seldom does to five at a time.

    Args: most: (R,) how far each region moves; usual: (R,) of it without an expression.
    """
    times = np.sort(most / np.maximum(usual, 1e-6))
    return float(max(times[-1], _TOGETHER * times[-5:].mean()))


def _jump(one: Found, off: np.ndarray, most: np.ndarray, times: np.ndarray) -> float:
    """The largest share of a movement that comes in a thirtieth of a second: usually, of the regions that move most, at most
    three, and at least half as far as the first. What goes much further than the movement is no part of it: teeth that are
    seen, or a hand that comes near.

    Args: off: (n, R, 2) the movement; most: (R,) its largest.
    """
    step = _frames_in(1 / 30, times)
    part = np.where(most <= max(_BEYOND * one.motion, most[one.region]), most, 0)
    furthest = [region for region in np.argsort(part)[-3:] if part[region] >= 0.5 * part.max()]
    steps = np.linalg.norm(off[step:, furthest] - off[:-step, furthest], axis=2).max(0, initial=0)
    return float(np.median(steps / most[furthest]))


def _standing(motion: np.ndarray, times: np.ndarray) -> float:
    """Share of a face's regions, between two frames in which some change, that do not change at all: a codec repeats what is there, while a
    camera's noise moves all a little.

    Args: motion: (n, R, 2) while it lasts.
    """
    step = _frames_in(1 / 30, times)
    steps = np.linalg.norm(motion[step:] - motion[:-step], axis=2)
    steps = steps[(steps >= _STILL).any(axis=1)]
    return float((steps < _STILL).mean()) if len(steps) else 0.0


def _frames_in(seconds: float, times: np.ndarray) -> int:
    return max(1, round(seconds / float(np.median(np.diff(times)))))


def _far(off: np.ndarray) -> np.ndarray:
    """(R,) how far each region comes. Args: off: (n, R, 2) the movement."""
    return np.linalg.norm(off, axis=2).max(0)


def _furthest_of(off: np.ndarray) -> float:
    """How far regions come together. Args: off: (n, R, 2)."""
    return float(np.linalg.norm(off, axis=(1, 2)).max())


def _furthest(off: np.ndarray) -> int:
    """When the face as a whole is furthest. Args: off: (n, R, 2) the movement."""
    return int(np.linalg.norm(off, axis=(1, 2)).argmax())


def _both_sides(off: np.ndarray) -> float:
    """How far both sides of a face do the same, for how far they go the same way, where the face is furthest: right and left
    cheeks go both outwards in a smile, and both to the right when a head turns, a hand passes or a picture lags. Of what one
    side does alone, it is 1.

    Args: off: (n, R, 2) the movement.
    """
    top = off[_furthest(off)]
    mirrored = top[_OTHER_SIDE] * (-1, 1)
    return float(np.linalg.norm(top + mirrored)) / max(float(np.linalg.norm(top - mirrored)), 1e-6)


def _way(traces: np.ndarray, times: np.ndarray, furthest: float, deviation: float) -> float:
    """How long the way of regions together is, for twice the furthest they come: 1 is there and back.

    Args: traces: (n, R, 2); deviation: of a Gaussian over time, seconds: what is quicker is noise.
    """
    rate = 1 / float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    places = smooth(traces, deviation * rate)[:: max(1, round(_STEP * rate))]
    return float(np.linalg.norm(np.diff(places, axis=0), axis=(1, 2)).sum() / (2 * max(furthest, 1e-6)))


def _strokes(one: Found, times: np.ndarray, mouth: np.ndarray) -> float:
    """How often a mouth goes there and back so soon before and after the apex that chewing would do it again, however the movement was
    cut out of that; a stroke that is half as long counts half.

    Args: mouth: (T, R, 2) its traces.
    """
    around = _during(replace(one, onset=one.apex - _STROKE, offset=one.apex + _STROKE), times)
    return _way(mouth[around], times[around], _furthest_of(_off_the_way(one, times, mouth, _COURSE)), _COURSE)


def _smiling(one: Found, times: np.ndarray, motion: np.ndarray) -> float:
    """Per cent by which mouth corners and cheeks go outwards on both sides, and the one pair or the other up, as in a smile and in most
    grimaces: a turn carries both sides the same way, and a nod nothing outwards."""
    off = _off_the_way(one, times, motion)[:, [_CORNERS, _CHEEKS]]  # (n, pair, side, 2)
    outwards = np.abs(np.diff(off[..., 0], axis=2)).max(0).mean() / 2
    up = np.abs(off[..., 1].mean(2)).max()
    return float(np.sqrt(outwards * up))


def _beside(one: Found, times: np.ndarray, traces: np.ndarray, furthest: float, hands: Sequence[Stretch]) -> float:
    """How far regions move together in the half second before and after, for their own movement; where it begins or ends behind a hand,
    on the other side alone.

    Args: traces: (T, R, 2); furthest: of their movement; hands: seconds in which one is before the face.
    """
    rate = 1 / float(np.median(np.diff(times)))
    begin, onset, offset, end = np.searchsorted(
        times, (one.onset - _BESIDE, one.onset - 1e-6, one.offset - 1e-6, one.offset + _BESIDE)
    )
    trace, bare = smooth(traces[begin:end], 0.02 * rate), outside(hands, times[begin:end])
    first, last = onset - begin, min(offset - begin, len(trace) - 1)
    rests_before, rests_after = bare[first], bare[last] and not one.held
    away = [0.0]
    if rests_before:
        away.append(_furthest_of((trace[: first + 1] - trace[first])[bare[: first + 1]]))
    if rests_after:
        away.append(_furthest_of((trace[last:] - trace[last])[bare[last:]]))
    if rests_before and rests_after:
        away.append(_furthest_of((trace[last] - trace[first])[None]))
    return max(away) / max(furthest, 1e-6)
