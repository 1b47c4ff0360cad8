"""Who is filmed in which clips, all of it drawn from one seed.

Every person and every clip has random streams of its own, so that clip 7 of person 3 is the same whoever draws it, and
in whatever order. What a clip shows at its onset comes from a stream that does not know the emotion.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tsfmicro.synthetic.light import Light
from tsfmicro.synthetic.person import Person, draw_person
from tsfmicro.synthetic.script import (
    Movement,
    Staging,
    deal_emotions,
    draw_movement,
    draw_staging,
    draw_studio,
)

_LOOKS, _STUDIO, _EMOTIONS, _NAMES, _STAGING, _MOVEMENT, _NOISE = range(7)


@dataclass(frozen=True)
class Scene:
    """One clip to be drawn.

    Attributes:
        subject, name: as CASME II writes them, e.g. sub01 and EP03_11f.
        onset: number of the first frame; apex and offset follow from the movement.
        fps: frames per second.
    """

    seed: int
    person: int
    clip: int
    subject: str
    name: str
    onset: int
    fps: float
    staging: Staging
    movement: Movement

    @property
    def apex(self) -> int:
        return self.onset + round(self.movement.apex * self.fps)

    @property
    def offset(self) -> int:
        return self.onset + round(self.movement.offset * self.fps)

    def seconds(self, frame: int) -> float:
        """Time of a frame's number, seconds after the onset."""
        return (frame - self.onset) / self.fps

    def noise(self, frame: int) -> np.random.Generator:
        """The sensor's noise of one frame."""
        return random_stream(self.seed, self.person, _NOISE, self.clip, frame)


def cast(seed: int, person: int) -> Person:
    """The person of that number, from 0."""
    return draw_person(random_stream(seed, person, _LOOKS))


def scenes(seed: int, person: int, clips: int, fps: float = 200) -> Iterator[Scene]:
    """The clips of one person."""
    studio = draw_studio(random_stream(seed, person, _STUDIO))
    emotions = deal_emotions(clips, random_stream(seed, person, _EMOTIONS))
    names = random_stream(seed, person, _NAMES)
    for clip, emotion in enumerate(emotions):
        episode = f"EP{clip + 1:02d}_{int(names.integers(1, 20)):02d}" + ("f" if names.random() < 0.7 else "")
        yield Scene(
            seed, person, clip, f"sub{person + 1:02d}", episode, int(names.integers(9, 240)), fps,
            _staging(seed, person, clip, studio), _on_frames(draw_movement(emotion, random_stream(seed, person, _MOVEMENT, clip)), fps),
        )  # fmt: skip


def _staging(seed: int, person: int, clip: int, studio: Light) -> Staging:
    return draw_staging(studio, random_stream(seed, person, _STAGING, clip))


def _on_frames(movement: Movement, fps: float) -> Movement:
    """Apex and offset moved to the nearest frames, at least one frame apart."""
    apex = max(1, round(movement.apex * fps))
    return replace(movement, apex=apex / fps, offset=max(apex + 1, round(movement.offset * fps)) / fps)


def random_stream(*key: int) -> np.random.Generator:
    """Random numbers of their own for whatever the key names."""
    return np.random.default_rng(np.random.SeedSequence(key))
