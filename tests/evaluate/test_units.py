"""Scores of action units, checked by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from tsfmicro.errors import LabelError, RunError
from tsfmicro.evaluate.compare import differences
from tsfmicro.evaluate.select import rule_named
from tsfmicro.evaluate.units import (
    always_present,
    answers_of_units,
    choose_units,
    f1_of_both,
    f1_of_presence,
    fold_f1,
    score_units,
    tally_units,
)
from tsfmicro.labels import units_shown
from tsfmicro.types import Fold, Logits, Outcome

CLASSES = ("AU1", "AU4", "AU12")
LABELS = {f"d/s{person}/c{n}": label for person in range(4) for n, label in enumerate((0b001, 0b010, 0b110, 0b000))}


def drawn(seed=0, knowledge=0.0, epochs=2):
    values = np.random.default_rng(seed).normal(size=(epochs, len(LABELS), 3)).astype(np.float32)
    values += knowledge * (2 * units_shown(LABELS.values(), 3) - 1)
    return Logits(tuple(LABELS), "f", seed, values.astype(np.float32))


def none(said):
    return Logits((), said.fold, said.seed, said.values[:, :0])


def counted(said, rule="last"):
    return tally_units([choose_units(rule_named(rule), [Outcome(said, none(said))], LABELS)], LABELS, CLASSES)


def test_f1_of_presence_and_absence_by_hand():
    counts = np.array([[[5, 3], [1, 2]]])  # 5 rightly absent, 3 false alarms, 1 missed, 2 found
    assert f1_of_presence(counts).tolist() == [pytest.approx(4 / 8)]
    assert f1_of_both(counts).tolist() == [pytest.approx(10 / 14), pytest.approx(4 / 8)]


def test_scores_are_those_of_scikit_learn():
    said = drawn()
    scores = score_units(counted(said), CLASSES)
    truth, answered = units_shown(LABELS.values(), 3), said.values[-1] > 0
    assert scores.f1.value == pytest.approx(f1_score(truth, answered, average="macro"))
    both = [f1_score(truth[:, n], answered[:, n], average="macro") for n in range(3)]
    assert scores.macro_f1.value == pytest.approx(np.mean(both))
    assert scores.f1_of_units["AU4"].value == pytest.approx(f1_score(truth[:, 1], answered[:, 1]))
    assert scores.confusion.sum() == 3 * len(LABELS)
    assert scores.f1.low < scores.f1.value < scores.f1.high


def test_always_saying_present_gets_2p_over_1_plus_p_of_each_unit():
    fold = Fold("f", ("d/x/1",), tuple(LABELS))
    scores = score_units(tally_units([answers_of_units(always_present([fold], 3))], LABELS, CLASSES), CLASSES)
    shares = units_shown(LABELS.values(), 3).mean(0)
    assert scores.f1.value == pytest.approx(np.mean(2 * shares / (1 + shares)))
    assert scores.macro_f1.value == pytest.approx(scores.f1.value / 2), "nothing is ever told to be absent"


def test_the_constant_answer_on_the_counts_of_the_six_datasets_of_cd6me_is_near_the_published_17_8():
    """Clips of each unit over all six, of 2,031; a few counts of rare units are not known, so that it is a little less."""
    clips = np.array([298, 283, 703, 132, 42, 251, 108, 71, 185, 272, 43, 88])
    assert 100 * np.mean(2 * clips / (clips + 2031)) == pytest.approx(17.8, abs=0.4)


def test_an_epoch_is_chosen_by_the_units_that_occur():
    truth = units_shown(LABELS.values(), 3)
    right = np.where(truth, 1.0, -1.0)
    said = Logits(tuple(LABELS), "f", 0, np.stack([right, -right]).astype(np.float32))
    assert fold_f1(said, LABELS).tolist() == [1.0, 0.0]
    assert score_units(counted(said, "oracle"), CLASSES).f1.value == 1
    assert score_units(counted(said), CLASSES).f1.value == 0


def test_a_habit_of_programs_with_classes_is_refused():
    with pytest.raises(RunError, match="action units have last, inner and oracle"):
        counted(drawn(), "released")
    with pytest.raises(RunError, match=r"train\.val_people"):
        counted(drawn(), "inner")


def test_a_unit_that_no_tested_clip_shows_is_an_error():
    labels = {clip: label & 0b011 for clip, label in LABELS.items()}
    with pytest.raises(LabelError, match="no tested clip shows AU12"):
        tally_units([answers_of_units(drawn())], labels, CLASSES)


def test_a_paired_test_tells_who_knows_more():
    found = differences(counted(drawn(knowledge=3.0)), counted(drawn(1)))
    assert list(found) == ["f1", "macro_f1"]
    assert found["f1"].interval.value > 0.3 and found["f1"].p <= 0.125, "four people: 2 of 16 swaps at best"
