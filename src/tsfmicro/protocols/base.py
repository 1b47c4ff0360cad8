"""What every protocol does: from labels by clip id to folds. `Fold` itself refuses one person on two sides."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from tsfmicro.config import Section
from tsfmicro.types import Fold


def one_name(value: Any) -> Any:
    """An option that is several names may be written as one."""
    return (value,) if isinstance(value, str) else value


class Protocol(Section, ABC):
    """Who is tested on what was learned from whom. A protocol's fields are its options in a config."""

    @abstractmethod
    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        """The folds, in an order and with names that hang on the clip ids alone.

        Args:
            labels: class number of each clip id.
            val_people: people of each training side that are held out for validation, spread over the classes.
            generator: decides which.
        Raises:
            ConfigError: fewer people or datasets than the protocol needs.
        """
