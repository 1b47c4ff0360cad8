"""What a score must beat before it means anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tsfmicro.types import Fold, Logits


def majority(folds: Sequence[Fold], labels: Mapping[str, int], n_classes: int) -> Logits:
    """Always says the class that is most frequent in a fold's training side (a tie goes to the first class).

    Returns: logits of one epoch: the class frequencies of each fold's training side.
    """
    parts = []
    for fold in folds:
        counts = np.bincount([labels[clip] for clip in fold.train], minlength=n_classes).astype(np.float32)
        parts.append(Logits(fold.test, fold.name, seed=0, values=np.tile(counts, (1, len(fold.test), 1))))
    return Logits.join(parts)
