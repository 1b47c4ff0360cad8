"""Frames of a video, one after another with their times: from a file, or a folder of numbered images.

Nothing but the frame at hand is in memory. What a file is, its first bytes say and not its name: a playlist or a picture that
is called a video would otherwise make the decoder open other files.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from tsfmicro.errors import VideoError

SLOWEST, FASTEST = 20.0, 1000.0  # frames per second
LONGEST_EDGE = 1280  # of the frames that are handed out, pixels
_PEEK = 30  # frames from which the frame rate is told
_ROUNDED = 0.001  # seconds by which times of whole milliseconds may be off, the first one being rounded, too
VIDEO_FILES = {
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv"),
    *(".mts", ".m2ts", ".ts", ".vob"),
}  # not .gif, which often lies beside images to show them
IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"}

ReadImage = Callable[[Path], np.ndarray]
"""Reads an image as (H, W, 3) uint8 RGB."""


_Read = Callable[[Collection[int] | None], Iterator[tuple[int, float, np.ndarray]]]
"""Reads the frames of these numbers, or all: number, seconds, image."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    Attributes:
        number: from 0. time: seconds from the first frame.
        image: (H, W, 3) uint8 RGB, no edge longer than asked for.
    """

    number: int
    time: float
    image: np.ndarray = field(repr=False)


@dataclass(frozen=True, eq=False)
class Source:
    """A video that can be read, any number of times.

    Attributes:
        path: the file or folder.
        width, height: pixels, before anything is shrunk.
        fps: frames per second at its beginning.
        about: frames it should have; 0 where the file does not tell.
        nominal: frames per second as the file itself says; containers that round times are nearer to it than to `fps`.
        times: (T,) seconds of each frame, where they are known beforehand: a folder's, by the numbers of its images.
    """

    path: Path
    width: int
    height: int
    fps: float
    about: int
    _read: _Read = field(repr=False)
    nominal: float = 0.0
    times: np.ndarray | None = field(repr=False, default=None)

    def scale(self, longest: int = LONGEST_EDGE) -> float:
        """Pixels of a frame that is handed out for one of the video; at most 1."""
        return min(1.0, longest / max(self.width, self.height))

    def frames(self, longest: int = LONGEST_EDGE) -> Iterator[Frame]:
        """All frames in order. Args: longest: larger frames are shrunk to this edge, pixels."""
        size = tuple(round(edge * self.scale(longest)) for edge in (self.width, self.height))
        start = last = 0.0
        for number, time, image in self._read(None):
            if number == 0:
                start = time
            elif time <= last:  # some containers keep no times
                time = last + 1 / self.fps
            last = time
            if image.shape[1::-1] != size:
                image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            yield Frame(number, time - start, image)

    def pick(self, numbers: Collection[int]) -> Iterator[tuple[int, np.ndarray]]:
        """Some frames, in order and at full size, (H, W, 3) uint8 RGB.

        The video is decoded from its beginning, since only that finds the same frame in every container.
        """
        return ((number, image) for number, _, image in self._read(numbers))


def open_video(path: Path, read_image: ReadImage, fps: float | None = None) -> Source:
    """Find out what a video is, by reading its beginning.

    Args:
        path: a video file, or a folder of numbered images.
        read_image: reads one image of a folder.
        fps: of a folder of images, which does not say; of a file only where it is known to say it wrongly.
    Raises:
        VideoError: it is missing, empty, damaged, no video, has fewer than two frames, or is too slow.
    """
    path = Path(path)
    if fps is not None and not 0 < fps < np.inf:
        raise VideoError(f"{_shown(path)}: no video has {fps:g} frames per second. Give the true number with --fps.")
    if path.is_dir():
        source = _open_folder(path, read_image, fps)
    elif path.is_file():
        source = _open_file(path, fps)
    else:
        raise VideoError(f"{_shown(path)}: there is no such file. Give the path of a video or of a folder of images.")
    if not SLOWEST <= source.fps <= FASTEST:
        at_most = "at most one frame" if source.fps <= 2 else f"at most {int(source.fps / 2)} frames"
        why = (
            f"a micro-expression of 1/25 to 1/2 s would be {at_most} of it. Record with at least 25, better 100 or more."
            if source.fps < SLOWEST
            else "no camera is so fast. Give the true number with --fps."
        )
        raise VideoError(f"{_shown(path)}: has {source.fps:.3g} frames per second; {why}")
    return source


def constant_rate(times: np.ndarray, within: float = 0.5) -> float | None:
    """Frames per second, where every frame comes near its turn; None where the rate varies.

    Args: within: how near, in frames, at most 0.5. A millisecond counts as near, too: Matroska and WebM round times to one.
    """
    if len(times) < 2 or times[-1] <= 0:
        return None
    fps = (len(times) - 1) / float(times[-1])
    off = np.abs(times * fps - np.arange(len(times))).max()
    return fps if off < min(0.5, max(within, _ROUNDED * fps)) + 1e-6 * len(times) else None


def rate_of(times: np.ndarray) -> float:
    """Frames per second, over all frames where the rate is constant, since some containers round times to milliseconds; where it
    varies, by the median step. Args: times: (T,) seconds, ascending, T at least 2."""
    return constant_rate(times - times[0]) or 1 / float(np.median(np.diff(times)))


def _shown(path: Path) -> str:
    """A path as one line of text, whatever characters its name has."""
    return "".join(c if c.isprintable() else "?" for c in str(path))


def _open_file(path: Path, fps: float | None) -> Source:
    try:
        with path.open("rb") as stream:
            head = stream.read(400)
    except OSError as error:
        raise VideoError(f"{_shown(path)}: cannot be read ({error.strerror}).") from None
    _check_content(path, head)
    with capture_of(path) as capture:
        about = max(0, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
        nominal = capture.get(cv2.CAP_PROP_FPS)
        times: list[float] = []
        shape: tuple[int, ...] | None = None
        while len(times) < _PEEK:
            good, image = capture.read()
            if not good:
                break
            times.append(capture.get(cv2.CAP_PROP_POS_MSEC) / 1000)
            shape = shape or image.shape
    if shape is None:
        raise VideoError(f"{_shown(path)}: no frame of it can be decoded; {_CONVERT}")
    if len(times) < 2:
        raise VideoError(f"{_shown(path)}: has only one frame; a movement needs at least two.")
    steps = np.diff(times)
    rate = rate_of(np.array(times)) if (steps > 0).all() else nominal
    told = fps or rate

    def read(wanted: Collection[int] | None) -> Iterator[tuple[int, float, np.ndarray]]:
        last = None if wanted is None else max(wanted, default=-1)
        with capture_of(path) as capture:
            for number in count():
                if (last is not None and number > last) or not capture.grab():
                    return
                if wanted is None or number in wanted:
                    image = capture.retrieve()[1]
                    time = number / fps if fps else capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
                    yield number, time, cv2.cvtColor(image, cv2.COLOR_BGR2RGB)

    return Source(path, shape[1], shape[0], float(told), about, read, float(fps or nominal))


_CONVERT = (
    "it is damaged, cut short, or coded in a way that OpenCV cannot read. "
    "Copy it again, or convert it: ffmpeg -i IN -c:v libx264 -crf 12 OUT.mp4"
)


@contextmanager
def capture_of(path: Path) -> Iterator[cv2.VideoCapture]:
    """The decoder, quiet: what is wrong is told by us, in one line."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        # The whole path: a relative name such as 'concat:a' would be read as a protocol.
        capture = cv2.VideoCapture(str(path.resolve()), cv2.CAP_FFMPEG)
    except (UnicodeError, cv2.error):
        raise VideoError(f"{_shown(path)}: has a name that cannot be handed to the decoder. Rename it.") from None
    finally:
        cv2.utils.logging.setLogLevel(level)
    try:
        if not capture.isOpened():
            raise VideoError(f"{_shown(path)}: cannot be opened; {_CONVERT}")
        yield capture
    finally:
        capture.release()


