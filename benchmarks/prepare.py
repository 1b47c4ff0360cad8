"""Preparing clips: frames and clips per second on one core and on two, where the time goes, and how much memory it takes.

The reference is the straightforward way: MTCNN with its defaults on every frame, and each frame cropped by its own box.

    python -m benchmarks.prepare [folder of a CASME II tree; generated faces without it]
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from benchmarks.shared import Row, alternate, compared, print_json, seconds
from tsfmicro.config import PrepareConfig
from tsfmicro.data.registry import dataset
from tsfmicro.needs import need
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.prepare.cascade import Cascade
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.images import read_image
from tsfmicro.prepare.pairs import candidates, widest
from tsfmicro.prepare.prepare import prepare
from tsfmicro.synthetic.write import write_faces
from tsfmicro.types import Clip

CLIPS, REFERENCE_CLIPS, SIZE = 200, 6, 224
ROUND_CLIPS, ROUNDS = 50, 3  # of the rows


def many(clips: Sequence[Clip], count: int) -> list[Clip]:
    """So many clips, the same ones over and over under different names."""
    usable = [clip for clip in clips if clip.apex is not None]
    return [replace(usable[i % len(usable)], name=f"{usable[i % len(usable)].name}-{i}") for i in range(count)]


def frames_of(clip: Clip, config: PrepareConfig) -> list[Path]:
    return [clip.frames.path(number) for side in candidates(clip, config.neighbourhood) for number in side]


def reference(paths: Iterable[Path]) -> None:
    detector = Cascade()
    for path in paths:
        image = cv2.cvtColor(cv2.imread(str(path)), cv2.COLOR_BGR2RGB)
        x, y, w, h = detector(image)[0].box
        cv2.resize(image[max(y, 0) : y + h, max(x, 0) : x + w], (SIZE, SIZE))


def memory() -> float:
    """Resident memory of this process and of those it started, MB. Linux only."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in ("self", *children)]
    return sum(int(size) for status in statuses for size in re.findall(r"VmRSS:\s+(\d+)", status)) / 1024


def breakdown(clips: Sequence[Clip], config: PrepareConfig) -> dict[str, float]:
    """Milliseconds a clip for each step, one thread."""
    spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def timed(step: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        spent[step] += (time.perf_counter() - start) / len(clips) * 1e3

    find = finder(config.detector)
    for clip in clips:
        onsets = len(candidates(clip, config.neighbourhood)[0])
        with timed("decode"):
            images = [read_image(path) for path in frames_of(clip, config)]
        with timed("detect"):
            face = find(images[0])
        assert face is not None
        with timed("warp"):
            matrix = to_template(face.landmarks, config.size)
            faces = np.stack([crop(image, matrix, config.size) for image in images])
        with timed("search"):
            widest(faces[:onsets], faces[onsets:])
        with timed("flow"):
            for _ in range(2):
                flow_and_strain(faces[0], faces[onsets])
    return spent


def rows() -> list[Row]:
    """Preparing on one core against the reference, in turns."""
    cv2.setNumThreads(1)
    config = PrepareConfig(size=SIZE)
    with tempfile.TemporaryDirectory() as folder:
        root = write_faces(Path(folder) / "faces", people=2, clips=6, fps=100)
        clips = many(dataset("casme2").read(root).clips, ROUND_CLIPS)
        frames = sum(len(frames_of(clip, config)) for clip in clips)
        paths = [path for clip in clips[:REFERENCE_CLIPS] for path in frames_of(clip, config)]
        caches = iter(range(ROUNDS))

        def ours() -> object:
            return prepare(clips, [need("faces", SIZE)], config, Path(folder) / f"cache{next(caches)}", 1)

        def theirs() -> object:
            return reference(paths)

        times = alternate((ours, theirs), seconds, ROUNDS)
    return [
        compared(
            "prepare a frame, 1 process", "ms",
            [1e3 * time / frames for time in times[ours]], [1e3 * time / len(paths) for time in times[theirs]],
        )
    ]  # fmt: skip


def main() -> None:
    if "--json" in sys.argv[1:]:
        print_json(rows())
        return
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(sys.argv[1]) if sys.argv[1:] else write_faces(Path(folder) / "faces", people=2, clips=6, fps=100)
        clips = many(dataset("casme2").read(root).clips, CLIPS)
        config = PrepareConfig(size=SIZE)
        frames = sum(len(frames_of(clip, config)) for clip in clips)
        paths = [path for clip in clips[:REFERENCE_CLIPS] for path in frames_of(clip, config)]
        theirs = len(paths) / seconds(lambda: reference(paths))
        print(f"{len(clips)} clips, {frames} frames read; crops of {SIZE}×{SIZE}")
        print(f"reference, one core        {theirs:6.1f} frames/s")
        for workers in (1, 2):
            used = [memory()]
            cache = Path(folder) / f"cache{workers}"
            took = seconds(
                partial(
                    prepare,
                    clips,
                    [need("faces", SIZE)],
                    config,
                    cache,
                    workers,
                    lambda *_, used=used: used.append(memory()),
                )
            )
            again = seconds(partial(prepare, clips, [need("faces", SIZE)], config, cache, workers))
            print(
                f"preparation, {workers} process{'es'[: 2 * workers - 2]:2} {frames / took:11.1f} frames/s"
                f"  {len(clips) / took:6.1f} clips/s  {frames / took / theirs:5.1f}× the reference"
                f"  memory {max(used):.0f} MB, {used[-1] - used[len(used) // 2]:+.0f} MB over the second half"
                f"  second run {again:.2f} s"
            )
        steps = breakdown(clips[:24], config)
        print(
            "one core, ms a clip: "
            + ", ".join(f"{step} {ms:.1f}" for step, ms in steps.items())
            + " (flow is an option)"
        )


if __name__ == "__main__":
    main()
