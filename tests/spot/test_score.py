"""The challenge's measure, by hand."""

from dataclasses import dataclass

import numpy as np
import pytest
from pytest import approx

from tsfmicro.spot.score import (
    EMOTIONS,
    LEAST_OVERLAP,
    Recognition,
    SpotScores,
    add_scores,
    hits,
    overlap,
    score_intervals,
    spot_then_recognise,
)


@dataclass
class Given:
    onset: int
    apex: int
    offset: int
    kind: str = "micro"


def test_overlap_counts_frames_and_both_ends_belong():
    assert overlap(Given(0, 5, 9), Given(0, 5, 9)) == 1
    assert overlap(Given(0, 5, 9), Given(5, 8, 14)) == approx(5 / 15)
    assert overlap(Given(0, 5, 9), Given(10, 12, 19)) == 0


def test_half_an_overlap_is_a_hit_and_less_is_not():
    true = [Given(0, 5, 9)]
    assert score_intervals(true, [Given(0, 3, 19)])["micro"].hits == 1  # 10 of 20 frames
    assert score_intervals(true, [Given(0, 3, 20)])["micro"].hits == 0


def test_precision_recall_f1_and_apex_error():
    true = [Given(0, 5, 9), Given(100, 110, 119), Given(200, 205, 209)]
    spotted = [Given(1, 7, 9), Given(300, 305, 309)]
    scores = score_intervals(true, spotted)["overall"]
    assert (scores.precision, scores.recall, scores.f1) == (1 / 2, approx(1 / 3), approx(2 / 5))
    assert scores.apex_error == 2


def test_no_interval_is_a_hit_twice():
    twice = score_intervals([Given(0, 5, 9)], [Given(0, 4, 9), Given(0, 6, 8)])["micro"]
    assert (twice.hits, twice.spotted, twice.apex_errors) == (1, 2, (1,))


def test_a_micro_expression_taken_for_a_macro_expression_is_no_hit():
    scores = score_intervals([Given(0, 5, 9)], [Given(0, 5, 9, "macro")])
    assert (scores["micro"].recall, scores["macro"].precision, scores["overall"].f1) == (0, 0, 0)


def test_scores_of_videos_add_up():
    one = score_intervals([Given(0, 5, 9)], [Given(0, 6, 9)])["overall"]
    other = score_intervals([Given(0, 5, 9)], [])["overall"]
    assert (one + other).recall == 1 / 2
    assert (one + other).to_dict()["apex_error_frames"] == 1
    assert other.to_dict()["apex_error_frames"] is None


def test_a_spotted_interval_that_is_two_true_ones_leaves_the_other_to_another():
    true = [Given(0, 5, 9), Given(10, 15, 19)]
    both, half = Given(0, 5, 19), Given(0, 2, 4)  # each overlaps by exactly half
    assert score_intervals(true, [both, half])["micro"].hits == 2
    assert score_intervals(true[::-1], [half, both])["micro"].hits == 2


def test_as_many_pairs_as_there_can_be_whatever_the_order_of_the_rows():
    true = [Given(0, 5, 9), Given(4, 8, 13)]
    spotted = [
        Given(1, 5, 10),
        Given(0, 3, 7),
    ]  # the first overlaps both, and the first true one more than the second spotted does
    assert [[round(overlap(t, s), 2) for s in spotted] for t in true] == [[0.82, 0.8], [0.54, 0.29]]
    for given in (spotted, spotted[::-1]):
        assert score_intervals(true, given)["micro"].hits == 2


def test_of_several_ways_to_pair_as_many_the_one_that_overlaps_most():
    true = [Given(0, 1, 9), Given(2, 3, 11)]
    spotted = [Given(2, 33, 11), Given(0, 21, 9)]
    assert [(t.onset, s.onset) for t, s in hits(true, spotted)] == [(0, 0), (2, 2)]
    assert score_intervals(true, spotted)["micro"].apex_errors == (20, 30)


def test_a_hit_is_of_the_same_kind_and_overall_adds_both():
    true = [Given(0, 5, 9), Given(50, 60, 99, "macro")]
    scores = score_intervals(true, [Given(0, 5, 9, "macro"), Given(50, 60, 99, "macro")])
    assert [(s.true, s.spotted, s.hits) for s in scores.values()] == [(1, 0, 0), (1, 2, 1), (2, 2, 1)]


