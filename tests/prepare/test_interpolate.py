"""Temporal interpolation, held to the golden numbers and to an example worked by hand."""

import numpy as np
import pytest
from pytest import approx

from tests.models.golden import assert_near, golden
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError
from tsfmicro.needs import need
from tsfmicro.prepare.interpolate import interpolate
from tsfmicro.prepare.prepare import prepare

FOUR = np.array([[0, 1, 4, 9], [2, 2, 5, 1], [7, 3, 0, 2], [1, 8, 2, 6]], float).T  # four frames of four pixels


def test_three_frames_out_of_four_keep_the_ends_and_have_a_middle_between_them():
    three = interpolate(FOUR, 3)
    assert three[[0, 2]] == approx(FOUR[[0, 3]])
    assert three[1] == approx([2.086, 3.914, 0.879, 5.311], abs=5e-4)


def test_as_many_as_there_are_gives_them_back():
    assert interpolate(FOUR, 4) == approx(FOUR)


def test_it_gives_the_golden_frames():
    _, arrays = golden("classical")
    assert_near(interpolate(arrays["tim_in"].T, 10).T, arrays["tim_out"], 1e-4)


def test_a_face_that_does_not_move_stays_as_it_is():
    still = np.full((5, 3, 3), 7.0)
    assert interpolate(still, 8) == approx(np.full((8, 3, 3), 7))
    assert interpolate(still[:1], 2).shape == (2, 3, 3)


def test_frames_of_a_clip_can_be_interpolated(make_clip, tmp_path):
    clip = make_clip("EP01", frames=range(10, 21), offset=20)
    asked = [need("frames", 32, count=11), need("frames", 32, count=11, method="tim"), need("frames", 32)]
    made = prepare([clip], asked, PrepareConfig(size=32), tmp_path / "cache")
    nearest, tim = (made.of(one).of("annotated")[0].astype(int) for one in asked[:2])
    assert np.abs(nearest - tim).max() <= 1, "as many as there are: the frames themselves"


def test_interpolation_without_a_count_is_refused(make_clip, tmp_path):
    with pytest.raises(ConfigError, match="needs a count"):
        prepare([make_clip()], [need("frames", 32, method="tim")], PrepareConfig(size=32), tmp_path / "cache")
