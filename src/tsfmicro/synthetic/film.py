"""Generated videos: minutes in front of the camera, with micro- and macro-expressions, blinks and a head that moves.

A film differs from a clip in that nobody has cut it: neutral stretches lie between expressions of both lengths, blinks come
at any time, and the head drifts by several pixels. What happened when stands in `truth.csv`, so that spotting can be scored.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.errors import ConfigError, RunError
from tsfmicro.files import write_whole
from tsfmicro.synthetic.actor import HEIGHT, WIDTH, Actor, Image, Take
from tsfmicro.synthetic.cast import cast, random_stream
from tsfmicro.synthetic.draw import Field
from tsfmicro.synthetic.eyes import EyeState
from tsfmicro.synthetic.head import GRID
from tsfmicro.synthetic.light import Light
from tsfmicro.synthetic.script import (
    EMOTIONS,
    Movement,
    Part,
    Staging,
    Wave,
    closure,
    draw_movement,
    draw_staging,
    draw_studio,
    draw_wave,
)
from tsfmicro.synthetic.trouble import (
    KINDS,
    MOUTH,
    LowRate,
    Trouble,
    beside,
    draw_trouble,
    gaze_at,
    shown_at,
    spoil,
    turn_at,
    turn_shift,
)
from tsfmicro.synthetic.write import claim
from tsfmicro.workers import cores, spread

TRUTH = "truth.csv"
_STUDIO, _STAGING, _ACTS, _BLINKS, _NOISE, _TROUBLES = range(
    100, 106
)  # streams of their own: clips use the numbers below

_PIVOT = 25.0  # mm of height about which a head turns, as in `pose`

Kind = Literal["micro", "macro"]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Act:
    """One expression in a film.

    Attributes:
        start: seconds of the onset.
        hold: seconds for which the apex is held; 0 for a micro-expression.
    """

    kind: Kind
    movement: Movement
    start: float
    hold: float

    @property
    def apex(self) -> float:
        """Seconds at which the movement is first complete."""
        return self.start + self.movement.apex

    @property
    def end(self) -> float:
        """Seconds of the offset."""
        return self.start + self.movement.offset + self.hold

    def level(self, t: float, part: Part) -> float:
        """How far one of its action units has risen, 0–1."""
        since = t - self.start
        if since > self.movement.apex:
            since = max(self.movement.apex, since - self.hold)
        return self.movement.activation(since, part.delay)


@dataclass(frozen=True)
class LongStaging(Staging):
    """A staging with any number of blinks: (seconds of the middle, length in seconds)."""

    blinks: tuple[tuple[float, float], ...] = ()

    def closure(self, t: float) -> float:
        return max((closure(t - middle, length) for middle, length in self.blinks), default=0.0)


@dataclass(frozen=True)
class Film:
    """One video to be drawn: everything random in it but the sensor's noise."""

    seed: int
    person: int
    fps: float
    seconds: float
    staging: LongStaging
    acts: tuple[Act, ...]
    troubles: tuple[Trouble, ...] = ()
    syllables: tuple[Act, ...] = ()  # what a mouth does that speaks: no expressions

    @property
    def name(self) -> str:
        return f"sub{self.person + 1:02d}"

    @property
    def frames(self) -> int:
        return round(self.seconds * self.fps)

    def noise(self, frame: int) -> np.random.Generator:
        return random_stream(self.seed, self.person, _NOISE, frame)

    def rows(self) -> Iterator[list[Any]]:
        """What happens in it, as `truth.csv` has it."""
        number = lambda seconds: round(seconds * self.fps)  # noqa: E731
        for act in self.acts:
            m = act.movement
            yield [
                f"{self.name}.avi", act.kind, m.emotion, m.units, f"{m.intensity:.3f}",
                number(act.start), number(act.apex), number(act.end), f"{self.fps:g}",
            ]  # fmt: skip
        for middle, length in self.staging.blinks:
            times = (middle - 0.4 * length, middle, middle + 0.7 * length)
            yield [f"{self.name}.avi", "blink", "", "", "", *map(number, times), f"{self.fps:g}"]
        for one in self.troubles:
            times = (one.start, (one.start + one.end) / 2, one.end)
            yield [f"{self.name}.avi", one.kind, "", "", "", *map(number, times), f"{self.fps:g}"]


