"""68 points on the face, in pixels of the aligned face: by a network that comes with the package, or from the user's own file."""

from __future__ import annotations

import csv
from collections.abc import Collection
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
from pydantic import Field, FilePath, field_serializer, model_validator

from tsfmicro.config import Section
from tsfmicro.errors import ConfigError, FrameError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.points68 import MIRROR, face_mesh
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.prepare.products.frames import chosen, numbers_of
from tsfmicro.types import Clip, Pair

POINTS = 68
_COLUMNS = [f"{axis}_{n}" for axis in "xy" for n in range(POINTS)]


class WhosePoints(Section):
    """The network's, or those of a file."""

    file: FilePath | None = Field(
        None, description="CSV of points found elsewhere: clip, frame, x_0 … x_67, y_0 … y_67 in pixels of the frame"
    )

    @field_serializer("file")
    def _known_by_what_it_holds(self, file: Path | None) -> str | None:
        """So that a cache notices a changed file, and does not notice that it was moved."""
        return None if file is None else sha256(file.read_bytes()).hexdigest()


class Landmarks68Options(WhosePoints):
    """On which frames, and whose points."""

    frames: bool = Field(False, description="points of each frame from onset to offset; else of the onset alone")
    count: int | None = Field(None, ge=1, description="of frames, evenly spaced; by default all there are")

    @model_validator(mode="after")
    def _count_is_of_frames(self) -> Landmarks68Options:
        if self.count is not None and not self.frames:
            raise ValueError("count is a number of frames: set frames=true, or leave count out")
        return self


@product
class Landmarks68(Product[Landmarks68Options]):
    """(68, 2) float32, x and y on the onset, in the order of 300-W; with frames, (count, 68, 2), or (length, 68, 2) with a
    length for each clip."""

    name = "landmarks68"
    dtype = "float32"
    unit = "px"
    moves = "points"
    swap = MIRROR
    Options = Landmarks68Options

    def shape(self, size: int | None, options: Landmarks68Options) -> tuple[int, ...]:
        edge_of(self.name, size)
        return (POINTS, 2) if options.count is None else (options.count, POINTS, 2)

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: Landmarks68Options) -> np.ndarray:
        clip, matrix = aligned.clip, aligned.matrix(edge_of(self.name, size))
        numbers = chosen(numbers_of(clip), options.count) if options.frames else [clip.onset]
        found = points_in(aligned, dict.fromkeys(numbers), options.file)
        points = np.stack([found[n] for n in numbers]) @ matrix[:, :2].T + matrix[:, 2]
        return (points if options.frames else points[0]).astype(np.float32)

    def length(self, clip: Clip, options: Landmarks68Options) -> int | None:
        return len(numbers_of(clip)) if options.frames and options.count is None else None

    def reads(self, clip: Clip, options: Landmarks68Options) -> Collection[int]:
        return set(chosen(numbers_of(clip), options.count)) if options.frames and options.file is None else ()

    def looks_between(self, options: Landmarks68Options) -> bool:
        return options.frames


def points_in(aligned: AlignedClip, numbers: Collection[int], file: Path | None) -> dict[int, np.ndarray]:
    """(68, 2) by frame, pixels of the frame. Raises FrameError: the network sees no face, or the file lacks a frame."""
    return _find(aligned, numbers) if file is None else _look_up(aligned.clip, numbers, file)


def _find(aligned: AlignedClip, numbers: Collection[int]) -> dict[int, np.ndarray]:
    """Points by frame. The network looks at the same place in all frames, so that nothing moves but the face."""
    onset, mesh = aligned.clip.onset, face_mesh()
    square = mesh.square(aligned.frame(onset), aligned.landmarks, aligned.where(onset))
    return {n: mesh.points(aligned.frame(n, keep=n == onset), square, aligned.where(n)) for n in numbers}


def _look_up(clip: Clip, numbers: Collection[int], file: Path) -> dict[int, np.ndarray]:
    by_clip = _read(file, file.stat().st_mtime_ns)
    if clip.id not in by_clip:
        raise FrameError(f"{clip.id}: {file} has no points of this clip. Add its rows, or exclude the clip.")
    lacking = [n for n in numbers if n not in by_clip[clip.id]]
    if lacking:
        raise FrameError(f"{clip.id}: {file} has no points of frame {lacking[0]}. Add the row, or exclude the clip.")
    return by_clip[clip.id]


@lru_cache(maxsize=4)
def _read(file: Path, changed: int) -> dict[str, dict[int, np.ndarray]]:
    """Clip → frame → (68, 2), pixels of the frame. Raises ConfigError: a column is missing, or a row cannot be read."""
    found: dict[str, dict[int, np.ndarray]] = {}
    with file.open(newline="", encoding="utf-8-sig") as text:
        rows = csv.DictReader(text, skipinitialspace=True)
        lacking = [name for name in ("clip", "frame", *_COLUMNS) if name not in (rows.fieldnames or ())]
        if lacking:
            raise ConfigError(
                f"{file}: has no column {lacking[0]}. It needs clip, frame, x_0 … x_67 and y_0 … y_67 in pixels of the frame."
            )
        for row in rows:
            frames = found.setdefault(row["clip"], {})
            try:
                number, values = int(row["frame"]), np.array([float(row[name]) for name in _COLUMNS])
            except (TypeError, ValueError):
                raise ConfigError(f"{file}, line {rows.line_num}: is no frame with 68 points. Correct it.") from None
            if number in frames or not np.isfinite(values).all():
                what = f"frame {number} of {row['clip']} again" if number in frames else "a value that is no number"
                raise ConfigError(
                    f"{file}, line {rows.line_num}: {what}. Leave one row for each frame, with all values."
                )
            frames[number] = values.reshape(2, POINTS).T
    return found
