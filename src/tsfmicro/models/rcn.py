"""RCN: recurrent convolution with parameter-free modules, six variants (Xia, Peng, Khor, Feng and Zhao, 2020).

Few weights, used several times: one convolution is run over its own output two or three times, and the attention over the face is
read from the weights of the classifier, which so learn from both uses. Held to the authors' program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice, check_share
from tsfmicro.models.blocks import FlattenMap, last
from tsfmicro.models.inputs import scaled
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

SMALLEST = 8  # pixels: a smaller map leaves nothing after the last pooling


@dataclass(frozen=True)
class Variant:
    """What the authors' search put together.

    Attributes:
        front: "narrow" (one convolution), "wide" (three side by side) or "dilated" (two, pooled afterwards).
        dense: whether the block adds up all its earlier outputs, instead of input and last output.
        attention: what it weighs: "" nothing, the "front"'s map, the map inside the "block", or the "pooled" one.
        pool: edge of the map that is classified. block: the released program's name of the block that is used.
    """

    front: str
    dense: bool
    attention: str
    pool: int
    block: str


VARIANTS = {
    "A": Variant("narrow", False, "pooled", 7, "rcls.0."),
    "S": Variant("narrow", True, "", 7, "dbl.0."),
    "W": Variant("wide", False, "", 5, "rcls.0."),
    "P": Variant("dilated", True, "pooled", 5, "dbl.0."),
    "C": Variant("wide", True, "front", 5, "dbl.0."),
    "F": Variant("wide", True, "block", 5, "ebl."),
}


class RCN(Model):
    """Flow and strain, each channel of each clip from 0 to 1 (N, 3, size, size) → (N, classes)."""

    def __init__(
        self, num_classes: int, size: int, variant: Variant, width: int, pool: int, third: str, dropout: float
    ) -> None:
        super().__init__({"flow": Input(need("flow", size), (3, size, size), scaled)}, size)
        self.attends = variant.attention
        self.pool = pool
        self.front = front(variant, width, third, dropout)
        self.block = Block(width, variant.dense, dropout)
        self.head = nn.Sequential(FlattenMap(), nn.Linear(width * pool**2, num_classes))
        initialise(self)

    def features(self, **batch: Tensor) -> Tensor:
        flow = batch["flow"].contiguous(memory_format=torch.channels_last)  # pooled much faster on a CPU
        maps = self.front(flow)  # (N, F, h, w)
        where = self.attention(flow if self.attends == "front" else maps) if self.attends else None  # (N, 1, P, P)

        def weighed(place: str, maps: Tensor) -> Tensor:
            if where is None or place != self.attends:
                return maps
            return maps * F.interpolate(where, maps.shape[-2:])

        maps = weighed("front", maps)
        maps = self.block(maps, weighed("block", self.block.f(maps)))
        return last(weighed("pooled", F.adaptive_avg_pool2d(maps, self.pool)))  # (N, P, P, F)

    def attention(self, maps: Tensor) -> Tensor:
        """(N, C, h, w) → (N, 1, P, P) from 0 to 1: where the classifier looks, mean over the classes."""
        weight = self.head.get_parameter("1.weight").unflatten(1, (-1, self.pool, self.pool))  # (classes, F, P, P)
        if self.attends == "front":  # the input has other channels than the classifier
            weight = weight.mean(1, keepdim=True)
        each = (weight * F.adaptive_avg_pool2d(maps, self.pool)[:, None]).mean(2)  # (N, classes, P, P)
        each = each - each.amin((2, 3), keepdim=True)
        return (each / each.amax((2, 3), keepdim=True).clamp(min=1e-12)).mean(1, keepdim=True)


class Block(nn.Module):
    """One convolution, f, then another, r, run over sums of what came before; pooled. (N, F, h, w) → (N, F, h/2, w/2)."""

    def __init__(self, width: int, dense: bool, dropout: float) -> None:
        super().__init__()
        self.dense = dense
        self.f = nn.Sequential(nn.Conv2d(width, width, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.r = nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())
        self.after = nn.Sequential(nn.MaxPool2d(2), nn.Dropout(dropout))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """y: f(x), as it may have been weighed."""
        total = x
        for _ in range(3 if self.dense else 2):
            total = total + y if self.dense else x + y
            y = self.r(total)
        return self.after(y)


class Beside(nn.Module):
    """Branches side by side, in this order; one may run more than once. (N, 3, H, W) → (N, F, h, w)."""

    def __init__(self, branches: Sequence[nn.Module], order: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)
        self.order = tuple(order)

    def forward(self, flow: Tensor) -> Tensor:
        return torch.cat([self.branches[i](flow) for i in self.order], 1)


def front(variant: Variant, width: int, third: str, dropout: float) -> nn.Module:
    drop = nn.Dropout(dropout)
    if variant.front == "narrow":
        return nn.Sequential(nn.Conv2d(3, width, 5), nn.BatchNorm2d(width), nn.MaxPool2d(2), nn.ReLU(), drop)

    def branch(width: int, dilation: int, stride: int, *after: nn.Module) -> nn.Sequential:
        conv = nn.Conv2d(3, width, 3, stride, padding=dilation, dilation=dilation)
        return nn.Sequential(conv, nn.ReLU(), nn.BatchNorm2d(width), *after)

    if variant.front == "dilated":
        after = nn.MaxPool2d(3, 3, padding=1), drop
        return Beside([branch(width // 2, dilation, 1, *after) for dilation in (1, 3)], (0, 1))
    branches = [branch(width // 2, 1, 3, drop), branch(width // 4, 2, 3, drop), branch(width // 4, 3, 3, drop)]
    if runs_second_twice(variant, third):
        return Beside(branches[:2], (0, 1, 1))
    return Beside(branches, (0, 1, 2))


def runs_second_twice(variant: Variant, third: str) -> bool:
    return variant == VARIANTS["F"] and third == "released"


def initialise(model: nn.Module) -> None:
    """Convolutions: Kaiming normal, fan-out; linear: normal, σ 0.01; no bias."""
    for part in model.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=0.01)
        if isinstance(part, nn.Conv2d | nn.Linear) and part.bias is not None:
            nn.init.zeros_(part.bias)


def released(
    weights: Mapping[str, Tensor], *, variant: str = "A", third: str = "released", **options: object
) -> dict[str, Tensor]:
    """The names of the released program's weights as ours, without those that it holds and never uses."""
    block = VARIANTS[variant].block
    ours = {
        "conv1.": "front.",
        "stream1.": "front.branches.0.",
        "stream2.": "front.branches.1.",
        "stream3.": "front.branches.2.",
        **dict.fromkeys((f"{block}ffconv.", f"{block}conv1."), "block.f."),
        **dict.fromkeys((f"{block}rrconv.", f"{block}conv2."), "block.r."),
        "classifier.": "head.1.",
    }
    if runs_second_twice(VARIANTS[variant], third):
        del ours["stream3."]
    return {
        ours[part] + name.removeprefix(part): values
        for name, values in weights.items()
        for part in ours
        if name.startswith(part)
    }


