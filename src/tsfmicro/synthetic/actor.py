"""A person in front of the camera: frames at any time of a take, and their true motion."""

from __future__ import annotations

from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.synthetic.draw import Field, Grid, mix, smoothstep
from tsfmicro.synthetic.eyes import Eye, EyeState
from tsfmicro.synthetic.head import GRID, portrait
from tsfmicro.synthetic.light import develop, lit
from tsfmicro.synthetic.muscles import COARSE, FOLDS, Motion, motion
from tsfmicro.synthetic.person import Person
from tsfmicro.synthetic.script import Movement, Part, Staging

WIDTH, HEIGHT = 640, 480
_FINE = 1.5  # the take is lit on a picture this much larger, so that warping it costs no sharpness

_SPARE = 160  # px by which the noise is larger than a frame

Image = NDArray[Any]  # uint8


class Actor:
    """A person whose portrait is drawn once and filmed in many takes."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.portrait = portrait(person)

    def take(self, staging: Staging, movement: Movement | None = None) -> Take:
        """Stage a clip; without a movement the face only sways and blinks."""
        return Take(self, staging, movement)


class Take:
    """One clip of one person; time 0 is the onset, seconds.

    Everything random was drawn into `staging` and `movement`, but for the sensor's noise.
    """

    def __init__(self, actor: Actor, staging: Staging, movement: Movement | None) -> None:
        self.person, self.staging, self.movement = actor.person, staging, movement
        self._portrait = actor.portrait
        self._light()
        parts = movement.parts if movement else ()
        resting = [_motion(part, self.person) for part in staging.rest]
        self._rest_shift, self._rest_gain, self._rest_lids = self._basis(resting)
        bases = [self._basis([_motion(part, self.person)]) for part in parts]
        self._shifts, self._gains = [b[0] for b in bases], [b[1] for b in bases]
        self._lids = [b[2] for b in bases]
        self._stage_eyes()

    def _light(self) -> None:
        s, p = self.staging, self._portrait
        picture, shade = lit(p, s.light)
        columns, rows = np.meshgrid(np.arange(WIDTH, dtype=np.float32), np.arange(HEIGHT, dtype=np.float32))
        self._columns, self._rows = columns, rows
        # Every other pixel is looked up, the rest lie between.
        x, y = s.pose.look_up(columns[::2, ::2] + 0.5, rows[::2, ::2] + 0.5, p)
        fx, fy = (cv2.resize(a, None, fx=_FINE * 2, fy=_FINE * 2, interpolation=cv2.INTER_LINEAR) for a in (x, y))
        column, row = (fx - GRID.left) * GRID.density, (fy - GRID.top) * GRID.density
        layers = np.dstack([picture, np.clip(255 * p.figure, 0, 255).astype(np.uint8)])
        seen = cv2.remap(layers, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        self._posed = (
            mix(_backdrop(s, fx.shape), seen[..., :3], seen[..., 3] / np.float32(255)).round().astype(np.uint8)
        )
        size = (WIDTH, HEIGHT)
        self._x, self._y = (cv2.resize(a, size, interpolation=cv2.INTER_LINEAR) for a in (x, y))
        self._shade = self._sample(shade, GRID)
        follow = smoothstep(self.person.chin_y + 75, self.person.chin_y + 5, GRID.y) * smoothstep(0.02, 0.6, p.figure)
        self._follow = self._sample(GRID.blurred(np.maximum(follow, 0).astype(np.float32), 7.0), GRID)
        self._face = self._sample(p.face, GRID)

    def _sample(self, field: Field, grid: Grid) -> Field:
        """(HEIGHT, WIDTH) values of a field at the frame's pixels."""
        column, row = (self._x - grid.left) * grid.density, (self._y - grid.top) * grid.density
        return cv2.remap(field, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)

    def _basis(self, motions: list[Motion]) -> tuple[Field, Field, tuple[np.ndarray, np.ndarray]]:
        """Backward shift (2, H, W) px, change of brightness (H, W), and lids (upper, lower) mm of left and right."""
        lids = np.zeros((2, 2))
        if not motions:
            return np.zeros((2, HEIGHT, WIDTH), np.float32), np.zeros((HEIGHT, WIDTH), np.float32), (lids[0], lids[1])
        scale = self.staging.pose.scale
        shift = np.sum([m.shift for m in motions], axis=0)
        for m in motions:
            lids += [[lid.upper / scale, lid.lower / scale] for lid in m.lids]
        turned = self.staging.pose.rolled(np.moveaxis(shift, 0, -1)).astype(np.float32)
        forward = np.stack([self._sample(one, COARSE) * self._face for one in cv2.split(turned)])
        backward = forward
        for _ in range(3):  # what arrives at a pixel left from a pixel that moved differently
            column, row = self._columns - backward[0], self._rows - backward[1]
            backward = np.stack([cv2.remap(f, column, row, cv2.INTER_LINEAR) for f in forward])
        relief = np.sum([m.relief for m in motions], axis=0) / scale
        return backward, self._shading(relief), (lids[0], lids[1])

    def _shading(self, relief: Field) -> Field:
        """Relative change of brightness when the skin's height changes: slopes towards the lamp, and hollows."""
        towards, step = self.staging.light.towards, 8 / FOLDS.density
        slope_x, slope_y = (cv2.Sobel(relief, cv2.CV_32F, *d, ksize=3) / step for d in ((1, 0), (0, 1)))
        change = self.staging.light.key * -(slope_x * towards[0] + slope_y * towards[1])
        change = change - 0.22 * (FOLDS.blurred(relief, 2.5) - relief)
        seen = self._sample(change.astype(np.float32), FOLDS) * self._face
        return np.clip(seen / np.maximum(self._shade, 0.3), -0.8, 0.8) / 2.2  # the picture is in display values

    def _stage_eyes(self) -> None:
        s, p = self.staging, self.person
        self._eyes = []
        for side in (-1, 1):
            near = (np.abs(self._x - side * p.eye_x) < p.eye_width * 1.35) & (np.abs(self._y) < 18)
            rows, columns = np.where(near.any(axis=1))[0], np.where(near.any(axis=0))[0]
            window = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            light = float(np.clip(np.median(self._shade[window]), 0.35, 1.3) ** (1 / 2.2))
            lamp = (s.light.right, s.light.up)
            self._eyes.append((window, Eye(p, side, self._x[window], self._y[window], s.pose.scale, light, lamp)))

    def frame(self, t: float, noise: np.random.Generator | None = None) -> Image:
        """The picture at t seconds after the onset.

        Args: noise: draws the sensor's noise; None gives a clean picture.
        Returns: (480, 640, 3) uint8, blue first as OpenCV orders colours.
        """
        shift = self.backward(t)
        states = self._eye_states(t)
        for (window, eye), state in zip(self._eyes, states, strict=True):
            if state.closure:
                shift[1][window] += self.staging.pose.scale * eye.stretch(state)
        column, row = ((c - s + 0.5) * _FINE - 0.5 for c, s in zip((self._columns, self._rows), shift, strict=True))
        picture = cv2.remap(self._posed, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for (window, eye), state in zip(self._eyes, states, strict=True):
            picture[window] = eye.paint(picture[window], state)
        return self._expose(picture, t, noise)

    def landmarks(self) -> NDArray[np.float64]:
        """(5, 2) px in the frame before any movement: eyes, nose tip, mouth corners."""
        return self.staging.pose.project(self.person.landmarks, self._portrait)

    def backward(self, t: float, head: float | None = None) -> Field:
        """(2, H, W) px: at time t the pixel p shows what the unmoved frame shows at p − shift; blinks left out.

        Args: head: time of the head's sway where it is not t.
        """
        return self._expression(t) + self._sway(t if head is None else head)

    def _expose(self, picture: Image, t: float, noise: np.random.Generator | None) -> Image:
        gain = self._rest_gain + np.float32(1 + self.staging.flicker(t))
        for level, change in zip(self._levels(t), self._gains, strict=True):
            if level:
                gain += level * change
        value = cv2.multiply(picture, cv2.merge((gain, gain, gain)), dtype=cv2.CV_32F)
        return self._grained(value, noise)

    def _grained(self, value: NDArray[Any], noise: np.random.Generator | None) -> Image:
        """With the sensor's noise, as bytes."""
        if noise is None:
            return cv2.convertScaleAbs(value)
        # Drawing a million numbers takes as long as all the rest of a frame: take a random piece of one large grain.
        down, right, up, left = (int(n) for n in noise.integers(0, (_SPARE, _SPARE, 2, 2)))
        grain = _grain()[down : down + HEIGHT, right : right + WIDTH][:: 1 - 2 * up, :: 1 - 2 * left]
        return (
            cv2.scaleAdd(np.ascontiguousarray(grain), self.staging.noise, value).clip(0, 255).round().astype(np.uint8)
        )

    def _levels(self, t: float) -> list[np.float32]:
        """How far each action unit of the movement has risen, 0–1."""
        if self.movement is None:
            return []
        return [np.float32(self.movement.activation(t, part.delay)) for part in self.movement.parts]

    def _expression(self, t: float) -> Field:
        shift = self._rest_shift.copy()
        for level, way in zip(self._levels(t), self._shifts, strict=True):
            if level:
                shift += level * way
        return shift

    def _sway(self, t: float) -> Field:
        """(2, H, W) px: the head against the camera; the shoulders follow less, the backdrop not at all."""
        return np.stack([self._follow * s for s in self._sway_at(t, self._columns, self._rows)])

    def _sway_at(self, t: float, column: Any, row: Any) -> tuple[Any, Any]:
        right, down, roll, growth = (wave(t) for wave in self.staging.sway)
        x, y = column - self.staging.pose.centre[0], row - self.staging.pose.centre[1]
        return right + growth * x - roll * y, down + growth * y + roll * x

    def _eye_states(self, t: float) -> tuple[EyeState, EyeState]:
        s = self.staging
        gaze = (s.gaze[0] + s.look[0](t), s.gaze[1] + s.look[1](t))
        levels = self._levels(t)
        states = []
        for side in (0, 1):
            lids = (
                np.array(s.lids)
                + self._rest_lids[side]
                + sum(a * lid[side] for a, lid in zip(levels, self._lids, strict=True))
            )
            states.append(EyeState(float(lids[0]), float(lids[1]), s.closure(t), gaze, self._eye_shift(side, t)))
        return states[0], states[1]

    def _eye_shift(self, side: int, t: float) -> tuple[float, float]:
        """The sway at an eye's middle, in mm of the face."""
        rows, columns = self._eyes[side][0]
        right, down = self._sway_at(t, (columns.start + columns.stop) / 2, (rows.start + rows.stop) / 2)
        across, below = self.staging.pose.unrolled(np.array([right, down])) / self.staging.pose.scale
        return float(across), float(below)


@cache
def _grain() -> Field:
    """Sensor noise of deviation 1, larger than a frame."""
    noise = np.random.default_rng(0).standard_normal((HEIGHT + _SPARE, WIDTH + _SPARE, 3), np.float32)
    noise.flags.writeable = False
    return noise


def _motion(part: Part, person: Person) -> Motion:
    return motion(part.unit, person, part.left, part.right, part.turn, part.spread)


def _backdrop(staging: Staging, shape: tuple[int, int]) -> Image:
    """Studio paper with a soft spot of light, 0–255."""
    rows, columns = np.linspace(-1, 1, 60, dtype=np.float32)[:, None], np.linspace(-1, 1, 80, dtype=np.float32)[None, :]
    spot = 0.72 + 0.4 * np.exp(-(((columns - 0.5 * staging.light.right) / 0.9) ** 2 + ((rows + 0.1) / 0.9) ** 2))
    paper = develop(0.75 * spot[..., None] * np.array(staging.light.tint, np.float32) ** 2.2)
    return cv2.resize(paper, shape[::-1], interpolation=cv2.INTER_CUBIC)
