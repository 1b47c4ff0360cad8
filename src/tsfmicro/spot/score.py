"""The measure of the micro-expression grand challenges: an interval counts when it overlaps a true one by half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

LEAST_OVERLAP = 0.5  # intersection over union; He et al., MEGC 2020


class Bounds(Protocol):
    """An interval in one video: frame numbers, both ends included."""

    @property
    def onset(self) -> int: ...
    @property
    def apex(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class SpotScores:
    """How well intervals were spotted. Add up the scores of several videos with +.

    Attributes:
        true, spotted: how many there are, and how many were given.
        hits: how many of those given overlap a true one by half or more, each true one counting once.
        apex_errors: frames between the spotted and the true apex, one for each hit.
    """

    true: int
    spotted: int
    hits: int
    apex_errors: tuple[int, ...] = ()

    def __add__(self, other: SpotScores) -> SpotScores:
        return SpotScores(
            self.true + other.true,
            self.spotted + other.spotted,
            self.hits + other.hits,
            self.apex_errors + other.apex_errors,
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


def overlap(one: Bounds, other: Bounds) -> float:
    """Intersection over union of two intervals in frames, both ends included."""
    shared = min(one.offset, other.offset) - max(one.onset, other.onset) + 1
    together = max(one.offset, other.offset) - min(one.onset, other.onset) + 1
    return max(0, shared) / together


def score_intervals(true: Sequence[Bounds], spotted: Sequence[Bounds]) -> dict[str, SpotScores]:
    """Scores of one video: 'micro', 'macro', and 'overall', where the challenge asks for hits of the same kind.

    Pairs are made greedily by overlap, the best first, so that no interval is used twice.
    """
    scores = {kind: _of_kind(true, spotted, kind) for kind in ("micro", "macro")}
    return scores | {"overall": scores["micro"] + scores["macro"]}


def _of_kind(true: Sequence[Bounds], spotted: Sequence[Bounds], kind: str) -> SpotScores:
    truth = [t for t in true if t.kind == kind]
    given = [s for s in spotted if s.kind == kind]
    pairs = sorted(((overlap(t, s), i, j) for i, t in enumerate(truth) for j, s in enumerate(given)), reverse=True)
    used_true, used_given, errors = set(), set(), []
    for much, i, j in pairs:
        if much >= LEAST_OVERLAP and i not in used_true and j not in used_given:
            used_true.add(i)
            used_given.add(j)
            errors.append(abs(truth[i].apex - given[j].apex))
    return SpotScores(len(truth), len(given), len(errors), tuple(errors))
