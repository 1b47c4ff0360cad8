"""How often the 95 % intervals of scores hold what they are about, in populations whose true score is known.

Each population is 4,000 people with the answers of two models to their clips. It stands for endlessly many: groups of 12, 24
and 68 are drawn with replacement, so the score pooled over all 4,000 is what an interval should hold (the truth). UF1 of few
people lies below that on average, since F1 is not linear; `mean` is how often an interval holds the average score of groups of
its own size instead. Groups in which a class has no clip are drawn again, as such a run has no score.

    python -m benchmarks.coverage            the table, in a quarter of an hour
    python -m benchmarks.coverage 200        from 200 groups of each population and size instead of 2,000
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tsfmicro.evaluate import metrics
from tsfmicro.evaluate.interval import ByClass, difference_interval, interval
from tsfmicro.types import Interval

SIZES, DRAWS, OLD_DRAWS, RESAMPLES = (12, 24, 68), 2000, 200, 1000
PEOPLE, SEEDS, EPOCHS, MOST_CLIPS = 4000, 5, 8, 30
SCORES: Mapping[str, ByClass] = {
    "UF1": metrics.f1_by_class,
    "UAR": metrics.recall,
    "ACC": metrics.accuracy_by_class,
}
WHAT = ("1 seed", "5 seeds", "difference", "leak")


@dataclass(frozen=True)
class Population:
    """People and what a model makes of their clips.

    Attributes:
        classes: how frequent each is; frequent ones are easier, and wrong answers tend to them.
        clips: mean number of clips of a person; skew: its spread, standard deviation of the logarithm.
        mixed: how many classes a person tends to show; a small number leaves most people with few.
        skill: logit of a right answer; spread: standard deviation over people.
        tie: how much easier people with e times as many clips are.
        lost: share of people on whom the model is at chance.
    """

    classes: tuple[float, ...]
    clips: float
    skew: float
    mixed: float
    skill: float
    spread: float
    tie: float = 0.0
    lost: float = 0.0


POPULATIONS = {
    "CASME II, 5 classes": Population((99, 63, 32, 28, 27), 9.5, 0.7, 4, 0.6, 0.8),
    "CASME II, 3 classes": Population((88, 32, 25), 6, 0.8, 3, 1.2, 0.8),
    "SAMM, 5 classes": Population((57, 26, 26, 15, 12), 5, 1.0, 2, 0.1, 1.0),
    "SAMM, 3 classes": Population((92, 26, 15), 4.8, 1.0, 2, 0.8, 1.0),
    "MEGC2019, 3 classes": Population((250, 109, 83), 6.5, 0.8, 3, 0.9, 0.7),
    "CAS(ME)³, 7 classes": Population((250, 187, 161, 86, 64, 57, 55), 9, 0.8, 6, -0.9, 0.6),
    "CAS(ME)³, 4 classes": Population((457, 187, 161, 55), 9, 0.8, 6, 0.3, 0.6),
    "nearly solved": Population((4, 2, 1), 8, 0.7, 3, 3.0, 1.0),
    "a class or two each": Population((3, 2, 2, 1, 1), 6, 0.8, 0.7, 0.5, 0.8),
    "many clips are hard": Population((5, 3, 2), 7, 0.9, 3, 0.8, 0.7, tie=-0.6),
    "many clips are easy": Population((5, 3, 2), 7, 0.9, 3, 0.8, 0.7, tie=0.6),
    "one in five is lost": Population((4, 3, 2, 2, 1), 8, 0.7, 4, 1.6, 0.5, lost=0.2),
}


@dataclass(frozen=True)
class Crowd:
    """(S, P, C, C) counts of each seed and person: of a model, of a worse one, and of the first model's best epochs on the
    test person by ACC and by F1."""

    model: np.ndarray
    other: np.ndarray
    best_acc: np.ndarray
    best_f1: np.ndarray

    def cases(self, people: np.ndarray) -> Iterator[tuple[str, str, np.ndarray, np.ndarray | None]]:
        """Score, what, counts of these people, and those to be subtracted."""
        model, other, best_acc, best_f1 = (c[:, people] for c in (self.model, self.other, self.best_acc, self.best_f1))
        for score in SCORES:
            yield score, "1 seed", model[:1], None
            yield score, "5 seeds", model, None
            yield score, "difference", model, other
            yield score, "leak", best_acc if score == "ACC" else best_f1, model


def crowd(of: Population, draw: np.random.Generator) -> Crowd:
    """People of a population, and their answers."""
    frequency = np.array(of.classes) / sum(of.classes)
    clips = np.rint(draw.lognormal(np.log(of.clips) - of.skew**2 / 2, of.skew, PEOPLE)).clip(1, MOST_CLIPS).astype(int)
    person = np.repeat(np.arange(PEOPLE), clips)
    mix = draw.gamma(of.mixed * frequency, size=(PEOPLE, len(frequency))) + 1e-9
    truth = _choose(mix[person], draw)
    confused = np.sqrt(frequency) * (1 - np.eye(len(frequency)))
    easy = (np.log(frequency) - np.log(frequency).mean()) / 2 + of.skill
    tied = of.tie * (np.log(clips) - np.log(clips).mean())
    lost = draw.random(PEOPLE) < of.lost

    def answered(ease: np.ndarray) -> np.ndarray:
        """(P, C, C) counts of one training."""
        chance = np.where(lost[person], 1 / len(frequency), 1 / (1 + np.exp(-ease)))
        said = np.where(draw.random(len(person)) < chance, truth, _choose(confused[truth], draw))
        counts = np.zeros((PEOPLE, len(frequency), len(frequency)), int)
        np.add.at(counts, (person, truth, said), 1)
        return counts

    own, hard = of.spread * draw.standard_normal(PEOPLE), draw.standard_normal(len(person))
    own_of_other, hard_of_other = of.spread * draw.standard_normal(PEOPLE), draw.standard_normal(len(person))
    ease = easy[truth] + (own + tied)[person] + hard
    # The other model finds much the same people and clips hard.
    ease_of_other = easy[truth] - 0.4 + (tied + 0.7 * (own + own_of_other))[person] + 0.7 * (hard + hard_of_other)
    epochs = np.array([[answered(ease) for _ in range(EPOCHS)] for _ in range(SEEDS)])  # (S, E, P, C, C)
    other = np.array([answered(ease_of_other) for _ in range(SEEDS)])
    right, any_role = np.diagonal(epochs, axis1=-2, axis2=-1), epochs.sum(-1) + epochs.sum(-2)
    fold_f1 = (2 * right / np.maximum(any_role, 1)).sum(-1) / (any_role > 0).sum(-1)
    best_acc, best_f1 = (
        np.take_along_axis(epochs, which.argmax(1)[:, None, :, None, None], 1)[:, 0]
        for which in (right.sum(-1), fold_f1)
    )
    return Crowd(epochs[:, -1], other, best_acc, best_f1)


def groups(of: Crowd, size: int, number: int, draw: np.random.Generator) -> Iterator[np.ndarray]:
    """People of groups in which every class has a clip."""
    shown = of.model[0].sum(-1) > 0  # (P, C)
    while number:
        people = draw.integers(len(shown), size=size)
        if shown[people].any(0).all():
            number -= 1
            yield people


def value_of(score: ByClass, one: np.ndarray, other: np.ndarray | None) -> float:
    return float(score(one.sum(1)).mean()) - (0 if other is None else value_of(score, other, None))


def interval_of(score: ByClass, one: np.ndarray, other: np.ndarray | None) -> Interval:
    return interval(score, one) if other is None else difference_interval(score, one, other)


def percentiles(score: ByClass, one: np.ndarray, other: np.ndarray | None, draw: np.random.Generator) -> Interval:
    """The interval of before: percentiles of people drawn again, each time all classes."""
    people = one.shape[1]
    weights = draw.multinomial(people, np.full(people, 1 / people), size=2 * RESAMPLES)
    weights = weights[(weights @ one[0].sum(-1) > 0).all(1)][:RESAMPLES].astype(float)
    drawn = 0.0
    for sign, side in ((1, one), (-1, other)):
        if side is not None:
            counts = weights @ side.transpose(1, 0, 2, 3).reshape(people, -1)
            drawn = drawn + sign * score(counts.reshape(-1, *side.shape[:1], *side.shape[2:])).mean((1, 2))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(value_of(score, one, other), float(low), float(high))


class Measured(NamedTuple):
    """How often intervals hold the truth, how often the mean of groups of that size, their mean width; and with the
    percentiles of before, how often the truth, and the width."""

    held: float
    held_mean: float
    width: float
    old_held: float
    old_width: float


def measured(of: Crowd, size: int, draws: int, old_draws: int, seed: int = 0) -> dict[tuple[str, str], Measured]:
    """Groups of people of one size, by score and what. Args: draws: number of groups, of old_draws percentiles too."""
    draw = np.random.default_rng([seed, size])
    truths = {(s, w): value_of(SCORES[s], one, other) for s, w, one, other in of.cases(np.arange(PEOPLE))}
    found: dict[tuple[str, str], list[Interval]] = {key: [] for key in truths}
    old: dict[tuple[str, str], list[Interval]] = {key: [] for key in truths}
    for number, people in enumerate(groups(of, size, draws, draw)):
        for s, w, one, other in of.cases(people):
            found[s, w].append(interval_of(SCORES[s], one, other))
            if number < old_draws:
                old[s, w].append(percentiles(SCORES[s], one, other, draw))
    return {
        key: Measured(
            _held(found[key], truth),
            _held(found[key], float(np.mean([i.value for i in found[key]]))),
            _width(found[key]),
            _held(old[key], truth),
            _width(old[key]),
        )
        for key, truth in truths.items()
    }


def table(draws: int = DRAWS) -> None:
    old_draws = min(OLD_DRAWS, draws)
    crowds = {name: crowd(of, np.random.default_rng(n)) for n, (name, of) in enumerate(POPULATIONS.items())}
    for name, of in crowds.items():
        uf1, leak = (
            value_of(SCORES["UF1"], one, other)
            for s, w, one, other in of.cases(np.arange(PEOPLE))
            if s == "UF1" and w in ("5 seeds", "leak")
        )
        clips = of.model[0].sum((1, 2))
        print(
            f"{name:20}  UF1 {uf1:.2f}, leak {leak:.2f}, {clips.mean():.1f} clips a person (median {np.median(clips):.0f})"
        )
    error, old_error = (100 * np.sqrt(0.95 * 0.05 / number / len(crowds)) for number in (draws, old_draws))
    print(f"\n% of intervals that hold the truth; Monte Carlo error ±{error:.1f} now, ±{old_error:.1f} before\n")
    print("people        what         before  width     now  populations             mean  width")
    for size in SIZES:
        by_name = {name: measured(of, size, draws, old_draws) for name, of in crowds.items()}
        for score in SCORES:
            for what in WHAT:
                cells = {name: found[score, what] for name, found in by_name.items()}
                mean = Measured(*np.mean(list(cells.values()), 0))
                lowest, highest = (way(cells, key=lambda name: cells[name].held) for way in (min, max))
                print(
                    f"{size:6}  {score}   {what:11}  {100 * mean.old_held:5.1f}   {mean.old_width:.3f}   {100 * mean.held:5.1f}  "
                    f"{100 * cells[lowest].held:.1f}–{100 * cells[highest].held:.1f}  {100 * mean.held_mean:5.1f}  "
                    f"{mean.width:.3f}  lowest: {lowest}",
                    flush=True,
                )


def _held(intervals: list[Interval], truth: float) -> float:
    return float(np.mean([i.low <= truth <= i.high for i in intervals])) if intervals else float("nan")


def _width(intervals: list[Interval]) -> float:
    return float(np.mean([i.high - i.low for i in intervals])) if intervals else float("nan")


def _choose(weights: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """(N, C) → (N,) a class of each row, as likely as it weighs."""
    bounds = weights.cumsum(1)
    return (draw.random((len(weights), 1)) * bounds[:, -1:] > bounds[:, :-1]).sum(1)


if __name__ == "__main__":
    table(*map(int, sys.argv[1:]))
