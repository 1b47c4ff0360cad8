"""What is no expression, told apart."""

import numpy as np
import pytest
from pytest import approx

from tsfmicro.spot.marks import (
    find_blinks,
    find_chewing,
    find_compressed,
    find_covered,
    find_exposure,
    find_flicker,
    find_glances,
    find_shakes,
    find_turns,
)
from tsfmicro.spot.motion import REGIONS

TIMES = np.arange(300) / 50


def eyes(closed=(), one=()):
    """Looks of two eyes, an iris in white; a lid with its lashes where they are closed."""
    open_ = np.full((8, 12), 180, np.uint8)
    open_[2:6, 4:8] = 40
    lid = np.full((8, 12), 150, np.uint8)
    lid[6, 1:11] = 50
    looks = np.stack([np.stack([open_, open_])] * len(TIMES))
    looks[list(closed)] = lid
    looks[list(one), 0] = lid
    return looks


def test_a_blink_is_where_both_eyes_look_otherwise_for_a_moment():
    ((begin, end),) = find_blinks(TIMES, eyes(closed=range(100, 109), one=range(200, 209)))
    assert (begin, end) == (approx(1.95), approx(2.21))


def test_eyes_that_stay_closed_and_an_eye_that_winks_do_not_blink():
    assert find_blinks(TIMES, eyes(closed=range(100, 140))) == []
    assert find_blinks(TIMES, eyes(one=range(100, 109))) == []
    assert find_blinks(TIMES[:3], eyes()[:3]) == []


def seen(**hidden):
    """(T, R): all but what is hidden, e.g. chin=range(100, 150)."""
    visible = np.ones((len(TIMES), len(REGIONS)), bool)
    for name, rows in hidden.items():
        visible[list(rows), REGIONS.index(name.replace("_", " "))] = False
    return visible


def test_a_hand_is_there_from_when_it_comes_until_it_goes():
    comes_and_goes = [*range(50, 60), *range(140, 150)]
    hand = seen(chin=comes_and_goes, left_mouth_corner=comes_and_goes, lower_lip=comes_and_goes)
    assert find_covered(TIMES, hand) == [(approx(0.7), approx(3.28))]


def test_what_hides_two_regions_now_and_then_is_no_hand_that_stays():
    edge = [*range(50, 60), *range(140, 150)]
    assert len(find_covered(TIMES, seen(left_outer_brow=edge, left_cheek=edge))) == 2


def test_what_turns_away_with_the_head_is_no_hand_and_three_regions_are_one():
    while_ = range(140, 170)
    two, turns = seen(left_mouth_corner=while_, chin=while_), [(2.5, 4.0)]
    assert len(find_covered(TIMES, two)) == 1
    assert find_covered(TIMES, two, turns) == []
    assert find_covered(TIMES, two, [(0.0, 1.0)]) == find_covered(TIMES, two)
    three = seen(left_mouth_corner=while_, chin=while_, left_cheek=while_)
    assert find_covered(TIMES, three, turns) == find_covered(TIMES, three) != []


def test_a_mouth_that_opens_and_one_region_alone_are_no_hand():
    assert find_covered(TIMES, seen(upper_lip=range(50, 90), lower_lip=range(50, 90))) == []
    assert find_covered(TIMES, seen(chin=range(50, 90))) == []


def test_a_moment_is_no_hand_and_what_the_faces_edge_hides_is_none():
    moment = range(50, 54)
    assert find_covered(TIMES, seen(chin=moment, left_mouth_corner=moment, lower_lip=moment)) == []
    edge = range(50, 90)
    assert find_covered(TIMES, seen(left_outer_brow=edge, chin=edge)) == []


def test_a_smile_soon_after_a_hand_is_not_covered():
    hand, teeth = range(50, 90), range(150, 190)
    ((_, end),) = find_covered(TIMES, seen(chin=[*hand, *teeth], lower_lip=[*hand, *teeth], left_mouth_corner=hand))
    assert end < 2.1


def test_a_head_that_turns_is_told_and_one_that_drifts_is_not():
    turned = np.zeros((len(TIMES), len(REGIONS), 2))
    turned[:, :, 0] = 0.2 * TIMES[:, None] + 6 * np.clip(TIMES - 3, 0, 0.5)[:, None]
    ((begin, end),) = find_turns(TIMES, turned)
    assert 2 < begin < 3.3 < end < 4.6


