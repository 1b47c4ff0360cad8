"""Find the face in one image: MTCNN, and Haar cascades where it finds none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import cv2.data
import numpy as np

from tsfmicro.prepare.align import TEMPLATE, similarity
from tsfmicro.prepare.cascade import Cascade, Sighting


@dataclass(frozen=True)
class Face:
    """A face found. landmarks: (5, 2) float32, pixels: eyes, nose, mouth corners, those on the image's left first.
    confidence: the detector's, to 1, where it has one."""

    landmarks: np.ndarray
    detector: str
    confidence: float = 1.0


Finder = Callable[[np.ndarray], Face | None]
"""Finds the face in an image, (H, W, 3) uint8 RGB."""


@cache
def finder(detector: str) -> Finder:
    """The detector of that name: 'haar', or 'mtcnn' with Haar stepping in where it finds no face.

    Made once per process, because reading the networks takes longer than using them.
    """
    haar = Haar()
    if detector == "haar":
        return haar
    mtcnn = _mtcnn()
    return lambda image: mtcnn(image) or haar(image)


FinderOfAll = Callable[[np.ndarray], list[Face]]
"""Finds all faces in an image, (H, W, 3) uint8 RGB."""


@cache
def finder_of_all() -> FinderOfAll:
    """MTCNN looking for several faces; made once per process. No Haar: in a video it would see faces in folds of cloth."""
    return _mtcnn().every


def mouth_width(face: np.ndarray) -> float:
    """How wide the mouth is, per cent of the distance between the eyes, whatever was seen before.

    Args: face: (S, S) uint8 grey, aligned to the template, in which MTCNN's last network finds its points without being led there.
    """
    (top, bottom), (left, right) = (np.round(len(face) * edges).astype(int) for edges in _ABOUT)
    small = cv2.resize(face[top:bottom, left:right], (48, 48), interpolation=cv2.INTER_AREA)
    both = np.stack([small, small[:, ::-1]])  # the network sees a face and its mirror image a little differently
    points = _mtcnn().points(np.repeat(both[..., None], 3, axis=-1))
    eyes, mouths = (np.linalg.norm(points[:, b] - points[:, a], axis=1) for a, b in ((0, 1), (3, 4)))
    return float(100 * (mouths / np.maximum(eyes, 1e-6)).mean())


_ABOUT = np.array([[0.0, 0.875], [0.0625, 0.9375]])
"""Rows and columns of an aligned face, in parts of its edge, that the network is used to see of one."""


def quarter_turns(image: np.ndarray) -> int | None:
    """By how many quarter turns to the right an image (H, W, 3) uint8 RGB must be turned so that its face is upright.

    The network sees faces in pictures that stand on their heads, but is surest of upright ones. None: no face in any turn.
    """
    small, find = _shrink(image, Mtcnn.SHORT_EDGE)[0], finder_of_all()
    sure = {
        quarters: max((face.confidence for face in find(np.ascontiguousarray(np.rot90(small, -quarters)))), default=0.0)
        for quarters in range(4)
    }
    best = max(sure, key=lambda quarters: sure[quarters])  # upright, of several as sure
    return best if sure[best] else None


class Mtcnn:
    """MTCNN on a shrunken image: its last network sees a face at 48×48, so more pixels give no better landmarks.

    Where the face is not found or reaches the image's edge, as in trees that are already cropped, it looks again with a
    grey border around the image; then for small faces.
    """

    SHORT_EDGE = 320  # of the image that is searched, pixels
    BORDER = 0.25  # of the short edge
    LARGE, ANY = SHORT_EDGE // 6, 20  # edge of the smallest face that is looked for, first and last
    SURE = 0.95  # confidence from which a face is one of several

    def __init__(self) -> None:
        self._cascade = Cascade()

    def __call__(self, image: np.ndarray) -> Face | None:
        small, scale = _shrink(image, self.SHORT_EDGE)
        border = round(self.BORDER * min(small.shape[:2]))
        found = self._search(small, self.LARGE)
        if found is None or _at_edge(found.box, small):
            framed = _frame(small, border)
            again = self._search(framed, self.LARGE) or self._search(framed, self.ANY)
            if again is not None:
                return Face((again.points - border) / np.float32(scale), "mtcnn")
        return None if found is None else Face(found.points / np.float32(scale), "mtcnn")

    def every(self, image: np.ndarray) -> list[Face]:
        """All faces of which the network is sure, in one look with a border."""
        small, scale = _shrink(image, self.SHORT_EDGE)
        border = round(self.BORDER * min(small.shape[:2]))
        found = self._cascade(_frame(small, border), self.ANY)
        sure = (face for face in found if face.confidence > self.SURE and _is_upright(face.points))
        return [Face((face.points - border) / np.float32(scale), "mtcnn", face.confidence) for face in sure]

    def points(self, faces: np.ndarray) -> np.ndarray:
        """See `Cascade.points`."""
        return self._cascade.points(faces)

    def _search(self, image: np.ndarray, least: int) -> Sighting | None:
        faces = [face for face in self._cascade(image, least) if _is_upright(face.points)]
        return max(faces, key=lambda face: _prominence(face.box, image), default=None)


