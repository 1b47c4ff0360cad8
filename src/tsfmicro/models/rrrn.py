"""RRRN, approximated (Mao, Zhou, Zheng, Shao and Huang, 2022): regions of the face as nodes of a graph.

Known: a backbone looks at each region; attention weighs each region by itself; graph convolutions relate the regions. All sizes
and the regions are guessed (`ORIGIN.guessed`): this is not the published network.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.checks import check_size, number, whole_number, whole_numbers
from tsfmicro.models.inputs import flow, landmarks, motion
from tsfmicro.models.origin import Origin
from tsfmicro.models.regions import cut_out, places
from tsfmicro.models.registry import register
from tsfmicro.needs import Input

NAME = "rrrn-approx"
LOOKS: dict[str, Callable[[int], Input]] = {"flow": flow, "difference": motion}
REGIONS = ("left eye", "right eye", "nose", "left mouth", "right mouth")


class Residual(nn.Module):
    """Two convolutions and a skip, as ResNet-18 has them."""

    def __init__(self, width: int, out_width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, out_width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_width),
            nn.ReLU(),
            nn.Conv2d(out_width, out_width, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_width),
        )
        shrinks = nn.Sequential(nn.Conv2d(width, out_width, 1, stride, bias=False), nn.BatchNorm2d(out_width))
        self.skip: nn.Module = nn.Identity() if stride == 1 and width == out_width else shrinks

    def forward(self, maps: Tensor) -> Tensor:
        return (self.body(maps) + self.skip(maps)).relu()


class RRRN(Model):
    """Flow or difference (N, 3, size, size) and five landmarks → (N, classes)."""

    where: Tensor

    def __init__(
        self, num_classes: int, size: int, look: str, widths: tuple[int, ...], box: float, crop: int, layers: int
    ) -> None:
        super().__init__({"motion": LOOKS[look](size), "points": landmarks(size)}, size)
        self.box, self.crop = box, crop
        first, width = widths[0], widths[-1]
        stem = [nn.Conv2d(3, first, 7, 2, padding=3, bias=False), nn.BatchNorm2d(first), nn.ReLU()]
        blocks = [
            block
            for level, (a, b) in enumerate(zip((first, *widths), widths, strict=False))
            for block in (Residual(a, b, 2 if level else 1), Residual(b, b, 1))
        ]
        self.backbone = nn.Sequential(*stem, nn.MaxPool2d(3, 2, padding=1), *blocks)
        self.attend = nn.Linear(width, 1)
        self.relate = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in range(layers))
        self.classify = nn.Linear(width, num_classes)
        self.register_buffer("where", places(REGIONS), persistent=False)

    def logits(self, **batch: Tensor) -> Tensor:
        motion = batch["motion"]
        whole = F.interpolate(motion, (self.crop, self.crop), mode="bilinear", align_corners=False)
        regions = cut_out(motion, self.where @ batch["points"], self.box, self.crop)
        regions = torch.cat([whole[:, None], regions], 1)  # (N, R, 3, crop, crop)
        nodes = self.backbone(regions.flatten(0, 1)).mean((2, 3)).unflatten(0, regions.shape[:2])
        nodes = nodes * self.attend(nodes).sigmoid()  # (N, R, D)
        for weigh in self.relate:
            edges = (nodes @ nodes.transpose(1, 2) / math.sqrt(nodes.shape[-1])).softmax(-1)
            nodes = weigh(edges @ nodes).relu()
        return self.classify(nodes.sum(1))


ORIGIN = Origin(
    2022,
    "Objective class-based micro-expression recognition under partial occlusion via region-inspired relation reasoning network",
    "Mao, Zhou, Zheng, Shao and Huang",
    "IEEE TAFFC 13(4)",
    fidelity="named",
    guessed=(
        "look: at flow from onset to apex, 224 × 224",
        "widths: ResNet-18 cut after its third layer, so 64, 128, 256, shared by all regions, from new weights",
        "regions: the whole face, both eyes, the nose and both mouth corners; box: 96 of 224 pixels round a landmark",
        "crop: each region is resampled to 96 × 96",
        "attention: a sigmoid of one linear layer weighs each region",
        "layers: 2 graph convolutions; edges are a softmax of scaled products of the nodes, summed nodes are classified",
        "training: Adam 1e-4, 60 epochs, batches of 32",
    ),
    chosen="unknown",
    notes=(
        "no program is public: only the ideas are the paper's",
        "its test with covered faces is not here, and its classes are MEGC2018's five objective ones",
    ),
)


@register(NAME, size=224, origin=ORIGIN)
def rrrn(
    num_classes: int,
    size: int,
    *,
    look: str = "flow",
    widths: tuple[int, ...] = (64, 128, 256),
    box: float = 96 / 224,
    crop: int = 96,
    layers: int = 2,
) -> RRRN:
    """RRRN, approximated: regions round landmarks as nodes of a graph; sizes and regions are guessed.

    Args:
        look: at "flow", or at the "difference" of apex and onset. widths: of the backbone's layers. box: edge of a region, of
            the face's. crop: pixels that a region is resampled to. layers: of the graph.
    """
    check_size(NAME, size, 8, 224)
    check_choice("look", look, LOOKS)
    return RRRN(
        num_classes,
        size,
        look,
        whole_numbers(NAME, "widths", widths, 3),
        number(NAME, "box", box, low=0.01, below=1),
        whole_number(NAME, "crop", crop, low=8),
        whole_number(NAME, "layers", layers),
    )
