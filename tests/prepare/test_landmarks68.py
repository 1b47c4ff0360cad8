"""68 points: where they lie on faces whose features are known, how still they are, and how they come from a file of one's own."""

from hashlib import sha256

import cv2
import numpy as np
import pytest
import torch

from benchmarks.landmarks import TRUE, measure
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, FrameError
from tsfmicro.models.inputs import landmarks68
from tsfmicro.needs import need
from tsfmicro.prepare.aligned import align
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.points68 import MIRROR, OF_MESH, WEIGHTS, FaceMesh, face_mesh
from tsfmicro.prepare.prepare import prepare
from tsfmicro.prepare.products.base import product_of
from tsfmicro.train.augment import apply_to_points

SMALL = PrepareConfig(size=64)
EYES = [(36, 39), (42, 45)]


def points_on(image):
    square = face_mesh().square(image, finder("mtcnn")(image).landmarks, "here")
    return face_mesh().points(image, square, "here")


def rows(clip, frames, points):
    """A file as its user writes it: one row for each frame."""
    header = ["clip", "frame", *(f"{axis}_{n}" for axis in "xy" for n in range(68))]
    lines = [[clip.id, str(n), *map(str, points[n].T.ravel())] for n in frames]
    return "\n".join(",".join(line) for line in [header, *lines])


def test_the_points_lie_where_a_face_was_drawn(face):
    """Eyes 100 pixels apart: their corners, the mouth's corners and the middle of its lips are off by 4 of them in the mean."""
    points = points_on(face(d=100, centre=(320, 240), width=640, height=480))
    drawn = {
        36: (-74, 0),
        39: (-26, 0),
        42: (26, 0),
        45: (74, 0),
        48: (-38, 108),
        54: (38, 108),
        51: (0, 96),
        57: (0, 120),
    }
    off = [np.hypot(*(points[n] - (320, 240) - place)) for n, place in drawn.items()]
    assert np.mean(off) < 4.5 and np.max(off) < 7


def test_on_generated_people_they_are_off_by_a_twentieth_of_the_distance_between_the_eyes():
    """Of a movement of a hundredth they show more than half. The whole table: python -m benchmarks.landmarks"""
    every = list(measure(3, still=4))
    off = np.linalg.norm([m.off for m in every], axis=-1)
    assert off.shape == (3, len(TRUE)) and off.mean() < 0.06
    true, missed = (
        np.linalg.norm(way, axis=-1).mean() for way in ([m.moved for m in every], [m.found - m.moved for m in every])
    )
    assert missed < true < 0.015
    assert np.mean([m.jitter for m in every]) < 0.001, "noise of the sensor moves them less than an expression does"
    assert np.abs([m.mirrored for m in every]).max() < 0.002, "a mirrored face has mirrored points under other names"


def test_a_mirror_of_a_mirror_changes_no_name_and_keeps_every_pair_of_points():
    swap = list(MIRROR)
    assert [swap[n] for n in swap] == list(range(68))
    assert sorted(swap) == list(range(68))
    assert all(len(set(OF_MESH[n])) == len(set(OF_MESH[swap[n]])) for n in range(68))


def test_frames_that_are_alike_have_the_same_points(face, make_clip, write, tmp_path):
    clip = make_clip(frames=range(10, 31))
    for number in range(10, 31):
        write(clip.frames.path(number), face())
    asked = need("landmarks68", 224, frames=True)
    still = prepare([clip], [asked], SMALL, tmp_path / "cache").of(asked).clip(0)
    assert still.shape == (21, 68, 2)
    assert np.array_equal(still, np.broadcast_to(still[0], still.shape))


def test_they_are_pixels_of_the_aligned_face_on_the_onset_or_on_every_frame(make_clip, tmp_path):
    clips = [make_clip("EP01", frames=range(10, 31)), make_clip("EP02", frames=range(10, 26), offset=25)]
    once, twice = need("landmarks68", 64), need("landmarks68", 128)
    three, every = need("landmarks68", 64, frames=True, count=3), need("landmarks68", 64, frames=True)
    made = prepare(clips, [once, twice, three, every], SMALL, tmp_path / "cache")
    row, other = made.rows_of([clip.id for clip in clips])
    onset = made.of(once).clip(row)
    assert onset.shape == (68, 2) and onset.dtype == np.float32
    middles = [(onset[a] + onset[b]) / 2 for a, b in EYES]
    assert np.array(middles) == pytest.approx(np.array([[20.8, 17.4], [42.2, 17.4]]), abs=2)
    assert made.of(twice).clip(row) == pytest.approx(onset * 2 + 0.5, abs=1e-3), "whole numbers are centres of pixels"
    assert [len(made.of(every).clip(r)) for r in (row, other)] == [21, 16]
    assert np.array_equal(made.of(every).clip(row)[[0, 10, 20]], made.of(three).clip(row))
    assert np.array_equal(made.of(every).clip(row)[0], onset)
    corners = made.of(every).clip(row)[:, [48, 54], 1].mean(1)
    assert corners[-1] < corners[0] - 0.5, "the mouth rises, and its corners with it"


