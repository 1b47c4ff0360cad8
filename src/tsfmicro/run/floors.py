"""What a score must beat before it means anything, and what must stay at chance: the floors of a run, and their files.

majority          the most frequent class of each fold's training side
linear            a linear model on down-sampled motion
shuffled-linear   the same on shuffled training labels, several times: it must sit at chance, else test labels leak
shuffled          the run's own model on shuffled training labels; it costs a training, so it is there when asked for
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tsfmicro.errors import RunError
from tsfmicro.evaluate.floors import majority, shuffle_labels
from tsfmicro.evaluate.select import RULES, Answers, answers_of, choose
from tsfmicro.files import write_whole
from tsfmicro.models.linear import linear
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.watch import Watch
from tsfmicro.types import Logits, PreparedSet

SHUFFLES = 5  # of the linear model: one shuffle alone may do well or badly by luck
FLOORS = ("majority", "linear", "shuffled-linear", "shuffled")
MUST_BE_AT_CHANCE = ("shuffled-linear", "shuffled")


def store_linear_floors(folder: RunFolder, prepared: PreparedSet, watch: Watch) -> None:
    """Train the linear floors that are not stored yet, so that the run can be scored where its images are not."""
    plan = folder.plan
    known = [{clip: plan.labels[clip] for clip in fold.train} for fold in plan.folds]
    shuffled = [
        [
            shuffle_labels(labels, len(plan.classes), fold.name, seed)
            for labels, fold in zip(known, plan.folds, strict=True)
        ]
        for seed in range(SHUFFLES)
    ]
    wanted = {"linear": [known], "shuffled-linear": shuffled}
    missing = {name: rounds for name, rounds in wanted.items() if not _file(folder, name).exists()}
    total, done = sum(map(len, missing.values())), 0
    for name, rounds in missing.items():
        said = []
        for seed, labels in enumerate(rounds):
            said.append(linear(prepared, plan.folds, labels, len(plan.classes), seed))
            done += 1
            watch.progress("linear floors", done, total)
        store_floor(folder, name, said)


def store_floor(folder: RunFolder, name: str, said: Sequence[Logits]) -> None:
    """Keep what a floor said: logits of one epoch for each of its seeds."""
    values = [
        seed.values[0, [place for _, place in sorted(zip(seed.clips, range(len(seed.clips)), strict=True))]]
        for seed in said
    ]
    content = io.BytesIO()
    np.save(content, np.stack(values))
    write_whole(_file(folder, name), content.getvalue())


def floors(folder: RunFolder) -> dict[str, list[Answers]]:
    """What each floor answers, seed by seed. Raises RunError: a floor's file is damaged."""
    plan = folder.plan
    found = {"majority": [answers_of(majority(plan.folds, plan.labels, len(plan.classes)))]}
    for name in ("linear", "shuffled-linear"):
        if _file(folder, name).exists():
            found[name] = [answers_of(said) for said in _stored(folder, name)]
    if not folder.missing(shuffled=True):
        outcomes = folder.outcomes(plan.config.train.seeds[0], shuffled=True)
        found["shuffled"] = [choose(RULES["last"], outcomes, plan.labels)]
    return found


def _stored(folder: RunFolder, name: str) -> list[Logits]:
    file, clips = _file(folder, name), tuple(folder.plan.tested)
    try:
        values = np.load(file)
        shape = (len(clips), len(folder.plan.classes))
        if values.ndim != 3 or not len(values) or values.shape[1:] != shape or values.dtype.kind != "f":
            raise ValueError(f"it holds {values.shape} {values.dtype}, not (seeds, {shape[0]} clips, {shape[1]} classes)")
        return [Logits(clips, "all", seed, said[None]) for seed, said in enumerate(values)]
    except Exception as damage:  # whatever a damaged file may raise
        raise RunError(f"{file}: is damaged ({damage}). Delete it and run the same command again.") from None


def _file(folder: RunFolder, name: str) -> Path:
    return folder.path / f"floor-{name}.npy"
