"""Is a model that learned from shuffled labels above chance? An exact test, which must not cry wolf."""

from itertools import permutations

import numpy as np
from pytest import approx

from tsfmicro.evaluate.floors import RENAMINGS, above_chance
from tsfmicro.evaluate.select import answers_of
from tsfmicro.types import Fold, Logits

LABELS = {f"d/{p}/{n}": n for p in range(3) for n in range(3)}


def leave_one_out(labels):
    people = sorted({clip.rpartition("/")[0] for clip in labels})
    sides = [[clip for clip in labels if clip.startswith(f"{person}/")] for person in people]
    return [
        Fold(p, tuple(c for c in labels if c not in test), tuple(test)) for p, test in zip(people, sides, strict=True)
    ]


def answers(said, seed=0, n_classes=3):
    return answers_of(Logits(tuple(said), "all", seed, np.eye(n_classes, dtype=np.float32)[list(said.values())][None]))


def test_three_trainings_that_are_all_right_are_so_by_luck_once_in_216_times():
    p = above_chance([answers(LABELS)], leave_one_out(LABELS), LABELS, 3)
    assert p == approx(1 / 6**3, abs=0.002)


def test_always_the_same_answer_is_never_above_chance():
    assert above_chance([answers(dict.fromkeys(LABELS, 1))], leave_one_out(LABELS), LABELS, 3) == 1


def test_one_training_alone_shows_nothing_however_many_people_it_answers():
    folds = [Fold("all", (), tuple(LABELS))]
    assert above_chance([answers(LABELS)], folds, LABELS, 3) == approx(1 / 6, abs=0.02)


def test_more_shuffles_show_a_leak_more_surely():
    seeds = [answers(LABELS, seed) for seed in range(5)]
    assert above_chance(seeds, leave_one_out(LABELS), LABELS, 3) == 1 / (1 + RENAMINGS)


def test_models_that_tell_the_classes_apart_but_do_not_know_their_names_are_rarely_above_chance():
    """The worst case: within a training, all clips of a class get the same answer, which one is drawn. A test that took
    clips or people for independent would cry wolf here."""
    labels = {f"d/{p}/{n}": n % 3 for p in range(4) for n in range(9)}
    folds, draw = leave_one_out(labels), np.random.default_rng(0)
    names = list(permutations(range(3)))
    alarms = 0
    for _ in range(100):
        seeds = []
        for seed in range(2):
            said = {}
            for fold in folds:
                name = names[draw.integers(6)]
                said |= {clip: name[labels[clip]] for clip in fold.test}
            seeds.append(answers(said, seed))
        alarms += above_chance(seeds, folds, labels, 3) < 0.05
    assert alarms <= 10, "5 of 100 are to be expected"
