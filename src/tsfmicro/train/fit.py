"""One training: it sees labels of training clips only, and stores what it says about the others after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tsfmicro.config import TrainConfig, check_section
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.needs import Stage, TrainingFacts
from tsfmicro.train import augment
from tsfmicro.train.checkpoint import Checkpoint, NoCheckpoint, State
from tsfmicro.train.loader import Loader
from tsfmicro.train.order import epoch_order, order_of_steps
from tsfmicro.train.precision import at_work
from tsfmicro.train.predict import predict
from tsfmicro.train.step import Step
from tsfmicro.types import Pair

OnEpoch = Callable[[int, float], None]


@dataclass(frozen=True)
class Fitted:
    """What a training leaves behind.

    Attributes:
        logits: (epochs, N, C) float32 of the N clips it was asked about, after each epoch.
        losses: (epochs,) mean training loss of each epoch; of a system in closed form, the share of training clips that it
            gets wrong.
        seconds: how long it took; None where that is not known.
    """

    logits: np.ndarray
    losses: np.ndarray
    seconds: float | None


def fit(
    model: nn.Module,
    loader: Loader,
    labels: Mapping[str, int],
    others: Sequence[str],
    config: TrainConfig,
    generator: torch.Generator,
    on_epoch: OnEpoch = lambda epoch, loss: None,
    checkpoint: Checkpoint | None = None,
    classes: Sequence[str] = (),
    units: int = 0,
) -> Fitted:
    """Train a model in place: stage by stage, or in closed form (AdamW and cross-entropy: paper, Section 4.1.3, Eq. 13).

    Args:
        model: takes the loader's batches by name and returns (N, C) logits; it is left on the loader's device.
        loader: reads the prepared set.
        labels: class number of each TRAINING clip; no other label is given, so none can leak.
        others: clips whose logits are stored after each epoch.
        config: epochs, batch size, learning rate, …; a stage may say otherwise.
        generator: on the CPU; decides order and augmentation.
        on_epoch: called after each epoch with its number, from 1, and its mean loss.
        checkpoint: where a long training keeps its state, and goes on from after a kill.
        classes: class names in the order of their numbers.
        units: how many action units a label's bits stand for; 0 where it is a class number.
    Raises:
        RunError: the loss is no longer a number, or the GPU's memory is full.
        ConfigError: augmentation of something that must not be moved.
    """
    loader.check_augmentation(config.augment)
    shown = {clip: loader.prepared.clip_of(clip).action_units for clip in labels}
    model.begin(TrainingFacts(dict(labels), shown, tuple(classes)))  # type: ignore[operator]
    if config.frozen:
        model.freeze(config.frozen)  # type: ignore[operator]
    try:
        with at_work(loader.device):
            if hasattr(model, "solve"):
                return _solve(model, loader, labels, others, config, on_epoch)
            return _learn(
                model, loader, labels, others, config, generator, on_epoch, checkpoint or NoCheckpoint(), units
            )
    except torch.OutOfMemoryError:
        raise RunError(
            f"the memory of {loader.device} is full. Lower --workers or train.batch_size, or close what else uses it."
        ) from None


def epochs_of(stages: Sequence[Stage], config: TrainConfig) -> int:
    """How many epochs a training leaves logits of: a stage that counts steps is one."""
    return sum(_epochs(stage, config) for stage in stages)


def _epochs(stage: Stage, config: TrainConfig) -> int:
    if stage.steps is not None:
        return 1
    return config.epochs if stage.epochs is None else stage.epochs


def _learn(
    model: nn.Module,
    loader: Loader,
    labels: Mapping[str, int],
    others: Sequence[str],
    config: TrainConfig,
    generator: torch.Generator,
    on_epoch: OnEpoch,
    checkpoint: Checkpoint,
    units: int,
) -> Fitted:
    clips = sorted(labels)
    rows = torch.tensor(loader.prepared.rows_of(clips))
    target = torch.tensor([labels[clip] for clip in clips])
    stages: tuple[Stage, ...] = model.stages  # type: ignore[assignment]
    plan = [(n, epoch, count) for n, s in enumerate(stages) for count in [_epochs(s, config)] for epoch in range(count)]
    state = checkpoint.load() or State()
    began = state.epochs
    if began:
        state.restore(model, generator, loader.device)
    step, entered = None, -1
    for place in range(began, len(plan)):
        number, epoch, count = plan[place]
        stage, its = stages[number], settings_of(stages[number], config)
        if step is None or number != entered:
            model.stage, entered = stage.name, number  # type: ignore[assignment]
            step = Step(model, loader, labels, its, stage.only, units)
            if place == began and epoch:  # killed within this stage
                step.optimiser.load_state_dict(state.captured["optimiser"])
        step.set_rate(rate(its, epoch, count))
        order = (
            epoch_order(target, its, generator)
            if stage.steps is None
            else order_of_steps(stage.steps, target, its, generator)
        )
        total = run_epoch(step, rows, its, generator, order)
        said = predict(model, loader, others, its.batch_size, step.precision)
        loss = float(total) / len(order)  # the first time that anybody waits for the device
        if not np.isfinite(loss):
            raise RunError(f"the loss is {loss} in epoch {place + 1}. Lower train.lr.")
        if not torch.stack([values.isfinite().all() for values in (said, *model.parameters())]).all():
            # the loss was computed before the last step
            raise RunError(f"weights or logits are no numbers after epoch {place + 1}. Lower train.lr.")
        state.add(said.numpy(force=True), loss)
        on_epoch(place + 1, loss)
        checkpoint.keep(state, step, generator)
    return Fitted(np.stack(state.logits), np.array(state.losses), state.seconds)


def _solve(
    model: nn.Module,
    loader: Loader,
    labels: Mapping[str, int],
    others: Sequence[str],
    config: TrainConfig,
    on_epoch: OnEpoch,
) -> Fitted:
    """A system in closed form: all training clips at once, nothing augmented."""
    state, clips = State(), sorted(labels)
    target = torch.tensor([labels[clip] for clip in clips])
    model = model.to(loader.device).eval()
    with torch.no_grad():
        model.see(loader.gather(some, config.pair) for some in loader.rows(clips).split(config.batch_size))  # type: ignore[operator]
    described = descriptions(model, loader, clips, config.pair, config.batch_size)
    with torch.no_grad():
        model.solve(described, target.to(described.device))  # type: ignore[operator]
        wrong = float((model.answer(described).argmax(-1).cpu() != target).float().mean())  # type: ignore[operator]
    said = predict(model, loader, others, config.batch_size)
    on_epoch(1, wrong)
    return Fitted(said.numpy(force=True)[None], np.array([wrong]), state.seconds)


def descriptions(model: nn.Module, loader: Loader, clips: Sequence[str], pair: Pair, batch_size: int) -> Tensor:
    """(N, D) what a system in closed form knows of each clip."""
    with torch.inference_mode():
        parts = [
            model.describe(**loader.gather(some, pair))  # type: ignore[operator]
            for some in loader.rows(clips).split(batch_size)
        ]
    return torch.cat(parts).clone()


def settings_of(stage: Stage, config: TrainConfig) -> TrainConfig:
    """The run's settings with what a stage says otherwise."""
    return config.model_copy(update=_said(stage))


