from zlib import crc32

import cv2
import numpy as np
import pytest

from tsfmicro.errors import FrameError
from tsfmicro.prepare.images import read_image


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg"])
def test_red_comes_out_as_red_whatever_the_format(tmp_path, write, suffix):
    path = write(tmp_path / f"red{suffix}", np.full((16, 24, 3), (200, 0, 0), np.uint8))
    assert read_image(path)[8, 12] == pytest.approx([200, 0, 0], abs=3)


def test_a_grey_image_gets_three_equal_channels(tmp_path):
    path = tmp_path / "grey.png"
    cv2.imwrite(str(path), np.arange(12, dtype=np.uint8).reshape(3, 4))
    assert np.array_equal(read_image(path), np.repeat(np.arange(12).reshape(3, 4, 1), 3, 2))


def test_a_path_in_any_language_is_read(tmp_path, write, face):
    assert read_image(write(tmp_path / "被试 ä" / "img1.jpg", face())).shape == (240, 320, 3)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg"])
@pytest.mark.parametrize("part", [0.0, 0.01, 0.3, 0.9, 0.999])
def test_a_file_that_is_cut_short_is_never_taken_for_whole(tmp_path, write, face, suffix, part):
    path = write(tmp_path / f"img46{suffix}", face())
    data = path.read_bytes()
    path.write_bytes(data[: int(part * len(data))])
    with pytest.raises(FrameError, match=r"img46.*(cut short|decoded)"):
        read_image(path)


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image(tmp_path, write, face):
    path = write(tmp_path / "img46.jpg", face())
    data = path.read_bytes()
    thumbnail = b"Exif\0\0" + write(tmp_path / "small.jpg", face()[::8, ::8]).read_bytes()
    with_thumbnail = data[:2] + b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail + data[2:]
    path.write_bytes(with_thumbnail)
    assert read_image(path).shape == (240, 320, 3)
    path.write_bytes(with_thumbnail[: -len(data) // 2])
    with pytest.raises(FrameError, match="cut short"):
        read_image(path)


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".jpg"])
def test_bytes_after_the_end_of_an_image_do_no_harm(tmp_path, write, face, suffix):
    path = write(tmp_path / f"img1{suffix}", face())
    path.write_bytes(path.read_bytes() + bytes(100))
    assert read_image(path).shape == (240, 320, 3)


def test_the_word_iend_in_the_pixels_of_a_png_is_not_its_end(tmp_path):
    """A chunk whose content happens to hold the word, at whose end the file is cut."""
    whole = cv2.imencode(".png", np.zeros((40, 40, 3), np.uint8))[1].tobytes()
    text = b"tEXt" + b"Comment\0IEND"
    chunk = (len(text) - 4).to_bytes(4, "big") + text + crc32(text).to_bytes(4, "big")
    (tmp_path / "img46.png").write_bytes(whole[:33] + chunk)
    with pytest.raises(FrameError, match=r"img46.*cut short"):
        read_image(tmp_path / "img46.png")


def test_a_file_that_is_no_image_or_not_there_is_named(tmp_path):
    (tmp_path / "img1.jpg").write_text("<html>not found</html>")
    with pytest.raises(FrameError, match=r"img1.jpg: is not an image"):
        read_image(tmp_path / "img1.jpg")
    with pytest.raises(FrameError, match=r"img2.jpg: cannot be read"):
        read_image(tmp_path / "img2.jpg")
