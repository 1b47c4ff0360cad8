"""LP-GCN: eight regions of the face as points in space with their movement, joined by a graph (Zhang and others, 2025).

A point is described by itself alone; a region is the largest of what its points say; a learned graph joins the eight. It wants depth,
which of the datasets CAS(ME)³ has. Held to the authors' program.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Batch, Model
from tsfmicro.models.blocks import freeze
from tsfmicro.models.exporting import is_exporting
from tsfmicro.models.origin import Origin, renamed
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

REGIONS, EACH = 8, 1024
WIDTH, INNER = 1024, 512
STRONG, STRONGEST = 512, 128  # points of a region that are looked at, and of those the ones that go on
LEAST_KEPT, SCALE, SHIFT = 0.125, (0.8, 1.25), 0.1  # of augmentation


class PointMLP(nn.Sequential):
    """Each point by itself. (N, C, 8, P) → (N, D, 8, P)."""

    def __init__(self, *widths: int) -> None:
        layers = ((nn.Conv2d(a, b, 1), nn.BatchNorm2d(b), nn.ReLU()) for a, b in pairwise(widths))
        super().__init__(*(part for layer in layers for part in layer))


class GraphLayer(nn.Module):
    """Each node a mixture of all, by a learned matrix. (N, 8, C) → (N, 8, D)."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(width, out_width))
        self.edges = nn.Parameter(0.01 + 0.99 * torch.eye(REGIONS)[None])
        self.bias = nn.Parameter(torch.empty(out_width).uniform_(-(out_width**-0.5), out_width**-0.5))
        nn.init.xavier_normal_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return self.edges @ (x @ self.weight) + self.bias


class ClipNorm(nn.BatchNorm1d):
    """Batch norm over clips; one clip alone has no variance, and is normed by what was seen before. (N, C) → the same."""

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.shape[0] == 1:
            return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(x)


class GraphStep(nn.Module):
    """A graph layer, a norm over clips for each value of each node, tanh, dropout."""

    def __init__(self, width: int, out_width: int, dropout: float) -> None:
        super().__init__()
        self.layer, self.norm = GraphLayer(width, out_width), ClipNorm(REGIONS * out_width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x)
        return self.dropout(self.norm(y.flatten(1)).view_as(y).tanh())


