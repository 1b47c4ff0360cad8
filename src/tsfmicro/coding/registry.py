"""The formats. A new one is a file of its own and one line here."""

from __future__ import annotations

from pathlib import Path

from tsfmicro.coding.base import Format
from tsfmicro.coding.boris import Boris
from tsfmicro.coding.challenge import Challenge
from tsfmicro.coding.datavyu import Datavyu
from tsfmicro.coding.elan import Elan
from tsfmicro.coding.openface import OpenFace
from tsfmicro.coding.praat import Praat
from tsfmicro.coding.project import Project
from tsfmicro.coding.spotted import Spotted
from tsfmicro.coding.tables import read_table
from tsfmicro.errors import AnnotationError, ConfigError, UnknownNameError
from tsfmicro.timeline import Timeline

FORMATS: dict[str, Format] = {
    f.name: f for f in (Elan(), Praat(), Boris(), Datavyu(), OpenFace(), Challenge(), Spotted(), Project())
}
"""A table is of the first that knows its header: spotted moments have what our codes.csv needs, and more."""
ENDINGS = tuple(dict.fromkeys(ending for f in FORMATS.values() for ending in f.endings))


def named(name: str) -> Format:
    """The format of that name. Raises UnknownNameError."""
    if name not in FORMATS:
        raise UnknownNameError("format", name, FORMATS)
    return FORMATS[name]


def format_of(path: Path) -> Format:
    """The format of a file that is there: by its ending, a table by its header. Raises AnnotationError: none is."""
    by_ending = _by_ending(path)
    if len(by_ending) == 1:
        return by_ending[0]
    if not by_ending:
        raise AnnotationError(
            f"{path}: is no coding ({', '.join(ENDINGS)}). Give the file that a coding program wrote."
        )
    heads, _ = read_table(path)
    found = next((f for f in by_ending if f.knows(heads)), None)
    if found is None:
        raise AnnotationError(
            f"{path}: is a table of no known format; its columns are {', '.join(heads[:8])}. Known: "
            f"{', '.join(f.title for f in by_ending)}. Correct its header, or say with --from what it is."
        )
    return found


def format_for(path: Path) -> Format:
    """The format of a file that is to be written, by its ending. Raises ConfigError: it could be several, or none."""
    fitting = [f for f in _by_ending(path) if f.writes]
    if len(fitting) != 1:
        choose = ", ".join(f.name for f in fitting or FORMATS.values() if f.writes)
        why = "can be of several formats" if fitting else "has no known ending"
        raise ConfigError(f"{path}: {why}. Say with --as which: {choose}.")
    return fitting[0]


def read(path: Path, fps: float | None = None, name: str | None = None) -> list[Timeline]:
    """The timelines of a file. Args: fps: where it counts frames and does not say; name: of its format, by default found out."""
    if not path.is_file():
        raise AnnotationError(f"{path}: there is no such file. Give a coding's file, or a folder of them.")
    return (named(name) if name else format_of(path)).read(path, fps)


def _by_ending(path: Path) -> list[Format]:
    return [f for f in FORMATS.values() if path.suffix.casefold() in {ending.casefold() for ending in f.endings}]
