"""Learn from some datasets, be tested on others: does it hold where faces, cameras and coders are different ones?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import Field, field_validator, model_validator

from tsfmicro.errors import ConfigError
from tsfmicro.protocols.base import Protocol, one_name
from tsfmicro.protocols.people import check_datasets, clips_of_people, fold_of
from tsfmicro.types import Fold, dataset_of, person_of


class LeaveOneDatasetOut(Protocol):
    """Each dataset is tested once, on what all others taught; what these have of people who are tested is not used."""

    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        names = sorted({dataset_of(clip) for clip in labels})
        if len(names) < 2:
            raise ConfigError(
                f"all clips are of {', '.join(names)}, but there must be at least two datasets to leave one out. "
                "Add one to data.datasets, or choose protocol loso."
            )
        return tuple(
            _fold(name, [other for other in names if other != name], [name], labels, val_people, generator)
            for name in names
        )


class HoldoutDatabase(LeaveOneDatasetOut):
    """Of two datasets, each is learned from once and tested once: the holdout-database evaluation (HDE) of MEGC 2018."""

    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        folds = super().folds(labels, val_people, generator)
        if len(folds) > 2:
            raise ConfigError(
                f"hde: there are clips of {', '.join(fold.name for fold in folds)}, but it is of two datasets. "
                "Choose protocol leave_one_dataset_out."
            )
        return folds


class CrossDataset(Protocol):
    """Without options each dataset is left out once. With `train`, `test` or both there is one fold; a side that is not
    named is all the other datasets. Clips of datasets on neither side are not used, nor what a training side has of people who
    are tested."""

    train: tuple[str, ...] = Field((), description="datasets to learn from")
    test: tuple[str, ...] = Field((), description="datasets to be tested on; only their clips are scored")

    _one_name = field_validator("train", "test", mode="before")(one_name)

    @model_validator(mode="after")
    def _apart(self) -> CrossDataset:
        both = sorted({*self.train} & {*self.test})
        if both:
            raise ValueError(f"{', '.join(both)} is in train and in test; a dataset is on one side")
        return self

    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        names = sorted({dataset_of(clip) for clip in labels})
        check_datasets((*self.train, *self.test), labels, "cross_dataset")
        if not self.train and not self.test:
            return LeaveOneDatasetOut().folds(labels, val_people, generator)
        train = self.train or tuple(name for name in names if name not in self.test)
        test = self.test or tuple(name for name in names if name not in self.train)
        if not train or not test:
            raise ConfigError(
                f"cross_dataset: there are clips of {', '.join(names)} alone, but both sides need at least one dataset. "
                "Add one to data.datasets."
            )
        return (_fold(f"{'+'.join(train)}-to-{'+'.join(test)}", train, test, labels, val_people, generator),)


def _fold(
    name: str,
    train: Sequence[str],
    test: Sequence[str],
    labels: Mapping[str, int],
    val_people: int,
    generator: np.random.Generator,
) -> Fold:
    """What some datasets teach about others. Whom both sides show is tested, and not learned from."""
    tested = {clip: label for clip, label in labels.items() if dataset_of(clip) in test}
    people = clips_of_people(tested)
    learned = {
        clip: label for clip, label in labels.items() if dataset_of(clip) in train and person_of(clip) not in people
    }
    if train and not learned:
        raise ConfigError(
            f"cross_dataset, fold {name}: everybody in {', '.join(train)} is tested in {', '.join(test)} too, so nobody is "
            "left to learn from. Add a dataset of other people, or choose protocol loso."
        )
    return fold_of(name, list(people), list(clips_of_people(learned)), learned | tested, val_people, generator)
