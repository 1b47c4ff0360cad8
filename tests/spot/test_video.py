"""Whatever somebody calls a video: read frame by frame with its times, or refused in one line."""

import weakref

import cv2
import numpy as np
import pytest
from pytest import approx

from tests.spot.conftest import write, write_matroska
from tsfmicro.errors import FrameError, VideoError
from tsfmicro.prepare.images import read_image
from tsfmicro.spot.video import open_video


def grey(level, width=160, height=120):
    return np.full((height, width, 3), level, np.uint8)


def steps(count=10):
    """Frames that can be told apart: each is twenty levels brighter."""
    return [grey(20 + 20 * k) for k in range(count)]


def opened(path, fps=None):
    return open_video(path, read_image, fps)


def refused(path, fps=None):
    with pytest.raises(VideoError) as error:
        list(opened(path, fps).frames())
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(("name", "code"), [("a.avi", "MJPG"), ("a.mp4", "mp4v"), ("a.mkv", "MJPG"), ("a.mov", "MJPG")])
@pytest.mark.parametrize("fps", [25.0, 50.0, 500.0])
def test_every_container_gives_its_frames_and_their_times(tmp_path, name, code, fps):
    source = opened(write(tmp_path / name, steps(), fps, code))
    frames = list(source.frames())
    assert (source.width, source.height, source.about) == (160, 120, 10)
    assert source.fps == approx(fps, rel=0.01)
    assert [f.number for f in frames] == list(range(10))
    assert [f.time for f in frames] == approx([k / fps for k in range(10)], abs=1e-3)  # Matroska has whole milliseconds
    assert [round(f.image.mean() / 20) for f in frames] == list(range(1, 11))


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    times = [0, 30, 60, 100, 133, 166, 250, 280, 310, 340]
    source = opened(write_matroska(tmp_path / "phone.mkv", steps(), times))
    assert [f.time for f in source.frames()] == approx([t / 1000 for t in times])
    assert source.fps == approx(1000 / 30)


def test_the_content_decides_and_not_the_name(tmp_path):
    path = write(tmp_path / "a.avi", steps())
    assert len(list(opened(path.rename(tmp_path / "holiday.jpg")).frames())) == 10


@pytest.mark.parametrize(
    "name", ["-x.avi", "50%03d.avi", "ünï códe 表情.avi", "a'b\"; rm -rf.avi", "concat:a.avi", "two\nlines.avi"]
)
def test_odd_names_are_only_names(tmp_path, name, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path / "a.avi", steps()).rename(tmp_path / name)
    assert len(list(opened(path.relative_to(tmp_path)).frames())) == 10


def test_a_name_of_two_lines_is_told_in_one(tmp_path):
    (tmp_path / "two\nlines.mp4").write_bytes(b"nothing of the kind")
    assert "two?lines.mp4: is not a video" in refused(tmp_path / "two\nlines.mp4")


def test_some_frames_are_picked_by_number(tmp_path):
    path = write(tmp_path / "a.avi", steps())
    assert [(n, round(image.mean() / 20)) for n, image in opened(path).pick({2, 7})] == [(2, 3), (7, 8)]


def test_only_the_frame_at_hand_is_in_memory(tmp_path):
    path = write(tmp_path / "a.avi", (grey(k % 200) for k in range(200)))
    alive, most = weakref.WeakSet(), 0
    for frame in opened(path).frames():
        alive.add(frame)
        most = max(most, len(alive))
    assert most <= 2


def test_4k_is_shrunk_as_it_is_read(tmp_path):
    source = opened(write(tmp_path / "a.avi", [grey(90, 3840, 2160)] * 3))
    assert (source.width, source.height) == (3840, 2160)
    assert next(source.frames()).image.shape == (720, 1280, 3)
    assert next(source.pick([0]))[1].shape == (2160, 3840, 3)


def test_a_missing_file(tmp_path):
    assert "there is no such file" in refused(tmp_path / "none.mp4")


