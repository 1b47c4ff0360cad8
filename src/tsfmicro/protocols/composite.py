"""Composite database evaluation, as MEGC2019 has it: the people of several datasets are pooled, and each is left out once.

See et al., MEGC 2019: the second facial micro-expressions grand challenge. The label scheme `megc2019-3` belongs to it. Scores
are pooled over everybody, and stand beside those of each dataset.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tsfmicro.errors import ConfigError
from tsfmicro.protocols.loso import Loso
from tsfmicro.types import Fold, dataset_of


class Composite(Loso):
    """Leave one subject out over the people of all datasets."""

    def folds(self, labels: Mapping[str, int], val_people: int, generator: np.random.Generator) -> tuple[Fold, ...]:
        datasets = sorted({dataset_of(clip) for clip in self.used(labels)})
        if len(datasets) < 2:
            raise ConfigError(
                f"composite: all clips are of {', '.join(datasets)}, but it pools at least two datasets. "
                "Add one to data.datasets, or choose protocol loso."
            )
        return super().folds(labels, val_people, generator)
