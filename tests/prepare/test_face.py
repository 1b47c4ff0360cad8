import cv2
import numpy as np
import pytest
from pytest import approx

from tsfmicro.prepare import face as room
from tsfmicro.prepare.face import finder

EYES = np.array([[135, 120], [185, 120]])  # of the drawn face, 50 pixels apart


@pytest.mark.parametrize("detector", ["mtcnn", "haar"])
def test_the_drawn_face_is_found_with_its_landmarks_in_order(face, detector):
    found = finder(detector)(face())
    left, right, nose, mouth_left, mouth_right = found.landmarks
    assert found.landmarks[:2] == approx(EYES, abs=6)
    assert left[1] < nose[1] < mouth_left[1] and mouth_left[0] < nose[0] < mouth_right[0] < right[0] + 5
    assert found.detector == detector and found.landmarks.dtype == np.float32


def test_a_face_that_fills_the_image_is_found_where_it_is(face):
    found = finder("mtcnn")(face()[75:200, 115:205])  # ears, hair and chin are cut off
    assert found.detector == "mtcnn"
    assert found.landmarks[:2] == approx(EYES - [115, 75], abs=5)


def test_landmarks_are_in_pixels_of_the_image_however_large_it_is(face):
    large = cv2.resize(face(), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    assert finder("mtcnn")(large).landmarks[:2] == approx(4.0 * EYES, abs=24)


def test_a_small_face_in_a_wide_picture_is_found(face):
    picture = np.full((720, 1280, 3), 100, np.uint8)
    picture[400:640, 800:1120] = face(d=30)
    expected = np.array([[945, 520], [975, 520]])
    assert finder("mtcnn")(picture).landmarks[:2] == approx(expected, abs=6)


def test_of_two_faces_the_large_one_counts(face):
    picture = np.concatenate([face(d=28), face(d=50)], axis=1)
    assert finder("mtcnn")(picture).landmarks[:2] == approx(np.add(EYES, (320, 0)), abs=6)


def test_a_dark_grey_face_is_found(face):
    grey = cv2.cvtColor(cv2.cvtColor(face(), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB) // 3
    assert finder("mtcnn")(grey).landmarks[:2] == approx(EYES, abs=6)


@pytest.mark.parametrize("detector", ["mtcnn", "haar"])
def test_where_there_is_no_face_none_is_found(detector):
    wall = np.random.default_rng(0).integers(80, 120, (240, 320, 3), dtype=np.uint8)
    assert finder(detector)(wall) is None


def test_haar_steps_in_where_mtcnn_finds_nothing_and_says_so(face, monkeypatch):
    monkeypatch.setattr(room.Mtcnn, "__call__", lambda self, image: None)
    assert finder("mtcnn")(face()).detector == "haar"
