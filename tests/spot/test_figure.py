"""The picture of a spotting."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.spot.test_intervals import face, seconds
from tsfmicro.spot.figure import draw_spotting
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.types import Expression, Segment, Spotting, Video


def spotting(length, expressions=0):
    """A face that keeps still for so many seconds. expressions: one a second."""
    times = seconds(length, 10)
    traces, count = face(times), len(times)
    segment = Segment(
        1, np.arange(count), np.zeros((5, 2)), np.repeat(np.eye(2, 3)[None], count, 0), traces, 0 * traces,
        np.ones(traces.shape[:2], bool), np.full(count, 100.0), np.full((count, 2, 8, 12), 90, np.uint8),
    )  # fmt: skip
    found = tuple(
        Expression(1, "micro", 10 * k, 10 * k + 2, 10 * k + 4, k, k + 0.2, k + 0.4, "chin", 1.0, 0.6)
        for k in range(expressions)
    )
    video = Video(Path("a.avi"), 640, 480, 10.0, times)
    return Spotting(video, (segment,), found, (), (), REGIONS, (np.abs(traces[..., 1]),))


@pytest.mark.parametrize(("length", "expressions", "lines", "rows"), [(20, 0, 1, 0), (20, 5, 1, 2), (700, 4, 3, 1)])
def test_it_has_a_line_of_curves_for_every_five_minutes_and_four_pairs_of_faces_in_a_row(
    tmp_path, length, expressions, lines, rows
):
    shown = spotting(length, expressions)
    pairs = {one: np.full((2, 16, 16, 3), (200, 30, 30), np.uint8) for one in shown.expressions}
    draw_spotting(shown, pairs, tmp_path / "a.png")
    picture = cv2.imread(str(tmp_path / "a.png"))
    assert picture.shape == (319 * lines + 214 * rows, 1430, 3)
    for line in range(lines):
        assert (picture[319 * line : 319 * (line + 1)] < 100).any()  # axes
    red = (picture == (30, 30, 200)).all(2).any(1)
    assert red.sum() >= 100 * rows and not red[: 319 * lines].any()