def test_where_a_codec_lets_most_of_a_face_stand_is_told_and_frames_that_repeat_say_nothing():
    frozen = np.full(len(TIMES), 0.1)
    frozen[(TIMES >= 3) & (TIMES < 5)] = 0.8
    frozen[(TIMES >= 4) & (TIMES < 4.1)] = 0  # all of it is told anew
    frozen[::2] = 1
    ((begin, end),) = find_compressed(TIMES, frozen)
    assert (begin, end) == (approx(3, abs=0.15), approx(5, abs=0.15))
    assert find_compressed(TIMES, np.ones(len(TIMES))) == []
    assert find_compressed(TIMES, np.full(len(TIMES), 0.4)) == []
    assert find_compressed(TIMES, np.where(TIMES[-1] == TIMES, 0.9, 0.1)) == [], "one frame is no stretch"


def test_light_that_flickers_is_told_and_light_that_changes_slowly_is_not():
    light = 120 + 5 * TIMES
    light[150:200] *= 1 + 0.05 * (-1.0) ** np.arange(50)
    ((begin, end),) = find_flicker(TIMES, light)
    assert (begin, end) == (approx(3, abs=0.1), approx(4, abs=0.1))


def test_a_picture_that_goes_to_and_fro_shakes_and_a_head_that_drifts_turns_or_nods_once_does_not():
    place = np.zeros((len(TIMES), 2))
    place[:, 0] = 8 * np.sin(2 * np.pi * 0.2 * TIMES)
    place[:, 1] = 10 * np.exp(-(((TIMES - 4.5) / 0.2) ** 2))
    assert find_shakes(TIMES, place) == []
    shaken = (TIMES > 1) & (TIMES < 2.5)
    place[shaken, 0] += 4 * np.sin(2 * np.pi * 3 * TIMES[shaken])
    ((begin, end),) = find_shakes(TIMES, place)
    assert (begin, end) == (approx(1, abs=0.2), approx(2.5, abs=0.2))
    assert find_shakes(TIMES[:3], place[:3]) == []


def test_brightness_that_steps_is_exposure_and_slow_light_a_flash_and_a_hands_shade_are_none():
    light = 120 + 5 * TIMES
    light[60:63] *= 2
    assert find_exposure(TIMES, light) == []
    light[150:] *= 1.2
    ((begin, end),) = find_exposure(TIMES, light)
    assert begin < 3 < end and end - begin < 0.6
    assert find_exposure(TIMES, light, [(2.5, 4.0)]) == find_exposure(TIMES[:3], light[:3]) == []


def looking(right, other=None, down=0.0):
    """Looks of two eyes whose iris goes so many pixels of their pictures to the right, the other eye's so many, and down."""
    y, x = np.mgrid[:8, :12].astype(float)
    across = np.stack(np.broadcast_arrays(right, right if other is None else other), axis=1)[..., None, None]
    below = np.broadcast_to(down, len(across))[:, None, None, None]
    looks = 180 - 140 * np.exp(-(((x - 5.5 - across) / 2) ** 2) - ((y - 3.5 - below) / 2) ** 2)
    return looks.round().astype(np.uint8)


def aside(much, seconds=(2.0, 3.0)):
    return np.where((seconds[0] < TIMES) & (seconds[1] > TIMES), much, 0.0)


def test_eyes_that_look_to_one_side_for_a_second_are_told_whichever_side():
    for much in (0.5, -0.5):
        ((begin, end),) = find_glances(TIMES, looking(aside(much)))
        assert (begin, end) == (approx(2.02, abs=0.03), approx(2.98, abs=0.03))


def test_eyes_that_go_apart_or_hardly_or_behind_a_hand_do_not_look_aside():
    assert find_glances(TIMES, looking(aside(0.5), aside(-0.5))) == []
    assert find_glances(TIMES, looking(aside(0.5), aside(0.0))) == []
    assert find_glances(TIMES, looking(aside(0.1))) == []
    assert find_glances(TIMES, looking(aside(0.0), down=aside(0.5))) == []
    assert find_glances(TIMES, looking(aside(0.5)), [(1.9, 3.1)]) == []
    assert find_glances(TIMES[:3], looking(aside(0.5))[:3]) == []


