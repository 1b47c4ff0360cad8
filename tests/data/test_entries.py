from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfmicro.data.entries import Entry, impossible_length, missing_frames, usable_frames
from tsfmicro.types import Clip, Frames


def frames_of(onset, apex, offset):
    return usable_frames(Entry("sub01", "EP02_01f", onset, apex, offset, row=7))


def test_a_good_row_has_three_frames_and_nothing_odd():
    assert frames_of("46", "59.0", "86") == (46, 59, 86, [])


@pytest.mark.parametrize(
    ("cells", "usable", "reasons"),
    [
        (("261", "/", "321"), (261, None, 321), ["apex is not a frame"]),
        (("30", "-1", "90"), (30, None, 90), ["apex is not a frame"]),
        (("30", "nan", "90"), (30, None, 90), ["apex is not a frame"]),
        (("4896", "1930", "4960"), (4896, None, 4960), ["apex outside onset–offset"]),
        (("1080", "1143", "1134"), (1080, None, 1134), ["apex outside onset–offset"]),
        (("1812", "1824", "0"), (1812, 1824, None), ["offset is not a frame"]),
        (("112", "98", "83"), (112, None, None), ["offset before onset", "apex outside onset–offset"]),
        (("69", "69", "113"), (69, 69, 113), ["apex = onset"]),
        (("0", "4", "25"), (0, 4, 25), []),
        (("", "59", "86"), (None, None, None), ["onset is not a frame"]),
        (("-1", "59", "86"), (None, None, None), ["onset is not a frame"]),
    ],
)
def test_a_frame_that_cannot_be_used_is_none_and_flagged(cells, usable, reasons):
    *frames, odd = frames_of(*cells)
    assert tuple(frames) == usable
    assert [reason for reason, _ in odd] == reasons


def test_a_dataset_without_a_sheet_takes_the_first_and_the_last_frame_there_is():
    onset, apex, offset, odd = usable_frames(Entry("s01", "s1_ne_01"), {123, 124, 140})
    assert (onset, apex, offset) == (123, None, 140)
    assert [reason for reason, _ in odd] == ["no apex annotated"]
    assert usable_frames(Entry("s01", "s1_ne_01"))[3][0][0] == "onset is not a frame"


@pytest.mark.parametrize(
    ("kind", "offset", "fps", "flagged"),
    [
        ("micro", 300, 30, False),
        ("micro", 301, 30, True),
        ("micro", 301, 200, False),
        ("macro", 5176, 200, False),
        ("macro", 1801, 30, True),
        ("micro", None, 30, False),
    ],
)
def test_no_micro_expression_lasts_10_seconds_and_no_macro_expression_a_minute(kind, offset, fps, flagged):
    assert bool(impossible_length(kind, 0, offset, fps)) == flagged


def test_missing_frames_are_counted_and_a_missing_onset_or_apex_is_named():
    odd = dict(missing_frames(46, 50, 52, {46, 47, 52}))
    assert odd["frames missing"] == "4 of 7 between 46 and 52"
    assert odd["onset or apex frame missing"].startswith("apex 50 ")
    assert missing_frames(46, 47, 47, range(46, 48)) == []


cell = st.one_of(st.integers(-2, 60).map(str), st.integers(0, 60).map("{}.0".format), st.sampled_from(["/", "", "x"]))


@given(st.tuples(cell, cell, cell))
def test_whatever_a_row_says_what_is_left_of_it_makes_a_clip(cells):
    onset, apex, offset, odd = frames_of(*cells)
    if onset is None:
        assert odd
    else:
        clip = Clip("casme2", "sub01", "EP02_01f", Frames(Path("x"), {}), onset, apex, offset, 200.0, "others")
        assert (clip.apex is not None and clip.offset is not None and clip.apex > clip.onset) or odd
        missing_frames(onset, apex, offset, ())
