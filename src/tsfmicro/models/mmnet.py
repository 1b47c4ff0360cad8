"""MMNet: movement through convolutions with attention that is carried on, and where things are (Li, Sui, Zhu and Zhao, 2022).

Apex − onset, four convolutional blocks whose attention maps are multiplied with those before; the onset as a thumbnail, through a
transformer; the sum of both maps, flattened, is classified. Held to the authors' program.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.blocks import FlattenMap, initialise, last
from tsfmicro.models.inputs import motion, onset
from tsfmicro.models.origin import Origin, renamed
from tsfmicro.models.registry import register
from tsfmicro.models.vit import PATCH, TIMM, SpatialStream

WIDTH = 512
FORMS = {"5-class": {"ratio": 4, "drops": (0.0, 0.0)}, "3-class": {"ratio": 2, "drops": (0.0, 0.15, 0.3)}}
RESIZE = ("plain", "antialias")
ATTENTION = ("released", "open")
OPEN = 3.0  # in front of a sigmoid: 0.95


class CarriedAttention(nn.Module):
    """A residual block whose places are weighted, also by the weights of the block before, which had twice the places.

    (N, C, h, w), (N, 1, 2h', 2w') → (N, D, h', w'), (N, 1, h', w')
    """

    def __init__(self, width: int, out_width: int, stride: int, bias: float) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out_width, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(out_width)
        self.conv2 = nn.Conv2d(out_width, out_width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(out_width)
        skip = (nn.Conv2d(width, out_width, 1, stride, bias=False), nn.BatchNorm2d(out_width)) if stride > 1 else ()
        self.skip = nn.Sequential(*skip)
        norm = nn.BatchNorm2d(1)
        nn.init.constant_(norm.bias, bias)
        self.attention = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False), norm, nn.Sigmoid())

    def forward(self, x: Tensor, carried: Tensor | None) -> tuple[Tensor, Tensor]:
        inner = self.norm1(self.conv1(x)).relu()
        x = (self.norm2(self.conv2(inner)) + self.skip(x)).relu()
        weights = self.attention(torch.cat([x.mean(1, keepdim=True), x.amax(1, keepdim=True)], 1))
        if carried is not None:
            weights = weights * F.max_pool2d(carried, 3, 2, padding=1)
        return x * weights, weights


class MotionStream(nn.Module):
    """How the face moves. (N, 3, H, W) → (N, H/16, W/16, 512). bias: with which attention begins."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 180, 3, 2, padding=1, bias=False), nn.BatchNorm2d(180), nn.ReLU())
        self.narrow = nn.Sequential(nn.Conv2d(180, 128, 3, padding=1, bias=False), nn.BatchNorm2d(128), nn.ReLU())
        widths = ((128, 128, 1), (128, 128, 2), (128, 256, 2), (256, WIDTH, 2))
        self.blocks = nn.ModuleList(CarriedAttention(*numbers, bias) for numbers in widths)
        for part in (self.narrow, self.blocks):
            for conv in part.modules():
                if isinstance(conv, nn.Conv2d):
                    nn.init.kaiming_normal_(conv.weight, mode="fan_out")

    def forward(self, moved: Tensor) -> Tensor:
        x, carried = self.narrow(self.stem(moved)), None
        for block in self.blocks:
            x, carried = block(x, carried)
        return last(x)


class MMNet(Model):
    """apex − onset and onset, each (N, 3, size, size) → (N, classes)."""

    def __init__(self, num_classes: int, size: int, form: str, resize: str, attention: str) -> None:
        super().__init__({"motion": motion(size), "onset": onset(size)}, size)
        self.temporal = MotionStream(OPEN if attention == "open" else 0.0)
        self.spatial = SpatialStream(size, WIDTH, antialias=resize == "antialias", **FORMS[form])  # type: ignore[arg-type]
        initialise(self.spatial)
        self.head = nn.Sequential(FlattenMap(), nn.Linear(WIDTH * (size // PATCH) ** 2, num_classes))

    def features(self, **batch: Tensor) -> Tensor:
        how = self.temporal(batch["motion"])  # (N, 14, 14, 512) movement
        where = self.spatial(batch["onset"])  # (N, 14, 14, 512) face layout
        return how + where


NAMES = (
    *TIMM,
    (r"^vit_pos\.pos_embed", "spatial.position"),
    (r"^vit_pos\.patch_embed\.proj", "spatial.embed"),
    (r"^vit_pos\.", "spatial."),
    (r"^conv_act\.", "temporal.stem."),
    (r"^main_branch\.conv1\.", "temporal.narrow.0."),
    (r"^main_branch\.bn1\.", "temporal.narrow.1."),
    (r"^main_branch\.fc\.", "head.1."),
    (r"^main_branch\.layer(\d)\.0\.", lambda found: f"temporal.blocks.{int(found[1]) - 1}."),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.attn\.", ".attention."),
    (r"\.downsample\.", ".skip."),
)
UNUSED = ("timeembed", "pos.", "vit_pos.cls_token", "vit_pos.head.", "vit_pos.to_Mask.", "head.")


def released(weights: Mapping[str, Tensor], **options: Any) -> dict[str, Tensor]:
    """The released program's weights under our names, without those that it never looks at."""
    return renamed(weights, NAMES, UNUSED)


@register(
    "mmnet",
    size=224,
    origin=Origin(
        2022,
        "MMNet: Muscle motion-guided network for micro-expression recognition",
        "Li, Sui, Zhu and Zhao",
        "IJCAI 2022, arXiv 2201.05297",
        source="muse1998/MMNet 7b62fa9 (no licence)",
        chosen="test-selected: ACC from the epoch of each fold with most correct test clips, F1 from another one",
        notes=(
            "the released class holds 9,970,947 weights (5 classes), of which 9,438,841 are used; the others are left out here",
            "the released 3-class script cannot run: it asks for 2 groups on 3 channels; it is read as 1 group, with as many "
            "outputs as classes",
            "the onset's thumbnail is plain bilinear as torchvision of 2022 made it; resize=antialias is what later ones make",
            "in training it draws onset and apex anew from a few frames around the annotated ones; ours is one pair a clip: "
            "annotated, or with train.pair=widest the one of that neighbourhood that differs most",
            "training rotates with the nearest pixel there, and bilinearly here",
            "its attention begins near a half in each of four blocks and is multiplied from one to the next, so that at first the sum "
            "says more of whose face it is than of what moves in it; attention=open begins near one, and a checkpoint says the same in "
            "both",
            "its CASME II faces are the dataset's own crops; those of SAMM and MMEW are unpublished",
        ),
    ),
    released=released,
)
def mmnet(
    num_classes: int, size: int, *, form: str = "5-class", resize: str = "plain", attention: str = "released"
) -> MMNet:
    """MMNet: apex − onset through convolutions with carried attention, and the onset's layout through a transformer.

    Args:
        form: of the transformer, "5-class" (2 layers, MLP ×4) or "3-class" (3 layers, MLP ×2, stochastic depth to .3).
        resize: how the onset is shrunk to a pixel for each 16×16, "plain" (published numbers) or "antialias".
        attention: first weights of it, "released" (each of the four begins near a half, and they are multiplied) or "open" (near one).
    """
    check_choice("form", form, FORMS)
    check_choice("resize", resize, RESIZE)
    check_choice("attention", attention, ATTENTION)
    if size < PATCH or size % PATCH:
        raise ConfigError(f"mmnet: a size of {size} is no multiple of {PATCH} pixels. Give one; it was made for 224.")
    return MMNet(num_classes, size, form, resize, attention)
