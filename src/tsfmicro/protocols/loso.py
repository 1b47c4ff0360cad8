"""Leave one subject out: everybody is the test person once, and nothing of them is in training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tsfmicro.errors import ConfigError
from tsfmicro.protocols.people import clips_of_people, hold_out_people
from tsfmicro.types import Fold


def loso(labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
    """One fold for each person, in the order of their names.

    Args:
        labels: class number of each clip id.
        val_people: people of the training side that are held out for validation, spread over the classes.
        generator: decides which.
    Raises:
        ConfigError: fewer people than a training, a validation and a test side need.
    """
    clips_of = clips_of_people(labels)
    if len(clips_of) < 2 + val_people:
        raise ConfigError(
            f"loso: {len(clips_of)} people with clips, but leaving one out needs at least {2 + val_people} "
            f"({val_people} of them for validation). Add people, or lower train.val_people."
        )
    folds = []
    for person, test in clips_of.items():
        others = {p: clips for p, clips in clips_of.items() if p != person}
        val = hold_out_people(others, labels, val_people, generator)
        folds.append(
            Fold(
                name=person.replace("/", "-"),
                train=tuple(c for p, clips in others.items() if p not in val for c in clips),
                val=tuple(c for p in val for c in others[p]),
                test=tuple(test),
            )
        )
    return tuple(folds)
