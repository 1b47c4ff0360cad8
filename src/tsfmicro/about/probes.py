"""What `tsfmicro doctor` tries in a process of its own. Each line of standard output is a finding, or what is tried next."""

from __future__ import annotations

import importlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from importlib.metadata import requires, version
from pathlib import Path
from statistics import median
from typing import Any

from tsfmicro.about.doctor import Finding, guarded, lack

MODULES = {
    "opencv-python-headless": "cv2",
    "scikit-learn": "sklearn",
    "pyyaml": "yaml",
    "pillow": "PIL",
}
"""Packages that are imported under another name than their own, with - as _."""

CODECS = {"MJPG": "avi", "mp4v": "mp4", "VP80": "webm"}
_ROUNDS, _ENOUGH = 5, 1.5  # repetitions of what is measured, and seconds after which fewer are enough


def main() -> None:
    """Try everything, one after the other."""
    for name, specifier in required():
        _try(f"package {name}", partial(package, name, specifier))
    looks: dict[str, Callable[[], Iterator[Finding]]] = {
        "device": _device,
        "videos": _videos,
        "speed of preparing": _preparing,
        "speed of training": _training,
        "speed of recognising": _recognising,
    }
    for what, look in looks.items():
        _try(what, look)


def _try(what: str, look: Callable[[], Iterator[Finding]]) -> None:
    print(json.dumps({"trying": what}), flush=True)
    for finding in guarded(what, look):
        print(json.dumps(asdict(finding)), flush=True)


def required() -> list[tuple[str, str]]:
    """Name and wanted version of every package that must be there."""
    from packaging.requirements import Requirement

    asked = [Requirement(text) for text in requires("tsfmicro") or ()]
    return [(r.name, str(r.specifier)) for r in asked if r.marker is None or r.marker.evaluate({"extra": ""})]


def package(name: str, specifier: str) -> Iterator[Finding]:
    """Whether a package is there, will do, and can be imported."""
    again = f"pip install '{name}{specifier}'"
    if why := lack(name, specifier):
        yield Finding(f"package {name}", "broken", why, again)
        return
    try:
        importlib.import_module(MODULES.get(name.lower(), name.replace("-", "_").lower()))
    except Exception as problem:  # whatever a broken package may raise
        why = f"{version(name)} cannot be imported ({type(problem).__name__}: {problem})"[:300]
        yield Finding(f"package {name}", "broken", why, f"{again} --force-reinstall")
    else:
        yield Finding(f"package {name}", "ok", version(name))


def _device() -> Iterator[Finding]:
    import torch

    from tsfmicro.run.environment import choose_device, environment

    chosen = choose_device("auto")
    told = environment(chosen, threads=torch.get_num_threads())
    on = "" if chosen == "cpu" else f" ({told['device']})"
    yield Finding(
        "device",
        "ok",
        f"{chosen}{on}; {told['processor']}, {told['instructions']}, {told['threads']} threads",
        values={"device": chosen, "threads": told["threads"], "instructions": told["instructions"]},
    )


def _videos() -> Iterator[Finding]:
    import cv2
    import numpy as np

    from tsfmicro.prepare.images import read_image
    from tsfmicro.spot.video import open_video

    picture = np.full((64, 64, 3), 128, np.uint8)
    good: list[str] = []
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for codec, ending in CODECS.items():
            file = Path(folder) / f"video.{ending}"
            writer = cv2.VideoWriter(str(file), cv2.CAP_ANY, cv2.VideoWriter.fourcc(*codec), 50, (64, 64))
            for _ in range(5):
                writer.write(picture)
            writer.release()
            try:
                came_back = sum(1 for _ in open_video(file, read_image).frames()) == 5
            except Exception:  # told as a codec that does not work
                came_back = False
            (good if came_back else bad).append(f"{codec} ({ending})")
    lacking = f"; not {', '.join(bad)}" if bad else ""
    # Only MJPG is written by the package for its user: drawn videos.
    if any(name.startswith("MJPG") for name in good):
        yield Finding("videos", "ok", f"written and read: {', '.join(good)}{lacking}")
    else:
        todo = "pip install --force-reinstall opencv-python-headless"
        yield Finding("videos", "broken", f"cannot be written and read again: {', '.join(bad)}", todo)


def _preparing() -> Iterator[Finding]:
    from tsfmicro.prepare.align import crop, to_template
    from tsfmicro.prepare.aligned import find_on
    from tsfmicro.prepare.face import finder

    onset, apex = _example()
    find = finder("mtcnn")

    def once() -> None:
        matrix = to_template(find_on(onset, find, "example").landmarks, 224)
        crop(onset, matrix, 224)
        crop(apex, matrix, 224)

    yield _speed("speed of preparing", "a clip's face is found and cut out", once)


def _training() -> Iterator[Finding]:
    import torch
    from torch.nn.functional import cross_entropy

    from tsfmicro.models.registry import create_model
    from tsfmicro.run.environment import choose_device
    from tsfmicro.train.optimiser import plain

    device, clips = torch.device(choose_device("auto")), 8
    model = create_model("tsfmicro-small", 5).to(device).train()
    batch = {name: value.to(device) for name, value in model.example(clips).items()}
    target = torch.arange(clips, device=device) % 5
    optimiser = plain(torch.optim.AdamW)(model.parameters())

    def once() -> None:
        optimiser.zero_grad()
        cross_entropy(model(**batch), target).backward()
        optimiser.step()
        if device.type == "cuda":
            torch.cuda.synchronize()

    what = f"tsfmicro-small of {model.size} pixels learns from {clips} clips on {device.type}"
    yield _speed("speed of training", what, once)


def _recognising() -> Iterator[Finding]:
    from tsfmicro.use.recognise import Recognizer

    onset, apex = _example()
    recognizer = Recognizer.load()
    yield _speed(
        "speed of recognising", "the small model answers about a pair of images", lambda: recognizer.pair(onset, apex)
    )


def _example() -> list[Any]:
    """Two frames of the drawn person that comes with the package, (H, W, 3) uint8 RGB."""
    from tsfmicro.prepare.images import read_image
    from tsfmicro.spot.video import open_video
    from tsfmicro.use.recognise import example_video

    return [image for _, image in open_video(example_video(), read_image).pick([0, 20])]


def _speed(what: str, told: str, once: Callable[[], object]) -> Finding:
    """Median of some repetitions; the first, which loads and warms up, does not count."""
    once()
    times: list[float] = []
    while len(times) < _ROUNDS and sum(times) < _ENOUGH:
        began = time.perf_counter()
        once()
        times.append(time.perf_counter() - began)
    milliseconds = 1000 * median(times)
    return Finding(what, "ok", f"{told} in {milliseconds:.3g} ms", values={"milliseconds": round(milliseconds, 2)})


if __name__ == "__main__":
    main()
