"""How regions move: an expression is seen where it is, and a head that moves as a whole is no expression."""

import cv2
import numpy as np
import pytest
from pytest import approx

from tests.spot.conftest import moved, portrait, push
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.spot.motion import REGIONS, SIZE, FlowMeter, Layout, fit_head, likeness


def cut(image, landmarks):
    matrix = to_template(landmarks, SIZE)
    return crop(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), matrix, SIZE), Layout(
        landmarks @ matrix[:, :2].T + matrix[:, 2]
    )


def measured(before, after, landmarks):
    first, layout = cut(before, landmarks)
    return FlowMeter()(first, cut(after, landmarks)[0], layout)


def test_the_head_is_found_though_a_third_of_the_points_go_elsewhere():
    points = np.random.default_rng(0).uniform(0, SIZE, (300, 2))
    a, b = 1.01 * np.cos(0.02), 1.01 * np.sin(0.02)
    true = np.array([[a, -b, 2.0], [b, a, -1.5]])
    shifts = points @ true[:, :2].T + true[:, 2] - points
    shifts[:100] += (3.0, -2.0)
    assert fit_head(points, shifts) == approx(true, abs=1e-3)


@pytest.mark.parametrize(
    ("region", "mark", "away", "by"),
    [
        ("left mouth corner", 3, (0, 0), (-3, -3)),
        ("right mouth corner", 4, (0, 0), (3, -3)),
        ("left inner brow", 0, (0.30, -0.34), (0, -3)),
        ("right outer brow", 1, (0.13, -0.36), (0, -3)),
        ("chin", 3, (0.38, 0.5), (0, -3)),
    ],
)
def test_a_push_of_three_pixels_is_seen_in_its_region_and_direction(region, mark, away, by):
    image, landmarks = portrait()
    eyes = np.linalg.norm(landmarks[1] - landmarks[0])
    pushed = push(image, landmarks[mark] + np.array(away) * eyes, by, size=0.22 * eyes)
    regions = measured(image, pushed, landmarks).regions
    assert REGIONS[np.linalg.norm(regions, axis=1).argmax()] == region
    there, true = regions[REGIONS.index(region)], 100 * np.array(by) / eyes
    along = there @ true / (true @ true)
    assert 0.35 < along < 1.05  # the mean over a region is less than its most moved point, and flow is smooth
    assert np.linalg.norm(there - along * true) < 0.6


def test_a_head_that_shifts_and_turns_leaves_the_regions_where_they_are():
    image, landmarks = portrait()
    movement = measured(image, moved(image, right=3, down=-2, degrees=0.5), landmarks)
    assert np.abs(movement.regions).max() < 0.25  # per cent; the shift is three
    assert np.abs(movement.head - np.eye(2, 3)).max() > 0.5


def test_the_same_picture_does_not_move():
    image, landmarks = portrait()
    assert np.abs(measured(image, image, landmarks).regions).max() < 0.01


def test_likeness_of_a_face_with_itself_a_shifted_self_and_with_noise():
    image, landmarks = portrait()
    face = cut(image, landmarks)[0]
    noise = np.random.default_rng(0).integers(0, 256, face.shape, np.uint8)
    assert likeness(face, face) == approx(1)
    assert likeness(face, cut(moved(image, right=4), landmarks)[0]) > 0.9
    assert likeness(face, noise) < 0.3
    assert likeness(face, np.zeros_like(face)) == 0


def test_a_picture_that_grows_brighter_does_not_move():
    image, landmarks = portrait()
    before, layout = cut(image, landmarks)
    for gain in (0.75, 1.15):
        movement = FlowMeter()(before, cv2.convertScaleAbs(before, alpha=gain), layout)
        assert np.abs(movement.regions).max() < 0.15