def test_augmentation_mirrors_them_under_other_names(make_clip, tmp_path):
    asked = need("landmarks68", 64)
    stored = prepare([make_clip()], [asked], SMALL, tmp_path / "cache").of(asked)
    flip = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]])
    before = torch.from_numpy(np.array(stored.of("annotated")))
    after = apply_to_points(before, flip, 64, stored.swap)
    assert (stored.unit, stored.moves) == ("px", "points")
    assert torch.allclose(after[0, 36], torch.tensor([63.0, 0]) + before[0, 45] * torch.tensor([-1.0, 1]), atol=1e-4)


def test_points_from_a_file_of_one_s_own_are_brought_into_the_crop(make_clip, tmp_path):
    """The eyes' corners of the file, pixels of the frame, lie where the crop has the eyes."""
    clip, mine = make_clip(), tmp_path / "mine.csv"
    points = np.tile(np.array([[160.0, 120]]), (68, 1))  # between the eyes, as the faces are drawn
    mine.write_text(rows(clip, [10], {10: points}))
    asked = need("landmarks68", 64, file=str(mine))
    made = prepare([clip], [asked], SMALL, tmp_path / "cache")
    assert made.of(asked).clip(0)[0] == pytest.approx([31.5, 17.4], abs=1.5)
    mine.write_text(rows(clip, [10], {10: points + np.array([5, 0])}))
    again = prepare([clip], [asked], SMALL, tmp_path / "cache")
    assert again.of(asked).clip(0)[0, 0] > made.of(asked).clip(0)[0, 0] + 1, "a changed file is read again"


def test_what_a_file_lacks_is_told(make_clip, tmp_path):
    clips, mine = [make_clip("EP01"), make_clip("EP02")], tmp_path / "mine.csv"
    mine.write_text(rows(clips[0], [10], {10: np.ones((68, 2))}))
    asked = need("landmarks68", 64, file=str(mine))
    made = prepare(clips, [asked], SMALL, tmp_path / "cache")
    assert [clip.id for clip in made.clips] == [clips[0].id]
    assert "mine.csv has no points of this clip. Add its rows" in str(made.skipped)
    product, options = product_of(need("landmarks68", 64, file=str(mine), frames=True))
    with pytest.raises(FrameError, match="no points of frame 11"):
        product.make(align(clips[0], finder("mtcnn"), 0.0), "annotated", 64, options)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("clip,frame,x_0\n", "has no column x_1. It needs clip, frame, x_0 … x_67"),
        ("{header}\n{id},ten{ones}", "line 2: is no frame with 68 points"),
        ("{header}\n{id},10{ones}\n{id},10{ones}", "line 3: frame 10 of casme2/sub01/EP01 again"),
    ],
)
def test_a_file_that_cannot_be_read_is_told(make_clip, tmp_path, text, what):
    clip, mine = make_clip(), tmp_path / "mine.csv"
    header = rows(clip, [], {})
    mine.write_text(text.format(header=header, id=clip.id, ones=",1" * 136))
    asked = need("landmarks68", 64, file=str(mine))
    with pytest.raises(ConfigError, match=what):
        prepare([clip], [asked], SMALL, tmp_path / "cache")


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"count": 3}, "set frames=true, or leave count out"),
        ({"file": "nowhere.csv"}, "file: path does not point to a file"),
    ],
)
def test_options_that_cannot_be_met_are_told(options, what):
    with pytest.raises(ConfigError, match=what):
        product_of(need("landmarks68", 64, **options))


def test_a_place_without_a_face_is_told():
    image = np.full((240, 320, 3), 128, np.uint8)
    with pytest.raises(FrameError, match="here: the landmark network sees no face"):
        face_mesh().square(image, np.array([[100, 100], [160, 100], [130, 130], [110, 160], [150, 160]]), "here")


def test_an_opencv_that_cannot_read_the_network_is_told(monkeypatch):
    monkeypatch.delattr(cv2.dnn, "readNetFromTFLite")
    with pytest.raises(ConfigError, match=r"cannot read TensorFlow Lite files\. Run: pip install"):
        FaceMesh()


def test_the_weights_are_those_that_their_notice_speaks_of():
    notice = WEIGHTS.with_name("NOTICE").read_text()
    assert sha256(WEIGHTS.read_bytes()).hexdigest() in notice
    assert "Apache License" in WEIGHTS.with_name("LICENSE").read_text()


def test_a_model_s_input_says_the_shape_that_comes():
    assert landmarks68(224).shape == (68, 2)
    assert landmarks68(224, frames=True, count=8).shape == (8, 68, 2)
    assert landmarks68(224, frames=True).shape == (None, 68, 2)


def test_only_points_of_every_frame_want_a_video():
    for frames in (False, True):
        product, options = product_of(need("landmarks68", 64, frames=frames))
        assert product.looks_between(options) == frames