class Graph(nn.Module):
    """(N, 8, 1024) → the same."""

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.narrow = GraphStep(WIDTH, INNER, dropout)
        self.blocks = nn.ModuleList(
            nn.Sequential(GraphStep(INNER, INNER, dropout), GraphStep(INNER, INNER, dropout)) for _ in range(2)
        )
        self.widen = GraphLayer(INNER, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrow(x)
        for block in self.blocks:
            y = y + block(y)
        return x + self.widen(y)


class LPGCN(Model):
    """Points with their movement (N, 6, 8192) → (N, classes)."""

    def __init__(self, num_classes: int, size: int, frozen_encoder: bool, augment: bool) -> None:
        super().__init__({"points": Input(need("points"), (6, REGIONS * EACH))}, size)
        self.encode = nn.ModuleList([PointMLP(6, 64, 64, 128), PointMLP(3 + 128, 128, 128, 256)])
        self.describe = PointMLP(3 + 256, 256, 512, WIDTH)
        self.graph = Graph(0.2)
        self.classify = nn.Sequential(
            *(nn.Linear(WIDTH, INNER), ClipNorm(INNER), nn.ReLU(), nn.Dropout(0.4), nn.Linear(INNER, num_classes))
        )
        self.learns, self.augment = not frozen_encoder, augment
        if frozen_encoder:
            freeze(self.encode)

    def logits(self, **batch: Tensor) -> Tensor:
        return self.classify(self.graph(self.regions(batch["points"]).transpose(1, 2)).mean(1))

    def regions(self, points: Tensor) -> Tensor:
        """What is seen in each region: (N, 1024, 8)."""
        points = strongest(points.unflatten(2, (REGIONS, EACH)))  # (N, 6, 8, 512)
        near = points[:, :3, :, :STRONGEST]
        first, second = self.encode
        with torch.set_grad_enabled(self.learns and torch.is_grad_enabled()):
            seen = first(points)[..., :STRONGEST]  # (N, 128, 8, 128)
            seen = second(torch.cat([near, seen], 1))
        return self.describe(torch.cat([near, seen], 1)).amax(-1)

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        if self.training and self.augment:
            batch = {"points": augmented(batch["points"])}
        return super().loss(batch, target)


def strongest(points: Tensor) -> Tensor:
    """Of each region the points that move most, from the largest movement on; of equal ones the first. (N, 6, 8, P)."""
    movement = points[:, 3:].square().sum(1)  # (N, 8, P)
    if (
        is_exporting()
    ):  # a graph has no stable sort, but its TopK takes the first of equal values, which torch's need not
        order = movement.topk(STRONG).indices
    else:
        order = movement.sort(dim=-1, descending=True, stable=True).indices[..., :STRONG]
    return points.gather(3, order[:, None].expand(-1, 6, -1, -1))


def augmented(points: Tensor) -> Tensor:
    """Of each clip up to 87.5 % of the points replaced by the first, then all places made larger or smaller, and shifted.

    (N, 6, P) → the same; draws from torch's default generator, as dropout does.
    """
    clips, _, count = points.shape
    at = points.device
    dropped = torch.rand(clips, 1, count, device=at) <= (1 - LEAST_KEPT) * torch.rand(clips, 1, 1, device=at)
    points = torch.where(dropped, points[:, :, :1], points)
    low, high = SCALE
    scale = low + (high - low) * torch.rand(clips, 1, 1, device=at)
    shift = SHIFT * (2 * torch.rand(clips, 3, 1, device=at) - 1)
    return torch.cat([points[:, :3] * scale + shift, points[:, 3:]], 1)


RULES = [
    *((rf"^t2f{n + 1}\.", f"{part}.") for n, part in enumerate(("encode.0", "encode.1", "describe"))),
    (r"mlp_convs\.(\d)", lambda found: str(3 * int(found[1]))),
    (r"mlp_bns\.(\d)", lambda found: str(3 * int(found[1]) + 1)),
    *((rf"^{theirs}\.", f"classify.{n}.") for theirs, n in (("fc1", 0), ("bn1", 1), ("fc3", 4))),
    (r"^GCN\.gc7\.", "graph.widen."),
    (r"^GCN\.gcbs\.", "graph.blocks."),
    (r"^GCN\.", "graph.narrow."),
    (r"(blocks\.\d)\.(gc|bn)(\d)", lambda found: f"{found[1]}.{int(found[3]) - 1}.{found[2]}1"),
    (r"\.gc1\.", ".layer."),
    (r"(graph\..*)\.bn1\.", r"\1.norm."),
    (r"\.att$", ".edges"),
]
USED = ("t2f1.", "t2f2.", "t2f3.", "fc1.", "bn1.", "fc3.", "GCN.gc1.", "GCN.bn1.", "GCN.gcbs.", "GCN.gc7.")


def released(weights: Mapping[str, Tensor], **options: Any) -> dict[str, Tensor]:
    """The names of the released program's weights as ours, without the four fifths that it holds and never uses."""
    return renamed({name: values for name, values in weights.items() if name.startswith(USED)}, RULES)


@register(
    "lp-gcn",
    size=224,
    origin=Origin(
        2025,
        "Facial 3D regional structural motion representation using lightweight point cloud networks for micro-expression"
        " recognition",
        "Zhang, Yin, Qi, Dang, Wang, Zhang and Liu",
        "IEEE Transactions on Affective Computing",
        source="Zhang-ren/Facial-3D-MER 02591e8 (MIT says its README; no licence file)",
        chosen="test-selected: epoch of the best test macro-F1; people are on both sides",
        notes=(
            "it needs depth beside the frames, as CAS(ME)³ has it, and is refused where there is none",
            "the first two point networks (80,896 parameters) are never trained, for the released program cuts their gradient:"
            " frozen_encoder=True (released); False is surely what was meant, and all learn, 3,479,431 at 7 classes",
            "the released class holds 14,601,735 more parameters, which its forward pass never uses: left out",
            "its points: flow is DIS, theirs Liu's coarse-to-fine; many limits of single values are one, see prepare/cloud.py",
            "which of the 68 points bound cheeks, mouth corners and chin is ours; the onset's serve both frames, where theirs"
            " turn each by its own",
            "points of equal movement are taken in their order; there it hangs on the sort",
            "a clip with a region of fewer than 1,024 points is skipped, and told",
            "released: trained on 80 % of the macro clips and a random 30 % of the micro clips, tested on the other micro clips, people"
            " on both sides; here people are left out",
            "published UAR is the mean accuracy of its batches",
            "points cannot be flipped or turned by train.augment: set it to 0. Its own augmentation is augment=True",
        ),
    ),
    released=released,
)
def lp_gcn(num_classes: int, size: int, *, frozen_encoder: bool = True, augment: bool = True) -> LPGCN:
    """LP-GCN: eight regions of the face as points in space with their movement, joined by a graph; needs depth.

    Args:
        frozen_encoder: whether the first two point networks stay as they were drawn (released) or learn (published).
        augment: whether training drops points, scales and shifts.
    """
    for option, value in (("frozen_encoder", frozen_encoder), ("augment", augment)):
        if not isinstance(value, bool):
            raise ConfigError(f"lp-gcn: {option} is {value!r}; give true or false.")
    return LPGCN(num_classes, size, frozen_encoder, augment)
