"""Folders of arrays with one row per clip, made by several processes and whole or not there.

A folder holds .npy files; a journal (journal.jsonl) while it is being made, with a line per finished clip and the checksums of
its row; and index.json, written last and at once: a folder with an index is whole.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.errors import CacheError
from tsfmicro.files import write_whole
from tsfmicro.prepare.arrays import Arrays, Spec, writing

FORMAT = 2  # raise it when the same settings and clips would give other numbers; 1 is read too

Record = dict[str, Any]
"""What is noted about one clip: clip, row, and either skipped (why) or sums; of the alignment detector and widest too."""


@dataclass(frozen=True)
class Part:
    """A folder of arrays that is being made, or is whole. One process holds it; several may write rows.

    Attributes:
        folder: where. clips: which clips have a row, by their ids, sorted.
        specs: its arrays. starts: where each clip's rows begin, if it has several.
        about: what its index tells besides.
    """

    folder: Path
    clips: tuple[str, ...]
    specs: Mapping[str, Spec]
    about: Mapping[str, Any]
    starts: tuple[int, ...] | None = None

    @cached_property
    def rows(self) -> dict[str, int]:
        return {clip: row for row, clip in enumerate(self.clips)}

    @property
    def arrays(self) -> Arrays:
        return Arrays(self.folder, self.specs)

    @property
    def is_finished(self) -> bool:
        return (self.folder / "index.json").exists()

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    def resume(self) -> dict[str, Record]:
        """What is finished, by clip id; room on disk is made for the rest. Raises CacheError."""
        if self.is_finished:
            return {record["clip"]: record for record in read_index(self.folder)["records"]}
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        self.arrays.create()
        with writing(self.folder):
            lines = self.journal.read_bytes().splitlines(keepends=True) if self.journal.exists() else []
            if lines and not lines[-1].endswith(b"\n"):  # torn: its process was killed while writing
                os.truncate(self.journal, sum(map(len, lines[:-1])))
        records = {self.rows[record["clip"]]: record for record in _records(lines) if record["clip"] in self.rows}
        sums = {row: record["sums"] for row, record in records.items() if "sums" in record}
        damaged = self.arrays.damaged(sums, self.starts)
        return {record["clip"]: record for row, record in records.items() if row not in damaged}

    def write(self, row: int, values: Mapping[str, np.ndarray]) -> dict[str, int]:
        """Fill a clip's row, and say its checksums. Raises CacheError: the disk is full."""
        if self.starts is None:
            return self.arrays.write(row, values)
        return self.arrays.write(self.starts[row], values, rows=self.starts[row + 1] - self.starts[row])

    def note(self, record: Record) -> None:
        """Add a finished clip to the journal. Raises CacheError: the disk is full."""
        with writing(self.folder), self.journal.open("ab") as file:
            file.write(json.dumps(record).encode() + b"\n")

    def finish(self, records: Mapping[str, Record]) -> None:
        """Write the index: from here on the folder is whole. Raises CacheError: the disk is full."""
        self.arrays.sync()
        index = {
            "format": FORMAT,
            "key": self.folder.name,
            **self.about,
            "arrays": {name: [spec.shape, spec.dtype] for name, spec in self.specs.items()},
            "starts": self.starts,
            "records": [records[clip] for clip in self.clips if clip in records],
        }
        write_index(self.folder, index)
        self.journal.unlink(missing_ok=True)


def write_index(folder: Path, index: Mapping[str, Any]) -> None:
    """Write index.json with its checksum. Raises CacheError: the disk is full."""
    plain = json.loads(json.dumps(index))
    with writing(folder):
        write_whole(folder / "index.json", json.dumps(plain | {"checksum": _checksum(plain)}, indent=1))


def read_index(folder: Path) -> dict[str, Any]:
    """What index.json says. Raises CacheError: it is missing, unfinished, damaged, or of another format."""
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
    if index["format"] not in (1, FORMAT):
        raise CacheError(
            f"{path}: is of format {index['format']}, this program reads 1 and {FORMAT}. Delete {folder} and prepare again."
        )
    if index["key"] != folder.name:
        raise CacheError(f"{path}: belongs to {index['key']}. Give its folder that name, or delete it.")
    return index


def _checksum(index: Mapping[str, Any]) -> int:
    return zlib.crc32(json.dumps(index).encode())


def _records(lines: Iterable[bytes]) -> Iterable[Record]:
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # its clip is prepared again
        if isinstance(record, dict) and "clip" in record and ("skipped" in record or "sums" in record):
            yield record
