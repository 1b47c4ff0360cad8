"""What moves in a generated clip, and what does not."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tsfmicro.errors import UnknownNameError
from tsfmicro.synthetic.actor import Actor
from tsfmicro.synthetic.cast import cast, scenes
from tsfmicro.synthetic.muscles import COARSE, UNITS, motion
from tsfmicro.synthetic.script import COMBINATIONS, EMOTIONS, Movement, Part, Wave, deal_emotions, draw_movement
from tsfmicro.synthetic.truth import truth

STILL = Wave((0.0,), (1.0,), (0.0,))


@pytest.fixture(scope="module")
def actor():
    return Actor(cast(seed=3, person=1))


@pytest.fixture(scope="module")
def scene():
    (only,) = scenes(seed=3, person=1, clips=1)
    return only


@pytest.fixture(scope="module")
def quiet(scene):
    """Staging of a frontal face that neither sways nor blinks, in an even light."""
    return replace(
        scene.staging,
        pose=replace(scene.staging.pose, roll=0.0, yaw=0.0, pitch=0.0),
        rest=(),
        lids=(0.0, 0.0),
        blink=None,
        sway=(STILL,) * 4,
        look=(STILL,) * 2,
        flicker=STILL,
    )


def movement(unit, left=3.0, right=3.0):
    return Movement("others", str(unit), 7, (Part(unit, left, right),), max(left, right), 0.15, 0.35, 0.0)


def moves(person, unit, at, left=1.0, right=1.0):
    """How far (right, down) an action unit moves the point of the face at so many mm."""
    shift = motion(unit, person, left, right).shift
    column, row = COARSE.pixels([at])[0].round().astype(int)
    return shift[:, row, column]


def test_a_movement_starts_at_the_onset_is_whole_at_the_apex_and_has_fallen_back_at_the_offset():
    smile = replace(movement(12), remains=0.1)
    assert smile.activation(0) == 0
    assert smile.activation(0.15) == 1
    assert smile.activation(0.35) == pytest.approx(0.1)
    assert smile.activation(0.05, delay=0.25) < smile.activation(0.05), "a delayed unit lags"
    assert smile.activation(0.15, delay=0.25) == 1, "but is whole at the apex too"


def test_the_same_way_at_another_place_is_another_emotion(actor):
    p = actor.person
    up = {
        "surprise": (2, (p.eye_x + 8, p.brow_y)),
        "disgust": (10, (11, p.mouth_y - p.lip_up)),
        "happiness": (12, (p.mouth_width, p.mouth_y)),
        "repression": (17, (4, p.chin_y - 17)),
    }
    for emotion, (unit, place) in up.items():
        assert any(str(unit) in units.replace("L", "").split("+") for units, _, _ in COMBINATIONS[emotion])
        assert moves(p, unit, place)[1] < -0.6, f"{unit} raises the skin"
    down = {"others": (4, (p.eye_x - 18, p.brow_y)), "repression": (15, (p.mouth_width, p.mouth_y))}
    for unit, place in down.values():
        assert moves(p, unit, place)[1] > 0.4, f"{unit} lowers the skin"


@pytest.mark.parametrize("unit", UNITS)
def test_both_sides_mirror_each_other_and_the_furthest_point_moves_by_the_strength(actor, unit):
    shift = motion(unit, actor.person, 2.0, 2.0).shift
    across, down = shift[0][:, 1:], shift[1][:, 1:]  # the first column has no partner
    assert np.allclose(down, down[:, ::-1], atol=5e-3)
    assert np.allclose(across, -across[:, ::-1], atol=5e-3)
    assert np.hypot(*shift).max() == pytest.approx(2.0, rel=1e-4)


def test_a_one_sided_smile_leaves_the_other_corner_still(actor):
    p = actor.person
    left, right = ((side * p.mouth_width, p.mouth_y) for side in (-1, 1))
    assert np.hypot(*moves(p, 12, left, left=1.0, right=0.0)) > 0.7
    assert np.hypot(*moves(p, 12, right, left=1.0, right=0.0)) < 0.01


def test_an_action_unit_that_does_not_exist_is_named(actor):
    with pytest.raises(UnknownNameError, match="unknown action unit '3'"):
        motion(3, actor.person, 1.0, 1.0)


def test_the_persons_left_is_on_the_right_of_the_picture():
    rng = np.random.default_rng(0)
    sided = [m for m in (draw_movement("happiness", rng) for _ in range(60)) if m.units in ("L12", "R12")]
    assert {m.units for m in sided} == {"L12", "R12"}
    for m in sided:
        assert (m.parts[0].left == 0) == (m.units == "L12")


def test_every_person_shows_every_emotion_and_some_more_than_others():
    dealt = [deal_emotions(12, np.random.default_rng(k)) for k in range(6)]
    assert all(set(one) == set(EMOTIONS) for one in dealt)
    assert len({tuple(one.count(e) for e in EMOTIONS) for one in dealt}) > 1
    assert len(deal_emotions(3, np.random.default_rng(0))) == 3


def test_the_onset_frame_does_not_depend_on_what_follows(actor, scene):
    pictures = [
        actor.take(scene.staging, draw_movement(emotion, np.random.default_rng(5))).frame(0, scene.noise(0))
        for emotion in ("happiness", "surprise")
    ]
    assert (pictures[0] == pictures[1]).all()


def test_the_picture_moves_as_the_truth_says(actor, scene):
    smile = movement(12)
    one = replace(scene, staging=replace(scene.staging, blink=None), movement=smile)
    take = actor.take(one.staging, smile)
    onset, apex = (cv2.cvtColor(take.frame(t, scene.noise(1)), cv2.COLOR_BGR2GRAY) for t in (0, smile.apex))
    seen = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(onset, apex, None)[::4, ::4]
    true = truth(take, one)
    moving = np.hypot(*true.expression.astype(np.float32)) > 1.5
    error = np.linalg.norm(seen - true.motion.transpose(1, 2, 0), axis=2)[moving]
    assert moving.sum() > 30
    assert np.median(error) < 0.5, "pixels"


def test_the_truth_peaks_at_the_strength_and_tells_the_heads_sway_apart(actor, quiet, scene):
    smile = movement(12)
    still = truth(actor.take(quiet, smile), replace(scene, staging=quiet, movement=smile))
    assert np.hypot(*still.expression.astype(np.float32)).max() == pytest.approx(3.0, abs=0.15)
    assert np.array_equal(still.motion, still.expression)
    corners, eyes = still.landmarks_expression[3:], still.landmarks_expression[:2]
    assert (np.linalg.norm(corners, axis=1) > 2).all()
    assert (np.linalg.norm(eyes, axis=1) < 0.3).all()
    ramp = Wave((2.0,), (1 / 0.6,), (0.0,))  # 2 px to the right at the apex
    swaying = replace(quiet, sway=(ramp, STILL, STILL, STILL))
    moved = truth(actor.take(swaying, smile), replace(scene, staging=swaying, movement=smile))
    assert moved.landmarks_moved - moved.landmarks_expression == pytest.approx(np.tile([2.0, 0.0], (5, 1)), abs=0.1)


def test_the_backdrop_stays_when_the_head_sways(actor, quiet):
    take = actor.take(replace(quiet, sway=(Wave((2.0,), (1.0,), (0.0,)), STILL, STILL, STILL)))
    change = np.abs(take.frame(0.25).astype(int) - take.frame(0)).max(axis=2)
    assert change[:300, :60].max() <= 1
    assert change[150:350, 200:440].max() > 10


def test_a_blink_covers_the_eyes_and_changes_nothing_far_from_them(actor, quiet):
    take = actor.take(replace(quiet, blink=0.2, blink_length=0.2))
    eyes = take.landmarks()[:2].round().astype(int)
    open_, closed = take.frame(0.0), take.frame(0.2)
    for column, row in eyes:
        assert closed[row, column].sum() > open_[row, column].sum() + 60, "skin is brighter than the pupil"
    change = np.abs(closed.astype(int) - open_).max(axis=2)
    assert change[eyes[:, 1].max() + 45 :].max() == 0


def test_noise_and_flicker_are_there_and_a_frame_is_the_same_when_drawn_again(actor, scene):
    take = actor.take(scene.staging)
    first, again, other = take.frame(0, scene.noise(1)), take.frame(0, scene.noise(1)), take.frame(0, scene.noise(2))
    assert (first == again).all()
    assert 0.5 < np.std(first.astype(float) - other) < 4, "levels"
