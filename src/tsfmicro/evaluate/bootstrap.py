"""How sure a score is: people are drawn with replacement, because the clips of one person are alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tsfmicro.errors import ShapeError
from tsfmicro.types import Interval

Metric = Callable[[np.ndarray], np.ndarray]


def draw_people(confusions: np.ndarray, generator: np.random.Generator, samples: int) -> np.ndarray:
    """Confusion matrices of resampled groups of people.

    A sample in which a class has no clip has no UF1; it is drawn again.

    Args: confusions: (S, P, C, C) counts of each seed and person.
    Returns: (samples, S, C, C) counts.
    Raises: ShapeError: a class that nobody shows.
    """
    seeds, people, classes, _ = confusions.shape
    clips = confusions[0].sum(-1)  # (P, C) clips of each person and class
    if not clips.sum(0).all():
        raise ShapeError("bootstrap: a class has no clip at all, so no resample can have one.")
    weights = np.empty((0, people))
    while len(weights) < samples:
        drawn = generator.multinomial(people, np.full(people, 1 / people), size=samples)
        weights = np.concatenate([weights, drawn[(drawn @ clips > 0).all(1)]])
    flat = confusions.transpose(1, 0, 2, 3).reshape(people, -1)
    return (weights[:samples] @ flat).reshape(samples, seeds, classes, classes)


def interval(metric: Metric, confusions: np.ndarray, resampled: np.ndarray) -> Interval:
    """A metric, mean over seeds, with its 95 % percentile interval.

    Args: confusions: (S, P, C, C); resampled: (samples, S, C, C) from `draw_people`.
    """
    value = metric(confusions.sum(1)).mean()
    low, high = np.percentile(metric(resampled).mean(1), [2.5, 97.5])
    return Interval(float(value), float(low), float(high))
