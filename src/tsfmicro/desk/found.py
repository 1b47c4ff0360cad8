"""What the program found in a video, kept beside a project: curves, moments to look at, and what is no expression.

It is never mixed with what coders mark: a moment of the program becomes a coder's when one takes it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.desk.film import frames_between, shown
from tsfmicro.errors import VideoError
from tsfmicro.files import write_whole
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.report.replay import animated, chosen
from tsfmicro.spot.types import Spotting
from tsfmicro.spot.video import Source

PARTS: Mapping[str, tuple[str, ...]] = {
    "brows": ("brow",), "nose": ("nose",), "cheeks": ("cheek",), "mouth": ("mouth", "lip"), "chin": ("chin",),
}  # fmt: skip
_UNIT = 0.01  # per cent of the distance between the eyes, in which curves are kept
EDGE = 224  # of a face in a replay, pixels
_PORTRAIT, _AROUND = 160, 24  # of a face that shall be named, pixels: its edge, and what is around it


@dataclass(frozen=True, eq=False)
class Found:
    """What is known of a video.

    Attributes:
        told: plain values: model, moments, marks, rests, notes.
        seconds, curves: of each face in turn, (n,) and (n, 5): how far its parts are from rest, per cent of the eyes' distance.
        landmarks: of each face, (n, 5, 2) pixels of the video.
    """

    told: Mapping[str, Any]
    faces: tuple[int, ...]
    seconds: tuple[np.ndarray, ...] = field(repr=False)
    curves: tuple[np.ndarray, ...] = field(repr=False)
    landmarks: tuple[np.ndarray, ...] = field(repr=False)

    def curve(self, begin: float, end: float, points: int) -> list[dict[str, Any]]:
        """The curves of a stretch, each point the most of its bit, so that no peak is lost.

        Returns: for each followed face: face, seconds, and one list of per cent for each of PARTS.
        """
        told = []
        for face, seconds, curve in zip(self.faces, self.seconds, self.curves, strict=True):
            first, last = np.searchsorted(seconds, [begin, end])
            first, last = max(0, int(first) - 1), min(len(seconds), int(last) + 1)
            if last - first < 2:
                continue
            edges = np.unique(np.linspace(first, last, min(points, last - first) + 1).astype(int))[:-1]
            most = np.maximum.reduceat(curve[first:last], edges - first, axis=0)
            values = {part: np.round(most[:, k], 2).tolist() for k, part in enumerate(PARTS)}
            told.append({"face": face, "seconds": np.round(seconds[edges], 4).tolist(), **values})
        return told

    @property
    def rests(self) -> list[dict[str, Any]]:
        """Where each face was taken to rest, as `Resting.to_dict`; none in what an earlier version kept."""
        return [one for one in self.told.get("rests", ()) if "unrest" in one]

    def stretches(self, face: int) -> list[tuple[float, float]]:
        """From when to when a face was followed, seconds."""
        return sorted(
            (float(s[0]), float(s[-1])) for f, s in zip(self.faces, self.seconds, strict=True) if f == face and len(s)
        )

    def quietest(self, face: int) -> tuple[float, np.ndarray] | None:
        """When a face moves least in its longest stretch, and its landmarks (5, 2) then; None where it was not followed."""
        places = [n for n, f in enumerate(self.faces) if f == face and len(self.seconds[n])]
        if not places:
            return None
        longest = max(places, key=lambda n: len(self.seconds[n]))
        at = int(self.curves[longest].sum(1).argmin())
        return float(self.seconds[longest][at]), self.landmarks[longest][at]

    def landmarks_near(self, seconds: float, face: int | None = None) -> np.ndarray | None:
        """(5, 2) of the face that is there at a time, or of this one; None where none was followed."""
        for number, of_face, marks in zip(self.faces, self.seconds, self.landmarks, strict=True):
            if face in (None, number) and of_face[0] - 0.05 <= seconds <= of_face[-1] + 0.05:
                return marks[int(np.abs(of_face - seconds).argmin())]
        return None


def as_found(spotting: Spotting, reading: Mapping[str, Any] | None = None) -> Found:
    """What spotting found. Args: reading: what a model says of it, as a reading's `to_dict` has it."""
    known = dict(reading or spotting.to_dict())
    times = spotting.video.times
    groups = [[k for k, r in enumerate(spotting.regions) if any(w in r for w in words)] for words in PARTS.values()]
    blinks = [
        {
            "face": b.track,
            "what": "blink",
            "onset_s": round(float(times[b.onset]), 4),
            "offset_s": round(float(times[b.offset]), 4),
        }
        for b in spotting.blinks
    ]
    told = {
        "moments": known["expressions"], "marks": known["marks"] + blinks, "rests": known["rests"], "notes": known["notes"],
        "model": known.get("model", ""), "classes": known.get("classes", []),
    }  # fmt: skip
    return Found(
        told,
        tuple(s.track for s in spotting.segments),
        tuple(times[s.frames] for s in spotting.segments),
        tuple(np.stack([c[:, g].max(1) for g in groups], axis=1) for c in spotting.curves),
        tuple(np.stack([s.landmarks_at(f) for f in s.frames]) for s in spotting.segments),
    )