def test_a_video_in_which_nothing_happens_counts_by_its_false_alarms():
    seen = score_intervals([Given(0, 5, 9)], [Given(0, 5, 9)])
    calm = score_intervals([], [Given(0, 5, 9), Given(20, 25, 29)])
    together = add_scores(add_scores({}, seen), calm)["micro"]
    assert (seen["micro"].f1, calm["micro"].f1, together.f1) == (1, 0, approx(2 * 1 / (1 + 3)))
    assert add_scores({}, score_intervals([], []))["overall"].f1 == 0


def test_recognition_is_the_harmonic_mean_of_the_mean_precision_and_the_mean_recall():
    named = Recognition(
        {
            ("negative", "negative"): 6,
            ("negative", "positive"): 2,
            ("positive", "positive"): 1,
            ("surprise", "negative"): 1,
        }
    )
    precision, recall = (6 / 7 + 1 / 3 + 0) / 3, (6 / 8 + 1 / 1 + 0 / 1) / 3
    assert (named.precision, named.recall) == (approx(precision), approx(recall))
    assert named.f1 == approx(2 * precision * recall / (precision + recall))


def test_an_emotion_that_no_hit_shows_is_in_the_mean_all_the_same():
    assert Recognition({("negative", "negative"): 1, ("surprise", "negative"): 1}).f1 == approx(0.2222, abs=5e-5)
    assert Recognition({}).f1 == 0


def test_hits_of_other_emotions_are_left_out_and_a_wrong_word_is_a_mistake():
    named = Recognition({("others", "negative"): 5, ("negative", "negative"): 1, ("negative", "others"): 1})
    assert (named.hits, named.precision, named.recall) == (2, approx(1 / 3), approx(1 / 6))
    assert Recognition(named.emotions, (*EMOTIONS, "others")).hits == 7


def test_strs_is_the_product_of_spotting_and_recognition():
    assert round(spot_then_recognise(0.6516, 0.5927), 4) == 0.3862


@pytest.mark.parametrize(
    "found, emotions, printed",
    [  # MEGC 2025's baseline on SAMM and CAS(ME)³: F1 of spotting, precision, recall and F1 of recognition, STRS
        (
            SpotScores(true=6 + 202, spotted=6 + 217, hits=6),
            {("negative", "negative"): 1, ("surprise", "negative"): 1},
            (0.0278, 0.1667, 0.3333, 0.2222, 0.0062),
        ),
        (
            SpotScores(true=3 + 34, spotted=3 + 115, hits=3),
            {("negative", "negative"): 1, ("negative", "surprise"): 1},
            (0.0387, 0.3333, 0.1667, 0.2222, 0.0086),
        ),
    ],
)
def test_the_published_baseline_comes_out_of_its_counts(found, emotions, printed):
    named = Recognition(emotions)
    scores = (found.f1, named.precision, named.recall, named.f1, spot_then_recognise(found.f1, named.f1))
    assert tuple(round(score, 4) for score in scores) == printed


@pytest.mark.parametrize("seed", range(8))
def test_the_pairs_are_those_of_trying_all(seed):
    rng = np.random.default_rng(seed)
    true, spotted = (
        [Given(o := int(rng.integers(0, 20)), o, o + int(rng.integers(4, 12))) for _ in range(4)] for _ in range(2)
    )

    def best(left, free):
        if not left:
            return (0, 0.0)
        t, *rest = left
        ways = [best(rest, free)]
        for s in free:
            if (much := overlap(t, spotted[s])) >= LEAST_OVERLAP:
                pairs, total = best(rest, free - {s})
                ways.append((pairs + 1, total + much))
        return max(ways)

    count, total = best(true, frozenset(range(4)))
    found = hits(true, spotted)
    assert (len(found), sum(overlap(t, s) for t, s in found)) == (count, approx(total))


@pytest.mark.parametrize("seed", range(8))
def test_going_through_the_rows_finds_as_many_where_no_two_of_a_list_overlap(seed):
    rng = np.random.default_rng(seed)

    def apart():
        ends = np.cumsum(rng.integers(1, 9, 24))
        given = [Given(int(a), int(a), int(b)) for a, b in zip(ends[::2], ends[1::2], strict=True)]
        return [given[n] for n in rng.permutation(len(given))]

    true, spotted = apart(), apart()
    free = list(true)
    for s in spotted:
        first = next((t for t in free if overlap(t, s) >= LEAST_OVERLAP), None)
        if first is not None:
            free.remove(first)
    assert len(hits(true, spotted)) == len(true) - len(free)
