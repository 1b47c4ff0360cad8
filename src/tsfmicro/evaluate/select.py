"""Which epoch is scored. A rule is applied afterwards, to the logits that training stored; nothing is trained again.

A fold's F1, by which epochs are compared, is the mean of 2TP / (2TP + FP + FN) over the classes that occur in the fold, as
truth or as answer: few people show every class. Ties go to the latest epoch, the one that was trained longest.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tsfmicro.errors import RunError, UnknownNameError
from tsfmicro.types import Logits, Outcome, Rule

Labels = Mapping[str, int]
Epochs = tuple[int, int]  # for ACC, for all other scores; only test-selected rules take two


@dataclass(frozen=True)
class Answers:
    """The classes that one seed's trainings said under a rule.

    Attributes:
        clips: N clip ids, each once.
        for_acc, for_f1: (N,) predicted classes that count for ACC, and for all other scores.
    """

    rule: Rule
    seed: int
    clips: tuple[str, ...]
    for_acc: np.ndarray = field(repr=False)
    for_f1: np.ndarray = field(repr=False)

    def only(self, clips: Container[str]) -> Answers:
        """The answers about some of the clips."""
        kept = [n for n, clip in enumerate(self.clips) if clip in clips]
        return Answers(self.rule, self.seed, tuple(self.clips[n] for n in kept), self.for_acc[kept], self.for_f1[kept])


def last(fold: Outcome, labels: Labels) -> Epochs:
    """The last epoch: chosen by nobody, hence honest."""
    return (len(fold.test.values) - 1,) * 2


def inner(fold: Outcome, labels: Labels) -> Epochs:
    """The epoch with the best F1 on the clips of all the fold's validation people together: honest, as they are not tested.

    Raises: RunError: no validation people were held out.
    """
    if not fold.val.clips:
        raise RunError(
            "rule inner needs validation people, and this run held none out. "
            "Run it again elsewhere with --set train.val_people=3, say."
        )
    return (latest_best(fold_f1(fold.val, labels)),) * 2


def oracle(fold: Outcome, labels: Labels) -> Epochs:
    """The epochs with the best ACC and the best F1 on the TEST person: what many published tables hold."""
    return latest_best(_correct(fold.test, labels)), latest_best(fold_f1(fold.test, labels))


def released(fold: Outcome, labels: Labels) -> Epochs:
    """As the released program of the TSFmicro paper does it: as oracle, but training ends at the first epoch in which every
    test clip is right.

    All later epochs are as if they had not been trained. ACC and UF1 come out as oracle's, since that epoch is the best there
    can be; what differs is the UAR column, which holds macro precision.
    """
    correct = _correct(fold.test, labels)
    perfect = np.flatnonzero(correct == len(fold.test.clips))
    end = perfect[0] + 1 if len(perfect) else len(correct)
    return latest_best(correct[:end]), latest_best(fold_f1(fold.test, labels)[:end])


_CHOOSERS: dict[Rule, Callable[[Outcome, Labels], Epochs]] = {
    Rule("last", "the last epoch, chosen by nobody"): last,
    Rule("inner", "the best epoch on the fold's validation people"): inner,
    Rule("oracle", "the best epoch on the test person", test_selected=True): oracle,
    Rule(
        "released", "as the paper's released program chooses and stops", test_selected=True, uar_is="macro precision"
    ): released,
}
RULES: dict[str, Rule] = {rule.name: rule for rule in _CHOOSERS}


def rule_named(name: str) -> Rule:
    """Raises UnknownNameError."""
    if name not in RULES:
        raise UnknownNameError("selection rule", name, RULES)
    return RULES[name]


def choose(rule: Rule, folds: Sequence[Outcome], labels: Labels) -> Answers:
    """Apply a rule to each fold of one seed.

    Args: labels: class number of each clip id; a rule sees those of the fold at hand.
    Raises: RunError: the rule needs what this run does not have. ShapeError: a clip is in two folds.
    """
    chooser = _CHOOSERS[rule]
    chosen = [(fold.test, chooser(fold, labels)) for fold in folds]
    parts = [
        Logits(test.clips, test.fold, test.seed, test.values[list(epochs)]) for test, epochs in chosen
    ]  # two epochs each
    joined = Logits.join(parts)
    for_acc, for_f1 = joined.values.argmax(-1)
    return Answers(rule, joined.seed, joined.clips, for_acc, for_f1)


def answers_of(said: Logits) -> Answers:
    """What a floor answers: it has one epoch, so there is nothing to choose."""
    none = Logits((), said.fold, said.seed, said.values[:, :0])
    return choose(RULES["last"], [Outcome(said, none)], {})


def latest_best(values: np.ndarray) -> int:
    """Place of the largest of (epochs,) values; the latest where several are. What differs by rounding alone is equal."""
    rounded = np.round(values, 9)
    return int(np.flatnonzero(rounded == rounded.max())[-1])


def fold_f1(said: Logits, labels: Labels) -> np.ndarray:
    """(epochs,) mean F1 over the classes that occur in this fold, as truth or as answer."""
    target, predicted = _targets(said, labels), said.values.argmax(-1)
    classes = np.arange(said.values.shape[-1])[:, None, None]
    true, answered = target == classes, predicted == classes  # (C, 1, N), (C, epochs, N)
    hits = (true & answered).sum(-1)
    clips = true.sum(-1) + answered.sum(-1)  # (C, epochs), 2TP + FP + FN
    return (2 * hits / np.maximum(clips, 1)).sum(0) / (clips > 0).sum(0)


def _correct(said: Logits, labels: Labels) -> np.ndarray:
    """(epochs,) clips that are right."""
    return (said.values.argmax(-1) == _targets(said, labels)).sum(-1)


def _targets(said: Logits, labels: Labels) -> np.ndarray:
    return np.array([labels[clip] for clip in said.clips])
