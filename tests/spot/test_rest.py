"""A face's own rest: where it is, what it says of movements, and when an expression ends."""

from dataclasses import replace

import numpy as np
from pytest import approx

from tsfmicro.spot.found import Found, View
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.rest import Rest, beyond_rest, find_rest, inside, until_rest, while_wide, without_expressions

RATE = 100
BROW, CORNER = REGIONS.index("left inner brow"), REGIONS.index("left mouth corner")


def traces(seconds, *bumps, noise=0.02):
    """Times and movements (T, R, 2) with bumps: region, from, to, per cent."""
    times = np.arange(round(seconds * RATE)) / RATE
    motion = np.random.default_rng(0).normal(0, noise, (len(times), len(REGIONS), 2))
    for region, begin, end, height in bumps:
        share = np.clip((times - begin) / (end - begin), 0, 1)
        motion[:, region, 1] -= height * np.sin(np.pi * share) ** 2
    return times, motion


def seen(times):
    return np.ones((len(times), len(REGIONS)), bool)


def test_the_first_seconds_are_the_rest_where_they_are_quiet():
    times, motion = traces(30, (CORNER, 8, 10, 3.0))
    rest = find_rest(times, motion, seen(times))
    assert (rest.begin, rest.end) == (0.0, 5.0)
    assert rest.unrest.max() < 0.05


def test_a_face_that_moves_at_first_rests_later():
    times, motion = traces(30, (CORNER, 1, 4, 3.0), (BROW, 6, 9, 2.0))
    rest = find_rest(times, motion, seen(times))
    assert rest.begin >= 9


def test_a_covered_stretch_is_no_rest():
    times, motion = traces(30, (CORNER, 12, 14, 3.0))
    there = seen(times)
    there[: 6 * RATE] = False
    assert find_rest(times, motion, there).begin >= 5


def test_a_named_rest_is_taken_and_a_short_video_has_none_else():
    times, motion = traces(8, (CORNER, 2, 4, 3.0))
    assert find_rest(times, motion, seen(times)) is None
    rest = find_rest(times, motion, seen(times), (1.0, 5.0))
    assert (rest.begin, rest.end) == (1.0, 5.0)
    assert rest.unrest[CORNER] > 1.0


def test_a_face_that_never_keeps_still_has_no_rest_but_a_named_one():
    times, motion = traces(20, *[(CORNER, k, k + 2, 3.0) for k in range(0, 20, 2)])
    assert find_rest(times, motion, seen(times)) is None
    assert find_rest(times, motion, seen(times), (2, 6)).unrest[CORNER] > 1


def test_an_expression_in_a_rest_that_nobody_named_is_not_compared_with_itself():
    times, motion = traces(20, (CORNER, 1.5, 3.2, 1.1), noise=0.05)
    rest = find_rest(times, motion, seen(times), (0.0, 5.0))
    assert rest.unrest[CORNER] > 0.2
    calm = without_expressions(rest, times, motion, View.clear(motion))
    assert (calm.begin, calm.end) == (rest.begin, rest.end) and calm.unrest[CORNER] < 0.1
    swayed = motion + 0.3 * np.sin(8 * times)[:, None, None]  # which no demand lets pass
    rest = find_rest(times, swayed, seen(times))
    assert without_expressions(rest, times, swayed, View.clear(swayed)).unrest.min() > 0.2


def test_a_micro_expression_in_a_rest_counts_only_where_somebody_named_that_rest():
    times, motion = traces(20, (CORNER, 2, 2.4, 0.78), noise=0.08)
    assert find_rest(times, motion, seen(times)).unrest[CORNER] < 0.1
    assert find_rest(times, motion, seen(times), (0.0, 5.0)).unrest[CORNER] > 0.2


