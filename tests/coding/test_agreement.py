"""Coefficients of agreement against worked examples, and which moments of two coders are one."""

import numpy as np
import pytest
from pytest import approx
from sklearn.metrics import cohen_kappa_score

from tsfmicro.coding.agreement import ac1, events, icc, kappa, overlap, seconds_table
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline


def test_kappa_of_cohens_own_example():
    # Cohen (1960), Table 1 as counts of 200 patients: 70 % agree, 41 % would by chance.
    assert kappa(np.array([[88, 14, 18], [10, 40, 10], [2, 6, 12]])) == approx((0.70 - 0.41) / (1 - 0.41))


def test_kappa_of_a_table_of_two_by_two():
    assert kappa(np.array([[15, 10], [5, 20]])) == approx(0.4)


def test_gwets_ac1_holds_where_kappa_falls_below_chance():
    # 125 people, of whom both raters call 118 positive and none negative (Gwet, 2002).
    table = np.array([[118, 5], [2, 0]])
    assert (kappa(table), ac1(table)) == (approx(-0.0234, abs=5e-5), approx(0.9408, abs=5e-5))


def test_kappa_and_ac1_of_gwets_hundred_pregnant_women():
    # Gwet (2014), Handbook of Inter-Rater Reliability: two abstractors, three classes.
    table = np.array([[13, 0, 0], [0, 20, 7], [0, 4, 56]])
    assert (kappa(table), ac1(table)) == (approx(0.7964, abs=5e-5), approx(0.8493, abs=5e-5))


def test_the_intraclass_correlation_of_shrout_and_fleiss():
    # Their Table 2: six targets, four judges; ICC(2,1) is 0.29.
    ratings = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert icc(np.array(ratings)) == approx(0.2898, abs=5e-5)


def test_kappa_is_scikit_learns_and_many_tables_are_done_at_once():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 3, (2, 50))
    table = np.zeros((3, 3))
    np.add.at(table, (one, other), 1)
    assert kappa(np.stack([table, 2 * table])) == approx([cohen_kappa_score(one, other)] * 2)


def test_full_agreement_is_one_and_one_class_alone_has_no_kappa():
    assert kappa(np.diag([3, 4])) == ac1(np.diag([3, 4])) == 1
    assert np.isnan(kappa(np.diag([0, 4]))) and ac1(np.diag([0, 4])) == 1
    assert icc(np.array([[1, 1], [5, 5]])) == 1
    assert np.isnan(icc(np.array([[2, 2], [2, 2]])))


def test_overlap_is_intersection_over_union():
    assert overlap(Moment(0, 2), Moment(1, 3)) == approx(1 / 3)
    assert overlap(Moment(0, 1), Moment(1, 2)) == 0
    assert overlap(Moment(1, 1), Moment(1, 1)) == 1


def test_moments_are_paired_so_that_the_overlaps_add_up_to_the_most():
    one = Timeline("a", (Moment(0, 1.0), Moment(1.0, 2.0)))
    other = Timeline("a", (Moment(0.6, 1.6), Moment(5, 6)))
    found = events(one, other)
    assert [(e.one and e.one.onset, e.other and e.other.onset) for e in found] == [(0, None), (1.0, 0.6), (None, 5)]


def test_where_each_saw_one_person_names_do_not_matter_and_the_coder_s_is_taken():
    model, coder = (Timeline("a", (Moment(0, 1, person=name),)) for name in ("1", "anna"))
    assert [e.person for e in events(model, coder)] == ["anna"]
    assert events(model, coder)[0].both


def test_several_people_are_paired_by_name():
    one = Timeline("a", (Moment(0, 1, person="anna"), Moment(0, 1, person="ben")))
    other = Timeline("a", (Moment(0, 1, person="Ben"),))
    assert [(e.person, bool(e.both)) for e in events(one, other)] == [("anna", False), ("ben", True)]
    with pytest.raises(AnnotationError, match="Give people the same names"):
        events(one, Timeline("a", (Moment(0, 1, person="1"),)))


def test_a_moment_without_a_name_is_of_the_person_who_alone_has_one_and_a_face_s_number_is_no_name():
    one = Timeline("a", (Moment(0, 1), Moment(2, 3, person="anna")))
    model = Timeline("a", (Moment(0, 1, person="1"), Moment(2, 3, person="1")))
    assert [(e.person, bool(e.both)) for e in events(one, model)] == [("anna", True), ("anna", True)]


def test_seconds_in_which_neither_one_or_both_saw_something():
    table = seconds_table([Moment(1, 3), Moment(2, 4)], [Moment(3.5, 6)], 10)
    assert table.tolist() == [[5.0, 2.0], [2.5, 0.5]]
    assert seconds_table([], [], 10).tolist() == [[10, 0], [0, 0]]
