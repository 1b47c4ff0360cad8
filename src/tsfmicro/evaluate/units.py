"""Scores of action units, several a clip: for each unit a 2 × 2 matrix, truth × answer, absent before present.

Mean binary F1: the mean over units of F1 of presence, 2TP / (2TP + FP + FN). Always saying "present" is the answer to beat: it gets
2p / (1 + p) of a unit that a share p of the clips shows.
Macro F1: the mean over units of the mean of F1 of presence and F1 of absence. Rare units are absent nearly everywhere, so that it is
high for answers that say nothing.
Both are pooled over all folds, every clip once, as UF1 is. A unit is answered where its logit is above 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from tsfmicro.errors import LabelError, RunError
from tsfmicro.evaluate.interval import ByClass, class_intervals, interval
from tsfmicro.evaluate.score import Tally, check_same_clips
from tsfmicro.evaluate.select import RULES, Answers, latest_best
from tsfmicro.labels import units_shown
from tsfmicro.types import Fold, Logits, Outcome, Rule, UnitScores, person_of

WITHOUT = "released"  # a habit of programs with classes


@dataclass(frozen=True)
class UnitTally(Tally):
    """Who answered what: for_acc and for_f1 are alike, (S, P, C, 2, 2) counts of each seed, person and unit, truth × answer."""

    scores: ClassVar[tuple[str, ...]] = ("f1", "macro_f1")

    def of(self, score: str) -> tuple[ByClass, np.ndarray]:
        """What 'f1' or 'macro_f1' is the mean of, and the counts it takes."""
        return {"f1": f1_of_presence, "macro_f1": f1_of_both}[score], self.for_f1


def f1_of_presence(counts: np.ndarray) -> np.ndarray:
    """F1 of each unit's presence. (..., C, 2, 2) → (..., C)."""
    return f1_of_both(counts)[..., 1::2]


def f1_of_both(counts: np.ndarray) -> np.ndarray:
    """F1 of each unit's absence and presence, one after the other. (..., C, 2, 2) → (..., 2C)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    f1 = 2 * hits / (counts.sum(-1) + counts.sum(-2))
    return f1.reshape(*f1.shape[:-2], -1)


def choose_units(rule: Rule, folds: Sequence[Outcome], labels: Mapping[str, int]) -> Answers:
    """As `select.choose`: the epoch of each fold, and the units that are then answered, (N, C) bool.

    Raises: RunError: the rule needs validation people, or is one of programs with classes.
    """
    chosen = [(fold.test, _epoch(rule, fold, labels)) for fold in folds]
    joined = Logits.join([Logits(test.clips, test.fold, test.seed, test.values[[epoch]]) for test, epoch in chosen])
    said = joined.values[0] > 0
    return Answers(rule, joined.seed, joined.clips, said, said)


def answers_of_units(said: Logits) -> Answers:
    """What a floor answers: it has one epoch, so there is nothing to choose."""
    return choose_units(RULES["last"], [Outcome(said, Logits((), said.fold, said.seed, said.values[:, :0]))], {})


def fold_f1(said: Logits, labels: Mapping[str, int]) -> np.ndarray:
    """(epochs,) mean F1 of presence over the units that occur in this fold, as truth or as answer."""
    shown, answered = units_shown([labels[clip] for clip in said.clips], said.values.shape[-1]), said.values > 0
    hits = (shown & answered).sum(1)
    clips = shown.sum(0) + answered.sum(1)  # (epochs, C), 2TP + FP + FN
    return (2 * hits / np.maximum(clips, 1)).sum(-1) / np.maximum((clips > 0).sum(-1), 1)


def _epoch(rule: Rule, fold: Outcome, labels: Mapping[str, int]) -> int:
    if rule.name == "last":
        return len(fold.test.values) - 1
    if rule.name == WITHOUT:
        raise RunError(f"rule {rule} is a habit of programs with classes; action units have last, inner and oracle.")
    side = fold.val if rule.name == "inner" else fold.test
    if not side.clips:
        raise RunError(
            "rule inner needs validation people, and this run held none out. "
            "Run it again elsewhere with --set train.val_people=3, say."
        )
    return latest_best(fold_f1(side, labels))


def tally_units(seeds: Sequence[Answers], labels: Mapping[str, int], classes: Sequence[str]) -> UnitTally:
    """Count the answers of all seeds by person, as `score.tally`.

    Raises: RunError: other clips were tested than labelled; LabelError: a unit that no test clip shows, or every one.
    """
    clips = tuple(sorted(labels))
    check_same_clips(seeds, clips)
    people = tuple(sorted({person_of(clip) for clip in clips}))
    place = {person: n for n, person in enumerate(people)}
    counts = np.zeros((len(seeds), len(people), len(classes), 2, 2), np.int64)
    for number, answers in enumerate(seeds):
        shown = units_shown([labels[clip] for clip in answers.clips], len(classes)).astype(int)
        who = np.array([place[person_of(clip)] for clip in answers.clips])[:, None]
        np.add.at(counts[number], (who, np.arange(len(classes)), shown, answers.for_f1.astype(int)), 1)
    _check_units(counts[0].sum(0), classes)
    return UnitTally(seeds[0].rule, tuple(a.seed for a in seeds), clips, people, counts, counts)


def _check_units(counts: np.ndarray, classes: Sequence[str]) -> None:
    clips = counts.sum(-1)  # (C, 2)
    for state, word in ((1, "shows"), (0, "lacks")):
        empty = [name for name, of in zip(classes, clips, strict=True) if of[state] == 0]
        if empty:
            raise LabelError(
                f"no tested clip {word} {', '.join(empty)}, so F1 does not exist. Choose another data.scheme, or add clips."
            )


def score_units(counts: UnitTally, classes: Sequence[str]) -> UnitScores:
    """Scores pooled over all folds, every clip once, mean over seeds, 95 % intervals over people."""
    pooled = counts.for_f1.sum(1)  # (S, C, 2, 2)
    of_units = class_intervals(*counts.of("f1"))
    return UnitScores(
        rule=counts.rule,
        classes=tuple(classes),
        f1=interval(*counts.of("f1")),
        macro_f1=interval(*counts.of("macro_f1")),
        f1_of_units=dict(zip(classes, of_units, strict=True)),
        confusion=pooled.sum(0),
        people=len(counts.people),
        clips=len(counts.clips),
        seeds=counts.seeds,
        f1_of_seeds=tuple(f1_of_presence(pooled).mean(-1).tolist()),
    )


def always_present(folds: Sequence[Fold], n_classes: int) -> Logits:
    """The constant answer: every unit, of every clip. Logits of one epoch."""
    parts = [Logits(f.test, f.name, 0, np.ones((1, len(f.test), n_classes), np.float32)) for f in folds]
    return Logits.join(parts)
