"""OpenFace's and py-feat's tables: a row for each frame and face, with the presence of action units.

Consecutive frames that show a unit are one moment; units that come and go together are one. A frame lasts until the next one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tsfmicro.coding.base import Format, frame_rate
from tsfmicro.coding.layers import gathered
from tsfmicro.coding.tables import Row, read_table, write_table
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Timeline
from tsfmicro.types import ActionUnit

_UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26, 28, 45)  # OpenFace's
_COLUMN = re.compile(r"au(\d{1,2})(_[cr])?")
_INTENSITIES = "ABCDE"  # OpenFace's 1 to 5
_PRESENT = 0.5  # py-feat gives probabilities


class OpenFace(Format):
    name, title = "openface", "OpenFace's CSV"
    holds = frozenset({"fps", "seconds", "units", "intensity"})

    def knows(self, heads: Collection[str]) -> bool:
        return "frame" in heads and any(map(_COLUMN.fullmatch, heads))

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        heads, rows = read_table(path)
        rate = _rate(rows) or fps
        if rate is None:
            raise AnnotationError(f"{path}: has frames and no timestamps. Add --fps, e.g. --fps 30.")
        units = sorted({int(match[1]) for head in heads if (match := _COLUMN.fullmatch(head))})
        shown = [(unit, *_shown(rows, heads, unit)) for unit in units]
        frames, faces = _frames(rows), _faces(rows)
        found = [
            mark
            for face in dict.fromkeys(faces)
            for unit, there, strength in shown
            for mark in _runs(face, np.array([f == face for f in faces]), frames, unit, there, strength, rate)
        ]
        return [Timeline("", tuple(gathered(found)), rate, (int(frames.max(initial=0)) + 1) / rate, tuple(faces))]

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        (timeline,) = timelines
        fps = frame_rate(timeline, self.title)
        units = sorted({*_UNITS, *(u.number for m in timeline.moments for u in m.units)})
        last = max([round((timeline.seconds or 0) * fps) - 1, *(round(m.offset * fps) for m in timeline.moments), 0])
        faces = _names(timeline)
        shown: dict[tuple[int, str, int], str] = {}
        for m in timeline.moments:
            for frame in range(round(m.onset * fps), max(round(m.offset * fps), round(m.onset * fps) + 1)):
                for unit in m.units:
                    key = frame, m.person, unit.number
                    shown[key] = max(shown.get(key, ""), unit.intensity)
        rows = []
        for frame in range(last + 1):
            for person, face in faces.items():
                codes = [shown.get((frame, person, unit)) for unit in units]
                rows.append(
                    [frame + 1, face, frame / fps, 1, 1, *map(_strength, codes), *(int(c is not None) for c in codes)]
                )
        heads = ["frame", "face_id", "timestamp", "confidence", "success"]
        return write_table(heads + [f"AU{unit:02d}_{what}" for what in "rc" for unit in units], rows)

    def kept(self, timeline: Timeline) -> Timeline:
        """Moments with a unit; that none of one person overlap is taken for granted."""
        names = _names(timeline)
        moments = [
            replace(k, person=names[m.person], units=tuple(sorted(k.units, key=lambda unit: unit.number)))
            for m, k in zip(timeline.moments, super().kept(timeline).moments, strict=True)
            if m.units
        ]
        return replace(super().kept(timeline), moments=tuple(moments), people=tuple(names.values()))

    def _lost(self, t: Timeline) -> Iterable[tuple[str, int]]:
        yield "moments without an action unit", sum(not m.units for m in t.moments)
        yield from super()._lost(t)


def _names(t: Timeline) -> dict[str, str]:
    """Person → number of the face."""
    people = dict.fromkeys([*t.people, *(m.person for m in t.moments)]) or {"": None}
    return {person: str(number) for number, person in enumerate(people)}


def _strength(code: str | None) -> int | None:
    if code is None:
        return 0
    return _INTENSITIES.index(code) + 1 if code else None


def _frames(rows: Sequence[Row]) -> np.ndarray:
    """(N,) frame number of each row, from 0."""
    first = 1 if any(row["timestamp"] for row in rows) else 0  # OpenFace counts from 1, py-feat from 0
    return np.round([row.needed("frame") for row in rows]).astype(int) - first


def _faces(rows: Sequence[Row]) -> list[str]:
    """Which face each row is of. Without a number, faces of one frame are told by their order."""
    seen: Counter[str] = Counter()
    faces = []
    for row in rows:
        faces.append(row.first("face_id", "identity") or str(seen[row["frame"]]))
        seen[row["frame"]] += 1
    return faces


def _rate(rows: Sequence[Row]) -> float | None:
    times = np.unique([t for row in rows if (t := row.number("timestamp")) is not None])
    if len(times) < 2:
        return None
    # Rounded to thousandths, a step is 0.033; of all steps together the rate is told well.
    steps = np.diff(times)
    usual = steps[steps < 1.5 * np.median(steps)]
    return float(round(1 / usual.mean(), 2))


def _runs(
    face: str, own: np.ndarray, frames: np.ndarray, unit: int, there: np.ndarray, strength: np.ndarray, fps: float
) -> Iterator[tuple[str, float, float, ActionUnit]]:
    """Stretches of frames in which a face shows a unit: onset and offset in seconds, the unit at its strongest.

    Args: own: (N,) whether a row is of the face; frames, there, strength: (N,) of every row.
    """
    rows = np.flatnonzero(own & there)
    rows = rows[np.argsort(frames[rows], kind="stable")]
    for run in np.split(rows, np.flatnonzero(np.diff(frames[rows]) > 1) + 1):
        if len(run):
            begin, end = int(frames[run[0]]), int(frames[run[-1]]) + 1
            yield face, begin / fps, end / fps, _unit(unit, float(strength[run].max()))


def _shown(rows: Sequence[Row], heads: Collection[str], unit: int) -> tuple[np.ndarray, np.ndarray]:
    """(N,) whether a unit is there in each row, and how strong: from 1 to 5, 0 where nobody tells."""
    present, strength, own = (
        next((_numbers(rows, h) for h in (f"au{unit:02d}{end}", f"au{unit}{end}") if h in heads), None)
        for end in ("_c", "_r", "")
    )
    if strength is None:
        strength = np.zeros(len(rows))
    if present is None:
        present = strength / 2 if own is None else own
    return present >= _PRESENT, np.nan_to_num(strength)


def _numbers(rows: Sequence[Row], head: str) -> np.ndarray:
    """A column, nan where it is empty. Raises AnnotationError: a cell is no number."""
    try:
        return np.array([row[head] or "nan" for row in rows]).astype(float)
    except ValueError:
        return np.array([row.number(head) for row in rows], float)  # tells the row, or reads decimal commas


def _unit(number: int, strength: float) -> ActionUnit:
    return ActionUnit(number, intensity=_INTENSITIES[min(round(strength), 5) - 1] if round(strength) else "")
