"""Hair as strokes: brows, scalp, stubble."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tsfmicro.synthetic.draw import Field, Grid, curve, smoothstep, strokes
from tsfmicro.synthetic.person import Person

# Grid points per mm for which hairs are counted: on a coarser grid each is thicker, and there are fewer.
HAIRS_OF = 2.75


def brow_points(p: Person, side: int) -> np.ndarray:
    """(N, 2) mm along the middle of a brow, from the nose outwards."""
    y, x = p.brow_y, p.eye_x
    half = p.brow_width / 2
    local = [
        (x - 20, -0.2 + half * 0.3),
        (x - 10, -0.4),
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
        width = p.brow_width * np.interp(along, [0, 0.12, 0.5, 0.75, 1], [0.7, 1.0, 0.95, 0.68, 0.18])
        count = int((190 + 32 * p.brow_width) * min(1.0, g.density / HAIRS_OF))
        drawn = [
            (
                rng.uniform(0, 1),
                rng.uniform(-0.5, 0.5),
                rng.normal(0, 0.13),
                rng.uniform(4.5, 8.0),
                rng.uniform(120, 235),
            )
            for _ in range(count)
        ]
        t, off, ruffled, length, values = np.array(drawn).T
        at = np.stack([np.interp(t, along, spine[:, k]) for k in (0, 1)], axis=1)
        at[:, 1] += off * np.interp(t, along, width)
        lean = np.interp(t, [0, 0.2, 0.6, 1], [1.25, 0.7, 0.15, -0.35]) + ruffled
        length = (length * (1 - 0.3 * t))[:, None]
        step = np.stack([side * np.cos(lean), -np.sin(lean)], axis=1) * length
        bend = np.array([side * 0.1, 0.12]) * length
        strokes(fine, g.pixels(np.stack([at, at + step * 0.5, at + step + bend], axis=1)), values.tolist(), 1)
        strokes(soft, [g.pixels(spine)], [120], max(1, round(p.brow_width * 0.8 * g.density)))
    return np.clip(0.85 * g.blurred(soft, 1.3) / 255 + 0.9 * g.blurred(fine, 0.18) / 255, 0, 0.94)


@dataclass(frozen=True)
class Hair:
    """Hair on the head: how much of what lies below it covers, and how bright its strands are; both (H, W) in 0–1."""

    cover: Field
    strands: Field


def scalp_hair(g: Grid, p: Person, outline: Field, rng: np.random.Generator) -> Hair:
    """Hair inside this outline (1 at its edge), down to the hairline, the ears or the shoulders."""
    strands = _strands(g, p, rng)
    x, y = np.abs(g.x), g.y
    ragged = 9 * (strands - 0.38)  # strands reach over the hairline
    edge = _hairline(p, g.x)
    front = smoothstep(3.0, -3.0, y - edge + ragged)
    # Beside the face hair comes down to the ear, or past it.
    temple = p.face_width * 0.955 - 0.0035 * np.clip(y + 10, -60, 0) ** 2
    beside = smoothstep(-2.5, 2.5, x - temple + 0.4 * ragged) * smoothstep(6, -6, y - 6 + ragged)
    inside = smoothstep(1.02, 0.985, outline + 0.03 * (strands - 0.4))
    cover = np.maximum(front, beside) * inside * smoothstep(12, 0, y)
    if p.hair_style == "long":
        cover = np.maximum(cover, _curtain(p, x, y, ragged))
    if p.hair_style == "cropped":
        cover = 0.8 * cover
    return Hair(cover.astype(np.float32), strands)


def _hairline(p: Person, x: Field) -> Field:
    """(1, W) y of the hairline, mm."""
    across = np.abs(x) / p.face_width
    corner = np.exp(-(((across - 0.6) / 0.2) ** 2))
    line = p.hairline + 42 * np.clip(across - 0.62, 0, 1) ** 1.5
    if p.hair_style == "fringe":
        return 0.25 * line + 0.75 * (p.brow_y - 9 + 4 * across**2)
    if p.hair_style == "receding":
        return line - 24 * corner
    if p.hair_style == "parted":
        return line + 9 * np.exp(-(((x - 0.30 * p.face_width) / (0.35 * p.face_width)) ** 2))
    return line - 4 * corner


def _curtain(p: Person, x: Field, y: Field, ragged: Field) -> Field:
    """Long hair: from the temples over the ears to the shoulders, and behind the neck."""
    inner = p.face_width * (0.90 + 0.07 * np.clip((y + 40) / 60, 0, 1)) - 0.12 * np.clip(y - 55, 0, 70)
    outer = p.face_width + 6 + 15 * smoothstep(-60, 70, y)
    within = smoothstep(-3, 3, x - inner + 0.6 * ragged) * smoothstep(2.5, -2.5, x - outer + 0.8 * ragged)
    return within * smoothstep(p.hairline - 8, p.hairline + 6, y)


def hair_behind(p: Person, g: Grid) -> Field:
    """The part of long hair that hangs behind the neck, (H, W) 0–1."""
    if p.hair_style != "long":
        return g.zeros()
    width = p.face_width + 4
    return smoothstep(1, -1, np.abs(g.x) - width) * smoothstep(-30, 0, g.y)


def _strands(g: Grid, p: Person, rng: np.random.Generator) -> Field:
    """Strokes that follow the hair: away from the crown or the parting, and down where it hangs."""
    image = np.full(g.shape, 80, np.uint8)
    parting = {"parted": -0.45, "long": 0.05, "fringe": 0.0}.get(p.hair_style, 0.0) * p.face_width
    hanging = p.hair_style in ("long", "fringe", "parted")
    count = round(5200 * min(1.0, g.density / HAIRS_OF))
    bottom = g.bottom if p.hair_style == "long" else 14
    x = rng.uniform(-1.25, 1.25, count) * p.face_width
    y = rng.uniform(p.crown - 14, bottom, count)
    away_x, away_y = x - parting, y - (p.crown + (2 if hanging else 14))
    if hanging:
        away_y = np.maximum(away_y, 8) * 1.4
        fall = np.clip((y + 45) / 45, 0, 1)
        away_x = away_x * (1 - 0.97 * fall)
        away_y = away_y + 60 * fall
    angle = np.arctan2(away_y, away_x) + rng.normal(0, 0.10, count)
    length = rng.uniform(2, 5, count) if p.hair_style == "cropped" else rng.uniform(8, 24, count)
    bend = rng.normal(0, 0.12, count)
    steps = np.array([0.0, 0.5, 1.0])[None, :]
    turn = angle[:, None] + bend[:, None] * steps
    line = np.stack(
        [x[:, None] + steps * length[:, None] * np.cos(turn), y[:, None] + steps * length[:, None] * np.sin(turn)], -1
    )
    # Locks share their brightness, single hairs vary a little.
    lock = 38 * np.sin(0.55 * x + 3 * rng.standard_normal()) * np.sin(0.23 * x + 0.11 * y)
    values = np.clip(95 + lock + rng.normal(0, 34, count), 12, 240)
    near = y > g.top - 24  # no strand is longer
    strokes(image, g.pixels(line[near]), values[near].tolist(), 1)
    return g.blurred(image, 0.16) / 255


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
    lip = smoothstep(2, 5, y - p.nose_y) * smoothstep(p.mouth_width + 4, p.mouth_width - 9, x)
    lip = lip * smoothstep(1, -2.5, y - (p.mouth_y - p.lip_up * (1.05 - 0.55 * (x / p.mouth_width))))
    lip = lip * (1 - 0.45 * np.exp(-((x / 2.2) ** 2)))
    dots = smoothstep(0.1, 1.5, g.noise(0.45, rng))
    cover = np.maximum(beard * p.stubble, lip * max(p.stubble, p.moustache))
    return np.clip(cover * (0.35 + 0.25 * p.stubble * cover + 0.40 * dots), 0, 0.9).astype(np.float32)
