"""A long video: does spotting slow down, and what does it hold?

    python -m benchmarks.hour [MINUTES]     drawn people in ever other order, 640×480 at 30 frames per second (60)

Prints processor milliseconds a frame of the first and of the second half, and the most memory up to each. The first frames
of a person are looked at more closely, so films of less than ten minutes say little.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks.believe import write
from benchmarks.shared import in_fresh_process
from tsfmicro.run.watch import Watch
from tsfmicro.synthetic.film import write_films
from tsfmicro.use.spot import save, spot

PEOPLE, SECONDS, FPS, SEED = 8, 20, 30, 7


def long_film(folder: Path, minutes: float) -> Path:
    films = write_films(folder / "films", PEOPLE, SECONDS, seed=SEED, fps=FPS)
    return write(folder / "long", _again(sorted(films.glob("*.avi")), round(60 * minutes * FPS)), FPS, "mp4v")


def _again(films: list[Path], count: int) -> Iterator[np.ndarray]:
    rng, last, done = random.Random(5), None, 0
    while done < count:
        last = rng.choice([film for film in films if film != last])
        capture = cv2.VideoCapture(str(last))
        while done < count and (read := capture.read())[0]:
            done += 1
            yield read[1]


class _Halves(Watch):
    """Processor time and memory at the middle of the frames and at their end."""

    def __init__(self) -> None:
        self.at: dict[float, tuple[float, float]] = {}

    def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
        for part in (0.0, 0.5, 1.0):
            if what == "reading frames" and done >= part * total and part not in self.at:
                self.at[part] = (time.process_time(), _peak())


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def measured(video: Path, out: Path) -> dict[str, float]:
    cv2.setNumThreads(1)
    watch = _Halves()
    found = spot(video, watch)
    analysed = _peak()
    save(found, out)
    half = 1e-3 * cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FRAME_COUNT) / 2
    (first, _), (middle, at_middle), (last, at_last) = (watch.at[part] for part in (0.0, 0.5, 1.0))
    return {
        "first": (middle - first) / half, "second": (last - middle) / half, "middle": at_middle, "end": at_last,
        "analysed": analysed, "saved": _peak(), "expressions": len(found.expressions),
    }  # fmt: skip


def main(minutes: float = 60) -> None:
    with tempfile.TemporaryDirectory() as place:
        video = long_film(Path(place), minutes)
        of = in_fresh_process("benchmarks.hour", "--measure", video, Path(place) / "out")
    print(f"{minutes:g} minutes, {of['expressions']:.0f} expressions")
    print(f"a frame: {of['first']:.2f} ms in the first half, {of['second']:.2f} in the second")
    print("memory at most: " + ", ".join(f"{of[at]:.0f} MB {words}" for at, words in _WORDS.items()))


_WORDS = {"middle": "to the middle", "end": "to the end", "analysed": "analysed", "saved": "with its files written"}

if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measured(*map(Path, sys.argv[2:]))))
    else:
        main(*map(float, sys.argv[1:]))
