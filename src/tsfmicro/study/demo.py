"""The main job for somebody who has no dataset: people are drawn, then everything goes as with CASME II."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tsfmicro.data.fake_flow_maps import write_flow_maps
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.files import named
from tsfmicro.generated import drawn_with, has_seen
from tsfmicro.labels import scheme
from tsfmicro.run.experiment import run
from tsfmicro.run.start import find_start
from tsfmicro.run.summary import Summary
from tsfmicro.run.watch import Watch
from tsfmicro.study import shipped
from tsfmicro.synthetic.actor import Actor
from tsfmicro.synthetic.cast import cast
from tsfmicro.synthetic.film import FilmTake, draw_film, write_films
from tsfmicro.synthetic.write import write_faces

# Fewer epochs than the config's own, and slower: the network knows drawn people when it begins.
BEGUN = (
    "train.start=drawn-people",
    "train.start_answers=true",
    "train.start_rates=0.3",
    "train.lr=1e-3",
    "train.decay=0.95",
    "train.epochs=40",
)
MEANS = (
    "these people are drawn, and the network began with what it had learned from others whom the same program drew: "
    "the score shows that everything works, not how well anything recognises people"
)


def draw_faces(out: Path, people: int, clips: int, seed: int, fps: int, workers: int | None, watch: Watch) -> Path:
    """Write generated faces in the layout of CASME II; go on where an earlier call was stopped."""
    return write_faces(
        out, people, clips, seed, fps, workers, lambda done, total: watch.progress("drawing clips", done, total)
    )


def draw_films(
    out: Path,
    people: int,
    seconds: float,
    seed: int,
    fps: int,
    width: int,
    workers: int | None,
    watch: Watch,
    hard: bool = False,
    expressions: bool = True,
) -> Path:
    """Write generated videos with their truth; go on where an earlier call was stopped."""
    tell = lambda done, total: watch.progress("drawing", done, total)  # noqa: E731
    return write_films(out, people, seconds, seed, fps, width, workers, tell, hard, expressions)


def draw_flow_maps(out: Path, people: int | None, seed: int, watch: Watch) -> None:
    """Write generated flow maps in the folders of STSTNet's. Raises ConfigError: the folder holds something."""
    with named(out):
        write_flow_maps(
            out,
            np.random.default_rng(seed),
            people=people,
            seed=seed,
            tell=lambda done, total: watch.progress("drawing flow maps", done, total),
        )


def demo(out: Path, people: int, clips: int, fps: int, seed: int, workers: int | None, watch: Watch) -> Summary:
    """Draw, prepare, train every fold of the 'demo' config from the shipped start, score; all of it under `out`.

    Raises: ConfigError: the start has seen the people of that seed.
    """
    config = shipped.config("demo", BEGUN)
    start = find_start(config, len(scheme(config.data.scheme).classes))
    if start and has_seen(start.seen, drawn_with(seed)):
        raise ConfigError(f"--seed {seed}: the demo's network has learned from these people. Choose another seed.")
    faces = draw_faces(out / "faces", people, clips, seed, fps, workers, watch)
    summary = run(config, {"casme2": faces}, out / "run", out / "cache", "cpu", workers, watch)
    assert isinstance(summary, Summary)
    return summary


def draw_example(file: Path, seconds: float = 6, fps: float = 50, seed: int = 80) -> None:
    """Write the short video that the page offers to try: a drawn person, in a form that browsers play (WebM, VP8).

    It is small and without a sensor's noise, which would be most of the file.
    """
    import cv2

    size = (480, 360)
    film = draw_film(seed, 0, seconds, fps)
    take = FilmTake(Actor(cast(film.seed, film.person)), film)
    writer = cv2.VideoWriter(str(file), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"VP80"), fps, size)
    if not writer.isOpened():
        raise RunError(f"{file}: cannot be written as WebM by this OpenCV.")
    for number in range(film.frames):
        writer.write(cv2.resize(take.frame(number / fps, None), size, interpolation=cv2.INTER_AREA))
    writer.release()
