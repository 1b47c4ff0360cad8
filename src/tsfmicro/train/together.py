"""Folds of one seed trained side by side, on batches that all of them share.

In leave-one-subject-out the folds learn from nearly the same clips. Here the clips of all folds come in one order, drawn once
for each epoch, and each fold skips those that are not its own: its test and validation people weigh nothing in its loss and
nothing in its batch statistics. So what depends on the clips alone is done once, and models that can be stacked learn all
folds in a few large steps instead of many small ones. A plain model learns from the same batches, which is how the two are
compared: they end equal up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsfmicro.config import TrainConfig
from tsfmicro.errors import RunError
from tsfmicro.train.fit import Fitted
from tsfmicro.train.loader import Batch, Loader
from tsfmicro.train.precision import at_work
from tsfmicro.train.predict import predict

OnEpoch = Callable[[int, int, float], None]


class Learners(Protocol):
    """K models that learn from the batches of all folds."""

    @property
    def models(self) -> Sequence[nn.Module]: ...

    @property
    def parameters(self) -> list[Tensor]: ...

    def draw_noise(self, clips: int, generator: torch.Generator) -> Tensor | None:
        """(clips, …) what dropout keeps in a batch, for all models; None where there is none to share."""

    def __call__(self, images: Batch, mine: Tensor, noise: Tensor | None) -> Tensor:
        """(K, N, C) logits in training; mine: (K, N) bool, the clips of the batch that each model may learn from."""


class Alone:
    """A plain model, which sees its own clips of a batch and no others."""

    def __init__(self, model: nn.Module) -> None:
        self.models = (model,)

    @property
    def parameters(self) -> list[Tensor]:
        return list(self.models[0].parameters())

    def draw_noise(self, clips: int, generator: torch.Generator) -> Tensor | None:
        return self.models[0].draw_noise(clips, generator)  # type: ignore[operator]  # every model of ours has it

    def __call__(self, images: Batch, mine: Tensor, noise: Tensor | None) -> Tensor:
        model, own = self.models[0], mine[0].nonzero().squeeze(1)
        model.noise = None if noise is None else noise[own]  # type: ignore[assignment]
        said = model(**{name: image[own] for name, image in images.items()})
        return said.new_zeros(len(mine[0]), said.shape[1]).index_copy(0, own, said).unsqueeze(0)


@dataclass(frozen=True)
class Share:
    """What one fold of several is given.

    Attributes:
        labels: class number of each of its TRAINING clips; no other label is given, so none can leak.
        others: clips whose logits are stored after each epoch.
    """

    labels: Mapping[str, int]
    others: Sequence[str]


def fit_together(
    learners: Learners,
    loader: Loader,
    shares: Sequence[Share],
    clips: Sequence[str],
    config: TrainConfig,
    generator: torch.Generator,
    on_epoch: OnEpoch = lambda fold, epoch, loss: None,
) -> list[Fitted]:
    """Train K models in place with AdamW and cross-entropy, each on its own share of batches that are drawn for all.

    Args:
        learners: the models, on the loader's device.
        shares: what each model learns from and is asked about.
        clips: all clips of the run. Order, augmentation and dropout hang on them and the generator alone, so that a fold's
            result is the same whichever folds it is trained with.
        on_epoch: called for each fold after each epoch with its place, the epoch from 1, and its mean loss.
    Returns:
        What each training leaves behind, in the order of the shares.
    Raises:
        RunError: a loss is no longer a number.
    """
    clips = sorted(clips)
    targets = torch.tensor([[share.labels.get(clip, -1) for clip in clips] for share in shares], device=loader.device)
    optimiser = torch.optim.AdamW(learners.parameters, lr=config.lr, weight_decay=config.weight_decay, fused=True)
    for weight in learners.parameters:
        weight.grad = torch.zeros_like(weight)
    logits: list[list[np.ndarray]] = [[] for _ in shares]
    losses = []
    with at_work(loader.device):
        for epoch in range(1, config.epochs + 1):
            for group in optimiser.param_groups:
                group["lr"] = config.lr * config.decay ** min(epoch - 1, config.decay_epochs)
            for model in learners.models:
                model.train()
            losses.append(_epoch(learners, loader, clips, targets, config, optimiser, generator).numpy(force=True))
            if not np.isfinite(losses[-1]).all():
                raise RunError(f"the loss is not a number in epoch {epoch}. Lower train.lr.")
            for fold, (model, share) in enumerate(zip(learners.models, shares, strict=True)):
                logits[fold].append(predict(model, loader, share.others, config.batch_size).numpy(force=True))
                on_epoch(fold, epoch, float(losses[-1][fold]))
    return [Fitted(np.stack(said), np.array(losses)[:, fold]) for fold, said in enumerate(logits)]


def _epoch(
    learners: Learners,
    loader: Loader,
    clips: Sequence[str],
    targets: Tensor,
    config: TrainConfig,
    optimiser: torch.optim.Optimizer,
    generator: torch.Generator,
) -> Tensor:
    """(K,) mean losses. targets: (K, clips), −1 where a clip is not a fold's own."""
    augment = None if config.augment.still else config.augment
    order = torch.randperm(len(clips), generator=generator)
    total = torch.zeros(len(targets), device=loader.device)
    for chosen in order.split(config.batch_size):
        images = loader.batch([clips[n] for n in chosen], config.pair, augment, generator)
        noise = learners.draw_noise(len(chosen), generator)
        target = targets[:, chosen.to(loader.device)]  # (K, N)
        mine = target >= 0
        optimiser.zero_grad(set_to_none=False)  # a fold without a clip in the batch moves by its momentum alone
        if mine.any():
            said = learners(images, mine, None if noise is None else noise.to(loader.device))
            of_clips = cross_entropy(said.transpose(1, 2), target, ignore_index=-1, reduction="none").sum(1)
            (of_clips / mine.sum(1).clamp(min=1)).sum().backward()
            total += of_clips.detach()
        optimiser.step()
    return total / (targets >= 0).sum(1)
