"""A folder of videos, one after another: a JSON file each, and two tables at the end."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsfmicro.columns import MODEL, SPOTTED, VIDEO, Column, heads, in_columns, named_emotions, write_codebook
from tsfmicro.errors import TsfmicroError, VideoError
from tsfmicro.files import counted, csv_text, write_whole
from tsfmicro.run.watch import Watch
from tsfmicro.spot.spot import LEVEL
from tsfmicro.spot.video import IMAGES, VIDEO_FILES
from tsfmicro.use.recognise import Recognizer
from tsfmicro.use.spot import SPOTTER

VIDEOS, MOMENTS, PARTS = "videos.csv", "moments.csv", "videos"


@dataclass(frozen=True)
class Batch:
    """What became of a folder of videos.

    Attributes:
        read: how many were read, of which `before` in an earlier call.
        failed: those that could not be, with the reason.
        moments: how many were spotted.
        passed: folders of images below it, which may be videos too and were not looked at.
    """

    read: int
    before: int
    failed: tuple[tuple[str, str], ...]
    moments: int
    passed: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        failed = [{"video": video, "why_not": why} for video, why in self.failed]
        return {"read": self.read, "read_before": self.before, "failed": failed, "moments": self.moments} | (
            {"folders_of_images": list(self.passed)} if self.passed else {}
        )

    def lines(self, out: Path) -> list[str]:
        """What the command prints."""
        before = f" ({self.before} of them before)" if self.before else ""
        said = [
            f"{counted(self.read, 'video')} read{before}, {counted(self.moments, 'moment')}: {out / MOMENTS}, {out / VIDEOS}"
        ]
        said += [f"not read: {video}: {why}" for video, why in self.failed]
        return said + [
            f"not looked at: {name}: a folder of images. Give it by itself, with --fps." for name in self.passed
        ]


def holds_videos(path: Path) -> bool:
    """Whether a path is a folder of videos, and not one of numbered images."""
    return path.is_dir() and any(file.suffix.lower() in VIDEO_FILES for file in path.rglob("*"))


def videos_in(folder: Path) -> list[Path]:
    """Files below a folder that are called like videos, in the order of their names. Raises VideoError: there is none."""
    found = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in VIDEO_FILES and file.is_file() and not file.name.startswith(".")
    )
    if not found:
        raise VideoError(
            f"{folder}: holds no video ({', '.join(sorted(VIDEO_FILES))}). Give a folder of videos, or one video."
        )
    return found


def read_videos(
    recognizer: Recognizer, folder: Path, out: Path, watch: Watch, level: float = LEVEL, spotter: str = SPOTTER
) -> Batch:
    """Spot and recognise in every video below a folder; go on where an earlier call was stopped.

    A video is read again if it or the model has changed. One that cannot be read is listed, and the others go on.

    Args:
        out: gets videos/….json, one for each video, and at the end videos.csv and moments.csv.
        level, spotter: least confidence of a moment, and who says it, see `spot`.
    Raises: VideoError: no video in the folder.
    """
    rows, before = [], 0
    found, settings = videos_in(folder), [*_settings(recognizer), level, spotter]
    for number, video in enumerate(found):
        name = video.relative_to(folder).as_posix()
        part = out / PARTS / f"{name}.json"
        key = _key(settings, video)
        known = _known(part, key)
        before += known is not None
        if known is None:
            watch.progress("videos", number, len(found), name)
            known = {"key": key, "video": name} | _read(recognizer, video, watch, level, spotter)
            part.parent.mkdir(parents=True, exist_ok=True)
            write_whole(part, json.dumps(known, indent=1))
        rows.append(known)
    watch.progress("videos", len(found), len(found))
    write_whole(out / VIDEOS, _videos_table(rows))
    write_whole(out / MOMENTS, _moments_table(rows, recognizer.classes))
    write_codebook(out / MOMENTS, (VIDEO, *moment_columns(recognizer.classes)))
    failed = tuple((row["video"], row["why_not"]) for row in rows if "why_not" in row)
    moments = sum(len(row.get("expressions", ())) for row in rows)
    return Batch(len(rows) - len(failed), before, failed, moments, tuple(_of_images(folder, found)))


def _of_images(folder: Path, videos: Sequence[Path]) -> Iterator[str]:
    """Folders below one of videos that hold images and no video, so that they may be videos themselves."""
    images = Counter(file.parent.relative_to(folder) for file in folder.rglob("*") if file.suffix.lower() in IMAGES)
    taken = {video.parent.relative_to(folder) for video in videos}
    for place, count in sorted(images.items()):
        if count > 1 and place not in taken and place.parts and not any(part.startswith(".") for part in place.parts):
            yield place.as_posix()


def _read(recognizer: Recognizer, video: Path, watch: Watch, level: float, spotter: str) -> dict[str, Any]:
    try:
        known = recognizer.video(video, watch, level=level, spotter=spotter).to_dict()
    except TsfmicroError as reason:
        return {"why_not": str(reason)}
    return {name: value for name, value in known.items() if name != "video"}


def _settings(recognizer: Recognizer) -> list[Any]:
    """All that an answer hangs on beside the video. The weights are among them: one trained again may have the same card."""
    weights = [member.digest() for member in recognizer.members]
    return [recognizer.threshold, recognizer.card.to_dict(), recognizer.classes, weights]


def _key(settings: list[Any], video: Path) -> str:
    about = video.stat()
    return hashlib.sha256(json.dumps([about.st_size, about.st_mtime_ns, *settings]).encode()).hexdigest()[:16]


def _known(part: Path, key: str) -> dict[str, Any] | None:
    try:
        known = json.loads(part.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return known if isinstance(known, dict) and known.get("key") == key else None


def _videos_table(rows: Sequence[dict[str, Any]]) -> str:
    columns = ["video", "seconds", "fps", "faces", "expressions", "blinks", "notes", "why_not"]
    return csv_text(
        columns,
        [
            [
                row["video"],
                row.get("seconds", ""),
                row.get("fps", ""),
                len({face["face"] for face in row.get("faces", ())}),
                len(row.get("expressions", ())),
                len(row.get("blinks", ())),
                "; ".join([*(f["text"] for f in row.get("fitness", ())), *row.get("notes", ())]),
                row.get("why_not", ""),
            ]
            for row in rows
        ],
    )


def moment_columns(classes: Sequence[str]) -> tuple[Column, ...]:
    """The columns of a table of moments."""
    return (*SPOTTED, *named_emotions(classes), MODEL)


def moment_row(moment: Mapping[str, Any], classes: Sequence[str], model: str) -> list[Any]:
    """One row of it, from `Moment.to_dict`."""
    said = {f"p_{name}": p for name, p in moment.get("probabilities", {}).items()}
    flat = {**moment, **in_columns(moment), **said, "model": model}
    return ["" if flat.get(column) is None else flat[column] for column in heads(moment_columns(classes))]


def _moments_table(rows: Sequence[dict[str, Any]], classes: Sequence[str]) -> str:
    return csv_text(
        heads((VIDEO, *moment_columns(classes))),
        [
            [row["video"], *moment_row(moment, classes, row["model"])]
            for row in rows
            for moment in row.get("expressions", ())
        ],
    )
