"""Where a face's landmarks stand in its crop, and the transform that brings them there: for faces found and for faces drawn."""

from __future__ import annotations

import numpy as np

from tsfmicro.errors import ShapeError

TEMPLATE = np.array([[0.333, 0.28], [0.667, 0.28], [0.5, 0.47], [0.362, 0.667], [0.638, 0.667]])
"""(5, 2) where eyes, nose and mouth corners go, as parts of the crop's edge.

Micro-expressions live in brows and chin, so both must be inside with a margin. Measured in distances between the eyes
d, raised brows reach 0.5 d above the eyes and the chin 1.9 d below; an edge of 3 d with the eyes 0.28 from the top
leaves 0.34 d above the brows and 0.26 d below the chin, which a crop shifted by 15 of 224 pixels does not use up.
Nose 0.57 d and mouth corners 1.16 d below the eyes, 0.83 d apart: rounded from what MTCNN marks on faces.
"""


def similarity(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Rotation, scale and shift that bring points closest to target, least squares in closed form (Umeyama, 1991).

    In the plane a similarity is z → a·z + b with complex a and b, and the least-squares a is a quotient.

    Args: points, target: (K, 2), x and y.
    Returns: (2, 3) matrix for x, y, 1.
    Raises: ShapeError: fewer than two different points.
    """
    p, q = (np.asarray(xy, float) @ (1, 1j) for xy in (points, target))
    p0, q0 = p.mean(), q.mean()
    spread = np.vdot(p - p0, p - p0).real
    if spread == 0:
        raise ShapeError(f"{len(p)} landmarks at one place fix no transform; give at least two different ones.")
    a = np.vdot(p - p0, q - q0) / spread
    b = q0 - a * p0
    return np.array([[a.real, -a.imag, b.real], [a.imag, a.real, b.imag]])


def to_template(landmarks: np.ndarray, size: int) -> np.ndarray:
    """(2, 3) matrix from image pixels to the pixels of a size × size crop. Args: landmarks: (5, 2), pixels."""
    return similarity(landmarks, TEMPLATE * size - 0.5)  # −0.5: whole numbers are the centres of pixels
