"""Where clips lie on disk: spreadsheets, folders and videos found below a root, and each frame by its number."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tsfmicro.data.sheets import SUFFIXES
from tsfmicro.types import Frames, VideoFrames

VIDEOS = (".avi", ".mp4", ".mov", ".mkv", ".wmv", ".mpg", ".mpeg", ".webm", ".m4v")
_IMAGES = ("jpg", "jpeg", "png", "bmp")
_LEVELS = 4  # folders between the root and the people's folders, e.g. CASME2/CASME2-RAW/CASME2-RAW
DEPTH = "depth"  # CAS(ME)³ has depth pictures in a folder beside the colour frames, under the same numbers
_NEVER = {DEPTH, "__macosx"}
_COPY = re.compile(r"\s\(\d+\)$|\bcopy\b", re.IGNORECASE)  # 'img46 (1).jpg' is not frame 1
_DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Found:
    """What lies below a root: files that may be annotation sheets, and folders that hold people's folders or videos."""

    sheets: tuple[Path, ...]
    bases: tuple[Path, ...]


@dataclass(frozen=True)
class Recording:
    """The frames of one folder or video.

    Attributes:
        frames: each by its number.
        twice: for a number that two files claim, the file that was not taken.
        fps: what a video says of itself; None for a folder.
    """

    frames: Frames | VideoFrames
    twice: Mapping[int, str] = field(default_factory=dict)
    fps: float | None = None


def look_around(root: Path, person: re.Pattern[str], videos: bool = False) -> Found:
    """Spreadsheets, and folders with a sub-folder that `person` matches, from `root` down to four levels.

    People's own folders are not entered, nor is what the system hides. Args: videos: a video that it matches will do as well.
    """
    sheets: list[Path] = []
    bases: list[Path] = []
    level = [root]
    for _ in range(_LEVELS + 1):
        below: list[Path] = []
        for folder in level:
            inside = list(_entries(folder))
            folders = [e.name for e in inside if e.is_dir() and e.name.casefold() not in _NEVER]
            people = {name for name in folders if person.fullmatch(name)}
            if people or (videos and any(map(person.fullmatch, _videos(e.name for e in inside)))):
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
        stem, _, suffix = name.rpartition(".")  # a Path per frame costs more than listing the folder
        digits = _DIGITS.findall(stem)
        if suffix.lower() not in _IMAGES or not digits or _COPY.search(stem):
            continue
        taken = files.setdefault(int(digits[-1]), name)
        if taken != name:
            twice[int(digits[-1])] = name
    return files, twice


class FrameTree:
    """The frames below one base folder. Each folder is listed once, and found whatever the case of its name.

    Args: first_frame: the number that the dataset gives to a video's first frame; None where it has no videos.
    """

    def __init__(self, base: Path, first_frame: int | None = None) -> None:
        self.base = base
        self._first_frame = first_frame
        self._listed: dict[Path, tuple[dict[str, str], list[str]]] = {}
        self._recordings: dict[Path, Recording] = {}

    def find(self, places: Sequence[tuple[str, ...]]) -> Path | None:
        """The first of several places, each given by its parts below the base, that is a folder with pictures or a video.

        A video is named as a folder would be, without its ending. 'name*' is the first whose name begins so.
        """
        for *parents, last in places:
            folder = self._below(self.base, parents)
            if folder is None:
                continue
            for look in (self._child, self._video):
                place = look(folder, last)
                if place and self.recording(place).frames.numbers:
                    return place
        return None

    def recording(self, place: Path) -> Recording:
        """The frames of a folder, or of a video."""
        if place not in self._recordings:
            self._recordings[place] = self._read(place)
        return self._recordings[place]

    def _read(self, place: Path) -> Recording:
        if self._first_frame is not None and place.suffix.lower() in VIDEOS and place.is_file():
            count, fps = _measure(place)
            return Recording(VideoFrames(place, count, self._first_frame), fps=fps)
        files, twice = number_frames(self._list(place)[1])
        return Recording(Frames(place, files, self._depth(place)), twice)

    def _depth(self, place: Path) -> Frames | None:
        """Depth pictures: in a folder beside that of the frames, or in a tree of their own beside all people's."""
        beside = self._below(place.parent, [DEPTH])
        apart = self._below(self.base.parent, [DEPTH, *place.relative_to(self.base).parts])
        for folder in filter(None, (beside, apart)):
            if files := number_frames(self._list(folder)[1])[0]:
                return Frames(folder, files)
        return None

    def _below(self, folder: Path, parts: Iterable[str]) -> Path | None:
        found: Path | None = folder
        for part in parts:
            found = self._child(found, part) if found else None
        return found

    def _child(self, folder: Path, name: str) -> Path | None:
        found = _named(name, self._list(folder)[0])
        return folder / found if found else None

    def _video(self, folder: Path, name: str) -> Path | None:
        if self._first_frame is None:
            return None
        videos = _videos(self._list(folder)[1])
        found = _named(name, {stem.casefold(): file for stem, file in videos.items()} | videos)
        return folder / found if found else None

    def _list(self, folder: Path) -> tuple[dict[str, str], list[str]]:
        if folder not in self._listed:
            inside = list(_entries(folder))
            folders = sorted(e.name for e in inside if e.is_dir())
            by_name = {n.casefold(): n for n in folders} | {n: n for n in folders}
            self._listed[folder] = by_name, [e.name for e in inside if e.name not in by_name]
        return self._listed[folder]


def _named(name: str, files: Mapping[str, str]) -> str | None:
    """What goes by a name, whatever its case, or by a beginning that ends in '*'. Args: files: by name, and by name in lower case."""
    if name.endswith("*"):
        return next((files[n] for n in sorted(files) if n.startswith(name[:-1].casefold())), None)
    return files.get(name) or files.get(name.casefold())


def _measure(video: Path) -> tuple[int, float | None]:
    """Frames and frame rate as the file has them; 0 where it cannot be opened."""
    import cv2

    stream = cv2.VideoCapture(str(video))
    try:
        count, fps = stream.get(cv2.CAP_PROP_FRAME_COUNT), stream.get(cv2.CAP_PROP_FPS)
    finally:
        stream.release()
    return max(0, int(count)), fps if fps > 0 else None


def _videos(names: Iterable[str]) -> dict[str, str]:
    """Video files by their names without ending."""
    split = ((os.path.splitext(name), name) for name in sorted(names))  # noqa: PTH122
    return {stem: name for (stem, suffix), name in split if suffix.lower() in VIDEOS}


def _spreadsheets(folder: Path, inside: Iterable[os.DirEntry[str]]) -> list[Path]:
    return sorted(folder / e.name for e in inside if e.name.lower().endswith(SUFFIXES) and e.is_file())


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    """What a folder holds, without hidden files and the lock files that Excel leaves."""
    try:
        with os.scandir(folder) as inside:
            yield from (e for e in inside if not e.name.startswith((".", "~$")))
    except (PermissionError, FileNotFoundError, NotADirectoryError):
        return
