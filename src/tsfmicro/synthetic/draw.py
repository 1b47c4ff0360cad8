"""Fields over the face plane: bumps, soft lines and regions, smooth noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[Any]  # float32 in practice; OpenCV and numpy do not tell the checker
Point = tuple[float, float]


@dataclass(frozen=True)
class Grid:
    """A regular grid over the face plane.

    Face coordinates are millimetres: the origin lies between the pupils, x to the right of the picture, y down.

    Attributes:
        left, top, right, bottom: what it covers, mm.
        density: grid points per mm.
        kind: of numbers that take part; generated clips are what they are to the last bit, so it stays what it was for them.
    """

    kind: ClassVar[type[np.floating]] = np.float64

    left: float = -176.0
    top: float = -152.0
    right: float = 176.0
    bottom: float = 168.0
    density: float = 2.75

    @cached_property
    def shape(self) -> tuple[int, int]:
        return round((self.bottom - self.top) * self.density), round((self.right - self.left) * self.density)

    @cached_property
    def x(self) -> Field:
        """(1, W) mm."""
        return (self.left + np.arange(self.shape[1], dtype=np.float32) / self.density)[None, :]

    @cached_property
    def y(self) -> Field:
        """(H, 1) mm."""
        return (self.top + np.arange(self.shape[0], dtype=np.float32) / self.density)[:, None]

    def zeros(self) -> Field:
        return np.zeros(self.shape, np.float32)

    def pixels(self, points: Sequence[Point] | NDArray[np.floating]) -> NDArray[np.float64]:
        """Face coordinates (N, 2) mm as grid columns and rows."""
        return (np.asarray(points, np.float64) - (self.left, self.top)) * self.density

    def window(self, at: Point, reach: Point) -> tuple[slice, slice]:
        """Rows and columns within `reach` mm of a point."""
        height, width = self.shape
        column, row = (at[0] - self.left) * self.density, (at[1] - self.top) * self.density
        across, down = reach[0] * self.density, reach[1] * self.density
        return (
            slice(int(min(max(row - down, 0), height)), int(min(max(row + down + 1, 0), height))),
            slice(int(min(max(column - across, 0), width)), int(min(max(column + across + 1, 0), width))),
        )

    def bump(self, field: Field, at: Point, size: Point, height: float, angle: float = 0.0) -> None:
        """Add a Gaussian of these standard deviations (mm) and height to the field, turned by `angle` radians."""
        window, bell = self.bell(at, size, angle)
        field[window] += height * bell

    def bell(self, at: Point, size: Point, angle: float = 0.0) -> tuple[tuple[slice, slice], Field]:
        """A Gaussian of height 1, and the rows and columns where it is."""
        reach = 3.8 * max(size)
        rows, columns = self.window(at, (reach, reach))
        x, y = (self.x[:, columns] - at[0]).astype(self.kind), (self.y[rows] - at[1]).astype(self.kind)
        along, across = x, y
        if angle:
            cos, sin = self.kind(np.cos(angle)), self.kind(np.sin(angle))
            along, across = x * cos + y * sin, y * cos - x * sin
        return (rows, columns), np.exp(-0.5 * ((along / size[0]) ** 2 + (across / size[1]) ** 2))

    def line(self, points: Sequence[Point], width: float, soft: float) -> Field:
        """A curve through the points as a mask in 0–1: `width` mm wide, edges blurred by `soft` mm."""
        mask = np.zeros(self.shape, np.uint8)
        thick = max(1, round(width * self.density))
        cv2.polylines(mask, [_fixed(self.pixels(curve(points)))], False, 255, thick, cv2.LINE_AA, _SHIFT)
        return self.blurred(mask, soft) / 255

    def region(self, points: Sequence[Point], soft: float) -> Field:
        """A closed curve through the points, filled, as a mask in 0–1 with edges blurred by `soft` mm."""
        mask = np.zeros(self.shape, np.uint8)
        cv2.fillPoly(mask, [_fixed(self.pixels(curve([*points, points[0]])))], 255, cv2.LINE_AA, _SHIFT)
        return self.blurred(mask, soft) / 255

    def blurred(self, field: NDArray, soft: float) -> Field:
        """The field blurred by a Gaussian of `soft` mm; a wide one is blurred on a coarser grid, where it is cheap."""
        if soft <= 0:
            return field.astype(np.float32)
        sigma = soft * self.density
        coarse = max(1, int(sigma / 4))
        if coarse == 1:
            return cv2.GaussianBlur(field.astype(np.float32), (0, 0), sigma)
        height, width = self.shape
        small = cv2.resize(field.astype(np.float32), (width // coarse, height // coarse), interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), sigma / coarse)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)

    def noise(self, size: float, rng: np.random.Generator) -> Field:
        """Smooth noise, mean about 0 and deviation about 1, with features of `size` mm."""
        height, width = self.shape
        step = max(1.0, size * self.density)
        coarse = rng.standard_normal((int(height / step) + 3, int(width / step) + 3)).astype(np.float32)
        if step == 1.0:
            return coarse[:height, :width]
        return 1.3 * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


_SHIFT = 4


def _fixed(pixels: NDArray[np.float64]) -> NDArray[np.int32]:
    """OpenCV draws between pixels when told the position in sixteenths."""
    return np.round(pixels * (1 << _SHIFT)).astype(np.int32)


def curve(points: Sequence[Point] | NDArray[np.floating], steps: int = 12) -> NDArray[np.float64]:
    """A smooth curve (Catmull–Rom) through the points, `steps` pieces between two of them."""
    p = np.asarray(points, np.float64)
    if len(p) < 3:
        return p
    padded = np.vstack([2 * p[0] - p[1], p, 2 * p[-1] - p[-2]])
    t = (np.arange(steps) / steps)[:, None]
    a, b, c, d = (padded[k : len(padded) - 3 + k, None] for k in range(4))  # (pieces, 1, 2)
    pieces = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.vstack([pieces.reshape(-1, 2), p[-1:]])


def strokes(
    image: NDArray[np.uint8],
    lines: Sequence[NDArray[np.float64]] | NDArray[np.float64],
    values: Sequence[float],
    thick: int,
) -> None:
    """Draw many antialiased lines (grid pixels, each of as many points) into a one-channel image, each with its own value 0–255."""
    for points, value in zip(_fixed(np.asarray(lines, np.float64)), values, strict=True):
        cv2.polylines(image, [points], False, float(value), thick, cv2.LINE_AA, _SHIFT)


def mix(under: NDArray[Any], over: NDArray[Any] | float, mask: Field) -> Field:
    """`over` laid on `under` where the mask (H, W) is 1; works for (H, W) and (H, W, 3), and `over` may be one colour (3,)."""
    shape, above = under.shape, np.asarray(over, np.float32)
    weight: Field = np.asarray(mask, np.float32)
    if len(shape) == 3:  # as one row after another: broadcasting along a short last axis takes ten times as long
        flat = (shape[0], 3 * shape[1])
        under, weight = under.reshape(flat), cv2.merge((weight,) * 3).reshape(flat)
        above = np.tile(above, shape[1]) if above.ndim == 1 else np.broadcast_to(above, shape).reshape(flat)
    mixed = above - under
    mixed *= weight
    mixed += under
    return mixed.reshape(shape)


def scaled(colour: Field, weight: Field) -> Field:
    """(H, W, C): one colour (C,), or a picture (H, W, C), times a weight (H, W)."""
    if colour.ndim == 1:
        return cv2.merge([weight * part for part in colour])
    return colour * cv2.merge((weight,) * colour.shape[2])


def band(mask: Field) -> slice | None:
    """The rows from the first to the last in which a mask (H, W) is not 0."""
    rows = np.flatnonzero(mask.any(axis=1))
    return slice(int(rows[0]), int(rows[-1]) + 1) if len(rows) else None


def smoothstep(low: float, high: float, value: NDArray) -> NDArray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)
