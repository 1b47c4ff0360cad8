"""BORIS's aggregated events (Friard and Gamba, 2016): a row for each state event, times in seconds.

The behaviour is the kind, the subject the person, and modifiers hold the rest: units=R12B+4|emotion=happiness|apex=1.25.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tsfmicro.coding.base import EVERYTHING, Format
from tsfmicro.coding.tables import Row, read_table, write_table
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline, kind_named, kind_of, units_in, units_text

_HEADS = (
    "Observation id", "Observation date", "Media file", "Total length", "FPS", "Subject", "Behavior", "Behavioral category",
    "Modifiers", "Behavior type", "Start (s)", "Stop (s)", "Duration (s)", "Comment start", "Comment stop",
)  # fmt: skip
_OURS = ("units", "emotion", "certainty", "apex", "coder")


class Boris(Format):
    name, title, endings, several = "boris", "BORIS's aggregated events", (".csv", ".tsv"), True
    holds = EVERYTHING - {"people"}

    def knows(self, heads: Collection[str]) -> bool:
        return {"behavior", "start (s)", "stop (s)"} <= {*heads}

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        _, rows = read_table(path)
        videos: dict[str, tuple[Row, list[Moment]]] = {}
        for row in rows:
            video = row.first("media file", "media file name at start", "media file name", "source", "observation id")
            videos.setdefault(video, (row, []))[1].append(_moment(row))
        return [
            Timeline(
                video=_first_file(video),
                moments=tuple(moments),
                fps=_rate(row) or fps,
                seconds=row.number(_length(row)) or None,
            )
            for video, (row, moments) in videos.items()
        ]

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        return _table(timelines, ",")

    def _content_of(self, path: Path, timelines: Sequence[Timeline]) -> bytes:
        return _table(timelines, "\t" if path.suffix.casefold() == ".tsv" else ",")


def _table(timelines: Sequence[Timeline], separator: str) -> bytes:
    return write_table(_HEADS, [_row(t, m) for t in timelines for m in t.moments], separator)


def _first_file(video: str) -> str:
    """'player #1: film.mp4; …' → 'film.mp4'."""
    return video.partition(";")[0].rpartition("#1:")[2].strip()


def _length(row: Row) -> str:
    return next((h for h in ("total length", "media duration (s)", "total duration") if row[h]), "")


def _rate(row: Row) -> float | None:
    return row.number("fps") or row.number("fps (frame/s)")


def _row(t: Timeline, m: Moment) -> list[Any]:
    told = {
        "units": units_text(m.units),
        "emotion": m.emotion,
        "certainty": "" if m.certainty is None else f"{m.certainty:.6g}",
        "apex": "" if m.apex is None else f"{m.apex:.6f}",
        "coder": m.coder,
    }
    modifiers = "|".join(f"{name}={_quoted(text)}" for name, text in told.items() if text)
    type_ = "STATE" if m.offset > m.onset else "POINT"
    return [
        t.stem, "", t.video, t.seconds, t.fps, m.person, m.kind, "", modifiers, type_, m.onset, m.offset,
        m.offset - m.onset, m.note, "",
    ]  # fmt: skip


def _moment(row: Row) -> Moment:
    told, rest = _modifiers(row["modifiers"])
    behaviour = row["behavior"]
    kind, onset, offset = kind_named(behaviour), row.needed("start (s)"), row.number("stop (s)")
    offset = onset if offset is None else offset  # a point event has none
    units = units_in(told.get("units", "")) or units_in(" + ".join(rest))
    notes = [row.first("comment start", "comment"), row["comment stop"]]
    if kind is None:  # somebody else's ethogram: a behaviour for each action unit, or of any other name
        of_name = units_in(behaviour)
        units, notes = (of_name, notes) if of_name else (units, [behaviour, *notes])
        kind = kind_of(offset - onset) if units else "other"
    words = [text for text in rest if not units_in(text)]
    apex, certainty = (_number(row, told, name) for name in ("apex", "certainty"))
    return row.moment(
        onset=onset,
        offset=offset,
        apex=apex,
        person="" if row["subject"].casefold() == "no focal subject" else row["subject"],
        kind=kind,
        units=units,
        emotion=told.get("emotion", ""),
        certainty=certainty,
        note="; ".join(filter(None, [*notes, *words])),
        coder=told.get("coder", ""),
    )


def _modifiers(cell: str) -> tuple[dict[str, str], list[str]]:
    """Ours by name, and those of other ethograms."""
    parts = [_plain(part) for part in cell.split("|") if part.strip() and part.strip().casefold() != "none"]
    ours = {name: text for name, sign, text in (p.partition("=") for p in parts) if sign and name in _OURS}
    return ours, [p for p in parts if p.partition("=")[0] not in ours]


def _quoted(text: str) -> str:
    return text.replace("%", "%25").replace("|", "%7C")


def _plain(text: str) -> str:
    return text.replace("%7C", "|").replace("%25", "%")


def _number(row: Row, told: dict[str, str], name: str) -> float | None:
    try:
        return float(told[name]) if name in told else None
    except ValueError:
        raise AnnotationError(f"{row.where}: {name} {told[name]!r} is no number. Correct it.") from None
