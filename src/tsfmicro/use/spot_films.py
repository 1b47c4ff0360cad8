"""Films from which spotting learns: drawn, measured, and forgotten but for the traces.

Each film is another person at another frame rate, size and coding, before a camera that may shake or pan. A quarter shows no
expression, and some are one picture that is only moved. What is kept of a film is what spotting measures, and its truth.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.errors import FaceError
from tsfmicro.files import write_whole
from tsfmicro.prepare.images import read_image
from tsfmicro.run.watch import Watch
from tsfmicro.spot.spot import spot_video
from tsfmicro.spot.video import open_video
from tsfmicro.synthetic.film import Film, draw_film, draw_hard_film, shoot
from tsfmicro.synthetic.script import Wave, draw_wave
from tsfmicro.use.spot import CUTTING, find_landmarks
from tsfmicro.use.spot_dataset import Trace, read_trace, trace_bytes
from tsfmicro.workers import cores, spread

_VERSION = 1  # raise it when films are drawn or measured otherwise: all are then made again
KINDS = ("micro", "macro")
_SORTS = ("plain", "hard", "hard", "hard", "calm", "calm", "hard", "moved")
_RATES = (25.0, 30.0, 24.0, 30.0, 25.0, 50.0, 30.0, 25.0, 30.0, 60.0, 30.0, 25.0, 100.0)  # frames per second
_SIZES = (640, 480, 320, 640, 400)
_CODINGS = ("MJPG", "MJPG", "mp4v", "MJPG", "mp4v")
_FRAMES = 720  # of a film at most: the time it takes


@dataclass(frozen=True)
class Recipe:
    """One film.

    Attributes:
        number: decides, with the seed, everything random. sort: 'plain' (expressions, blinks and little else), 'hard' (with
            what is no expression), 'calm' (hard, without an expression), 'moved' (one picture that is only moved).
        fps, seconds, width: of the film. code: how it is written. shakes: whether the camera moves.
    """

    seed: int
    number: int
    sort: str
    fps: float
    seconds: float
    width: int
    code: str
    shakes: bool

    @property
    def name(self) -> str:
        return f"{self.seed}-{self.number:03d}-{self.sort}-{self.fps:g}"

    @property
    def frames(self) -> int:
        return round(self.seconds * self.fps)

    def film(self) -> Film:
        if self.sort in ("hard", "calm"):
            return draw_hard_film(self.seed, self.number, self.seconds, self.fps, self.sort == "hard")
        drawn = draw_film(self.seed, self.number, self.seconds, self.fps)
        return replace(drawn, acts=(), staging=replace(drawn.staging, blinks=())) if self.sort == "moved" else drawn

    def truth(self) -> list[tuple[str, float, float]]:
        """Kind, onset and offset (seconds) of what happens in it: expressions, blinks, and all else."""
        drawn = self.film()
        expressions = [(act.kind, act.start, act.end) for act in drawn.acts]
        blinks = [("blink", middle - 0.4 * length, middle + 0.7 * length) for middle, length in drawn.staging.blinks]
        return expressions + blinks + [(one.kind, one.start, one.end) for one in drawn.troubles]


@dataclass(frozen=True, eq=False)
class Lesson:
    """A film that was measured. truth: see `Recipe.truth`."""

    recipe: Recipe
    trace: Trace
    truth: list[tuple[str, float, float]]

    @property
    def minutes(self) -> float:
        return self.recipe.seconds / 60


def recipes(seed: int, count: int) -> Iterator[Recipe]:
    """The films of a seed; the first ones stay the same however many are asked for."""
    for number in range(count):
        rng = np.random.default_rng([seed, number, 71])
        pick = lambda options, step: options[(number * step + number // len(options)) % len(options)]  # noqa: E731, B023
        fps = pick(_RATES, 1)
        code = _CODINGS[int(rng.integers(len(_CODINGS)))]
        width = _SIZES[int(rng.integers(len(_SIZES)))]
        sort = pick(_SORTS, 1)
        yield Recipe(
            seed,
            number,
            sort,
            fps,
            min(24.0, _FRAMES / fps),
            width,
            code,
            sort == "moved" or rng.random() < 0.4,
        )


def lessons(
    folder: Path, seed: int, count: int, workers: int | None = None, watch: Watch | None = None
) -> list[Lesson]:
    """Draw and measure films; go on where an earlier call was stopped. A film in which no face was found is left out.

    Args: folder: gets a file of a few hundred kilobytes for each film. workers: processes; None takes one per core.
    """
    watch, asked = watch or Watch(), list(recipes(seed, count))
    folder.mkdir(parents=True, exist_ok=True)
    missing = [one for one in asked if _known(folder, one) is None]
    total = sum(one.frames for one in asked)
    done = total - sum(one.frames for one in missing)

    def tell(frames: int) -> None:
        nonlocal done
        done += frames
        watch.progress("drawing and measuring frames", done, total)

    tell(0)
    with closing(spread(partial(_make, folder), missing, min(workers or cores(), len(missing)), tell)) as made:
        for _ in made:
            pass
    traces = [(one, _known(folder, one)) for one in asked]
    return [Lesson(one, trace, one.truth()) for one, trace in traces if trace is not None and trace.faces]


def _known(folder: Path, recipe: Recipe) -> Trace | None:
    return read_trace(folder / f"{recipe.name}.npz", _key(recipe))


def _make(folder: Path, recipe: Recipe, tell: Callable[[int], None]) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / ("film.avi" if recipe.code == "MJPG" else "film.mp4")
        _write(path, recipe)
        try:
            found = spot_video(
                open_video(path, read_image), find_landmarks, CUTTING
            )  # what spots well is still to be learned
            trace = Trace(np.arange(found.video.frames), found.video.times, found.segments)
        except FaceError as why:
            trace = Trace(np.arange(recipe.frames), np.arange(recipe.frames) / recipe.fps, (), str(why))
    write_whole(folder / f"{recipe.name}.npz", trace_bytes(trace, _key(recipe)))
    tell(recipe.frames)


def _write(path: Path, recipe: Recipe) -> None:
    size = (recipe.width, recipe.width * 3 // 4)
    code = cv2.VideoWriter.fourcc(*recipe.code)
    backend = cv2.CAP_OPENCV_MJPEG if recipe.code == "MJPG" else cv2.CAP_FFMPEG
    writer = cv2.VideoWriter(str(path), backend, code, recipe.fps, size)
    for picture in _pictures(recipe):
        writer.write(picture if recipe.width == 640 else cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    writer.release()


def _pictures(recipe: Recipe) -> Iterator[NDArray[Any]]:
    drawn = recipe.film()
    rng = np.random.default_rng([recipe.seed, recipe.number, 72])
    camera = _Camera.draw(rng, still=recipe.sort == "moved") if recipe.shakes else None
    first = next(shoot(replace(drawn, troubles=()))) if recipe.sort == "moved" else None
    for number, picture in enumerate(_again(first, recipe.frames, rng) if first is not None else shoot(drawn)):
        yield picture if camera is None else camera.see(picture, number / recipe.fps)


def _again(picture: NDArray[Any], frames: int, rng: np.random.Generator) -> Iterator[NDArray[Any]]:
    """One picture, with other noise each time."""
    height, width = picture.shape[:2]
    for _ in range(frames):
        yield np.clip(picture + rng.normal(0, 1.2, (height, width, 1)), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class _Camera:
    """How a camera moves. right, down: pixels; roll, side: radians; light: change of the brightness; each over seconds."""

    right: Wave
    down: Wave
    roll: Wave
    side: Wave
    light: Wave

    @classmethod
    def draw(cls, rng: np.random.Generator, still: bool) -> _Camera:
        """Args: still: whether nothing else moves, so that all may move further."""
        far = 1.5 if still else 0.7
        much = lambda most, rates=(0.1, 1.2): draw_wave(  # noqa: E731
            far * most * rng.uniform() ** 1.5 if rng.random() < 0.7 else 0.0, rng, rates
        )
        return cls(much(10.0), much(8.0), much(0.06), much(0.2, (0.1, 0.5)), much(0.03, (0.5, 12.0)))

    def see(self, picture: NDArray[Any], t: float) -> NDArray[Any]:
        height, width = picture.shape[:2]
        c, s = np.cos(self.roll(t)), np.sin(self.roll(t))
        side, far = self.side(t), 1.5 * width
        centre = np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
        turned = np.array([[np.cos(side), 0, 0], [0, 1, 0], [-np.sin(side) / far, 0, 1.0]])
        moved = np.array([[c, -s, self.right(t)], [s, c, self.down(t)], [0, 0, 1.0]])
        matrix = np.linalg.inv(centre) @ moved @ turned @ centre
        seen = cv2.warpPerspective(
            picture, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
        )
        return cv2.convertScaleAbs(seen, alpha=1 + self.light(t))


def _key(recipe: Recipe) -> str:
    return hashlib.sha256(json.dumps([_VERSION, asdict(recipe)]).encode()).hexdigest()[:16]
