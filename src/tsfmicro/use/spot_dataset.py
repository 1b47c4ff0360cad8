"""Spotting in a dataset's long videos, scored so that nobody chooses the thresholds for themselves.

1. Every video is measured once: what is kept is how its regions moved, a few numbers a frame. That takes the time, goes on where
   it was stopped, and knows no threshold and no truth.
2. For every pair of thresholds of a grid, hits are counted in every video.
3. For each person, the pair is taken that has the best overall F1 on the videos of all other people, and the person's videos are
   scored with it. Counts are then added over people.

The grid and everything else were fixed before: see `docs/spotting.md`.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

import tsfmicro
from tsfmicro.errors import AnnotationError, FaceError, RunError, ShapeError, TsfmicroError
from tsfmicro.files import csv_text, write_whole
from tsfmicro.run.watch import Watch
from tsfmicro.spot.found import Thresholds
from tsfmicro.spot.listing import Listed, Listing, Marked, write_listing
from tsfmicro.spot.score import score_intervals
from tsfmicro.spot.spot import LEVEL, around, covers_of, movements, rests_of
from tsfmicro.spot.types import Segment
from tsfmicro.types import VideoFrames
from tsfmicro.use.long_videos import LongVideo, LongVideos, long_videos
from tsfmicro.use.spot import spot
from tsfmicro.use.spot_score import SpotMeasure, measure
from tsfmicro.workers import cores, spread

_FORMAT = 3  # of the files of traces
_STEP = 25  # frames between two reports
_DEFAULT = Thresholds()
_STEPS = (0.5, 0.7, 1.0, 1.5, 2.0, 3.0)  # times the default
GRID = tuple(
    sorted(
        (
            Thresholds(micro=_DEFAULT.micro * quick, macro=_DEFAULT.macro * slow)
            for quick, slow in product(_STEPS, repeat=2)
        ),
        # Of thresholds that do as well, the one nearest to the default is taken: the first.
        key=lambda t: abs(np.log(t.micro / _DEFAULT.micro)) + abs(np.log(t.macro / _DEFAULT.macro)),
    )
)


@dataclass(frozen=True)
class Trace:
    """How the faces of a video moved, without any threshold.

    Attributes:
        numbers: (T,) the dataset's number of each frame. times: (T,) seconds of each.
        faces: each stretch of a face; its frames are places among the T.
        why_none: why there is no face, in one line; empty where there is one.
    """

    numbers: np.ndarray
    times: np.ndarray
    faces: tuple[Segment, ...]
    why_none: str = ""

    def expressions(self, grid: Sequence[Thresholds]) -> list[tuple[Marked, ...]]:
        """What is spotted under each of several thresholds, by onset, in the dataset's frame numbers."""
        found: list[list[Marked]] = [[] for _ in grid]
        covers = covers_of(self.faces, self.times)
        rests = rests_of(self.faces, self.times, covers)
        for face in self.faces:
            times = self.times[face.frames]
            blinks, view = around(face, covers[face.track], self.times)
            for marked, thresholds in zip(found, grid, strict=True):
                moved, _ = movements(face, times, blinks, view, thresholds, rests.get(face.track))
                for one in moved:
                    if one.confidence >= LEVEL:
                        onset, apex, offset = map(self._number, (one.onset, one.apex, one.offset))
                        marked.append(Marked(onset, offset, one.kind, apex))
        return [tuple(sorted(marked, key=lambda m: (m.onset, m.offset))) for marked in found]

    def _number(self, seconds: float) -> int:
        return int(self.numbers[np.abs(self.times - seconds).argmin()])


@dataclass(frozen=True)
class DatasetSpotting:
    """A dataset's long videos, spotted and scored.

    Attributes:
        measure: of what was found with thresholds that were chosen on other people.
        chosen: person → the thresholds that their videos were spotted with.
        found, truth: the intervals.
    """

    measure: SpotMeasure
    chosen: Mapping[str, Thresholds]
    found: Listing
    truth: Listing

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        chosen = {person: {"micro": t.micro, "macro": t.macro} for person, t in self.chosen.items()}
        rule = {"thresholds": "chosen on the videos of all other people, by overall F1", "chosen": chosen}
        return {"dataset": self.truth.source} | rule | self.measure.to_dict()