def _check_content(path: Path, head: bytes) -> None:
    """Raises VideoError: the first bytes are not those of a video."""
    if not head:
        raise VideoError(f"{_shown(path)}: is empty (0 bytes). Copy it again.")
    brand = head[8:12]
    if (
        any(head.startswith(start) for start in _PICTURES)
        or (head.startswith(b"RIFF") and brand == b"WEBP")
        or (head[4:8] == b"ftyp" and brand in (b"heic", b"heix", b"mif1", b"avif"))
    ):
        raise VideoError(f"{_shown(path)}: is a still picture, not a video. Give a video, or a folder of images.")
    known = (
        any(head.startswith(start) for start in _VIDEOS)
        or (head.startswith(b"RIFF") and brand == b"AVI ")
        or head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
        or (head[:1] == b"G" and head[188:189] == b"G")  # MPEG transport stream
        or (head[4:5] == b"G" and head[196:197] == b"G")
    )
    if not known:
        raise VideoError(
            f"{_shown(path)}: is not a video (its content is of no known video format). Give an MP4, MOV, AVI, MKV or WebM."
        )


_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*", b"\0\0\1\0")
_VIDEOS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"\0\0\1\xba", b"\0\0\1\xb3",  # MPEG
    b"\0\0\0\1", b"\0\0\1\x67",  # bare H.264 and H.265
    b"FLV", b"\x30\x26\xb2\x75", b"OggS", b"YUV4MPEG2", b"GIF8",
)  # fmt: skip


def _open_folder(folder: Path, read_image: ReadImage, fps: float | None) -> Source:
    files = sorted(
        (f for f in folder.iterdir() if f.suffix.lower() in IMAGES and not f.name.startswith(".")), key=_order
    )
    if len(files) < 2:
        has = "has no image" if not files else "has only one image"
        raise VideoError(f"{_shown(folder)}: {has}; give a video, or a folder with the numbered images of one.")
    if fps is None:
        raise VideoError(f"{_shown(folder)}: images do not say how fast they follow. Add --fps, e.g. --fps 200.")
    shape = read_image(files[0]).shape
    numbers = [_order(file)[0] for file in files]
    times = (
        np.arange(len(files)) if min(np.diff(numbers)) < 1 or np.median(np.diff(numbers)) != 1 else np.array(numbers)
    )

    def read(wanted: Collection[int] | None) -> Iterator[tuple[int, float, np.ndarray]]:
        for number, (file, time) in enumerate(zip(files, times, strict=True)):
            if wanted is not None and number not in wanted:
                continue
            image = read_image(file)
            if image.shape != shape:
                (h, w, _), (height, width, _) = image.shape, shape
                raise VideoError(
                    f"{_shown(file)}: is {w}×{h}, but the first image is {width}×{height}. Keep each video in its own folder."
                )
            yield number, float(time / fps), image

    return Source(folder, shape[1], shape[0], float(fps), len(files), read, float(fps), times / fps)


def _order(file: Path) -> tuple[int, str]:
    """Images come by the last number in their names, which need not be padded with zeros."""
    numbers = re.findall(r"\d+", file.stem)
    return (int(numbers[-1]) if numbers else -1, file.name)
