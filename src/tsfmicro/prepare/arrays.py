"""Plain .npy files in a folder that several processes fill row by row."""

from __future__ import annotations

import errno
import io
import os
import shutil
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tsfmicro.errors import CacheError


@dataclass(frozen=True)
class Spec:
    """Shape and type of one array."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def header(self) -> bytes:
        out = io.BytesIO()
        description = {"descr": np.dtype(self.dtype).str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(out, description)
        return out.getvalue()

    @property
    def row_bytes(self) -> int:
        return int(np.prod(self.shape[1:])) * np.dtype(self.dtype).itemsize

    @property
    def file_bytes(self) -> int:
        return len(self.header) + self.shape[0] * self.row_bytes


@dataclass(frozen=True)
class Arrays:
    """Arrays of the same number of rows, each in its own file of a folder."""

    folder: Path
    specs: Mapping[str, Spec]

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.npy"

    def create(self) -> None:
        """Make the files that are not there whole, with their full size: a full disk shows now, not halfway.

        Raises: CacheError: the disk is full, or cannot be written.
        """
        missing = {name: spec for name, spec in self.specs.items() if not self._has_whole(name)}
        with self._writing(sum(spec.file_bytes for spec in missing.values())):
            made: list[Path] = []
            try:
                for name, spec in missing.items():
                    made.append(self.path(name))
                    with made[-1].open("wb") as file:
                        file.write(spec.header)
                        _allocate(file.fileno(), spec.file_bytes)
            except OSError:
                for path in made:
                    path.unlink(missing_ok=True)
                raise

    def write(self, row: int, values: Mapping[str, np.ndarray], rows: int | None = None) -> dict[str, int]:
        """Fill one row, and say the checksum of each part. Files are written, not mapped: a write that fails raises.

        Args: rows: fill so many from `row` on; values then have that many.
        Raises: CacheError: the disk is full, or cannot be written.
        """
        sums = {}
        with self._writing(sum(spec.row_bytes for spec in self.specs.values()) * (1 if rows is None else rows)):
            for name, spec in self.specs.items():
                value = np.ascontiguousarray(values[name], spec.dtype)
                wanted = spec.shape[1:] if rows is None else (rows, *spec.shape[1:])
                assert value.shape == wanted, f"{name}: {value.shape} is not {wanted}"
                with self.path(name).open("r+b") as file:
                    file.seek(len(spec.header) + row * spec.row_bytes)
                    file.write(value.data)
                sums[name] = zlib.crc32(value.data)
        return sums

    def open(self) -> dict[str, np.ndarray]:
        """The arrays, memory-mapped for reading. Raises CacheError for a file that is missing, cut short or different."""
        for name in self.specs:
            if not self._has_whole(name):
                raise CacheError(
                    f"{self.path(name)}: is missing, cut short or not ours. Delete {self.folder} and prepare again."
                )
        return {name: np.load(self.path(name), mmap_mode="r", allow_pickle=False) for name in self.specs}

    def damaged(self, sums: Mapping[int, Mapping[str, int]], starts: Sequence[int] | None = None) -> dict[int, Path]:
        """Rows that differ from their checksums, and the file of each. Read, not mapped: mapped files count as memory.

        Args: starts: where each row's own rows begin, for arrays that have several of each.
        """
        found = {}
        for name, spec in self.specs.items():
            with self.path(name).open("rb") as file:
                for row in sorted(sums):
                    first, count = (row, 1) if starts is None else (starts[row], starts[row + 1] - starts[row])
                    file.seek(len(spec.header) + first * spec.row_bytes)
                    if zlib.crc32(file.read(count * spec.row_bytes)) != sums[row].get(name):
                        found[row] = self.path(name)
        return found

    def sync(self) -> None:
        """Wait until everything is on the disk."""
        with self._writing(0):
            for name in self.specs:
                with self.path(name).open("r+b") as file:
                    os.fsync(file.fileno())

    def _has_whole(self, name: str) -> bool:
        spec = self.specs[name]
        try:
            with self.path(name).open("rb") as file:
                return file.read(len(spec.header)) == spec.header and file.seek(0, 2) == spec.file_bytes
        except (FileNotFoundError, IsADirectoryError):
            return False

    @contextmanager
    def _writing(self, needed: int) -> Iterator[None]:
        with writing(self.folder, needed):
            yield


@contextmanager
def writing(folder: Path, needed: int = 0) -> Iterator[None]:
    """Tell a failed write in one line. Args: needed: bytes about to be written. Raises: CacheError."""
    try:
        yield
    except OSError as error:
        space = ""
        if folder.exists():
            space = f", {needed / 1e6:.0f} MB needed, {shutil.disk_usage(folder).free / 1e6:.0f} MB free"
        raise CacheError(
            f"{folder}: cannot be written ({error.strerror}{space}). Free some space or choose another cache folder, "
            "and run again: what was finished is kept."
        ) from error


def _allocate(file: int, size: int) -> None:
    try:
        os.posix_fallocate(file, 0, size)
    except AttributeError:  # not on this system
        os.truncate(file, size)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):  # not on this file system
            raise
        os.truncate(file, size)
