"""Action units as movement and relief of the skin, in face coordinates.

Which muscle pulls where follows the Facial Action Coding System: an action unit is a few smooth pulls at anatomical
places, folds that deepen with it, and for 5, 6 and 7 a movement of the lids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat

import numpy as np

from tsfmicro.errors import UnknownNameError
from tsfmicro.synthetic.draw import Field, Grid, Point
from tsfmicro.synthetic.hair import brow_points
from tsfmicro.synthetic.person import Person

COARSE = Grid(density=0.5)  # pulls are centimetres wide
FOLDS = Grid(density=1.1)  # folds are millimetres wide


@dataclass(frozen=True)
class Pull:
    """The skin around `at` moves towards `way`; `size` is the Gaussian's deviation along x and y, mm."""

    at: Point
    way: Point
    size: Point
    share: float = 1.0


@dataclass(frozen=True)
class Own:
    """How one person's pull differs from the textbook's.

    Attributes: aside, down: its place, mm, the first away from the face's middle; turn: radians; spread, share: factors.
    """

    aside: float = 0.0
    down: float = 0.0
    turn: float = 0.0
    spread: float = 1.0
    share: float = 1.0


@dataclass(frozen=True)
class Fold:
    """A furrow (below 0) or a bulge (above 0) of the skin, mm deep at a movement of 1 mm."""

    points: tuple[Point, ...]
    width: float
    depth: float


@dataclass(frozen=True)
class Lids:
    """How far the upper and the lower lid rise, mm at a movement of 1 mm."""

    upper: float = 0.0
    lower: float = 0.0


@dataclass(frozen=True)
class Action:
    """One action unit on one side of one person's face."""

    pulls: tuple[Pull, ...]
    folds: tuple[Fold, ...] = ()
    lids: Lids = Lids()


@lru_cache(maxsize=128)
def action(unit: int, person: Person, side: int) -> Action:
    """The action unit on the right (+1) or left (−1) side of the picture. Raises UnknownNameError."""
    if unit not in _ACTIONS:
        raise UnknownNameError("action unit", str(unit), map(str, _ACTIONS))
    return _ACTIONS[unit](person, side)


@dataclass(frozen=True)
class Motion:
    """What an action unit of a given strength does to one person's skin.

    Attributes:
        shift: (2, h, w) on the coarse grid: right and down, in the unit of the strength.
        relief: (h, w) on the fold grid: change of height, in the unit of the strength.
        lids: rise of the lids on the left and on the right, in the unit of the strength.
    """

    shift: Field
    relief: Field
    lids: tuple[Lids, Lids]


def motion(
    unit: int,
    person: Person,
    left: float,
    right: float,
    turn: float = 0.0,
    spread: float = 1.0,
    coarse: Grid = COARSE,
    folds: Grid = FOLDS,
    own: Sequence[Own] = (),
) -> Motion:
    """An action unit whose furthest point moves by the larger of `left` and `right`.

    Args:
        left, right: strength on either side of the picture; below 0 is the opposite movement.
        turn, spread: pulls turned by so many radians, and widened by that factor.
        coarse, folds: where pulls and folds are drawn.
        own: the person's way with each pull of the unit; the textbook's where there is none.
    """
    x, y, z = coarse.zeros(), coarse.zeros(), folds.zeros()
    depth = 0.55 + 0.7 * person.age  # older skin folds deeper
    strengths = {-1: left, 1: right}
    sides = {side: action(unit, person, side) for side in strengths}
    for side, one in sides.items():
        strength = strengths[side]
        for pull, way in zip(one.pulls, chain(own, repeat(_TEXTBOOK)), strict=False):
            angle = np.arctan2(pull.way[1], pull.way[0]) + side * (turn + way.turn)
            wide, share = spread * way.spread, strength * pull.share * way.share
            at = (pull.at[0] + side * way.aside, pull.at[1] + way.down)
            window, bell = coarse.bell(at, (pull.size[0] * wide, pull.size[1] * wide))
            x[window] += share * float(np.cos(angle)) * bell
            y[window] += share * float(np.sin(angle)) * bell
        if one.lids != Lids():
            y -= strength * lid_skin(person, side, one.lids, coarse)
        for fold in one.folds:
            z += strength * fold.depth * depth * folds.line(fold.points, 0.8 * fold.width, fold.width)
    # Neighbouring pulls add up, so the whole is scaled to the strength that was asked for.
    scale = max(abs(left), abs(right)) / max(1e-6, float(np.hypot(x, y).max()))
    left_lids, right_lids = (
        Lids(strengths[side] * scale * one.lids.upper, strengths[side] * scale * one.lids.lower)
        for side, one in sides.items()
    )
    return Motion(scale * np.stack([x, y]), z, (left_lids, right_lids))


