"""What `tsfmicro spot` and `predict` leave, so that a model counts as a coder: its JSON, or its tables of moments. Read only."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from tsfmicro.coding.base import Format
from tsfmicro.coding.tables import read_table
from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline


class Spotted(Format):
    name, title, endings, several, writes = "spotted", "tsfmicro's moments", (".json", ".csv"), True, False
    coder = "tsfmicro"

    def knows(self, heads: Collection[str]) -> bool:
        return {"onset_s", "apex_s", "offset_s", "region", "confidence"} <= {*heads}

    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        if path.suffix.casefold() == ".json":
            return [_of_json(path)]
        _, rows = read_table(path)
        videos: dict[str, list[Moment]] = {}
        for row in rows:
            numbers = {name: row.needed(name) for name in ("onset_s", "apex_s", "offset_s", "confidence")}
            videos.setdefault(row["video"], []).append(_moment(row.where, {**row.cells, **numbers}))
        return [Timeline(video, tuple(moments), fps) for video, moments in videos.items()]

    def content(self, timelines: Sequence[Timeline]) -> bytes:
        raise AnnotationError("moments of a model are read, not written. Choose another format.")


def _of_json(path: Path) -> Timeline:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        coder = str(known.get("model") or Spotted.coder)
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
