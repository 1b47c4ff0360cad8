"""Spotting where nothing should be found, and where the same should be found again.

    python -m benchmarks.believe films [FOLDER]         hard films, with expressions and without: F1, and false alarms a minute
    python -m benchmarks.believe photographs [IMAGE …]  photographs moved as a whole: claims a minute; a number is a seed of drawn people
    python -m benchmarks.believe copies [VIDEO]         one take cut, coded, scaled, mirrored: how well the moments agree, in all copies,
                                                        and in those that the program does not call too strongly compressed
    python -m benchmarks.believe codings VIDEO [SECONDS] the same of fourteen encodings by ffmpeg; with seconds, of each piece that long

Films that lie in the folder already are not drawn again. Without an image or a video, drawn people serve (`copies 7`: of seed 7).
`ffmpeg` on the path adds H.264 at three rates (crf 23 is its own) and VP9 at two.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path

import cv2
import numpy as np

from tsfmicro.spot.score import SpotScores, score_intervals
from tsfmicro.synthetic.film import draw_film, read_truth, shoot, write_films
from tsfmicro.use.spot import spot

# Seed, frames per second, videos, seconds of each, with expressions. Nothing was chosen on them.
FILMS = ((61, 30, 2, 24, True), (63, 200, 1, 9, True), (62, 30, 1, 24, False), (64, 200, 1, 6, False))
SECONDS, FPS = 12, 25.0


def films(folder: Path) -> None:
    for seed, fps, videos, seconds, expressions in FILMS:
        out = write_films(folder / f"{seed}-{fps}", videos, seconds, seed, fps, hard=True, expressions=expressions)
        whole, micro, macro = SpotScores(0, 0, 0), SpotScores(0, 0, 0), SpotScores(0, 0, 0)
        for name, rows in read_truth(out).items():
            found = spot(out / name).expressions
            scores = score_intervals([r for r in rows if r.kind in ("micro", "macro")], found)
            whole, micro, macro = whole + scores["overall"], micro + scores["micro"], macro + scores["macro"]
        minutes = videos * seconds / 60
        reached = f"{whole.true} true, precision {whole.precision:.2f}, recall {whole.recall:.2f}, F1 {whole.f1:.2f}"
        print(
            f"hard films, seed {seed}, {fps} fps: {reached if whole.true else 'no expressions'}; false a minute: "
            f"{(micro.spotted - micro.hits) / minutes:.1f} micro, {(macro.spotted - macro.hits) / minutes:.1f} macro",
            flush=True,
        )


def photographs(images: Sequence[np.ndarray]) -> None:
    low: dict[str, tuple[str, ...]] = _LOW if shutil.which("ffmpeg") else {"JPEG at 15": ()}
    coded = [*(("shifted and rolled", name) for name in low), ("turned", next(iter(low)))]
    sorts = [*((what, "") for what in _MOVES), *coded]
    minutes, told = len(images) * SECONDS / 60, 0
    for what, name in sorts:
        asked = low.get(name, ())
        claims = {"micro": 0, "macro": 0}
        for seed, image in enumerate(images):
            with tempfile.TemporaryDirectory() as folder:
                quality = 15 if name and not asked else None
                video = write(Path(folder) / "a", moved(image, what, seed), FPS, asked=asked, quality=quality)
                for one in spot(video).expressions:
                    claims[one.kind] += 1
        told += sum(claims.values())
        print(
            f"photographs, {', '.join(filter(None, (what, name)))}: "
            + ", ".join(f"{n / minutes:.1f} {kind}" for kind, n in claims.items())
            + " a minute",
            flush=True,
        )
    whole = len(sorts) * minutes
    print(f"all {len(sorts)} sorts: {told} in {whole:.1f} minutes, {told / whole:.1f} a minute of any kind")


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
        if what == "shifted and rolled":
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


Change = Callable[[np.ndarray], np.ndarray]
_H264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-crf")
_VP9 = ("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "0", "-crf")
_MOVES = ("still", "shifted and rolled", "turned", "flicker")
_LOW = {
    "H.264 at crf 40": (*_H264, "40"), "H.264 at crf 35": (*_H264, "35"), "H.264 at crf 45": (*_H264, "45"),
    "VP9 at crf 45": (*_VP9, "45"), "MPEG-4 at q 31": ("-c:v", "mpeg4", "-pix_fmt", "yuv420p", "-q:v", "31"),
}  # fmt: skip


@dataclass(frozen=True)
class Copy:
    """How a copy is made: each picture changed, coded by OpenCV or by ffmpeg, the beginning left out, or another film before."""

    change: Change = np.asarray
    code: str = "MJPG"
    asked: tuple[str, ...] = ()
    cut: int = 0
    before: Sequence[np.ndarray] = ()


def _scaled(by: float) -> Change:
    return lambda picture: cv2.resize(
        picture, None, fx=by, fy=by, interpolation=cv2.INTER_AREA if by < 1 else cv2.INTER_CUBIC
    )


def _flipped(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(picture[:, ::-1])


_CODINGS: Mapping[str, Copy] = {
    "Motion JPEG": Copy(),
    "Motion JPEG, q 5": Copy(asked=("-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "5")),
    "MPEG-4 by OpenCV": Copy(code="mp4v"),
    "MPEG-4, q 4": Copy(asked=("-c:v", "mpeg4", "-pix_fmt", "yuv420p", "-q:v", "4")),
    "MPEG-2, q 5": Copy(asked=("-c:v", "mpeg2video", "-pix_fmt", "yuv420p", "-q:v", "5")),
    "MPEG-2, q 9": Copy(asked=("-c:v", "mpeg2video", "-pix_fmt", "yuv420p", "-q:v", "9")),
    "H.264, crf 23": Copy(asked=(*_H264, "23")),
    "H.264, crf 28": Copy(asked=(*_H264, "28")),
    "H.264, crf 20, mirrored": Copy(_flipped, asked=(*_H264, "20")),
    "H.264, crf 23, half as large": Copy(_scaled(0.5), asked=(*_H264, "23")),
    "H.264, crf 23, 0.75": Copy(_scaled(0.75), asked=(*_H264, "23")),
    "VP9, crf 25": Copy(asked=(*_VP9, "25")),
    "VP9, crf 35": Copy(asked=(*_VP9, "35")),
    "VP9, crf 30, mirrored": Copy(_flipped, asked=(*_VP9, "30")),
}


def copies(frames: Sequence[np.ndarray], fps: float) -> None:
    """Every pair of copies: F1 of their moments, one as the truth of the other, in what all of them show.

    The same of the pairs of which the program calls neither too strongly compressed.
    """
    height, width = frames[0].shape[:2]
    cut = len(frames) // 8
    other = [cv2.resize(f, (width, height)) for f in shoot(draw_film(3, 0, 10, fps))]
    made = {
        "as it is": Copy(), "MPEG-4": Copy(code="mp4v"), "half as large": Copy(_scaled(0.5)), "1.5": Copy(_scaled(1.5)),
        "twice as large": Copy(_scaled(2)), "mirrored": Copy(_flipped),
        "cut": Copy(cut=cut), "after 10 s of another film": Copy(before=other),
    }  # fmt: skip
    if shutil.which("ffmpeg"):
        made |= {
            f"{name}, crf {rate}": Copy(asked=(*asked, rate))
            for name, asked, rates in (("H.264", _H264, ("18", "23", "32")), ("VP9", _VP9, ("18", "32")))
            for rate in rates
        }
    _compared(made, frames, fps, cut)


def codings(frames: Sequence[np.ndarray], fps: float, seconds: float | None) -> None:
    """Every pair of fourteen encodings, of all frames or of each piece of so many seconds; a rest of less than half is left out."""
    length = round(seconds * fps) if seconds else len(frames)
    begins = range(0, max(len(frames) - length // 2, 1), length)
    reached = []
    for begin in begins:
        print(f"frames {begin}–{min(begin + length, len(frames)) - 1}", flush=True)
        reached.append(_compared(_CODINGS, frames[begin : begin + length], fps, 0))
    if len(begins) > 1:
        print("pieces: " + ", ".join(f"{f1:.2f}" for f1 in reached) + f"; F1 {np.mean(reached):.2f} on average")


def _compared(made: Mapping[str, Copy], frames: Sequence[np.ndarray], fps: float, begin: int) -> float:
    """F1 of all pairs of copies, in what begins with this frame or later."""
    found: dict[str, list[Interval]] = {}
    fit: list[str] = []
    for name, copy in made.items():
        pictures = chain(copy.before, (copy.change(picture) for picture in frames[copy.cut :]))
        with tempfile.TemporaryDirectory() as folder:
            video = write(Path(folder) / "a", pictures, fps, copy.code, copy.asked)
            later = copy.cut - len(copy.before)
            seen = spot(video)
        shifted = [Interval(e.onset + later, e.apex + later, e.offset + later, e.kind) for e in seen.expressions]
        found[name] = [one for one in shifted if one.onset >= begin]
        unfit = any(finding.what == "compression" for finding in seen.fitness.findings)
        fit += [] if unfit else [name]
        print(
            f"{name}{' (too strongly compressed)' if unfit else ''}: "
            + (", ".join(f"{e.kind} {e.onset}–{e.offset}" for e in found[name]) or "nothing"),
            flush=True,
        )
    pairs = {(a, b): _agreement(found[a], found[b]) for a, b in combinations(found, 2)}
    mean, worst = float(np.mean(list(pairs.values()))), min(pairs, key=lambda pair: pairs[pair])
    print(
        f"copies agree: F1 {mean:.2f} on average of {len(pairs)} pairs; worst: {' and '.join(worst)}, {pairs[worst]:.2f}"
    )
    sound = [pairs[pair] for pair in combinations(fit, 2)]
    print(
        f"of the {len(fit)} copies that are not too strongly compressed: F1 {np.mean(sound or np.nan):.2f}, {len(sound)} pairs",
        flush=True,
    )
    return mean


def _agreement(one: Sequence[Interval], other: Sequence[Interval]) -> float:
    return score_intervals(one, other)["overall"].f1 if one or other else 1.0


def write(
    stem: Path,
    frames: Iterator[np.ndarray],
    fps: float,
    code: str = "MJPG",
    asked: Sequence[str] = (),
    quality: int | None = None,
) -> Path:
    """A video by OpenCV, whose JPEG has a quality of 75 where no other is asked for; with options, coded once more by ffmpeg."""
    first = next(frames)
    height, width = (edge - edge % 2 for edge in first.shape[:2])
    path = stem.with_suffix(".mp4" if code == "mp4v" else ".avi")
    backend = cv2.CAP_OPENCV_MJPEG if code == "MJPG" else cv2.CAP_FFMPEG
    writer = cv2.VideoWriter(str(path), backend, cv2.VideoWriter.fourcc(*code), fps, (width, height))
    if quality is not None:
        writer.set(cv2.VIDEOWRITER_PROP_QUALITY, quality)  # among the options above OpenCV would not look at it
    for frame in chain([first], frames):
        writer.write(np.ascontiguousarray(frame[:height, :width]))
    writer.release()
    if not asked:
        return path
    coded = stem.with_suffix(".mkv")
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
        with tempfile.TemporaryDirectory() as folder:
            films(Path(given[0] if given else folder))
    elif what == "photographs":
        seeds = [int(one) for one in given if one.isdigit()] or [41] * (not given)
        drawn = [next(shoot(draw_film(seed, person, 1, 25))) for seed in seeds for person in range(3)]
        photographs(drawn + [np.asarray(cv2.imread(path)) for path in given if not path.isdigit()])
    elif what == "copies":
        if given and not given[0].isdigit():
            copies(*frames_of(Path(given[0])))
        else:
            seed, person = (int(given[0]), 0) if given else (1, 1)
            copies(list(shoot(draw_film(seed, person, 20, 30))), 30.0)
    elif what == "codings" and given:
        codings(*frames_of(Path(given[0])), float(given[1]) if len(given) > 1 else None)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
