"""OpenFace's and py-feat's tables: a row for each frame and face, with the presence of action units.

Consecutive frames that show a unit are one moment; units that come and go together are one. A frame lasts until the next one.
"""

from __future__ import annotations

import re
from collections import defaultdict
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
    holds = frozenset({"fps", "units", "intensity"})

    def knows(self, heads: Collection[str]) -> bool:
        return "frame" in heads and any(map(_COLUMN.fullmatch, heads))

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        heads, rows = read_table(path)
        faces = _faces(rows)
        rate = _rate(rows) or fps
        if rate is None:
            raise AnnotationError(f"{path}: has frames and no timestamps. Add --fps, e.g. --fps 30.")
        units = sorted({int(match[1]) for head in heads if (match := _COLUMN.fullmatch(head))})
        found = [mark for face, of_it in faces.items() for unit in units for mark in _runs(face, of_it, unit, rate)]
        frames = max((frame for of_it in faces.values() for frame in of_it), default=0) + 1
        return [Timeline("", tuple(gathered(found)), rate, frames / rate, tuple(faces))]

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
                rows.append([frame + 1, face, frame / fps, 1, 1, *map(_strength, codes), *(int(c is not None) for c in codes)])
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


def _faces(rows: Sequence[Row]) -> dict[str, dict[int, Row]]:
    """The rows of each face by frame, from 0. Without a number faces of one frame are told by their order."""
    first = 1 if any(row["timestamp"] for row in rows) else 0  # OpenFace counts from 1, py-feat from 0
    faces: dict[str, dict[int, Row]] = defaultdict(dict)
    for row in rows:
        frame = round(row.needed("frame")) - first
        face = row.first("face_id", "identity") or next(str(n) for n in range(len(faces) + 1) if frame not in faces[str(n)])
        faces[face][frame] = row
    return {face: of_it for face, of_it in faces.items() if of_it}


def _rate(rows: Sequence[Row]) -> float | None:
    times = np.unique([t for row in rows if (t := row.number("timestamp")) is not None])
    if len(times) < 2:
        return None
    # Rounded to thousandths, a step is 0.033; of all steps together the rate is told well.
    steps = np.diff(times)
    usual = steps[steps < 1.5 * np.median(steps)]
    return float(round(1 / usual.mean(), 2))


def _runs(face: str, rows: dict[int, Row], unit: int, fps: float) -> Iterator[tuple[str, float, float, ActionUnit]]:
    """Stretches of frames that show a unit: face, onset and offset in seconds, the unit at its strongest."""
    begun, strongest, last = None, 0.0, -1
    for frame, row in sorted(rows.items()):
        there, strength = _shows(row, unit)
        if begun is not None and (not there or frame != last + 1):
            yield face, begun / fps, (last + 1) / fps, _unit(unit, strongest)
            begun = None
        if there:
            begun, strongest = (frame, strength) if begun is None else (begun, max(strongest, strength))
        last = frame
    if begun is not None:
        yield face, begun / fps, (last + 1) / fps, _unit(unit, strongest)


def _shows(row: Row, unit: int) -> tuple[bool, float]:
    names = (f"au{unit:02d}", f"au{unit}")
    present, strength = (next((v for name in names if (v := row.number(f"{name}{end}")) is not None), None) for end in ("_c", "_r"))
    if present is None:
        own = next((v for name in names if (v := row.number(name)) is not None), 0.0)  # py-feat's
        present = own if strength is None else strength / 2
    return present >= _PRESENT, strength or 0.0


def _unit(number: int, strength: float) -> ActionUnit:
    return ActionUnit(number, intensity=_INTENSITIES[min(round(strength), 5) - 1] if round(strength) else "")
