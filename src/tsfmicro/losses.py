"""How far answers are from labels: what training offers for rare classes, and models with a loss of their own share."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy


def balanced(labels: Iterable[int], num_classes: int) -> Tensor:
    """(num_classes,) weights of a cross-entropy under which each class counts as much as the others; 0 for one that nobody shows.

    n / (C · n_c) with n clips, C classes that are shown, and n_c clips of the class: over the clips, the weights average 1.
    """
    clips = torch.bincount(torch.tensor(list(labels)), minlength=num_classes)
    shown = clips > 0
    return torch.where(shown, clips.sum() / (shown.sum() * clips.clamp(min=1)), 0.0)


def weighted(logits: Tensor, target: Tensor, weights: Tensor) -> Tensor:
    """() mean over clips of weight · cross-entropy. torch divides by the weights of the batch instead, so that a batch of one class
    would not be weighted at all.

    Args: logits: (N, C); target: (N,) class numbers; weights: (C,).
    """
    return (weights[target] * cross_entropy(logits, target, reduction="none")).mean()


def focal(logits: Tensor, target: Tensor, gamma: float, weights: Tensor | None = None) -> Tensor:
    """() mean over clips of −α (1 − p)^γ log p, p of the right class: what is told surely counts less (Lin et al., ICCV 2017).

    Args: logits: (N, C); target: (N,) class numbers; weights: (C,) α of each class, 1 if not given.
    """
    right = logits.log_softmax(-1).gather(1, target[:, None]).squeeze(1)
    unsure = (1 - right.exp()).clamp(min=1e-6).pow(gamma)
    return -((unsure if weights is None else weights[target] * unsure) * right).mean()


def balanced_units(target: Tensor) -> Tensor:
    """(2, C) weights of the absence and the presence of each action unit, as `balanced` gives them. target: (N, C) of 0 and 1."""
    return torch.stack([balanced(column.long().tolist(), 2) for column in target.T], 1)


def binary(logits: Tensor, target: Tensor, weights: Tensor | None = None, gamma: float = 0.0) -> Tensor:
    """() mean over clips and action units of the binary cross-entropy.

    Args:
        logits, target: (N, C); target 1 where the unit is shown, else 0.
        weights: (2, C) of absence and presence. gamma: makes it focal, as in `focal`.
    """
    entropy = binary_cross_entropy_with_logits(logits, target, reduction="none")
    if gamma:
        entropy = (1 - (-entropy).exp()).clamp(min=1e-6).pow(gamma) * entropy
    if weights is not None:
        entropy = torch.where(target > 0.5, weights[1], weights[0]) * entropy
    return entropy.mean()
