"""Selection rules, worked out afterwards from stored logits; small cases by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx

from tsfmicro.errors import RunError, UnknownNameError
from tsfmicro.evaluate.score import score, tally
from tsfmicro.evaluate.select import RULES, answers_of, choose, fold_f1, latest_best, rule_named
from tsfmicro.types import Logits, Outcome, person_of

CLASSES = ("negative", "positive", "surprise")


def said(answers, fold="f", seed=0, n_classes=3):
    """Logits that answer these classes: clip id → its class in each epoch."""
    values = np.stack([np.eye(n_classes, dtype=np.float32)[list(epochs)] for epochs in answers.values()], axis=1)
    return Logits(tuple(answers), fold, seed, values)


def nobody(epochs, fold="f", seed=0):
    return Logits((), fold, seed, np.zeros((epochs, 0, 3), np.float32))


def outcome(test, val=None):
    epochs = len(next(iter(test.values())))
    return Outcome(said(test), said(val) if val else nobody(epochs))


LABELS = {"d/a/1": 0, "d/a/2": 1, "d/a/3": 1, "d/a/4": 1, "d/v/1": 0, "d/v/2": 1}
# Epochs 1 to 4. Right: 2, 3, 3, 1 of 4 clips. Mean F1: 0.5, (0 + 6/7) / 2, (2/3 + 4/5) / 2, (2/5 + 0) / 2.
TEST = {"d/a/1": (0, 1, 0, 0), "d/a/2": (1, 1, 0, 0), "d/a/3": (0, 1, 1, 0), "d/a/4": (0, 1, 1, 0)}
# Right: 2, 2, 1, 1 of 2 clips, so that epoch 2 is the latest of the best.
VAL = {"d/v/1": (0, 0, 0, 0), "d/v/2": (1, 1, 0, 0)}


def chosen(rule, test=TEST, val=VAL):
    """Class of each clip for ACC, and for UF1."""
    answers = choose(RULES[rule], [outcome(test, val)], LABELS)
    return answers.for_acc.tolist(), answers.for_f1.tolist()


def test_last_takes_the_last_epoch():
    assert chosen("last") == ([0, 0, 0, 0],) * 2


def test_inner_takes_the_latest_of_the_best_epochs_on_the_validation_people():
    assert chosen("inner") == ([1, 1, 1, 1],) * 2


def test_inner_does_not_look_at_the_test_person():
    scrambled = {clip: epochs[::-1] for clip, epochs in TEST.items()}
    assert chosen("inner", scrambled) == ([0, 0, 1, 1],) * 2, "still epoch 2"


def test_inner_without_validation_people_says_how_to_get_them():
    with pytest.raises(RunError, match=r"--set train\.val_people=3"):
        chosen("inner", val=None)


def test_fold_f1_is_the_mean_over_classes_that_occur_as_truth_or_answer():
    assert fold_f1(said(TEST), LABELS) == approx([(2 / 4 + 2 / 4) / 2, 6 / 7 / 2, (2 / 3 + 4 / 5) / 2, 2 / 5 / 2])
    third = {"d/a/1": (2,), "d/a/2": (1,)}
    assert fold_f1(said(third), LABELS) == approx([(0 + 1 + 0) / 3]), (
        "a wrongly answered class counts, an absent one does not"
    )


def test_oracle_takes_the_latest_best_epoch_on_the_test_person():
    assert chosen("oracle") == ([0, 0, 1, 1],) * 2


def test_oracle_may_take_other_epochs_for_acc_and_for_uf1():
    # Epoch 1: 3 of 4 right, F1 (0 + 6/7)/2 = 0.43. Epoch 2: 2 of 4 right, F1 (2/4 + 2/4)/2 = 0.5.
    test = {"d/a/1": (1, 0), "d/a/2": (1, 0), "d/a/3": (1, 0), "d/a/4": (1, 1)}
    assert chosen("oracle", test) == ([1, 1, 1, 1], [0, 0, 0, 1])


def test_ties_go_to_the_latest_epoch():
    assert latest_best(np.array([1, 3, 3, 2])) == 2
    assert latest_best(np.array([0.1 + 0.2, 0.3])) == 1, "equal but for rounding"


def test_released_never_sees_an_epoch_after_the_first_perfect_one():
    perfect = tuple(LABELS[clip] for clip in TEST)
    test = {clip: (0, label, 0, label) for clip, label in zip(TEST, perfect, strict=True)}
    assert chosen("released", test) == (list(perfect),) * 2
    assert chosen("last", test) == (list(perfect),) * 2


def test_released_prints_macro_precision_as_uar():
    # Epoch 3 answers 0, 0, 1, 1 to 0, 1, 1, 1: precision (1/2 + 2/2) / 2, recall (1/1 + 2/3) / 2.
    assert scores_of("released").uar.value == approx((1 / 2 + 2 / 2) / 2)
    assert scores_of("oracle").uar.value == approx((1 / 1 + 2 / 3) / 2)
    assert scores_of("oracle").precision == scores_of("released").uar.value


def scores_of(rule, test=TEST):
    fold = Outcome(said(test, n_classes=2), said(VAL, n_classes=2))
    counts = tally([choose(RULES[rule], [fold], LABELS)], {clip: LABELS[clip] for clip in test}, CLASSES[:2])
    return score(counts, CLASSES[:2])


def random_folds(seed, people=4, each=5, epochs=6):
    """Folds in which answers are drawn: labels and outcomes."""
    draw = np.random.default_rng(seed)
    clips = [f"d/{p}/{n}" for p in range(people) for n in range(each)]
    labels = {clip: int(draw.integers(3)) for clip in clips} | {"d/0/0": 0, "d/0/1": 1, "d/0/2": 2}
    of = {p: [c for c in clips if person_of(c) == f"d/{p}"] for p in range(people)}
    folds = [
        Outcome(*(said({c: draw.integers(0, 3, epochs) for c in of[q]}, fold=str(p)) for q in (p, (p + 1) % people)))
        for p in range(people)
    ]
    return labels, folds


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_no_rule_has_a_better_acc_than_oracle_and_released_differs_from_it_in_uar_alone(seed):
    labels, folds = random_folds(seed)
    found = {
        name: score(tally([choose(rule, folds, labels)], labels, CLASSES), CLASSES) for name, rule in RULES.items()
    }
    assert all(found["oracle"].acc.value >= scores.acc.value for scores in found.values())
    assert found["released"].acc == found["oracle"].acc
    assert found["released"].uf1 == found["oracle"].uf1
    assert found["released"].uar.value == approx(found["oracle"].precision)


def test_choosing_on_the_test_person_lifts_answers_that_were_drawn_by_lot():
    """What the honest rules are for: nothing was learned here, and chance is 1/3."""
    found = {"last": [], "inner": [], "oracle": []}
    for seed in range(40):
        labels, folds = random_folds(seed, epochs=30)
        for name, accs in found.items():
            accs.append(score(tally([choose(RULES[name], folds, labels)], labels, CLASSES), CLASSES).acc.value)
    assert np.mean(found["last"]) == approx(1 / 3, abs=0.05)
    assert np.mean(found["inner"]) == approx(1 / 3, abs=0.05)
    assert np.mean(found["oracle"]) > 0.6


def test_a_test_selected_rule_cannot_be_written_without_its_label():
    assert f"rule {rule_named('oracle')}" == "rule oracle (test-selected, optimistic)"
    assert str(rule_named("released")) == "released (test-selected, optimistic; its UAR is macro precision)"
    assert [str(rule_named(name)) for name in ("last", "inner")] == ["last", "inner"]


def test_a_misspelt_rule_is_told_the_right_name():
    with pytest.raises(UnknownNameError, match="Did you mean 'last'"):
        rule_named("lasst")


def test_a_floor_has_one_epoch_and_nothing_to_choose():
    answers = answers_of(said({"d/a/1": (2,), "d/a/2": (1,)}))
    assert answers.for_acc.tolist() == answers.for_f1.tolist() == [2, 1]
    assert str(answers.rule) == "last"
