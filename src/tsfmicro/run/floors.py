"""What a score must beat before it means anything, and what must stay at chance: the floors of a run, and their files.

majority          the most frequent class of each fold's training side; of action units instead
constant          every unit, of every clip
linear            a linear model on down-sampled motion, for each action unit one
shuffled-linear   the same on shuffled training labels, several times: it must sit at chance, else test labels leak
shuffled          the run's own model on shuffled training labels; it costs a training, so it is there when asked for
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tsfmicro.config import RunConfig
from tsfmicro.errors import RunError
from tsfmicro.evaluate.floors import majority, shuffle_labels
from tsfmicro.evaluate.select import RULES, Answers, answers_of, choose
from tsfmicro.evaluate.units import always_present, answers_of_units
from tsfmicro.files import write_whole
from tsfmicro.models.base import ClosedForm
from tsfmicro.models.linear import Linear, floor_of
from tsfmicro.prepared import PreparedSet
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.task import plan_of_model
from tsfmicro.run.watch import Watch
from tsfmicro.train.fit import descriptions
from tsfmicro.train.loader import Loader
from tsfmicro.types import Fold, Logits

SHUFFLES = 5  # of the linear model: one shuffle alone may do well or badly by luck
FLOORS = ("majority", "constant", "linear", "shuffled-linear", "shuffled")
MUST_BE_AT_CHANCE = ("shuffled-linear", "shuffled")


def store_linear_floors(folder: RunFolder, prepared: PreparedSet, watch: Watch) -> None:
    """Train the linear floors that are not stored yet, so that the run can be scored where its images are not."""
    plan = folder.plan
    known = [{clip: plan.labels[clip] for clip in fold.train} for fold in plan.folds]
    units = len(plan.scheme.units)
    shuffles = 0 if units else SHUFFLES
    shuffled = [
        [
            shuffle_labels(labels, len(plan.classes), fold.name, seed)
            for labels, fold in zip(known, plan.folds, strict=True)
        ]
        for seed in range(shuffles)
    ]
    wanted = {"linear": [known]} | ({"shuffled-linear": shuffled} if shuffled else {})
    missing = {name: rounds for name, rounds in wanted.items() if not _file(folder, name).exists()}
    if not missing:
        return
    total, done = sum(map(len, missing.values())), 0
    machine = linear_floor(plan.config, len(plan.classes))
    clips = sorted({clip for fold in plan.folds for clip in (*fold.train, *fold.test)})
    loader = Loader(prepared, machine.inputs, torch.device("cpu"))
    described = dict(zip(clips, descriptions(machine, loader, clips, "annotated", 64), strict=True))
    for name, rounds in missing.items():
        said = []
        for seed, labels in enumerate(rounds):
            said.append(
                answers_of_unit_machines(machine, described, plan.folds, labels, units)
                if units
                else answers_of_machine(machine, described, plan.folds, labels, seed)
            )
            done += 1
            watch.progress("linear floors", done, total)
        store_floor(folder, name, said)


def linear_floor(config: RunConfig, n_classes: int) -> Linear:
    """The linear floor of a run: it looks at what the run's model looks at."""
    needs, _ = plan_of_model(config, n_classes)
    return floor_of(needs, n_classes, config.prepare.size)


def answers_of_machine(
    machine: ClosedForm,
    described: Mapping[str, Tensor],
    folds: Sequence[Fold],
    labels: Sequence[Mapping[str, int]],
    seed: int,
) -> Logits:
    """What a system in closed form says of each fold's test clips, after learning from the fold's training side.

    Args:
        described: what it knows of each clip: worked out once, since a clip is in nearly every fold.
        labels: for each fold, the class numbers of its training clips.
        seed: under which the answer is kept.
    Returns: logits of one epoch.
    """
    parts = []
    with torch.no_grad():
        for fold, known in zip(folds, labels, strict=True):
            machine.solve(torch.stack([described[c] for c in fold.train]), torch.tensor([known[c] for c in fold.train]))
            said = machine.answer(torch.stack([described[c] for c in fold.test])).numpy()
            parts.append(Logits(fold.test, fold.name, seed, said[None]))
    return Logits.join(parts)


def answers_of_unit_machines(
    machine: ClosedForm,
    described: Mapping[str, Tensor],
    folds: Sequence[Fold],
    labels: Sequence[Mapping[str, int]],
    units: int,
) -> Logits:
    """As `answers_of_machine`, with a machine for each of so many action units: present against absent."""
    parts = []
    for unit in range(units):
        known = [{clip: label >> unit & 1 for clip, label in of.items()} for of in labels]
        parts.append(answers_of_machine(machine, described, folds, known, 0))
    absent, present = (np.stack([part.values[..., n] for part in parts], -1) for n in (0, 1))
    # A unit that everybody on the training side shows, or nobody, is certain: infinitely far from the other answer.
    values = np.nan_to_num(present - absent, posinf=1e6, neginf=-1e6)
    return Logits(parts[0].clips, parts[0].fold, 0, values)


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
    if plan.scheme.units:
        constant = {"constant": [answers_of_units(always_present(plan.folds, len(plan.classes)))]}
        stored = _stored(folder, "linear") if _file(folder, "linear").exists() else []
        return constant | ({"linear": [answers_of_units(said) for said in stored]} if stored else {})
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
            raise ValueError(
                f"it holds {values.shape} {values.dtype}, not (seeds, {shape[0]} clips, {shape[1]} classes)"
            )
        return [Logits(clips, "all", seed, said[None]) for seed, said in enumerate(values)]
    except Exception as damage:  # whatever a damaged file may raise
        raise RunError(f"{file}: is damaged ({damage}). Delete it and run the same command again.") from None


def _file(folder: RunFolder, name: str) -> Path:
    return folder.path / f"floor-{name}.npy"
