"""The story on traces made by hand: what is told of a face, and how it is marked."""

from pathlib import Path

import numpy as np
from pytest import approx

from tests.spot.test_intervals import bump, face, seconds
from tests.spot.test_marks import looking
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.spot import WITHIN, analysed, covers_of, marks
from tsfmicro.spot.types import Segment, Video

BROW = REGIONS.index("left inner brow")


def told(times, traces, down=0.0, eyes=None):
    """Expressions and marks of a face that keeps still but for its traces, and goes down by so many pixels, (T,)."""
    count = len(times)
    landmarks = np.array([[200, 200], [300, 200], [252, 260], [215, 310], [285, 310.0]])
    head = np.repeat(np.eye(2, 3)[None], count, 0)
    head[:, 1, 2] = down
    segment = Segment(
        1, np.arange(count), landmarks, head, traces, 0 * traces,
        np.ones(traces.shape[:2], bool), np.full(count, 100.0),
        np.full((count, 2, 8, 12), 90, np.uint8) if eyes is None else eyes,
    )  # fmt: skip
    video = Video(Path("a.avi"), 640, 480, 100.0, times)
    one = analysed(segment, covers_of([segment], times)[1], video)
    return [f for f in one.found if f.confidence >= 0.5], [m.what for m in marks([one], video)]


def test_a_micro_expression_within_a_smile_is_told_beside_it_and_marked():
    times = seconds(12)
    smile, flash = 3 * bump(times, 4, 4.8, 7.6, hold=1.6), 1.5 * bump(times, 5.7, 5.85, 6.0)
    found, what = told(times, face(times, left_cheek=-smile, right_cheek=-smile, left_inner_brow=-flash))
    assert [one.kind for one in found] == ["macro", "micro"]
    assert (found[1].region, found[1].apex) == (BROW, approx(5.85, abs=0.05))
    assert WITHIN in what


def test_a_smile_alone_has_no_such_mark():
    times = seconds(12)
    smile = 3 * bump(times, 4, 4.8, 7.6, hold=1.6)
    found, what = told(times, face(times, left_cheek=-smile, right_cheek=-smile))
    assert ([one.kind for one in found], WITHIN in what) == (["macro"], False)


def test_a_quick_movement_that_drifts_before_is_one_and_a_micro_expression():
    times = seconds(12)
    flash = 1.5 * bump(times, 5.5, 5.7, 5.9) + 0.4 * bump(times, 5.2, 5.55, 5.9)
    found, what = told(times, face(times, left_inner_brow=-flash, right_inner_brow=-flash))
    assert ([one.kind for one in found], WITHIN in what) == (["micro"], False)


def test_a_swallow_is_no_expression_and_marked():
    times = seconds(12)
    press = bump(times, 4, 4.3, 4.7)
    pressed = face(times, upper_lip=1.2 * press)
    found, what = told(times, pressed, down=2 * press)
    assert (found, "swallows" in what) == ([], True)
    found, what = told(times, pressed)
    assert (len(found), "swallows" in what) == (1, False)


def test_a_mouth_that_chews_or_speaks_is_marked_where_no_expression_is_told():
    times = seconds(12)
    for hz, kind in ((1.0, "chews"), (3.0, "speaks")):
        going = np.where((times > 4) & (times < 8), 0.75 * (1 - np.cos(2 * np.pi * hz * (times - 4))), 0)
        found, what = told(times, face(times, lower_lip=going, chin=going, upper_lip=-0.3 * going))
        assert (found, {"chews", "speaks"} & set(what)) == ([], {kind})
    once = 2 * bump(times, 4, 5, 6)
    found, what = told(times, face(times, lower_lip=once, chin=once))
    assert len(found) == 1 and not {"chews", "speaks"} & set(what)


def test_eyes_that_look_aside_are_marked():
    times = seconds(12)
    right = np.where((times > 5) & (times < 6), 0.5, 0.0)
    assert "looks aside" in told(times, face(times), eyes=looking(right))[1]
    assert "looks aside" not in told(times, face(times), eyes=looking(0 * right))[1]
