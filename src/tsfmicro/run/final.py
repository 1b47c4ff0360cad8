"""One model trained on everybody, for use on other people's videos, with what the run says about it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tsfmicro.errors import RunError, WeightsError
from tsfmicro.models.pretrained import CONFIG, from_pretrained, save_pretrained
from tsfmicro.prepared import PreparedSet
from tsfmicro.run.environment import settled_precision
from tsfmicro.run.folder import FINAL, RunFolder
from tsfmicro.run.summary import Summary
from tsfmicro.run.task import build_model, train_task
from tsfmicro.run.trained import card_of, temperature
from tsfmicro.run.watch import Task, Watch
from tsfmicro.types import Fold
from tsfmicro.workers import cores


def make_final(folder: RunFolder, prepared: PreparedSet, summary: Summary, device: str, watch: Watch) -> Path:
    """Train on all clips of a finished run and save the model, with its card, in <run>/final; once.

    Its own score cannot be known, since nobody is left out: the card tells what the run's models reached on people left
    out, and the temperature comes from their answers.

    Returns: the model's folder, as `from_pretrained` takes it.
    Raises: RunError: it is there, and damaged.
    """
    place = folder.path / FINAL
    if (place / CONFIG).exists():
        try:
            from_pretrained(place)
        except WeightsError as damage:
            raise RunError(f"{damage} Or delete {place}, and run the same command again.") from None
        return place
    plan = folder.plan
    task = Task(FINAL, plan.config.train.seeds[0])
    watch.training(1, 0)
    everybody = replace(plan, folds=(Fold(FINAL, train=tuple(sorted(plan.labels)), test=()),))
    # One training alone may have all cores; its bits are promised to nobody.
    trained = train_task(
        everybody,
        prepared,
        task,
        device,
        cores(),
        lambda report: watch.epoch(*report),
        precision=settled_precision(folder.environment, device),
    )
    model = build_model(plan.config, len(plan.classes))
    model.load_state_dict(dict(trained.weights))
    model.classes = plan.classes
    card = card_of(folder, plan.config.name, plan.labels, summary.line(), temperature(folder))
    guessed = summary.floors["majority"].acc.value
    model.card = replace(card, right=summary.model.acc.value, guessed=guessed)
    save_pretrained(model, place)
    return place
