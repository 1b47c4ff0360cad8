"""Leave one subject out: everybody is the test person once, and nothing of them is in training."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pydantic import Field, field_validator

from tsfmicro.protocols.base import Protocol, one_name
from tsfmicro.protocols.people import check_datasets, clips_of_people, fold_name, leave_each_out
from tsfmicro.types import Fold, dataset_of


class Loso(Protocol):
    """One fold for each person, in the order of their names."""

    only: tuple[str, ...] = Field((), description="datasets that are used; all, if none is named")

    _one_name = field_validator("only", mode="before")(one_name)

    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        labels = self.used(labels)
        groups = {fold_name(person): [person] for person in clips_of_people(labels)}
        return leave_each_out(groups, labels, val_people, generator)

    def used(self, labels: Mapping[str, int]) -> Mapping[str, int]:
        """The clips that are learned from and tested. Raises ConfigError: no clip is of a dataset that `only` names."""
        check_datasets(self.only, labels, "protocol.options.only")
        return {clip: label for clip, label in labels.items() if not self.only or dataset_of(clip) in self.only}