def lid_skin(person: Person, side: int, lids: Lids, coarse: Grid = COARSE) -> Field:
    """(h, w) on the coarse grid: how far the skin of the lids rises, fading towards brow and cheek."""
    x, y = coarse.x - side * person.eye_x, coarse.y
    reach = np.exp(-0.5 * (np.abs(x) / (0.75 * person.eye_width)) ** 4)
    above, below = -person.lid_up - y, y - person.lid_low
    upper = np.clip(1 - above / 13, 0, 1) * (y < 0) * np.clip(1 + above / person.lid_up, 0, 1)
    lower = np.clip(1 - below / 12, 0, 1) * (y >= 0) * np.clip(1 + below / person.lid_low, 0, 1)
    return (reach * (lids.upper * upper + lids.lower * lower)).astype(np.float32)


def _mirror(side: int, *points: Point) -> tuple[Point, ...]:
    return tuple((side * x, y) for x, y in points)


def _brow(p: Person, at: float) -> Point:
    points = brow_points(p, 1)
    x, y = points[round(at * (len(points) - 1))]
    return float(x), float(y)


def _inner_brow_raise(p: Person, side: int) -> Action:
    x, y = _brow(p, 0.12)
    at, forehead = _mirror(side, (x, y), (x, y - 17))
    furrow = _mirror(side, (1, y - 13), (x, y - 15), (x + 12, y - 14))
    return Action(
        (Pull(at, (side * 0.10, -1), (11, 9)), Pull(forehead, (0, -1), (14, 11), 0.45)), (Fold(furrow, 2.4, -0.55),)
    )


def _outer_brow_raise(p: Person, side: int) -> Action:
    x, y = _brow(p, 0.72)
    at, forehead = _mirror(side, (x, y), (x - 2, y - 16))
    furrow = _mirror(side, (x - 16, y - 16), (x - 3, y - 16), (x + 9, y - 12))
    return Action(
        (Pull(at, (side * 0.15, -1), (13, 9)), Pull(forehead, (0, -1), (14, 11), 0.45)), (Fold(furrow, 2.4, -0.55),)
    )


def _brow_lower(p: Person, side: int) -> Action:
    x, y = _brow(p, 0.10)
    far = _brow(p, 0.5)
    inner, middle = _mirror(side, (x, y), far)
    furrow = _mirror(side, (4.0, y - 6), (3.6, y), (4.4, y + 8))
    ball = _mirror(side, (8.0, y - 3), (8.5, y + 4))
    return Action(
        (Pull(inner, (side * -0.62, 0.78), (11, 8.5)), Pull(middle, (side * -0.5, 0.86), (13, 8), 0.55)),
        (Fold(furrow, 1.8, -0.9), Fold(ball, 4.0, 0.45)),
    )


def _upper_lid_raise(p: Person, side: int) -> Action:
    return Action((), (), Lids(upper=1.0))


def _cheek_raise(p: Person, side: int) -> Action:
    x = p.eye_x
    cheek, outer = _mirror(side, (x + 5, 23), (x + p.eye_width + 5, 4))
    rows = [_mirror(side, (x + 18, v), (x + 25, v * 1.5 - 1), (x + 32, v * 2.1)) for v in (-2.5, 1.0, 4.5)]
    bag = _mirror(side, (x - 11, 9), (x, 11.5), (x + 12, 9))
    return Action(
        (Pull(cheek, (side * 0.05, -1), (16, 10)), Pull(outer, (side * -0.8, -0.15), (8, 8), 0.35)),
        (*(Fold(row, 1.6, -0.4) for row in rows), Fold(bag, 2.0, -0.5)),
        Lids(lower=0.6, upper=-0.12),
    )


