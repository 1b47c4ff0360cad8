"""Where clips lie on disk: sheets and frames found below a folder, and each frame by its number."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tsfmicro.data.sheets import SUFFIXES
from tsfmicro.types import Frames

_IMAGES = (".jpg", ".jpeg", ".png", ".bmp")
_DEPTH = 4  # folders between the root and the people's folders, e.g. CASME2/CASME2-RAW/CASME2-RAW
_NEVER = {"depth", "__macosx"}  # CAS(ME)³ has depth maps beside the colour frames, under the same numbers
_COPY = re.compile(r"\s\(\d+\)$|\bcopy\b", re.IGNORECASE)  # 'img46 (1).jpg' is not frame 1


@dataclass(frozen=True)
class Found:
    """What lies below a root: files that may be annotation sheets, and folders that hold people's folders."""

    sheets: tuple[Path, ...]
    bases: tuple[Path, ...]


def look_around(root: Path, person: re.Pattern[str]) -> Found:
    """Spreadsheets, and folders with a sub-folder that `person` matches, from `root` down to four levels.

    People's own folders are not entered, nor is what the system hides.
    """
    sheets: list[Path] = []
    bases: list[Path] = []
    level = [root]
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            inside = list(_entries(folder))
            folders = [e.name for e in inside if e.is_dir() and e.name.casefold() not in _NEVER]
            people = {name for name in folders if person.fullmatch(name)}
            if people:
                bases.append(folder)
            below += [folder / name for name in sorted(folders) if name not in people]
            sheets += _spreadsheets(folder, inside)
        level = below
    return Found(tuple(sheets), tuple(bases))


def spreadsheets(folders: Iterable[Path]) -> tuple[Path, ...]:
    """Spreadsheets that lie directly in these folders."""
    return tuple(file for folder in folders for file in _spreadsheets(folder, _entries(folder)))


def number_frames(names: Iterable[str]) -> tuple[dict[int, str], dict[int, str]]:
    """Image files by the number that ends their name, whatever its padding: 'reg_img46.jpg' → 46.

    Returns: the file of each number, and for a number that two files claim, the one that was not taken.
    """
    files: dict[int, str] = {}
    twice: dict[int, str] = {}
    for name in sorted(names):
        stem, suffix = os.path.splitext(name)  # noqa: PTH122  (a Path per frame costs more than listing the folder)
        digits = re.findall(r"[0-9]+", stem)
        if suffix.lower() not in _IMAGES or not digits or _COPY.search(stem):
            continue
        taken = files.setdefault(int(digits[-1]), name)
        if taken != name:
            twice[int(digits[-1])] = name
    return files, twice


class FrameTree:
    """The frames below one base folder. Each folder is listed once, and found whatever the case of its name."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._listed: dict[Path, tuple[dict[str, str], list[str]]] = {}
        self._frames: dict[Path, tuple[Frames, dict[int, str]]] = {}

    def find(self, places: Sequence[tuple[str, ...]]) -> Path | None:
        """The first of several places, each given by its parts below the base, that holds pictures."""
        for parts in places:
            folder: Path | None = self.base
            for part in parts:
                folder = self._child(folder, part) if folder else None
            if folder and self.frames(folder)[0].files:
                return folder
        return None

    def frames(self, folder: Path) -> tuple[Frames, dict[int, str]]:
        """The frames of a folder, and the files that were not taken because another has their number."""
        if folder not in self._frames:
            files, twice = number_frames(self._list(folder)[1])
            self._frames[folder] = Frames(folder, files), twice
        return self._frames[folder]

    def _child(self, folder: Path, name: str) -> Path | None:
        folders = self._list(folder)[0]
        found = folders.get(name) or folders.get(name.casefold())
        return folder / found if found else None

    def _list(self, folder: Path) -> tuple[dict[str, str], list[str]]:
        if folder not in self._listed:
            inside = list(_entries(folder))
            folders = sorted(e.name for e in inside if e.is_dir())
            by_name = {n.casefold(): n for n in folders} | {n: n for n in folders}
            self._listed[folder] = by_name, [e.name for e in inside if e.name not in by_name]
        return self._listed[folder]


def _spreadsheets(folder: Path, inside: Iterable[os.DirEntry[str]]) -> list[Path]:
    return sorted(folder / e.name for e in inside if e.name.lower().endswith(SUFFIXES) and e.is_file())


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What a folder holds, without hidden files and the lock files that Excel leaves."""
    try:
        with os.scandir(folder) as inside:
            yield from (e for e in inside if not e.name.startswith((".", "~$")))
    except (PermissionError, FileNotFoundError):
        return
