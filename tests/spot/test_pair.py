"""Two pictures: the same one is no movement, a pushed brow is, and another person does not fit."""

import cv2
import numpy as np
import pytest

from tests.spot.conftest import moved, portrait, push
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.spot.motion import SIZE, Layout
from tsfmicro.spot.pair import compare


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def compared(before, after, marks, marks_after=None):
    matrix = to_template(marks, SIZE)
    layout = Layout(marks @ matrix[:, :2].T + matrix[:, 2])
    theirs = to_template(marks if marks_after is None else marks_after, SIZE)
    return compare(crop(grey(before), matrix, SIZE), layout, grey(after), theirs, crop)


def noisy(image, deviation=2.0, quality=75):
    rng = np.random.default_rng(0)
    noise = np.clip(image + rng.normal(0, deviation, image.shape), 0, 255).astype(np.uint8)
    return cv2.imdecode(cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def lit(image, gain=0.8, side=0.2):
    across = gain * np.linspace(1 - side, 1 + side, image.shape[1])[None, :, None]
    return np.clip(image * across, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    "change",
    [lambda i: i, noisy, lit, lambda i: moved(i, right=6.3, down=-3.4, degrees=3)],
    ids=["the same", "noise", "light", "moved"],
)
def test_a_picture_that_is_coded_lit_or_moved_as_a_whole_shows_no_movement(change):
    image, marks = portrait()
    found = compared(image, change(image), marks)
    assert found.still and found.fits


def test_a_mouth_corner_that_goes_up_by_a_pixel_is_movement():
    image, marks = portrait()
    found = compared(image, noisy(push(image, marks[3], (-1.0, -1.0))), marks)
    assert not found.still and found.fits
    assert found.region == "left mouth corner"


def test_a_lid_that_closes_is_movement_though_no_region_moves():
    image, marks = portrait()
    shut = image.copy()
    x, y = np.rint(marks[0]).astype(int)
    shut[y - 6 : y + 6, x - 14 : x + 14] = image[y + 12, x]
    found = compared(image, shut, marks)
    assert not found.still and found.eyes < 0.9


def test_two_people_do_not_fit():
    one, marks = portrait(0)
    for person in (1, 2, 3):
        other, theirs = portrait(person)
        assert not compared(one, other, marks, theirs).fits