def _lid_tighten(p: Person, side: int) -> Action:
    (low,) = _mirror(side, (p.eye_x, p.lid_low + 4))
    bag = _mirror(side, (p.eye_x - 10, 8.5), (p.eye_x, 10.5), (p.eye_x + 11, 8.5))
    return Action((Pull(low, (side * -0.3, -1), (11, 5), 0.7),), (Fold(bag, 1.8, -0.55),), Lids(lower=1.0, upper=-0.45))


def _nose_wrinkle(p: Person, side: int) -> Action:
    wing, flank, brow, lip = _mirror(
        side, (p.nose_width * 0.8, p.nose_y - 8), (9, p.nose_y - 22), _brow(p, 0.08), (12, p.nose_y + 9)
    )
    rows = [_mirror(side, (1, v + 1.5), (5.5, v), (10, v + 2.5)) for v in (2, 7, 12)]
    return Action(
        (
            Pull(wing, (side * -0.05, -1), (8, 8)),
            Pull(flank, (0, -1), (8, 10), 0.6),
            Pull(brow, (side * -0.3, 1), (11, 8), 0.45),
            Pull(lip, (0, -1), (10, 7), 0.4),
        ),
        (*(Fold(row, 1.7, -0.55) for row in rows), _nasolabial(p, side, -0.35)),
    )


def _upper_lip_raise(p: Person, side: int) -> Action:
    lip, cheek = _mirror(side, (11, p.mouth_y - p.lip_up - 2), (p.nose_width + 9, p.nose_y + 2))
    return Action(
        (Pull(lip, (side * 0.06, -1), (9.5, 7.5)), Pull(cheek, (0, -1), (10, 9), 0.5)), (_nasolabial(p, side, -0.7),)
    )


def _corner_pull(p: Person, side: int) -> Action:
    corner, cheek = _mirror(side, (p.mouth_width, p.mouth_y - 1), (p.mouth_width + 13, p.mouth_y - 17))
    pad = _mirror(side, (p.mouth_width + 8, p.nose_y + 4), (p.mouth_width + 14, p.nose_y + 12))
    return Action(
        (Pull(corner, (side * 0.72, -0.70), (12, 10)), Pull(cheek, (side * 0.45, -0.9), (13, 12), 0.5)),
        (_nasolabial(p, side, -0.75), Fold(pad, 7.0, 0.5)),
    )


def _dimple(p: Person, side: int) -> Action:
    corner, lip = _mirror(side, (p.mouth_width + 1, p.mouth_y), (p.mouth_width * 0.6, p.mouth_y + 1))
    pit = _mirror(
        side,
        (p.mouth_width + 5, p.mouth_y - 4),
        (p.mouth_width + 6.5, p.mouth_y + 1),
        (p.mouth_width + 5, p.mouth_y + 5),
    )
    return Action((Pull(corner, (side, 0.0), (8, 7)), Pull(lip, (side, 0.1), (9, 6), 0.35)), (Fold(pit, 2.2, -1.1),))


def _corner_depress(p: Person, side: int) -> Action:
    corner, below = _mirror(side, (p.mouth_width, p.mouth_y + 1), (p.mouth_width + 2, p.mouth_y + 15))
    fold = _mirror(
        side,
        (p.mouth_width + 2.5, p.mouth_y + 2),
        (p.mouth_width + 5, p.mouth_y + 9),
        (p.mouth_width + 4, p.mouth_y + 15),
    )
    return Action(
        (Pull(corner, (side * 0.2, 1), (10, 8.5)), Pull(below, (side * 0.1, 1), (11, 9), 0.45)),
        (Fold(fold, 2.0, -0.8),),
    )


