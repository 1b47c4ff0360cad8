"""68 points on a face, by the network of MediaPipe Face Mesh, which gives 468.

The weights lie beside this file, in facemesh/: unchanged, under the Apache License 2.0. OpenCV runs them, so nothing else has to
be installed. What they were trained on, and how far off they are, stands in docs/landmarks.md.

Source: Kartynnik, Ablavatski, Grishchenko and Grundmann (2019), Real-time Facial Surface Geometry from Monocular Video on Mobile
GPUs. The 68 points: Sagonas et al. (2013), 300 Faces in-the-Wild Challenge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from tsfmicro.errors import ConfigError, FrameError
from tsfmicro.prepare.align import crop

WEIGHTS = Path(__file__).with_name("facemesh") / "face_landmark.tflite"

_PAIRS: tuple[tuple[int, ...], ...] = (
    # 0–16: the outline from the ear on the image's left over the chin, about evenly spaced
    (127,), (234,), (93, 132), (132, 58), (58, 172), (136,), (150, 149), (176, 148), (152,),
    (377, 400), (379, 378), (365,), (288, 397), (361, 288), (323, 361), (454,), (356,),
    # 17–26: brows along their upper edge, about evenly spaced; the ends lie midway between upper and lower edge
    (70, 46), (63, 105), (105, 66), (66, 107), (107, 55), (336, 285), (296, 336), (334, 296), (293, 334), (300, 276),
    # 27–35: the bridge down to the tip, then below the nose
    (168, 6), (197,), (195, 5), (4,), (98,), (97,), (2,), (326,), (327,),
    # 36–47: eyes, from the corner on the image's left along the upper lid and back along the lower
    (33,), (160,), (158,), (133,), (153,), (144,), (362,), (385,), (387,), (263,), (373,), (380,),
    # 48–59: the lips' outer edge, 60–67: their inner edge; likewise
    (61,), (39,), (37,), (0,), (267,), (269,), (291,), (321, 405), (314,), (17,), (84,), (91, 181),
    (78,), (81,), (13,), (311,), (308,), (402,), (14,), (178,),
)  # fmt: skip

OF_MESH = np.array([(pair[0], pair[-1]) for pair in _PAIRS])
"""(68, 2): each point is midway between these two of the mesh's 468; twice the same where one of them is the point."""

MIRROR = (
    *range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31,
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55, 64, 63, 62, 61, 60, 67, 66, 65,
)  # fmt: skip
"""Which point each becomes in a mirror."""


@dataclass(frozen=True)
class Square:
    """Where the network looks: a turned square. centre: x, y in pixels of the image; edge: pixels; angle: radians."""

    centre: np.ndarray
    edge: float
    angle: float

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) from pixels of the image to pixels of a size × size crop."""
        turn = np.array([[np.cos(self.angle), np.sin(self.angle)], [-np.sin(self.angle), np.cos(self.angle)]])
        linear = turn * size / self.edge
        return np.column_stack([linear, (size - 1) / 2 - linear @ self.centre])


class FaceMesh:
    """The network. It sees a face and its mirror image, and gives the mean: so a mirrored face has mirrored points."""

    SIZE = 192  # of the crop that it looks at, pixels
    AROUND = 1.5  # edge of the crop in parts of the face's longer side, as it was trained
    SURE = 0.5  # below, the network says that it sees no face

    def __init__(self) -> None:
        try:
            self._net = cv2.dnn.readNetFromTFLite(np.frombuffer(WEIGHTS.read_bytes(), np.uint8))
        except (AttributeError, cv2.error):
            raise ConfigError(
                f"product landmarks68: this OpenCV ({cv2.__version__}) cannot read TensorFlow Lite files. "
                "Run: pip install 'opencv-python-headless>=4.10'."
            ) from None
        self._outputs = self._net.getUnconnectedOutLayersNames()

    def square(self, image: np.ndarray, landmarks: np.ndarray, where: str) -> Square:
        """Where to look for a face whose five points are known: around what a first look finds.

        The first look depends on the detector's points, which lie some pixels off; the second hardly does.

        Args: image: (H, W, 3) uint8 RGB; landmarks: (5, 2), pixels.
        Raises: FrameError: the network sees no face.
        """
        right, middle = landmarks[1] - landmarks[0], landmarks[:2].mean(0)
        down = np.array([-right[1], right[0]])
        first = Square(middle + 0.4 * down, 4.2 * float(np.hypot(*right)), float(np.arctan2(right[1], right[0])))
        points, low, high = self._look(image, first, where)
        matrix = cv2.invertAffineTransform(first.matrix(self.SIZE))
        x, y = points[45] - points[36]
        edge = self.AROUND * float((high - low).max()) * first.edge / self.SIZE
        return Square(_moved((low + high) / 2, matrix), edge, first.angle + float(np.arctan2(y, x)))

    def points(self, image: np.ndarray, square: Square, where: str) -> np.ndarray:
        """(68, 2), x and y in pixels of the image. Raises FrameError: the network sees no face."""
        points, _, _ = self._look(image, square, where)
        return _moved(points, cv2.invertAffineTransform(square.matrix(self.SIZE)))

    def _look(self, image: np.ndarray, square: Square, where: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The 68 points and two corners of the box around all 468, pixels of the crop."""
        seen = crop(image, square.matrix(self.SIZE), self.SIZE)
        (mesh, sure), (mirrored, sure_too) = self._ask(seen), self._ask(seen[:, ::-1])
        if (sure + sure_too) / 2 < self.SURE:
            raise FrameError(
                f"{where}: the landmark network sees no face where the detector found one. "
                "Look at the image; exclude the clip if there is none."
            )
        back = mirrored * (-1, 1) + (self.SIZE - 1, 0)
        points = (mesh[OF_MESH].mean(1) + back[OF_MESH].mean(1)[list(MIRROR)]) / 2
        return points, (mesh.min(0) + back.min(0)) / 2, (mesh.max(0) + back.max(0)) / 2

    def _ask(self, seen: np.ndarray) -> tuple[np.ndarray, float]:
        """(468, 2) pixels of the crop, and how sure it is that it sees a face, 0 to 1."""
        self._net.setInput(cv2.dnn.blobFromImage(np.ascontiguousarray(seen), 1 / 255))
        by_size = {values.size: values for values in self._net.forward(self._outputs)}
        mesh = by_size[468 * 3].reshape(468, 3)[:, :2].astype(np.float64)
        logit = float(by_size[1].ravel()[0])
        return mesh - 0.5, 1 / (1 + np.exp(-logit))  # −0.5: whole numbers are the centres of pixels


@cache
def face_mesh() -> FaceMesh:
    """Read once per process."""
    return FaceMesh()


def _moved(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return points @ matrix[:, :2].T + matrix[:, 2]
