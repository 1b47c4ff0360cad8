"""95 % intervals over people: by hand where that is possible, by simulation where it is not, and at the edges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytest import approx
from scipy.stats import t

from benchmarks.coverage import POPULATIONS, SCORES, crowd, measured
from tsfmicro.evaluate import metrics
from tsfmicro.evaluate.interval import (
    class_intervals,
    difference_interval,
    interval,
    left_out_interval,
    median_interval,
)


def people(*right_of, classes=2):
    """Counts of one seed. Args: right_of: for each person, (clips, right) of each class; wrong answers say the next class."""
    counts = np.zeros((1, len(right_of), classes, classes), int)
    for person, of_class in enumerate(right_of):
        for label, (clips, right) in enumerate(of_class):
            counts[0, person, label, label] = right
            counts[0, person, label, (label + 1) % classes] = clips - right
    return counts


def test_four_people_by_hand():
    # Four clips each; 4, 3, 2 and 3 right. ACC 12/16; without each: 8, 9, 10, 9 of 12.
    counts = people([(2, 2), (2, 2)], [(2, 2), (2, 1)], [(2, 1), (2, 1)], [(2, 1), (2, 2)])
    error = np.sqrt(3 / 4 * 2 / 12**2)
    reach = t.ppf(0.975, 3) * error / (0.75 * 0.25)
    found = interval(metrics.accuracy_by_class, counts)
    assert found.value == 0.75
    assert [np.log(end / (1 - end)) - np.log(3) for end in (found.low, found.high)] == approx([-reach, reach])


def test_a_person_with_most_of_the_clips_makes_people_count_for_less():
    alike = interval(metrics.recall, people(*[[(4, 2), (4, 2)], [(4, 4), (4, 4)]] * 5))
    uneven = interval(metrics.recall, people([(20, 10), (20, 10)], *[[(4, 4), (4, 4)]] * 5))
    assert alike.value == uneven.value == 0.75
    assert uneven.high - uneven.low > 2 * (alike.high - alike.low)


def test_a_person_leaves_both_sides_of_a_difference():
    one = people([(2, 2), (2, 2)], [(2, 1), (2, 1)], [(2, 2), (2, 1)])
    other = people([(2, 1), (2, 1)], [(2, 0), (2, 0)], [(2, 1), (2, 0)])
    found = difference_interval(metrics.recall, one, other)
    assert (found.value, found.low, found.high) == approx((0.5, 0.5, 0.5)), "one clip in two is gained in everybody"


def test_a_class_held_by_one_person_is_left_out_together_with_them():
    # Without the last person there is only class 0, of which 1 of 2 are right: not 0.5 of a mean with an empty class.
    counts = people([(1, 1), (0, 0)], [(1, 0), (0, 0)], [(1, 1), (2, 2)])
    found = interval(metrics.recall, counts)
    assert found.value == approx((2 / 3 + 1) / 2)
    assert 0 < found.low < 0.5 < found.value < found.high < 1
    _, second = class_intervals(metrics.recall, counts)
    assert (second.low, second.value, second.high) == (0, 1, 1), "one person tells nothing about others"


def test_where_all_are_right_few_people_may_hide_that_others_are_not():
    right = [(2, 2), (2, 2)]
    low = [interval(metrics.f1_by_class, people(*[right] * number)).low for number in (3, 24, 68)]
    assert low == approx([0.025 ** (1 / number) for number in (3, 24, 68)])
    wrong = interval(metrics.f1_by_class, people(*[[(2, 0), (2, 0)]] * 3))
    assert (wrong.low, wrong.value, wrong.high) == approx((0, 0, 1 - low[0]))


def test_one_person_tells_nothing():
    found = interval(metrics.recall, people([(2, 1), (2, 2)]))
    assert (found.low, found.value, found.high) == (0, 0.75, 1)


def test_a_score_that_is_the_same_whoever_is_there_has_no_width():
    always = people(*[[(3, 3), (2, 0)]] * 2, [(1, 1), (4, 0)])
    found = interval(metrics.recall, always)
    assert (found.low, found.value, found.high) == (0.5, 0.5, 0.5)
    same = difference_interval(metrics.f1_by_class, always, always)
    assert (same.low, same.value, same.high) == (0, 0, 0)


@pytest.mark.parametrize("score", SCORES.values())
@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 4), st.integers(1, 3))
@pytest.mark.filterwarnings("error")
def test_an_interval_holds_its_value_and_stays_within_what_is_possible(score, seed, number, classes, seeds):
    draw = np.random.default_rng(seed)
    said = draw.integers(0, classes, (seeds + 1, number * 4))
    truth = np.concatenate([np.arange(classes), draw.integers(0, classes, number * 4 - classes)])
    counts = np.zeros((seeds + 1, number, classes, classes), int)
    for n in range(seeds + 1):
        np.add.at(counts[n], (np.arange(number * 4) % number, truth, said[n]), 1)
    for found in (interval(score, counts), *class_intervals(metrics.recall, counts)):
        assert 0 <= found.low <= found.value <= found.high <= 1
    found = difference_interval(score, counts[:1], counts[1:2])
    assert -1 <= found.low <= found.value <= found.high <= 1


def test_95_of_100_intervals_hold_the_score_of_endlessly_many_people():
    """Of 12 people, where percentiles of a bootstrap hold it in 82 to 89 of 100. The whole table: python -m benchmarks.coverage"""
    held = {}
    for name in ("CASME II, 5 classes", "SAMM, 3 classes", "one in five is lost"):
        of = crowd(POPULATIONS[name], np.random.default_rng(0))
        for key, (share, *_) in measured(of, size=12, draws=200, old_draws=0).items():
            held.setdefault(key, []).append(share)
    shares = {key: np.mean(of) for key, of in held.items()}
    assert all(0.92 < share < 0.99 for share in shares.values()), shares
    assert 0.94 < np.mean(list(shares.values())) < 0.965


def test_any_score_has_the_interval_of_its_values_without_each_person():
    counts = np.array([[[[3, 1], [0, 4]], [[2, 2], [1, 3]], [[4, 0], [1, 3]]]])

    def accuracy(c):
        return (np.trace(c, axis1=-2, axis2=-1) / c.sum((-2, -1)))[..., None]

    total = counts[0].sum(0)
    without = accuracy(total - counts[0])[:, 0]
    told = left_out_interval(accuracy(total)[0], without, counts[0].sum((-2, -1)), least=0)
    assert told == interval(accuracy, counts)


def test_a_score_that_one_person_alone_makes_may_be_anything():
    told = left_out_interval(0.4, np.array([np.nan, 0.4]), np.array([3, 5]), least=-1)
    assert (told.value, told.low, told.high) == (0.4, -1, 1)


def test_the_interval_of_a_median_is_around_it_and_wider_for_fewer_people():
    rng = np.random.default_rng(0)
    values = [rng.normal(0.2, 0.1, 5) for _ in range(20)]
    many, few = (median_interval(v, np.random.default_rng(1)) for v in (values, values[:4]))
    assert many.low < np.median(np.concatenate(values)) == many.value < many.high
    assert few.high - few.low > many.high - many.low
    assert median_interval(values[:1], rng).high == float("inf")
    assert np.isnan(median_interval([np.array([])], rng).value)