def test_where_eyes_usually_look_is_no_glance():
    assert find_glances(TIMES, looking(np.full(len(TIMES), 0.8))) == []
    assert find_glances(TIMES, looking(np.linspace(-0.3, 0.3, len(TIMES)))) == []


@pytest.mark.parametrize("fps", [24, 30, 50, 200])
def test_eyes_that_look_elsewhere_from_now_on_glance_at_nothing(fps):
    times = np.arange(round(12 * fps)) / fps
    for off in np.linspace(0, 0.3, 7):
        assert find_glances(times, looking(np.where(times > 6 + off, 0.8, 0.0))) == []


@pytest.mark.parametrize("fps", [24, 29.97, 30, 200])
def test_a_glance_is_told_once_and_as_long_as_it_is_wherever_in_a_long_video_it_is(fps):
    times = np.arange(round(200 * fps)) / fps
    for at in (10.0, 57.9, 60.1, 119.5, 4 * 1024 / fps - 0.7):
        glance = (times > at) & (times < at + 1.5)
        ((begin, end),) = find_glances(times, looking(0.5 * glance))
        assert (begin, end) == (approx(at, abs=0.06), approx(at + 1.5, abs=0.06))


def test_a_glance_ends_where_frames_are_missing_and_as_many_frames_as_a_tenth_of_a_second_are_one():
    gone = TIMES + np.where(TIMES > 2.5, 20.0, 0.0)
    (first, second) = find_glances(gone, looking(aside(0.5)))
    assert first[1] < 2.6 and second[0] > 22.4
    times = np.arange(600) / 30
    for at in (100, 130, 250, 301):
        shift = np.zeros(len(times))
        shift[at : at + 4] = 0.5
        assert len(find_glances(times, looking(shift))) == 1


def mouthing(hz, seconds=(1.5, 4.5), percent=1.5, rest=0.0, once=False):
    """(T, R, 2) of a face whose lips and chin go down and up so often a second, or once; the rest of it by so much."""
    traces = np.zeros((len(TIMES), len(REGIONS), 2))
    during = (seconds[0] < TIMES) & (seconds[1] > TIMES)
    hz = 1 / (seconds[1] - seconds[0]) if once else hz
    stroke = np.where(during, percent * (1 - np.cos(2 * np.pi * hz * (TIMES - seconds[0]))) / 2, 0)
    jaw = [("lip" in name or "chin" in name) for name in REGIONS]
    traces[:, jaw, 1] = stroke[:, None]
    traces[:, [not one for one in jaw], 1] = rest * stroke[:, None]
    return traces


def test_a_mouth_alone_that_goes_to_and_fro_chews_and_more_quickly_it_does_not():
    ((begin, end),) = find_chewing(TIMES, mouthing(1.0))
    assert abs(begin - 1.5) < 0.6 and abs(end - 4.5) < 0.6
    assert find_chewing(TIMES, mouthing(3.0)) == []


def test_one_movement_of_a_mouth_or_of_all_of_a_face_is_neither():
    assert find_chewing(TIMES, mouthing(0, seconds=(2.0, 3.4), once=True)) == []
    assert find_chewing(TIMES, mouthing(0, seconds=(2.0, 2.4), once=True)) == []
    assert find_chewing(TIMES, mouthing(1.0, rest=0.5)) == []
    assert find_chewing(TIMES, mouthing(1.0, percent=0.3)) == []
    assert find_chewing(TIMES, mouthing(1.0), [(2.0, 2.5)]) == []
    assert find_chewing(TIMES[:3], mouthing(1.0)[:3]) == []


def test_a_meal_is_not_lost_by_a_hand_nor_by_what_is_said_after_it():
    times = np.arange(60 * 30) / 30
    traces = np.zeros((len(times), len(REGIONS), 2))
    phase = 2 * np.pi * np.where(times < 30, times, 30 + 4 * (times - 30))
    jaw = [("lip" in name or "chin" in name) for name in REGIONS]
    traces[:, jaw, 1] = 0.75 * (1 - np.cos(phase))[:, None]
    chews = find_chewing(times, traces, [(12.0, 12.5)])
    assert 15 < sum(end - begin for begin, end in chews) < 29 and chews[-1][1] < 35
    assert not any(a < 12.5 and b > 12.0 for a, b in chews)