def spot_dataset(
    name: str,
    root: Path,
    out: Path,
    workers: int | None = None,
    watch: Watch | None = None,
    grid: Sequence[Thresholds] = GRID,
) -> DatasetSpotting:
    """Spot every long video of a dataset and score it; go on where an earlier call was stopped.

    A video in which no face is found, or that cannot be read, counts as searched in vain.

    Args:
        name, root: see `long_videos`.
        out: gets traces/….npz, one for each video, and at the end found.csv and truth.csv (the challenge's form), thresholds.csv
            and scores.json.
        workers: processes; None takes one per core.
        grid: thresholds to choose from; of two that do as well, the first.
    Raises:
        AnnotationError: see `long_videos`; or there are not two people, or nothing is annotated.
        RunError: a file cannot be written.
    """
    watch = watch or Watch()
    dataset = long_videos(name, root)
    people = {video.listed.person for video in dataset.videos}
    if len(people) < 2:
        raise AnnotationError(
            f"{root}: shows {len(people)} person. Thresholds are chosen on other people: give the videos of two at least."
        )
    try:
        traces, failed = _traces(dataset, out / "traces", workers or cores(), watch)
        spotted = _choose(dataset, traces, failed, grid, workers or cores(), watch)
        _write(spotted, out)
    except OSError as error:
        raise RunError(
            f"{error.filename or out}: cannot be written ({error.strerror}). Choose another --out; what is finished is kept."
        ) from None
    return spotted


def leave_one_out(counts: np.ndarray, people: Sequence[str]) -> dict[str, int]:
    """For each person the setting with the best F1 on everybody else, the first of those that are as good.

    Args: counts: (V, G, 3) true, spotted and hits of each video under each setting; people: who is seen in each video.
    """
    seen = np.array(people)
    chosen = {}
    for person in dict.fromkeys(people):
        true, spotted, hits = counts[seen != person].sum(0).T
        chosen[person] = int((2 * hits / np.maximum(1, true + spotted)).argmax())
    return chosen


def _traces(dataset: LongVideos, folder: Path, workers: int, watch: Watch) -> tuple[list[Trace | None], list[str]]:
    """What was measured in each video, and why some could not be; each is written as soon as it is measured."""
    folder.mkdir(parents=True, exist_ok=True)
    known = [read_trace(_file(folder, video), _key(video)) for video in dataset.videos]
    missing = [video for video, trace in zip(dataset.videos, known, strict=True) if trace is None]
    if len(missing) < len(known):
        watch.note(f"{len(known) - len(missing)} of {len(known)} videos were measured before")
    total = sum(len(video.frames.numbers) for video in dataset.videos)
    done = total - sum(len(video.frames.numbers) for video in missing)
    failed = []

    def count(frames: int) -> None:
        nonlocal done
        done += frames
        watch.progress("measuring frames", done, total)

    work = partial(_measure_one, folder)
    with closing(spread(work, missing, min(workers, len(missing)), count)) as measured:
        for name, why_not in measured:
            failed += [f"{name}: could not be read, and counts as searched in vain: {why_not}"] if why_not else []
    traces = [
        trace or read_trace(_file(folder, video), _key(video))
        for video, trace in zip(dataset.videos, known, strict=True)
    ]
    return traces, failed


def _measure_one(folder: Path, video: LongVideo, tell: Callable[[int], None]) -> tuple[str, str]:
    """Measure one video and write what was. Returns: its name, and why it could not be read."""
    told = 0

    class Counting(Watch):
        def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
            nonlocal told
            if done - told >= _STEP or done == total:
                tell(done - told)
                told = done

    numbers = np.array(sorted(video.frames.numbers))
    try:
        trace = _trace(video, numbers, Counting())
    except FaceError as why:
        trace = Trace(numbers, np.arange(len(numbers)) / (video.listed.fps or 1), (), str(why).partition(": ")[2])
    except TsfmicroError as why_not:
        return video.listed.name, str(why_not)
    write_whole(_file(folder, video), trace_bytes(trace, _key(video)))
    return video.listed.name, ""


def _trace(video: LongVideo, numbers: np.ndarray, watch: Watch) -> Trace:
    found = spot(video.path, watch, video.listed.fps)
    if found.video.frames > len(numbers):
        raise AnnotationError(
            f"{video.path}: has {found.video.frames} pictures and {len(numbers)} frame numbers. "
            "Delete those that are there twice."
        )
    return Trace(numbers[: found.video.frames], found.video.times, found.segments)


