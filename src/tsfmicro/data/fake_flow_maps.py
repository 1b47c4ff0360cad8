"""Flow maps of nobody, in the folders that people have: for tests, for measuring, and to try the composite without data.

A class moves its own parts of the face (negative: brows down and together; positive: mouth corners up; surprise: brows up
and the jaw down), every person in an own measure, with noise; so there is something to learn, and nothing to learn by heart.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tsfmicro.data.fake import deal
from tsfmicro.data.megc2019 import CLASSES, PUBLISHED
from tsfmicro.errors import ConfigError
from tsfmicro.generated import MANIFEST

if TYPE_CHECKING:
    from numpy.random import Generator

_PEOPLE: Mapping[str, list[str]] = {
    "casme2": [f"sub{n:02d}" for n in range(1, 27) if n not in (10, 18)],
    "smic": [f"s{n:02d}" for n in (1, 2, 3, 4, 5, 6, 8, 9, 11, 12, 13, 14, 15, 18, 19, 20)],
    "samm": [f"{n:03d}" for n in range(6, 38) if n not in (8, 25, 27, 29)],
}
_SHORT = {"negative": "ne", "positive": "po", "surprise": "sur"}

# Of each class: (x, y) of a part, in shares of the map; its flow (u, v), in grey levels.
_MOVES: Mapping[str, tuple[tuple[tuple[float, float], tuple[float, float]], ...]] = {
    "negative": (((0.3, 0.22), (14, 26)), ((0.7, 0.22), (-14, 26))),
    "positive": (((0.3, 0.75), (-18, -24)), ((0.7, 0.75), (18, -24))),
    "surprise": (((0.3, 0.22), (0, -28)), ((0.7, 0.22), (0, -28)), ((0.5, 0.85), (0, 22))),
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Fake:
    dataset: str
    subject: str
    name: str
    label: int

    @property
    def file(self) -> str:
        stem = f"{self.subject}_{self.name}" if self.dataset == "casme2" else self.name
        return f"{stem} .png"


def write_flow_maps(
    root: Path,
    rng: Generator,
    *,
    people: int | None = None,
    clips: int | None = None,
    folders: bool = True,
    size: int = 28,
    noise: float = 5.0,
    seed: int | None = None,
    tell: Progress = lambda done, total: None,
) -> None:
    """Write flow maps in the shape of STSTNet's: 442 clips of 68 people, as many in each dataset and class as MEGC2019 has.

    Args:
        people: only so many of each dataset, with their clips.
        clips: of these at most so many, spread over all.
        folders: a folder for each left-out subject, which repeats nearly all files; else all files in one, with a list.
        size: edge of the maps, pixels.
        noise: grey levels.
        seed: of `rng`, where it is known: with it a start's card tells whether it has seen these people.
        tell: called with the folders that were written, and all of them.
    Raises:
        ConfigError: the folder holds something.
    """
    if root.exists() and any(root.iterdir()):
        raise ConfigError(f"{root}: is not empty. Choose a new folder.")
    root.mkdir(parents=True, exist_ok=True)
    about = {} if seed is None else {"seed": seed}
    (root / MANIFEST).write_text(json.dumps(about), encoding="utf-8")  # so that a run says its data are generated
    cast = _clips(rng, people)
    count = min(len(cast), clips or len(cast))
    chosen = [cast[i * len(cast) // count] for i in range(count)]
    own = {subject: rng.normal(0, 4, (2, 4, 4)) for subject in sorted({(c.dataset, c.subject) for c in chosen})}
    maps = {clip: _png(clip, own[clip.dataset, clip.subject], size, noise, rng) for clip in chosen}
    if not folders:
        for clip, png in maps.items():
            (root / clip.file).write_bytes(png)
        with (root / "list.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([c.dataset, c.subject, c.name, c.label] for c in chosen)
        return
    for done, out in enumerate(own):
        tell(done, len(own))
        for clip, png in maps.items():
            side = "u_test" if (clip.dataset, clip.subject) == out else "u_train"
            place = root / out[1] / side / str(clip.label)
            place.mkdir(parents=True, exist_ok=True)
            (place / clip.file).write_bytes(png)
    tell(len(own), len(own))


def _clips(rng: Generator, people: int | None) -> list[_Fake]:
    clips = []
    for dataset, counts in PUBLISHED.items():
        dealt = deal(dict(zip(CLASSES, counts, strict=True)), dict.fromkeys(CLASSES, _PEOPLE[dataset]), rng)
        for number, (subject, emotion) in enumerate(dealt):
            name = {
                "casme2": f"EP{number % 20:02d}_{number:02d}f",
                "smic": f"{subject}_{_SHORT[emotion]}_{number:02d}",
                "samm": f"{subject}_{number % 7 + 1}_{number}",
            }[dataset]
            if people is None or subject in _PEOPLE[dataset][:people]:
                clips.append(_Fake(dataset, subject, name, CLASSES.index(emotion)))
    return clips


def _png(clip: _Fake, own: np.ndarray, size: int, noise: float, rng: Generator) -> bytes:
    """A map: the class's movement, the person's way to hold the head, and noise; grey 128 where nothing moves."""
    rows, columns = np.mgrid[:size, :size] / size
    coarse = own + rng.normal(0, 26, own.shape)  # the head and the rest of the face move in every clip
    flow = np.stack([cv2.resize(part, (size, size), interpolation=cv2.INTER_CUBIC) for part in coarse])
    strength = rng.uniform(0.0, 0.6)
    for (x, y), vector in _MOVES[CLASSES[clip.label]]:
        spot = np.exp(-((columns - x - rng.normal(0, 0.03)) ** 2 + (rows - y - rng.normal(0, 0.03)) ** 2) / 0.018)
        flow += strength * np.reshape(vector, (2, 1, 1)) * spot
    flow += rng.normal(0, noise, flow.shape)
    along_y, along_x = np.gradient(flow, axis=(1, 2))
    strain = np.sqrt(along_x[0] ** 2 + along_y[1] ** 2 + (along_y[0] + along_x[1]) ** 2 / 2)
    grey = np.clip(np.stack([128 + flow[0], 128 + flow[1], 6 * strain], -1), 0, 255).astype(np.uint8)
    return cv2.imencode(".png", cv2.cvtColor(grey, cv2.COLOR_RGB2BGR))[1].tobytes()
