"""Batches of pairs from a prepared set, augmented and normalised as whole batches.

On a CPU they are gathered from the memory map. On a GPU the whole set stays in its memory: faces of CASME II at 224 × 224
are 150 MB, and not a byte of them is copied again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
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
        ConfigError: the model wants flow or faces, and the set was prepared without them.
    """

    prepared: PreparedSet
    inputs: tuple[str, ...]
    device: torch.device

    def __post_init__(self) -> None:
        if "flow" in self.inputs and self.prepared.flow is None:
            raise ConfigError(
                "the model wants optical flow, but the faces were prepared without it. Set prepare.flow=true."
            )
        if "faces" in self._kinds:
            self.prepared.faces("annotated")

    @cached_property
    def _mean(self) -> Tensor:
        return MEAN.to(self.device)

    @cached_property
    def _std(self) -> Tensor:
        return STD.to(self.device)

    @property
    def _kinds(self) -> tuple[str, ...]:
        """What is read of the prepared set."""
        return ("faces",) * bool({*self.inputs} - {"flow"}) + ("flow",) * ("flow" in self.inputs)

    @property
    def resident(self) -> bool:
        """Whether the set stays on the device."""
        return self.device.type != "cpu"

    @cached_property
    def _staying(self) -> dict[tuple[str, Pair], Tensor]:
        return {}

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
        movements = None
        if settings is not None:
            assert generator is not None, "augmentation needs a generator"
            movements = self.here(augment.draw(len(clip_ids), self.prepared.size, settings, generator))
        return self.gather(self.rows(clip_ids), pair, movements)

    def rows(self, clip_ids: Sequence[str]) -> Tensor:
        """(N,) where these clips are in the prepared set, for `gather`. Raises ShapeError: a clip is not prepared."""
        return self.here(torch.tensor(self.prepared.rows_of(clip_ids), dtype=torch.int64))

    def here(self, values: Tensor) -> Tensor:
        """Something small from the CPU, on the device, without waiting for what the device is doing."""
        if self.device.type == "cuda":
            return values.pin_memory().to(self.device, non_blocking=True)
        return values.to(self.device)

    def gather(self, rows: Tensor, pair: Pair, movements: Tensor | None = None) -> Batch:
        """The inputs of the clips in these rows of the prepared set, each (N, 3, H, W) float32 on the device.

        Args: rows: (N,) and movements: (N, 2, 3) from `augment.draw`, both on the device.
        """
        batch: Batch = {}
        if "faces" in self._kinds:
            batch |= images_of(self._pick("faces", pair, rows), self._mean, self._std, movements)
        if "flow" in self._kinds:
            flow = self._pick("flow", pair, rows).float()
            batch["flow"] = flow if movements is None else augment.apply_to_flow(flow, movements)
        return {name: batch[name] for name in self.inputs}

    def stay(self, pair: Pair) -> None:
        """Bring all pairs of this kind to the device, once; on a CPU they are read where they lie."""
        if not self.resident:
            return
        for kind in self._kinds:
            if (kind, pair) not in self._staying:
                self._staying[kind, pair] = torch.from_numpy(np.array(self._stored(kind, pair))).to(self.device)

    def _pick(self, kind: str, pair: Pair, rows: Tensor) -> Tensor:
        if not self.resident:
            return torch.from_numpy(self._stored(kind, pair)[rows.numpy()])
        self.stay(pair)
        return self._staying[kind, pair].index_select(0, rows)

    def _stored(self, kind: str, pair: Pair) -> np.ndarray:
        """faces: (R, 2, H, W, 3) uint8; flow: (R, 3, H, W) float16."""
        if kind == "faces":
            return self.prepared.faces(pair)
        assert self.prepared.flow is not None
        return self.prepared.flow[:, 0 if pair == "annotated" else 1]


def images_of(faces: Tensor, mean: Tensor = MEAN, std: Tensor = STD, movements: Tensor | None = None) -> Batch:
    """What models look at, of pairs of faces: 'onset', 'apex', 'motion', each (N, 3, H, W) float32.

    Args: faces: (N, 2, H, W, 3) uint8 RGB, onset and apex; movements: (N, 2, 3) from `augment.draw`; all on one device.
    """
    count, _, height, width, _ = faces.shape
    images = torch.empty(count, 2, 3, height, width, device=faces.device)
    images.copy_(faces.permute(0, 1, 4, 2, 3))
    if movements is not None:
        images = augment.apply(images.flatten(1, 2), movements).unflatten(1, (2, 3))
    images.sub_(mean).div_(std)
    onset, apex = images.unbind(1)
    return {"onset": onset, "apex": apex, "motion": apex - onset}
