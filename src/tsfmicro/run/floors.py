"""What a score must beat before it means anything, and what must stay at chance: the floors of a run, and their files.

majority          the most frequent class of each fold's training side; of action units instead
constant          every unit, of every clip
linear            a linear model on down-sampled motion, for each action unit one
shuffled-linear   the same on shuffled training labels, several times: it must sit at chance, else test labels leak
shuffled          the run's own model on shuffled training labels; it costs a training, so it is there when asked for
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np

from tsfmicro.errors import RunError
from tsfmicro.evaluate.floors import majority
from tsfmicro.evaluate.select import RULES, Answers, answers_of, choose
from tsfmicro.evaluate.units import always_present, answers_of_units
from tsfmicro.files import write_whole
from tsfmicro.run.folder import RunFolder
from tsfmicro.types import Logits

FLOORS = ("majority", "constant", "linear", "shuffled-linear", "shuffled")
MUST_BE_AT_CHANCE = ("shuffled-linear", "shuffled")


def floors(folder: RunFolder) -> dict[str, list[Answers]]:
    """What each floor answers, seed by seed. Raises RunError: a floor's file is damaged."""
    plan = folder.plan
    if plan.scheme.units:
        constant = {"constant": [answers_of_units(always_present(plan.folds, len(plan.classes)))]}
        stored = _stored(folder, "linear") if file_of(folder, "linear").exists() else []
        return constant | ({"linear": [answers_of_units(said) for said in stored]} if stored else {})
    found = {"majority": [answers_of(majority(plan.folds, plan.labels, len(plan.classes)))]}
    for name in ("linear", "shuffled-linear"):
        if file_of(folder, name).exists():
            found[name] = [answers_of(said) for said in _stored(folder, name)]
    if not folder.missing(shuffled=True):
        outcomes = folder.outcomes(plan.config.train.seeds[0], shuffled=True)
        found["shuffled"] = [choose(RULES["last"], outcomes, plan.labels)]
    return found


def store_floor(folder: RunFolder, name: str, said: Sequence[Logits]) -> None:
    """Keep what a floor said: logits of one epoch for each of its seeds."""
    values = [
        seed.values[0, [place for _, place in sorted(zip(seed.clips, range(len(seed.clips)), strict=True))]]
        for seed in said
    ]
    stream = io.BytesIO()
    np.save(stream, np.stack(values))
    content = stream.getvalue()
    write_whole(file_of(folder, name), content + _sum_of(content))


def _sum_of(content: bytes) -> bytes:
    """What stands behind an array, so that damage within it shows; numpy reads such a file as any other."""
    return crc32(content).to_bytes(4, "little")


def _stored(folder: RunFolder, name: str) -> list[Logits]:
    file, clips = file_of(folder, name), tuple(folder.plan.tested)
    try:
        stream = io.BytesIO(file.read_bytes())
        values = np.load(stream)
        content, behind = stream.getvalue()[: stream.tell()], stream.read()
        if behind and behind != _sum_of(content):  # earlier versions wrote none
            raise ValueError("its bytes are not those that were written")
        shape = (len(clips), len(folder.plan.classes))
        if values.ndim != 3 or not len(values) or values.shape[1:] != shape or values.dtype.kind != "f":
            raise ValueError(
                f"it holds {values.shape} {values.dtype}, not (seeds, {shape[0]} clips, {shape[1]} classes)"
            )
        return [Logits(clips, "all", seed, said[None]) for seed, said in enumerate(values)]
    except Exception as damage:  # whatever a damaged file may raise
        raise RunError(f"{file}: is damaged ({damage}). Delete it and run the same command again.") from None


def file_of(folder: RunFolder, name: str) -> Path:
    """Where a floor's answers are kept."""
    return folder.path / f"floor-{name}.npy"
