"""How likely a movement that was found is an expression: learned on drawn films, calibrated on those of other people.

The peaks say when something moved. Of each, some fifty numbers are taken: how it looks in time, where on the face, what its region and
the others do beside it, and what stands in the way. They have no unit but seconds and per cent of the eyes' distance, know no frame
rate and no side of the face; a mirrored video gives the same. A few small networks look at them, and their mean says a probability.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.spot.found import Found, Thresholds, View
from tsfmicro.spot.marks import Stretch
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.types import Segment

PROPOSALS = Thresholds(micro=0.35, macro=0.55, noise=8.0, compressed=1.0)
"""What is looked at: smaller movements than without a learned spotter."""
WEIGHTS, CARD = "spotter.safetensors", "spotter.json"

FAR = 2.5
"""Deviations from the mean; what lies further is no more telling."""

_PAIRS = tuple(
    (REGIONS.index(name), REGIONS.index(name.replace("left", "right"))) for name in REGIONS if name.startswith("left")
)
_BROWS = np.array(["brow" in name for name in REGIONS])
_MOUTH = np.array([any(word in name for word in ("mouth", "lip", "chin")) for name in REGIONS])
_BESIDE, _AROUND = 0.5, 2.0  # seconds before and after a movement
_LEAST = 1e-3  # per cent of the eyes' distance; keeps logarithms finite


@dataclass(frozen=True, eq=False)
class Spotter:
    """Networks that tell expressions.

    Attributes:
        mean, spread: (F,) of each number in training.
        layers: of each layer, weights (K, in, out) and biases (K, out) of K networks.
        slope, offset: of the calibration: probability = σ(slope · logit + offset).
        card: what it learned from, and what it did on films that it had not seen.
    """

    mean: np.ndarray = field(repr=False)
    spread: np.ndarray = field(repr=False)
    layers: tuple[tuple[np.ndarray, np.ndarray], ...] = field(repr=False)
    slope: float
    offset: float
    card: Mapping[str, Any] = field(repr=False)

    @classmethod
    def load(cls, folder: Path) -> Spotter:
        from safetensors.numpy import load_file

        kept = load_file(folder / WEIGHTS)
        count = sum(name.startswith("weight") for name in kept)
        layers = tuple((kept[f"weight{n}"], kept[f"bias{n}"]) for n in range(count))
        slope, offset = map(float, kept["calibration"])
        card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        return cls(kept["mean"], kept["spread"], layers, slope, offset, card)

    def arrays(self) -> dict[str, np.ndarray]:
        """All that `load` reads from the file of weights."""
        known = {"mean": self.mean, "spread": self.spread, "calibration": np.array([self.slope, self.offset])}
        for n, (weight, bias) in enumerate(self.layers):
            known |= {f"weight{n}": weight, f"bias{n}": bias}
        return {name: np.ascontiguousarray(values, np.float32) for name, values in known.items()}

    def logits(self, numbers: np.ndarray) -> np.ndarray:
        """(N,) before calibration. Args: numbers: (N, F), see `describe`."""
        now = np.clip((numbers - self.mean) / self.spread, -FAR, FAR)[None]  # (1, N, F)
        for n, (weight, bias) in enumerate(self.layers):
            now = now @ weight + bias[:, None]  # (K, N, out)
            if n + 1 < len(self.layers):
                now = now / (1 + np.exp(-now))  # SiLU
        return now[..., 0].mean(0)

    def probabilities(self, numbers: np.ndarray) -> np.ndarray:
        """(N,) how likely each is an expression. Args: numbers: (N, F)."""
        return 1 / (1 + np.exp(-(self.slope * self.logits(numbers) + self.offset)))

    def judged(
        self, found: Sequence[Found], times: np.ndarray, segment: Segment, blinks: Sequence[Stretch], view: View
    ) -> list[Found]:
        """The movements with the probability as their confidence. What speaks against one stays as its doubt below 1/2."""
        if not found:
            return []
        likely = np.clip(self.probabilities(describe(found, times, segment, blinks, view)), 1e-4, 1 - 1e-4)
        return [
            replace(one, ratio=float(p / (1 - p)), doubt=(one.doubt or "unlike an expression") if p < 0.5 else "")
            for one, p in zip(found, likely, strict=True)
        ]

    def of_peaks(self, found: Sequence[Found]) -> list[Found]:
        """Movements that were judged by the peaks' demands alone, with the probability as their confidence; what met them all
        keeps more than 1/2, and what did not less."""
        below, above = self.card["peaks"]["powers"]
        return [replace(one, ratio=one.ratio ** (above if one.ratio >= 1 else below)) for one in found]

    def expected(self, level: float, spotter: str = "learned") -> dict[str, float]:
        """False alarms a minute, of each kind, at a level on held-out films. Args: spotter: or 'peaks', on the same films."""
        at = self.card["held out"][spotter]
        return {kind: float(np.interp(level, at["level"], at[kind])) for kind in ("micro", "macro")}


@cache
def shipped() -> Spotter:
    """The spotter that comes with the package."""
    return Spotter.load(Path(str(files("tsfmicro.spot"))))


def describe(
    found: Sequence[Found], times: np.ndarray, segment: Segment, blinks: Sequence[Stretch], view: View
) -> np.ndarray:
    """(N, F) numbers of each movement.

    Args: found: in one segment, by time; times: (T,) seconds of its frames; blinks, view: see `intervals.find_intervals`.
    """
    if not found:
        return np.zeros((0, len(names_of_numbers())))
    look = _Look(found, times, segment, blinks, view)
    return np.array([list(look.at(one).values()) for one in found])


@cache
def names_of_numbers() -> tuple[str, ...]:
    """What `describe` tells, in its order."""
    times = np.arange(60) / 30
    still = np.zeros((60, len(REGIONS), 2), np.float32)
    head = np.repeat(np.eye(2, 3)[None], 60, 0)
    eyes = np.zeros((60, 2, 8, 12), np.uint8)
    marks = np.array([[0, 0], [60, 0], [30, 40], [10, 70], [50, 70.0]])
    segment = Segment(1, np.arange(60), marks, head, still, still, still[..., 0] == 0, still[:, 0, 0] + 100, eyes)
    return tuple(_Look([], times, segment, [], View.clear(still)).at(Found(0.5, 0.7, 0.9, 0, 1.0, 1.0)))


class _Look:
    """What is known of a segment, so that movements can be described one by one."""

    def __init__(
        self, found: Sequence[Found], times: np.ndarray, segment: Segment, blinks: Sequence[Stretch], view: View
    ) -> None:
        from scipy.ndimage import gaussian_filter1d

        self.found, self.times, self.blinks, self.view = found, times, blinks, view
        self.rate = 1 / float(np.median(np.diff(times)))
        smooth = lambda traces, s: (  # noqa: E731
            gaussian_filter1d(traces, s * self.rate, axis=0, mode="nearest") if s * self.rate > 0.3 else traces
        )
        self.motion = smooth(segment.motion.astype(np.float64), 0.015)
        slow = smooth(segment.motion.astype(np.float64), 0.04)
        steps = np.diff(segment.motion, n=2, axis=0)
        self.noise = np.median(np.abs(steps), axis=0).max(-1) / np.sqrt(6) if len(steps) else np.ones(len(REGIONS))
        self.speed = np.linalg.norm(np.gradient(slow, axis=0), axis=2) * self.rate  # (T, R) per cent a second
        self.usual = np.median(self.speed, axis=0)  # (R,)
        self.turned = smooth(view.turned.astype(np.float64), 0.03)
        head = smooth(segment.head.astype(np.float64), 0.03)
        self.place = smooth(segment.place, 0.03)  # (T, 2) per cent
        self.size = np.sqrt(np.abs(np.linalg.det(head[:, :, :2])))
        self.roll = smooth(view.roll.astype(np.float64), 0.03)
        self.light = np.log(np.maximum(segment.light.astype(np.float64), 1))
        self.eyes = self._eyes(segment.eyes)

    def _eyes(self, eyes: np.ndarray) -> np.ndarray:
        """(T,) how unlike itself within two seconds the eye is that changed less: lids and gaze move both."""
        from scipy.ndimage import median_filter

        step = max(1, round(self.rate / 15))
        looks = eyes.reshape(len(eyes), 2, -1).astype(np.float32)
        looks -= looks.mean(2, keepdims=True)
        usual = median_filter(looks[::step], size=(round(2 * self.rate / step) | 1, 1, 1), mode="nearest")
        usual = usual[np.arange(len(looks)) // step]
        like = (looks * usual).sum(2) / np.sqrt((looks**2).sum(2) * (usual**2).sum(2) + 1)
        return np.asarray(1 - like.max(1), np.float64)

    def rows(self, begin: float, end: float) -> slice:
        first, last = np.searchsorted(self.times, (begin - 1e-6, end + 1e-6))
        first = min(int(first), len(self.times) - 1)
        return slice(first, max(int(last), first + 1))

    def at(self, one: Found) -> dict[str, float]:
        """The numbers of one movement, by name."""
        log = lambda value: float(np.log(max(float(value), _LEAST)))  # noqa: E731
        during = self.rows(one.onset, one.offset)
        before = self.rows(one.onset - _BESIDE, one.onset)
        after = self.rows(one.offset, one.offset + _BESIDE)
        wide = self.rows(one.onset - _AROUND, one.offset + _AROUND)
        r, size = one.region, one.motion
        known: dict[str, float] = {
            "length": log(one.length),
            "rise": (one.apex - one.onset) / one.length,
            "steps": log(min(during.stop - during.start - 1, 10)),  # more are no better
            "motion": log(size),
            "above noise": log(size / max(self.noise[r], _LEAST)),
            "above usual speed": log(size / one.length / max(self.usual[r], _LEAST)),
            "above the face's usual speed": log(size / one.length / max(float(np.median(self.usual)), _LEAST)),
            "parts": float(min(one.parts, 3)),
            "length of a part": log(one.length / one.parts),
            "hand-made": float(np.clip(np.log(max(one.ratio, 1e-3)), -3, 3)),
        }
        known |= self._shape(one, during)
        known |= self._beside(one, during, before, after, wide, log)
        known |= self._where(one, during)
        known |= self._in_the_way(one, during, wide, log)
        return known

    def _shape(self, one: Found, during: slice) -> dict[str, float]:
        """How its region goes and comes back."""
        trace = self.motion[during, one.region]
        first, last = trace[0], trace[-1]
        along = np.linspace(0, 1, len(trace))[:, None]
        away = trace - (first + along * (last - first))
        far = np.linalg.norm(away, axis=1)
        top = int(far.argmax())
        way = away[top] / max(far[top], _LEAST)
        path = float(np.linalg.norm(np.diff(trace, axis=0), axis=1).sum())
        aside = np.abs(away @ np.array([-way[1], way[0]])).max()
        return {
            "there and back": float(np.clip(path / max(2 * far[top], _LEAST), 0, 5)),  # 1: straight, once
            "aside": float(aside / max(far[top], _LEAST)),
            "open end": float(np.linalg.norm(last - first) / max(far[top], _LEAST)),
            "fullness": float(far.mean() / max(far[top], _LEAST)),
            "top": top / max(1, len(trace) - 1),
        }

    def _beside(
        self, one: Found, during: slice, before: slice, after: slice, wide: slice, log: Any
    ) -> dict[str, float]:
        """Whether the face rests before and after."""
        r, size = one.region, max(one.motion, _LEAST)
        reach = lambda rows, end: float(  # noqa: E731
            np.linalg.norm(self.motion[rows, r] - self.motion[end, r], axis=1).max() / size
        )
        fast = self.speed[during, r].max()
        outside = np.ones(wide.stop - wide.start, bool)
        outside[during.start - wide.start : during.stop - wide.start] = False
        around = self.speed[wide][outside]
        around = around if len(around) else self.speed[during]
        near = [other for other in self.found if other is not one and self._apart(one, other) < 3]
        return {
            "moves before": log(reach(before, before.stop - 1)),
            "moves after": log(reach(after, after.start)),
            "peak speed around": log(around[:, r].max() / max(fast, _LEAST)),
            "usual speed around": log(np.median(around[:, r]) / max(fast, _LEAST)),
            "face's usual speed around": log(np.median(around) / max(self.speed[during].max(), _LEAST)),
            "face's speed around": log(np.percentile(around, 90) / max(self.speed[during].max(), _LEAST)),
            "movements near": float(min(len(near), 8)),
            "larger near": float(min(sum(other.motion > 0.5 * one.motion for other in near), 6)),
            "nearest": min([1.5, *(self._apart(one, other) for other in near)]),
            "time before": min(0.7, one.onset - float(self.times[0])),
            "time after": min(0.7, float(self.times[-1]) - one.offset),
        }

    @staticmethod
    def _apart(one: Found, other: Found) -> float:
        """Seconds between two movements."""
        return max(0.0, max(one.onset, other.onset) - min(one.offset, other.offset))

    def _where(self, one: Found, during: slice) -> dict[str, float]:
        """How the regions take part, either side alike."""
        at = min(max(int(np.searchsorted(self.times, one.apex - 1e-6)), during.start), during.stop - 1)
        share = (self.times[at] - self.times[during.start]) / max(
            self.times[during.stop - 1] - self.times[during.start], 1e-6
        )
        chord = (1 - share) * self.motion[during.start] + share * self.motion[during.stop - 1]
        away = (self.motion[at] - chord) / max(one.motion, _LEAST)  # (R, 2)
        far = np.linalg.norm(away, axis=1)
        more, less = (sum(pick(far[left], far[right]) for left, right in _PAIRS) for pick in (max, min))
        known = {
            "together": float(np.linalg.norm(away.mean(0)) / max(far.mean(), _LEAST)),  # the whole face one way
            "regions": min(6.0, float((far > 0.4).sum())),
            "usual region": min(0.4, float(np.median(far))),
            "both sides": float(less / max(more, _LEAST)),
            "brows' share": float(far[_BROWS].sum() / max(far.sum(), _LEAST)),
            "mouth's share": float(far[_MOUTH].sum() / max(far.sum(), _LEAST)),
            "in the mouth": float(_MOUTH[one.region]),
        }
        return {name: float(np.clip(value, -20, 20)) for name, value in known.items()}

    def _in_the_way(self, one: Found, during: slice, wide: slice, log: Any) -> dict[str, float]:
        """What the head, the eyes, the light, a hand and the picture do meanwhile."""
        size, near = max(one.motion, _LEAST), self.rows(one.onset - 0.3, one.offset + 0.3)
        turned = np.linalg.norm(np.ptp(self.turned[during], axis=0), axis=1)
        turned_wide = np.linalg.norm(np.ptp(self.turned[wide], axis=0), axis=1)
        hidden = ~self.view.seen
        within = lambda stretches: float(  # noqa: E731
            sum(max(0.0, min(b, one.offset) - max(a, one.onset)) for a, b in stretches) / one.length
        )
        apart = lambda stretches: min(  # noqa: E731
            [1.0, *(max(0.0, a - one.offset, one.onset - b) for a, b in stretches)]
        )
        lost = [1.0, *(abs(at - edge) for at in self.view.lost for edge in (one.onset, one.offset))]
        light = np.abs(np.diff(self.light[near])) if near.stop - near.start > 1 else np.zeros(1)
        return {
            "turned": log(turned.mean() / size),
            "its region turned": log(turned[one.region] / size),
            "turned around": log(turned_wide.mean() / size),
            "turn": log(turned.mean()),
            "rolled": log(np.ptp(self.roll[during])),
            "went": log(np.linalg.norm(np.ptp(self.place[during], axis=0)) / size),
            "went, per cent": log(np.linalg.norm(np.ptp(self.place[during], axis=0))),
            "grew": log(100 * np.ptp(self.size[during])),
            "hidden": float(hidden[during, one.region].mean()),
            "regions hidden": float(hidden[during].mean()),
            "regions hidden near": float(hidden[near].mean()),
            "covered": min(1.0, within(self.view.covered)),
            "a cover near": apart(self.view.covered),
            "blinks": min(1.0, within(self.blinks)),
            "a blink near": apart(self.blinks),
            "eyes change": log(self.eyes[during].max()),
            "eyes change in the end": log(max(self.eyes[during.start], self.eyes[during.stop - 1])),
            "flickers": min(1.0, within(self.view.flicker)),
            "light": log(np.ptp(self.light[during])),
            "light jumps": log(light.max()),
            "face comes or goes": min(lost),
        }
