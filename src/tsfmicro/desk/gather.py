"""The codings of a file or folder, video by video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tsfmicro.coding.project import FILE
from tsfmicro.coding.registry import ENDINGS, read
from tsfmicro.columns import CODEBOOK
from tsfmicro.errors import AnnotationError, ConfigError
from tsfmicro.timeline import Timeline

_ALONE = (FILE, "reading.json", "spotting.json", "moments.csv")
"""Of a folder that has one of these, it alone is read: a project's table, or what spot and predict leave, the best first."""


@dataclass(frozen=True)
class Coding:
    """One video's moments, and the file they are from."""

    timeline: Timeline
    file: Path


def gather(
    source: Path, fps: float | None = None, name: str | None = None, coder: str | None = None
) -> tuple[Coding, ...]:
    """All codings of a file, or of a folder's files.

    In a folder, a file that does not say its video is of the one that it is called like.

    Args: fps: where frames are counted and the rate is not told; name: of the format; coder: take this one's moments alone.
    Raises: AnnotationError: nothing is there, a file's own mistakes, a coder who marked nothing, or one video twice.
    """
    codings = [
        Coding(_named(t, file) if source.is_dir() else t, file)
        for file in _files(source)
        for t in read(file, fps, name)
    ]
    if coder is not None:
        codings = _of_coder(codings, coder, source)
    first: dict[str, Coding] = {}
    for one in codings:
        other = first.setdefault(one.timeline.stem, one)
        if other is not one:
            raise AnnotationError(f"{one.file} and {other.file} are both of {one.timeline.video}. Keep one of them.")
    return tuple(codings)


def _files(source: Path) -> Sequence[Path]:
    if not source.is_dir():
        return [source]
    alone = next((source / name for name in _ALONE if (source / name).is_file()), None)
    endings = {ending.casefold() for ending in ENDINGS}
    files = sorted(
        f
        for f in source.iterdir()
        if f.suffix.casefold() in endings and not f.name.startswith(".") and not f.name.endswith(CODEBOOK)
    )
    if not files:
        raise AnnotationError(f"{source}: holds no coding ({', '.join(ENDINGS)}). Give a folder of them, or a file.")
    return [alone] if alone else files


def _named(t: Timeline, file: Path) -> Timeline:
    return t if t.video else replace(t, video=file.stem)


def _of_coder(codings: Sequence[Coding], coder: str, source: Path) -> list[Coding]:
    wanted = coder.casefold()
    found = [c for c in codings if wanted in map(str.casefold, c.timeline.coders)]
    if not found:
        known = ", ".join(dict.fromkeys(name for c in codings for name in c.timeline.coders)) or "nobody by name"
        raise ConfigError(f"{source}: nothing in it is coded by {coder!r}. It has moments of {known}.")
    only = [tuple(m for m in c.timeline.moments if m.coder.casefold() == wanted) for c in found]
    return [replace(c, timeline=replace(c.timeline, moments=m)) for c, m in zip(found, only, strict=True)]
