"""Tiny videos whose frames say which one they are: sixteen squares, light or dark."""

import cv2
import numpy as np

SIZE, SIDE = (128, 32), 8
CODECS = {"a.avi": "MJPG", "x.avi": "XVID", "m.mp4": "mp4v", "v.mkv": "FFV1"}


def film(path, frames=60, fps=100.0, codec=None, blank=0):
    """A film. Args: blank: grey level of what is not squares, so that two films differ."""
    code = cv2.VideoWriter_fourcc(*(codec or CODECS.get(path.name, "MJPG")))
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, fps, SIZE)
    assert writer.isOpened()
    for number in range(frames):
        image = np.full((SIZE[1], SIZE[0], 3), blank, np.uint8)
        for bit in range(16):
            image[8:24, bit * SIDE : (bit + 1) * SIDE] = 255 * (number >> bit & 1)
        writer.write(image)
    writer.release()
    return path


def number_on(image):
    """Which frame it is."""
    return sum(1 << bit for bit in range(16) if image[16, bit * SIDE + SIDE // 2].mean() > 128)
