"""From traces to expressions: made by hand, so that onset, apex and offset are known."""

from dataclasses import replace

import numpy as np
import pytest
from pytest import approx
from scipy.ndimage import gaussian_filter1d

from tsfmicro.spot.demands import Unrest, of_the_face
from tsfmicro.spot.found import Found, Thresholds, View
from tsfmicro.spot.intervals import find_intervals, from_rest
from tsfmicro.spot.motion import REGIONS

LIP, BROW = REGIONS.index("upper lip"), REGIONS.index("left inner brow")


def rise(x):
    return np.clip(x, 0, 1) ** 3 * (10 - 15 * np.clip(x, 0, 1) + 6 * np.clip(x, 0, 1) ** 2)


def bump(times, onset, apex, offset, hold=0.0):
    """0 at the onset, 1 from the apex for `hold` seconds, 0 at the offset."""
    return np.minimum(rise((times - onset) / (apex - onset)), rise((offset - times) / (offset - apex - hold)))


def face(times, noise=0.02, **regions):
    """Traces that are noise but for the given regions, e.g. upper_lip=(T,) downwards."""
    traces = np.random.default_rng(0).normal(0, noise, (len(times), len(REGIONS), 2))
    for name, trace in regions.items():
        traces[:, REGIONS.index(name.replace("_", " ")), 1] += trace
    return traces


def seconds(length, fps=100):
    return np.arange(round(length * fps)) / fps


@pytest.mark.parametrize("fps", [25, 30, 60, 100, 200])
def test_a_micro_expression_is_found_with_its_onset_apex_and_offset(fps):
    times = seconds(10, fps)
    (one,) = find_intervals(times, face(times, upper_lip=2 * bump(times, 4.0, 4.2, 4.45)), [])
    assert (one.kind, one.region) == ("micro", LIP)
    assert one.apex == approx(4.2, abs=0.025 + 0.5 / fps)
    assert one.onset == approx(4.0, abs=0.06 + 1 / fps)
    assert one.offset == approx(4.45, abs=0.06 + 1 / fps)


def test_a_movement_that_is_held_is_a_macro_expression_whose_apex_is_where_it_is_complete():
    times = seconds(12)
    (one,) = find_intervals(times, face(times, upper_lip=-3 * bump(times, 4.0, 4.6, 6.6, hold=1.2)), [])
    assert one.kind == "macro"
    assert one.apex == approx(4.6, abs=0.2)
    assert (one.onset, one.offset) == (approx(4.0, abs=0.15), approx(6.6, abs=0.15))


def test_regions_that_move_together_are_one_expression_named_after_the_one_that_moved_most():
    times = seconds(10)
    up = bump(times, 3, 3.2, 3.4)
    (one,) = find_intervals(times, face(times, upper_lip=up, left_inner_brow=-2.5 * up), [])
    assert one.region == BROW
    assert one.motion == approx(2.5, abs=0.2)


def test_two_expressions_are_two_and_the_rest_between_them_is_none():
    times = seconds(20)
    trace = 3 * bump(times, 4, 4.5, 6, hold=0.8) + 3 * bump(times, 8, 8.5, 10, hold=0.8)
    found = find_intervals(times, face(times, chin=trace), [])
    assert [one.kind for one in found] == ["macro", "macro"]
    assert [one.onset for one in found] == approx([4, 8], abs=0.2)


@pytest.mark.parametrize("other", [1.2, 2.5])
def test_an_expression_the_other_way_soon_after_is_another_one(other):
    times = seconds(16)
    brow = 2 * bump(times, 5, 5.5, 7, hold=0.8) - other * bump(times, 8, 8.5, 10, hold=0.8)
    for trace in (brow, -brow[::-1]):
        found = find_intervals(times, face(times, left_inner_brow=trace), [])
        onsets = [5, 8] if trace is brow else [6, 9]
        assert [one.onset for one in found] == approx(onsets, abs=0.15)
        assert [one.length for one in found] == approx([2, 2], abs=0.25)


