"""What happens in a clip: a movement that has a meaning, and everything around it that has none."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from tsfmicro.synthetic.light import Light
from tsfmicro.synthetic.muscles import UNITS
from tsfmicro.synthetic.pose import Pose

EMOTIONS: tuple[str, ...] = ("happiness", "disgust", "repression", "surprise", "others")
_SHARES = (0.17, 0.22, 0.17, 0.16, 0.28)  # uneven, as in life

# Action units of an emotion as sheets write them, how often, and the objective class they belong to.
COMBINATIONS = MappingProxyType(
    {
        "happiness": (("6+12", 5, 1), ("12", 4, 1), ("R12", 2, 1), ("L12", 2, 1)),
        "surprise": (("1+2+5", 4, 2), ("1+2", 4, 2), ("L2", 1, 2), ("R2", 1, 2), ("1", 1, 2)),
        "disgust": (("9", 3, 4), ("10", 4, 4), ("4+9", 3, 4), ("4+10", 2, 4), ("R10", 1, 4), ("L10", 1, 4)),
        "repression": (("15", 4, 5), ("17", 4, 7), ("14", 2, 7), ("15+17", 3, 5), ("R14", 1, 7), ("L14", 1, 7)),
        "others": (("4", 6, 3), ("4+7", 5, 3), ("24", 2, 7), ("7", 1, 7), ("4+14", 1, 7)),
    }
)


# What published sheets combine too, more rarely: action units of the objective classes (Davison et al., 2018), under the emotion by
# whose units CASME II was labelled (Yan et al., 2014: 6 or 12; 9, 10, or 4+7 with them; 15 or 17; 1+2, 2 or 25), others without one.
# A unit alone that such a class knows and no other emotion has goes with its class: 5 with 1+2 and 25.
RARER = MappingProxyType(
    {
        "happiness": ("6", "7+12", "6+7+12"),
        "surprise": ("5", "25", "1+2+25", "5+24"),
        "disgust": ("4+7+9", "4+7+10", "7+10", "4+9+17", "4+5+7+9"),
        "repression": ("6+15", "17+24"),
        "others": ("20", "23", "4+5", "4+5+7", "4+6+7", "1+2+4"),
    }
)


@dataclass(frozen=True)
class Part:
    """One action unit of a movement.

    Attributes:
        unit: its number.
        left, right: strength on either side of the picture, px of the point that moves furthest.
        delay: share of the clip by which it lags.
        turn, spread: how this take's pull differs from the textbook: radians, factor.
    """

    unit: int
    left: float
    right: float
    delay: float = 0.0
    turn: float = 0.0
    spread: float = 1.0


@dataclass(frozen=True)
class Movement:
    """A micro-expression: action units that rise from the onset to the apex and fall back to the offset.

    Attributes:
        emotion, units: as the sheet writes them; objective: objective class, 1–7.
        parts: the action units.
        intensity: px at the apex of the point that moves furthest.
        apex, offset: seconds after the onset.
        remains: share of the movement left at the offset.
    """

    emotion: str
    units: str
    objective: int
    parts: tuple[Part, ...]
    intensity: float
    apex: float
    offset: float
    remains: float

    def activation(self, t: float, delay: float = 0.0) -> float:
        """0 at the onset, 1 at the apex, `remains` at the offset; delayed parts still reach 1 at the apex."""
        lag = delay * self.apex
        if t <= self.apex:
            rise = np.clip((t - lag) / (self.apex - lag), 0, 1)
            return float(rise**3 * (10 - 15 * rise + 6 * rise**2))
        fall = np.clip((t - self.apex) / (self.offset - self.apex), 0, 1)
        return float(1 - (1 - self.remains) * fall**2 * (3 - 2 * fall))


@dataclass(frozen=True)
class Wave:
    """A slow sum of sines; zero mean."""

    sizes: tuple[float, ...]
    rates: tuple[float, ...]
    phases: tuple[float, ...]

    def __call__(self, t: float) -> float:
        return float(
            sum(a * np.sin(2 * np.pi * r * t + f) for a, r, f in zip(self.sizes, self.rates, self.phases, strict=True))
        )


@dataclass(frozen=True)
class Staging:
    """Everything in a clip that knows nothing about the emotion.

    Attributes:
        pose: place, size and turn of the head.
        light: lamp and backdrop.
        rest: how the resting face of this take differs from the person's neutral one.
        lids: rise of upper and lower lid at rest, mm; gaze: mm.
        sway: translation right and down in px, roll in radians, growth as a factor; each over seconds.
        look: small drift of the gaze, mm.
        blink: seconds of the blink's middle, or None; blink_length: seconds.
        flicker: brightness of the lamp over seconds; noise: deviation of the sensor's noise, levels.
    """

    pose: Pose
    light: Light
    rest: tuple[Part, ...]
    lids: tuple[float, float]
    gaze: tuple[float, float]
    sway: tuple[Wave, Wave, Wave, Wave]
    look: tuple[Wave, Wave]
    blink: float | None
    blink_length: float
    flicker: Wave
    noise: float

    def closure(self, t: float) -> float:
        """How far a blink has closed the eyes, 0–1: it closes faster than it opens."""
        return 0.0 if self.blink is None else closure(t - self.blink, self.blink_length)


def closure(since: float, length: float) -> float:
    """How far a blink has closed the eyes, 0–1. Args: since: seconds after its middle; length: seconds."""
    s = since / length
    shape = np.clip(1 - abs(s) / (0.4 if s < 0 else 0.7), 0, 1)
    return float(shape**2 * (3 - 2 * shape))


def deal_emotions(clips: int, rng: np.random.Generator) -> tuple[str, ...]:
    """Emotions of one person's clips: each once where there are enough clips, the rest uneven, shuffled."""
    once = [str(e) for e in rng.permutation(EMOTIONS)[:clips]]
    rest = [str(e) for e in rng.choice(EMOTIONS, size=max(0, clips - len(once)), p=_SHARES)]
    return tuple(str(e) for e in rng.permutation(once + rest))


