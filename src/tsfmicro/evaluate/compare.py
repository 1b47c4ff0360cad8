"""Is one set of answers better than another? A paired test over people, because the clips of one person are alike.

Interval: a jackknife in which a person leaves both sides at once, `interval.difference_interval`.
p: under the hypothesis that both sides are alike, a person's answers might as well have come from the other side. So they are
swapped person by person (all 2^P ways where those are few, else at random), and p is the share of swaps, the actual answers
among them, whose difference is at least as large in either direction. This holds for any number of people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import lcm
from typing import Any

import numpy as np

from tsfmicro.evaluate.interval import ByClass, difference_interval
from tsfmicro.evaluate.score import Tally
from tsfmicro.evaluate.select import Answers
from tsfmicro.types import Interval

SWAPS = 10_000
LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """How far a score of one side lies above the other's.

    Attributes:
        interval: of the difference, 95 % over people.
        p: two-sided, by swapping people.
    """

    interval: Interval
    p: float

    @property
    def better(self) -> bool:
        """The first side has been shown to be better."""
        return self.interval.value > 0 and self.p < LEVEL

    @property
    def worse(self) -> bool:
        """The first side has been shown to be worse."""
        return self.interval.value < 0 and self.p < LEVEL

    def __str__(self) -> str:
        return f"{self.interval:+}, p {self.shown_p}"

    @property
    def shown_p(self) -> str:
        return shown_p(self.p)


@dataclass(frozen=True)
class ClipDifference:
    """A clip on which two sides differ.

    Attributes:
        truth: its class number.
        answers: the class number that most seeds of either side say (the first of those said equally often).
        right: the share of either side's seeds that are right.
    """

    clip: str
    truth: int
    answers: tuple[int, int]
    right: tuple[float, float]


def shown_p(p: float) -> str:
    """'0.031', '< 0.001'."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def differences(one: Tally, other: Tally) -> dict[str, Difference]:
    """UF1, UAR and ACC (of action units mean binary and macro F1) of one side minus the other's. Both count the same clips; the numbers of seeds may differ."""
    return {name: _difference(one, other, name) for name in one.scores}


def verdict(of: Difference) -> str:
    """What may be said of the first side, to be followed by the other's name."""
    return "better than" if of.better else "worse than" if of.worse else "not shown to be better than"


def plain_differences(of: Mapping[str, Difference]) -> dict[str, Any]:
    """Plain values of paired differences, for JSON; the first decides."""
    values = {name: {**plain_interval(d.interval), "p": d.p, "verdict": verdict(d)} for name, d in of.items()}
    return {**values, "better": next(iter(of.values())).better}


def plain_interval(of: Interval) -> dict[str, float]:
    """Plain values of an interval, for JSON."""
    return {"value": of.value, "low": of.low, "high": of.high}


def leak(chosen: Tally, honest: Tally) -> dict[str, Interval]:
    """How much of each score came from choosing the epoch on the test person: chosen − honest, the same trainings in both."""
    return {name: difference_interval(*_paired(chosen, honest, name)) for name in chosen.scores}


def clip_differences(
    one: Sequence[Answers], other: Sequence[Answers], labels: Mapping[str, int], n_classes: int
) -> list[ClipDifference]:
    """The labelled clips on which the seeds of two sides do not say the same, those first where the first side gains most."""
    found = []
    said = [_votes(side, labels, n_classes) for side in (one, other)]
    for clip, truth in labels.items():
        votes = [side[clip] for side in said]
        answers = (int(votes[0].argmax()), int(votes[1].argmax()))
        right = (float(votes[0][truth]), float(votes[1][truth]))
        if answers[0] != answers[1] or right[0] != right[1]:
            found.append(ClipDifference(clip, truth, answers, right))
    return sorted(found, key=lambda d: (d.right[1] - d.right[0], d.clip))


def _difference(one: Tally, other: Tally, name: str) -> Difference:
    score, a, b = _paired(one, other, name)
    return Difference(difference_interval(score, a, b), _p(score, a, b))


def _paired(one: Tally, other: Tally, name: str) -> tuple[ByClass, np.ndarray, np.ndarray]:
    """What a score is the mean of, and counts (S, P, C, C) of both sides. Seeds are repeated until both have as many, which
    changes no mean."""
    score, a = one.of(name)
    _, b = other.of(name)
    seeds = lcm(len(a), len(b))
    return score, np.concatenate([a] * (seeds // len(a))), np.concatenate([b] * (seeds // len(b)))


def _p(score: ByClass, a: np.ndarray, b: np.ndarray) -> float:
    people = a.shape[1]
    swaps = _swaps(people)
    # Counts as floats are as exact, and multiplied several times faster.
    flat_a, flat_b = (np.moveaxis(side, 1, 0).reshape(people, -1).astype(float) for side in (a, b))
    moved = swaps @ (flat_b - flat_a)
    shape = (len(swaps), len(a), *a.shape[2:])
    swapped = score((flat_a.sum(0) + moved).reshape(shape)) - score((flat_b.sum(0) - moved).reshape(shape))
    actual = abs((score(a.sum(1)) - score(b.sum(1))).mean())
    return float((np.abs(swapped.mean((1, 2))) >= actual - 1e-12).mean())


def _swaps(people: int) -> np.ndarray:
    """(n, P) of 0 and 1: every way of swapping people, or, where those are too many, SWAPS random ways; the first swaps none."""
    if 2**people <= SWAPS:
        return (np.arange(2**people)[:, None] >> np.arange(people)) & 1
    swaps = np.random.default_rng(0).integers(0, 2, (SWAPS, people))
    swaps[0] = 0
    return swaps


def _votes(side: Sequence[Answers], labels: Mapping[str, int], n_classes: int) -> dict[str, np.ndarray]:
    """(C,) share of seeds that said each class, by clip."""
    votes = {clip: np.zeros(n_classes) for clip in labels}
    for answers in side:
        for clip, said in zip(answers.clips, answers.for_f1, strict=True):
            if clip in votes:
                votes[clip][said] += 1
    return {clip: count / len(side) for clip, count in votes.items()}
