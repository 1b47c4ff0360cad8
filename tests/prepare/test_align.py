import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest import approx

from tsfmicro.errors import ShapeError
from tsfmicro.prepare.align import TEMPLATE, crop, similarity, to_template

LANDMARKS = np.array([[264, 165], [376, 166], [314, 229], [273, 297], [365, 299]], float)


def move(points, matrix):
    return points @ matrix[:, :2].T + matrix[:, 2]


def test_a_quarter_turn_and_doubling_is_found_exactly():
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    turned = np.array([[5, 5], [5, 7], [3, 7], [3, 5]])
    assert similarity(square, turned) == approx(np.array([[0, -2, 5], [2, 0, 5]]))


@given(st.floats(-3.1, 3.1), st.floats(0.1, 10), st.floats(-500, 500), st.floats(-500, 500))
def test_any_rotation_scale_and_shift_is_found(angle, scale, dx, dy):
    a, b = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[a, -b, dx], [b, a, dy]])
    assert similarity(LANDMARKS, move(LANDMARKS, matrix)) == approx(matrix, abs=1e-6)


def test_where_nothing_fits_exactly_the_squared_distance_is_least():
    target = TEMPLATE * 224 + np.random.default_rng(0).normal(0, 5, (5, 2))
    x, y = LANDMARKS.T
    one, nil = np.ones(5), np.zeros(5)
    # the same four unknowns as a plain least-squares problem: x' = a·x − b·y + c, y' = b·x + a·y + d
    system = np.concatenate([np.stack([x, -y, one, nil], 1), np.stack([y, x, nil, one], 1)])
    a, b, c, d = np.linalg.lstsq(system, target.T.ravel(), rcond=None)[0]
    assert similarity(LANDMARKS, target) == approx(np.array([[a, -b, c], [b, a, d]]))


def test_landmarks_at_one_place_fix_no_transform():
    with pytest.raises(ShapeError, match="at least two different"):
        similarity(np.ones((5, 2)), TEMPLATE)


def test_a_tilted_face_comes_out_with_level_eyes_a_third_of_the_edge_apart():
    tilt = cv2.getRotationMatrix2D((320, 240), 25, 1.3)
    eyes = move(move(LANDMARKS, tilt), to_template(move(LANDMARKS, tilt), 224))[:2]
    assert eyes[1, 1] - eyes[0, 1] == approx(0, abs=2)
    assert eyes[1, 0] - eyes[0, 0] == approx(224 / 3, rel=0.05)


@pytest.mark.parametrize("size", [64, 112, 224, 448])
def test_what_is_at_a_landmark_comes_to_its_place_in_the_crop_at_every_size(size):
    y, x = np.mgrid[:480, :640]
    eye = LANDMARKS[0]
    spot = 255 * np.exp(-((x - eye[0]) ** 2 + (y - eye[1]) ** 2) / 2 / 6**2)
    matrix = to_template(LANDMARKS, size)
    seen = crop(np.repeat(spot[..., None], 3, 2).astype(np.uint8), matrix, size)[..., 0].astype(float)
    rows, columns = np.mgrid[:size, :size]
    centre = [(columns * seen).sum() / seen.sum(), (rows * seen).sum() / seen.sum()]
    assert centre == approx(move(eye, matrix), abs=0.1)


@pytest.mark.parametrize("size", [64, 224])
def test_a_movement_of_half_a_pixel_keeps_its_size_in_the_crop(size):
    y, x = np.mgrid[:480, :640]
    rng = np.random.default_rng(0)
    waves = [(rng.normal(0, 0.05, 2), rng.uniform(0, 6), 8) for _ in range(30)]

    def skin(dx):
        texture = 128 + sum(a * np.sin((x - dx) * kx + y * ky + phase) for (kx, ky), phase, a in waves)
        return np.repeat(texture.clip(0, 255).round().astype(np.uint8)[..., None], 3, 2)

    matrix = to_template(LANDMARKS, size)
    before, after = (crop(skin(dx), matrix, size)[..., 0].astype(float) for dx in (0, 0.5))
    gradient = np.stack([g.ravel() for g in np.gradient((before + after) / 2)][::-1], 1)
    moved = np.linalg.lstsq(gradient, (before - after).ravel(), rcond=None)[0]
    assert moved == approx(matrix[:, :2] @ [0.5, 0], abs=0.004)


def test_texture_too_fine_for_a_small_crop_averages_out_instead_of_aliasing():
    y, x = np.mgrid[:480, :640]
    checks = np.repeat(((x // 2 + y // 2) % 2 * 255).astype(np.uint8)[..., None], 3, 2)
    assert crop(checks, to_template(LANDMARKS, 48), 48).std() < 12  # of 127 in the image


def test_outside_the_image_is_black():
    matrix = to_template(LANDMARKS - [264, 100], 96)  # the face is cut off on its left
    assert (crop(np.full((480, 640, 3), 200, np.uint8), matrix, 96)[:, :10] == 0).all()
