"""Frames for somebody who steps through a video: the right ones, kept near the cursor, and counted once."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.desk.films import film, number_on
from tsfmicro.desk import film as film_
from tsfmicro.desk.film import Film, frames_between, shown
from tsfmicro.errors import VideoError
from tsfmicro.prepare.images import read_image
from tsfmicro.spot.video import open_video


@pytest.fixture
def opened(tmp_path):
    source = open_video(film(tmp_path / "a.avi", 200), read_image)
    one = Film(source, tmp_path / "index" / "a.npy")
    yield one
    one.close()


def seen(one, number):
    return number_on(cv2.imdecode(np.frombuffer(one.picture(number), np.uint8), cv2.IMREAD_COLOR))


def test_whatever_frame_is_asked_for_is_shown(opened):
    order = [0, 1, 2, 199, 198, 197, 100, 99, 60, 150]
    assert [seen(opened, n) for n in order] == order


def test_frames_are_counted_once_and_kept(opened, tmp_path):
    assert opened.wait_counted(60) and opened.frames == 200 and opened.counted == 1.0
    again = Film(open_video(tmp_path / "a.avi", read_image), tmp_path / "index" / "a.npy")
    assert again.times.tolist() == opened.times.tolist() and seen(again, 77) == 77
    again.close()


def test_an_index_that_is_damaged_is_made_again(opened, tmp_path):
    opened.wait_counted(60)
    (tmp_path / "index" / "a.npy").write_bytes(b"\x93NUMPY")
    again = Film(open_video(tmp_path / "a.avi", read_image), tmp_path / "index" / "a.npy")
    assert again.wait_counted(60)
    again.close()


def test_what_is_not_there_is_told(opened):
    opened.wait_counted(60)
    for number in (-1, 200):
        with pytest.raises(VideoError, match="the last one is 199"):
            opened.picture(number)


def test_a_video_that_is_cut_short_shows_what_it_has(tmp_path):
    path = film(tmp_path / "a.avi", 100)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 6 // 10])  # its head still says 100 frames
    one = Film(open_video(path, read_image), tmp_path / "a.npy")
    assert seen(one, 10) == 10
    one.wait_counted(60)
    assert 40 < one.frames < 80
    with pytest.raises(VideoError, match="the last one is"):
        one.picture(99)
    one.close()


def test_a_file_that_does_not_say_how_many_frames_it_has_is_shown_too(tmp_path):
    source = replace(open_video(film(tmp_path / "a.avi", 60), read_image), about=0)
    one = Film(source, tmp_path / "a.npy")
    assert seen(one, 0) == 0 and one.wait_counted(60) and one.frames == 60 and seen(one, 59) == 59
    one.close()


def test_no_more_is_kept_than_there_is_room_for(opened, monkeypatch):
    monkeypatch.setattr(film_, "ROOM", 20_000)
    for number in range(0, 200, 7):
        assert seen(opened, number) == number
    assert opened._bytes <= 20_000


def test_a_large_picture_is_shrunk():
    assert cv2.imdecode(np.frombuffer(shown(np.zeros((400, 1920, 3), np.uint8)), np.uint8), 1).shape == (200, 960, 3)


def test_frames_of_a_stretch_are_read_near_it(tmp_path):
    source = open_video(film(tmp_path / "a.avi", 200), read_image)
    assert [number_on(image) for _, image in frames_between(source, None, [150, 152, 160])] == [150, 152, 160]
