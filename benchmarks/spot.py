"""Spotting: processor milliseconds a frame of a 640×480 video, and how well it finds what was drawn.

The reference is the straightforward way: MTCNN on every frame, each cut out by its own box, and dense Farnebäck flow between
neighbouring crops of 224×224. It finds nothing yet; it only measures. Its cost is the same for every frame, so it sees the first ones; ours
also has looks of the first second, which a film of a second would count as every second's.

    python -m benchmarks.spot            the row
    python -m benchmarks.spot --found    also F1 and apex errors on generated videos (minutes)
    python -m benchmarks.spot --clips FOLDER    only how many micro-expressions of clips in CASME II's layout are found
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2

from benchmarks.shared import Row, compared, program
from tsfmicro.data.registry import dataset
from tsfmicro.prepare.cascade import Cascade
from tsfmicro.spot.listing import Marked
from tsfmicro.spot.score import SpotScores, score_intervals
from tsfmicro.synthetic.film import read_truth, write_films
from tsfmicro.use.spot import spot

ROUNDS, FRAMES, FIRST, SIZE = 3, 1000, 50, 224
FOUND = ((100, 640), (30, 640), (50, 320))  # frames per second, width
SEED = 7  # thresholds were chosen on seed 0


def straightforward(path: Path) -> None:
    detector, before = Cascade(), None
    capture = cv2.VideoCapture(str(path))
    for _ in range(FIRST):
        image = capture.read()[1]
        x, y, w, h = detector(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))[0].box
        face = cv2.resize(image[max(y, 0) : y + h, max(x, 0) : x + w], (SIZE, SIZE))
        grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
        if before is not None:
            cv2.calcOpticalFlowFarneback(before, grey, None, 0.5, 3, 15, 3, 5, 1.2, 0)
        before = grey


def processor_seconds(work: Callable[[], object]) -> float:
    """Which neighbours on the machine do not lengthen much."""
    start = time.process_time()
    work()
    return time.process_time() - start


def rows() -> list[Row]:
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        film = write_films(Path(folder) / "films", 1, FRAMES / 100, seed=SEED, fps=100, workers=1) / "sub01.avi"
        spot(film)  # networks and libraries are loaded
        ours, theirs = [], []
        for _ in range(ROUNDS):
            ours.append(1e3 * processor_seconds(lambda: spot(film)) / FRAMES)
            theirs.append(1e3 * processor_seconds(lambda: straightforward(film)) / FIRST)
    return [compared("spot, a frame of 640×480 (reference: detect and Farnebäck on each)", "ms", ours, theirs)]


def found() -> None:
    """F1 and apex errors on generated videos of a seed that no threshold has seen."""
    for fps, width in FOUND:
        with tempfile.TemporaryDirectory() as folder:
            films = write_films(Path(folder) / "films", 4, 20, seed=SEED, fps=fps, width=width)
            scores = {kind: SpotScores(0, 0, 0) for kind in ("micro", "macro", "overall")}
            for name, rows_ in read_truth(films).items():
                true = [row for row in rows_ if row.kind != "blink"]
                for kind, score in score_intervals(true, spot(films / name).expressions).items():
                    scores[kind] += score
        for kind, s in scores.items():
            print(
                f"{fps} fps, {width} px, {kind:7}  {s.true:3} true  precision {s.precision:.2f}  recall {s.recall:.2f}  "
                f"F1 {s.f1:.2f}  apex error {s.apex_error:.1f} frames"
            )


def clips(root: Path) -> None:
    """The clips of a folder in CASME II's layout, each spotted as a folder of images."""
    scores = SpotScores(0, 0, 0)
    of = dataset("casme2").read(root).clips
    for clip in of:
        first = min(clip.frames.numbers)
        true = Marked(clip.onset - first, clip.offset - first, "micro", clip.apex - first)
        scores += score_intervals([true], spot(clip.frames.folder, fps=clip.fps).expressions)["micro"]
    print(
        f"{len(of)} clips: {scores.hits} of {scores.true} micro-expressions found, {scores.spotted - scores.hits} false ones; "
        f"apex error {scores.apex_error:.1f} frames"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--clips"]:
        clips(Path(sys.argv[2]))
    else:
        program(rows)
    if "--found" in sys.argv[1:]:
        found()
