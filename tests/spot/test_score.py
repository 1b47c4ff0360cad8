"""The challenge's measure, by hand."""

from dataclasses import dataclass

from pytest import approx

from tsfmicro.spot.score import overlap, score_intervals


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
