"""The codings of a file or folder, video by video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tsfmicro.coding.project import FILE
from tsfmicro.coding.registry import ENDINGS, read
from tsfmicro.coding.spotted import UnreadError, unread_note
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
) -> tuple[tuple[Coding, ...], list[str]]:
    """All codings of a file, or of a folder's files; and a note of the videos that the program could not read, if there are any.

    In a folder, a file that does not say its video is of the one that it is called like.

    Args: fps: where frames are counted and the rate is not told; name: of the format; coder: take this one's moments alone.
    Raises: AnnotationError: nothing is there, a file's own mistakes, a coder who marked nothing, or one video twice.
    """
    codings, unread = [], []
    for file in _files(source):
        try:
            codings += [Coding(_named(t, file) if source.is_dir() else t, file) for t in read(file, fps, name)]
        except UnreadError:
            if file == source:
                raise
            unread.append(file)
    notes = [f"{source}: {unread_note([file.stem for file in unread])}"] if unread else []
    if unread and not codings:
        raise AnnotationError(
            f"{source}: none of its videos could be read ({unread[0].stem}, …). Give a coding of one that was."
        )
    if coder is not None:
        codings = _of_coder(codings, coder, source)
    _each_once(codings)
    return tuple(codings), notes


def _each_once(codings: Sequence[Coding]) -> None:
    """Raises AnnotationError: one video is there twice. clip.mp4 and clip.avi are two; clip alone may be either."""
    of_stem: dict[str, dict[str, Coding]] = {}
    for one in codings:
        t, name = one.timeline, one.timeline.video.casefold()
        like = of_stem.setdefault(t.stem, {})
        other = like.get(name) or like.get(t.stem) or (next(iter(like.values()), None) if name == t.stem else None)
        if other is not None and other.file == one.file:
            raise AnnotationError(
                f"{one.file}: {other.timeline.video} and {t.video} are one video by their names. Write one name for it, or two for two."
            )
        if other is not None:
            raise AnnotationError(f"{one.file} and {other.file} are both of {t.video}. Keep one of them.")
        like[name] = one


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
    """Their moments, of the videos that they marked something in, and of those in which there is nothing of anybody's."""
    wanted = coder.casefold()
    known = dict.fromkeys(name for c in codings for name in c.timeline.coders)
    if wanted not in map(str.casefold, known):
        there = ", ".join(known) or "nobody by name"
        raise ConfigError(f"{source}: nothing in it is coded by {coder!r}. It has moments of {there}.")
    found = [c for c in codings if not c.timeline.moments or wanted in map(str.casefold, c.timeline.coders)]
    only = [tuple(m for m in c.timeline.moments if m.coder.casefold() == wanted) for c in found]
    return [replace(c, timeline=replace(c.timeline, moments=m)) for c, m in zip(found, only, strict=True)]
