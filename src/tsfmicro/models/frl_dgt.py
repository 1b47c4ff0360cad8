"""FRL-DGT, approximated (Zhai, Zhao, Long, Xu, He and Zhao, 2023): a learned displacement, then transformers on regions.

Known: a convolutional network makes a displacement map of onset and apex, taught by a self-supervised loss beside the classes;
transformers look at it within regions of action units, across them, and on the whole face, each after a linear fusion. All sizes,
the regions and the loss are guessed (`ORIGIN.guessed`): this is not the published network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.models.base import Batch, Model
from tsfmicro.models.checks import check_size, divides, number, whole_number, whole_numbers
from tsfmicro.models.inputs import landmarks
from tsfmicro.models.origin import Origin
from tsfmicro.models.regions import cut_out, places
from tsfmicro.models.registry import register
from tsfmicro.models.vit import TransformerBlock
from tsfmicro.needs import Input, need

NAME = "frl-dgt-approx"
REGIONS = (
    "left brow",
    "between brows",
    "right brow",
    "left cheek",
    "nose",
    "right cheek",
    "left mouth",
    "mouth",
    "right mouth",
)
WHOLE = 7  # tokens of the whole face along each edge


class Displacement(nn.Module):
    """A U-Net. Onset and apex (N, 6, H, W) → (N, 2, H, W), x and y in pixels, at most `reach`."""

    def __init__(self, widths: tuple[int, ...], reach: float) -> None:
        super().__init__()
        self.reach = reach
        self.down = nn.ModuleList(twice(a, b) for a, b in zip((6, *widths), widths, strict=False))
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        self.up = nn.ModuleList(twice(deep + shallow, shallow) for deep, shallow in pairs)
        self.out = nn.Conv2d(widths[0], 2, 3, padding=1)

    def forward(self, pair: Tensor) -> Tensor:
        kept: list[Tensor] = []
        maps = pair
        for level, step in enumerate(self.down):
            maps = step(F.max_pool2d(maps, 2) if level else maps)
            kept.append(maps)
        kept.pop()
        for step in self.up:
            beside = kept.pop()
            larger = F.interpolate(maps, beside.shape[2:], mode="bilinear", align_corners=False)
            maps = step(torch.cat([larger, beside], 1))
        return self.out(maps).tanh() * self.reach


class Fused(nn.Module):
    """Linear fusion of neighbouring tokens before attention. (N, T, C) → (N, C), the mean of what the layers give."""

    def __init__(self, width: int, heads: int, layers: int) -> None:
        super().__init__()
        self.fuse = nn.Linear(width, width)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.norm(self.blocks(self.fuse(tokens))).mean(1)


class FRLDGT(Model):
    """Onset and apex (N, 2, 3, size, size) and five landmarks → (N, classes)."""

    where: Tensor

    def __init__(
        self,
        num_classes: int,
        size: int,
        unet: tuple[int, ...],
        reach: float,
        rebuild: float,
        box: float,
        crop: int,
        width: int,
        heads: int,
        layers: int,
    ) -> None:
        pair = Input(need("faces", size), (2, 3, size, size))
        super().__init__({"pair": pair, "points": landmarks(size)}, size)
        self.rebuild, self.box, self.crop = rebuild, box, crop
        self.displace = Displacement(unet, reach)
        self.look = encoder(2, width)
        self.look_whole = encoder(2, width)
        self.within, self.across, self.whole = (Fused(width, heads, layers) for _ in range(3))
        self.place = nn.Parameter(torch.randn(len(REGIONS), width) * 0.02)
        self.classify = nn.Linear(3 * width, num_classes)
        self.register_buffer("where", places(REGIONS), persistent=False)

    def displacement(self, pair: Tensor) -> Tensor:
        """(N, 2, size, size), pixels: where each pixel of the apex was on the onset, minus where it is."""
        return self.displace(pair.flatten(1, 2))

    def of(self, moved: Tensor, points: Tensor) -> Tensor:
        """(N, classes) of the displacement."""
        cut = cut_out(moved, self.where @ points, self.box, self.crop)  # (N, R, 2, crop, crop)
        maps = self.look(cut.flatten(0, 1)).flatten(2).transpose(1, 2)  # (N·R, tokens, width)
        regions = self.within(maps).unflatten(0, cut.shape[:2])  # (N, R, width)
        small = F.adaptive_avg_pool2d(self.look_whole(moved), WHOLE).flatten(2).transpose(1, 2)
        return self.classify(torch.cat([regions.mean(1), self.across(regions + self.place), self.whole(small)], 1))

    def logits(self, **batch: Tensor) -> Tensor:
        return self.of(self.displacement(batch["pair"]), batch["points"])

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        self.check(batch)
        pair = batch["pair"]
        moved = self.displacement(pair)
        loss = F.cross_entropy(self.of(moved, batch["points"]).float(), target)
        if not self.rebuild:
            return loss
        rebuilt, apex = warp(pair[:, 0].float(), moved.float()), pair[:, 1].float()
        return loss + self.rebuild * (1 - likeness(rebuilt, apex) + (rebuilt - apex).abs().mean())


def twice(width: int, out_width: int) -> nn.Sequential:
    """Two convolutions, each with norm and ReLU, on a map of the same size."""
    parts: list[nn.Module] = []
    for one in (width, out_width):
        parts += [nn.Conv2d(one, out_width, 3, padding=1, bias=False), nn.BatchNorm2d(out_width), nn.ReLU()]
    return nn.Sequential(*parts)


def encoder(width: int, out_width: int) -> nn.Sequential:
    """Three convolutions, each with stride 2, norm and ReLU. (N, C, H, W) → (N, D, H/8, W/8)."""
    parts: list[nn.Module] = []
    for one, other in ((width, out_width // 4), (out_width // 4, out_width // 2), (out_width // 2, out_width)):
        parts += [nn.Conv2d(one, other, 3, 2, padding=1, bias=False), nn.BatchNorm2d(other), nn.ReLU()]
    return nn.Sequential(*parts)


def warp(image: Tensor, moved: Tensor) -> Tensor:
    """An image (N, C, H, W) read at each place plus (x, y) of `moved`, (N, 2, H, W) pixels; bilinear, edges repeated."""
    height, width = image.shape[2:]
    x = torch.arange(width, device=image.device) + moved[:, 0]
    y = torch.arange(height, device=image.device)[:, None] + moved[:, 1]
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], -1)
    return F.grid_sample(image, grid, mode="bilinear", padding_mode="border", align_corners=False)


def likeness(one: Tensor, other: Tensor, window: int = 7) -> Tensor:
    """() mean structural similarity of images whose values spread by about 1, in square windows."""
    a, b = (F.avg_pool2d(x, window, 1) for x in (one, other))
    aa, bb, ab = (F.avg_pool2d(x, window, 1) for x in (one * one, other * other, one * other))
    low, high = 0.01**2, 0.03**2
    spread = (2 * (ab - a * b) + high) / (aa - a * a + bb - b * b + high).clamp(min=high / 2)
    return ((2 * a * b + low) / (a * a + b * b + low) * spread).mean()


ORIGIN = Origin(
    2023,
    "Feature representation learning with adaptive displacement generation and transformer fusion for micro-expression "
    "recognition",
    "Zhai, Zhao, Long, Xu, He and Zhao",
    "CVPR",
    fidelity="named",
    guessed=(
        "unet: the displacement network is a U-Net of widths 32, 64, 128, 256 on 112 × 112",
        "reach: 8 pixels, the longest displacement",
        "rebuild: 0.1 of (1 − SSIM + L1) between the apex and the onset moved by the displacement, as the self-supervised loss",
        "nine regions round points made of the detector's five, instead of 68 landmarks; box: a quarter of the face",
        "crop: regions are 28 × 28, through three convolutions with stride 2 that they share",
        "width: 128 values of a token",
        "heads: 4",
        "layers: 1 in each of the three transformers; 16 tokens within a region, 9 across, 49 on the whole face",
        "the linear fusion before attention is a linear layer on each token",
        "training: AdamW 1e-4, weight decay 0.05, 100 epochs, batches of 32",
    ),
    chosen="unknown; treat as test-selected",
    notes=("no program is public and the paper's text was not at hand: only the ideas are the paper's",),
)


@register(NAME, size=112, origin=ORIGIN)
def frl_dgt(
    num_classes: int,
    size: int,
    *,
    unet: tuple[int, ...] = (32, 64, 128, 256),
    reach: float = 8.0,
    rebuild: float = 0.1,
    box: float = 0.25,
    crop: int = 28,
    width: int = 128,
    heads: int = 4,
    layers: int = 1,
) -> FRLDGT:
    """FRL-DGT, approximated: a learned displacement, then transformers on regions and the face; all sizes are guessed.

    Args:
        unet: its four widths. reach: longest displacement, pixels. rebuild: weight of the loss that rebuilds the apex.
        box: edge of a region, of the face's. crop: pixels that a region is resampled to. width, heads, layers: of each transformer.
    """
    check_size(NAME, size, 16, 112)
    divides(NAME, whole_number(NAME, "heads", heads), whole_number(NAME, "width", width, low=4))
    return FRLDGT(
        num_classes,
        size,
        whole_numbers(NAME, "unet", unet, 4),
        number(NAME, "reach", reach, low=0.1),
        number(NAME, "rebuild", rebuild),
        number(NAME, "box", box, low=0.01, below=1),
        whole_number(NAME, "crop", crop, low=8),
        width,
        heads,
        whole_number(NAME, "layers", layers),
    )