def test_slow_drift_and_a_step_that_stays_are_no_expressions():
    times = seconds(20)
    drift = 1.5 * np.sin(2 * np.pi * times / 40)
    step = 2 * rise((times - 8) / 0.3)
    assert find_intervals(times, face(times, chin=drift, upper_lip=step), []) == []


def test_an_expression_on_a_drift_keeps_its_bounds():
    times = seconds(20)
    trace = 0.1 * times + 2 * bump(times, 9, 9.15, 9.35)
    (one,) = find_intervals(times, face(times, upper_lip=trace), [])
    assert (one.onset, one.offset) == (approx(9, abs=0.06), approx(9.35, abs=0.06))


def test_noise_is_no_expression_however_strong():
    times = seconds(20)
    for noise in (0.02, 0.1, 0.5):
        assert find_intervals(times, face(times, noise=noise), []) == []


def test_what_the_brow_does_while_the_eyes_blink_must_be_twice_as_large():
    times = seconds(10)
    up = bump(times, 4, 4.15, 4.35)
    blinks = [(4.0, 4.3)]
    assert find_intervals(times, face(times, left_inner_brow=-0.8 * up), blinks) == []
    assert len(find_intervals(times, face(times, left_inner_brow=-0.8 * up), [])) == 1
    assert len(find_intervals(times, face(times, left_inner_brow=-1.6 * up), blinks)) == 1
    assert len(find_intervals(times, face(times, upper_lip=-0.8 * up), blinks)) == 1


def test_steps_of_time_may_differ():
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.choice([0.005, 0.010, 0.020], 1200))
    middle = times[600]
    (one,) = find_intervals(times, face(times, chin=2 * bump(times, middle - 0.2, middle, middle + 0.2)), [])
    assert one.apex == approx(middle, abs=0.02)
    assert one.length == approx(0.4, abs=0.1)


def test_a_long_video_is_looked_at_in_pieces_and_nothing_is_found_twice():
    times = seconds(200, 50)
    starts = [10.0, 59.9, 119.8, 150.0]  # two of them across the end of a piece
    trace = sum(2 * bump(times, s, s + 0.2, s + 0.4) for s in starts)
    found = find_intervals(times, face(times, chin=trace), [])
    assert [one.onset for one in found] == approx(starts, abs=0.1)


def test_confidence_orders_by_how_far_above_the_threshold():
    times = seconds(20)
    trace = 0.7 * bump(times, 5, 5.2, 5.4) + 3 * bump(times, 12, 12.2, 12.4)
    faint, clear = find_intervals(times, face(times, chin=trace), [])
    assert 0.5 <= faint.confidence < clear.confidence < 1


def test_nothing_is_found_in_a_moment():
    assert find_intervals(np.array([]), np.zeros((0, len(REGIONS), 2)), []) == []
    assert find_intervals(np.arange(3) / 100, np.zeros((3, len(REGIONS), 2)), []) == []


def test_the_curve_is_flat_at_rest_and_as_high_as_the_movement():
    times = seconds(10)
    traces = face(times, noise=0.0, chin=0.3 * times / 10 + 2 * bump(times, 4, 4.2, 4.4))
    curve = from_rest(times, traces, find_intervals(times, traces + face(times), []))
    chin = curve[:, REGIONS.index("chin")]
    assert chin.max() == approx(2, abs=0.1)
    assert chin[times < 3.8].max() < 0.05


def told(times, traces, **view):
    return find_intervals(times, traces, [], view=replace(View.clear(traces), **view))


def test_what_a_hand_does_before_the_face_is_not_told():
    times = seconds(10)
    traces = face(times, chin=2 * bump(times, 4, 4.2, 4.4))
    assert len(told(times, traces)) == 1
    assert told(times, traces, covered=[(3.0, 4.1)]) == []
    (doubtful,) = find_intervals(times, traces, [], view=replace(View.clear(traces), covered=[(3, 5)]), level=0)
    assert doubtful.doubt == "covered"
    assert doubtful.confidence < 0.5


