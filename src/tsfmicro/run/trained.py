"""The models that a run's trainings left, and what must be told with them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tsfmicro.card import Card
from tsfmicro.errors import RunError
from tsfmicro.evaluate.calibrate import fit_temperature
from tsfmicro.models.base import Model
from tsfmicro.models.pretrained import load_weights
from tsfmicro.run.folder import WEIGHTS, RunFolder
from tsfmicro.run.start import known_as
from tsfmicro.run.task import build_model
from tsfmicro.run.watch import Task
from tsfmicro.types import person_of


def fold_model(folder: RunFolder, task: Task) -> Model:
    """The model that a fold's training left, on the CPU, with its class names.

    Raises: RunError: it is not there; WeightsError: damaged.
    """
    folder.plan.classes_only("asking its models about a face")
    place = folder.place(task)
    if not place.exists():
        raise RunError(f"{place}: is not finished, or no such fold. Finish the run, or name one of its folds.")
    if not (place / WEIGHTS).exists() and folder.plan.config.train.keep != "last":
        raise RunError(
            f"{place}: its weights were not kept (train.keep={folder.plan.config.train.keep}). "
            "Use the run's final model, or run again elsewhere with --set train.keep=last."
        )
    model = build_model(folder.plan.config, len(folder.plan.classes))
    load_weights(model, place / WEIGHTS)
    model.classes = folder.plan.classes
    return model.eval()


SEE_RUN = "see the run it comes from"


def card_of(folder: RunFolder, name: str, clips: Collection[str], scores: str = "", temperature: float = 1.0) -> Card:
    """The card of a model of this run that was trained on these clips."""
    config, start = folder.plan.config, folder.plan.start
    casts = folder.environment.get("casts", {})
    return Card(
        name=name,
        scheme=config.data.scheme,
        datasets=config.data.datasets,
        people=len({person_of(clip) for clip in clips}),
        clips=len(clips),
        prepare=config.prepare,
        scores=scores,
        temperature=temperature,
        demonstration=bool(folder.environment.get("generated")),
        units=folder.environment.get("units", {}),
        seen=tuple(sorted({known_as(clip, casts) for clip in clips} | set(start.seen if start else ()))),
    )


def temperature(folder: RunFolder) -> float:
    """By which the run's logits are divided, from what its folds said of people left out in their last epoch; 1 while some are missing."""
    if folder.missing():
        return 1.0
    runs = [folder.logits(seed) for seed in folder.plan.config.train.seeds]
    said = np.concatenate([run.values[-1] for run in runs])
    target = np.array([folder.plan.labels[clip] for run in runs for clip in run.clips])
    return fit_temperature(said, target)
