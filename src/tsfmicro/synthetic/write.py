"""Generated faces on disk, in the CASME II layout: `write_faces`."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import openpyxl
from numpy.typing import NDArray

from tsfmicro.errors import ConfigError, RunError
from tsfmicro.files import write_whole
from tsfmicro.generated import MANIFEST
from tsfmicro.synthetic.actor import Actor
from tsfmicro.synthetic.cast import Scene, cast, scenes
from tsfmicro.synthetic.truth import truth
from tsfmicro.workers import cores, spread

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SHEET = "CASME2-coding-20190701.xlsx"
FRAMES = "CASME2_RAW_selected"
_VERSION = 1  # of the drawing: folders drawn by another version are not continued
_JPEG_QUALITY = 92

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Order:
    """What was asked for; two folders with the same order hold the same bytes."""

    people: int
    clips: int
    seed: int
    fps: float

    def scenes(self) -> Iterator[Scene]:
        for person in range(self.people):
            yield from scenes(self.seed, person, self.clips, self.fps)


def write_faces(
    out: Path,
    people: int = 8,
    clips: int = 12,
    seed: int = 0,
    fps: float = 200,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Path:
    """Draw people who show micro-expressions, in the CASME II layout with the truth beside it.

    A clip's folder appears when its last frame is written, and the sheet when all clips are there; started again, a
    killed run draws only what is missing. The same arguments give the same bytes for any number of workers.

    Args:
        out: folder to write; new, empty, or begun with the same arguments.
        people, clips: how many people, and clips of each.
        seed: decides everything that is random.
        fps: frames per second; an expression lasts 0.20–0.45 s.
        workers: processes, each on one thread; None takes one per core.
        progress: called with (clips done, clips in all).
    Returns: `out`: the sheet, the frames, `truth.csv`, `truth/` and the manifest `generated.json`.
    Raises:
        ConfigError: numbers that cannot work, or a folder that holds something else.
        RunError: the disk is full. TsfmicroError: a process was killed.
    """
    order = Order(people, clips, seed, float(fps))
    _check(order)
    out = Path(out)
    try:
        claim(out, order)
        _draw_all(out, order, workers or cores(), progress or (lambda done, total: None))
        _write_truth_table(out, order)
        _write_sheet(out / SHEET, order)
    except OSError as error:
        raise RunError(
            f"{error.filename or out}: cannot be written ({error.strerror or error}). "
            "Free some space or choose another folder, then start again: finished clips are kept."
        ) from None
    return out


def _check(order: Order) -> None:
    wrong = [f"{n}={getattr(order, n)} (at least 1)" for n in ("people", "clips") if getattr(order, n) < 1]
    wrong += [f"seed={order.seed} (at least 0)"] * (order.seed < 0)
    wrong += [f"fps={order.fps:g} (10 to 1000)"] * (not 10 <= order.fps <= 1000)
    if wrong:
        raise ConfigError(f"generated faces: cannot draw {', '.join(wrong)}.")


def claim(out: Path, order: DataclassInstance) -> None:
    """Make the folder ours, or see that it is ours and was begun with the same order."""
    manifest, ours = out / MANIFEST, {"drawing": _VERSION, **asdict(order)}
    if not manifest.exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ConfigError(f"{out}: holds something else than generated faces. Give a new or an empty folder.")
        out.mkdir(parents=True, exist_ok=True)
        write_whole(manifest, (json.dumps(ours, indent=2) + "\n").encode())
        return
    try:
        theirs = json.loads(manifest.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError):
        raise ConfigError(f"{manifest}: is damaged. Delete {out} and draw it again.") from None
    if theirs != ours:
        was = " ".join(f"{k}={v}" for k, v in theirs.items()) if isinstance(theirs, dict) else "something else"
        raise ConfigError(f"{out}: was begun with {was}. Give the same arguments, or another folder.")


def _draw_all(out: Path, order: Order, workers: int, progress: Progress) -> None:
    missing = [scene for scene in order.scenes() if not _folder(out, scene).exists()]
    total = order.people * order.clips
    done = total - len(missing)
    progress(done, total)
    with closing(spread(partial(_draw_clip, out), missing, min(workers, len(missing)))) as drawn:
        for _ in drawn:
            done += 1
            progress(done, total)
    _actor.cache_clear()


@lru_cache(maxsize=1)
def _actor(seed: int, person: int) -> Actor:
    """A person's portrait serves for all their clips; clips come person by person."""
    return Actor(cast(seed, person))


