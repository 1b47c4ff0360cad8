"""One model trained on everybody, for use on other people's videos, with what the run says about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tsfmicro.card import Card
from tsfmicro.errors import RunError
from tsfmicro.evaluate.calibrate import fit_temperature
from tsfmicro.models.base import Model
from tsfmicro.models.pretrained import CONFIG, save_pretrained
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.summary import Summary
from tsfmicro.run.task import build_model, train_group
from tsfmicro.run.watch import Group, Task, Watch
from tsfmicro.types import Fold, PreparedSet, person_of

FINAL = "final"


def make_final(folder: RunFolder, prepared: PreparedSet, summary: Summary, device: str, watch: Watch) -> Path:
    """Train on all clips of a finished run and save the model, with its card, in <run>/final; once.

    Its own score cannot be known, since nobody is left out: the card tells what the run's models reached on people left
    out, and the temperature comes from their answers.

    Returns: the model's folder, as `from_pretrained` takes it.
    """
    place = folder.path / FINAL
    if (place / CONFIG).exists():
        return place
    plan = folder.plan
    task = Task(FINAL, plan.config.train.seeds[0])
    watch.training(1, 0)
    everybody = replace(plan, folds=(Fold(FINAL, train=tuple(sorted(plan.labels)), test=()),))
    group = Group((task,))
    (trained,) = train_group(everybody, prepared, group, device, 1, lambda report: watch.epoch(*report))
    model = build_model(plan.config, len(plan.classes))
    model.load_state_dict(dict(trained.weights))
    describe(model, folder, summary)
    save_pretrained(model, place)
    return place


def describe(model: Model, folder: RunFolder, summary: Summary) -> None:
    """Give a model of this run its class names and card."""
    config, labels = folder.plan.config, folder.plan.labels
    model.classes = folder.plan.classes
    model.card = Card(
        name=config.name,
        scheme=config.data.scheme,
        datasets=config.data.datasets,
        people=len({person_of(clip) for clip in labels}),
        clips=len(labels),
        prepare=config.prepare,
        scores=summary.line(),
        temperature=temperature(folder),
        demonstration=bool(folder.environment.get("generated")),
    )


def temperature(folder: RunFolder) -> float:
    """By which the run's logits are divided, from what its folds said of people left out in their last epoch."""
    runs = [folder.logits(seed) for seed in folder.plan.config.train.seeds]
    said = np.concatenate([run.values[-1] for run in runs])
    target = np.array([folder.plan.labels[clip] for run in runs for clip in run.clips])
    return fit_temperature(said, target)


def fold_model(folder: RunFolder, task: Task) -> Model:
    """The model that a fold's training left, on the CPU. Raises RunError: it is not there; WeightsError: damaged."""
    from tsfmicro.models.pretrained import load_weights

    place = folder.place(task)
    if not place.exists():
        raise RunError(f"{place}: is not finished, or no such fold. Finish the run, or name one of its folds.")
    with torch.device("cpu"):
        model = build_model(folder.plan.config, len(folder.plan.classes))
    load_weights(model, place / "model.safetensors")
    return model.eval()