def _said(stage: Stage) -> dict[str, Any]:
    names = ("optimiser", "lr", "weight_decay", "momentum", "schedule", "sampling")
    return {name: value for name in names if (value := getattr(stage, name)) is not None}


def check_stages(name: str, stages: Sequence[Stage], config: TrainConfig) -> None:
    """Before anything is trained. Raises ConfigError: a model's stage names what there is not, or counts what cannot be."""
    for stage in stages:
        where = f"model {name}, stage {stage.name!r}"
        check_section(TrainConfig, {**config.model_dump(), **_said(stage)}, where)
        for what, count in (("epochs", stage.epochs), ("steps", stage.steps)):
            whole = isinstance(count, Integral) and not isinstance(count, bool)
            if count is not None and (not whole or count < 1):
                raise ConfigError(f"{where}: {what} is {count!r}; give a whole number from 1 on.")


def rate(config: TrainConfig, epoch: int, epochs: int) -> float:
    """The learning rate of an epoch, counted from 0."""
    if config.schedule == "constant":
        return config.lr
    if config.schedule == "cosine":
        return config.lr * (1 + float(np.cos(np.pi * epoch / max(1, epochs)))) / 2
    if config.schedule == "step":
        return config.lr * config.decay ** (epoch // max(1, config.decay_epochs))
    return config.lr * config.decay ** min(epoch, config.decay_epochs)


def run_epoch(
    step: Step, rows: Tensor, config: TrainConfig, generator: torch.Generator, order: Tensor | None = None
) -> Tensor:
    """A step on each batch; nothing is read back from the device, so that a GPU is never waited for.

    Args: rows: (n,) of the training clips in the prepared set, on the CPU. order: (m,) places in it; drawn if not given.
    Returns: () the sum of the clips' losses, on the device.
    """
    loader = step.loader
    order, movements = augment.draw_epoch(len(rows), config.batch_size, config.augment, loader.size, generator, order)
    chosen, moved = loader.here(rows[order]), loader.here(movements)
    step.loss.zero_()
    for some, their in zip(chosen.split(config.batch_size), moved.split(config.batch_size), strict=True):
        step(some, their)
    return step.loss
