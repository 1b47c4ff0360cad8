"""What a model asks preparation for, and what preparation has made: the words that both rooms speak.

Preparation makes *products* of a clip: aligned faces, optical flow, a sequence of frames, landmarks. A model states its
*needs*: which product, how large, with which options. Nothing else decides what is computed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from tsfmicro.types import ActionUnits, Pair

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Moves = Literal["image", "flow", "points", "none"]
"""How augmentation moves a product: pictures are resampled, flow is resampled and its vectors turn, points are moved and left
and right change names in a mirror, and what cannot be moved refuses augmentation."""

Scale = Literal["imagenet", "grey"]
"""How pictures reach a model: RGB after ImageNet normalisation, or 0…255 as they are stored."""


@dataclass(frozen=True)
class Need:
    """What a model asks for. Write it with `need(…)`.

    Attributes:
        product: its name, e.g. "flow".
        size: edge of its images, maps or coordinates, pixels; None for what has no size.
        options: the product's own settings, sorted by name; those not named are the product's defaults.
        pair: "annotated" or "widest"; None for the run's choice: train.pair in training, annotated when tested.
        scale: of pictures.
    """

    product: str
    size: int | None = None
    options: tuple[tuple[str, Any], ...] = ()
    pair: Pair | None = None
    scale: Scale = "imagenet"

    @property
    def stored(self) -> Need:
        """The same without what is decided after storing."""
        return replace(self, pair=None, scale="imagenet")

    def __str__(self) -> str:
        """flow 28×28 (method=dis)"""
        size = "" if self.size is None else f" {self.size}×{self.size}"
        options = ", ".join(f"{name}={value}" for name, value in self.options)
        return f"{self.product}{size}" + (f" ({options})" if options else "")


def need(
    product: str, size: int | None = None, *, pair: Pair | None = None, scale: Scale = "imagenet", **options: Any
) -> Need:
    """A need: `need("flow", 28)`, `need("frames", 128, count=8)`."""
    return Need(product, size, tuple(sorted(options.items())), pair, scale)


def whole(delivered: Tensor) -> Tensor:
    """The view that changes nothing."""
    return delivered


@dataclass(frozen=True)
class Input:
    """One argument of a model's `forward`: what it needs, and how it looks at it.

    Attributes:
        need: what preparation must have made.
        shape: of one clip as the model takes it, e.g. (3, 28, 28). None as the first number: a length that differs from clip
            to clip; a batch is padded with zeros, and `<name>_length`, (N,) int64, comes with it.
        view: a pure function of the delivered product, (N, …) float32, to (N, *shape).
    """

    need: Need
    shape: tuple[int | None, ...]
    view: Callable[[Tensor], Tensor] = whole

    @property
    def differs_in_length(self) -> bool:
        return bool(self.shape) and self.shape[0] is None


@dataclass(frozen=True)
class Stored:
    """A product of all clips of a prepared set, memory-mapped.

    Attributes:
        arrays: of each pair (R, …), or under "clip" where the product does not hang on a pair. Pictures are (…, H, W, 3) uint8
            RGB, maps (…, 3, H, W), points (…, P, 2) as x, y in pixels of the crop.
        unit: of its values, e.g. "px"; ready-made flow maps are in "grey".
        moves: how augmentation moves it.
        swap: of points, which point each becomes in a mirror.
        starts: (R + 1,) where each clip's values begin, for products whose length differs from clip to clip: their arrays are
            (sum of lengths, …). None for all others.
    """

    arrays: Mapping[str, np.ndarray] = field(repr=False)
    unit: str
    moves: Moves
    swap: tuple[int, ...] = ()
    starts: np.ndarray | None = field(repr=False, default=None)

    def of(self, pair: Pair) -> np.ndarray:
        """The array for a pair, or the one there is."""
        return self.arrays[pair] if pair in self.arrays else self.arrays["clip"]

    @property
    def rows(self) -> int:
        """R, clips that there is room for."""
        array = next(iter(self.arrays.values()))
        return len(array) if self.starts is None else len(self.starts) - 1

    def clip(self, row: int, pair: Pair = "annotated") -> np.ndarray:
        """What is stored of one clip."""
        if self.starts is None:
            return self.of(pair)[row]
        return self.of(pair)[self.starts[row] : self.starts[row + 1]]


@dataclass(frozen=True)
class TrainingFacts:
    """All that a model may be told before it trains: of the training side alone, so that nothing about a test person can leak.

    Attributes:
        labels: class number of each training clip; where action units are told, a number whose bits they are.
        action_units: of each training clip, as the sheet has them.
        classes: class names in the order of their numbers; empty where they are not known.
    """

    labels: Mapping[str, int]
    action_units: Mapping[str, ActionUnits]
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stage:
    """One part of a model's training. What is None is as the run's settings say.

    Attributes:
        name: a model may ask `self.stage` which it is in.
        epochs: rounds over the training side; steps: batches instead, counted and kept as one epoch.
        optimiser: 'adamw', 'adam', 'sgd' or 'rmsprop'. lr, weight_decay, momentum: its settings.
        schedule: 'exponential', 'step', 'cosine' or 'constant'.
        sampling: 'shuffled', or 'balanced': each class as often as the others.
        only: names with which the parameters that learn begin; empty for all.
    """

    name: str = ""
    epochs: int | None = None
    steps: int | None = None
    optimiser: str | None = None
    lr: float | None = None
    weight_decay: float | None = None
    momentum: float | None = None
    schedule: str | None = None
    sampling: str | None = None
    only: tuple[str, ...] = ()
