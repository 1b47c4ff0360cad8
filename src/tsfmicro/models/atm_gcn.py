"""ATM-GCN, approximated (Zhang, Huang, Zhang and Jin, 2024): differences to the onset as nodes of an adaptive graph over time.

Known: each frame minus the onset goes through continuous-attention blocks; a code says how far the frame is from the onset; the
frames and one global node form a graph whose edges adapt to the features and forget at a rate; self-attention classifies. Every
size is guessed (`ORIGIN.guessed`): this is not the published network, and its scores must not stand under the published name.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.checks import check_size, divides, number, whole_number, whole_numbers
from tsfmicro.models.inputs import frames as frames_of
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.models.vit import Attention

NAME = "atm-gcn-approx"
ENCODINGS = ("sinusoidal", "none")


class ContinuousAttention(nn.Module):
    """A residual block whose output is weighed at each place; the weights are carried on to the next block.

    (N, C, h, w) and, but for the first block, (N, 1, h/stride, w/stride) → (N, D, h/stride, w/stride) and halved weights.
    """

    def __init__(self, width: int, out_width: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, out_width, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(out_width),
            nn.ReLU(),
            nn.Conv2d(out_width, out_width, 1, bias=False),
            nn.BatchNorm2d(out_width),
        )
        same = stride == 1 and width == out_width
        self.skip: nn.Module = (
            nn.Identity()
            if same
            else nn.Sequential(nn.Conv2d(width, out_width, 1, stride, bias=False), nn.BatchNorm2d(out_width))
        )
        self.attend = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False), nn.BatchNorm2d(1))

    def forward(self, maps: Tensor, carried: Tensor | None) -> tuple[Tensor, Tensor]:
        maps = (self.body(maps) + self.skip(maps)).relu()
        seen = torch.cat([maps.mean(1, keepdim=True), maps.amax(1, keepdim=True)], 1)
        weights = self.attend(seen).sigmoid()
        weights = weights if carried is None else weights * carried
        return maps * weights, F.max_pool2d(weights, 3, 2, padding=1)


class MotionEncoder(nn.Module):
    """(N, 3, H, W) difference to the onset → (N, D)."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        first, *_ = widths
        self.stem = nn.Sequential(
            nn.Conv2d(3, first, 3, 2, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
            nn.Conv2d(first, first, 3, padding=1, bias=False),
            nn.BatchNorm2d(first),
            nn.ReLU(),
        )
        steps = zip((first, *widths), widths, (1, 2, 2, 2), strict=False)
        self.blocks = nn.ModuleList(ContinuousAttention(*step) for step in steps)

    def forward(self, motion: Tensor) -> Tensor:
        maps, carried = self.stem(motion), None
        for block in self.blocks:
            maps, carried = block(maps, carried)
        return maps.mean((2, 3))


class TemporalMotion(nn.Module):
    """One layer of the graph. Nodes (N, L + 1, D), the last one global, and the edges of the layer before → both, anew."""

    def __init__(self, width: int, inner: int, forgetting: float) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(width, inner), nn.Linear(width, inner)
        self.weigh = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.forgetting = forgetting

    def forward(self, nodes: Tensor, before: Tensor | None, apart: Tensor) -> tuple[Tensor, Tensor]:
        alike = self.query(nodes) @ self.key(nodes).transpose(1, 2) / math.sqrt(self.query.out_features)
        edges = alike.masked_fill(apart, float("-inf")).softmax(-1)
        if before is not None:
            edges = self.forgetting * before + (1 - self.forgetting) * edges
        return self.norm(edges @ self.weigh(nodes)).relu() + nodes, edges


class ATMGCN(Model):
    """Frames from onset to offset (N, frames + 1, 3, size, size) → (N, classes).

    Attributes: nodes of the graph are the differences to the onset, and their mean as the global one.
    """

    place: Tensor
    apart: Tensor

    def __init__(
        self,
        num_classes: int,
        size: int,
        frames: int,
        widths: tuple[int, ...],
        layers: int,
        neighbours: int,
        inner: int,
        forgetting: float,
        heads: int,
        encoding: str,
    ) -> None:
        super().__init__({"frames": frames_of(size, frames + 1)}, size)
        width = widths[-1]
        self.encode = MotionEncoder(widths)
        self.layers = nn.ModuleList(TemporalMotion(width, inner, forgetting) for _ in range(layers))
        self.attention = Attention(width, heads)
        self.classify = nn.Linear(width, num_classes)
        place = sinusoids(frames, width) if encoding == "sinusoidal" else torch.zeros(frames, width)
        self.register_buffer("place", place, persistent=False)
        self.register_buffer("apart", unlinked(frames, neighbours), persistent=False)

    def logits(self, **batch: Tensor) -> Tensor:
        frames = batch["frames"]
        motion = frames[:, 1:] - frames[:, :1]  # (N, L, 3, H, W)
        encoded = self.encode(motion.flatten(0, 1)).unflatten(0, motion.shape[:2])
        local = encoded + self.place  # (N, L, D)
        nodes, edges = torch.cat([local, local.mean(1, keepdim=True)], 1), None
        for layer in self.layers:
            nodes, edges = layer(nodes, edges, self.apart)
        return self.classify(self.attention(nodes).mean(1))


def sinusoids(count: int, width: int) -> Tensor:
    """(count, width) sines and cosines of how far each frame is from the onset, which is at 0 and not among them, and the last at 1."""
    far = torch.linspace(0, 1, count + 1)[1:, None] * count
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    return torch.stack([(far * rates).sin(), (far * rates).cos()], -1).flatten(1)[:, :width]


def unlinked(frames: int, neighbours: int) -> Tensor:
    """(frames + 1, frames + 1), true where two nodes have no edge: frames that are further apart. The global one has all."""
    place = torch.arange(frames)
    apart = torch.zeros(frames + 1, frames + 1, dtype=torch.bool)
    apart[:frames, :frames] = (place[:, None] - place).abs() > neighbours
    return apart


ORIGIN = Origin(
    2024,
    "Adaptive temporal motion guided graph convolution network for micro-expression recognition",
    "Zhang, Huang, Zhang and Jin",
    "ICME",
    fidelity="named",
    guessed=(
        "frames: 16 differences, evenly from onset to offset, 112 × 112",
        "widths: of the stem and the four continuous-attention blocks 64, 64, 64, 128, 256; global average",
        "encoding: sines and cosines of the distance to the onset, added",
        "the global node begins as the mean of the frames'",
        "layers: 3; h ← ReLU(LN(A h W)) + h",
        "neighbours: a frame has edges to frames at most 2 away, and to the global node",
        "inner: edges are a softmax of scaled products of 64 values",
        "forgetting: 0.5 of the edges of the layer before",
        "heads: 4, in one self-attention layer over the nodes; their mean is classified",
        "training: AdamW 5e-4, weight decay 0.05, 100 epochs, batches of 32",
    ),
    chosen="unknown; treat as test-selected",
    notes=(
        "no program is public and the paper's text was not at hand: only the ideas are the paper's",
        "its published 3-class ACC on CASME II may be UAR",
    ),
)


@register(NAME, size=112, origin=ORIGIN)
def atm_gcn(
    num_classes: int,
    size: int,
    *,
    frames: int = 16,
    widths: tuple[int, ...] = (64, 64, 128, 256),
    layers: int = 3,
    neighbours: int = 2,
    inner: int = 64,
    forgetting: float = 0.5,
    heads: int = 4,
    encoding: str = "sinusoidal",
) -> ATMGCN:
    """ATM-GCN, approximated: differences to the onset as nodes of an adaptive graph; all sizes are guessed.

    Args:
        frames: differences to the onset. widths: of the four blocks. layers: of the graph. neighbours: frames that a frame has
            edges to, each way. inner: values that edges are computed of. forgetting: share of the earlier layer's edges.
        heads: of the classifier's attention. encoding: of time, "sinusoidal" or "none".
    """
    check_size(NAME, size, 8, 112)
    check_choice("encoding", encoding, ENCODINGS)
    widths = whole_numbers(NAME, "widths", widths, 4)
    divides(NAME, whole_number(NAME, "heads", heads), widths[-1])
    return ATMGCN(
        num_classes,
        size,
        whole_number(NAME, "frames", frames),
        widths,
        whole_number(NAME, "layers", layers),
        whole_number(NAME, "neighbours", neighbours, low=0),
        whole_number(NAME, "inner", inner),
        number(NAME, "forgetting", forgetting, below=1),
        heads,
        encoding,
    )
