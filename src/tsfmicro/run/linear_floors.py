"""The linear floors of a run, trained: linear machines on what the run's model looks at, with true and with shuffled labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from tsfmicro.evaluate.floors import shuffle_labels
from tsfmicro.models.base import ClosedForm
from tsfmicro.models.linear import floor_of
from tsfmicro.prepared import PreparedSet
from tsfmicro.run.floors import file_of, store_floor
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.task import plan_of_model
from tsfmicro.run.watch import Watch
from tsfmicro.train.fit import descriptions
from tsfmicro.train.loader import Loader
from tsfmicro.types import Fold, Logits

SHUFFLES = 5  # one shuffle alone may do well or badly by luck


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
    missing = {name: rounds for name, rounds in wanted.items() if not file_of(folder, name).exists()}
    if not missing:
        return
    total, done = sum(map(len, missing.values())), 0
    needs, _ = plan_of_model(plan.config, len(plan.classes))
    machine = floor_of(needs, len(plan.classes), plan.config.prepare.size)
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