def test_an_empty_file(tmp_path):
    (tmp_path / "a.mp4").touch()
    assert "is empty" in refused(tmp_path / "a.mp4")


def test_a_text(tmp_path):
    (tmp_path / "a.mp4").write_text("once upon a time")
    assert "is not a video" in refused(tmp_path / "a.mp4")


def test_a_playlist_that_names_another_file_is_not_followed(tmp_path):
    secret = write(tmp_path / "secret.avi", steps())
    (tmp_path / "list.mp4").write_text(f"ffconcat version 1.0\nfile '{secret.name}'\n")
    (tmp_path / "hls.mp4").write_text(f"#EXTM3U\n#EXTINF:1,\n{secret.name}\n#EXT-X-ENDLIST\n")
    assert "is not a video" in refused(tmp_path / "list.mp4")
    assert "is not a video" in refused(tmp_path / "hls.mp4")


@pytest.mark.parametrize("kind", [".jpg", ".png", ".bmp", ".tiff", ".webp"])
def test_a_still_picture(tmp_path, kind):
    path = tmp_path / "holiday.mp4"
    path.write_bytes(cv2.imencode(kind, grey(100))[1].tobytes())
    assert "is a still picture" in refused(path)


def test_a_file_without_its_end(tmp_path):
    whole = write(tmp_path / "a.mp4", steps(), code="mp4v").read_bytes()
    (tmp_path / "half.mp4").write_bytes(whole[: len(whole) // 2])  # an MP4's index stands at its end
    assert "cannot be opened" in refused(tmp_path / "half.mp4")


def test_noise_behind_the_head_of_a_video(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, 20_000, np.uint8).tobytes()
    (tmp_path / "a.mkv").write_bytes(b"\x1aE\xdf\xa3" + noise)
    (tmp_path / "a.avi").write_bytes(b"RIFF\0\1\0\0AVI " + noise)
    for name in ("a.mkv", "a.avi"):
        assert "damaged" in refused(tmp_path / name)


def test_a_video_of_one_frame(tmp_path):
    assert "has only one frame" in refused(write(tmp_path / "a.avi", [grey(90)]))


def test_ten_frames_per_second_are_too_few(tmp_path):
    message = refused(write(tmp_path / "a.avi", steps(), fps=10.0))
    assert "has 10 frames per second; a micro-expression of 1/25 to 1/2 s would be at most 5 frames" in message


def write_folder(folder, numbers, name="img{}.png"):
    folder.mkdir()
    for k, number in enumerate(numbers):
        cv2.imwrite(str(folder / name.format(number)), grey(20 * (k + 1)))
    return folder


def test_a_folder_of_images_comes_in_the_order_of_its_numbers(tmp_path):
    folder = write_folder(tmp_path / "clip", [8, 9, 10, 11])
    frames = list(opened(folder, fps=200).frames())
    assert [f.time for f in frames] == approx([0, 0.005, 0.010, 0.015])
    assert [round(f.image.mean() / 20) for f in frames] == [1, 2, 3, 4]


def test_an_image_that_is_missing_leaves_its_time_free(tmp_path):
    folder = write_folder(tmp_path / "clip", [1, 2, 3, 6, 7])
    assert [f.time for f in opened(folder, fps=100).frames()] == approx([0, 0.01, 0.02, 0.05, 0.06])


def test_a_folder_needs_its_frame_rate_and_two_images_of_one_size(tmp_path):
    assert "Add --fps" in refused(write_folder(tmp_path / "a", [1, 2]))
    assert "has only one image" in refused(write_folder(tmp_path / "b", [1]), fps=100)
    folder = write_folder(tmp_path / "c", [1, 2])
    cv2.imwrite(str(folder / "img3.png"), grey(9, 80, 60))
    assert "is 80×60, but the first image is 160×120" in refused(folder, fps=100)
    (folder / "img2.png").write_bytes(b"")
    with pytest.raises(FrameError, match="img2"):
        list(opened(folder, fps=100).frames())
