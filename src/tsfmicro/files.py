"""Files that are either whole or not there, and folders that one process writes at a time."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from tsfmicro.errors import TsfmicroError


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that a kill leaves the old one or the new one, never half of either."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as stream:
            stream.write(content.encode("utf-8") if isinstance(content, str) else content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def put_whole(part: Path, path: Path) -> None:
    """Give a finished folder its name. Its files reach the disk before the name does."""
    for file in part.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    part.replace(path)


@contextlib.contextmanager
def only_one(folder: Path, error: type[TsfmicroError], doing: str) -> Iterator[None]:
    """Hold a folder while writing to it; the hold ends with the process, however that ends.

    Raises: `error`: another process holds it.
    """
    with (folder / ".lock").open("a") as stream:
        if not _lock(stream.fileno()):
            raise error(f"{folder}: another process is {doing} here. Wait for it, or choose another folder.")
        yield


def _lock(descriptor: int) -> bool:
    try:
        if os.name == "nt":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        if problem.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True
