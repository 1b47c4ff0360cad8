"""Eyes, drawn anew in every frame: the lids slide over an eyeball that stays where it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import lru_cache

import cv2
import numpy as np

from tsfmicro.synthetic.draw import Field, band, mix, scaled, smoothstep
from tsfmicro.synthetic.person import Colour, Person

_IRIS_RADIUS = 5.9  # mm
_PATCH, _DENSITY = 14.0, 8.0  # edge of the iris' picture in mm, points per mm
_LASH = 7.0  # mm from a lid's edge, beyond which its lashes and its rim are nothing
_LID_REACH = 15.0  # mm of skin above the upper lid that unfold in a blink


@dataclass(frozen=True)
class EyeState:
    """Where lids and gaze are: lids' rise in mm, closure 0–1, gaze and the head's shift (right, down) in mm.

    Each may be a row of numbers, one for each column of the pixels: so one eye is painted in several frames side by side.
    """

    upper: float | Field = 0.0
    lower: float | Field = 0.0
    closure: float | Field = 0.0
    gaze: tuple[float | Field, float | Field] = (0.0, 0.0)
    shift: tuple[float | Field, float | Field] = (0.0, 0.0)


@dataclass(frozen=True)
class _View:
    """The eye's own coordinates at each pixel: mm from its centre, u from −1 inner to 1 outer corner, lids' heights."""

    x: Field
    y: Field
    u: Field
    upper: Field
    lower: Field
    open_upper: Field
    bowl: Field

    def of(self, rows: slice) -> _View:
        return _View(*(getattr(self, one.name)[rows] for one in fields(self)))


class Eye:
    """One eye of a person seen in one take.

    Args:
        side: −1 left in the picture, +1 right; a row with one for each column where two eyes lie side by side.
        x, y: (h, w) face coordinates of the frame's pixels around the eye, mm.
        scale: pixels per mm.
        brightness: light at the eye, about 1.
        lamp: direction of the lamp, right and up.
        kind: of its numbers; generated clips are what they are to the last bit, so it stays what it was for them.
    """

    def __init__(
        self,
        person: Person,
        side: int | Field,
        x: Field,
        y: Field,
        scale: float,
        brightness: float,
        lamp: tuple[float, float],
        kind: type[np.floating] = np.float64,
    ) -> None:
        self.person, self.side, self.scale, self.brightness = person, side, scale, brightness
        self.x, self.y = x - side * person.eye_x, y
        tilt = -side * person.eye_tilt
        self._turn = np.asarray(np.cos(tilt), kind)[()], np.asarray(np.sin(tilt), kind)[()]
        self.iris, self.glint = _iris(person.iris), _glint(lamp)

    def _view(self, state: EyeState) -> _View:
        p, (cos, sin) = self.person, self._turn
        dx, dy = self.x - state.shift[0], self.y - state.shift[1]
        x, y = dx * cos + dy * sin, dy * cos - dx * sin
        u = self.side * x / p.eye_width
        skew = 0.10 * (1 - u**2)
        arc = np.clip(1 - np.abs(u + skew) ** 2.3, 0, 1) ** 0.8
        bowl = np.clip(1 - np.abs(u - skew) ** 2.2, 0, 1) ** 0.9
        open_upper, lower = -(p.lid_up + state.upper) * arc, (p.lid_low - state.lower) * bowl
        upper = open_upper + state.closure * (lower * 0.75 + 0.5 - open_upper)
        lower = lower + 0.25 * state.closure * (lower * -0.25 + 0.5)
        return _View(x, y, u, upper, lower, open_upper, bowl)

    def stretch(self, state: EyeState) -> Field:
        """(h, w) mm: how far below its resting place a blink has brought the skin of the upper lid."""
        v = self._view(state)
        fade = np.clip(1 - (v.upper - v.y) / _LID_REACH, 0, 1) * (v.y < v.upper + 0.5)
        return (v.upper - v.open_upper) * fade * smoothstep(1.25, 0.95, np.abs(v.u))

    def paint(self, skin: np.ndarray, state: EyeState) -> np.ndarray:
        """The eye laid over a picture of closed skin.

        Args: skin: (h, w, 3) uint8, blue first.
        Returns: (h, w, 3) uint8.
        """
        v = self._view(state)
        near = band((v.y > v.upper - _LASH) & (v.y < np.maximum(v.upper, v.lower) + _LASH))
        painted = skin.copy()
        if near is not None:
            painted[near] = self._painted(skin[near], state, v.of(near))
        return painted

    def _painted(self, skin: np.ndarray, state: EyeState, v: _View) -> np.ndarray:
        edge = 0.55 / self.scale
        hole = smoothstep(-edge, edge, np.minimum(v.y - v.upper, v.lower - v.y)) * smoothstep(1.02, 0.97, np.abs(v.u))
        # The lower lid's wet rim, then the ball, then the lashes on top.
        rim = 0.35 * np.exp(-(((v.y - v.lower - 0.5) / 0.7) ** 2)) * v.bowl
        image = mix(skin.astype(np.float32), np.array([168, 172, 214], np.float32) * self.brightness, rim)
        rows = band(hole)
        if rows is not None:
            image[rows] = mix(image[rows], self._ball(state, v.of(rows)), hole[rows])
        image = mix(image, np.array([16, 18, 24], np.float32), self._lashes(v))
        return np.clip(image, 0, 255).astype(np.uint8)

    def _lashes(self, v: _View) -> Field:
        heavy = np.clip(0.55 + 0.35 * v.u, 0.2, 1.0) * smoothstep(1.22, 0.9, np.abs(v.u))
        over = v.y - v.upper
        upper = heavy * np.exp(-((over / np.where(over < 0, 1.15, 0.55)) ** 2))
        lower = 0.30 * heavy * np.exp(-(((v.y - v.lower - 0.9) / 0.5) ** 2)) * v.bowl
        return np.clip(0.92 * upper + lower, 0, 0.92)

    def _ball(self, state: EyeState, v: _View) -> Field:
        shade = 1 - 0.30 * np.clip(np.abs(v.u), 0, 1) ** 3
        shade = shade * (1 - 0.50 * np.exp(-(((v.y - v.upper) / 1.9) ** 2)))
        shade = shade * (1 - 0.15 * np.exp(-(((v.lower - v.y) / 1.2) ** 2)))
        pink = np.clip(-v.u - 0.62, 0, 0.4) / 0.4
        white, rosy = np.array([[205, 208, 216], [128, 124, 190]], np.float32)
        colour = white + scaled(rosy - white, pink.astype(np.float32))
        column = (v.x - state.gaze[0] + _PATCH / 2) * _DENSITY
        row = (v.y - state.gaze[1] + 0.35 + _PATCH / 2) * _DENSITY
        iris = cv2.remap(self.iris, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR)
        glint = cv2.remap(self.glint, column.astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR)
        colour = scaled(mix(colour, iris[..., :3], iris[..., 3]), shade * self.brightness)
        return mix(colour, 250.0, glint).astype(np.float32)


@lru_cache(maxsize=8)
def _iris(colour: Colour) -> Field:
    """(n, n, 4): blue, green, red 0–255 and coverage 0–1. Fibres, limbal ring, pupil."""
    x, y = _patch_axes()
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    fibres = 1 + 0.16 * np.sin(23 * angle + 3 * np.sin(3 * angle)) * np.sin(41 * angle + 1) + 0.05 * np.sin(60 * angle)
    glow = 0.95 + 0.5 * smoothstep(3.2, 2.4, radius) + 0.3 * np.clip(y / _IRIS_RADIUS, -1, 1)
    ring = 1 - 0.65 * smoothstep(_IRIS_RADIUS - 1.3, _IRIS_RADIUS, radius)
    pupil = 1 - 0.94 * smoothstep(2.35, 1.95, radius)
    base = np.array(colour[::-1], np.float32) * (fibres * glow * ring * pupil)[..., None]
    return np.dstack([base, smoothstep(_IRIS_RADIUS + 0.25, _IRIS_RADIUS - 0.25, radius)]).astype(np.float32)


@lru_cache(maxsize=8)
def _glint(lamp: tuple[float, float]) -> Field:
    """(n, n) 0–1: the lamp mirrored in the cornea, and faintly the room below."""
    x, y = _patch_axes()
    right, down = 2.0 * np.clip(lamp[0], -0.9, 0.9), -1.0 - 1.2 * np.clip(lamp[1], 0, 1)
    lamp_spot = smoothstep(1.25, 0.7, np.hypot(x - right, y - down))
    return np.clip(lamp_spot + 0.25 * smoothstep(0.9, 0.4, np.hypot(x + 2.2, y - 2.2)), 0, 1).astype(np.float32)


def _patch_axes() -> tuple[Field, Field]:
    axis = np.arange(int(_PATCH * _DENSITY), dtype=np.float32) / _DENSITY - _PATCH / 2
    return axis[None, :], axis[:, None]
