"""One training: it sees labels of training clips only, and stores what it says about the others after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from tsfmicro.config import TrainConfig
from tsfmicro.errors import RunError
from tsfmicro.train import augment
from tsfmicro.train.loader import Loader
from tsfmicro.train.precision import at_work
from tsfmicro.train.predict import predict
from tsfmicro.train.step import Step

OnEpoch = Callable[[int, float], None]


@dataclass(frozen=True)
class Fitted:
    """What a training leaves behind.

    Attributes:
        logits: (epochs, N, C) float32 of the N clips it was asked about, after each epoch.
        losses: (epochs,) mean training loss of each epoch.
    """

    logits: np.ndarray
    losses: np.ndarray


def fit(
    model: nn.Module,
    loader: Loader,
    labels: Mapping[str, int],
    others: Sequence[str],
    config: TrainConfig,
    generator: torch.Generator,
    on_epoch: OnEpoch = lambda epoch, loss: None,
) -> Fitted:
    """Train a model in place with AdamW and cross-entropy (paper, Section 4.1.3, Eq. 13).

    Args:
        model: takes the loader's batches by name and returns (N, C) logits; it is left on the loader's device.
        loader: reads the prepared set.
        labels: class number of each TRAINING clip; no other label is given, so none can leak.
        others: clips whose logits are stored after each epoch.
        config: epochs, batch size, learning rate, …
        generator: on the CPU; decides order and augmentation.
        on_epoch: called after each epoch with its number, from 1, and its mean loss.
    Raises:
        RunError: the loss is no longer a number, or the GPU's memory is full.
    """
    logits, losses = [], []
    try:
        with at_work(loader.device):
            step = Step(model, loader, labels, config)
            rows = torch.tensor(loader.prepared.rows_of(sorted(labels)))
            for epoch in range(config.epochs):
                step.set_rate(config.lr * config.decay ** min(epoch, config.decay_epochs))
                total = run_epoch(step, rows, config, generator)
                said = predict(model, loader, others, config.batch_size, step.precision)
                losses.append(float(total) / len(rows))  # the first time that anybody waits for the device
                if not np.isfinite(losses[-1]):
                    raise RunError(f"the loss is {losses[-1]} in epoch {epoch + 1}. Lower train.lr.")
                logits.append(said.numpy(force=True))
                on_epoch(epoch + 1, losses[-1])
    except torch.OutOfMemoryError:
        raise RunError(
            f"the memory of {loader.device} is full. Lower --workers or train.batch_size, or close what else uses it."
        ) from None
    return Fitted(np.stack(logits), np.array(losses))


def run_epoch(step: Step, rows: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """A step on each batch; nothing is read back from the device, so that a GPU is never waited for.

    Args: rows: (n,) of the training clips in the prepared set, on the CPU.
    Returns: () the sum of the clips' losses, on the device.
    """
    loader = step.loader
    order, movements = augment.draw_epoch(len(rows), config.batch_size, config.augment, loader.prepared.size, generator)
    chosen, moved = loader.here(rows[order]), loader.here(movements)
    step.loss.zero_()
    for some, their in zip(chosen.split(config.batch_size), moved.split(config.batch_size), strict=True):
        step(some, their)
    return step.loss
