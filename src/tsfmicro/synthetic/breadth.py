"""How far drawn pairs spread: whatever separates drawn people from filmed ones, each made random and wide by an amount of its own.

At 0 everything is as in generated clips; at 1 it spreads as far as a face still reads as one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from tsfmicro.errors import ConfigError
from tsfmicro.synthetic.draw import mix
from tsfmicro.synthetic.head import Portrait, linear
from tsfmicro.synthetic.light import Light
from tsfmicro.synthetic.muscles import MOST_PULLS, UNITS, Own
from tsfmicro.synthetic.person import Colour, HairStyle, Person


@dataclass(frozen=True)
class Breadth:
    """Amounts from 0, as in generated clips, to 1, as wide as faces come; more is allowed, and less like faces.

    Attributes:
        looks: proportions, age, tones, hair, beards.
        worn: how often glasses and make-up are worn.
        light: where lamps stand, how hard their shadows are, a gradient over the face.
        pose: how far a head is turned.
        drift: how far the head moves and turns between onset and apex.
        camera: blur, noise, grain, compression, gamma, fewer pixels, grey.
        habit: how far annotators' frames are off the true onset and apex.
        alignment: error of a face's landmarks.
        script: one-sided, blended, slight and rarer movements.
        muscles: where, which way and how widely a person's muscles pull, and how much of each unit each does.
    """

    looks: float = 1.0
    worn: float = 1.0
    light: float = 1.0
    pose: float = 1.0
    drift: float = 1.0
    camera: float = 1.0
    habit: float = 1.0
    alignment: float = 1.0
    script: float = 1.0
    muscles: float = 1.0

    @classmethod
    def of(cls, amount: float) -> Breadth:
        """As wide in everything."""
        return cls(**{f.name: amount for f in fields(cls)})

    def __post_init__(self) -> None:
        wrong = [f"{f.name}={getattr(self, f.name):g}" for f in fields(self) if not 0 <= getattr(self, f.name) <= 2]
        if wrong:
            raise ConfigError(f"drawn pairs: a breadth lies between 0 and 2, not {', '.join(wrong)}.")


NARROW = Breadth.of(0.0)
"""As in generated clips, with a camera that adds its noise alone and landmarks without error."""

# Deviations at breadth 1 beyond those of `draw_person`: factors of a length, or millimetres and radians.
_FACTORS = {
    "face_width": 0.06, "chin_width": 0.12, "eye_width": 0.07, "lid_up": 0.22, "lid_low": 0.12, "brow_width": 0.25,
    "nose_width": 0.12, "nose_depth": 0.12, "bridge": 0.15, "mouth_width": 0.09, "lip_up": 0.3, "lip_low": 0.25,
}  # fmt: skip
_STEPS = {
    "crown": 5.0, "hairline": 7.0, "eye_x": 1.6, "eye_tilt": 0.06, "brow_y": 2.0, "brow_arch": 1.5, "brow_slope": 0.06,
    "mouth_bow": 1.0, "cheek": 1.5, "lean": 1.2,
}  # fmt: skip
_STYLES: tuple[HairStyle, ...] = ("short", "parted", "fringe", "long", "receding", "cropped")


def wide_person(person: Person, amount: float, rng: np.random.Generator) -> Person:
    """Somebody less like the average."""

    def about() -> float:
        return float(np.clip(rng.standard_normal(), -2.2, 2.2))

    if amount == 0:
        return person
    changed: dict[str, Any] = {
        name: getattr(person, name) * (1 + amount * much * about()) for name, much in _FACTORS.items()
    }
    changed |= {name: getattr(person, name) + amount * much * about() for name, much in _STEPS.items()}
    changed["eye_x"] = max(27.0, changed["eye_x"])
    nose, mouth, chin = (amount * much * about() for much in (3.0, 1.5, 3.5))
    changed["nose_y"] = person.nose_y + nose
    changed["mouth_y"] = person.mouth_y + nose + mouth
    changed["chin_y"] = person.chin_y + nose + mouth + chin
    changed["jaw_width"] = changed["face_width"] * float(
        np.clip(person.jaw_width / person.face_width * (1 + amount * 0.07 * about()), 0.62, 0.95)
    )
    likely = amount / 2  # that a thing is drawn anew, whatever went with it before
    if rng.random() < likely:
        changed["age"] = float(rng.uniform(0, 1.2))
    if rng.random() < likely:
        changed["stubble"] = float(rng.choice([0.0, 0.3, 0.6, 1.0], p=[0.55, 0.15, 0.15, 0.15]))
        changed["moustache"] = float(rng.random() < 0.2)
    bright = float(np.exp(0.12 * amount * about()))
    warm = 0.03 * amount * about()
    skin = _toned(person.skin, bright, warm)
    style = _STYLES[int(rng.integers(len(_STYLES)))] if rng.random() < likely else person.hair_style
    hair = person.hair
    if rng.random() < 0.4 * likely:  # grey, white, or dyed
        grey = float(rng.uniform(90, 205))
        hair = (grey, grey * 0.98, grey * 0.95) if rng.random() < 0.7 else _any(rng, 40, 180)
    brow = _toned(person.brow, float(np.exp(0.35 * amount * about())), 0.0)
    return replace(
        person, **changed, skin=skin, lips=_toned(person.lips, bright, warm), hair=hair, brow=brow, hair_style=style
    )


def _toned(colour: Colour, bright: float, warm: float) -> Colour:
    red, green, blue = (float(np.clip(bright * c, 8, 250)) for c in colour)
    return min(250.0, red * (1 + warm)), green, blue * (1 - warm)


def _any(rng: np.random.Generator, low: float, high: float) -> Colour:
    red, green, blue = (float(c) for c in rng.uniform(low, high, 3))
    return red, green, blue


def own_ways(amount: float, rng: np.random.Generator) -> dict[int, tuple[Own, ...]]:
    """A person's way with the pulls of each action unit, the same on either side; nothing where it is the textbook's."""
    if amount == 0:
        return {}
    about = amount * rng.standard_normal((len(UNITS), MOST_PULLS, 5)).clip(-2, 2) * (4.0, 4.0, 0.4, 0.35, 0.6)
    return {
        unit: tuple(
            Own(aside, down, turn, float(np.exp(spread)), float(np.exp(share)))
            for aside, down, turn, spread, share in pulls
        )
        for unit, pulls in zip(UNITS, about.tolist(), strict=True)
    }


def made_up(portrait: Portrait, person: Person, amount: float, rng: np.random.Generator) -> Portrait:
    """The portrait with make-up or marks of the skin, or as it was."""
    g, albedo = portrait.grid, portrait.albedo
    if rng.random() < 0.25 * amount:
        shadow = g.zeros()
        for side in (-1, 1):
            g.bump(shadow, (side * (person.eye_x + 2), -5.5), (11, 4.5), float(rng.uniform(0.25, 0.8)))
        albedo = mix(albedo, linear(_any(rng, 30, 170)), np.minimum(shadow, 0.85))
    if rng.random() < 0.25 * amount:
        blush = g.zeros()
        for side in (-1, 1):
            g.bump(blush, (side * 42, 28), (15, 11), float(rng.uniform(0.1, 0.35)), side * -0.5)
        albedo = mix(albedo, linear((190, 90, 90)), blush)
    if rng.random() < 0.3 * amount:
        lips = g.zeros()
        for off, high in ((-0.4 * person.lip_up, person.lip_up), (0.45 * person.lip_low, person.lip_low)):
            g.bump(
                lips, (0, person.mouth_y + off), (0.48 * person.mouth_width, 0.36 * high), float(rng.uniform(0.5, 0.9))
            )
        albedo = mix(
            albedo, linear((rng.uniform(110, 200), rng.uniform(20, 80), rng.uniform(30, 90))), np.minimum(lips, 0.9)
        )
    marks = int(rng.poisson(3 * amount))
    if marks:
        spots = g.zeros()
        for x, y, size, dark in rng.uniform((-60, -50, 0.5, 0.2), (60, person.chin_y, 1.6, 0.8), (marks, 4)):
            g.bump(spots, (x, y), (size, size), dark)
        albedo = mix(albedo, linear((60, 36, 26)), np.minimum(spots, 0.9))
    return portrait if albedo is portrait.albedo else replace(portrait, albedo=albedo)


def wide_light(light: Light, amount: float, rng: np.random.Generator) -> Light:
    """A lamp that may stand anywhere before the face, hard or soft, in a dark or a bright room."""
    if amount == 0:
        return light
    right, up, key, room, warm = rng.uniform((-1.5, -0.25, 0.5, -0.5, -0.1), (1.5, 1.3, 1.25, 0.6, 0.12))
    mixed = 0.7 * min(1.0, amount)
    return replace(
        light,
        right=float(light.right + mixed * (right - light.right)),
        up=float(light.up + mixed * (up - light.up)),
        key=float(light.key + mixed * (key - light.key)),
        room=float(light.room * np.exp(amount * room)),
        warmth=float(light.warmth + 0.7 * amount * warm),
    )
