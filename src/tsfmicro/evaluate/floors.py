"""What a score must beat before it means anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from zlib import crc32

import numpy as np

from tsfmicro.evaluate.metrics import confusion_matrix
from tsfmicro.evaluate.select import Answers
from tsfmicro.types import Fold, Logits

RENAMINGS = 9_999


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


def above_chance(seeds: Sequence[Answers], folds: Sequence[Fold], labels: Mapping[str, int], n_classes: int) -> float:
    """How likely a UAR this high is for models that learned from shuffled labels and know nothing else (p, one-sided).

    In every training the classes exchanged their names at random, so without a leak its answers might as well have come
    under any other names. p is the share of such renamings, drawn for each training by itself, whose UAR is as high.

    Args: seeds: answers of the models, fold by fold from trainings of their own; labels: the true ones.
    """
    names = np.array(list(permutations(range(n_classes))))
    of_class = np.bincount([labels[clip] for fold in folds for clip in fold.test], minlength=n_classes)
    uars = []  # for each training: what it adds to UAR, under every naming of its answers; the first is its own
    for seed in seeds:
        said = dict(zip(seed.clips, seed.for_f1.tolist(), strict=True))
        for fold in folds:
            target, predicted = ([which[clip] for clip in fold.test] for which in (labels, said))
            share = confusion_matrix(np.array(target, int), np.array(predicted, int), n_classes) / of_class[:, None]
            uars.append(share[np.arange(n_classes), names].sum(-1))
    generator = np.random.default_rng(0)
    drawn = sum(uar[generator.integers(len(names), size=RENAMINGS)] for uar in uars)
    actual = sum(uar[0] for uar in uars)
    return float((1 + (drawn >= actual - 1e-9).sum()) / (1 + RENAMINGS))
