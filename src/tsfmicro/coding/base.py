"""What a file format of codings is to everybody: it reads and writes timelines, and says what it cannot hold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from tsfmicro.columns import Column
from tsfmicro.errors import AnnotationError
from tsfmicro.files import write_whole
from tsfmicro.timeline import Moment, Timeline, kind_of
from tsfmicro.types import ActionUnit

# What a format may not be able to hold → in words, and what stands instead.
_OF_VIDEO: dict[str, tuple[str, Any]] = {
    "video": ("the video's name", ""),
    "fps": ("the frame rate", None),
    "seconds": ("the video's length", None),
}
_OF_MOMENT: dict[str, tuple[str, Any]] = {
    "person": ("people's names", ""),
    "apex": ("apexes", None),
    "emotion": ("emotions", ""),
    "certainty": ("certainty", None),
    "note": ("notes", ""),
    "coder": ("coders", ""),
}
_OF_UNIT: dict[str, tuple[str, Any]] = {
    "side": ("sides of action units", ""),
    "intensity": ("intensities", ""),
    "certain": ("doubts about action units", True),
}
EVERYTHING = frozenset({*_OF_VIDEO, *_OF_MOMENT, *_OF_UNIT, "people", "kind", "units"})


class Format(ABC):
    """A file format.

    Attributes:
        name, title: as the user types it; for people.
        endings: of its files; the first one is that of new files.
        several: whether a file holds several videos.
        holds: which of EVERYTHING it keeps.
        writes: whether it can be written.
        columns: of a table of moments that is nobody's but ours; a codebook is written beside it.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    endings: ClassVar[tuple[str, ...]] = (".csv",)
    several: ClassVar[bool] = False
    holds: ClassVar[frozenset[str]] = EVERYTHING
    writes: ClassVar[bool] = True
    columns: ClassVar[tuple[Column, ...]] = ()

    @abstractmethod
    def read(self, path: Path, fps: float | None = None) -> list[Timeline]:
        """The timelines of a file.

        Args: fps: frame rate of its videos, where the format counts frames and does not say.
        Raises: AnnotationError: it cannot be read, or a line of it is not as it should be.
        """

    @abstractmethod
    def content(self, timelines: Sequence[Timeline]) -> bytes:
        """A file's bytes. Raises AnnotationError: something that the format needs is not there."""

    def knows(self, heads: Collection[str]) -> bool:
        """Whether a table is of this format. Args: heads: of its columns, in lower case."""
        return False

    def write(self, path: Path, timelines: Sequence[Timeline]) -> None:
        """Write a file, whole or not at all. Raises AnnotationError: see `content`, or it cannot be written."""
        content = self._content_of(path, timelines)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise AnnotationError(f"{path}: cannot be written ({error.strerror}). Choose another file.") from None

    def _content_of(self, path: Path, timelines: Sequence[Timeline]) -> bytes:
        return self.content(timelines)

    def kept(self, timeline: Timeline) -> Timeline:
        """What is left of a timeline after it was written and read."""
        moments = tuple(self._kept(m) for m in timeline.moments)
        gone = {name: instead for name, (_, instead) in _OF_VIDEO.items() if name not in self.holds}
        people = timeline.people if "people" in self.holds else ()
        return replace(timeline, moments=moments, people=people, notes=(), **gone)

    def _kept(self, m: Moment) -> Moment:
        gone = {name: instead for name, (_, instead) in _OF_MOMENT.items() if name not in self.holds}
        if "kind" not in self.holds:
            gone["kind"] = kind_of(m.offset - m.onset)
        units = tuple(map(self._kept_unit, m.units)) if "units" in self.holds else ()
        return replace(m, units=units, **gone)

    def _kept_unit(self, unit: ActionUnit) -> ActionUnit:
        return replace(unit, **{name: instead for name, (_, instead) in _OF_UNIT.items() if name not in self.holds})

    def lost(self, timelines: Iterable[Timeline]) -> str:
        """What of these timelines the format cannot hold, in one line; empty where all is kept."""
        gone: dict[str, int] = {}
        for before in timelines:
            for what, count in self._lost(before):
                gone[what] = gone.get(what, 0) + count
        said = [f"{what} ({count})" for what, count in gone.items() if count]
        return f"{self.title} cannot hold {', '.join(said)}" if said else ""

    def _lost(self, t: Timeline) -> Iterable[tuple[str, int]]:
        for name, (what, instead) in _OF_VIDEO.items():
            yield what, name not in self.holds and getattr(t, name) != instead
        if "people" not in self.holds:
            yield "people without a moment", len({*t.people} - {m.person for m in t.moments})
        for name, (what, instead) in _OF_MOMENT.items():
            yield what, name not in self.holds and sum(getattr(m, name) != instead for m in t.moments)
        if "kind" not in self.holds:
            yield "kinds", sum(m.kind != kind_of(m.offset - m.onset) for m in t.moments)
        units = [unit for m in t.moments for unit in m.units]
        if "units" not in self.holds:
            yield "action units", len(units)
        for name, (what, instead) in _OF_UNIT.items() if "units" in self.holds else ():
            yield what, name not in self.holds and sum(getattr(unit, name) != instead for unit in units)


def frame_rate(t: Timeline, title: str) -> float:
    """A timeline's frame rate. Raises AnnotationError: it has none."""
    if t.fps is None:
        raise AnnotationError(
            f"{t.video or 'the video'}: {title} counts frames, and the frame rate is not known. Add --fps."
        )
    return t.fps
