"""One upload: its limits, its end, and that nothing of it stays."""

import shutil
import threading

import cv2
import numpy as np
import pytest
import torch

from tsfmicro.card import Card
from tsfmicro.config import PrepareConfig
from tsfmicro.models.registry import create_model
from tsfmicro.models.runtimes import InTorch
from tsfmicro.use.played import unplayed
from tsfmicro.use.recognise import Recognizer, example_video
from tsfmicro.use.visit import Limits, Visit


@pytest.fixture(scope="module")
def recognizer():
    torch.manual_seed(0)
    model = create_model("tsfmicro-small", 3, 64)
    model.classes = ("negative", "positive", "surprise")
    return Recognizer([InTorch(model)], Card("x", "casme2-3", ("casme2",), 1, 1, PrepareConfig(size=64)))


@pytest.fixture
def upload(tmp_path):
    return shutil.copy(example_video(), tmp_path / "my video.webm")


def ended(visit):
    assert visit.done.wait(1200)
    return visit


def test_an_upload_is_read_and_then_deleted(recognizer, upload):
    visit = ended(Visit(recognizer, upload, Limits(), delete=True))
    assert "<section" in visit.result.page and '"expressions"' in visit.result.json and "p_surprise" in visit.result.csv
    assert "What this must not be used for" in visit.result.report
    assert visit.trouble == "" and not upload.exists()


def test_a_cancelled_upload_ends_soon_and_is_deleted(recognizer, upload):
    at_work, asked = threading.Event(), threading.Event()

    class Slow(Visit):
        """Stays at its first frame until it has been cancelled."""

        def progress(self, *of):
            at_work.set()
            asked.wait()
            super().progress(*of)

    visit = Slow(recognizer, upload, Limits(), delete=True)
    assert at_work.wait(1200)
    visit.stop()
    asked.set()
    assert ended(visit).trouble == "Cancelled." and visit.result is None and not upload.exists()


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        (Limits(megabytes=0), r"the file has 1.0 MB; at most 0"),
        (Limits(seconds=2), r"the video is 6.0 s long; at most 2"),
        (Limits(minutes=0), r"took longer than 0 minutes"),
    ],
)
def test_what_is_too_much_is_told_and_deleted(recognizer, upload, limits, says):
    visit = ended(Visit(recognizer, upload, limits, delete=True))
    assert says in visit.trouble and visit.result is None and not upload.exists()


def test_a_mistake_is_told_without_the_place_of_the_file(recognizer, tmp_path):
    picture = tmp_path / "still.mp4"
    picture.write_bytes(cv2.imencode(".png", np.zeros((50, 50, 3), np.uint8))[1].tobytes())
    visit = ended(Visit(recognizer, picture, Limits(), delete=True))
    assert "still.mp4" in visit.trouble and str(tmp_path) not in visit.trouble and not picture.exists()


def test_the_example_stays(recognizer):
    visit = Visit(recognizer, example_video(), Limits(seconds=1), delete=False)
    ended(visit)
    assert example_video().exists()


def test_what_a_browser_may_not_play_is_told_and_what_it_plays_is_not(tmp_path, upload):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()
    assert "do not play this video (MJPEG in .avi)" in unplayed(tmp_path / "a.avi")
    assert unplayed(upload) == "" and unplayed(tmp_path / "none.mp4") == ""
