"""The measure of the micro-expression grand challenges: an interval counts when it overlaps a true one by half.

Which pairs are hits. Two intervals of one video and one kind may be a pair where their intersection over union, in frames with both
ends included, is at least 1/2. The hits are the largest set of such pairs in which no true and no spotted interval is used twice; of
several largest sets, the one whose overlaps add up to the most. Rows may come in any order. A program that goes through the
spotted intervals row by row, and gives each the first true one that is free, finds as many hits wherever neither list has two
intervals of a kind that overlap, but for a spotted one that is two true ones of equal length, which some count twice.

Hits, true and spotted intervals are counted over all videos and then divided; a video in which nothing is true adds its false
alarms. Recognition is scored on hits alone: see `Recognition`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

LEAST_OVERLAP = 0.5  # intersection over union; He et al., MEGC 2020
KINDS = ("micro", "macro")
EMOTIONS = ("negative", "positive", "surprise")  # of the challenge's spot-then-recognise task


class Bounds(Protocol):
    """An interval in one video: frame numbers, both ends included. What has no apex or emotion need not say so."""

    @property
    def onset(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class SpotScores:
    """How well intervals were spotted. Add up the scores of several videos with +.

    Attributes:
        true, spotted: how many there are, and how many were given.
        hits: how many of those given are paired with a true one.
        apex_errors: frames between the spotted and the true apex, one for each hit in which both have one.
        emotions: of the hits whose emotion is true and said, (true, said) → how many.
    """

    true: int = 0
    spotted: int = 0
    hits: int = 0
    apex_errors: tuple[int, ...] = ()
    emotions: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def __add__(self, other: SpotScores) -> SpotScores:
        return SpotScores(
            self.true + other.true,
            self.spotted + other.spotted,
            self.hits + other.hits,
            self.apex_errors + other.apex_errors,
            Counter(self.emotions) + Counter(other.emotions),
        )

    @property
    def precision(self) -> float:
        return self.hits / self.spotted if self.spotted else 0.0

    @property
    def recall(self) -> float:
        return self.hits / self.true if self.true else 0.0

    @property
    def f1(self) -> float:
        """2·hits / (true + spotted); 0 where there is neither."""
        return 2 * self.hits / max(1, self.true + self.spotted)

    @property
    def apex_error(self) -> float:
        """Mean distance of the apexes of the hits, frames; NaN without hits."""
        return float(np.mean(self.apex_errors)) if self.apex_errors else float("nan")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "true": self.true,
            "spotted": self.spotted,
            "hits": self.hits,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "apex_error_frames": self.apex_error if self.apex_errors else None,
        }


@dataclass(frozen=True)
class Recognition:
    """How well the emotions of hits were named (Liong, See and Chan, 2023).

    Every class of the task is in the means, whether a hit shows it or not: a class that nobody has or says adds 0 to them. Hits whose
    true emotion is none of the classes are left out; one that was called something else is a mistake.

    Attributes:
        emotions: (true, said) → hits. classes: of the task.
    """

    emotions: Mapping[tuple[str, str], int]
    classes: tuple[str, ...] = EMOTIONS

    @property
    def hits(self) -> int:
        """Those that are scored."""
        return sum(count for (true, _), count in self.emotions.items() if true in self.classes)

    @property
    def precision(self) -> float:
        """Mean over classes of right / called so."""
        return self._mean(side=1)

    @property
    def recall(self) -> float:
        """Mean over classes of right / truly so."""
        return self._mean(side=0)

    @property
    def f1(self) -> float:
        """Harmonic mean of the two means, which is not the mean of the classes' F1."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def _mean(self, side: int) -> float:
        scored = {pair: count for pair, count in self.emotions.items() if pair[0] in self.classes}
        right = (
            scored.get((c, c), 0) / max(1, sum(n for pair, n in scored.items() if pair[side] == c))
            for c in self.classes
        )
        return sum(right) / len(self.classes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "classes": list(self.classes),
            "hits": self.hits,
            "precision": self.precision,
            "recall": self.recall,
            "f1": self.f1,
            "hits_of": [{"true": true, "said": said, "hits": n} for (true, said), n in sorted(self.emotions.items())],
        }


def spot_then_recognise(spotting_f1: float, recognition_f1: float) -> float:
    """STRS, the product of both (Liong, See and Chan, 2023)."""
    return spotting_f1 * recognition_f1


def overlap(one: Bounds, other: Bounds) -> float:
    """Intersection over union of two intervals in frames, both ends included."""
    shared = min(one.offset, other.offset) - max(one.onset, other.onset) + 1
    together = max(one.offset, other.offset) - min(one.onset, other.onset) + 1
    return max(0, shared) / together


def score_intervals(true: Sequence[Bounds], spotted: Sequence[Bounds]) -> dict[str, SpotScores]:
    """Scores of one video: 'micro', 'macro', and 'overall', where the challenge asks for hits of the same kind."""
    scores = {kind: _of_kind(true, spotted, kind) for kind in KINDS}
    return scores | {"overall": scores["micro"] + scores["macro"]}


def add_scores(one: Mapping[str, SpotScores], other: Mapping[str, SpotScores]) -> dict[str, SpotScores]:
    """The scores of two videos together, kind by kind; an empty mapping adds nothing."""
    return {kind: one.get(kind, SpotScores()) + other.get(kind, SpotScores()) for kind in (*KINDS, "overall")}


def hits(true: Sequence[Bounds], spotted: Sequence[Bounds]) -> list[tuple[Bounds, Bounds]]:
    """The pairs that are hits, true before spotted, among intervals of one video and one kind."""
    from scipy.optimize import linear_sum_assignment

    truth, given = sorted(true, key=_order), sorted(spotted, key=_order)  # what the rows' order is must not matter
    if not truth or not given:
        return []
    overlaps = np.array([[overlap(t, s) for s in given] for t in truth])
    # A pair more is worth more than all that overlaps can add up to.
    worth = np.where(overlaps >= LEAST_OVERLAP, min(overlaps.shape) + overlaps, 0.0)
    pairs = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return [(truth[i], given[j]) for i, j in pairs if worth[i, j]]


def _order(one: Bounds) -> tuple[int, int, str]:
    return one.onset, one.offset, getattr(one, "emotion", "")


def _of_kind(true: Sequence[Bounds], spotted: Sequence[Bounds], kind: str) -> SpotScores:
    truth = [t for t in true if t.kind == kind]
    given = [s for s in spotted if s.kind == kind]
    pairs = hits(truth, given)
    apexes = [[getattr(one, "apex", None) for one in pair] for pair in pairs]
    said = [(getattr(t, "emotion", ""), getattr(s, "emotion", "")) for t, s in pairs]
    return SpotScores(
        len(truth),
        len(given),
        len(pairs),
        tuple(abs(t - s) for t, s in apexes if t is not None and s is not None),
        Counter(pair for pair in said if all(pair)),
    )