def test_more_is_asked_while_a_codec_lets_most_of_the_face_stand():
    times = seconds(10)
    traces = face(times, chin=2 * bump(times, 4, 4.2, 4.4))
    (sure,), (less,) = (told(times, traces, compressed=stretches) for stretches in ([(4.3, 9)], [(4.1, 9)]))
    assert sure.ratio == approx(1.5 * less.ratio)
    small = face(times, chin=0.7 * bump(times, 4, 4.2, 4.4))
    assert doubt(times, small) == "" and doubt(times, small, compressed=[(3, 5)]) == "compressed"


def test_a_region_whose_skin_is_not_seen_tells_nothing():
    times = seconds(10)
    traces = face(times, chin=2 * bump(times, 4, 4.2, 4.4))
    seen = np.ones(traces.shape[:2], bool)
    seen[410:415, REGIONS.index("chin")] = False
    assert told(times, traces, seen=seen) == []


def test_what_a_turning_head_leaves_is_not_told():
    times = seconds(10)
    traces = face(times, chin=bump(times, 4, 4.2, 4.4))
    assert told(times, traces, turned=traces[:, :1] * 0 + 3 * np.sin(times * 4)[:, None, None]) == []
    assert told(times, traces, roll=100 * times) == []


def test_a_micro_expression_has_rest_before_and_after():
    times = seconds(10)
    alone = 2 * bump(times, 4, 4.2, 4.4)
    restless = alone + 1.6 * bump(times, 3.4, 3.6, 3.8) + 1.7 * bump(times, 4.6, 4.8, 5)
    assert len(told(times, face(times, chin=alone))) == 1
    assert told(times, face(times, chin=restless)) == []


def test_a_face_that_moves_all_the_time_must_move_more():
    times = seconds(20)
    waves = {name.replace(" ", "_"): np.sin(8 * times + k) for k, name in enumerate(REGIONS)}
    up = 4 * bump(times, 9, 9.6, 10.4)
    assert told(times, face(times, **(waves | {"chin": waves["chin"] + up}))) == []
    assert len(told(times, face(times, chin=up))) == 1


def test_movements_that_share_a_border_are_one():
    times = seconds(12)
    laugh = 3 * bump(times, 3, 3.5, 4) + 3 * bump(times, 4, 4.6, 5.2) + 2.5 * bump(times, 5.2, 5.7, 6.2)
    (one,) = told(times, face(times, upper_lip=laugh, left_cheek=-laugh, right_cheek=-laugh))
    assert (one.kind, one.onset, one.offset) == ("macro", approx(3, abs=0.2), approx(6.2, abs=0.2))


def test_at_few_frames_a_second_two_of_them_are_no_expression():
    times = seconds(10, 25)
    spike = np.zeros(len(times))
    spike[100:102] = 4
    assert told(times, face(times, chin=spike)) == []


def test_where_a_face_comes_or_is_lost_nothing_is_told():
    times = seconds(10)
    traces = face(times, chin=2 * bump(times, 0.2, 0.4, 0.6))
    assert len(told(times, traces)) == 1
    assert told(times, traces, lost=[0.0]) == []


def test_restlessness_is_what_a_face_does_beside_a_movement_not_in_it():
    times = seconds(12)
    laugh = 3 * bump(times, 4, 4.6, 7.8, hold=2.4)  # a third of the film
    assert len(told(times, face(times, left_cheek=laugh, right_cheek=laugh))) == 1
    rng = np.random.default_rng(2)
    unrest = np.repeat(rng.normal(0, 0.4, (120, len(REGIONS), 2)), 10, axis=0)  # as a codec leaves it
    assert told(times, face(times, left_cheek=laugh, right_cheek=laugh) + unrest) == []


def test_a_micro_expression_must_be_larger_than_what_is_as_quick_beside_it_not_than_a_slow_drift():
    times = seconds(14)
    for period, expected in ((2, ""), (0.6, "restless video")):
        drift = 0.15 * np.sin(2 * np.pi * times / period)
        others = {name.replace(" ", "_"): drift for name in REGIONS if name != "left cheek"}
        assert doubt(times, face(times, left_cheek=-1.6 * bump(times, 6, 6.2, 6.4), **others)) == expected


