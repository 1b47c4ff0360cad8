"""What really moved in a generated clip: landmarks and the displacement of every point."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.synthetic.actor import Take
from tsfmicro.synthetic.cast import Scene
from tsfmicro.synthetic.draw import Field

STEP = 4  # motion is kept for every fourth pixel


@dataclass(frozen=True)
class Truth:
    """The true motion from onset to apex. Blinks are left out: a lid that closes hides what was there.

    Attributes:
        landmarks: (5, 2) px in the onset frame: eyes, nose tip, mouth corners.
        landmarks_moved, landmarks_expression: (5, 2) px to the apex frame, with and without the head's sway.
        motion, expression: (2, 120, 160) px right and down, for every fourth pixel of the onset frame, with and
            without the head's sway.
    """

    landmarks: Field = field(repr=False)
    landmarks_moved: Field = field(repr=False)
    landmarks_expression: Field = field(repr=False)
    motion: NDArray[np.float16] = field(repr=False)
    expression: NDArray[np.float16] = field(repr=False)


def truth(take: Take, scene: Scene) -> Truth:
    """The true motion of a clip."""
    apex = scene.seconds(scene.apex)
    height, width = take.backward(0.0).shape[1:]
    columns, rows = np.meshgrid(
        np.arange(0, width, STEP, dtype=np.float32), np.arange(0, height, STEP, dtype=np.float32)
    )
    grid = np.stack([columns, rows], axis=-1)
    marks = follow(take.backward(0.0), take.landmarks()[:, None])
    moved, stayed = _travel(take, marks, apex, True), _travel(take, marks, apex, False)
    return Truth(
        marks[:, 0],
        moved[:, 0],
        stayed[:, 0],
        _travel(take, grid, apex, True).transpose(2, 0, 1).astype(np.float16),
        _travel(take, grid, apex, False).transpose(2, 0, 1).astype(np.float16),
    )


def follow(backward: Field, points: NDArray[np.floating]) -> Field:
    """Where points of the unmoved frame are after a movement given as backward shifts.

    Args:
        backward: (2, H, W) px: the pixel p shows what was at p − backward(p).
        points: (h, w, 2) px.
    """
    points = points.astype(np.float32)
    now = points
    for _ in range(6):
        now = points + _at(backward, now)
    return now


def _travel(take: Take, onset: Field, apex: float, sway: bool) -> Field:
    """How far points of the onset frame travel until the apex, px; without sway the head stays as at the onset."""
    unmoved = onset - _at(take.backward(0.0), onset)
    later = take.backward(apex) if sway else take.backward(apex, head=0.0)
    return follow(later, unmoved) - onset


def _at(field_: Field, points: Field) -> Field:
    x, y = np.ascontiguousarray(points[..., 0]), np.ascontiguousarray(points[..., 1])
    return np.stack([cv2.remap(f, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for f in field_], axis=-1)
