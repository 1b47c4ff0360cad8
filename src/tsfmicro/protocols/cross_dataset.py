"""Learn from some datasets, be tested on others: does it hold where faces, cameras and coders are different ones?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from pydantic import Field, field_validator, model_validator

from tsfmicro.errors import ConfigError
from tsfmicro.protocols.base import Protocol
from tsfmicro.protocols.people import clips_of_people, fold_of, leave_each_out
from tsfmicro.types import Fold, dataset_of


class CrossDataset(Protocol):
    """Without options each dataset is left out once. With `train`, `test` or both there is one fold; a side that is not
    named is all the other datasets. Clips of datasets on neither side are not used."""

    train: tuple[str, ...] = Field((), description="datasets to learn from")
    test: tuple[str, ...] = Field((), description="datasets to be tested on; only their clips are scored")

    @field_validator("train", "test", mode="before")
    @classmethod
    def _one_name(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _apart(self) -> CrossDataset:
        both = sorted({*self.train} & {*self.test})
        if both:
            raise ValueError(f"{', '.join(both)} is in train and in test; a dataset is on one side")
        return self

    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        people = _people_of_datasets(labels)
        for name in (*self.train, *self.test):
            if name not in people:
                raise ConfigError(
                    f"cross_dataset: no clip is of {name} (there are clips of {', '.join(people)}). "
                    "Add it to data.datasets, or correct protocol.options."
                )
        if not self.train and not self.test:
            return leave_each_out(people, labels, val_people, generator)
        train = self.train or tuple(name for name in people if name not in self.test)
        test = self.test or tuple(name for name in people if name not in self.train)
        if not train or not test:
            raise ConfigError(
                f"cross_dataset: there are clips of {', '.join(people)} alone, but both sides need at least one dataset. "
                "Add one to data.datasets."
            )
        name = f"{'+'.join(train)}-to-{'+'.join(test)}"
        tested, others = ([p for dataset in side for p in people[dataset]] for side in (test, train))
        return (fold_of(name, tested, others, labels, val_people, generator),)


def _people_of_datasets(labels: Iterable[str]) -> dict[str, list[str]]:
    people: dict[str, list[str]] = {}
    for person in clips_of_people(dict.fromkeys(labels, 0)):
        people.setdefault(dataset_of(person), []).append(person)
    return people