def test_many_regions_that_move_together_count_more_than_one_alone():
    times = seconds(12)
    rng = np.random.default_rng(2)
    unrest = gaussian_filter1d(rng.normal(0, 1, (len(times), len(REGIONS), 2)), 15, axis=0)
    unrest *= 0.15 / unrest.std()
    up = -3 * bump(times, 5, 5.6, 7, hold=0.5)
    names = ("left_cheek", "right_cheek", "left_mouth_corner", "right_mouth_corner", "upper_lip")
    one, five = (
        find_intervals(times, face(times, **dict.fromkeys(which, up)) + unrest, [], level=0)
        for which in (names[:1], names)
    )
    alone, together = (max(f.ratio for f in found if 4.5 < f.apex < 7) for found in (one, five))
    assert together > 1.2 * alone


def test_a_smile_may_be_told_while_the_head_turns_and_a_one_sided_movement_may_not():
    times = seconds(10)
    up = 2 * bump(times, 4, 4.5, 6, hold=0.7)
    turned = np.repeat(np.stack([1.2 * up, 0 * up], axis=1)[:, None], len(REGIONS), axis=1)
    rises = dict.fromkeys(("left_cheek", "right_cheek", "left_mouth_corner", "right_mouth_corner"), -up)
    nod, smile = face(times, **rises), face(times, **rises)
    grimace = face(times, left_mouth_corner=-up, right_mouth_corner=-up)  # in which cheeks do not rise
    for side, way in (("left", -1), ("right", 1)):
        for region in ("cheek", "mouth corner"):
            for traces in (smile, grimace):
                traces[:, REGIONS.index(f"{side} {region}"), 0] += way * up
    assert len(told(times, smile, turned=turned)) == len(told(times, grimace, turned=turned)) == 1
    assert told(times, nod, turned=turned) == []
    assert told(times, face(times, left_cheek=-up, left_mouth_corner=-up), turned=turned) == []


def sideways(traces, **regions):
    """With movements to the right added, e.g. left_cheek=(T,)."""
    traces = traces.copy()
    for name, trace in regions.items():
        traces[:, REGIONS.index(name.replace("_", " ")), 0] += trace
    return traces


def doubt(times, traces, **view):
    """What speaks against the largest movement; nothing where it is told."""
    around = replace(View.clear(traces), **view)
    one = max(find_intervals(times, traces, [], view=around, level=0), key=lambda f: f.motion)
    assert (one.doubt == "") == (one.confidence >= 0.5)
    return one.doubt


@pytest.mark.parametrize("length", [0.4, 2.0])
def test_no_face_moves_both_sides_the_same_way(length):
    times = seconds(10)
    far = 2 * bump(times, 4, 4 + length / 2, 4 + length)
    assert doubt(times, sideways(face(times), left_cheek=far, right_cheek=far)) == "sides go one way"
    assert doubt(times, sideways(face(times), left_cheek=-far, right_cheek=far)) == ""
    assert doubt(times, sideways(face(times), left_cheek=far)) == ""  # one side alone


def test_a_brow_s_outer_end_goes_up_or_down_but_not_sideways():
    times = seconds(10)
    far = 2 * bump(times, 4, 4.5, 6, hold=0.7)
    assert doubt(times, face(times, left_outer_brow=-far)) == ""
    assert doubt(times, sideways(face(times, left_outer_brow=-0.5 * far), left_outer_brow=far)) == "brow goes sideways"
    smile = face(times, left_cheek=-far, right_cheek=-far)
    assert doubt(times, sideways(smile, left_outer_brow=1.2 * far)) == ""  # hair


def test_an_outer_brow_is_not_asked_which_way_it_goes_where_other_skin_goes_further():
    times, t = seconds(10), Thresholds()
    far = 2 * bump(times, 4, 4.5, 6, hold=0.7)
    one = Found(4.0, 4.5, 6.0, REGIONS.index("left outer brow"), 2.0, 3.0)
    for lip, asked in ((0.9, True), (1.2, False)):
        traces = sideways(face(times, lower_lip=lip * far), left_outer_brow=far)
        view = View.clear(traces)
        demands = of_the_face(one, times, traces, Unrest.of(times, traces, view), np.empty(0), view, t)
        assert ("brow goes sideways" in demands) == asked


