"""Hair as strokes: brows, scalp, stubble."""

from __future__ import annotations

import numpy as np

from tsfmicro.data.synthetic.draw import Field, Grid, curve, smoothstep, strokes
from tsfmicro.data.synthetic.person import Person


def brow_points(p: Person, side: int) -> np.ndarray:
    """(N, 2) mm along the middle of a brow, from the nose outwards."""
    y, x = p.brow_y, p.eye_x
    half = p.brow_width / 2
    local = [
        (x - 20, 2.0 + half * 0.3),
        (x - 10, 0.2),
        (x + 3, -p.brow_arch * 0.8),
        (x + 13, -p.brow_arch),
        (x + 23, 2.6 - 0.2 * p.brow_arch),
    ]
    return curve([(side * u, y + v - p.brow_slope * (u - x)) for u, v in local])


def brow_hair(g: Grid, p: Person, rng: np.random.Generator) -> Field:
    """Coverage of the brows in 0–1: single hairs over a soft shade."""
    fine = np.zeros(g.shape, np.uint8)
    soft = np.zeros(g.shape, np.uint8)
    for side in (-1, 1):
        spine = brow_points(p, side)
        along = np.linspace(0, 1, len(spine))
        width = p.brow_width * np.interp(along, [0, 0.12, 0.5, 0.75, 1], [0.75, 1.0, 0.95, 0.7, 0.16])
        hairs, values = [], []
        for _ in range(int(150 + 25 * p.brow_width)):
            t = rng.uniform(0, 1)
            at = np.array([np.interp(t, along, spine[:, k]) for k in (0, 1)])
            at[1] += rng.uniform(-0.5, 0.5) * np.interp(t, along, width)
            lean = np.interp(t, [0, 0.2, 0.6, 1], [1.25, 0.7, 0.15, -0.35]) + rng.normal(0, 0.13)
            length = rng.uniform(4.0, 7.5) * (1 - 0.3 * t)
            step = np.array([side * np.cos(lean), -np.sin(lean)]) * length
            bend = np.array([side * 0.1, 0.12]) * length
            hairs.append(g.pixels(np.array([at, at + step * 0.5, at + step + bend])))
            values.append(rng.uniform(120, 235))
        strokes(fine, hairs, values, 1)
        strokes(soft, [g.pixels(spine)], [120], max(1, round(p.brow_width * 0.8 * g.density)))
    return np.clip(0.55 * g.blurred(soft, 1.1) / 255 + 0.9 * g.blurred(fine, 0.18) / 255, 0, 0.94)


def scalp_hair(g: Grid, p: Person, outline: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    """Coverage of the scalp by hair, and the strands' brightness, both (H, W) in 0–1."""
    x, y = g.x, g.y
    corner = {"short": 0.0, "parted": 5.0, "long": 8.0, "receding": -16.0, "cropped": -2.0}[p.hair_style]
    across = np.abs(x) / p.face_width
    # The hairline: across the forehead, back at the corners, down the temples to the ears.
    edge = p.hairline - corner * np.exp(-(((across - 0.55) / 0.22) ** 2)) * -1
    edge = edge + 90 * np.clip(across - 0.80, 0, 1) ** 1.15 + 1.2 * g.noise(5, rng)[:1] + 0.8 * g.noise(1.2, rng)[:1]
    if p.hair_style == "parted":
        edge = edge + 10 * np.exp(-(((x - 0.35 * p.face_width) / (0.5 * p.face_width)) ** 2))
    side = smoothstep(12, 2, y - 12 * (p.hair_style != "long"))
    front = smoothstep(2.5, -2.5, y - edge) * side
    thick = 0.82 if p.hair_style == "cropped" else 1.0
    return thick * front * smoothstep(1.03, 1.0, outline), _strands(g, p, rng)


def _strands(g: Grid, p: Person, rng: np.random.Generator) -> Field:
    image = np.full(g.shape, 90, np.uint8)
    origin = np.array([0.3 * p.face_width if p.hair_style == "parted" else 0.0, p.crown + 12])
    lines, values = [], []
    count = 3500
    for _ in range(count):
        start = np.array([rng.uniform(-1, 1) * p.face_width * 1.1, rng.uniform(p.crown - 8, p.hairline + 60)])
        away = start - origin
        away = away / (np.linalg.norm(away) + 1e-6)
        away = away + rng.normal(0, 0.13, 2)
        length = rng.uniform(6, 16) if p.hair_style != "cropped" else rng.uniform(2, 4)
        lines.append(g.pixels(np.array([start, start + away * length / 2, start + away * length + (0, 0.06 * length)])))
        values.append(np.clip(rng.normal(95, 45), 10, 230))
    strokes(image, lines, values, 1)
    return g.blurred(image, 0.15) / 255


def stubble(g: Grid, p: Person, rng: np.random.Generator) -> Field:
    """Coverage by beard and moustache in 0–1."""
    if p.stubble == 0 and p.moustache == 0:
        return g.zeros()
    x, y = np.abs(g.x), g.y
    cheek_line = p.nose_y + 2 + 0.020 * (x - 20) ** 2 * (x < 20) - 0.45 * np.clip(x - 30, 0, 60)
    beard = smoothstep(-5, 6, y - cheek_line - 7) * smoothstep(
        -4, 5, x - (p.mouth_width + 1) + 30 * (y > p.mouth_y + p.lip_low + 3)
    )
    beard = np.maximum(beard, smoothstep(2, 7, y - p.mouth_y - p.lip_low - 2))
    lip = smoothstep(2, 5, y - p.nose_y) * smoothstep(p.mouth_width + 4, p.mouth_width - 1, x)
    lip = lip * smoothstep(1, -2.5, y - (p.mouth_y - p.lip_up * (1.05 - 0.55 * (x / p.mouth_width))))
    lip = lip * (1 - 0.45 * np.exp(-((x / 2.2) ** 2)))
    dots = smoothstep(0.1, 1.5, g.noise(0.45, rng))
    cover = np.maximum(beard * p.stubble, lip * max(p.stubble, p.moustache))
    return np.clip(cover * (0.22 + (0.35 + 0.25 * p.stubble) * dots), 0, 0.85).astype(np.float32)
