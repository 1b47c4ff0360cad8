"""The spatial stream (where): a two-layer vision transformer on one frame (Eqs. 6–8)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.models import exporting
from tsfmicro.models.base import check_choice
from tsfmicro.models.blocks import LAYER_NORM_EPS, StochasticDepth, attention, last

PATCH = 16  # pixels; one token for each patch of the face
TOKENS = ("thumbnail", "patches")
TIMM = (
    (r"(blocks(?:\.\d+)?)\.norm1\.", r"\1.attention_norm."),
    (r"(blocks(?:\.\d+)?)\.norm2\.", r"\1.mlp_norm."),
    (r"(blocks(?:\.\d+)?)\.attn\.proj\.", r"\1.attention.out."),
    (r"(blocks(?:\.\d+)?)\.attn\.", r"\1.attention."),
    (r"(blocks(?:\.\d+)?)\.mlp\.fc1\.", r"\1.mlp.expand."),
    (r"(blocks(?:\.\d+)?)\.mlp\.fc2\.", r"\1.mlp.shrink."),
)
"""How the layers of a transformer are called elsewhere, for `renamed`: (pattern, our name)."""


class Attention(nn.Module):
    """Multi-head self-attention. (N, T, C) → the same."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1))
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (N, heads, T, d)
        return self.out(attention(q, k, v).transpose(1, 2).flatten(2))


class Mlp(nn.Module):
    """Linear, GELU, linear. (…, C) → the same."""

    def __init__(self, width: int, ratio: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, ratio * width)
        self.shrink = nn.Linear(ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.shrink(F.gelu(self.expand(x)))


class TransformerBlock(nn.Module):
    """Pre-norm attention and MLP, each with a skip that may be all there is (`drop`, in training). (N, T, C) → the same."""

    def __init__(self, width: int, heads: int, ratio: int = 4, drop: float = 0.0) -> None:
        super().__init__()
        self.join = StochasticDepth(drop)
        self.attention_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.attention = Attention(width, heads)
        self.mlp_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.mlp = Mlp(width, ratio)

    def forward(self, x: Tensor) -> Tensor:
        x = self.join(x, self.attention(self.attention_norm(x)))
        return self.join(x, self.mlp(self.mlp_norm(x)))


class SpatialStream(nn.Module):
    """Where things are in the face. (N, 3, H, W) → (N, H/16, W/16, C).

    Args:
        tokens: "thumbnail": the frame is shrunk until a pixel stands for 16×16 (released); "patches": 16×16 pixels
            are a token (published, Eqs. 6, 7).
        antialias: how a thumbnail is shrunk: from all its pixels, or from 2×2 of each 16×16.
        ratio: of the MLPs. drops: stochastic depth, one for each layer.
    """

    def __init__(
        self,
        size: int,
        width: int,
        tokens: str = "thumbnail",
        heads: int = 4,
        antialias: bool = True,
        ratio: int = 4,
        drops: Sequence[float] = (0.0, 0.0),
    ) -> None:
        super().__init__()
        check_choice("tokens", tokens, TOKENS)
        self.grid, self.antialias = size // PATCH, antialias
        edge = 1 if tokens == "thumbnail" else PATCH
        self.embed = nn.Conv2d(3, width, edge, stride=edge)
        self.position = nn.Parameter(torch.empty(1, self.grid**2, width))
        nn.init.trunc_normal_(self.position, std=0.02)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads, ratio, drop) for drop in drops))
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)

    def forward(self, image: Tensor) -> Tensor:
        return self.on_grid(self.norm(self.blocks(self.tokens(image))))

    def tokens(self, image: Tensor) -> Tensor:
        """(N, 3, H, W) → (N, T, C), with their positions (Eq. 8)."""
        if self.embed.stride == (1, 1) and self.antialias and exporting.is_exporting():
            image = exporting.thumbnail(image, self.grid)
        elif self.embed.stride == (1, 1):
            image = F.interpolate(image, size=(self.grid, self.grid), mode="bilinear", antialias=self.antialias)
        return last(self.embed(image)).flatten(1, 2) + self.position

    def on_grid(self, tokens: Tensor) -> Tensor:
        """(N, T, C) → (N, h, w, C)."""
        return tokens.unflatten(1, (self.grid, self.grid))