def _chin_raise(p: Person, side: int) -> Action:
    chin, lip = _mirror(side, (6, p.chin_y - 17), (6, p.mouth_y + p.lip_low * 0.7))
    dent = _mirror(
        side, (0.5, p.mouth_y + p.lip_low + 6), (8, p.mouth_y + p.lip_low + 7), (14, p.mouth_y + p.lip_low + 9)
    )
    pebbles = [
        _mirror(side, (u, p.chin_y - v), (u + 0.6, p.chin_y - v + 0.4)) for u, v in ((4, 12), (9, 16), (2, 18), (8, 9))
    ]
    return Action(
        (Pull(chin, (0, -1), (12, 10)), Pull(lip, (0, -1), (12, 6), 0.65)),
        (Fold(dent, 2.6, -0.8), *(Fold(p_, 2.0, -0.6) for p_ in pebbles)),
    )


def _lip_stretch(p: Person, side: int) -> Action:
    (corner,) = _mirror(side, (p.mouth_width, p.mouth_y + 1))
    return Action((Pull(corner, (side, 0.25), (12, 10)),), (_nasolabial(p, side, -0.3),))


def _lip_tighten(p: Person, side: int) -> Action:
    corner, up, low = _mirror(
        side, (p.mouth_width, p.mouth_y), (8, p.mouth_y - p.lip_up * 0.8), (8, p.mouth_y + p.lip_low * 0.8)
    )
    return Action(
        (Pull(corner, (-side, 0.0), (9, 7)), Pull(up, (0, 1), (11, 4), 0.45), Pull(low, (0, -1), (11, 4), 0.45)),
        (Fold(_mirror(side, (0, p.mouth_y), (p.mouth_width * 0.8, p.mouth_y)), 2.0, -0.6),),
    )


def _lip_press(p: Person, side: int) -> Action:
    up, low = _mirror(side, (9, p.mouth_y - p.lip_up * 0.85), (9, p.mouth_y + p.lip_low * 0.9))
    line = _mirror(side, (0, p.mouth_y), (p.mouth_width * 0.5, p.mouth_y), (p.mouth_width, p.mouth_y - p.mouth_bow))
    rim = _mirror(side, (0, p.mouth_y + p.lip_low + 2), (p.mouth_width * 0.6, p.mouth_y + p.lip_low * 0.8 + 2))
    return Action(
        (Pull(up, (0, 1), (13, 4.5)), Pull(low, (0, -1), (13, 5))), (Fold(line, 2.2, -0.8), Fold(rim, 3.0, 0.5))
    )


def _lips_part(p: Person, side: int) -> Action:
    low, chin = _mirror(side, (8, p.mouth_y + p.lip_low * 0.8), (6, p.chin_y - 16))
    line = _mirror(side, (0, p.mouth_y + 0.8), (p.mouth_width * 0.75, p.mouth_y + 0.4))
    return Action((Pull(low, (0, 1), (14, 6)), Pull(chin, (0, 1), (14, 10), 0.6)), (Fold(line, 1.6, -1.6),))


def _nasolabial(p: Person, side: int, depth: float) -> Fold:
    points = _mirror(
        side, (p.nose_width + 2, p.nose_y - 7), (p.nose_width + 9, p.nose_y + 3), (p.mouth_width + 7, p.mouth_y - 5)
    )
    return Fold(points, 2.4, depth)


_ACTIONS: dict[int, Callable[[Person, int], Action]] = {
    1: _inner_brow_raise,
    2: _outer_brow_raise,
    4: _brow_lower,
    5: _upper_lid_raise,
    6: _cheek_raise,
    7: _lid_tighten,
    9: _nose_wrinkle,
    10: _upper_lip_raise,
    12: _corner_pull,
    14: _dimple,
    15: _corner_depress,
    17: _chin_raise,
    20: _lip_stretch,
    23: _lip_tighten,
    24: _lip_press,
    25: _lips_part,
}

UNITS: tuple[int, ...] = tuple(_ACTIONS)
MOST_PULLS = 4  # of a unit on one side
_TEXTBOOK = Own()
