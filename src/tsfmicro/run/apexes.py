"""Clips of datasets that annotate no apex, or whose apex shall not be taken from the sheet: it is looked for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import FaceError, FrameError
from tsfmicro.files import write_whole
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.images import read_frames
from tsfmicro.run.watch import Watch
from tsfmicro.spot.apex import VERSION, find_apex
from tsfmicro.types import Clip, VideoFrames
from tsfmicro.workers import cores, spread

_SIZE = 224
_AT_ONCE = 64  # whole frames in memory; a video is decoded from its start for each so many


def with_spotted_apexes(
    clips: Sequence[Clip], config: PrepareConfig, cache: Path, workers: int | None, watch: Watch
) -> list[Clip]:
    """The clips with the apex that was spotted between onset and offset, in their order; none where it could not be.

    With `apex: missing`, those that have one keep it.
    What was spotted before is read from <cache>/apexes, so that a killed run goes on where it was.
    """
    asked = [clip for clip in clips if config.apex == "spotted" or clip.apex is None]
    places = {clip.id: cache / "apexes" / f"{_key(clip, config)}.json" for clip in asked}
    spotted = {clip.id: n for clip in asked if (n := _read(places[clip.id])) is not None}
    todo = [_Search(clip) for clip in asked if clip.id not in spotted]
    done = len(asked) - len(todo)
    many = workers or min(cores(), len(todo) // 8)
    with closing(spread(partial(_spot, config.detector), todo, min(many, len(todo)))) as results:
        for clip_id, apex, reason in results:
            done += 1
            watch.progress("spotting apexes", done, len(asked), clip_id)
            if apex is None:
                watch.note(f"  no apex in {clip_id}: {reason}")
            else:
                spotted[clip_id] = apex
                places[clip_id].parent.mkdir(parents=True, exist_ok=True)
                write_whole(places[clip_id], json.dumps({"clip": clip_id, "apex": apex}))
    watch.note(f"spotted the apex of {len(spotted)} of {len(asked)} clips")
    return [_with_apex(clip, spotted.get(clip.id)) if clip.id in places else clip for clip in clips]


@dataclass(frozen=True)
class _Search:
    clip: Clip

    def __str__(self) -> str:
        return self.clip.id


def _with_apex(clip: Clip, apex: int | None) -> Clip:
    was = "none" if clip.apex is None else clip.apex
    fix = () if apex == clip.apex else (f"apex {was}→{'none' if apex is None else apex}: spotted",)
    return replace(clip, apex=apex, fixes=(*clip.fixes, *fix))


def _spot(detector: str, job: _Search) -> tuple[str, int | None, str]:
    """Clip id, apex, and why there is none."""
    clip = job.clip
    if clip.offset is None:
        return clip.id, None, "the sheet has no offset, so there is no end to look to"
    numbers = [n for n in range(clip.onset, clip.offset + 1) if n in clip.frames.numbers]
    try:
        face = finder(detector)(read_frames(clip.frames, [clip.onset])[clip.onset])
        if face is None:
            raise FaceError("no face found on the onset")
        matrix = to_template(face.landmarks, _SIZE)
        parts = (numbers[i : i + _AT_ONCE] for i in range(0, len(numbers), _AT_ONCE))
        faces = np.stack(
            [crop(image, matrix, _SIZE) for part in parts for image in read_frames(clip.frames, part).values()]
        )
    except (FrameError, FaceError) as reason:
        return clip.id, None, str(reason)
    if len(faces) < 2:
        return clip.id, None, f"only frame {clip.onset} is there"
    marks = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    return clip.id, numbers[find_apex(faces, marks, clip.fps)], ""


def _key(clip: Clip, config: PrepareConfig) -> str:
    """Hash of all that decides the apex: the frames, their rate, the detector and the method."""
    last = clip.offset if clip.offset is not None else clip.onset
    stats: list[Any] = [VERSION, clip.id, clip.onset, clip.offset, clip.fps, config.detector]
    if isinstance(clip.frames, VideoFrames):
        stats.append(_file(clip.frames.first, clip.frames.video))
    else:
        numbers = (n for n in range(clip.onset, last + 1) if n in clip.frames.numbers)
        stats += [_file(n, clip.frames.path(n)) for n in numbers]
    return hashlib.sha256(json.dumps(stats).encode()).hexdigest()[:24]


def _file(number: int, path: Path) -> list[Any]:
    """A file as it is now: name, size and time of change."""
    try:
        stat = path.stat()
    except OSError:
        return [number, path.name]
    return [number, path.name, stat.st_size, stat.st_mtime_ns]


def _read(path: Path) -> int | None:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["apex"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
