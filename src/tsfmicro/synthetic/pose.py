"""How a head stands before the camera: from the face plane to the picture and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.synthetic.draw import Field
from tsfmicro.synthetic.head import Portrait

_PIVOT = 25.0  # height, mm, of the point about which the head turns: behind the eyes
_EYES = 60.0  # mm by which the eyes stand before the pivot


@dataclass(frozen=True)
class Pose:
    """Place, size and turn of a head.

    Attributes:
        centre: px, about where the point between the pupils comes to lie.
        scale: px per mm.
        roll, yaw, pitch: radians.
    """

    centre: tuple[float, float]
    scale: float
    roll: float
    yaw: float
    pitch: float

    def project(self, points: NDArray[np.floating], portrait: Portrait) -> NDArray[np.float64]:
        """Face coordinates (N, 2) mm of a portrait as pixels."""
        g = portrait.grid
        points = np.asarray(points, np.float64)
        column, row = g.pixels(points).T.astype(np.float32)
        z = cv2.remap(portrait.relaxed, column, row, cv2.INTER_LINEAR)[:, 0] - _PIVOT
        across = points[:, 0] * np.cos(self.yaw) + z * np.sin(self.yaw)
        depth = z * np.cos(self.yaw) - points[:, 0] * np.sin(self.yaw)
        down = points[:, 1] * np.cos(self.pitch) + depth * np.sin(self.pitch)
        return self._middle + self.scale * self.rolled(np.stack([across, down], axis=1))

    def look_up(self, columns: Field, rows: Field, portrait: Portrait) -> tuple[Field, Field]:
        """Face coordinates, mm, that these pixels show: the turn is undone by fixed-point steps."""
        flat = self.unrolled(np.stack([columns - self._middle[0], rows - self._middle[1]], axis=-1)) / self.scale
        across, down = flat[..., 0].astype(np.float32), flat[..., 1].astype(np.float32)
        x, y, g, depths = across, down, portrait.grid, portrait.relaxed
        cos_yaw, sin_yaw = g.kind(np.cos(self.yaw)), g.kind(np.sin(self.yaw))
        cos_pitch, sin_pitch = g.kind(np.cos(self.pitch)), g.kind(np.sin(self.pitch))
        for _ in range(5):
            column, row = (x - g.left) * g.density, (y - g.top) * g.density
            z = cv2.remap(depths, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) - np.float32(_PIVOT)
            x = ((across - z * sin_yaw) / cos_yaw).astype(np.float32)
            depth = z * cos_yaw - x * sin_yaw
            y = ((down - depth * sin_pitch) / cos_pitch).astype(np.float32)
        return x, y

    def rolled(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """(…, 2) directions of the face as directions in the picture."""
        return vectors @ self._roll.T

    def unrolled(self, vectors: NDArray[np.floating]) -> NDArray[np.float64]:
        """(…, 2) directions in the picture as directions of the face."""
        return vectors @ self._roll

    @cached_property
    def _roll(self) -> NDArray[np.float64]:
        return np.array([[np.cos(self.roll), -np.sin(self.roll)], [np.sin(self.roll), np.cos(self.roll)]])

    @cached_property
    def _middle(self) -> NDArray[np.float64]:
        # Turning the head moves the eyes; this puts them back near the chosen place.
        return np.array(self.centre) - _EYES * self.scale * np.sin((self.yaw, self.pitch))
