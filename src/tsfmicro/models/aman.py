"""AMAN: attention over copies of a frame that are magnified by different factors, then over frames (Wei and others, 2022).

Each copy passes a frozen ResNet-18 up to its third layer; the fourth learns. Held to the authors' program. Their front, trained on
FER+, is not to be had: here it is random unless a ResNet-18 is a run's start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.blocks import MeanMap, freeze
from tsfmicro.models.origin import Origin, renamed
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

WIDTH = 512
SMALLEST = 32  # pixels: the last map's one place
STATISTICS = ("each", "joint")


class BasicBlock(nn.Module):
    """Two convolutions with a skip. (N, C, h, w) → (N, D, h/stride, w/stride)."""

    def __init__(self, width: int, out_width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out_width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_width)
        self.conv2 = nn.Conv2d(out_width, out_width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_width)
        skip = (nn.Conv2d(width, out_width, 1, stride, bias=False), nn.BatchNorm2d(out_width)) if stride > 1 else ()
        self.skip = nn.Sequential(*skip)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.norm1(self.conv1(x)).relu()
        return (self.norm2(self.conv2(inner)) + self.skip(x)).relu()


def layer(width: int, out_width: int) -> nn.Sequential:
    """Two blocks, the first of which halves the map where it widens it."""
    return nn.Sequential(BasicBlock(width, out_width, out_width // width), BasicBlock(out_width, out_width))


class Front(nn.Module):
    """ResNet-18 up to its third layer; it never learns, nor do its norms. (N, 3, H, W) → (N, 256, H/16, W/16)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False), nn.BatchNorm2d(64)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.layer1, self.layer2, self.layer3 = layer(64, 64), layer(64, 128), layer(128, 256)
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                nn.init.kaiming_normal_(part.weight, mode="fan_out")
        freeze(self)

    def train(self, mode: bool = True) -> Front:
        return super().train(False)

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.pool(self.norm1(self.conv1(images)).relu())
            return self.layer3(self.layer2(self.layer1(x)))


class AMAN(Model):
    """Magnified copies of frames, (N, frames, levels, 3, size, size) → (N, classes)."""

    def __init__(self, num_classes: int, size: int, frames: int, levels: int, statistics: str) -> None:
        copies = need("magnified", size, levels=levels, frames=frames)
        super().__init__({"copies": Input(copies, (frames, levels, 3, size, size))}, size)
        self.front = Front()
        self.layer4 = layer(256, WIDTH)
        self.alpha, self.beta = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, 1)
        self.head = nn.Sequential(MeanMap(), nn.Linear(WIDTH, num_classes))
        self.statistics = statistics

    def features(self, **batch: Tensor) -> Tensor:
        frames = batch["copies"].unbind(1)  # one after another: the front's maps of all copies at once are large
        seen = [self.front(frame.flatten(0, 1)).unflatten(0, frame.shape[:2]) for frame in frames]
        return self.attend(torch.stack(seen, 1))

    def attend(self, seen: Tensor) -> Tensor:
        """What the front says of copies, weighted: (N, frames, levels, 256, h, w) → (N, h/2, w/2, 512)."""
        maps = self.last_layer(seen)  # (N, F, L, 512, h, w)
        copies = maps.mean((-2, -1))
        alpha = shares(self.alpha(copies), 2)  # (N, F, L, 1)
        beta = shares(self.beta((alpha * copies).sum(2)), 1)  # (N, F, 1)
        weights = (alpha * beta[:, :, None]).squeeze(-1)
        return torch.einsum("nfl,nflchw->nhwc", weights, maps)

    def last_layer(self, seen: Tensor) -> Tensor:
        """(N, F, L, 256, h, w) → (N, F, L, 512, h/2, w/2)."""
        around = seen.shape[:3]
        one_value = seen.shape[0] == 1 and self.size <= SMALLEST  # which has no variance
        if not self.training or self.statistics == "joint" or one_value:
            return self.layer4(seen.flatten(0, 2)).unflatten(0, around)
        each = [self.layer4(copy) for copy in seen.flatten(1, 2).unbind(1)]
        return torch.stack(each, 1).unflatten(1, around[1:])


def shares(scores: Tensor, dim: int) -> Tensor:
    """Sigmoids as parts of their sum."""
    weights = scores.sigmoid()
    return weights / weights.sum(dim, keepdim=True)


def released(weights: Mapping[str, Tensor], **options: Any) -> dict[str, Tensor]:
    """Names of the released program's weights as ours: what is trained, with or without its front; or a ResNet-18's, as a front."""
    weights = renamed(weights, [(r"^module\.", "")])
    rules = [
        (r"\bbn(\d)\.", r"norm\1."),
        ("downsample", "skip"),
        (r"^(alpha|beta)\.0\.", r"\1."),
        ("^pred_fc", "head.1"),
    ]
    if "pred_fc.weight" in weights:
        return renamed(weights, rules)
    return renamed(weights, [*rules, (r"^(front\.)?", "front.")], ("layer4.", "fc."))


@register(
    "aman",
    size=64,
    origin=Origin(
        2022,
        "A novel micro-expression recognition approach using attention-based magnification-adaptive networks",
        "Wei, Zheng, Zong, Jiang, Lu and Liu",
        "ICASSP 2022",
        source="weimengting/AMAN f4e3143 (no licence): the network, to whose numbers it is held",
        guessed=(
            "the nine factors of magnification: evenly from 2 to 10",
            "which eleven frames: evenly from onset to offset",
            "what they are magnified against: the onset",
            "the front: random, unless a ResNet-18 is read (convert --start); theirs was trained on FER+ and is not to be had",
        ),
        chosen="test-selected: best epoch of each fold",
        notes=(
            "published with images of 224; 64 is the default because 99 copies of a clip pass a ResNet-18",
            "in training each frame and copy has batch statistics of its own, of four clips (statistics=each, as released); "
            "statistics=joint takes all together; tested, both are one",
            "the released front takes batch statistics of nine copies and drifts from clip to clip; here it is evaluated",
            "the published program stores what the front says; here it is computed at each visit",
            "a checkpoint of the released program is what it trained, without its front: convert aman TRAINED RESNET18, two files",
        ),
    ),
    released=released,
)
def aman(num_classes: int, size: int, *, frames: int = 11, levels: int = 9, statistics: str = "each") -> AMAN:
    """AMAN: attention over magnified copies of a frame, and over frames; a frozen ResNet-18 before it.

    Args:
        frames: of a clip, and levels: copies of each, magnified by different factors.
        statistics: of the norms in training, over the clips for "each" frame and copy (released), or "joint".
    """
    check_choice("statistics", statistics, STATISTICS)
    if size < SMALLEST:
        raise ConfigError(f"aman: images of {size} pixels are too small. Give {SMALLEST} or more; it was made for 224.")
    for name, count in (("frames", frames), ("levels", levels)):
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise ConfigError(f"aman: {name} is {count!r}; give a number of 1 or more.")
    return AMAN(num_classes, size, frames, levels, statistics)