def test_a_mouth_that_goes_on_alone_speaks_and_one_that_goes_there_and_back_does_not():
    times = seconds(12)
    syllables = 3 * bump(times, 3, 3.5, 4) + 3 * bump(times, 4, 4.6, 5.2) + 2.5 * bump(times, 5.2, 5.7, 6.2)
    assert doubt(times, face(times, lower_lip=syllables)) == "speaks"
    assert doubt(times, face(times, lower_lip=3 * bump(times, 3, 3.5, 6.2, hold=2))) == ""


def test_a_mouth_that_chews_moves_just_before_and_a_face_that_smiles_may():
    times = seconds(12)
    bite = 3 * bump(times, 5, 5.45, 6)
    chewed = bite + 2.3 * bump(times, 4.3, 4.55, 4.75)
    assert doubt(times, face(times, lower_lip=chewed)) == "no rest beside it"
    assert doubt(times, face(times, lower_lip=bite)) == ""
    assert doubt(times, face(times, left_cheek=-chewed, right_cheek=-chewed)) == ""


def test_what_a_hand_does_beside_a_movement_says_nothing_of_the_face():
    times = seconds(12)
    smile = 4 * bump(times, 5, 5.5, 7, hold=0.8)
    both = face(times, left_cheek=-1.2 * smile, right_cheek=-smile)
    hand = sideways(both, left_cheek=8 * rise((times - 7.1) / 0.4))
    assert doubt(times, hand) == "no rest beside it"
    assert doubt(times, hand, covered=[(7.05, 9)]) == ""


def test_where_an_outer_brow_leads_the_skin_that_goes_about_as_far_says_whether_the_face_rests():
    times = seconds(12)
    smile = 4 * bump(times, 5, 5.5, 7, hold=0.8)
    hair = sideways(face(times, left_outer_brow=-1.3 * smile), left_outer_brow=8 * rise((times - 7.1) / 0.4))
    assert doubt(times, hair) == "no rest beside it"
    for name in ("left cheek", "right cheek"):
        hair[:, REGIONS.index(name), 1] -= 0.9 * smile
    assert doubt(times, hair) == ""


def test_a_mouth_that_chews_does_it_again_be_it_with_another_part_and_less_far():
    times = seconds(12)
    bite, again = 3 * bump(times, 5, 5.35, 5.75), 1.8 * bump(times, 5.8, 6.1, 6.5)
    assert doubt(times, face(times, lower_lip=bite, chin=again)) == "no rest beside it"
    assert doubt(times, face(times, lower_lip=bite, chin=1.8 * bump(times, 6.8, 7.1, 7.5))) == ""
    assert doubt(times, face(times, lower_lip=bite, left_cheek=-bite, right_cheek=-bite, chin=again)) == ""


def test_a_first_bite_is_chewing_as_what_follows_is():
    times = seconds(12)
    first, bites = 1.5 * bump(times, 4, 4.2, 4.4), 3 * bump(times, 4.8, 5.15, 5.55) + 3 * bump(times, 5.85, 6.2, 6.6)
    assert told(times, face(times, chin=first, lower_lip=bites)) == []
    assert len(told(times, face(times, chin=first))) == 1
    smile = face(times, left_cheek=-first, right_cheek=-first, lower_lip=bites)
    assert len(told(times, smile)) == 1, "what cheeks do is no bite"


def test_skin_goes_less_far_in_a_micro_expression():
    times = seconds(12)
    far = {name: -6 * bump(times, 5, 5.2, 5.4) for name in ("left_cheek", "right_cheek")}
    slow = {name: -6 * bump(times, 4, 4.6, 6, hold=0.5) for name in far}
    assert doubt(times, face(times, **far)) == "covered"
    assert doubt(times, face(times, **slow)) == ""
    quick = bump(times, 5, 5.2, 5.4)
    assert doubt(times, face(times, lower_lip=8 * quick)) == "", "a jaw carries it along"
    assert doubt(times, face(times, lower_lip=8 * quick, right_nose_wing=6 * quick)) == "covered", "something passes"


