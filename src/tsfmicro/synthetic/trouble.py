"""What a film may hold that moves a face's picture and is no expression: hands, things, turns, speech, flicker, compression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.synthetic.draw import Field

KINDS: tuple[str, ...] = ("hand", "object", "turn", "speech", "flicker", "compression")
SYLLABLES = (25, 20, 24, 17, 10, 23)  # action units of a mouth that speaks
_ENTERS = 0.35  # seconds in which a hand or a thing comes, and goes


@dataclass(frozen=True)
class Trouble:
    """One of them.

    Attributes:
        kind: one of KINDS.
        start, end: seconds.
        angle: where from a hand comes, radians; or by how much the head turns to the side, and `nod` up or down.
        place: where a hand or a thing comes to lie, in half face widths from the face's middle; size: in face widths.
        rate: Hz at which a hand rubs, a head turns and light flickers.
        colour: of a thing, blue first, 0–255.
        strength: of the flicker, share of the brightness; of the compression, quality of the JPEG.
    """

    kind: str
    start: float
    end: float
    angle: float
    nod: float
    place: tuple[float, float]
    size: float
    rate: float
    colour: tuple[int, int, int]
    strength: float

    def level(self, t: float) -> float:
        """0 outside, 1 while it is there, smooth between."""
        rise = np.clip(min(t - self.start, self.end - t) / _ENTERS, 0, 1)
        return float(rise**2 * (3 - 2 * rise))

    def swing(self, t: float) -> float:
        """−1 to 1, from 0."""
        return float(np.sin(2 * np.pi * self.rate * (t - self.start)))


def draw_trouble(kind: str, start: float, rng: np.random.Generator) -> Trouble:
    """One of that kind, of 1 to 3 s."""
    turned = rng.uniform(0.05, 0.22) * rng.choice([-1, 1])  # radians: to 12 degrees; further the warp tears
    return Trouble(
        kind,
        start,
        start + float(rng.uniform(1.2, 3.0)),
        angle=float(turned if kind == "turn" else rng.uniform(0.15, 0.85) * np.pi),
        nod=float(rng.uniform(-0.12, 0.12)),
        place=(float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.2, 0.8))),
        size=float(rng.uniform(0.35, 0.55)),
        rate=float(rng.uniform(1, 12) if kind == "flicker" else rng.uniform(0.3, 1.2)),
        colour=tuple(int(c) for c in rng.integers(20, 230, 3)),  # type: ignore[arg-type]
        strength=float(rng.uniform(0.04, 0.08) if kind == "flicker" else rng.uniform(12, 30)),
    )


def turn_at(trouble: Trouble, t: float) -> tuple[float, float]:
    """Radians to the side and down by which the head is turned."""
    much = trouble.level(t)
    return much * trouble.angle * (0.7 + 0.3 * trouble.swing(t)), much * trouble.nod


def turn_shift(yaw: float, pitch: float, x: Field, y: Field, depth: Field) -> Field:
    """(2, H, W) mm right and down by which a turn moves points of a face. Args: x, y, depth: (H, W) mm from the pivot."""
    return np.stack(
        [depth * np.sin(yaw) - x * (1 - np.cos(yaw)), depth * np.sin(pitch) - y * (1 - np.cos(pitch))]
    ).astype(np.float32)


def spoil(
    picture: NDArray[Any], trouble: Trouble, t: float, face: tuple[float, float, float], skin: NDArray[Any]
) -> NDArray[Any]:
    """A picture with what stands before it, or the light, or the camera, does to it at that time.

    Args:
        picture: (H, W, 3) uint8, blue first. face: x and y of its middle and half its width, pixels.
        skin: (3,) the face's colour.
    """
    much = trouble.level(t)
    if much == 0 or trouble.kind in ("turn", "speech"):
        return picture
    if trouble.kind == "flicker":
        return cv2.convertScaleAbs(picture, alpha=1 + much * trouble.strength * trouble.swing(t))
    if trouble.kind == "compression":
        code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, round(trouble.strength)])[1]
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    x, y, half = face
    rubs = 0.12 * trouble.swing(2 * t)
    there = np.array([x + half * (trouble.place[0] + rubs), y + half * (trouble.place[1] + 0.5 * rubs)])
    way = np.array([np.cos(trouble.angle), np.sin(trouble.angle)])
    at = there + (1 - much) * 4 * half * way
    cover, shade = (_hand if trouble.kind == "hand" else _thing)(picture.shape[:2], at, way, 2 * half * trouble.size)
    colour = skin * np.array([0.92, 0.96, 1.02]) if trouble.kind == "hand" else np.array(trouble.colour, float)
    shown = picture * (1 - cover[..., None]) + cover[..., None] * shade[..., None] * colour
    return np.clip(shown, 0, 255).astype(np.uint8)


def _hand(shape: tuple[int, ...], at: NDArray[Any], way: NDArray[Any], size: float) -> tuple[Field, Field]:
    """(H, W) cover and shade of a hand whose fingertips reach `at`, coming from `way`."""
    cover, shade = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    side = np.array([-way[1], way[0]])
    for k in range(4):
        tip = at + side * size * 0.22 * (k - 1.5) + way * size * 0.12 * abs(k - 1.3)
        root = at + way * size * 0.9 + side * size * 0.17 * (k - 1.5)
        width = max(2, round(0.2 * size))
        cv2.line(cover, _pixel(tip), _pixel(root), 1.0, width, cv2.LINE_AA)
        edge = side * size * 0.1
        cv2.line(shade, _pixel(tip + edge), _pixel(root + edge), 0.62, max(1, round(0.05 * size)), cv2.LINE_AA)
        cv2.circle(shade, _pixel(tip + way * 0.05 * size), max(1, round(0.05 * size)), 1.12, -1, cv2.LINE_AA)
    palm = _pixel(at + way * size * 1.25)
    cv2.ellipse(cover, palm, _pixel((0.5 * size, 0.48 * size)), np.degrees(np.arctan2(way[1], way[0])), 0, 360, 1.0, -1)
    cv2.line(cover, palm, _pixel(at + way * size * 5), 1.0, max(2, round(0.55 * size)), cv2.LINE_AA)
    blur = (0, 0)
    return cv2.GaussianBlur(cover, blur, 1.0), cv2.GaussianBlur(shade, blur, 0.02 * size + 0.8)


def _thing(shape: tuple[int, ...], at: NDArray[Any], way: NDArray[Any], size: float) -> tuple[Field, Field]:
    """(H, W) cover and shade of a cup or a telephone."""
    cover, shade = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    box = cv2.boxPoints((_pixel(at), (1.1 * size, 0.75 * size), float(np.degrees(np.arctan2(way[1], way[0])))))
    cv2.fillPoly(cover, [box.astype(np.int32)], 1.0, cv2.LINE_AA)
    cv2.polylines(shade, [box.astype(np.int32)], True, 1.3, max(1, round(0.06 * size)), cv2.LINE_AA)
    return cv2.GaussianBlur(cover, (0, 0), 0.8), shade


def _pixel(point: Any) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
