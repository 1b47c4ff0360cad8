"""Batches of pairs from a prepared set: gathered from the memory map, augmented and normalised as whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from tsfmicro.config import AugmentConfig
from tsfmicro.errors import ConfigError
from tsfmicro.train import augment
from tsfmicro.types import Pair, PreparedSet

# ImageNet statistics of RGB in [0, 1], in the 0…255 scale of the stored images.
MEAN = 255 * torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = 255 * torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Loader:
    """Makes what a model asks for: 'onset', 'apex', 'motion' = apex − onset (Eq. 1), 'flow' = horizontal, vertical, strain.

    Raises:
        ConfigError: the model wants flow and the set was prepared without it.
    """

    prepared: PreparedSet
    inputs: tuple[str, ...]
    device: torch.device

    def __post_init__(self) -> None:
        if "flow" in self.inputs and self.prepared.flow is None:
            raise ConfigError(
                "the model wants optical flow, but the faces were prepared without it. Set prepare.flow=true."
            )

    @cached_property
    def _mean(self) -> Tensor:
        return MEAN.to(self.device)

    @cached_property
    def _std(self) -> Tensor:
        return STD.to(self.device)

    def batch(
        self,
        clip_ids: Sequence[str],
        pair: Pair,
        settings: AugmentConfig | None = None,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """The inputs of these clips, each (N, 3, H, W) float32 on the device.

        Args:
            clip_ids: N clips of the prepared set.
            pair: the annotated pair, or the one that differs most.
            settings, generator: how to augment; without settings nothing is changed.
        """
        rows = self.prepared.rows_of(clip_ids)
        theta = None
        if settings is not None:
            assert generator is not None, "augmentation needs a generator"
            theta = augment.draw(len(rows), self.prepared.size, settings, generator).to(self.device)
        batch = self._images(rows, pair, theta)
        if "flow" in self.inputs:
            batch["flow"] = self._flow(rows, pair, theta)
        return {name: batch[name] for name in self.inputs}

    def _images(self, rows: list[int], pair: Pair, theta: Tensor | None) -> Batch:
        stored = self.prepared.annotated if pair == "annotated" else self.prepared.widest
        faces = torch.from_numpy(stored[rows]).to(self.device)  # (N, 2, H, W, 3)
        count, _, height, width, _ = faces.shape
        images = torch.empty(count, 2, 3, height, width, device=self.device)
        images.copy_(faces.permute(0, 1, 4, 2, 3))
        if theta is not None:
            images = augment.apply(images.flatten(1, 2), theta).unflatten(1, (2, 3))
        images.sub_(self._mean).div_(self._std)
        onset, apex = images.unbind(1)
        batch = {"onset": onset, "apex": apex}
        if "motion" in self.inputs:
            batch["motion"] = apex - onset
        return batch

    def _flow(self, rows: list[int], pair: Pair, theta: Tensor | None) -> Tensor:
        assert self.prepared.flow is not None
        flow = torch.from_numpy(self.prepared.flow[rows, 0 if pair == "annotated" else 1]).to(self.device).float()
        return flow if theta is None else augment.apply_to_flow(flow, theta)
