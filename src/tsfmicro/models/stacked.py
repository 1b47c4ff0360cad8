"""Models of one kind that learn side by side: what the training of several folds at once asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from tsfmicro.models.base import Model


class Stacked:
    """K models as one. Their weights are joined, and each model keeps a view of its own: what is learned here, it knows.

    Attributes:
        models: the K models, of one kind and on one device.
        weights, buffers: name → (K, …), in the order of the models.
    """

    def __init__(self, models: Sequence[Model]) -> None:
        self.models = tuple(models)
        parameters = [dict(model.named_parameters()) for model in models]
        buffers = [dict(model.named_buffers()) for model in models]
        self.weights = _join(parameters)
        self.buffers = _join(buffers)
        for weight in self.weights.values():
            weight.requires_grad_()

    @property
    def parameters(self) -> list[Tensor]:
        return list(self.weights.values())

    def draw_noise(self, clips: int, generator: torch.Generator) -> Tensor | None:
        """As each of the models draws it."""
        return self.models[0].draw_noise(clips, generator)

    def __call__(self, images: Mapping[str, Tensor], mine: Tensor, noise: Tensor | None) -> Tensor:
        """What each model says in training of a batch that all share.

        Args:
            images: name → (N, 3, H, W), as the models take them.
            mine: (K, N) bool, which clips a model may learn from. The others must weigh nothing in its batch statistics.
            noise: (N, …) from the models' `draw_noise`, one for all.
        Returns:
            (K, N, C) logits; those of clips that are not a model's own mean nothing.
        """
        raise NotImplementedError


def _join(each: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    joined = {name: torch.stack([tensors[name].detach() for tensors in each]) for name in each[0]}
    for place, tensors in enumerate(each):
        for name, tensor in tensors.items():
            tensor.data = joined[name][place]
    return joined
