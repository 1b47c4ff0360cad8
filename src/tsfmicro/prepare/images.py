"""Read one frame, and refuse one that is cut short: OpenCV fills what is missing with grey and says nothing."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from tsfmicro.errors import FrameError, UnreadableError
from tsfmicro.types import Frames, VideoFrames

TRIES, PAUSE = 3, 0.2  # seconds between them, where a disk or a network fails for a moment (ESTALE, EIO, …)
LASTING = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG}
_PNG = b"\x89PNG\r\n\x1a\n"
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"


def read_image(path: Path) -> np.ndarray:
    """One frame as (H, W, 3) uint8 RGB; a grey image gets three equal channels.

    Raises:
        FrameError: the file is missing, is no image, or ends too early.
        UnreadableError: it is there, but the disk or the network failed, several times.
    """
    return cv2.cvtColor(_decode(path, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)


def read_depth(path: Path) -> np.ndarray:
    """One depth picture as (H, W) uint16; 0 where nothing was measured.

    Raises: as `read_image`; FrameError too where it is no picture of 16 bits with one channel.
    """
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    if image.dtype != np.uint16 or image.ndim != 2:
        raise FrameError(
            f"{path}: is no depth picture of 16 bits with one channel. Copy the release's own file, or exclude the clip."
        )
    return image


def _decode(path: Path, how: int) -> np.ndarray:
    data = _read(path)  # not cv2.imread: on Windows it cannot open a path with other than ASCII letters
    if not _is_whole(data):
        raise FrameError(f"{path}: the file is cut short ({len(data)} bytes). Copy it again, or exclude the clip.")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), how)
    if image is None:
        raise FrameError(f"{path}: is not an image that can be decoded. Copy it again, or exclude the clip.")
    return image


def _read(path: Path) -> bytes:
    for attempt in range(TRIES):
        try:
            return path.read_bytes()
        except OSError as error:
            if error.errno in LASTING:
                raise FrameError(
                    f"{path}: cannot be read ({error.strerror}). Copy the frame there, or exclude the clip."
                ) from None
            if attempt == TRIES - 1:
                raise UnreadableError(f"{path}: cannot be read ({error.strerror})") from None
            time.sleep(PAUSE)
    raise AssertionError


def read_frames(frames: Frames | VideoFrames, numbers: Iterable[int]) -> dict[int, np.ndarray]:
    """Frames of a clip by number, each (H, W, 3) uint8 RGB.

    A video is decoded from its start to the last of them, since few formats find a frame exactly.

    Raises:
        FrameError: a frame is missing, damaged, or cannot be read.
    """
    wanted = set(numbers)
    if isinstance(frames, Frames):
        return {number: read_image(frames.path(number)) for number in sorted(wanted)}
    for number in sorted(wanted):
        frames.where(number)
    found: dict[int, np.ndarray] = {}
    stream = cv2.VideoCapture(str(frames.video))
    try:
        for number in range(frames.first, max(wanted, default=frames.first - 1) + 1):
            if not stream.grab():
                break
            if number in wanted:
                whole, image = stream.retrieve()
                if whole:
                    found[number] = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    finally:
        stream.release()
    if lost := wanted - found.keys():
        raise FrameError(f"{frames.where(min(lost))}: cannot be decoded. Copy the video again, or exclude the clip.")
    return found


def _is_whole(data: bytes) -> bool:
    """Whether a JPEG, PNG or BMP reaches its end; other formats are left to the decoder."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(_END_OF_IMAGE) > _pixels_of_jpeg(data)
    if data.startswith(_PNG):
        return _end_of_png(data) <= len(data)
    if data.startswith(b"BM"):
        return len(data) >= int.from_bytes(data[2:6], "little")
    return len(data) > 0


def _pixels_of_jpeg(data: bytes) -> int:
    """Where the pixels begin. The header is walked because a thumbnail in it has an end mark of its own."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _START_OF_SCAN:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def _end_of_png(data: bytes) -> float:
    """Where its last chunk ends, which some programs put bytes of their own behind; endless where that chunk is not there."""
    at = len(_PNG)
    while at + 8 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        at += 4 + 4 + length + 4  # length, name, content, checksum
        if kind == b"IEND":
            return at
    return float("inf")