def test_what_a_face_does_at_rest_too_is_doubted():
    unrest = np.full(len(REGIONS), 0.1)
    unrest[CORNER] = 1.0
    twitch, smile, frown = (
        Found(1, 1.1, 1.3, region, motion, 1.5) for region, motion in ((CORNER, 1.5), (CORNER, 4.0), (BROW, 0.6))
    )
    judged = beyond_rest([twitch, smile, frown], Rest(0, 5, unrest))
    assert [one.doubt for one in judged] == ["as at rest", "", ""]
    assert judged[0].confidence < 0.5 and judged[1] == smile
    assert beyond_rest([twitch], None) == [twitch]


def test_a_smile_that_fades_by_half_and_comes_again_is_one():
    times, motion = traces(12, (CORNER, 2, 5, 3.0), (CORNER, 3, 7, 3.0), noise=0)
    first, again = Found(2, 3.3, 4.4, CORNER, 3.0, 2.0), Found(4.6, 5.4, 7, CORNER, 3.5, 3.0)
    (smile,) = until_rest([first, again], times, motion)
    assert (smile.onset, smile.offset, smile.motion, smile.parts) == (2, 7, 3.5, 2)


def test_two_smiles_with_rest_between_are_two():
    times, motion = traces(12, (CORNER, 2, 4, 3.0), (CORNER, 5, 7, 3.0), noise=0)
    two = [Found(2, 3, 4, CORNER, 3.0, 2.0), Found(5, 6, 7, CORNER, 3.0, 3.0)]
    assert until_rest(two, times, motion) == two


def looks(times, *widths):
    """Rows of looks at the mouth, five a second, and how wide it is. Args: widths: from which second, per cent."""
    rows = np.arange(0, len(times), RATE // 5)
    width = np.full(len(rows), 80.0)
    for begin, wide in widths:
        width[times[rows] >= begin] = wide
    return np.stack([rows, width], axis=1)


def test_a_smile_lasts_while_the_mouth_is_wide_and_an_oh_of_a_second_does_not_end_it():
    times, motion = traces(14)
    smile, again, frown = (
        Found(2, 2.5, 4, CORNER, 5.0, 3.0),
        Found(5, 5.4, 6, CORNER, 2, 2),
        Found(5, 5.4, 6, BROW, 2, 2),
    )
    mouth = looks(times, (2.2, 92), (6.0, 80), (7.0, 90), (9.0, 81))
    told = while_wide([smile, again, frown], times, mouth, View.clear(motion))
    assert [(one.onset, one.region) for one in told] == [(2, CORNER), (5, BROW)], "the brows are no part of it"
    assert told[0].offset == approx(9, abs=0.25)


def test_a_movement_ends_as_before_where_the_mouth_is_back_or_was_as_wide_or_something_comes_before_it():
    times, motion = traces(14)
    smile, clear = Found(2, 2.5, 4, CORNER, 5.0, 3.0), View.clear(motion)
    assert while_wide([smile], times, looks(times, (2.2, 92), (3.8, 81)), clear) == [smile]
    assert while_wide([smile], times, looks(times, (0, 92)), clear) == [smile]
    assert while_wide([smile], times, looks(times)[:0], clear) == [smile]
    wide, covered = looks(times, (2.2, 92)), replace(clear, covered=[(4.0, 14.0)])
    (held,) = while_wide([smile], times, wide, covered)
    assert held.offset > 13, "hair that comes before a brow leaves the mouth to be seen"
    hand = clear.seen.copy()
    hand[5 * RATE :, CORNER] = False
    assert while_wide([smile], times, wide, replace(covered, seen=hand)) == [smile]


def test_a_micro_expression_on_top_of_a_smile_is_told_in_another_region_and_in_the_same():
    smile = Found(2, 3.5, 5, CORNER, 3.0, 3.0)
    for region in (BROW, CORNER):
        times, motion = traces(8, (CORNER, 2, 5, 3.0), (region, 3.3, 3.6, 1.5))
        (one,) = inside(smile, times, motion)
        assert one.region == region
        assert one.apex == approx(3.45, abs=0.04) and one.kind == "micro"


def test_a_smile_alone_holds_no_micro_expression():
    times, motion = traces(8, (CORNER, 2, 5, 3.0))
    assert inside(Found(2, 3.5, 5, CORNER, 3.0, 3.0), times, motion) == []
