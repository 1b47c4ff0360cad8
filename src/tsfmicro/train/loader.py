"""Batches of what a model looks at from a prepared set, augmented and normalised as whole batches.

On a CPU they are gathered from the memory map. On a GPU what fits stays in its memory: faces of CASME II at 224 × 224 are
150 MB, and not a byte of them is copied again; what is larger than that is gathered from the memory map as on a CPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from tsfmicro.config import AugmentConfig
from tsfmicro.errors import ConfigError, ShapeError
from tsfmicro.needs import Input, Moves, Need, Stored
from tsfmicro.prepared import PreparedSet
from tsfmicro.train import augment
from tsfmicro.types import Pair

# ImageNet statistics of RGB in [0, 1], in the 0…255 scale of the stored images.
MEAN = 255 * torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
STD = 255 * torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
ROOM = 0.5  # of a GPU's free memory that a prepared set may fill

Batch = dict[str, Tensor]


@dataclass(frozen=True)
class Loader:
    """Makes what a model asks for.

    Attributes:
        inputs: of the model. counted: edge of the images whose pixels augmentation counts; by default the model's largest.
    Raises:
        ConfigError: something that the model needs was not prepared.
    """

    prepared: PreparedSet
    inputs: Mapping[str, Input]
    device: torch.device
    counted: int | None = None

    def __post_init__(self) -> None:
        for one in self.inputs.values():
            self.prepared.of(one.need)

    @cached_property
    def size(self) -> int:
        """Edge of the images whose pixels augmentation counts."""
        return self.counted or max((need.size or 0 for need in self.needs), default=0) or 224

    @cached_property
    def _mean(self) -> Tensor:
        return MEAN.to(self.device)

    @cached_property
    def _std(self) -> Tensor:
        return STD.to(self.device)

    @cached_property
    def needs(self) -> tuple[Need, ...]:
        """Each once, with its scale and pair."""
        return tuple(dict.fromkeys(one.need for one in self.inputs.values()))

    @cached_property
    def resident(self) -> bool:
        """Whether the set stays on the device."""
        if self.device.type == "cpu" or any(self.prepared.of(n).starts is not None for n in self.needs):
            return False
        wanted = sum(array.nbytes for n in self.needs for array in self.prepared.of(n).arrays.values())
        return self.device.type != "cuda" or wanted < ROOM * torch.cuda.mem_get_info(self.device)[0]

    @cached_property
    def _staying(self) -> dict[tuple[Need, Pair], Tensor]:
        return {}

    def check_augmentation(self, settings: AugmentConfig) -> None:
        """Raises ConfigError: augmentation is wanted of something that must not be moved."""
        check_augmentation(self.prepared, self.needs, settings)

    def batch(
        self,
        clip_ids: Sequence[str],
        pair: Pair,
        settings: AugmentConfig | None = None,
        generator: torch.Generator | None = None,
    ) -> Batch:
        """The inputs of these clips, each (N, *shape) float32 on the device.

        Args:
            clip_ids: N clips of the prepared set.
            pair: the annotated pair, or the one that differs most.
            settings, generator: how to augment; without settings nothing is changed.
        """
        movements = None
        if settings is not None:
            assert generator is not None, "augmentation needs a generator"
            self.check_augmentation(settings)
            movements = self.here(augment.draw(len(clip_ids), self.size, settings, generator))
        return self.gather(self.rows(clip_ids), pair, movements)

    def rows(self, clip_ids: Sequence[str]) -> Tensor:
        """(N,) where these clips are in the prepared set, for `gather`. Raises ShapeError: a clip is not prepared."""
        return self.here(torch.tensor(self.prepared.rows_of(clip_ids), dtype=torch.int64))

    def here(self, values: Tensor) -> Tensor:
        """Something small from the CPU, on the device, without waiting for what the device is doing."""
        if self.device.type == "cuda":
            return values.pin_memory().to(self.device, non_blocking=True)
        return values.to(self.device)

    def gather(
        self, rows: Tensor, pair: Pair, movements: Tensor | None = None, only: Iterable[str] | None = None
    ) -> Batch:
        """The inputs of the clips in these rows of the prepared set, each (N, *shape) float32 on the device.

        One draw moves all products of a clip.

        Args:
            rows: (N,) and movements: (N, 2, 3) from `augment.draw`, both on the device.
            only: names of the inputs that are wanted; by default all.
        """
        inputs = self.inputs if only is None else {name: self.inputs[name] for name in only}
        delivered: dict[Need, Tensor] = {}
        lengths: dict[Need, Tensor] = {}
        for need in dict.fromkeys(one.need for one in inputs.values()):
            stored = self.prepared.of(need)
            if stored.starts is None:
                values = self._pick(need, need.pair or pair, rows)
            else:
                values, lengths[need] = self._pick_sequences(stored, rows)
            delivered[need] = deliver(values, need, stored.moves, movements, stored.swap, self._mean, self._std)
        batch = {name: one.view(delivered[one.need]) for name, one in inputs.items()}
        _check_shapes(batch, inputs)
        return batch | {f"{name}_length": lengths[one.need] for name, one in inputs.items() if one.differs_in_length}

    def stay(self, pair: Pair) -> None:
        """Bring all that is needed of this pair to the device, once; on a CPU it is read where it lies."""
        if not self.resident:
            return
        for need in self.needs:
            key = need.stored, need.pair or pair
            if key not in self._staying:
                array = self.prepared.of(need).of(key[1])
                self._staying[key] = torch.from_numpy(np.array(array)).to(self.device)

    def _pick(self, need: Need, pair: Pair, rows: Tensor) -> Tensor:
        if not self.resident:
            return self.here(torch.from_numpy(self.prepared.of(need).of(pair)[rows.numpy(force=True)]))
        self.stay(pair)
        return self._staying[need.stored, need.pair or pair].index_select(0, rows)

    def _pick_sequences(self, stored: Stored, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(N, longest, …) padded with zeros, and (N,) lengths."""
        clips = [torch.from_numpy(np.array(stored.clip(int(row)))) for row in rows.numpy(force=True)]
        lengths = torch.tensor([len(clip) for clip in clips])
        padded = torch.nn.utils.rnn.pad_sequence(clips, batch_first=True)
        return self.here(padded), self.here(lengths)


