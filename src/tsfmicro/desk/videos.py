"""The videos of a project: copied or linked into its folder, and known again by their size, date and ends."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tsfmicro.errors import VideoError
from tsfmicro.prepare.images import read_image
from tsfmicro.spot.video import IMAGES, VIDEO_FILES, Source, open_video
from tsfmicro.timeline import one_line, stem, without_ending

_END = 1 << 16  # bytes at each end of a file that it is known by
_LONGEST_NAME = 180  # bytes; file systems have 255, and what is kept beside a video has a longer name


@dataclass(frozen=True)
class Print:
    """What a video is known by. size: bytes, or images; date: seconds, of its last change; ends: of its first and last bytes."""

    size: int
    date: float
    ends: str

    def same(self, other: Mapping[str, Any]) -> bool:
        """Whether it is the same video, whatever its date."""
        return (self.size, self.ends) == (other.get("size"), other.get("ends"))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def print_of(path: Path) -> Print:
    """What a file, or a folder of images, is known by. Raises VideoError: it is not there, or cannot be read."""
    try:
        if path.is_dir():
            files = sorted(f for f in path.iterdir() if not f.name.startswith("."))
            ends = hashlib.sha256("\n".join(f.name for f in files).encode("utf-8", "replace"))
            for file in files[:1] + files[-1:]:
                ends.update(file.read_bytes())
            return Print(len(files), path.stat().st_mtime, ends.hexdigest()[:24])
        size = path.stat().st_size
        with path.open("rb") as stream:
            ends = hashlib.sha256(stream.read(_END))
            stream.seek(max(0, size - _END))
            ends.update(stream.read(_END))
        return Print(size, path.stat().st_mtime, ends.hexdigest()[:24])
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror}).") from None


def videos_below(folder: Path) -> list[Path]:
    """The videos in a folder and below, files and folders of images, in order; itself where it has images.

    Raises: VideoError: there is none, or a folder cannot be read.
    """
    found: list[Path] = []
    try:
        for place, folders, files in os.walk(folder, onerror=_raise):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            endings = [
                (Path(place) / name, Path(name).suffix.lower()) for name in sorted(files) if not name.startswith(".")
            ]
            found += [file for file, ending in endings if ending in VIDEO_FILES]
            if sum(ending in IMAGES for _, ending in endings) > 1:
                found.append(Path(place))
                folders.clear()
    except OSError as error:
        raise VideoError(f"{error.filename}: cannot be read ({error.strerror}).") from None
    if not found:
        raise VideoError(f"{folder}: has no video and no images in it. Give a video, or a folder of videos.")
    return sorted(found)


def _raise(error: OSError) -> None:
    raise error


def new_name(path: Path, taken: Collection[str], below: Path | None = None) -> str:
    """What a video is called in a project: as its file, with a number behind where another video is called so.

    Args: below: the folder that was added with all its videos: those between it and the video are in the name.
    Raises: VideoError: the name cannot be one in a table.
    """
    name = one_line("_".join(path.relative_to(below).parts) if below and below != path else path.name)
    if not name or name.startswith(".") or set(name) & set('/\\:*?"<>|') or len(name.encode()) > _LONGEST_NAME:
        raise VideoError(f"{one_line(str(path))}: a video cannot be called so in a project. Rename the file.")
    known = {stem(one) for one in taken}
    base, number, chosen = without_ending(name), 1, name
    while stem(chosen) in known:
        number += 1
        chosen = f"{base}-{number}{name[len(base) :]}"
    return chosen


def opened(path: Path, fps: float | None) -> Source:
    """A video that can be read. Raises VideoError: it cannot."""
    return open_video(path, read_image, fps if path.is_dir() else None)


def facts(source: Source) -> dict[str, Any]:
    """What is known of a video before its frames are counted."""
    fps = source.nominal if 0 < source.nominal < 10_000 else source.fps
    return {
        "fps": round(fps, 6),
        "frames": source.about,
        "seconds": round(source.about / fps, 6),
        "width": source.width,
        "height": source.height,
    }


def put(source: Path, place: Path, link: bool) -> None:
    """Copy or link a video into a project. Raises VideoError: it cannot be done; then nothing is left of it."""
    part = place.with_name(f".{place.name}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        if link:
            place.symlink_to(source.resolve(), target_is_directory=source.is_dir())
        elif source.is_dir():
            shutil.copytree(source, part)
            part.replace(place)
        else:
            shutil.copy2(source, part)
            part.replace(place)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink(missing_ok=True)
        why = "no space is left" if error.errno == errno.ENOSPC else error.strerror
        advice = "Copy it instead" if link else "Link it instead, or choose another disk"
        raise VideoError(f"{source}: cannot be put into the project ({why}). {advice}.") from None


def take_out(place: Path) -> None:
    """Remove a link. A copy stays: a coder's only one may be it."""
    if place.is_symlink():
        place.unlink()


def is_gone(place: Path) -> bool:
    """Whether a video is not where it was, e.g. because its disk is not there."""
    return not os.path.exists(place)  # noqa: PTH110 - a Path says no to a name that is too long by raising