def test_a_micro_expression_of_a_mouth_alone_needs_all_of_the_mouth_to_rest():
    times = seconds(10)
    quick, beside = 2 * bump(times, 4, 4.2, 4.4), 1.8 * bump(times, 4.45, 4.6, 4.9)
    assert doubt(times, face(times, lower_lip=quick, left_mouth_corner=beside)) == "no rest beside it"
    assert doubt(times, face(times, lower_lip=quick, left_inner_brow=beside)) == ""


def test_lips_that_are_pressed_while_the_head_nods_swallow():
    times = seconds(10)
    press = bump(times, 4, 4.3, 4.7)
    down = np.stack([0 * times, 2 * press], axis=1)
    assert doubt(times, face(times, upper_lip=1.2 * press), place=down) == "swallows"
    assert doubt(times, face(times, upper_lip=1.2 * press), place=0.4 * down) == ""
    assert doubt(times, face(times, upper_lip=1.2 * press), place=-down) == "", "the head goes up"
    assert doubt(times, face(times, left_cheek=-1.2 * press, right_cheek=-1.2 * press), place=down) == "", "a smile"


def test_a_piece_that_moves_in_a_picture_that_stands_is_a_codecs():
    times = seconds(10, 25)
    traces = face(times, left_cheek=-2 * bump(times, 4, 4.5, 6, hold=0.7))
    assert doubt(times, traces) == ""
    stands = np.where(np.abs(traces) < 0.2, 0, traces)
    assert doubt(times, stands) == "picture stands"
    repeated = traces[2 * (np.arange(len(times)) // 2)]
    assert doubt(times, repeated) == "", "frames that are there twice do not say so"


def test_a_rest_between_two_expressions_is_none_and_does_not_join_them():
    times = seconds(14)
    raised = -1.3 * bump(times, 4, 4.2, 4.4) - 2.5 * bump(times, 7, 7.6, 8.4)
    lower = 0.9 * bump(times, 4.3, 5.6, 7.2, hold=0.4)  # than the brow usually is
    found = told(times, face(times, left_inner_brow=raised + lower, right_inner_brow=raised + lower))
    assert [(one.kind, one.onset) for one in found] == [("micro", approx(4, abs=0.1)), ("macro", approx(7, abs=0.15))]


def test_what_goes_much_further_than_a_movement_does_not_say_that_it_jumps():
    times = seconds(10, 30)
    slow = 2 * bump(times, 4, 4.5, 6, hold=0.7)
    smile = face(times, left_cheek=-slow, right_cheek=-slow, left_mouth_corner=-slow, lower_lip=8.0 * (times > 5.7))
    (one,) = told(times, smile)
    assert one.kind == "macro"


def test_a_slow_movement_that_comes_in_a_jump_is_the_pictures():
    times = seconds(10, 30)
    slow, sudden = 2 * bump(times, 4, 4.5, 6, hold=0.7), 2.0 * ((times > 4) & (times < 5)) * np.minimum(1, 5 - times)
    assert len(told(times, face(times, chin=slow))) == 1
    doubtful = max(find_intervals(times, face(times, chin=sudden), [], level=0), key=lambda one: one.motion)
    assert (doubtful.doubt, doubtful.confidence < 0.5) == ("jumps", True)


def test_skin_does_not_move_by_a_tenth_of_the_eyes_distance_but_a_jaw_does():
    times = seconds(12)
    far = 15 * bump(times, 4, 4.6, 6)
    assert told(times, face(times, left_cheek=far)) == []
    assert len(told(times, face(times, chin=far))) == 1


def test_a_jaw_may_move_while_nothing_else_does_at_all():
    times = seconds(10)
    assert doubt(times, face(times, noise=0.0, chin=2 * bump(times, 4, 4.2, 4.4))) == "picture stands"


def test_every_region_has_action_units_that_move_it():
    from tsfmicro.action_units import parse_action_units
    from tsfmicro.spot.motion import REGIONS
    from tsfmicro.spot.types import CANDIDATES, Expression

    for region in REGIONS:
        one = Expression(1, "micro", 0, 1, 2, 0.0, 0.1, 0.2, region, 1.0, 0.8)
        assert one.candidates and one.to_dict()["unit_candidates"] == list(one.candidates)
    assert all(parse_action_units(str(n)).units for units in CANDIDATES.values() for n in units)


def test_an_expression_that_is_held_to_the_end_is_told_to_the_end():
    times = seconds(8)
    held = 3 * rise((times - 5.5) / 0.6)
    (one,) = told(times, face(times, left_cheek=-held, right_cheek=-held))
    assert (one.kind, one.held, one.onset, one.offset) == ("macro", True, approx(5.5, abs=0.2), approx(times[-1]))
    assert told(times, face(times, left_cheek=-held, right_cheek=-held), lost=[times[-1]]) == [], "the face left"


def test_one_that_came_back_before_the_end_is_not_held():
    times = seconds(8)
    (one,) = told(times, face(times, chin=3 * bump(times, 4.5, 5.0, 6.8, hold=1.0)))
    assert (one.held, one.offset) == (False, approx(6.8, abs=0.15))


@pytest.mark.parametrize("after", [0.0, -0.3, 0.3])
def test_one_that_droops_while_it_is_held_ends_where_it_goes_and_not_where_the_face_drifts_to(after):
    times = seconds(14)
    held = 2 * bump(times, 4, 4.5, 6.3, hold=1.4) * (1 - 0.15 * rise((times - 4.5) / 1.2))
    (one,) = find_intervals(times, face(times, chin=held + after * rise((times - 6.5) / 2.5)), [])
    assert (one.onset, one.offset) == (approx(4, abs=0.15), approx(6.3, abs=0.15))


def test_what_is_there_in_one_frame_alone_is_the_pictures():
    times = seconds(10, 25)
    smile = 3 * bump(times, 4, 4.5, 6, hold=0.7)
    odd = np.where(np.arange(len(times)) == 120, 9.0, 0)
    clean, disturbed = (told(times, face(times, left_cheek=-smile, chin=more)) for more in (0 * odd, odd))
    assert [(one.onset, one.offset) for one in disturbed] == [(one.onset, one.offset) for one in clean]


def test_hair_at_the_edge_of_a_face_does_not_hide_a_smile():
    times = seconds(10)
    up = bump(times, 4, 4.5, 6, hold=0.7)
    traces = face(times, left_cheek=-3 * up, right_cheek=-3 * up, left_outer_brow=12 * up)
    (one,) = told(times, traces)
    assert "cheek" in REGIONS[one.region]
    hidden = np.ones(traces.shape[:2], bool)
    hidden[450:550, REGIONS.index("left outer brow")] = False
    (one,) = told(times, traces, seen=hidden)
    assert "cheek" in REGIONS[one.region]


def test_movements_of_more_than_four_seconds_together_stay_apart():
    times = seconds(16)
    laugh = 3 * bump(times, 3, 4, 6, hold=0.8) + 3 * bump(times, 6.1, 7, 9.2, hold=0.8)
    assert len(told(times, face(times, upper_lip=laugh))) == 2


def test_what_is_sure_is_not_lost_to_something_larger_that_begins_before_it_ends():
    times = seconds(14)
    smile, turn = 3 * bump(times, 4, 4.6, 6.8, hold=0.8), 5 * bump(times, 6.6, 8, 9.9, hold=0.6)
    turned = np.repeat(np.stack([4 * turn, 0 * turn], axis=1)[:, None], len(REGIONS), axis=1)
    names = ("left_cheek", "right_cheek", "left_mouth_corner", "right_mouth_corner")
    found = told(times, face(times, **dict.fromkeys(names, -smile), left_outer_brow=turn), turned=turned)
    assert [(one.onset, one.offset) for one in found] == [(approx(4, abs=0.2), approx(6.8, abs=0.3))]