def _choose(
    dataset: LongVideos,
    traces: Sequence[Trace | None],
    failed: Sequence[str],
    grid: Sequence[Thresholds],
    workers: int,
    watch: Watch,
) -> DatasetSpotting:
    """Choose thresholds on other people, and score what they find."""
    people = [video.listed.person for video in dataset.videos]
    items = [
        (place, trace, video.listed.intervals)
        for place, (trace, video) in enumerate(zip(traces, dataset.videos, strict=True))
    ]
    found: list[list[tuple[Marked, ...]]] = [[] for _ in items]
    counts = np.zeros((len(items), len(grid), 3), int)
    with closing(spread(partial(_try_all, tuple(grid)), items, min(workers, len(items)))) as tried:
        for done, (place, marked, counted) in enumerate(tried, 1):
            found[place], counts[place] = marked, counted
            watch.progress("trying thresholds", done, len(items))
    chosen = leave_one_out(counts, people)
    listed = tuple(
        Listed(video.listed.name, found[place][chosen[person]], person)
        for place, (video, person) in enumerate(zip(dataset.videos, people, strict=True))
    )
    faceless = [
        f"{v.listed.name}: {t.why_none}" for v, t in zip(dataset.videos, traces, strict=True) if t and t.why_none
    ]
    spotted = Listing("what was spotted", listed, notes=(*failed, *faceless))
    truth = dataset.truth
    return DatasetSpotting(measure(spotted, truth), {p: grid[g] for p, g in chosen.items()}, spotted, truth)


_Item = tuple[int, Trace | None, tuple[Marked, ...]]


def _try_all(grid: Sequence[Thresholds], item: _Item) -> tuple[int, list[tuple[Marked, ...]], np.ndarray]:
    """What is found in one video under each setting, and (G, 3) true, spotted and hits."""
    place, trace, true = item
    nothing: list[tuple[Marked, ...]] = [() for _ in grid]
    found = trace.expressions(grid) if trace else nothing
    scores = [score_intervals(true, marked)["overall"] for marked in found]
    return place, found, np.array([(s.true, s.spotted, s.hits) for s in scores])


def _write(spotted: DatasetSpotting, out: Path) -> None:
    write_listing(out / "found.csv", spotted.found)
    write_listing(out / "truth.csv", spotted.truth)
    names = list(asdict(_DEFAULT))
    rows = [[person, *(asdict(t)[name] for name in names)] for person, t in spotted.chosen.items()]
    write_whole(out / "thresholds.csv", csv_text(["person left out", *names], rows))
    write_whole(out / "scores.json", json.dumps(spotted.to_dict(), indent=1))


def _file(folder: Path, video: LongVideo) -> Path:
    return folder / f"{video.listed.name}.npz"


def _key(video: LongVideo) -> str:
    """What a trace hangs on: the program, and the frames by number, name and the size of their ends."""
    frames = video.frames
    if isinstance(frames, VideoFrames):
        seen = [[frames.video.name, frames.video.stat().st_size, frames.count, frames.first]]
    else:
        ends = (min(frames.files), max(frames.files))
        seen = [[frames.files[n], frames.path(n).stat().st_size, n, len(frames.files)] for n in ends]
    about = [_FORMAT, tsfmicro.__version__, video.listed.fps, seen]
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:16]


def trace_bytes(trace: Trace, key: str) -> bytes:
    """A trace as a file; `read_trace` reads it again."""
    arrays: dict[str, Any] = {"key": key, "numbers": trace.numbers, "times": trace.times, "why_none": trace.why_none}
    for place, face in enumerate(trace.faces):
        arrays |= {f"{part.name}{place}": getattr(face, part.name) for part in fields(Segment)}
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def read_trace(file: Path, key: str) -> Trace | None:
    """A trace that was written before; None where there is none, of these frames and this program."""
    try:
        with np.load(file, allow_pickle=False) as kept:
            if str(kept["key"]) != key:
                return None
            count = sum(name.startswith("frames") for name in kept.files)
            stored = [{part.name: kept[f"{part.name}{n}"] for part in fields(Segment)} for n in range(count)]
            faces = tuple(Segment(**parts | {"track": int(parts["track"])}) for parts in stored)
            return Trace(kept["numbers"], kept["times"], faces, str(kept["why_none"]))
    except (OSError, ValueError, KeyError, BadZipFile, EOFError, ShapeError):
        return None