def keep(found: Found, file: Path) -> None:
    """Write it down, whole or not at all."""
    arrays: dict[str, np.ndarray] = {"told": np.frombuffer(json.dumps(dict(found.told)).encode(), np.uint8)}
    for n, (seconds, curve, marks) in enumerate(zip(found.seconds, found.curves, found.landmarks, strict=True)):
        arrays |= {
            f"seconds{n}": seconds,
            f"curve{n}": np.clip(np.round(curve / _UNIT), 0, 65535).astype(np.uint16),
            f"marks{n}": marks.astype(np.float32),
        }
    content = io.BytesIO()
    np.savez_compressed(content, faces=np.array(found.faces, np.int64), allow_pickle=False, **arrays)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, content.getvalue())


def kept(file: Path) -> Found | None:
    """What was written down; None where nothing was, or it is damaged: then it can be made again."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            told = json.loads(arrays["told"].tobytes())
            faces = tuple(arrays["faces"].tolist())
            each = range(len(faces))
            return Found(
                told,
                faces,
                tuple(arrays[f"seconds{n}"] for n in each),
                tuple(arrays[f"curve{n}"] * _UNIT for n in each),
                tuple(arrays[f"marks{n}"] for n in each),
            )
    except Exception:  # whatever a damaged archive raises
        return None


def replay(source: Source, times: np.ndarray, landmarks: np.ndarray | None, onset: float, offset: float) -> bytes:
    """A moment eight times slower, and beside it with its movement made larger, as an animated WebP.

    The head is held where it is at the onset. Args: landmarks: (5, 2) pixels there; None: the middle of the picture is taken.
    Raises: VideoError: it cannot be read.
    """
    first, last = (int(np.abs(times - s).argmin()) for s in (onset, offset))
    numbers = chosen(first, max(last, first + 1))
    if numbers[-1] >= len(times):
        raise VideoError(f"{source.path.name}: ends before {offset:.3f} s.")
    matrix = _middle(source.width, source.height) if landmarks is None else to_template(landmarks, EDGE)
    faces = [crop(image, matrix, EDGE) for _, image in frames_between(source, times, numbers)]
    return animated(np.stack(faces), times[numbers])


def portrait(source: Source, times: np.ndarray, seconds: float, landmarks: np.ndarray) -> bytes:
    """A face with what is around it, as a JPEG. Args: landmarks: (5, 2) pixels at that time."""
    ((_, image),) = frames_between(source, times, [int(np.abs(times - seconds).argmin())])
    matrix = to_template(landmarks, _PORTRAIT - 2 * _AROUND)
    matrix[:, 2] += _AROUND
    return shown(crop(image, matrix, _PORTRAIT))


def _middle(width: int, height: int) -> np.ndarray:
    """The largest square in the middle of a picture."""
    scale = EDGE / min(width, height)
    return np.array([[scale, 0, EDGE / 2 - scale * width / 2], [0, scale, EDGE / 2 - scale * height / 2]])