def _draw_clip(out: Path, scene: Scene) -> None:
    """Write a clip's truth, and its frames under another name, and give them their name when all are there."""
    take = _actor(scene.seed, scene.person).take(scene.staging, scene.movement)
    final = _folder(out, scene)
    part = final.with_name(f".{final.name}.part")
    if part.exists():
        shutil.rmtree(part)
    part.mkdir(parents=True)
    for number in range(scene.onset, scene.offset + 1):
        picture = take.frame(scene.seconds(number), scene.noise(number))
        (part / f"img{number}.jpg").write_bytes(jpeg(picture))
    arrays = io.BytesIO()
    np.savez_compressed(arrays, **asdict(truth(take, scene)))
    _truth_file(out, scene).parent.mkdir(parents=True, exist_ok=True)
    write_whole(_truth_file(out, scene), arrays.getvalue())
    part.rename(final)


def jpeg(picture: NDArray[Any]) -> bytes:
    """A frame as it is written."""
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def _folder(out: Path, scene: Scene) -> Path:
    return out / FRAMES / scene.subject / scene.name


def _truth_file(out: Path, scene: Scene) -> Path:
    return out / "truth" / scene.subject / f"{scene.name}.npz"


def _write_truth_table(out: Path, order: Order) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    marks = [f"{mark}_{axis}" for mark in ("eye1", "eye2", "nose", "mouth1", "mouth2") for axis in "xy"]
    table.writerow(
        ["subject", "clip", "emotion", "action_units", "intensity_px", "onset", "apex", "offset", "fps", "blink_s",
         "roll_deg", "yaw_deg", "pitch_deg", "px_per_mm", "head_px", "expression_px", *marks]
    )  # fmt: skip
    for scene in order.scenes():
        with np.load(_truth_file(out, scene)) as arrays:
            head = np.linalg.norm(arrays["landmarks_moved"] - arrays["landmarks_expression"], axis=1).mean()
            most = np.linalg.norm(arrays["expression"].astype(np.float32), axis=0).max()
            landmarks = arrays["landmarks"].ravel()
        s, m = scene.staging, scene.movement
        angles = [f"{math.degrees(a):.2f}" for a in (s.pose.roll, s.pose.yaw, s.pose.pitch)]
        table.writerow(
            [scene.subject, scene.name, m.emotion, m.units, f"{m.intensity:.3f}", scene.onset, scene.apex, scene.offset,
             f"{scene.fps:g}", "" if s.blink is None else f"{s.blink:.3f}", *angles, f"{s.pose.scale:.4f}", f"{head:.3f}",
             f"{most:.3f}", *(f"{v:.2f}" for v in landmarks)]
        )  # fmt: skip
    write_whole(out / "truth.csv", text.getvalue().encode())


def _write_sheet(path: Path, order: Order) -> None:
    """The sheet in the columns of 2019, blank columns included."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sheet1"
    sheet.append(
        ["Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame", None, "Action Units",
         "Estimated Emotion", "Objective Classes"]
    )  # fmt: skip
    for scene in order.scenes():
        m = scene.movement
        units = int(m.units) if m.units.isdigit() else m.units  # sheets hold lone units as numbers
        sheet.append(
            [scene.subject.removeprefix("sub"), scene.name, None, scene.onset, scene.apex, scene.offset, None, units,
             m.emotion, m.objective]
        )  # fmt: skip
    content = io.BytesIO()
    book.save(content)
    write_whole(path, _timeless(content))


def _timeless(book: io.BytesIO) -> bytes:
    """The workbook without the time of writing, so that the same faces are the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2000-01-01T00:00:00Z", old.read(name))
            new.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def contact_sheet(root: Path, across: int = 4) -> NDArray[Any]:
    """The first frame of each person's first clip, side by side.

    Returns: (rows·480, across·640, 3) uint8, blue first as OpenCV orders colours.
    """
    pictures: list[NDArray[Any]] = []
    for subject in sorted((root / FRAMES).iterdir()):
        clip = min(f for f in subject.iterdir() if not f.name.startswith("."))
        first = min(clip.iterdir(), key=lambda f: int(re.sub(r"\D", "", f.stem)))
        pictures.append(np.asarray(cv2.imread(str(first))))
    blank = np.zeros_like(pictures[0])
    pictures += [blank] * (-len(pictures) % across)
    return np.vstack([np.hstack(pictures[k : k + across]) for k in range(0, len(pictures), across)])
