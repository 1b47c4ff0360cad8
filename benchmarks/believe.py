"""Spotting where nothing should be found, and where the same should be found again.

    python -m benchmarks.believe films                 hard films, with expressions and without: F1, and false alarms a minute
    python -m benchmarks.believe photographs [IMAGE …]  photographs moved as a whole: claims a minute
    python -m benchmarks.believe copies [VIDEO]         one take cut, coded, scaled, mirrored: how well the moments agree

Without an image or a video, drawn people serve. `ffmpeg` on the path adds H.264 at a low rate.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from tsfmicro.spot.score import SpotScores, score_intervals
from tsfmicro.synthetic.film import draw_film, read_truth, shoot, write_films
from tsfmicro.use.spot import spot

FILMS = ((21, 30, True), (22, 30, False), (31, 30, True), (32, 200, True))  # seed, frames per second, with expressions
SECONDS, FPS = 12, 25.0


def films() -> None:
    for seed, fps, expressions in FILMS:
        with tempfile.TemporaryDirectory() as folder:
            videos, seconds = (3, 24) if fps < 100 else (2, 9)
            out = write_films(Path(folder) / "films", videos, seconds, seed, fps, hard=True, expressions=expressions)
            whole, micro, macro = SpotScores(0, 0, 0), 0, 0
            for name, rows in read_truth(out).items():
                scores = score_intervals(
                    [r for r in rows if r.kind in ("micro", "macro")], spot(out / name).expressions
                )
                whole += scores["overall"]
                micro += scores["micro"].spotted - scores["micro"].hits
                macro += scores["macro"].spotted - scores["macro"].hits
        minutes = videos * seconds / 60
        print(
            f"hard films, seed {seed}, {fps} fps: {whole.true} true, F1 {whole.f1:.2f}; false a minute: "
            f"{micro / minutes:.1f} micro, {macro / minutes:.1f} macro"
        )


def photographs(images: Sequence[np.ndarray]) -> None:
    for what in ("still", "shifted and rolled", "turned", "flicker", "low rate"):
        claims = {"micro": 0, "macro": 0}
        for seed, image in enumerate(images):
            with tempfile.TemporaryDirectory() as folder:
                video = write(Path(folder) / "a", moved(image, what, seed), FPS, low=what == "low rate")
                for one in spot(video).expressions:
                    claims[one.kind] += 1
        minutes = len(images) * SECONDS / 60
        print(
            f"photographs, {what}: "
            + ", ".join(f"{n / minutes:.1f} {kind}" for kind, n in claims.items())
            + " a minute"
        )


def moved(image: np.ndarray, what: str, seed: int) -> Iterator[np.ndarray]:
    """A photograph that moves as a whole, (H, W, 3) uint8: up to 15 pixels of 640 and 4 degrees, or 15 degrees to the side."""
    rng, (height, width) = np.random.default_rng(seed), image.shape[:2]
    times = np.arange(round(SECONDS * FPS)) / FPS
    wave = lambda size: size * np.sin(2 * np.pi * (rng.uniform(0.1, 0.6) * times + rng.uniform()))  # noqa: E731
    right, down, roll = (wave(s) for s in (15 * width / 640, 10 * width / 640, np.radians(4)))
    side, light = wave(np.radians(15)), 1 + 0.08 * np.sin(2 * np.pi * rng.uniform(1, 12) * times)
    far, centre = 1.5 * width, np.array([[1, 0, -width / 2], [0, 1, -height / 2], [0, 0, 1.0]])
    for k in range(len(times)):
        shift, gain = np.eye(3), 1.0
        if what in ("shifted and rolled", "low rate"):
            c, s = np.cos(roll[k]), np.sin(roll[k])
            shift = np.array([[c, -s, right[k]], [s, c, down[k]], [0, 0, 1.0]])
        elif what == "turned":
            shift = np.array([[np.cos(side[k]), 0, 0], [0, 1, 0], [-np.sin(side[k]) / far, 0, 1.0]])
        elif what == "flicker":
            gain = light[k]
        matrix = np.linalg.inv(centre) @ shift @ centre
        seen = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        yield np.clip(gain * seen + rng.normal(0, 1.5, (height, width, 1)), 0, 255).astype(np.uint8)


@dataclass(frozen=True)
class Interval:
    onset: int
    apex: int
    offset: int
    kind: str


def copies(frames: list[np.ndarray], fps: float) -> None:
    """Every pair of copies: F1 of their moments, one as the truth of the other."""
    height, width = frames[0].shape[:2]
    scaled = lambda by: [cv2.resize(f, None, fx=by, fy=by, interpolation=cv2.INTER_AREA) for f in frames]  # noqa: E731
    cut = len(frames) // 5
    other = [cv2.resize(f, (width, height)) for f in shoot(draw_film(3, 0, 5, fps))]
    made: dict[str, tuple[list[np.ndarray], str, bool, int]] = {
        "as it is": (frames, "MJPG", False, 0), "MPEG-4": (frames, "mp4v", False, 0), "low rate": (frames, "MJPG", True, 0),
        "half": (scaled(0.5), "MJPG", False, 0), "one and a half": (scaled(1.5), "MJPG", False, 0),
        "mirrored": ([f[:, ::-1] for f in frames], "MJPG", False, 0), "cut": (frames[cut:], "MJPG", False, cut),
        "after another": (other + frames, "MJPG", False, -len(other)),
    }  # fmt: skip
    found: dict[str, list[Interval]] = {}
    for name, (images, code, low, later) in made.items():
        with tempfile.TemporaryDirectory() as folder:
            video = write(Path(folder) / "a", iter(images), fps, code, low)
            shifted = [
                Interval(e.onset + later, e.apex + later, e.offset + later, e.kind) for e in spot(video).expressions
            ]
        found[name] = [one for one in shifted if one.onset >= cut]  # what all copies show
        print(f"{name}: " + (", ".join(f"{e.kind} {e.onset}–{e.offset}" for e in found[name]) or "nothing"))
    pairs = [_agreement(found[a], found[b]) for a, b in combinations(found, 2)]
    print(f"copies agree: F1 {np.mean(pairs):.2f} on average of {len(pairs)} pairs, {min(pairs):.2f} at the worst")


def _agreement(one: Sequence[Interval], other: Sequence[Interval]) -> float:
    return score_intervals(one, other)["overall"].f1 if one or other else 1.0


def write(stem: Path, frames: Iterator[np.ndarray], fps: float, code: str = "MJPG", low: bool = False) -> Path:
    """A video; at a low rate by H.264 where ffmpeg is there, else as poor JPEG."""
    first = next(frames)
    height, width = (edge - edge % 2 for edge in first.shape[:2])
    path = stem.with_suffix(".mp4" if code == "mp4v" else ".avi")
    poor = low and shutil.which("ffmpeg") is None
    options = [cv2.VIDEOWRITER_PROP_QUALITY, 15 if poor else 95] if code == "MJPG" else []
    backend = cv2.CAP_OPENCV_MJPEG if code == "MJPG" else cv2.CAP_FFMPEG
    writer = cv2.VideoWriter(str(path), backend, cv2.VideoWriter.fourcc(*code), fps, (width, height), options)
    writer.write(first[:height, :width])
    for frame in frames:
        writer.write(np.ascontiguousarray(frame[:height, :width]))
    writer.release()
    if not low or poor:
        return path
    coded = stem.with_suffix(".mkv")
    asked = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "40", "-pix_fmt", "yuv420p"]
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", path, *asked, coded], check=True)
    return coded


def frames_of(path: Path) -> tuple[list[np.ndarray], float]:
    capture = cv2.VideoCapture(str(path))
    frames = []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames, capture.get(cv2.CAP_PROP_FPS)


def main(what: str, *given: str) -> None:
    if what == "films":
        films()
    elif what == "photographs":
        drawn = (next(shoot(draw_film(41, person, 1, 25))) for person in range(3))
        photographs([np.asarray(cv2.imread(path)) for path in given] or list(drawn))
    elif what == "copies":
        copies(*(frames_of(Path(given[0])) if given else (list(shoot(draw_film(1, 1, 20, 30))), 30.0)))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
