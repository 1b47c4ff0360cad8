"""Glasses: rims, lenses with a tint and a mirrored window, in face coordinates."""

from __future__ import annotations

import cv2
import numpy as np

from tsfmicro.synthetic.draw import Field, Grid, mix
from tsfmicro.synthetic.person import Person


def draw_glasses(person: Person, g: Grid, rng: np.random.Generator) -> Field:
    """(H, W, 4) uint8: blue, green, red and how much they cover. They go with the head and not with the skin."""
    half_width = person.eye_x * float(rng.uniform(0.68, 0.89))
    half_height, power = float(rng.uniform(13, 22)), float(rng.uniform(2.0, 5.0))
    thick, low = float(rng.choice([0.7, rng.uniform(1.0, 3.2)])), float(rng.uniform(0, 5))
    rim = rng.uniform(8, 70) * np.ones(3) if rng.random() < 0.7 else rng.uniform(20, 190, 3)
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    # A superellipse between a circle and a rectangle.
    across, down = (np.sign(w) * np.abs(w) ** (2 / power) for w in (np.cos(angles), np.sin(angles)))
    rims, lenses = g.zeros(), g.zeros()
    for side in (-1, 1):
        outline = [
            (side * (person.eye_x + half_width * u), low + half_height * v) for u, v in zip(across, down, strict=True)
        ]
        rims = np.maximum(rims, g.line([*outline, outline[0]], thick, 0.25))
        lenses = np.maximum(lenses, g.region(outline, 0.3))
        outer = person.eye_x + half_width
        rims = np.maximum(rims, g.line([(side * outer, low - 5), (side * (person.face_width + 4), -7)], thick, 0.25))
    inner = person.eye_x - half_width
    rims = np.maximum(rims, g.line([(-inner, low - 4), (0, low - 6.5), (inner, low - 4)], thick, 0.25))
    tint, mirrored = float(rng.uniform(0, 0.12)), float(rng.choice([0.0, rng.uniform(0.1, 0.55)]))
    slope, place, width = rng.uniform(-0.8, 0.8), rng.uniform(-14, 14), rng.uniform(3, 9)
    beside = np.minimum(
        np.abs(g.x - person.eye_x - place + slope * g.y), np.abs(g.x + person.eye_x - place + slope * g.y)
    )
    streak = (mirrored * np.exp(-0.5 * (beside / width) ** 4)).astype(np.float32) * lenses
    glass = np.maximum(tint * lenses, streak)
    bright = np.where(streak > tint * lenses, np.float32(235), np.float32(60))
    colour = mix(np.repeat(bright[..., None], 3, axis=2), rim.astype(np.float32), rims)
    return cv2.merge([*cv2.split(colour), 255 * np.maximum(glass, 0.97 * rims)]).clip(0, 255).astype(np.uint8)
