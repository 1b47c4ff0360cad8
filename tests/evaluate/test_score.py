"""Scores pooled over folds, joined by clip id, with intervals over people."""

import numpy as np
import pytest
from pytest import approx

from tsfmicro.errors import LabelError, RunError
from tsfmicro.evaluate.floors import majority, shuffle_labels
from tsfmicro.evaluate.score import score, tally
from tsfmicro.evaluate.select import answers_of
from tsfmicro.types import Fold, Logits

CLASSES = ("negative", "positive")
LABELS = {"d/a/1": 0, "d/a/2": 1, "d/b/1": 0, "d/b/2": 1}


def logits_of(predictions, seed=0, epochs=1):
    clips = tuple(predictions)
    values = np.zeros((epochs, len(clips), 2), np.float32)
    values[-1, range(len(clips)), list(predictions.values())] = 1
    return Logits(clips, "all", seed, values)


def score_of(*seeds, classes=CLASSES):
    return score(tally([answers_of(said) for said in seeds], LABELS, classes), classes)


def test_labels_are_joined_by_clip_id_not_by_position():
    backwards = dict(reversed(LABELS.items()))
    assert score_of(logits_of(backwards)).acc.value == 1


def test_three_of_four_clips_right():
    scores = score_of(logits_of(LABELS | {"d/a/1": 1}))
    assert scores.acc.value == approx(3 / 4)
    assert scores.confusion.tolist() == [[1, 1], [0, 2]]
    assert scores.recall == {"negative": 0.5, "positive": 1.0}
    assert (scores.people, scores.clips, scores.seeds, str(scores.rule)) == (2, 4, (0,), "last")


def test_several_seeds_are_averaged():
    wrong = {clip: 1 - label for clip, label in LABELS.items()}
    scores = score_of(logits_of(LABELS, seed=0), logits_of(wrong, seed=1))
    assert scores.uf1.value == approx(0.5)
    assert scores.seeds == (0, 1)


def test_the_interval_of_several_seeds_leaves_a_person_out_of_all_of_them_at_once():
    """Person a is always right under seed 0 and always wrong under seed 1, person b the other way round: whoever is left out,
    the mean over seeds is one half. One seed alone knows of two people who are each other's opposite."""
    half = {clip: label if clip.startswith("d/a") else 1 - label for clip, label in LABELS.items()}
    other = {clip: 1 - answer for clip, answer in half.items()}
    scores = score_of(logits_of(half, seed=0), logits_of(other, seed=1))
    assert (scores.acc.low, scores.acc.value, scores.acc.high) == (0.5, 0.5, 0.5)
    alone = score_of(logits_of(half))
    assert (alone.acc.low, alone.acc.high) == approx((0, 1), abs=1e-4)


def test_more_seeds_that_say_the_same_change_neither_score_nor_interval():
    wrong = LABELS | {"d/a/1": 1}
    one, five = score_of(logits_of(wrong)), score_of(*(logits_of(wrong, seed=n) for n in range(5)))
    assert five.uf1 == one.uf1
    assert five.uf1_of_seeds == one.uf1_of_seeds * 5


def test_a_clip_that_was_not_tested_is_an_error():
    few = {clip: label for clip, label in LABELS.items() if clip != "d/b/2"}
    with pytest.raises(RunError, match="d/b/2"):
        score_of(logits_of(few))


def test_a_class_without_clips_is_an_error():
    with pytest.raises(LabelError, match="surprise"):
        score_of(logits_of(LABELS), classes=(*CLASSES, "surprise"))


def test_the_majority_floor_learns_from_the_training_side_only():
    folds = [
        Fold("a", train=("d/b/1", "d/b/2", "d/c/1"), test=("d/a/1",)),
        Fold("b", train=("d/a/1",), test=("d/b/1", "d/b/2")),
    ]
    labels = {"d/a/1": 0, "d/b/1": 1, "d/b/2": 1, "d/c/1": 0}
    said = majority(folds, labels, n_classes=2)
    assert dict(zip(said.clips, said.values[-1].argmax(-1).tolist(), strict=True)) == {
        "d/a/1": 1,
        "d/b/1": 0,
        "d/b/2": 0,
    }


def test_shuffled_labels_say_nothing_about_a_clip_nor_about_how_frequent_its_class_is():
    labels = {f"d/p/{n}": 0 if n < 20 else 1 if n < 28 else 2 for n in range(30)}
    drawn = [shuffle_labels(labels, 3, "fold", seed) for seed in range(300)]
    for clip in ("d/p/0", "d/p/25", "d/p/29"):
        assert np.bincount([said[clip] for said in drawn]) / 300 == approx([1 / 3] * 3, abs=0.1)
    counts = [sorted(np.bincount(list(said.values()), minlength=3).tolist()) for said in drawn]
    assert counts == [[2, 8, 20]] * 300, "the same groups, under other names"


def test_labels_are_shuffled_alike_wherever_a_fold_is_trained():
    labels = {f"d/p/{n}": n % 3 for n in range(30)}
    shuffled = shuffle_labels(labels, 3, "fold", seed=0)
    assert shuffled == shuffle_labels(dict(reversed(labels.items())), 3, "fold", seed=0)
    assert shuffled != shuffle_labels(labels, 3, "fold", seed=1)
    assert shuffled != shuffle_labels(labels, 3, "another", seed=0)