@cache
def _mtcnn() -> Mtcnn:
    return Mtcnn()


class Haar:
    """OpenCV's Viola–Jones cascades. Landmarks are approximate: eyes where they are found, else where they usually are.

    Nose and mouth follow from the eyes by the proportions of the template.
    """

    EYES = np.array([[0.31, 0.39], [0.69, 0.39]])  # in the cascade's square box

    def __init__(self) -> None:
        self._face, self._eye = (
            cv2.CascadeClassifier(f"{cv2.data.haarcascades}haarcascade_{part}.xml")
            for part in ("frontalface_default", "eye")
        )

    def __call__(self, image: np.ndarray) -> Face | None:
        grey = cv2.equalizeHist(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
        least = max(20, min(grey.shape) // 8)
        boxes = self._face.detectMultiScale(grey, 1.1, 5, minSize=(least, least))
        if len(boxes) == 0:
            return None
        box = max(boxes, key=lambda b: _prominence(b, grey))
        eyes = self._eyes(grey, box)
        place = similarity(TEMPLATE[:2], eyes)
        return Face((TEMPLATE @ place[:, :2].T + place[:, 2]).astype(np.float32), "haar")

    def _eyes(self, grey: np.ndarray, box: Sequence[int]) -> np.ndarray:
        x, y, edge, _ = (int(v) for v in box)
        eyes = self.EYES * edge + (x, y)
        least = max(5, edge // 8)
        for side, left in enumerate((x, x + edge // 2)):
            patch = grey[y + edge // 5 : y + edge * 3 // 5, left : left + edge // 2]
            found = self._eye.detectMultiScale(patch, 1.1, 3, minSize=(least, least))
            if len(found):
                ex, ey, w, h = max(found, key=lambda b: b[2])
                eyes[side] = left + ex + w / 2, y + edge // 5 + ey + h / 2
        return eyes


def _shrink(image: np.ndarray, short_edge: int) -> tuple[np.ndarray, float]:
    scale = short_edge / min(image.shape[:2])
    if scale >= 1:
        return image, 1.0
    return cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), scale


def _frame(image: np.ndarray, border: int) -> np.ndarray:
    return cv2.copyMakeBorder(image, border, border, border, border, cv2.BORDER_CONSTANT, value=(128, 128, 128))


def _is_upright(points: np.ndarray) -> bool:
    (left, right, _, *mouth), eyes = points, points[:2].mean(0)
    return bool(left[0] < right[0] and np.mean(mouth, 0)[1] > eyes[1])


def _at_edge(box: Sequence[int], image: np.ndarray) -> bool:
    x, y, w, h = box
    height, width = image.shape[:2]
    margin = 0.02 * min(height, width)
    return x < margin or y < margin or x + w > width - margin or y + h > height - margin


def _prominence(box: Sequence[int], image: np.ndarray) -> float:
    """Large faces first, central ones among equals: people behind the participant are smaller and to the side."""
    x, y, w, h = (float(v) for v in box)
    height, width = image.shape[:2]
    off_centre = np.hypot((x + w / 2) / width - 0.5, (y + h / 2) / height - 0.5)
    return w * h * (1 - off_centre)
