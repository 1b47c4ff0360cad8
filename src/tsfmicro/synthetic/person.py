"""Who somebody is: proportions, tones and hair, drawn at random once per person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tsfmicro.synthetic.draw import Point

HairStyle = Literal["short", "parted", "fringe", "long", "receding", "cropped"]
Colour = tuple[float, float, float]  # red, green, blue, 0–255

# From light to dark; a person's tone lies between two neighbours.
_SKIN = ((236, 202, 180), (228, 188, 158), (212, 165, 131), (184, 134, 101), (146, 98, 71), (104, 68, 50))
_HAIR = ((32, 25, 22), (48, 33, 25), (82, 54, 34), (120, 84, 50), (164, 128, 82), (98, 50, 28), (120, 116, 112))
_IRIS = ((84, 52, 30), (62, 40, 26), (110, 84, 46), (88, 104, 78), (94, 118, 138), (120, 140, 156))
_CLOTH = ((44, 52, 66), (92, 96, 100), (120, 60, 58), (66, 92, 84), (176, 172, 162), (36, 36, 40), (90, 104, 134))


@dataclass(frozen=True)
class Person:
    """Lengths in mm and face coordinates: the origin between the pupils, x to the right of the picture, y down."""

    face_width: float  # half, at the cheekbones
    jaw_width: float  # half, at the jaw's angle
    chin_width: float  # half
    crown: float  # y of the head's top, negative
    hairline: float  # y, negative
    eye_x: float  # half the distance of the pupils
    eye_width: float  # half an opening
    lid_up: float
    lid_low: float
    eye_tilt: float  # radians, outer corner up
    brow_y: float  # negative
    brow_arch: float
    brow_width: float
    brow_slope: float
    nose_y: float  # where the nose meets the lip
    nose_width: float  # half, at the wings
    nose_depth: float
    bridge: float  # half width
    mouth_y: float
    mouth_width: float  # half
    lip_up: float
    lip_low: float
    mouth_bow: float  # how far the corners stand above the middle of the line
    chin_y: float
    cheek: float  # how far the cheekbones stand out
    age: float  # 0–1: folds, bags, furrows
    ruddy: float
    skin: Colour
    hair: Colour
    brow: Colour
    iris: Colour
    lips: Colour
    cloth: Colour
    hair_style: HairStyle
    collar: Literal["round", "shirt", "vee"]
    stubble: float  # 0 none – 1 beard
    moustache: float
    lean: float  # asymmetry: mm the chin stands to one side
    skin_seed: int

    @property
    def eyes(self) -> tuple[Point, Point]:
        """Centres, first the one on the left of the picture."""
        return (-self.eye_x, 0.0), (self.eye_x, 0.0)

    @property
    def landmarks(self) -> np.ndarray:
        """(5, 2) mm: eyes, nose tip, mouth corners, as face detectors order them."""
        corner = self.mouth_y - self.mouth_bow
        return np.array(
            [*self.eyes, (0.0, self.nose_y - 8.0), (-self.mouth_width, corner), (self.mouth_width, corner)], np.float64
        )


def draw_person(rng: np.random.Generator) -> Person:
    """A random adult."""

    def about(mean: float, spread: float) -> float:
        return float(mean + spread * np.clip(rng.standard_normal(), -2, 2))

    tone = rng.uniform(0, len(_SKIN) - 1)
    skin = _between(_SKIN, tone)
    dark = tone / (len(_SKIN) - 1)
    # Dark skin goes with dark hair and eyes more often than not.
    hair = _HAIR[int(rng.integers(0, 2 if dark > 0.5 else len(_HAIR)))]
    iris = _IRIS[int(rng.integers(0, 2 if dark > 0.5 else len(_IRIS)))]
    masculine = bool(rng.random() < 0.5)
    face_width = about(70, 3.5)
    nose_y = about(43, 3.6)
    mouth_y = nose_y + about(21.5, 2.6)
    styles: tuple[HairStyle, ...] = (
        ("short", "parted", "receding", "cropped", "short") if masculine else ("long", "fringe", "long", "parted")
    )
    return Person(
        face_width=face_width,
        jaw_width=face_width * about(0.80 if masculine else 0.75, 0.035),
        chin_width=about(25 if masculine else 20, 2.5),
        crown=about(-112, 5),
        hairline=about(-66, 5),
        eye_x=about(31.5, 2.3),
        eye_width=about(14.6, 0.9),
        lid_up=about(5.2, 0.6),
        lid_low=about(4.6, 0.4),
        eye_tilt=about(0.06, 0.05),
        brow_y=about(-20.5, 3.0),
        brow_arch=about(3.0, 1.2),
        brow_width=about(6.4 if masculine else 4.6, 0.9),
        brow_slope=about(-0.005, 0.06),
        nose_y=nose_y,
        nose_width=about(17.5 + 2.5 * dark, 1.8),
        nose_depth=about(25, 2.5),
        bridge=about(5.6, 0.7),
        mouth_y=mouth_y,
        mouth_width=about(25, 2.4),
        lip_up=about(5.6 + 1.8 * dark, 0.9),
        lip_low=about(7.6 + 1.8 * dark, 1.0),
        mouth_bow=about(1.0, 0.8),
        chin_y=mouth_y + about(46 if masculine else 43, 3.5),
        cheek=about(3.4, 1.0),
        age=float(rng.beta(1.4, 2.4)),
        ruddy=float(rng.uniform(0.3, 1.0)),
        skin=skin,
        hair=hair,
        brow=_towards(hair, (40, 30, 25), 0.35),
        iris=iris,
        lips=_towards(
            _towards(skin, (168 - 45 * dark, 72 - 18 * dark, 70 - 12 * dark), 0.48),
            (120, 40, 44),
            0.0 if masculine else float(rng.uniform(0, 0.4)),
        ),
        cloth=_CLOTH[int(rng.integers(len(_CLOTH)))],
        hair_style=styles[int(rng.integers(len(styles)))],
        collar=("round", "shirt", "vee")[int(rng.integers(3))],
        stubble=float(rng.choice([0.0, 0.25, 0.5, 1.0], p=[0.4, 0.25, 0.2, 0.15])) if masculine else 0.0,
        moustache=float(rng.random() < 0.15) if masculine else 0.0,
        lean=about(0, 0.8),
        skin_seed=int(rng.integers(2**31)),
    )


def _between(palette: tuple[Colour, ...], at: float) -> Colour:
    low = min(int(at), len(palette) - 2)
    return _towards(palette[low], palette[low + 1], at - low)


def _towards(colour: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (c + share * (o - c) for c, o in zip(colour, other, strict=True))
    return red, green, blue
