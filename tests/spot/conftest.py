"""A drawn person whose skin is pushed by hand, and videos written in a moment."""

import struct
from functools import cache

import cv2
import numpy as np
import pytest

from tsfmicro.prepare.align import crop, to_template
from tsfmicro.prepare.face import finder_of_all
from tsfmicro.spot.track import Cutting
from tsfmicro.synthetic.film import draw_film, shoot


@cache
def portrait(person=0):
    """One frame of a drawn person, (480, 640, 3) uint8 RGB, and the landmarks that MTCNN finds on it."""
    image = cv2.cvtColor(next(shoot(draw_film(seed=5, person=person, seconds=1, fps=30))), cv2.COLOR_BGR2RGB)
    (face,) = finder_of_all()(image)
    return image, face.landmarks


def push(image, at, by, size=20.0):
    """The skin around `at` moved `by` pixels, fading out over `size` pixels."""
    height, width = image.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    much = np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / (2 * size**2)).astype(np.float32)
    x, y = x - much * np.float32(by[0]), y - much * np.float32(by[1])
    return cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def move(right=0.0, down=0.0, degrees=0.0, width=640, height=480):
    """(2, 3) matrix of a picture that is shifted and turned about its middle."""
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += (right, down)
    return matrix


def moved(image, right=0.0, down=0.0, degrees=0.0):
    """The whole picture shifted and turned."""
    height, width = image.shape[:2]
    matrix = move(right, down, degrees, width, height)
    return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)


def write(path, frames, fps=50.0, code="MJPG"):
    """A video of RGB frames."""
    frames = iter(frames)
    first = next(frames)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*code), fps, first.shape[1::-1])
    assert writer.isOpened(), f"OpenCV cannot write {code} here"
    for frame in (first, *frames):
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def write_matroska(path, frames, milliseconds):
    """A Matroska file of JPEG frames at any times; OpenCV itself writes none with uneven steps."""

    def element(code, content):
        return bytes.fromhex(code) + struct.pack(">Q", len(content) | 1 << 56) + content

    def number(code, value):
        return element(code, value.to_bytes(4, "big"))

    height, width = frames[0].shape[:2]
    head = element("1A45DFA3", element("4282", b"matroska") + number("4287", 2) + number("4285", 2))
    info = element("1549A966", number("2AD7B1", 1_000_000) + element("4D80", b"test") + element("5741", b"test"))
    size = element("E0", number("B0", width) + number("BA", height))
    track = number("D7", 1) + number("73C5", 1) + number("83", 1) + element("86", b"V_MJPEG") + size
    clusters = b""
    for frame, time in zip(frames, milliseconds, strict=True):
        jpeg = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))[1].tobytes()
        clusters += element("1F43B675", number("E7", time) + element("A3", b"\x81\0\0\x80" + jpeg))
    path.write_bytes(head + element("18538067", info + element("1654AE6B", element("AE", track)) + clusters))
    return path


@pytest.fixture
def cutting():
    return Cutting(to_template, crop)


@pytest.fixture
def find():
    """All faces by MTCNN; `find.looks` counts how often it was asked."""

    def look(image):
        look.looks += 1
        return [face.landmarks for face in finder_of_all()(image)]

    look.looks = 0
    return look
