"""What a score must beat before it means anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

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


def shuffle_labels(labels: Mapping[str, int], n_classes: int, fold: str, seed: int) -> dict[str, int]:
    """A fold's training labels, dealt out to its clips at random: what is learned from them must not help on the test side.

    The classes exchange their names at random, too. Else a model that learned nothing but how frequent each class is may
    give the frequent class to the large, middling group of clips, and be right with it: UAR above 1/C without any leak.

    Args: fold, seed: decide how, and nothing else does, so that it is the same wherever the fold is trained.
    """
    generator = np.random.default_rng([seed, crc32(fold.encode())])
    clips = sorted(labels)
    dealt, names = generator.permutation(clips).tolist(), generator.permutation(n_classes).tolist()
    return {clip: names[labels[other]] for clip, other in zip(clips, dealt, strict=True)}
