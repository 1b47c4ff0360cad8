"""The micro-expression grand challenge's file: vid,onset,offset,type, in frames; me and mae are micro and macro."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tsfmicro.coding.base import Format, frame_rate
from tsfmicro.coding.tables import Row, read_table, write_table
from tsfmicro.columns import Column, heads
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline, kind_named

_TYPES = {"micro": "me", "macro": "mae"}
_COLUMNS = (
    Column("vid", "", "the video"),
    Column("onset", "frames", "number of the first frame of the movement", "0 and above"),
    Column("offset", "frames", "number of its last frame", "0 and above"),
    Column("type", "", "micro-expression or macro-expression", "me, mae"),
)


class Challenge(Format):
    name, title, several, columns = "megc", "the challenge's CSV", True, _COLUMNS
    holds = frozenset({"video", "kind"})

    def knows(self, heads: Collection[str]) -> bool:
        return {"vid", "onset", "offset", "type"} <= {*heads}

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        _, rows = read_table(path)
        if fps is None:
            raise AnnotationError(
                f"{path}: counts frames and does not say how fast they follow. Add --fps, e.g. --fps 200."
            )
        videos: dict[str, list[Moment]] = {}
        for row in rows:
            videos.setdefault(row["vid"], []).append(_moment(row, fps))
        return [Timeline(video, tuple(moments), fps) for video, moments in videos.items()]

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        rows = []
        for t in timelines:
            fps = frame_rate(t, self.title)
            rows += [
                [t.video, round(m.onset * fps), round(m.offset * fps), _TYPES[m.kind]] for m in self.kept(t).moments
            ]
        return write_table(heads(_COLUMNS), rows)

    def kept(self, timeline: Timeline) -> Timeline:
        kept = super().kept(timeline)
        return replace(kept, moments=tuple(m for m in kept.moments if m.kind in _TYPES))

    def _lost(self, t: Timeline) -> Iterable[tuple[str, int]]:
        yield "moments that are neither micro nor macro", sum(m.kind not in _TYPES for m in t.moments)
        yield from super()._lost(t)


def _moment(row: Row, fps: float) -> Moment:
    kind = kind_named(row["type"])
    if kind not in _TYPES:
        raise AnnotationError(f"{row.where}: type {row['type']!r} is unknown. Write me or mae.")
    return row.moment(onset=row.needed("onset") / fps, offset=row.needed("offset") / fps, kind=kind)
