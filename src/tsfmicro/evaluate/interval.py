"""How sure a score is: people are left out in turn, because the clips of one person are alike.

A 95 % interval is about the score that the models which gave these answers would get from endlessly many people like these: of
the intervals of 100 groups of people, about 95 hold it. It forecasts neither the next person's score nor that of the next
group, and it does not know how scores vary from training to training.

1. The standard error is a delete-one jackknife over people (Efron and Tibshirani 1993, chapter 11). A class that leaves with a
   person is left out of that mean over classes, too.
2. It is carried to the logit scale, so that no end passes 0 or 1; a difference d lies at (1 + d) / 2 of that scale.
3. It is multiplied by Student's t, whose degrees of freedom count people by what they weigh, 1 / Σ share² (Kish 1965), less
   one: twelve people of whom three hold most clips tell no more than five would (Carter, Schnepel and Steigerwald 2017).

Percentiles of a bootstrap over people are too narrow for so few (DiCiccio and Efron 1996). `python -m benchmarks.coverage`
measures both.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tsfmicro.types import Interval

ByClass = Callable[[np.ndarray], np.ndarray]
"""A score before the mean over classes: (..., C, C) counts → (..., C); (..., 1) where classes do not matter."""

TAIL = 0.025  # on either side of a 95 % interval
METHOD = "jackknife over people, logit scale, t"  # scores.json says it, so that an audit compares like with like


def interval(score: ByClass, confusions: np.ndarray) -> Interval:
    """A score pooled over people, mean over seeds, with its 95 % interval, inside [0, 1].

    Where all are right it ends at what few people may hide; a single person tells nothing, so it is all of [0, 1]; where
    leaving out a person never changes the score, it has no width.

    Args: confusions: (S, P, C, C) counts of each seed and person; every class has a clip.
    """
    value, without, shares = _jackknife(score, confusions)
    return _interval(value.mean(), _mean(without), shares.mean(1), least=0)


def difference_interval(score: ByClass, one: np.ndarray, other: np.ndarray) -> Interval:
    """As `interval`, of one side's score minus the other's, inside [-1, 1]: a person leaves both sides at once.

    Args: one, other: (S, P, C, C) counts of the same people and clips.
    """
    value, without, shares = _jackknife(score, one)
    value_of_other, without_of_other, _ = _jackknife(score, other)
    return _interval(
        value.mean() - value_of_other.mean(), _mean(without) - _mean(without_of_other), shares.mean(1), least=-1
    )


def class_intervals(score: ByClass, confusions: np.ndarray) -> tuple[Interval, ...]:
    """As `interval`, for each class alone; all of [0, 1] where one person holds all clips of the class."""
    return tuple(
        _interval(value, without, shares, least=0)
        for value, without, shares in zip(*(part.T for part in _jackknife(score, confusions)), strict=True)
    )


def left_out_interval(value: float, without: np.ndarray, weights: np.ndarray, least: float) -> Interval:
    """As `interval`, of any score of which it is known what it would be without each person.

    It is the whole range where a single person tells all there is, so that without them there is no score.

    Args: without: (P,), nan where there is none; weights: (P,) what each person tells, e.g. clips; least: it cannot be lower,
        nor above 1.
    """
    there = weights > 0
    if not there.any() or np.isnan(without[there]).any():
        return Interval(float(value), float(least), 1.0)
    return _interval(value, without[there], weights[there] / weights.sum(), least)


def median_interval(values: Sequence[np.ndarray], generator: np.random.Generator, draws: int = 1000) -> Interval:
    """The median over people of a value that has no bounds, e.g. a difference of times; nan without any.

    The jackknife does not hold for medians, so the standard error is of people drawn with replacement; t as above. A single
    person tells nothing, so it has no ends then: minus infinity to infinity.

    Args: values: (n,) of each person.
    """
    from scipy.special import stdtrit

    told = [v for v in values if len(v)]
    if not told:
        return Interval(*[float("nan")] * 3)
    middle = float(np.median(np.concatenate(told)))
    sizes = np.array([len(v) for v in told])
    weight = sizes.sum() ** 2 / (sizes**2).sum()
    if weight < 1 + 1e-9:
        return Interval(middle, -float("inf"), float("inf"))
    people = generator.integers(0, len(told), (draws, len(told)))
    error = np.std([np.median(np.concatenate([told[p] for p in drawn])) for drawn in people], ddof=1)
    reach = float(stdtrit(weight - 1, 1 - TAIL) * error)
    return Interval(middle, middle - reach, middle + reach)


def rate_interval(count: int, minutes: float) -> Interval:
    """How often something happens in a minute, if one happening does not call for the next (Poisson; Garwood 1936, exact).

    Args: count: how often it did; minutes: above 0.
    """
    from scipy.special import gammaincinv

    low = float(gammaincinv(count, TAIL)) if count else 0.0
    return Interval(count / minutes, low / minutes, float(gammaincinv(count + 1, 1 - TAIL)) / minutes)


def _jackknife(score: ByClass, confusions: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean over seeds, class by class: (K,) of all people; (P, K) without each person, nan where nobody else has a clip;
    (P, K) each person's share of the clips."""
    total = confusions.sum(1)
    value = score(total).mean(0)
    clips = _clips(confusions[0], len(value))
    with np.errstate(invalid="ignore"):
        without = score(total[:, None] - confusions).mean(0)
    return value, np.where(clips < clips.sum(0), without, np.nan), clips / clips.sum(0)


def _clips(counts: np.ndarray, classes: int) -> np.ndarray:
    """(P, K) clips of each person that each of the K values of a score is about.

    Args: counts: (P, C, C), or (P, C, 2, 2) of action units, absent before present.
    """
    clips = counts.sum(-1)
    if classes == 1:
        return clips.sum(1, keepdims=True)
    if clips.ndim == 3 and classes == clips.shape[1]:  # of the presence of units alone
        return clips[..., 1]
    return clips.reshape(len(clips), -1)


def _mean(by_class: np.ndarray) -> np.ndarray:
    """(P, K) → (P,), over the classes that are there."""
    with np.errstate(invalid="ignore"):
        return np.nansum(by_class, 1) / (~np.isnan(by_class)).sum(1)


def _interval(value: float, without: np.ndarray, shares: np.ndarray, least: float) -> Interval:
    """Args: without: (P,) the value without each person; shares: (P,) add up to 1; least: the value cannot be lower."""
    from scipy.special import expit, logit, stdtrit

    span = 1 - least
    place = (value - least) / span  # in [0, 1]
    weight = 1 / (shares**2).sum()  # as many people of equal weight
    if weight < 1 + 1e-9:
        low, high = 0.0, 1.0
    elif place < 1e-12 or place > 1 - 1e-12:
        # Nobody differs. Were one person in so many all wrong, a draw of these few would hide it once in 40 times.
        hidden = 1 - TAIL ** (1 / weight)
        low, high = (0.0, hidden) if place < 0.5 else (1 - hidden, 1.0)
    else:
        people = len(without)
        error = np.sqrt((people - 1) / people * ((without - without.mean()) ** 2).sum()) / span
        reach = stdtrit(weight - 1, 1 - TAIL) * error / (place * (1 - place))
        low, high = (expit(logit(place) + way * reach) for way in (-1, 1)) if error > 1e-9 else (place, place)
    low, high = (least + span * end for end in (low, high))
    return Interval(float(value), float(min(low, value)), float(max(high, value)))
