"""The apex between a known onset and offset."""

import numpy as np
import pytest
from pytest import approx

from tests.spot.conftest import moved, portrait, push
from tsfmicro.errors import ShapeError
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.spot.apex import find_apex


def clip(levels, size=224):
    image, landmarks = portrait()
    matrix = to_template(landmarks, size)
    frames = (moved(push(image, landmarks[3], (-a, -a)), right=0.1 * k) for k, a in enumerate(levels))
    return np.stack([crop(frame, matrix, size) for frame in frames]), landmarks @ matrix[:, :2].T + matrix[:, 2]


def test_the_apex_is_where_the_face_is_furthest_from_the_onset_though_the_head_sways():
    levels = 3 * np.interp(np.arange(30), [0, 11, 29], [0, 1, 0])
    faces, landmarks = clip(levels)
    assert find_apex(faces, landmarks, fps=100) == approx(11, abs=1)


def test_the_apex_is_neither_onset_nor_offset():
    faces, landmarks = clip([0.0, 1.0, 2.0, 3.0])  # cut off before it falls
    assert find_apex(faces, landmarks, fps=100) == 2
    assert find_apex(faces[:2], landmarks, fps=100) == 1


def test_one_face_has_no_apex():
    faces, landmarks = clip([0.0])
    with pytest.raises(ShapeError, match="at least two frames"):
        find_apex(faces, landmarks, fps=100)
