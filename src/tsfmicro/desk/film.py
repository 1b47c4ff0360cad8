"""Frames of a video as somebody steps through them: decoded near where they look, ahead of them, and kept for a while."""

from __future__ import annotations

import io
import threading
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from tsfmicro.errors import FrameError, VideoError
from tsfmicro.files import write_whole
from tsfmicro.spot.reel import Reel, count_times
from tsfmicro.spot.video import Source

CHUNK = 32  # frames that are decoded together
ROOM = 96 << 20  # bytes of pictures that are kept of one video
EDGE = 960  # longest, of a picture that is shown, pixels
_QUALITY = 88
_PATIENCE = 60.0  # seconds, for a frame far from a key frame on a busy machine


class Film:
    """A video that somebody looks at. A thread of its own decodes; any number may ask.

    Attributes:
        frames: how many there are; until all are counted, as many as the file says.
        times: (T,) seconds of each; None until they are counted.
        counted: how much of the video is counted, 0 to 1. trouble: why it cannot be read on, in words.
    """

    def __init__(self, source: Source, index: Path) -> None:
        """Begin. Args: index: file in which the times of all frames are kept."""
        self._source, self._index = source, index
        self.times = _kept(index)
        self.frames = source.about if self.times is None else len(self.times)
        self.counted = 0.0 if self.times is None else 1.0
        self.trouble = ""
        self._pictures: OrderedDict[int, bytes] = OrderedDict()
        self._bytes, self._wanted = 0, 0
        self._changed = threading.Condition()
        self._ended = False
        threading.Thread(target=self._decode, daemon=True).start()
        if self.times is None:
            threading.Thread(target=self._count, daemon=True).start()

    def picture(self, number: int) -> bytes:
        """A frame as a JPEG. Raises VideoError: there is none, or it is damaged."""
        if not 0 <= number < max(self.frames, 1):
            raise VideoError(f"{self._source.path.name}: has no frame {number}; the last one is {self.frames - 1}.")
        with self._changed:
            self._wanted = number
            self._changed.notify_all()
            self._changed.wait_for(lambda: number in self._pictures or self.trouble or self._ended, _PATIENCE)
            if picture := self._pictures.get(number):
                self._pictures.move_to_end(number)
                return picture
            trouble, self.trouble = self.trouble, ""
        raise VideoError(trouble or f"{self._source.path.name}: frame {number} was not decoded in time. Try again.")

    def wait_counted(self, seconds: float) -> bool:
        """Wait for the times of all frames; whether they are there."""
        with self._changed:
            return (
                self._changed.wait_for(lambda: self.counted == 1.0 or self._ended, seconds) and self.times is not None
            )

    def close(self) -> None:
        """End the threads and let go of the file."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _count(self) -> None:
        def tell(done: int, about: int) -> None:
            if self._ended:
                raise VideoError("closed")
            self.counted = min(0.999, done / max(1, about))

        try:
            times = count_times(self._source, tell)
        except VideoError:
            return
        _keep(self._index, times)
        with self._changed:
            self.times, self.frames, self.counted = times, len(times), 1.0
            self._changed.notify_all()

    def _decode(self) -> None:
        reel, counted = Reel(self._source, self.times), self.times is not None
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(lambda: self._ended or (not self.trouble and self._missing() is not None))
                    if self._ended:
                        return
                    missing = self._missing()
                if missing is None:
                    continue
                if not counted and self.times is not None:
                    reel.close()
                    reel, counted = Reel(self._source, self.times), True
                self._fill(reel, missing)
        finally:
            reel.close()

    def _fill(self, reel: Reel, numbers: range) -> None:
        for number in numbers:
            wanted = self._wanted
            if number not in self._pictures:
                try:
                    picture = shown(reel.read(number))
                except (VideoError, FrameError) as problem:
                    with self._changed:
                        if number == wanted:
                            self.trouble = str(problem)
                        else:
                            self._put(number, b"")
                        self._changed.notify_all()
                    return
                with self._changed:
                    self._put(number, picture)
                    self._changed.notify_all()
            if self._ended or self._wanted not in self._pictures:
                return

    def _put(self, number: int, picture: bytes) -> None:
        self._pictures[number] = picture
        self._bytes += len(picture)
        while self._bytes > ROOM:
            _, old = self._pictures.popitem(last=False)
            self._bytes -= len(old)

    def _missing(self) -> range | None:
        """What to decode next: the frame that is wanted and what follows, its chunk, the next one, the one before."""
        wanted = self._wanted
        if wanted not in self._pictures:
            return range(wanted, max(wanted + 1, self._chunk(wanted).stop))
        for at in (wanted, wanted + CHUNK, wanted - CHUNK):
            chunk = self._chunk(at)
            if any(number not in self._pictures for number in chunk):
                return chunk
        return None

    def _chunk(self, at: int) -> range:
        first = at // CHUNK * CHUNK
        return range(max(0, first), min(self.frames, first + CHUNK))


def shown(image: np.ndarray, edge: int = EDGE) -> bytes:
    """An image (H, W, 3) uint8 RGB as a JPEG, no edge longer than asked for."""
    scale = edge / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, coded = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return coded.tobytes()


def frames_between(
    source: Source, times: np.ndarray | None, numbers: range | list[int]
) -> Iterator[tuple[int, np.ndarray]]:
    """Some frames in order, at full size, (H, W, 3) uint8 RGB; the video is decoded near them alone."""
    reel = Reel(source, times)
    try:
        for number in numbers:
            yield number, reel.read(number)
    finally:
        reel.close()


def _kept(index: Path) -> np.ndarray | None:
    try:
        times = np.load(index, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return times if times.ndim == 1 and times.dtype == np.float64 and len(times) > 1 else None


def _keep(index: Path, times: np.ndarray) -> None:
    content = io.BytesIO()
    np.save(content, times)
    index.parent.mkdir(parents=True, exist_ok=True)
    write_whole(index, content.getvalue())
