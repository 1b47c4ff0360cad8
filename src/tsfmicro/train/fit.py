"""One training: it sees labels of training clips only, and stores what it says about the others after each epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from tsfmicro.config import TrainConfig
from tsfmicro.errors import RunError
from tsfmicro.train.loader import Loader
from tsfmicro.train.predict import predict

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
        RunError: the loss is no longer a number.
    """
    clips = sorted(labels)
    model.to(loader.device).train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    logits, losses = [], []
    for epoch in range(config.epochs):
        for group in optimiser.param_groups:
            group["lr"] = config.lr * config.decay ** min(epoch, config.decay_epochs)
        losses.append(_epoch(model, loader, clips, labels, config, optimiser, generator))
        if not np.isfinite(losses[-1]):
            raise RunError(f"the loss is {losses[-1]} in epoch {epoch + 1}. Lower train.lr.")
        logits.append(predict(model, loader, others, config.batch_size))
        on_epoch(epoch + 1, losses[-1])
    return Fitted(np.stack(logits), np.array(losses))


def _epoch(
    model: nn.Module,
    loader: Loader,
    clips: Sequence[str],
    labels: Mapping[str, int],
    config: TrainConfig,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> float:
    order = torch.randperm(len(clips), generator=generator).tolist()
    total = torch.zeros((), device=loader.device)
    for start in range(0, len(order), config.batch_size):
        chosen = [clips[i] for i in order[start : start + config.batch_size]]
        target = torch.tensor([labels[c] for c in chosen], device=loader.device)
        batch = loader.batch(chosen, config.pair, config.augment, generator)
        loss = cross_entropy(model(**batch), target)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        total += loss.detach() * len(chosen)  # summed on the device: reading it here would make a GPU wait
    return float(total) / len(clips)
