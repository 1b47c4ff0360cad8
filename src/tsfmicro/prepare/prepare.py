"""From clips to aligned faces: the whole story of preparation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import AnnotationError, FaceError, FrameError
from tsfmicro.files import locked
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.prepare.arrays import Arrays, writing
from tsfmicro.prepare.cache import Draft, Record, cache_key, open_prepared, unique
from tsfmicro.prepare.face import Face, Finder, finder
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.images import read_image
from tsfmicro.prepare.pairs import candidates, widest
from tsfmicro.types import Clip, PreparedSet
from tsfmicro.workers import cores, spread

Progress = Callable[[int, int, str], None]
NO_APEX = "the sheet has no apex that can be used. Spot it, or add it to the dataset's fixes."
CLIPS_WORTH_A_PROCESS = 8  # starting a process takes as long as preparing about so many clips


def prepare(
    clips: Sequence[Clip],
    config: PrepareConfig,
    cache: Path,
    workers: int | None = None,
    progress: Progress | None = None,
    ready: bool = False,
) -> PreparedSet:
    """Aligned faces of all clips, from the cache where they are in it.

    A run that was killed goes on where it was. Two processes may ask for the same clips: one prepares, the other waits.

    Args:
        clips: any order, no id twice; those without apex come out among the skipped.
        config: size, detector, pairs, flow.
        cache: folder of prepared sets; this one is <cache>/<key>.
        workers: processes; by default one per core, fewer for few clips.
        progress: called here with clips done, clips in all, and what was done last.
        ready: the apex "frame" of each clip is a ready-made flow map; it is stored as it is, and there are no faces.
    Returns:
        The set, in the order of the clips; skipped: a clip without apex, without a face, or with a missing, damaged or
        differently sized frame.
    Raises:
        AnnotationError: a clip is there twice, or none has an apex.
        CacheError: the cache is damaged, or the disk is full.
    """
    clips = unique(clips)
    if all(clip.apex is None for clip in clips):
        raise AnnotationError(f"nothing to prepare: none of the {len(clips)} clips has an apex. Spot the apex first.")
    tell = progress or (lambda done, total, note: None)
    key = cache_key(clips, config, ready)
    draft = Draft(cache / key, key, clips, config, ready)
    if not draft.is_finished:
        with writing(draft.folder):
            draft.folder.mkdir(parents=True, exist_ok=True)
            (draft.folder / "lock").touch()
        waiting = "waiting: another process prepares these clips"
        with locked(draft.folder / "lock", lambda: tell(0, len(clips), waiting)):
            if not draft.is_finished:  # the other process may have done it
                _prepare_rest(draft, workers, tell)
    prepared = open_prepared(draft.folder, clips)
    tell(len(clips), len(clips), f"prepared set {key}")
    return prepared


def _prepare_rest(draft: Draft, workers: int | None, tell: Progress) -> None:
    records = draft.resume()
    records |= {clip.id: {"clip": clip.id, "skipped": NO_APEX} for clip in draft.clips if clip.apex is None}
    rows, total = draft.rows, len(draft.clips)
    todo = [ClipJob(rows[clip.id], clip) for clip in draft.clips if clip.id not in records]
    tell(len(records), total, f"{len(todo)} clips to prepare")
    if workers is None:
        workers = 1 if draft.ready else min(cores(), len(todo) // CLIPS_WORTH_A_PROCESS)
    work = partial(_fill_ready if draft.ready else _fill_row, draft.arrays, draft.config)
    with closing(spread(work, todo, min(workers, len(todo)))) as results:
        for record in results:
            draft.note(record)
            records[record["clip"]] = record
            tell(len(records), total, _told(record))
    draft.finish(records)


def _told(record: Record) -> str:
    if "skipped" in record:
        what = f"skipped, {record['skipped']}"
    else:
        what = f"face found by {record['detector']}" if "detector" in record else "flow map read"
    return f"{record['clip']}: {what}"


@dataclass(frozen=True)
class ClipJob:
    """A clip to prepare, and its row."""

    row: int
    clip: Clip

    def __str__(self) -> str:
        return self.clip.id


def _fill_row(arrays: Arrays, config: PrepareConfig, job: ClipJob) -> Record:
    record: Record = {"clip": job.clip.id, "row": job.row}
    try:
        faces = prepare_clip(job.clip, config, finder(config.detector))
    except (FrameError, FaceError) as reason:
        return record | {"skipped": str(reason)}
    sums = arrays.write(job.row, faces.arrays())
    return record | {"detector": faces.detector, "widest": faces.frames, "sums": sums}


def _fill_ready(arrays: Arrays, config: PrepareConfig, job: ClipJob) -> Record:
    record: Record = {"clip": job.clip.id, "row": job.row}
    try:
        image = read_ready(job.clip, config.size)
    except FrameError as reason:
        return record | {"skipped": str(reason)}
    return record | {"sums": arrays.write(job.row, {"flow": np.stack([image, image])})}


def read_ready(clip: Clip, size: int) -> np.ndarray:
    """A ready-made flow map: (3, size, size) float16, red, green and blue of the file, 0…255.

    Raises: FrameError: it is missing, damaged or of another size.
    """
    assert clip.apex is not None
    path = clip.frames.path(clip.apex)
    image = read_image(path)
    if image.shape != (size, size, 3):
        height, width, _ = image.shape
        raise FrameError(
            f"{path}: is {width}×{height}, but prepare.size is {size}. Replace it, or set prepare.size to what all files have."
        )
    return image.transpose(2, 0, 1).astype(np.float16)


@dataclass(frozen=True)
class ClipFaces:
    """One clip, prepared.

    Attributes:
        annotated, widest: (2, H, W, 3) uint8 RGB, onset and apex.
        landmarks: (5, 2) float32, pixels of the onset frame.
        flow: (2, 3, H, W) float16 or None; of the annotated and of the widest pair.
        detector: which one found the face.
        frames: frame numbers of the widest pair.
    """

    annotated: np.ndarray
    widest: np.ndarray
    landmarks: np.ndarray
    flow: np.ndarray | None
    detector: str
    frames: tuple[int, int]

    def arrays(self) -> dict[str, np.ndarray]:
        """As they are stored."""
        arrays = {"annotated": self.annotated, "widest": self.widest, "landmarks": self.landmarks}
        return arrays if self.flow is None else arrays | {"flow": self.flow}


def prepare_clip(clip: Clip, config: PrepareConfig, find: Finder) -> ClipFaces:
    """The story of one clip: find the face on the onset once, and crop every frame with that one transform.

    Raises:
        FrameError: a frame is missing, damaged or of another size than the onset.
        FaceError: no face on the onset frame.
    """
    onset_numbers, apex_numbers = candidates(clip, config.neighbourhood)
    onset_path = clip.frames.path(clip.onset)
    onset = read_image(onset_path)
    face = _face(onset, find, str(onset_path))
    matrix = to_template(face.landmarks, config.size)

    def face_at(number: int) -> np.ndarray:
        path = clip.frames.path(number)
        return crop(_same_size(read_image(path), onset, str(path)), matrix, config.size)

    onsets = np.stack([crop(onset, matrix, config.size), *map(face_at, onset_numbers[1:])])
    apexes = np.stack([face_at(number) for number in apex_numbers])
    i, j = widest(onsets, apexes)
    pairs = np.array([[onsets[0], apexes[0]], [onsets[i], apexes[j]]])
    flow = np.stack([flow_and_strain(*pair) for pair in pairs]) if config.flow else None
    return ClipFaces(pairs[0], pairs[1], face.landmarks, flow, face.detector, (onset_numbers[i], apex_numbers[j]))


def align_pair(
    onset: np.ndarray, apex: np.ndarray, config: PrepareConfig, find: Finder | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Faces of one onset and apex, both cropped with the onset's transform.

    Args: onset, apex: (H, W, 3) uint8 RGB of one size; find: another detector than the config's.
    Returns: (2, size, size, 3) uint8 faces; (5, 2) float32 landmarks, pixels of the onset.
    Raises: FaceError: no face on the onset. FrameError: the two differ in size.
    """
    face = _face(onset, find or finder(config.detector), "onset image")
    matrix = to_template(face.landmarks, config.size)
    pair = (onset, _same_size(apex, onset, "apex image"))
    return np.stack([crop(image, matrix, config.size) for image in pair]), face.landmarks


def _face(onset: np.ndarray, find: Finder, where: str) -> Face:
    face = find(onset)
    if face is None:
        raise FaceError(
            f"{where}: no face found. Look at the image; if there is a face, crop around it, else exclude it."
        )
    return face


def _same_size(image: np.ndarray, onset: np.ndarray, where: str) -> np.ndarray:
    if image.shape != onset.shape:
        (h, w, _), (onset_h, onset_w, _) = image.shape, onset.shape
        raise FrameError(
            f"{where}: is {w}×{h}, but its onset is {onset_w}×{onset_h}; one transform cannot serve both. "
            "Restore the frame, or exclude the clip."
        )
    return image
