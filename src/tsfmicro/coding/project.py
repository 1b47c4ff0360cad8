"""Our own table, codes.csv: a row for each moment of each video. Beside a folder `videos` it is a dataset, `coded`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from tsfmicro.coding.base import Format
from tsfmicro.coding.tables import Row, read_table, units_of, write_table
from tsfmicro.columns import CODED, heads
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline, kind_named, units_text

FILE = "codes.csv"


class Project(Format):
    """A video without moments has a row for each of its people, with nothing but the video's own columns."""

    name, title, several, columns = "codes", "our codes.csv", True, CODED

    def knows(self, heads: Collection[str]) -> bool:
        return {"video", "onset_s", "offset_s", "kind"} <= {*heads}

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        _, rows = read_table(path)
        videos: dict[str, list[Row]] = {}
        for row in rows:
            videos.setdefault(row["video"], []).append(row)
        return [_timeline(video, of_it, fps) for video, of_it in videos.items()]

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        return write_table(heads(CODED), [row for t in timelines for row in _rows(t)])


def _timeline(video: str, rows: Sequence[Row], fps: float | None) -> Timeline:
    told = {}
    for head in ("fps", "seconds"):
        values = {value: row for row in rows if (value := row.number(head)) is not None}
        if len(values) > 1:
            where = [*values.values()][1].where
            raise AnnotationError(
                f"{where}: {video} has two values of {head}, {' and '.join(map('{:g}'.format, values))}. Correct one."
            )
        told[head] = next(iter(values), None)
    moments = tuple(_moment(row) for row in rows if row["onset_s"])
    people = tuple(row["person"] for row in rows)
    return Timeline(video, moments, told["fps"] or fps, told["seconds"], people)


def _rows(t: Timeline) -> list[list[object]]:
    rows: list[list[object]] = [
        [t.video, m.person, m.onset, m.apex, m.offset, m.kind, units_text(m.units), m.emotion, m.certainty, m.note, m.coder,
         t.fps, t.seconds]
        for m in t.moments
    ]  # fmt: skip
    silent = [name for name in t.people if name not in {m.person for m in t.moments}]
    return rows + [[t.video, name, *[None] * 9, t.fps, t.seconds] for name in silent or ([] if rows else [""])]


def _moment(row: Row) -> Moment:
    kind = kind_named(row["kind"])
    if kind is None:
        raise AnnotationError(f"{row.where}: kind {row['kind']!r} is unknown. Write micro, macro or other.")
    return row.moment(
        onset=row.needed("onset_s"),
        offset=row.needed("offset_s"),
        apex=row.number("apex_s"),
        person=row["person"],
        kind=kind,
        units=units_of(row, "action_units"),
        emotion=row["emotion"],
        certainty=row.number("certainty"),
        note=row["note"],
        coder=row["coder"],
    )
