"""Datavyu's table of cells, as its Export File writes it: for each column its ordinal, onset, offset and codes; milliseconds.

Ours has one column, `moment`, with the codes person, kind, apex, units, emotion, certainty, note and coder.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from tsfmicro.coding.base import EVERYTHING, Format
from tsfmicro.coding.layers import apex_of, said, span
from tsfmicro.coding.tables import Row, read_table, units_of, write_table
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline, kind_named, kind_of

_CODES = ("person", "kind", "apex", "units", "emotion", "certainty", "note", "coder")
_ALSO = {"units": ("au", "aus", "actionunits", "action_units", "unit")}


class Datavyu(Format):
    name, title = "datavyu", "Datavyu's CSV"
    holds = EVERYTHING - {"video", "fps", "seconds", "people"}

    def knows(self, heads: Collection[str]) -> bool:
        return any(f"{_column(head)}.offset" in heads for head in heads if head.endswith(".onset"))

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        heads, rows = read_table(path)
        moments, notes = [], []
        for column in (_column(head) for head in heads if head.endswith(".onset")):
            codes = {head.partition(".")[2] for head in heads if head.startswith(f"{column}.")}
            known = {*_CODES, *_ALSO["units"]} & codes
            filled = [row for row in rows if row[f"{column}.onset"]]
            if known:
                moments += [_moment(row, column) for row in filled]
            elif filled:
                notes.append(
                    f"{path}: column {column!r} with {len(filled)} cells has no code that is known; it was left out"
                )
        return [Timeline("", tuple(moments), fps, notes=tuple(notes))]

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        (timeline,) = timelines
        heads = [f"moment.{head}" for head in ("ordinal", "onset", "offset", *_CODES)]
        return write_table(heads, [[n, *span(m), *_codes(m)] for n, m in enumerate(timeline.moments, 1)])


def _column(head: str) -> str:
    return head.rpartition(".")[0]


def _codes(m: Moment) -> list[object]:
    return [apex_of(m) if code == "apex" else said(m, code) for code in _CODES]


def _moment(row: Row, column: str) -> Moment:
    def at(name: str) -> str:
        return f"{column}.{name}"

    onset, offset, apex = row.needed(at("onset")) / 1000, row.needed(at("offset")) / 1000, row.number(at("apex"))
    kind = kind_named(row[at("kind")]) if row[at("kind")] else kind_of(offset - onset)
    if kind is None:
        raise AnnotationError(f"{row.where}: kind {row[at('kind')]!r} is unknown. Write micro, macro or other.")
    units = next((at(name) for name in ("units", *_ALSO["units"]) if row[at(name)]), at("units"))
    return row.moment(
        onset=onset,
        offset=offset,
        apex=None if apex is None else apex / 1000,
        person=row[at("person")],
        kind=kind,
        units=units_of(row, units),
        emotion=row[at("emotion")],
        certainty=row.number(at("certainty")),
        note=row[at("note")],
        coder=row[at("coder")],
    )
