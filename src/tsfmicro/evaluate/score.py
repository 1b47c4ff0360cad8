"""From answers to scores: labels are joined here, by clip id, never by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from tsfmicro.errors import RunError
from tsfmicro.evaluate import metrics
from tsfmicro.evaluate.interval import ByClass, interval
from tsfmicro.evaluate.select import Answers
from tsfmicro.types import Rule, Scores, person_of


@dataclass(frozen=True)
class Tally:
    """Who answered what, counted: all that a score, an interval or a test needs.

    Attributes:
        clips, people: their ids, sorted.
        scores: names of what is compared, the one that decides first.
        for_acc, for_f1: (S, P, C, C) counts of each seed and person, true class × answer; the first counts for ACC, the other
            for all other scores. They differ only under a rule that takes two epochs.
    """

    rule: Rule
    seeds: tuple[int, ...]
    clips: tuple[str, ...]
    people: tuple[str, ...]
    for_acc: np.ndarray = field(repr=False)
    for_f1: np.ndarray = field(repr=False)

    scores: ClassVar[tuple[str, ...]] = ("uf1", "uar", "acc")

    def of(self, score: str) -> tuple[ByClass, np.ndarray]:
        """What 'acc', 'uf1' or 'uar' is the mean of, and the counts it takes."""
        if score == "acc":
            return metrics.accuracy_by_class, self.for_acc
        if score == "uar" and self.rule.uar_is == "macro precision":
            return metrics.precision_by_class, self.for_f1
        return {"uf1": metrics.f1_by_class, "uar": metrics.recall}[score], self.for_f1


def tally(seeds: Sequence[Answers], labels: Mapping[str, int], classes: Sequence[str]) -> Tally:
    """Count the answers of all seeds by person.

    Args:
        seeds: answers of each seed under one rule, all about the same clips.
        labels: class number of each clip id that was to be tested.
        classes: class names in the order of their numbers.
    Raises:
        RunError: seeds that tested different clips, or clips that were not tested, or have no label.
        LabelError: a class that no test clip has.
    """
    clips = tuple(sorted(labels))
    check_same_clips(seeds, clips)
    people = tuple(sorted({person_of(clip) for clip in clips}))
    counted = [
        [
            _by_person(a.clips, predicted, labels, people, len(classes))
            for a in seeds
            for predicted in [getattr(a, side)]
        ]
        for side in ("for_acc", "for_f1")
    ]
    for_acc, for_f1 = np.stack(counted[0]), np.stack(counted[1])
    metrics.check_classes(for_f1[0].sum(0), classes)
    return Tally(seeds[0].rule, tuple(a.seed for a in seeds), clips, people, for_acc, for_f1)


def check_same_clips(seeds: Sequence[Answers], clips: Sequence[str]) -> None:
    """Raises RunError: a seed tested other clips than these."""
    for answers in seeds:
        strange = set(answers.clips) ^ set(clips)
        if strange:
            raise RunError(
                f"seed {answers.seed}: {len(strange)} clips are either labelled or tested but not both, e.g. {min(strange)}. "
                "Finish the run before scoring it."
            )


def score(counts: Tally, classes: Sequence[str]) -> Scores:
    """Scores pooled over all folds, every clip once, mean over seeds, 95 % intervals over people."""
    pooled = counts.for_f1.sum(1)
    return Scores(
        rule=counts.rule,
        classes=tuple(classes),
        **{name: interval(*counts.of(name)) for name in ("acc", "uf1", "uar")},
        precision=float(metrics.precision(pooled).mean()),
        recall=dict(zip(classes, metrics.recall(pooled).mean(0).tolist(), strict=True)),
        confusion=pooled.sum(0),
        people=len(counts.people),
        clips=len(counts.clips),
        seeds=counts.seeds,
        uf1_of_seeds=tuple(metrics.uf1(pooled).tolist()),
    )


def _by_person(
    clips: Sequence[str], predicted: np.ndarray, labels: Mapping[str, int], people: Sequence[str], n_classes: int
) -> np.ndarray:
    """(P, C, C) counts of each person."""
    place = {person: n for n, person in enumerate(people)}
    counts = np.zeros((len(people), n_classes, n_classes), np.int64)
    who = np.array([place[person_of(clip)] for clip in clips])
    np.add.at(counts, (who, np.array([labels[clip] for clip in clips]), predicted), 1)
    return counts
