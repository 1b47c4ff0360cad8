"""The shared types: what would be wrong cannot be built."""

from pathlib import Path

import numpy as np
import pytest

from tsfmicro.errors import AnnotationError, FrameError, LabelError, ShapeError, UnknownNameError
from tsfmicro.labels import scheme
from tsfmicro.needs import Stored, need
from tsfmicro.prepared import PreparedSet
from tsfmicro.types import Clip, Frames, LabelScheme, Logits

FRAMES = Frames(Path("sub01/EP02_01f"), {46: "img46.jpg", 59: "img59.jpg"})


def clip(**changes):
    fields = {"onset": 46, "apex": 59, "offset": 86, "subject": "sub01", "name": "EP02_01f"} | changes
    return Clip(
        "casme2",
        fields["subject"],
        fields["name"],
        FRAMES,
        fields["onset"],
        fields["apex"],
        fields["offset"],
        200,
        "happiness",
    )


def test_a_clip_is_known_by_dataset_subject_and_name():
    assert clip().id == "casme2/sub01/EP02_01f"
    assert clip().person == "casme2/sub01"


@pytest.mark.parametrize("apex", [45, 87])
def test_an_apex_outside_onset_and_offset_is_refused(apex):
    with pytest.raises(AnnotationError, match=f"EP02_01f: apex {apex} lies outside onset 46 to offset 86"):
        clip(apex=apex)


def test_a_clip_may_lack_apex_or_offset():
    assert clip(apex=None).apex is None
    assert clip(offset=None).offset is None
    with pytest.raises(AnnotationError):
        clip(apex=45, offset=None)


@pytest.mark.parametrize("changes", [{"name": "a/b"}, {"subject": ""}])
def test_an_id_that_could_be_read_two_ways_is_refused(changes):
    with pytest.raises(AnnotationError, match="slash"):
        clip(**changes)


def test_a_missing_frame_is_named_with_what_is_there():
    assert FRAMES.path(46) == Path("sub01/EP02_01f/img46.jpg")
    with pytest.raises(FrameError, match=r"frame 47 is missing \(it has 2 frames, 46–59\)"):
        FRAMES.path(47)


def test_a_scheme_leaves_out_and_refuses():
    assert scheme("casme2-5").label("disgust") == 1
    assert scheme("casme2-5").label("fear") is None
    with pytest.raises(LabelError, match="does not know the emotion 'joy'"):
        scheme("casme2-5").label("joy")
    with pytest.raises(LabelError, match="not among its classes"):
        LabelScheme("s", ("a",), {"x": "b"})
    with pytest.raises(UnknownNameError, match="Did you mean 'casme2-5'"):
        scheme("casme2_5")


def prepared(clips, rows, count):
    faces = Stored({"clip": np.zeros((count, 2, 4, 4, 3), np.uint8)}, "RGB 0–255", "image")
    return PreparedSet("k", tuple(clips), np.array(rows), {need("faces", 4): faces})


def test_a_prepared_set_whose_counts_differ_cannot_be_built():
    assert prepared([clip()], [2], 3).rows_of(["casme2/sub01/EP02_01f"]) == [2]
    for clips, rows, count in [([clip()], [0, 1], 3), ([clip()], [3], 3)]:
        with pytest.raises(ShapeError, match="do not belong together"):
            prepared(clips, rows, count)
    with pytest.raises(ShapeError, match="there twice"):
        prepared([clip(), clip()], [0, 1], 2)


def test_logits_are_joined_over_folds_once_for_each_clip():
    one, other = (
        Logits((c,), fold="f", seed=0, values=np.full((2, 1, 3), n, np.float32))
        for n, c in enumerate(["d/a/1", "d/b/1"])
    )
    joined = Logits.join([one, other])
    assert joined.clips == ("d/a/1", "d/b/1")
    assert joined.values[:, :, 0].tolist() == [[0, 1], [0, 1]]
    with pytest.raises(ShapeError, match="twice"):
        Logits.join([one, one])
    with pytest.raises(ShapeError, match="seeds"):
        Logits.join([one, Logits(("d/c/1",), "f", 1, one.values)])
    with pytest.raises(ShapeError, match="2 clips but an array of"):
        Logits(("d/a/1", "d/a/2"), "f", 0, one.values)


def test_many_clips_are_looked_through_once_for_one_that_is_there_twice():
    """Counted in comparisons and not in seconds: each with each would be a million of them."""
    compared = 0

    class Name(str):
        __hash__ = str.__hash__

        def __eq__(self, other):
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

    clips = tuple(Name(f"d/a/{n}") for n in range(1000))
    Logits(clips, "f", 0, np.zeros((1, 1000, 2), np.float32))
    assert compared < 10_000
