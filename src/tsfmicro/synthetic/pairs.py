"""Pairs to learn from: onset and apex of people who never lived, drawn without a film, aligned, with their true motion.

A clip is 640×480 and a hundred frames; learning wants two faces of 224 pixels. So a person's portrait is drawn on a grid no
finer than the crop and no larger, lit under a few lamps, and each pair is two looks through one warp. The alignment is that of
preparation with landmarks that are known, and off by what a detector would be off. What spreads, and how far, is `breadth`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.errors import ConfigError
from tsfmicro.synthetic import muscles
from tsfmicro.synthetic.breadth import Breadth, made_up, own_ways, wide_light, wide_person
from tsfmicro.synthetic.camera import Shot, draw_camera
from tsfmicro.synthetic.cast import random_stream
from tsfmicro.synthetic.draw import Field, Grid, Point, band, mix, scaled, smoothstep
from tsfmicro.synthetic.eyes import Eye, EyeState
from tsfmicro.synthetic.glasses import draw_glasses
from tsfmicro.synthetic.head import portrait
from tsfmicro.synthetic.light import Light, develop, lit
from tsfmicro.synthetic.muscles import Motion, motion
from tsfmicro.synthetic.person import draw_person
from tsfmicro.synthetic.pose import Pose
from tsfmicro.synthetic.script import COMBINATIONS, EMOTIONS, RARER, Part, draw_part, draw_studio
from tsfmicro.synthetic.trouble import turn_shift
from tsfmicro.template import to_template

UNITS: tuple[str, ...] = tuple(f"{side}{unit}" for unit in muscles.UNITS for side in "LR")
"""Columns of `Pairs.units`: each action unit on the person's left and right."""

VERSION = 5  # of the drawing: raise it where the same arguments give other pairs
STRONGEST = 4.0  # px of 224 that the furthest point of the skin moves at intensity 1
SMALLEST, LARGEST = 32, 512  # edges that can be drawn, px

_PAIRS = 200  # streams of their own: clips and films use the numbers below
_LOOKS, _LIGHT, _PAIR, _NOISE, _WAYS = range(5)
_LIGHTS = 2  # a person is lit under so many lamps: lighting anew takes as long as drawing three pairs
_RESTING = 4  # action units in which a person's resting faces differ
_MARGIN = 0.08  # of the crop's edge, drawn around it for what alignment and movement bring in
_TRUTH = 4  # px from one true motion to the next
_OF_640 = 1.53  # px of a picture of 640 × 480 for one of a crop of 224
_RARELY = 0.5  # of wide scripts, those with a rarer combination
_PIVOT = 25.0  # mm of height about which a head turns, as in `pose`

Image = NDArray[Any]


@dataclass(frozen=True)
class Pairs:
    """Drawn pairs.

    Attributes:
        onset, apex: (n, taken, taken, 3) uint8 RGB, aligned as preparation aligns.
        flow: (n, 2, size // 4, size // 4) float32, right and down: how far the skin at a place of the onset travels to the apex,
            px of `size`, what is left of the head's movement included. Each is of the middle of 4 × 4 pixels.
        still: the same, without the head's movement.
        units: (n, len(UNITS)) float32, how much each action unit rises from the one frame to the other, 1 for 4 px of 224.
        emotion: (n,) int64, place in EMOTIONS.
        people: (n,) who is seen; the seed is part of the name.
    """

    onset: NDArray[np.uint8] = field(repr=False)
    apex: NDArray[np.uint8] = field(repr=False)
    flow: NDArray[np.float32] = field(repr=False)
    still: NDArray[np.float32] = field(repr=False)
    units: NDArray[np.float32] = field(repr=False)
    emotion: NDArray[np.int64] = field(repr=False)
    people: tuple[str, ...]


