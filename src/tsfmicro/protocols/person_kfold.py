"""k folds of people: quicker than leaving out one person at a time, and still nobody is on two sides."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field

from tsfmicro.protocols.base import Protocol
from tsfmicro.protocols.people import leave_each_out, spread_people
from tsfmicro.types import Fold


class PersonKFold(Protocol):
    """Folds with nearly as many clips, and nearly as many of each class."""

    k: int = Field(5, ge=2, description="folds")
    seed: int = Field(0, ge=0, description="another seed makes other folds; it is apart from the trainings' seeds")

    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        groups = spread_people(labels, self.k, np.random.default_rng(self.seed))
        named = {f"fold-{n}": group for n, group in enumerate(groups, 1)}
        return leave_each_out(named, labels, val_people, generator)