@register(
    "rcn",
    size=60,
    origin=Origin(
        2020,
        "Revealing the invisible with model and data shrinking for composite-database micro-expression recognition",
        "Xia, Peng, Khor, Feng and Zhao",
        "IEEE Transactions on Image Processing 29, arXiv 2006.09674",
        source="xiazhaoqiang/ParameterFreeRCNs-MicroExpressionRec 0c516cb (no licence)",
        chosen="last epoch, honest; how the settings were chosen is not said",
        notes=(
            "its flow tool and the size of its maps are not released: DIS and 60 × 60 are guesses",
            "P and F cannot be built as released, which name a class that is no more; ours are what they would be",
            "the released F runs its second branch twice and never its third: third 'released'; 'published' runs all three",
            "the released S, P, C and F hold convolutions that are never used; ours leave them out",
            "the released attention divides by a maximum that is 0 on a constant map; ours gives 0 there",
            "the released program builds a step schedule and never steps it: the rate is constant",
        ),
    ),
    released=released,
)
def rcn(
    num_classes: int,
    size: int,
    *,
    variant: str = "A",
    width: int = 64,
    pool: int = 0,
    third: str = "released",
    dropout: float = 0.5,
) -> RCN:
    """RCN: recurrent convolution with parameter-free modules, on flow and strain, 60 × 60.

    Args:
        variant: "A" (attention), "S" (short-cuts), "W" (wide), "P", "C" or "F" (combinations that a search found).
        width: number of maps.
        pool: edge of the map that is classified; 0 for 7 (A, S) or 5 (the others).
        third: of F, the third branch: "released" (the second again) or "published" (one of its own).
        dropout: share of values that is dropped in training, after the front and after the block.
    """
    check_choice("rcn: variant", variant, VARIANTS)
    check_choice("rcn: third", third, ("released", "published"))
    check_share("rcn: dropout", dropout)
    if size < SMALLEST:
        raise ConfigError(
            f"rcn: maps of {size} × {size} are too small. Give {SMALLEST} pixels or more; it was made for 60."
        )
    if width < 4 or width % 4:
        raise ConfigError(f"rcn: width is {width}, but the wide variants divide it by 4. Give a multiple of 4.")
    if pool < 0:
        raise ConfigError(f"rcn: pool is {pool}. Give the edge of the map, or 0 for the variant's own.")
    chosen = VARIANTS[variant]
    return RCN(num_classes, size, chosen, width, pool or chosen.pool, third, float(dropout))
