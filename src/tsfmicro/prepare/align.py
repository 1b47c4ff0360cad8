"""One similarity transform per clip: five landmarks onto a template, and every frame cropped with it."""

from __future__ import annotations

import math

import cv2
import numpy as np

from tsfmicro.template import TEMPLATE, similarity, to_template

__all__ = ["TEMPLATE", "crop", "crop_depth", "similarity", "to_template"]


def crop(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """The face as seen through the transform.

    A crop smaller than the face in the image is made on a finer grid and averaged, so that fine texture cannot alias:
    aliasing would turn a shift of half a pixel into flicker. On the fine grid, linear interpolation keeps sub-pixel
    motion as well as cubic does, several times faster. Outside the image is black, which never moves.

    Args: image: (H, W, C) uint8 or float32; matrix: (2, 3), image pixels to crop pixels; size: edge of the crop, pixels.
    Returns: (size, size, C) of the same type.
    """
    k = max(1, math.ceil(1 / math.hypot(matrix[0, 0], matrix[1, 0])))
    finer = matrix * k
    finer[:, 2] += (k - 1) / 2  # the centre of a crop pixel is the middle of its k × k fine pixels
    face = cv2.warpAffine(image, finer, (size * k, size * k), flags=cv2.INTER_LINEAR)
    return cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA) if k > 1 else face


def crop_depth(depth: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """A depth picture as seen through the transform: the mean of what was measured, and 0 where that is less than half.

    So no depth is made up between a face and a hole, whose 0 is no depth.

    Args: depth: (H, W) uint16, 0 for a hole; matrix, size: as of `crop`.
    Returns: (size, size) float32, in the unit of the picture.
    """
    both = np.dstack([depth, depth > 0]).astype(np.float32)
    sums, measured = np.moveaxis(crop(both, matrix, size), 2, 0)
    return np.where(measured >= 0.5, sums / np.maximum(measured, 0.5), np.float32(0))