def check_augmentation(prepared: PreparedSet, needs: Sequence[Need], settings: AugmentConfig) -> None:
    """Raises ConfigError: augmentation is wanted of something that must not be moved: ready-made flow maps, of which nobody knows which value means no
    movement, or points in space."""
    if settings.still:
        return
    for need in needs:
        stored = prepared.of(need)
        if stored.moves == "none":
            raise ConfigError(
                f"{need.product} in {stored.unit}: its kind may not be moved (moves 'none'), and flips, rotations and shifts would move "
                "it. Set train.augment.flip=0, train.augment.rotate=0 and "
                "train.augment.pad=0."
            )


def deliver(
    values: Tensor,
    need: Need,
    moves: Moves,
    movements: Tensor | None = None,
    swap: Sequence[int] = (),
    mean: Tensor = MEAN,
    std: Tensor = STD,
) -> Tensor:
    """A product as models get it: float32, channels before places, moved by augmentation, pictures normalised.

    Args:
        values: (N, …) as stored. moves, swap: of the product. movements: (N, 2, 3) from `augment.draw`.
        mean, std: (1, 3, 1, 1) of pictures, on the device of the values.
    """
    if moves == "image":
        *outer, height, width, channels = values.shape
        images = torch.empty(*outer, channels, height, width, device=values.device)
        images.copy_(values.movedim(-1, -3))
        if movements is not None:
            flat = images.view(len(images), -1, height, width)
            images = augment.apply(flat, movements).view(images.shape)
        return images.sub_(mean).div_(std) if need.scale == "imagenet" else images
    values = values.float()
    if movements is None or moves == "none":
        return values
    if moves == "flow":
        return augment.apply_to_flow(values, movements)
    assert need.size is not None, f"{need}: points need the size of the face they are on"
    return augment.apply_to_points(values, movements, need.size, swap)


def _check_shapes(batch: Batch, inputs: Mapping[str, Input]) -> None:
    for name, one in inputs.items():
        given = tuple(batch[name].shape[1:])
        if len(given) != len(one.shape) or any(n is not None and n != m for n, m in zip(one.shape, given, strict=True)):
            raise ShapeError(
                f"input {name}: its view of {one.need} gives {given} for each clip, but its shape says {one.shape}. "
                "Correct the model's inputs."
            )
