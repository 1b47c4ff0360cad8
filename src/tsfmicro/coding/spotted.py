"""What `tsfmicro spot` and `predict` leave, so that a model counts as a coder: its JSON, or its tables of moments. Read only."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tsfmicro.card import DEMONSTRATION
from tsfmicro.coding.base import Format
from tsfmicro.coding.tables import Row, read_table
from tsfmicro.errors import AnnotationError
from tsfmicro.files import counted
from tsfmicro.timeline import Moment, Timeline


class UnreadError(AnnotationError):
    """The program could not read the video, and so says nothing of it: it did not look and see nothing."""


class Spotted(Format):
    """Beside the moments of a folder of videos stands a table of those videos: one that was read shows nothing where it has none."""

    name, title, endings, several, writes = "spotted", "tsfmicro's moments", (".json", ".csv"), True, False
    coder = "tsfmicro"

    def knows(self, heads: Collection[str]) -> bool:
        return {"onset_s", "apex_s", "offset_s", "region", "confidence"} <= {*heads}

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        if path.suffix.casefold() == ".json":
            return [_of_json(path)]
        beside = path.with_name("videos.csv")
        about = _videos(beside)
        unread = [video for video, row in about.items() if row["why_not"]]
        videos: dict[str, list[Moment]] = {video: [] for video in about if video not in unread}
        for row in read_table(path)[1]:
            numbers = {name: row.needed(name) for name in ("onset_s", "apex_s", "offset_s", "confidence")}
            moment = _moment(row.where, {**row.cells, **numbers}, _called(row["model"]))
            videos.setdefault(row["video"], []).append(moment)
        told = [_timeline(video, moments, about.get(video), fps) for video, moments in videos.items()]
        if unread and not told:
            raise AnnotationError(
                f"{path}: is {unread_note(unread)}, and there is no other. Give a coding of one that was."
            )
        if unread:
            told[0] = told[0].with_notes([f"{beside}: {unread_note(unread)}"])
        return told

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        raise AnnotationError("moments of a model are read, not written. Choose another format.")


def _videos(file: Path) -> dict[str, Row]:
    """What a table of ours says of each video; nothing where there is none, or it is another program's."""
    try:
        heads, rows = read_table(file)
    except AnnotationError:
        return {}
    return {row["video"]: row for row in rows} if {"video", "why_not"} <= {*heads} else {}


def unread_note(videos: Sequence[str]) -> str:
    """What is said of videos that could not be read."""
    more = ", …" if len(videos) > 5 else ""
    return f"without {counted(len(videos), 'video')} that could not be read: {', '.join(videos[:5])}{more}"


def _timeline(video: str, moments: Sequence[Moment], about: Row | None, fps: float | None) -> Timeline:
    rate, seconds = (about.number("fps"), about.number("seconds")) if about else (None, None)
    return Timeline(video, tuple(moments), rate or fps, seconds)


def _called(card: str) -> str:
    """A model's name, of its card in one line; ours where none was asked."""
    name, trained, _ = card.removeprefix(DEMONSTRATION).partition(": trained on ")
    return name.strip() if trained else Spotted.coder


def _of_json(path: Path) -> Timeline:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        if known.get("why_not"):
            raise UnreadError(f"{path}: {known['video']} could not be read ({known['why_not']})")
        coder = _called(str(known.get("model") or ""))
        moments = [_moment(f"{path}, moment {n}", one, coder) for n, one in enumerate(known["expressions"], 1)]
        return Timeline(str(known["video"]), tuple(moments), float(known["fps"]), float(known["seconds"]))
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror}). Give a coding's file.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AnnotationError(
            f"{path}: is not what spot or predict leave. Give its spotting.json or reading.json."
        ) from None


def _moment(where: str, one: Mapping[str, Any], coder: str = Spotted.coder) -> Moment:
    try:
        return Moment(
            onset=float(one["onset_s"]),
            apex=float(one["apex_s"]),
            offset=float(one["offset_s"]),
            person=str(one["face"]),
            kind="micro" if one["kind"] == "micro" else "macro",
            emotion=str(one.get("emotion") or ""),
            certainty=float(one["confidence"]),
            note=str(one["region"]),
            coder=coder,
        )
    except AnnotationError as error:
        raise AnnotationError(f"{where}: {error}") from None
