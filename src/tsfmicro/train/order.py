"""In which order training clips come."""

from __future__ import annotations

import torch
from torch import Tensor

from tsfmicro.config import TrainConfig


def epoch_order(target: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """(n,) places of an epoch: every clip once, or so many drawn that each class comes as often as the others.

    Args: target: (n,) class numbers (of action units, each combination is a class); generator: on the CPU.
    """
    if config.sampling == "shuffled":
        return torch.randperm(len(target), generator=generator)
    counts = target.bincount().clamp(min=1)
    return torch.multinomial(1.0 / counts[target], len(target), replacement=True, generator=generator)


def order_of_steps(steps: int, target: Tensor, config: TrainConfig, generator: torch.Generator) -> Tensor:
    """(m,) places for so many full batches, epoch after epoch."""
    wanted, parts = steps * config.batch_size, [torch.empty(0, dtype=torch.int64)]
    while sum(map(len, parts)) < wanted:
        parts.append(epoch_order(target, config, generator))
    return torch.cat(parts)[:wanted]
