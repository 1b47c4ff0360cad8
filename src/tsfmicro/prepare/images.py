"""Read one frame, and refuse one that is cut short: OpenCV fills what is missing with grey and says nothing."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from tsfmicro.errors import FrameError

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, b"\xff\xd9"


def read_image(path: Path) -> np.ndarray:
    """One frame as (H, W, 3) uint8 RGB; a grey image gets three equal channels.

    Raises:
        FrameError: the file is missing, is no image, or ends too early.
    """
    try:
        data = path.read_bytes()  # not cv2.imread: on Windows it cannot open a path with other than ASCII letters
    except OSError as error:
        raise FrameError(
            f"{path}: cannot be read ({error.strerror}). Copy the frame there, or exclude the clip."
        ) from None
    if not _is_whole(data):
        raise FrameError(f"{path}: the file is cut short ({len(data)} bytes). Copy it again, or exclude the clip.")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise FrameError(f"{path}: is not an image that can be decoded. Copy it again, or exclude the clip.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _is_whole(data: bytes) -> bool:
    """Whether a JPEG, PNG or BMP reaches its end; other formats are left to the decoder."""
    if data.startswith(b"\xff\xd8"):
        return data.rfind(_END_OF_IMAGE) > _pixels_of_jpeg(data)
    if data.startswith(b"\x89PNG"):
        return b"IEND" in data[-16:]
    if data.startswith(b"BM"):
        return len(data) >= int.from_bytes(data[2:6], "little")
    return len(data) > 0


def _pixels_of_jpeg(data: bytes) -> int:
    """Where the pixels begin. The header is walked because a thumbnail in it has an end mark of its own."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != _START_OF_SCAN:
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at
