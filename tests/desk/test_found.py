"""What the program found is kept beside a project: curves that lose no peak, and a replay that does not tear the face."""

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from tsfmicro.desk.found import PARTS, Found, keep, kept, replay
from tsfmicro.prepare.images import read_image
from tsfmicro.report.replay import magnify
from tsfmicro.spot.reel import count_times
from tsfmicro.spot.video import open_video


@pytest.fixture
def found():
    seconds = np.arange(2000) / 100
    curve = np.zeros((2000, len(PARTS)))
    curve[777, 3] = 4.2  # one frame of the mouth
    marks = np.tile(np.arange(10.0).reshape(1, 5, 2), (2000, 1, 1))
    return Found({"moments": [], "marks": []}, (1,), (seconds,), (curve,), (marks,))


def test_a_peak_of_one_frame_is_in_the_coarsest_curve(found):
    (face,) = found.curve(0, 20, 50)
    assert len(face["seconds"]) == 50 and max(face["mouth"]) == 4.2 and max(face["brows"]) == 0
    (near,) = found.curve(7.7, 7.8, 1000)
    assert near["mouth"][near["seconds"].index(7.77)] == 4.2
    assert found.curve(30, 40, 50) == []


def test_it_is_read_as_it_was_written(found, tmp_path):
    keep(found, tmp_path / "found" / "a.npz")
    again = kept(tmp_path / "found" / "a.npz")
    assert again.told == found.told and again.faces == (1,)
    assert np.allclose(again.curves[0], found.curves[0], atol=0.005) and np.allclose(
        again.landmarks[0], found.landmarks[0]
    )
    assert again.landmarks_near(3.0) is not None and again.landmarks_near(30.0) is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no archive"])
def test_what_is_damaged_counts_as_not_there(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    assert kept(tmp_path / "a.npz") is None and kept(tmp_path / "b.npz") is None


def test_a_replay_shows_the_moment_and_is_eight_times_slower(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 100, (64, 48))
    for number in range(60):
        writer.write(np.full((48, 64, 3), 4 * number, np.uint8))
    writer.release()
    source = open_video(tmp_path / "a.avi", read_image)
    picture = Image.open(io.BytesIO(replay(source, count_times(source), None, 0.1, 0.2)))
    assert picture.n_frames > 1 and picture.size == (480, 240)
    stood = 0
    for n in range(picture.n_frames):  # pictures that are alike are one
        picture.seek(n)
        picture.load()
        stood += picture.info["duration"]
    assert stood == pytest.approx(11 * 80, abs=11), "milliseconds: eleven hundredths of a second, eight times"


def test_a_large_movement_is_made_larger_by_less():
    def spot_at(x):
        image = np.full((128, 128, 3), 90, np.uint8)
        y, along = np.mgrid[:128, :128]
        image += (120 * np.exp(-((along - x) ** 2 + (y - 64) ** 2) / 200)).astype(np.uint8)[..., None]
        return image

    def centre(image):
        weights = image[..., 0].astype(float) - 90
        return (weights.sum(0) * np.arange(128)).sum() / weights.sum()

    small, large = (magnify(np.stack([spot_at(50), spot_at(50 + by)]))[1] for by in (1.5, 12))
    assert 3 < centre(small) - centre(spot_at(50)) < 8, "four times, about"
    assert centre(large) - centre(spot_at(50)) < 26, "four times would be 48"
