"""Leave one subject out: everybody is the test person once, and nothing of them is in training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tsfmicro.protocols.base import Protocol
from tsfmicro.protocols.people import clips_of_people, fold_name, leave_each_out
from tsfmicro.types import Fold


class Loso(Protocol):
    """One fold for each person, in the order of their names."""

    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        groups = {fold_name(person): [person] for person in clips_of_people(labels)}
        return leave_each_out(groups, labels, val_people, generator)
