"""A portrait under a studio light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.synthetic.draw import Field, Grid
from tsfmicro.synthetic.head import Portrait


@dataclass(frozen=True)
class Light:
    """One large lamp and a bright room.

    Attributes:
        right, up: where the lamp stands, tangent of its angle from the camera's axis.
        key, room: strengths of the lamp and of the room.
        warmth: below 0 bluish, above 0 reddish; about ±0.1.
        backdrop: brightness of the studio's paper, 0–1, and its tint (blue, green, red).
    """

    right: float
    up: float
    key: float
    room: float
    warmth: float
    backdrop: float
    tint: tuple[float, float, float]

    @property
    def towards(self) -> Field:
        """Unit vector to the lamp: right, down, towards the camera."""
        vector = np.array([self.right, -self.up, 1.0], np.float32)
        return vector / np.linalg.norm(vector)

    @property
    def colour(self) -> Field:
        return np.array([1 - self.warmth, 1.0, 1 + self.warmth], np.float32)


def brightness(portrait: Portrait, light: Light) -> Field:
    """(H, W, 3) light that leaves white skin, before the albedo: lamp with soft shadow, room, spread under the skin."""
    lambert = portrait.normal @ light.towards
    soft = np.clip((lambert + 0.10) / 1.10, 0, 1)  # a large lamp reaches a little around the corner
    lamp = light.key * soft * _shadow(portrait.grid, portrait.height, light)
    room = light.room * portrait.open * (0.80 - 0.25 * portrait.normal[..., 1])
    direct = lamp + room
    # Red light travels furthest under the skin, so shadows' edges are reddish.
    near, far = portrait.grid.blurred(direct, 0.5), portrait.grid.blurred(direct, 1.7)
    skin = portrait.skin
    return cv2.merge(
        [
            direct + skin * 0.55 * (near - direct),
            direct + skin * (0.40 * (near - direct) + 0.30 * (far - direct)),
            direct + skin * (0.30 * (near - direct) + 0.62 * (far - direct)),
        ]
    )


def lit(portrait: Portrait, light: Light) -> tuple[np.ndarray, Field]:
    """The portrait's picture (H, W, 3) uint8, blue first, and its mean brightness (H, W) before the albedo."""
    shade = brightness(portrait, light)
    half = light.towards + np.array([0, 0, 1], np.float32)
    half = half / np.linalg.norm(half)
    shine = np.clip(portrait.normal @ half, 0, 1)
    glint = np.maximum(shine, 0.2) ** 48  # lower ones are nothing beside the rest, and numbers so small are slow
    gloss = portrait.gloss * light.key * portrait.open * (0.10 * shine**12 + 0.16 * glint)
    colour = cv2.merge(
        [c * (a * s + gloss) for c, a, s in zip(light.colour, *map(cv2.split, (portrait.albedo, shade)), strict=True)]
    )
    return develop(colour), cv2.transform(shade, np.full((1, 3), 1 / 3))


def develop(colour: Field) -> NDArray[Any]:
    """Linear light as 8-bit sRGB with a soft shoulder, so highlights do not clip."""
    c = np.maximum(colour, 0).astype(np.float32)
    c *= (1 + 0.12 * c) / (1 + 0.30 * c)
    return cv2.convertScaleAbs(cv2.pow(c, 1 / 2.2), alpha=255)


def _shadow(g: Grid, height: Field, light: Light) -> Field:
    """(H, W) 0–1: walk towards the lamp and see whether the surface rises above the ray; on a coarse grid."""
    rows, columns = height.shape
    coarse = 4
    small = cv2.resize(height, (columns // coarse, rows // coarse), interpolation=cv2.INTER_AREA)
    step = 3.0  # mm
    blocked = np.zeros_like(small)
    grid = step * g.density / coarse
    run = g.kind(np.hypot(light.right, light.up) + 1e-6)
    for k in range(1, 15):
        shift = np.array([[1, 0, -k * grid * light.right / run], [0, 1, k * grid * light.up / run]])
        seen = cv2.warpAffine(small, shift, small.shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        over = seen - small - k * step / run
        blocked = np.maximum(blocked, np.clip((over + 0.5) / (2.0 + 0.8 * k), 0, 1))
    shadow = cv2.resize(cv2.GaussianBlur(blocked, (0, 0), 1.2), (columns, rows), interpolation=cv2.INTER_LINEAR)
    return 1 - 0.75 * shadow