def draw_pairs(
    seed: int,
    block: int,
    size: int = 224,
    people: int = 4,
    each: int = 8,
    breadth: Breadth = Breadth(),
    taken: int | None = None,
) -> Pairs:
    """The pairs of one block, each person's one after another; the same arguments give the same bits in any process.

    Args:
        seed, block: decide everything that is random. Blocks share no person, so processes may share out the blocks.
        size: edge of a face as it is drawn, px.
        people, each: how many people, and pairs of each. A portrait takes as long as several pairs.
        breadth: how far people, pictures and movements spread.
        taken: edge of the pictures that the camera takes, px, by default `size`.
    Raises: ConfigError: numbers that cannot work.
    """
    least = {"seed": 0, "block": 0, "people": 1, "each": 1}
    given = {"seed": seed, "block": block, "people": people, "each": each}
    wrong = [f"{name}={given[name]} (at least {low})" for name, low in least.items() if given[name] < low]
    if not SMALLEST <= size <= LARGEST or size % _TRUTH:
        wrong.append(f"size={size} (a multiple of {_TRUTH} from {SMALLEST} to {LARGEST})")
    if taken is not None and not SMALLEST <= taken <= LARGEST:
        wrong.append(f"taken={taken} (from {SMALLEST} to {LARGEST})")
    if wrong:
        raise ConfigError(f"drawn pairs: cannot draw {', '.join(wrong)}.")
    drawn, names = [], []
    for person in range(people):
        key = (seed, _PAIRS, block, person)
        sitter = Sitter(key, size, breadth)
        for pair in range(each):
            drawn.append(_Pair(sitter, key, pair, breadth).drawn(taken))
            names.append(f"drawn-{seed}-{block}-{person}")
    columns = [np.stack(column) for column in zip(*drawn, strict=True)]
    onset, apex, flow, still, units, emotion = columns
    return Pairs(onset, apex, flow, still, units, emotion, tuple(names))


def sheet(pairs: Pairs, across: int = 2) -> Image:
    """Onset, apex, four times their difference, and the true motion (hue its way, brightness its length to 3 px) of each pair.

    Returns: (rows · size, across · 4 · size, 3) uint8 RGB.
    """
    size = pairs.onset.shape[1]
    shown = []
    for onset, apex, flow in zip(pairs.onset, pairs.apex, pairs.flow, strict=True):
        change = np.clip(128 + 4 * (apex.astype(np.float32) - onset), 0, 255).astype(np.uint8)
        right, down = cv2.resize(np.moveaxis(flow, 0, -1), (size, size), interpolation=cv2.INTER_LINEAR).transpose(
            2, 0, 1
        )
        hue = (np.degrees(np.arctan2(down, right)) % 360) / 2
        value = np.clip(85 * np.hypot(right, down), 0, 255)
        colour = cv2.cvtColor(np.dstack([hue, np.full_like(hue, 255), value]).astype(np.uint8), cv2.COLOR_HSV2RGB)
        shown.append(np.hstack([onset, apex, change, colour]))
    rows = [shown[k : k + across] for k in range(0, len(shown) - across + 1, across)]
    return np.vstack([np.hstack(row) for row in rows])


class _Sketch(Grid):
    """A grid on which curves are drawn where they are and nowhere else, and a bell is two lines multiplied, in float32."""

    kind = np.float32

    def bell(self, at: Point, size: Point, angle: float = 0.0) -> tuple[tuple[slice, slice], Field]:
        if angle:
            return super().bell(at, size, angle)
        reach = 3.8 * max(size)
        rows, columns = self.window(at, (reach, reach))
        across, down = (
            (self.x[:, columns] - float(at[0])) / float(size[0]),
            (self.y[rows] - float(at[1])) / float(size[1]),
        )
        return (rows, columns), np.exp(-0.5 * across**2) * np.exp(-0.5 * down**2)

    def line(self, points: Sequence[Point], width: float, soft: float) -> Field:
        return self._drawn(points, width / 2 + 4 * soft, lambda part: part.line(points, width, soft))

    def region(self, points: Sequence[Point], soft: float) -> Field:
        return self._drawn(points, 4 * soft, lambda part: part.region(points, soft))

    def _drawn(self, points: Sequence[Point], around: float, draw: Callable[[Grid], Field]) -> Field:
        """What is drawn on the part of the grid that lies around the points, mm; nothing beside it."""
        low, high = np.min(points, axis=0), np.max(points, axis=0)
        # A curve may swing out of its points, and is at least a point of the grid wide.
        reach = 0.7 * (high - low) + around + 1 + 2 / self.density
        rows, columns = self.window(((low + high) / 2).tolist(), reach.tolist())
        field, step = self.zeros(), 1 / self.density
        if rows.start < rows.stop and columns.start < columns.stop:
            left, top = self.left + columns.start * step, self.top + rows.start * step
            right, bottom = self.left + columns.stop * step, self.top + rows.stop * step
            field[rows, columns] = draw(Grid(left, top, right, bottom, self.density))
        return field