def draw_movement(emotion: str, rng: np.random.Generator) -> Movement:
    """A random movement of that emotion: which action units, how strong, how fast."""
    options = COMBINATIONS[emotion]
    weights = np.array([w for _, w, _ in options], float)
    units, _, objective = options[int(rng.choice(len(options), p=weights / weights.sum()))]
    intensity = float(1 + 3 * rng.beta(3.5, 1.2))  # px; few are as faint as one pixel
    offset = float(rng.uniform(0.20, 0.45))
    parts = []
    for k, text in enumerate(units.split("+")):
        number, side = int(text.lstrip("LR")), text[0] if text[0] in "LR" else ""
        strength = intensity * (1.0 if k == 0 else float(rng.uniform(0.6, 1.0)))
        # The person's left is on the right of the picture.
        uneven = float(rng.uniform(0.65, 1.0))
        left, right = {"": (1.0, uneven) if rng.random() < 0.5 else (uneven, 1.0), "L": (0.0, 1.0), "R": (1.0, 0.0)}[
            side
        ]
        delay = float(rng.uniform(0, 0.25)) if k else 0.0
        parts.append(draw_part(number, strength * left, strength * right, rng, delay))
    return Movement(
        emotion, units, objective, tuple(parts), intensity, float(offset * rng.uniform(0.36, 0.62)), offset,
        float(rng.uniform(0, 0.25)),
    )  # fmt: skip


def draw_part(unit: int, left: float, right: float, rng: np.random.Generator, delay: float = 0.0) -> Part:
    """An action unit whose pull differs a little from the textbook's."""
    return Part(unit, left, right, delay, float(rng.normal(0, 0.15)), float(rng.uniform(0.85, 1.2)))


def draw_studio(rng: np.random.Generator) -> Light:
    """The lamp and backdrop of one person's recording."""
    grey = float(rng.uniform(0.25, 0.8))
    tint = tuple(float(grey * c) for c in rng.uniform(0.88, 1.12, 3))
    return Light(
        right=float(rng.uniform(-0.75, 0.75)),
        up=float(rng.uniform(0.25, 0.8)),
        key=float(rng.uniform(0.85, 1.1)),
        room=float(rng.uniform(0.22, 0.38)),
        warmth=float(rng.uniform(-0.04, 0.08)),
        backdrop=grey,
        tint=(tint[0], tint[1], tint[2]),
    )


def draw_staging(studio: Light, rng: np.random.Generator) -> Staging:
    """Pose, resting face, sway, blink and light of one clip; it is not told the emotion."""
    blink = float(rng.uniform(-0.15, 0.6)) if rng.random() < 0.2 else None
    light = Light(
        studio.right + float(rng.normal(0, 0.06)), studio.up + float(rng.normal(0, 0.05)),
        studio.key * float(rng.uniform(0.95, 1.05)), studio.room * float(rng.uniform(0.95, 1.05)),
        studio.warmth, studio.backdrop, studio.tint,
    )  # fmt: skip
    resting = rng.permutation(UNITS)[:5]
    return Staging(
        pose=Pose(
            centre=(float(320 + rng.normal(0, 18)), float(214 + rng.normal(0, 9))),
            scale=float(rng.uniform(1.68, 1.94)),
            roll=float(np.clip(rng.normal(0, 0.06), -0.15, 0.15)),
            yaw=float(np.clip(rng.normal(0, 0.07), -0.16, 0.16)),
            pitch=float(np.clip(rng.normal(0, 0.06), -0.13, 0.13)),
        ),
        light=light,
        rest=tuple(draw_part(int(u), float(rng.normal(0, 0.7)), float(rng.normal(0, 0.7)), rng) for u in resting),
        lids=(float(rng.normal(0, 0.35)), float(rng.normal(0, 0.25))),
        gaze=(float(rng.normal(0, 0.7)), float(rng.normal(0, 0.4))),
        sway=(draw_wave(0.5, rng), draw_wave(0.5, rng), draw_wave(0.0013, rng), draw_wave(0.0010, rng)),
        look=(draw_wave(0.15, rng), draw_wave(0.10, rng)),
        blink=blink,
        blink_length=float(rng.uniform(0.16, 0.30)),
        flicker=draw_wave(0.006, rng, (3.0, 40.0)),
        noise=float(rng.uniform(0.9, 1.9)),
    )


def draw_wave(size: float, rng: np.random.Generator, rates: tuple[float, float] = (0.25, 1.6)) -> Wave:
    """A random sway. Args: size: about its largest value; rates: Hz, from and to."""
    sizes = size * rng.uniform(0.3, 1.0, 3) * (1.0, 0.6, 0.35)
    return Wave(
        tuple(float(s) for s in sizes),
        tuple(float(r) for r in rng.uniform(*rates, 3)),
        tuple(float(f) for f in rng.uniform(0, 2 * np.pi, 3)),
    )
