"""A paired test over people: small cases by hand, and what a p-value must keep."""

import numpy as np
from pytest import approx

from tsfmicro.evaluate.compare import clip_differences, differences, leak, verdict
from tsfmicro.evaluate.score import tally
from tsfmicro.evaluate.select import RULES, answers_of, choose
from tsfmicro.types import Logits, Outcome

CLASSES = ("negative", "positive")


def labels_of(people, each=2):
    """Every person shows both classes in turn."""
    return {f"d/{p:02}/{n}": n % 2 for p in range(people) for n in range(each)}


def answers(said, seed=0, n_classes=2):
    values = np.eye(n_classes, dtype=np.float32)[list(said.values())][None]
    return answers_of(Logits(tuple(said), "all", seed, values))


def count(labels, *seeds):
    return tally([answers(said, seed) for seed, said in enumerate(seeds)], labels, CLASSES)


def wrong_for(labels, *people):
    """All right, but for these people."""
    return {clip: 1 - label if clip.split("/")[1] in people else label for clip, label in labels.items()}


def test_all_right_against_all_wrong_of_three_people():
    labels = labels_of(3)
    found = differences(count(labels, labels), count(labels, wrong_for(labels, "00", "01", "02")))
    of = found["acc"].interval
    assert (of.value, of.high) == (1, 1)
    assert of.low < 0, "three people do not exclude that there is no difference, and p says the same"
    assert found["acc"].p == 2 / 8, "of the eight ways of swapping, none and all differ as much"
    assert verdict(found["acc"]) == "not shown to be better than", "three people cannot show anything"


def test_eight_people_of_one_mind_show_a_difference():
    labels = labels_of(8)
    everybody = [f"{p:02}" for p in range(8)]
    better = differences(count(labels, labels), count(labels, wrong_for(labels, *everybody)))["uf1"]
    assert better.p == 2 / 2**8
    assert verdict(better) == "better than"
    worse = differences(count(labels, wrong_for(labels, *everybody)), count(labels, labels))["uf1"]
    assert (worse.p, verdict(worse)) == (better.p, "worse than")


def test_p_by_hand_where_two_of_three_people_differ():
    labels = labels_of(3)
    # ACC: A is better by one clip of person 00 and worse by two of person 01, so −1/6. Signed sums of (1, −2) over all ways:
    # ±1, ±3, each twice as person 02 changes nothing. All are at least 1 away from zero.
    a = wrong_for(labels, "01")
    b = labels | {"d/00/0": 1}
    found = differences(count(labels, a), count(labels, b))["acc"]
    assert found.interval.value == approx(-1 / 6)
    assert found.p == 1


def test_equal_answers_differ_by_nothing():
    labels = labels_of(4)
    found = differences(count(labels, labels), count(labels, labels))
    assert all((d.interval.value, d.interval.low, d.interval.high, d.p) == (0, 0, 0, 1) for d in found.values())


def test_pairing_makes_an_interval_narrower_than_the_two_alone():
    """A and B fail at the same people, and A is right on one clip more of each."""
    labels = labels_of(10, each=4)
    hard = [f"{p:02}" for p in range(5)]
    b = wrong_for(labels, *hard)
    a = b | {f"d/{p:02}/0": 0 for p in range(5)}
    found = differences(count(labels, a), count(labels, b))["acc"]
    assert found.interval.value == approx(5 / 40)
    assert 0 < found.interval.low < found.interval.high < 0.25


def test_the_numbers_of_seeds_may_differ():
    labels = labels_of(4)
    model, floor = wrong_for(labels, "00"), wrong_for(labels, "01", "02")
    once = differences(count(labels, model), count(labels, floor))
    often = differences(count(labels, model, model, model), count(labels, floor, floor))
    assert {name: (d.interval, d.p) for name, d in often.items()} == {
        name: (d.interval, d.p) for name, d in once.items()
    }


def test_where_nothing_differs_but_luck_few_p_values_are_small():
    labels = labels_of(9, each=4)
    draw = np.random.default_rng(0)
    small = 0
    for _ in range(200):
        a, b = ({clip: int(draw.integers(2)) for clip in labels} for _ in range(2))
        small += differences(count(labels, a), count(labels, b))["uf1"].p < 0.05
    assert small <= 18, "5 % of 200 are 10, and twice the spread is 6"


def test_the_leak_is_paired_too():
    labels = labels_of(6)
    test = Outcome(
        Logits(
            tuple(labels),
            "f",
            0,
            np.eye(2, dtype=np.float32)[[list(labels.values()), list(wrong_for(labels, "00").values())]],
        ),
        Logits((), "f", 0, np.zeros((2, 0, 2))),
    )
    last, oracle = (tally([choose(RULES[rule], [test], labels)], labels, CLASSES) for rule in ("last", "oracle"))
    found = leak(oracle, last)["acc"]
    assert found.value == approx(2 / 12)
    assert -1 < found.low < 0 < found.value < found.high < 1, "one person of six shows no leak of people in general"


def test_clips_on_which_two_sides_differ_are_listed_with_the_gains_first():
    labels = {"d/a/1": 0, "d/a/2": 1, "d/b/1": 0, "d/b/2": 1}
    one = [answers(labels | {"d/b/2": 0}, seed) for seed in range(2)]
    other = [answers(labels | {"d/a/1": 1}, 0), answers(labels, 1)]
    first, second = clip_differences(one, other, labels, 2)
    assert (first.clip, first.truth, first.answers, first.right) == ("d/a/1", 0, (0, 0), (1.0, 0.5))
    assert (second.clip, second.truth, second.answers, second.right) == ("d/b/2", 1, (0, 1), (0.0, 1.0))


def test_two_wrong_answers_that_differ_are_listed_too():
    labels = {"d/a/1": 0, "d/b/1": 1, "d/b/2": 2}
    one, other = (answers(labels | {"d/a/1": said}, n_classes=3) for said in (1, 2))
    (found,) = clip_differences([one], [other], labels, 3)
    assert (found.answers, found.right) == ((1, 2), (0, 0))