class _Keeping(_Sketch):
    """One that keeps the lines drawn on it: folds are the same in every pair of a person."""

    def line(self, points: Any, width: float, soft: float) -> Field:
        kept = self.__dict__.setdefault("_lines", {})
        key = (points, width, soft)
        if key not in kept:
            kept[key] = super().line(points, width, soft)
        return kept[key]


class Sitter:
    """A person drawn for crops of one size, and lit: what is the same in all pairs of theirs.

    Attributes:
        scale: px of the crop per mm of the face.
    """

    def __init__(self, key: tuple[int, ...], size: int, breadth: Breadth) -> None:
        rng = random_stream(*key, _LOOKS)
        self.person = person = wide_person(draw_person(rng), breadth.looks, rng)
        self.size = size
        matrix = to_template(person.landmarks, size)
        self.scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
        edge = size / self.scale
        left, top = -matrix[:, 2] / self.scale - _MARGIN * edge
        around = (
            float(left),
            float(top),
            float(left + (1 + 2 * _MARGIN) * edge),
            float(top + (1 + 2 * _MARGIN) * edge),
        )
        self.grid = _Sketch(*around, density=max(0.9, 1.05 * self.scale))
        self.coarse, self.folds = _Sketch(*around, density=0.4), _Keeping(*around, density=0.75)
        self.portrait = made_up(portrait(person, self.grid), person, breadth.worn, rng)
        g, p = self.grid, self.portrait
        follow = smoothstep(person.chin_y + 75, person.chin_y + 5, g.y) * smoothstep(0.02, 0.6, p.figure)
        layers = [p.face, g.blurred(follow.astype(np.float32), 7.0), p.relaxed - np.float32(_PIVOT)]
        self.glasses = draw_glasses(person, g, rng) if rng.random() < 0.35 * breadth.worn else None
        lamps = random_stream(*key, _LIGHT)
        studio = draw_studio(lamps)
        self.lights = [wide_light(studio, breadth.light, lamps) for _ in range(_LIGHTS if breadth.light else 1)]
        self.lit, self.layers = [], []
        for light in self.lights:
            picture, shade = self._lit(light)
            self.lit.append(picture)
            # What a pair samples at every point of its lattice: how far the skin follows muscles, and the head; depth; light.
            self.layers.append(cv2.merge([*layers, shade.astype(np.float32)]))
        self.ways = own_ways(breadth.muscles, random_stream(*key, _WAYS))
        resting = rng.permutation(muscles.UNITS)[:_RESTING]
        motions = []
        for unit in resting:
            left, right = rng.normal(0, 1, 2).tolist()
            motions.append(self.motion(draw_part(int(unit), left, right, rng)))
        self.rest_shift, self.rest_relief = np.stack([m.shift for m in motions]), np.stack([m.relief for m in motions])
        self.rest_lids = np.stack([_lids(m) for m in motions])

    def _lit(self, light: Light) -> tuple[Image, Field]:
        """The picture (H, W, 3) uint8, blue first, before its backdrop; and the brightness (H, W)."""
        picture, shade = lit(self.portrait, light)
        g, place = self.coarse, (-60 * light.right, 20)
        far = ((g.x - place[0]) / 200) ** 2 + ((g.y - place[1]) / 200) ** 2
        paper = develop((0.75 * (0.72 + 0.4 * np.exp(-far)))[..., None] * np.array(light.tint, np.float32) ** 2.2)
        paper = cv2.resize(paper, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        return cv2.convertScaleAbs(mix(paper.astype(np.float32), picture, self.portrait.figure)), shade

    def motion(self, part: Part) -> Motion:
        """An action unit of this person; the part's strength is in mm."""
        way = self.ways.get(part.unit, ())
        return motion(
            part.unit, self.person, part.left, part.right, part.turn, part.spread, self.coarse, self.folds, way
        )


class _Pair:
    """One pair: everything random is drawn first, then it is seen at two moments."""

    def __init__(self, sitter: Sitter, key: tuple[int, ...], pair: int, breadth: Breadth) -> None:
        self.sitter, self.breadth = sitter, breadth
        rng = self.rng = random_stream(*key, _PAIR, pair)
        self.noise = random_stream(*key, _NOISE, pair)
        self.light = pair % len(sitter.lights)
        self.emotion = int(rng.integers(len(EMOTIONS)))
        px = sitter.size / 224
        self.parts = draw_parts(EMOTIONS[self.emotion], breadth.script, rng)
        # How far each unit has risen in either frame: annotators are a few frames early or late, and units lag.
        late = 0.35 * breadth.habit
        early = late * rng.beta(1.0, 2.5)
        self.levels = np.array(
            [[early * rng.uniform(0.5, 1.0), 1 - late * rng.beta(1.0, 2.5)] for _ in self.parts]
        )  # (parts, 2)
        self.units = np.zeros(len(UNITS), np.float32)
        for part, (start, end) in zip(self.parts, self.levels, strict=True):
            for side, strength in (("L", part.right), ("R", part.left)):  # the person's left is on the picture's right
                self.units[UNITS.index(f"{side}{part.unit}")] += (end - start) * strength / STRONGEST
        self.units = self.units.clip(0, 1)
        to_mm = px / sitter.scale
        self.parts = [replace(p, left=p.left * to_mm, right=p.right * to_mm) for p in self.parts]
        self.rest = rng.normal(0, 0.3, _RESTING).astype(np.float32)  # mm: nobody's face is quite neutral
        self._stand()
        self._drift()
        self._look()

    def _stand(self) -> None:
        """Pose and alignment: where each place of the crop lies on the face."""
        s, rng, size = self.sitter, self.rng, self.sitter.size
        wide = 1 + 0.6 * self.breadth.pose
        yaw, pitch, roll = (
            float(np.clip(wide * rng.normal(0, deviation), -limit, limit))
            for deviation, limit in ((0.07, 0.2), (0.06, 0.17), (0.06, 0.25))
        )
        pose = self.pose = Pose((0.0, 0.0), s.scale, roll, yaw, pitch)
        marks = pose.project(s.person.landmarks, s.portrait)
        error = 0.012 * size * self.breadth.alignment
        matrix = to_template(marks + error * rng.standard_normal((5, 2)) * (0.7 + 0.6 * rng.random()), size)
        a = complex(matrix[0, 0], matrix[1, 0])
        self.turned = pose.roll + float(np.angle(a))  # of the face in the crop
        self.px = s.scale * abs(a)  # of the crop per mm
        undone = np.array([[a.real, a.imag], [-a.imag, a.real]]) / abs(a) ** 2
        back = _mapped(_lattice(size, 4), undone, -undone @ matrix[:, 2])
        x, y = pose.look_up(back[..., 0], back[..., 1], s.portrait)
        self.place = cv2.resize(cv2.merge([x, y]), (size // 2, size // 2), interpolation=cv2.INTER_LINEAR)  # mm
        self.half = _lattice(size, 2)
        self.where = _points(s.grid, self.place)
        layers = _at(s.layers[self.light], self.where)
        self.face, self.follow, self.depth, self.shade = cv2.split(layers)

    def _drift(self) -> None:
        """How far the head moves from onset to apex, px of the crop."""
        rng, much, px = self.rng, self.breadth.drift, self.sitter.size / 224
        right, down = (float(v) for v in rng.normal(0, (0.3 + 0.4 * much) * px, 2))
        roll, growth = (float(v) for v in rng.normal(0, 0.0008 + 0.003 * much, 2))
        turned = np.array([[growth, -roll], [roll, growth]])
        moved = _mapped(self.half, turned, (right, down) - turned @ (0.5 * self.sitter.size, 0.4 * self.sitter.size))
        if much:
            yaw, pitch = (float(v) for v in rng.normal(0, 0.006 * much, 2))
            shift = turn_shift(yaw, pitch, self.place[..., 0], self.place[..., 1], self.depth)
            moved = moved + cv2.transform(cv2.merge([*shift]), self._rolling())
        self.sway = scaled(moved, self.follow)

    def _look(self) -> None:
        """Lids, gaze, and eyes about to blink."""
        rng, much = self.rng, self.breadth.drift
        self.lids = rng.normal(0, (0.35, 0.25))
        start = rng.normal(0, (0.7 + 1.5 * much, 0.4 + 0.6 * much))
        self.gaze = np.stack([start, start + rng.normal(0, 0.1 + 0.25 * much, 2)])  # (2 moments, 2)
        self.closure = np.where(rng.random(2) < 0.05 + 0.05 * much, rng.uniform(0, 1, 2), 0.0)

    def _rolling(self) -> Field:
        """(2, 2) from mm of the face to px of the crop."""
        c, s = np.cos(self.turned), np.sin(self.turned)
        return (self.px * np.array([[c, -s], [s, c]])).astype(np.float32)

    def drawn(self, taken: int | None) -> tuple[Image, Image, Field, Field, Field, np.int64]:
        """Onset, apex, flow, still, units, emotion, as `Pairs` has them."""
        s, breadth = self.sitter, self.breadth
        motions = [s.motion(part) for part in self.parts]
        shift, relief, lids = (np.tensordot(self.rest, kept, 1) for kept in (s.rest_shift, s.rest_relief, s.rest_lids))
        lids = lids + self.lids + np.einsum("mt,msl->tsl", self.levels, np.stack([_lids(m) for m in motions]))
        shifts, reliefs = [], []
        for levels in self.levels.T.astype(np.float32):
            moved, folded = shift.copy(), relief.copy()
            for level, one in zip(levels, motions, strict=True):
                moved += level * one.shift
                folded += level * one.relief
            shifts.append(self._backward(cv2.merge([*moved])))
            reliefs.append(folded)
        gains = self._gains(cv2.merge(reliefs))
        still = shifts[1]
        apex = still + self.sway
        flow, alone = (self._travel(shifts[0], later) for later in (apex, still))
        pictures = self._pictures((shifts[0], apex), lids)
        shot = Shot(draw_camera(breadth.camera, self.rng), s.size, self.noise, taken)
        onset, later = (shot(picture, gain) for picture, gain in zip(pictures, gains, strict=True))
        return onset, later, flow, alone, self.units, np.int64(self.emotion)

    def _backward(self, shift: Field) -> Field:
        """(h, h, 2) px: what is seen at a place of the crop came from so far away. Args: shift: of the skin, mm, on the coarse grid."""
        seen = _sampled(shift.astype(np.float32), self.sitter.coarse, self.place)
        forward = scaled(cv2.transform(seen, self._rolling()), self.face)
        backward = forward
        for _ in range(2):  # what arrives at a pixel left from a pixel that moved differently
            backward = _read(forward, self.half - backward)
        return backward

    def _gains(self, relief: Field) -> list[Field]:
        """(size, size) change of brightness in both moments: folds against the lamp, the lamp's flicker, a gradient over the face.

        Args: relief: (h, w, 2) mm, of both moments.
        """
        s, g, light = self.sitter, self.sitter.folds, self.sitter.lights[self.light]
        towards, step = light.towards, 8 / g.density
        change = cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3) * np.float32(-light.key * towards[0] / step)
        change += cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3) * np.float32(-light.key * towards[1] / step)
        change += np.float32(0.22) * (relief - g.blurred(relief, 2.5))
        weight = self.face / (np.float32(2.2) * np.maximum(self.shade, np.float32(0.3)))
        gains = 1 + np.clip(scaled(_sampled(change, g, self.place), weight), -0.36, 0.36)
        much = self.breadth.light
        gains = _mapped(gains, np.diag(self.rng.normal(1, 0.003 + 0.012 * much, 2)))
        if much:  # a light's change is not the same everywhere
            tilt = self.rng.normal(0, 0.004 * much, (2, 2))
            gains += _mapped(self.half, tilt / s.size, tilt @ (-0.5, -0.5))
        return list(cv2.split(cv2.resize(gains, (s.size, s.size), interpolation=cv2.INTER_LINEAR)))

    def _travel(self, before: Field, after: Field) -> Field:
        """(2, size // 4, size // 4) px: how far places of the onset travel. Args: backward shifts of the two frames."""
        places = _lattice(self.sitter.size, _TRUTH)
        unmoved = places - _read(before, places)
        now = unmoved
        for _ in range(5):
            now = unmoved + _read(after, now)
        return np.ascontiguousarray(np.moveaxis(now - places, -1, 0))

    def _pictures(self, shifts: tuple[Field, Field], lids: Field) -> list[Image]:
        """Both moments, (size, size, 3) uint8, blue first, before light's changes and the camera."""
        s, size = self.sitter, (self.sitter.size,) * 2
        looks: list[Field] = [
            cv2.resize(_read(self.where, self.half - shift), size, interpolation=cv2.INTER_LINEAR) for shift in shifts
        ]
        windows, eye, state = self._eyes(lids)
        if self.closure.any():
            for look, down in zip(looks, np.split(eye.stretch(state), 2, axis=1), strict=True):
                for window, much in zip(windows, np.split(down, 2, axis=1), strict=True):
                    look[window][..., 1] -= much * np.float32(s.grid.density)
        picture = s.lit[self.light]
        seen = [_at(picture, look) for look in looks]
        painted = eye.paint(np.concatenate([one[window] for one in seen for window in windows], axis=1), state)
        for one, both in zip(seen, np.split(painted, 2, axis=1), strict=True):
            for window, part in zip(windows, np.split(both, 2, axis=1), strict=True):
                one[window] = part
        if s.glasses is None:
            return seen
        heads = [self.where, _read(self.where, self.half - self.sway)]
        return [self._behind_glasses(s.glasses, one, head) for one, head in zip(seen, heads, strict=True)]

    def _behind_glasses(self, glasses: Field, picture: Image, look: Field) -> Image:
        full = cv2.resize(look, (self.sitter.size,) * 2, interpolation=cv2.INTER_LINEAR)
        layer = _at(glasses, full)
        rows = band(layer[..., 3])
        if rows is not None:
            seen, cover = layer[rows][..., :3], layer[rows][..., 3] * np.float32(1 / 255)
            picture[rows] = mix(picture[rows].astype(np.float32), seen, cover).round().astype(np.uint8)
        return picture

    def _eyes(self, lids: Field) -> tuple[list[tuple[slice, slice]], Eye, EyeState]:
        """Windows of the left and the right eye, and both eyes in both moments side by side, to be painted at once.

        Args: lids: (2 moments, 2 sides, 2) mm.
        """
        s, light = self.sitter, self.sitter.lights[self.light]
        p, size, sides = s.person, s.size, np.array([-1, 1], np.float32)
        x, y = cv2.split(np.ascontiguousarray(self.place[::2, ::2]))
        middles = [np.unravel_index(np.argmin((x - side * p.eye_x) ** 2 + y**2), x.shape) for side in sides]
        wide, high = (4 * min(size // 8, round(mm * self.px / 4)) for mm in (2.7 * p.eye_width, 36.0))
        corners = [
            (min(max(4 * int(row) - high // 2, 0), size - high), min(max(4 * int(column) - wide // 2, 0), size - wide))
            for row, column in middles
        ]
        windows = [(slice(top, top + high), slice(left, left + wide)) for top, left in corners]
        halves = [
            tuple(slice(part.start // 2, part.start // 2 + (part.stop - part.start) // 2) for part in w)
            for w in windows
        ]
        places = [cv2.resize(self.place[half], (wide, high), interpolation=cv2.INTER_LINEAR) for half in halves]
        x, y = cv2.split(np.concatenate(places * 2, axis=1))
        across = np.tile(np.repeat(sides, wide), 2)[None]
        bright = float(np.clip(np.median(self.shade[halves[0]]), 0.35, 1.3) ** (1 / 2.2))
        eye = Eye(p, across, x, y, self.px, bright, (light.right, light.up), np.float32)
        unturned = np.linalg.inv(self._rolling())
        moved = np.stack([unturned @ self.sway[half].reshape(-1, 2).mean(0) for half in halves])  # the head's, mm
        shift = np.stack([np.zeros_like(moved), moved])  # (2 moments, 2 sides, 2)

        def row(values: Any) -> Field:
            """Of 2 moments × 2 sides, or of 2 moments, to a number for each column."""
            return np.repeat(np.broadcast_to(np.asarray(values, np.float32).reshape(2, -1), (2, 2)).ravel(), wide)[None]

        state = EyeState(
            row(lids[..., 0]), row(lids[..., 1]), row(self.closure),
            (row(self.gaze[:, 0]), row(self.gaze[:, 1])), (row(shift[..., 0]), row(shift[..., 1])),
        )  # fmt: skip
        return windows, eye, state


def _lids(motion_: Motion) -> Field:
    """(2 sides, 2) rise of the upper and the lower lid."""
    return np.array([[lid.upper, lid.lower] for lid in motion_.lids], np.float32)


def draw_parts(emotion: str, amount: float, rng: np.random.Generator) -> list[Part]:
    """The action units of an emotion, px of 224 of the point that each moves furthest.

    Args: amount: breadth of the script; at 0 as in clips, whose pixels are those of 640 × 480.
    """
    wide = rng.random() < amount
    most = float(0.3 + (STRONGEST - 0.3) * rng.beta(1.5, 2.0) if wide else (1 + 3 * rng.beta(3.5, 1.2)) / _OF_640)
    parts = []
    for k, (unit, sides) in enumerate(_units(emotion, rng, _RARELY if wide else 0)):
        if not sides and wide and rng.random() < 0.15:
            sides = str(rng.choice(["L", "R"]))
        parts.append(_uneven(unit, sides, most * (1.0 if k == 0 else float(rng.uniform(0.6, 1.0))), rng))
    if wide and rng.random() < 0.3:  # blended with a trace of another
        other = str(rng.choice([e for e in EMOTIONS if e != emotion]))
        unit, sides = _units(other, rng)[0]
        if unit not in {part.unit for part in parts}:
            parts.append(_uneven(unit, sides, most * float(rng.uniform(0.1, 0.45)), rng))
    return parts


def _units(emotion: str, rng: np.random.Generator, rarely: float = 0) -> list[tuple[int, str]]:
    """Number and side ("" for both) of each unit of one of an emotion's combinations. Args: rarely: share of the rarer ones."""
    if rarely and rng.random() < rarely:
        units = str(rng.choice(RARER[emotion]))
    else:
        options = COMBINATIONS[emotion]
        weights = np.array([w for _, w, _ in options], float)
        units = options[int(rng.choice(len(options), p=weights / weights.sum()))][0]
    return [(int(text.lstrip("LR")), text[0] if text[0] in "LR" else "") for text in units.split("+")]


def _uneven(unit: int, sides: str, strength: float, rng: np.random.Generator) -> Part:
    """Both sides, one a little less, or one alone; the person's left is on the right of the picture."""
    less = float(rng.uniform(0.65, 1.0))
    both = (1.0, less) if rng.random() < 0.5 else (less, 1.0)
    left, right = {"": both, "L": (0.0, 1.0), "R": (1.0, 0.0)}[sides]
    return draw_part(unit, strength * left, strength * right, rng)


@cache
def _lattice(size: int, step: int) -> Field:
    """(size // step, size // step, 2) px, x and y: the middles of squares of `step` pixels."""
    places = np.arange(size // step, dtype=np.float32) * step + np.float32((step - 1) / 2)
    lattice = np.stack(np.meshgrid(places, places), axis=-1)
    lattice.flags.writeable = False
    return lattice


def _read(values: Field, places: Field) -> Field:
    """Values of every other pixel at these places, px. Args: values: (h, h, 2); places: (…, …, 2)."""
    return _at(values, (places - np.float32(0.5)) * np.float32(0.5))


def _sampled(values: Field, grid: Grid, place: Field) -> Field:
    """Values of a grid at these places of the face. Args: place: (h, w, 2) mm."""
    return _at(values, _points(grid, place))


def _points(grid: Grid, place: Field) -> Field:
    """(h, w, 2) columns and rows of a grid. Args: place: (h, w, 2) mm."""
    return _mapped(place, np.diag([grid.density, grid.density]), (-grid.density * grid.left, -grid.density * grid.top))


def _mapped(points: Field, matrix: Field, then: Any = (0.0, 0.0)) -> Field:
    """(h, w, 2) each point times a (2, 2) matrix, and moved."""
    return cv2.transform(points, np.column_stack([matrix, then]))


def _at(values: Field, where: Field) -> Field:
    """Values between the points of an array. Args: where: (h, w, 2) columns and rows."""
    none: Any = None
    return cv2.remap(values, where, none, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
