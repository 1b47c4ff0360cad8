"""Files that are either whole or not there, and folders that one process writes at a time."""

from __future__ import annotations

import csv
import errno
import io
import os
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import IO, Any
from zlib import crc32

from tsfmicro.errors import TsfmicroError
from tsfmicro.workers import refuse_second_run

if sys.platform == "win32":
    import msvcrt

    def _try(file: IO[bytes]) -> bool:
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


_WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}  # Lustre and EFS, as often mounted


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a lock file, which the system lets go of when its holder dies.

    Where another process holds it, say so with on_wait and wait until it is free; an on_wait that raises does not wait.
    On a disk without locks a file beside it says who holds it.

    Raises: TsfmicroError: such a file was left, or is another machine's, so that nobody here can see when it will be free; or
        this is a new process that runs the script again which holds the lock.
    """
    refuse_second_run()
    with path.open("a+b") as file, ExitStack() as at_the_end:
        take = partial(_try, file)
        try:
            is_ours = take()
        except OSError as problem:
            if problem.errno not in _WITHOUT_LOCKS:
                raise
            take = partial(_mark, path.with_name(f"{path.name}.held"), at_the_end)
            is_ours = take()
        if not is_ours:
            on_wait()
            while not take():
                time.sleep(0.2)
        yield  # closing the file lets go


def _mark(mark: Path, at_the_end: ExitStack) -> bool:
    """Whether this process made the file, which only one can. It is removed at the end, but not by one that is killed."""
    try:
        with mark.open("x", encoding="utf-8") as file:
            at_the_end.callback(mark.unlink, missing_ok=True)
            file.write(f"{os.getpid()} {socket.gethostname()}")
    except FileExistsError:
        _check_holder(mark)
        return False
    return True


def _check_holder(mark: Path) -> None:
    """Raises TsfmicroError: the process that made the file has ended, or is not of this machine."""
    import psutil

    try:
        number, host = mark.read_text(encoding="utf-8").split()
        pid = int(number)
    except (FileNotFoundError, ValueError):  # just let go of, or just made and still empty
        return
    if host != socket.gethostname() or not psutil.pid_exists(pid):
        raise TsfmicroError(
            f"{mark.parent}: is in use by process {pid} of {host}, and this disk has no locks by which to see whether that "
            f"still runs. Wait for it; if it has ended, delete {mark}."
        )


def write_whole(path: Path, content: str | bytes | Iterable[str]) -> None:
    """Write a file so that a kill leaves the old one or the new one, never half of either; what killed processes of this machine
    were writing in that folder goes when the first file is written there. Args: content: or its pieces, one after another."""
    if path.parent not in _SWEPT:
        _sweep(path.parent)
    part = path.with_name(f".{path.name}.{os.getpid()}@{_HERE}.part")
    try:
        with named(path):
            with part.open("wb") as stream:
                for piece in (content,) if isinstance(content, str | bytes) else content:
                    stream.write(piece.encode("utf-8") if isinstance(piece, str) else piece)
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


@contextmanager
def named(path: Path) -> Iterator[None]:
    """An error of the disk says where it happened: of a full one the system does not, of a file's half it tells a name of ours."""
    try:
        yield
    except OSError as problem:
        problem.filename = str(path)
        raise


_HERE = f"{crc32(socket.gethostname().encode()):08x}"  # short, so that long names of files still have room
_SWEPT: set[Path] = set()


def _sweep(folder: Path) -> None:
    """Remove the halves that processes of this machine left which are no more."""
    import psutil

    _SWEPT.add(folder)
    for part in folder.glob(f".*@{_HERE}.part"):
        writer = part.name.removesuffix(f"@{_HERE}.part").rpartition(".")[2]
        if writer.isdecimal() and not psutil.pid_exists(int(writer)):
            part.unlink(missing_ok=True)


def put_whole(part: Path, path: Path) -> None:
    """Give a finished folder its name. Its files reach the disk before the name does."""
    for file in part.iterdir():
        with file.open("r+b") as stream:  # Windows syncs only what may be written
            os.fsync(stream.fileno())
    part.replace(path)


def in_the_way(folder: Path) -> Path | None:
    """What stands where a folder should be made, or what it would be made in where nothing may be written; None where nothing hinders."""
    there = next(p for p in (folder, *folder.parents) if p.exists())
    return None if there.is_dir() and os.access(there, os.W_OK) else there


def counted(number: int, what: str, many: str = "") -> str:
    """1 video, 3 videos; 1 person, 3 people."""
    return f"{number} {what if number == 1 else many or f'{what}s'}"


def markdown_text(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table as Markdown."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV."""
    return "".join(csv_lines(columns, rows))


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """The lines of a table as CSV, each when it is asked for: a long one need not be in memory."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for row in chain([columns], rows):
        writer.writerow(row)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