@dataclass(frozen=True)
class TrueExpression:
    """A row of truth.csv: frame numbers from 0; a blink has kind 'blink'."""

    kind: str
    onset: int
    apex: int
    offset: int


def read_truth(folder: Path) -> dict[str, list[TrueExpression]]:
    """What happens in each video of a folder that `write_films` wrote, by file name."""
    truth: dict[str, list[TrueExpression]] = {path.name: [] for path in sorted(folder.glob("*.avi"))}
    with (folder / TRUTH).open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            frames = (int(row[column]) for column in ("onset", "apex", "offset"))
            truth[row["video"]].append(TrueExpression(row["kind"], *frames))
    return truth


class FilmTake(Take):
    """A person who shows several expressions, one after another."""

    def __init__(self, actor: Actor, film: Film) -> None:
        self._film = film
        acts = (*film.acts, *film.syllables)
        self._parts = [(act, part) for act in acts for part in act.movement.parts]
        everything = replace(acts[0].movement, parts=tuple(p for _, p in self._parts)) if acts else None
        super().__init__(actor, film.staging, everything)
        self._turns = [one for one in film.troubles if one.kind in ("turn", "swallowing")]
        self._glances = [one for one in film.troubles if one.kind == "glance"]
        if self._turns:
            self._depth = self._sample(self._portrait.relaxed, GRID) - np.float32(_PIVOT)

    def _levels(self, t: float) -> list[np.float32]:
        return [np.float32(act.level(t, part)) for act, part in self._parts]

    def frame(self, t: float, noise: np.random.Generator | None = None) -> Image:
        turns = [(yaw, pitch) for yaw, pitch in (turn_at(one, t) for one in self._turns) if yaw or pitch]
        if not turns:
            return super().frame(t, noise)
        picture = super().frame(t)  # with its eyes, which go along
        for yaw, pitch in turns:
            right, down = self._turned(yaw, pitch)
            picture = cv2.remap(
                picture, self._columns - right, self._rows - down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
        return self._grained(picture.astype(np.float32), noise)

    def _turned(self, yaw: float, pitch: float) -> Field:
        """(2, H, W) px by which a turn moves what is seen at a pixel; it comes from where the face is of another depth."""
        pose, fields = self.staging.pose, np.dstack([self._x, self._y, self._depth, self._follow])
        shift: Field = np.zeros((2, HEIGHT, WIDTH), np.float32)
        for _ in range(5):
            x, y, depth, follow = cv2.split(
                cv2.remap(
                    fields,
                    self._columns - shift[0],
                    self._rows - shift[1],
                    cv2.INTER_LINEAR,
                    borderMode=cv2.BORDER_REPLICATE,
                )
            )
            turned = pose.rolled(np.moveaxis(turn_shift(yaw, pitch, x, y, depth), 0, -1))
            shift = follow * np.moveaxis(pose.scale * turned, -1, 0).astype(np.float32)
        return shift

    def _eye_states(self, t: float) -> tuple[EyeState, EyeState]:
        states = super()._eye_states(t)
        for one in self._glances:
            right, down = gaze_at(one, t)
            states = tuple(replace(state, gaze=(state.gaze[0] + right, state.gaze[1] + down)) for state in states)  # type: ignore[assignment]
        return states

    def middle(self, t: float) -> tuple[float, float]:
        """x and y of the point between the pupils, px, wherever the head sways."""
        x, y = self.staging.pose.centre
        right, down = self._sway_at(t, x, y)
        return x + float(right), y + float(down)


@dataclass(frozen=True)
class FilmOrder:
    """What was asked for; two folders with the same order hold the same bytes."""

    videos: int
    seconds: float
    seed: int
    fps: float
    width: int

    def films(self) -> Iterator[Film]:
        return (draw_film(self.seed, person, self.seconds, self.fps) for person in range(self.videos))


@dataclass(frozen=True)
class HardFilmOrder(FilmOrder):
    """An order of films with what is no expression in them. expressions: whether there are any besides."""

    expressions: bool

    def films(self) -> Iterator[Film]:
        for person in range(self.videos):
            yield draw_hard_film(self.seed, person, self.seconds, self.fps, self.expressions)


def draw_film(seed: int, person: int, seconds: float, fps: float) -> Film:
    """The film of that person, from 0."""
    studio = draw_studio(random_stream(seed, person, _STUDIO))
    return Film(
        seed, person, fps, seconds,
        _long_staging(studio, seconds, random_stream(seed, person, _STAGING), random_stream(seed, person, _BLINKS)),
        tuple(_draw_acts(seconds, fps, random_stream(seed, person, _ACTS))),
    )  # fmt: skip


def draw_hard_film(seed: int, person: int, seconds: float, fps: float, expressions: bool = True) -> Film:
    """A film in which hands and things come before the face, the head turns, the mouth speaks, the light flickers and more
    (see `trouble`), with expressions between or without any. The people are those of `draw_film`."""
    film, rng = draw_film(seed, person, seconds, fps), random_stream(seed, person, _TROUBLES)
    acts: list[Act] = []
    troubles: list[Trouble] = []
    syllables: list[Act] = []
    start, kinds = float(rng.uniform(0.8, 1.5)), [str(kind) for kind in rng.permutation(KINDS)]
    while True:
        if expressions and rng.random() < 0.5:
            act = _draw_act(start, fps, rng)
            end = act.end
            acts.append(act)
        else:
            trouble = draw_trouble(kinds[len(troubles) % len(kinds)], start, rng)
            end = trouble.end
            troubles.append(trouble)
            if trouble.kind in MOUTH:
                syllables += _draw_syllables(trouble, rng)
        if end + 0.4 > seconds:
            break
        start = end + float(rng.uniform(0.8, 1.8))
    whole = tuple(one for one in troubles if one.end + 0.4 <= seconds)
    spoken = (act for act in syllables if act.end + 0.4 <= seconds)
    return replace(
        film,
        acts=tuple(act for act in acts if act.end + 0.4 <= seconds),
        troubles=whole,
        # Of a mouth that would speak on beyond the end, nothing: the truth names what is whole.
        syllables=tuple(act for act in spoken if any(one.start <= act.start < one.end for one in whole)),
    )


def _draw_syllables(trouble: Trouble, rng: np.random.Generator) -> Iterator[Act]:
    """Movements of a mouth, one into the other: three to five a second where it speaks, one or two where it chews, and a
    single one of a mouth that swallows."""
    shortest, longest = {"speech": (0.2, 0.35), "chewing": (0.45, 0.8), "swallowing": (0.5, 0.6)}[trouble.kind]
    start = trouble.start
    while start + min(longest, shortest + 0.15) <= trouble.end:
        drawn = draw_movement("repression", rng)
        unit = int(rng.choice(MOUTH[trouble.kind]))
        strength = float(rng.uniform(1, 2) if trouble.kind == "swallowing" else rng.uniform(2, 5))
        uneven = float(rng.uniform(0.3, 1)) if trouble.kind == "chewing" else 1.0  # one chews on one side
        length = float(rng.uniform(shortest, longest))
        part = replace(drawn.parts[0], unit=unit, left=strength, right=strength * uneven, delay=0.0)
        yield Act("micro", replace(drawn, parts=(part,), apex=length / 2, offset=length, remains=0.0), start, 0.0)
        start += length * float(rng.uniform(0.7, 1.0)) if trouble.kind != "swallowing" else 9.0


def _draw_acts(seconds: float, fps: float, rng: np.random.Generator) -> Iterator[Act]:
    """Expressions of both lengths with neutral stretches of 0.8–2.5 s between them."""
    start = float(rng.uniform(0.5, 1.5))
    while True:
        act = _draw_act(start, fps, rng)
        if act.end + 0.4 > seconds:
            return
        yield act
        start = act.end + float(rng.uniform(0.8, 2.5))


def _draw_act(start: float, fps: float, rng: np.random.Generator) -> Act:
    drawn = replace(draw_movement(str(rng.choice(EMOTIONS)), rng), remains=0.0)
    kind: Kind = "micro" if rng.random() < 0.6 else "macro"
    hold, stronger = 0.0, 1.0
    rise, fall = drawn.apex, drawn.offset - drawn.apex
    if kind == "macro":
        hold, stronger = float(rng.uniform(0, 1.2)), float(rng.uniform(1.3, 2.0))
        rise, fall = float(rng.uniform(0.35, 0.8)), float(rng.uniform(0.45, 1.2))
    apex, offset, first = (max(1, round(s * fps)) / fps for s in (rise, rise + fall, start))
    parts = tuple(replace(p, left=p.left * stronger, right=p.right * stronger) for p in drawn.parts)
    movement = replace(
        drawn, parts=parts, intensity=drawn.intensity * stronger, apex=apex, offset=max(offset, apex + 1 / fps)
    )
    return Act(kind, movement, first, round(hold * fps) / fps)


def _long_staging(
    studio: Light, seconds: float, rng: np.random.Generator, blinking: np.random.Generator
) -> LongStaging:
    """The staging of a clip, with a head that also drifts slowly and further, and a blink every few seconds."""
    clip = draw_staging(studio, rng)
    drifts = (3.0, 2.5, 0.012, 0.008)  # right and down, px; roll, radians; growth
    sway = tuple(
        _both(quick, draw_wave(size, rng, (0.04, 0.25))) for quick, size in zip(clip.sway, drifts, strict=True)
    )
    blinks, middle = [], float(blinking.uniform(0.3, 3))
    while middle < seconds:
        blinks.append((middle, float(blinking.uniform(0.16, 0.30))))
        middle += float(blinking.uniform(1.5, 5))
    values = {field.name: getattr(clip, field.name) for field in fields(clip)}
    return LongStaging(**values | {"sway": sway, "blink": None}, blinks=tuple(blinks))


def _both(one: Wave, other: Wave) -> Wave:
    return Wave(one.sizes + other.sizes, one.rates + other.rates, one.phases + other.phases)


def write_films(
    out: Path,
    videos: int = 2,
    seconds: float = 20,
    seed: int = 0,
    fps: float = 100,
    width: int = WIDTH,
    workers: int | None = None,
    progress: Progress | None = None,
    hard: bool = False,
    expressions: bool = True,
) -> Path:
    """Draw videos of people, each another person, with the truth beside them.

    A video appears when its last frame is written; started again, a killed run draws only what is missing.

    Args:
        out: folder to write; new, empty, or begun with the same arguments.
        videos, seconds: how many, and how long each.
        seed: decides everything that is random.
        fps: frames per second.
        width: of a frame, pixels; the height is three quarters of it.
        workers: processes; None takes one per core.
        progress: called with (frames done, frames in all).
        hard: with what moves a face's picture and is no expression, see `trouble`; then also without any expressions.
    Returns: `out`: sub01.avi, … (Motion JPEG) and truth.csv: video, kind (micro, macro, blink, and the troubles'), emotion, action_units,
        intensity_px (at 640 px), onset, apex, offset (frame numbers from 0), fps.
    Raises:
        ConfigError: numbers that cannot work, or a folder that holds something else.
        RunError: a file cannot be written. TsfmicroError: a process was killed.
    """
    order = FilmOrder(videos, float(seconds), seed, float(fps), width)
    if hard:
        order = HardFilmOrder(videos, float(seconds), seed, float(fps), width, expressions)
    _check(order)
    out = Path(out)
    tell = progress or (lambda done, total: None)
    try:
        claim(out, order)
        _draw_all(out, order, workers or cores(), tell)
        _write_truth(out / TRUTH, order)
    except OSError as error:
        raise RunError(
            f"{error.filename or out}: cannot be written ({error.strerror or error}). "
            "Free some space or choose another folder, then start again: finished videos are kept."
        ) from None
    return out


def _check(order: FilmOrder) -> None:
    wrong = [f"videos={order.videos} (at least 1)"] * (order.videos < 1)
    wrong += [f"seconds={order.seconds:g} (1 to 600)"] * (not 1 <= order.seconds <= 600)
    wrong += [f"seed={order.seed} (at least 0)"] * (order.seed < 0)
    wrong += [f"fps={order.fps:g} (10 to 1000)"] * (not 10 <= order.fps <= 1000)
    wrong += [f"width={order.width} (160 to {WIDTH})"] * (not 160 <= order.width <= WIDTH)
    if wrong:
        raise ConfigError(f"generated videos: cannot draw {', '.join(wrong)}.")


def _draw_all(out: Path, order: FilmOrder, workers: int, progress: Progress) -> None:
    missing = [film for film in order.films() if not (out / f"{film.name}.avi").exists()]
    total = sum(film.frames for film in order.films())
    done = total - sum(film.frames for film in missing)
    progress(done, total)

    def count(frames: int) -> None:
        nonlocal done
        done += frames
        progress(done, total)

    with closing(spread(partial(_draw_film, out, order.width), missing, min(workers, len(missing)), count)) as drawn:
        for _ in drawn:
            pass


def _draw_film(out: Path, width: int, film: Film, tell: Callable[[int], None]) -> None:
    """Write a film under another name, and give it its name when it is whole."""
    final, part = out / f"{film.name}.avi", out / f".{film.name}.part.avi"
    size = (width, width * HEIGHT // WIDTH)
    writer = cv2.VideoWriter(str(part), cv2.CAP_OPENCV_MJPEG, cv2.VideoWriter.fourcc(*"MJPG"), film.fps, size)
    if not writer.isOpened():
        raise RunError(f"{part}: cannot be written. Free some space or choose another folder.")
    told = 0
    for number, picture in enumerate(shoot(film)):
        writer.write(picture if width == WIDTH else cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
        if (number + 1) % 25 == 0 or number + 1 == film.frames:
            tell(number + 1 - told)
            told = number + 1
    writer.release()
    part.replace(final)


def shoot(film: Film) -> Iterator[NDArray[Any]]:
    """The frames, (480, 640, 3) uint8, blue first as OpenCV orders colours."""
    take = FilmTake(Actor(cast(film.seed, film.person)), film)
    x, y = film.staging.pose.centre
    half = 62 * film.staging.pose.scale  # mm: half a face's width
    skin = other = before = None
    coded, shows = LowRate(), -1.0
    for number in range(film.frames):
        t = number / film.fps
        shown = min(shown_at(one, t) for one in film.troubles) if film.troubles else t
        if before is not None and shown < t and shown <= shows:
            yield before  # this one was dropped
            continue
        shows, picture = t, take.frame(t, film.noise(number))
        if skin is None:
            skin = np.median(
                picture[round(y) : round(y + half), round(x - half / 2) : round(x + half / 2)], axis=(0, 1)
            )
        middle, below = take.middle(t)
        for one in film.troubles:
            if one.kind == "other person":
                if other is None:
                    other = _another(film)
                picture = beside(picture, other, one, t)
            elif one.kind == "low rate":
                picture = coded(picture, one.strength, t) if one.level(t) else picture
            else:
                picture = spoil(picture, one, t, (middle, below + 0.4 * half, half), skin)
        before = picture
        yield picture


def _another(film: Film) -> NDArray[Any]:
    """A picture of somebody else who plays in no film."""
    unknown = draw_film(film.seed, film.person + 1000, 1, film.fps)
    return FilmTake(Actor(cast(film.seed, unknown.person)), unknown).frame(0)


def _write_truth(path: Path, order: FilmOrder) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["video", "kind", "emotion", "action_units", "intensity_px", "onset", "apex", "offset", "fps"])
    for film in order.films():
        table.writerows(film.rows())
    write_whole(path, text.getvalue())
