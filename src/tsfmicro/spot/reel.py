"""Any frame of a video by its number, in any order, and always the one that reading from the beginning would give.

A container's own seeking may land some frames off. So the time of the frame that it lands on is compared with the times of all
frames, which are counted once; where they do not tell, the video is read from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack

import cv2
import numpy as np

from tsfmicro.errors import VideoError
from tsfmicro.spot.video import Source, capture_of

_NEAR = 48  # frames ahead up to which reading on is faster than seeking
_BACK = (0, 16, 64, 256, 1024)  # frames before the wanted one at which seeking is tried
_SLACK = 0.3  # of a frame, by which a time may differ from a frame's own
_TOLD = 256  # frames between two reports of counting


def count_times(source: Source, tell: Callable[[int, int], None] | None = None) -> np.ndarray:
    """(T,) seconds of every frame as the container has them, less the first one's.

    Args: tell: is told how many were counted, of about how many; it stops the work by raising.
    Raises: VideoError: it cannot be opened.
    """
    if source.times is not None:
        return np.asarray(source.times - source.times[0], float)
    times = []
    with capture_of(source.path) as capture:
        while capture.grab():
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            if tell is not None and len(times) % _TOLD == 0:
                tell(len(times), source.about)
    return np.array(times) - (times[0] if times else 0.0)


class Reel:
    """A video that stays open. Not for several threads at once.

    Args: times: see `count_times`; without them the frame rate that the file names must tell, as of a video still being counted.
    """

    def __init__(self, source: Source, times: np.ndarray | None = None) -> None:
        self._source, self._times = source, times
        self._open = ExitStack()
        self._capture: cv2.VideoCapture | None = None
        self._next, self._first = 0, 0.0
        self._in_order = times is None or bool((np.diff(times) > 0).all())

    def read(self, number: int) -> np.ndarray:
        """A frame at full size, (H, W, 3) uint8 RGB. Raises VideoError: there is none, or it is damaged."""
        if self._source.path.is_dir():
            for _, image in self._source.pick({number}):
                return image
            raise self._gone(number)
        if self._capture is None or not self._next - 1 <= number <= self._next + _NEAR:
            self._seek(number)
        assert self._capture is not None
        while self._next <= number:
            if not self._capture.grab():
                self.close()
                raise self._gone(number)
            self._next += 1
        good, image = self._capture.retrieve()
        if not good:
            raise self._gone(number)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        """Let go of the file."""
        self._open.close()
        self._capture = None

    def _gone(self, number: int) -> VideoError:
        return VideoError(f"{self._source.path.name}: frame {number} cannot be decoded. The file may be cut short.")

    def _seek(self, number: int) -> None:
        """Stand before a frame, near it where the container can."""
        capture = self._capture
        if capture is None:
            capture = self._rewind()
            self._first = self._time() if capture.grab() else 0.0
            self._next = 1
        for back in _BACK if self._in_order else ():
            if number - back <= _NEAR:
                break
            capture.set(cv2.CAP_PROP_POS_FRAMES, number - back)
            there = self._number() if capture.grab() else None
            if there is not None and there <= number:
                self._next = there + 1
                return
        self._rewind()

    def _rewind(self) -> cv2.VideoCapture:
        self.close()
        self._capture = self._open.enter_context(capture_of(self._source.path))
        self._next = 0
        return self._capture

    def _time(self) -> float:
        assert self._capture is not None
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def _number(self) -> int | None:
        """Which frame was grabbed, by its time; None where that tells none."""
        time = self._time() - self._first
        if self._times is None:
            exact = time * self._source.nominal
            return round(exact) if abs(exact - round(exact)) < _SLACK else None
        place = int(np.abs(self._times - time).argmin())
        return place if abs(self._times[place] - time) * self._source.fps < _SLACK else None
