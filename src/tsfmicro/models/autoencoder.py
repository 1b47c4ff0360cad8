"""Parts of models that also rebuild an image from what a transformer says of its patches (as He and others, 2022)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tsfmicro.models.blocks import LAYER_NORM_EPS, last
from tsfmicro.models.vit import TIMM, TransformerBlock

NAMES = (
    *TIMM,
    (r"^backbone\.patch_embed\.proj\.", "encoder.embed."),
    (r"^backbone\.cls_token", "encoder.class_token"),
    (r"^(?:backbone\.)?decoder_blocks\.", "decoder.blocks."),
    (r"^(?:backbone\.)?decoder_", "decoder."),
    (r"^backbone\.(blocks|norm)\.", r"encoder.\1."),
)
"""How such parts are called elsewhere, for `renamed`: (pattern, our name)."""
FIXED = ("decoder_pos_embed", "backbone.decoder_pos_embed", "backbone.pos_embed")
"""Tables of positions that released files hold, and that are computed here."""


class Layers(nn.Sequential):
    """Transformer layers, heads and MLP ratio alike. (N, T, C) → the same."""

    def __init__(self, width: int, heads: int, layers: int, ratio: int) -> None:
        super().__init__(*(TransformerBlock(width, heads, ratio) for _ in range(layers)))


class Encoder(nn.Module):
    """An image's patches, with a class token before them. (N, 3, H, W) → (N, 1 + T, C)."""

    position: Tensor

    def __init__(self, size: int, patch: int, width: int, heads: int, layers: int, ratio: int) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, patch, patch)
        self.class_token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.register_buffer("position", sincos(size // patch, width), persistent=False)
        self.blocks = Layers(width, heads, layers, ratio)
        self.norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)

    def forward(self, images: Tensor) -> Tensor:
        patches = last(self.embed(images)).flatten(1, 2)
        tokens = torch.cat([self.class_token.expand(patches.shape[0], -1, -1), patches], 1)
        return self.norm(self.blocks(tokens + self.position))


class Decoder(nn.Module):
    """Patches from what is said of them, with a class token before them or without.

    (N, 1 + T, C) or (N, T, C) → (N, T, patch²·3), in the order row, column, channel.

    Args: twice: the last norm also stands before the positions.
    """

    position: Tensor

    def __init__(
        self, size: int, patch: int, width: int, inner: int, heads: int, layers: int, ratio: int, twice: bool = False
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(width, inner)
        self.register_buffer("position", sincos(size // patch, inner), persistent=False)
        self.blocks = Layers(inner, heads, layers, ratio)
        self.norm = nn.LayerNorm(inner, eps=LAYER_NORM_EPS)
        self.pred = nn.Linear(inner, 3 * patch**2)
        self.twice = twice

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        if self.twice:
            x = self.norm(x)
        x = x + self.position[:, self.position.shape[1] - x.shape[1] :]
        return self.pred(self.norm(self.blocks(x)))[:, x.shape[1] + 1 - self.position.shape[1] :]


def patches_of(images: Tensor, patch: int) -> Tensor:
    """(N, 3, H, W) → (N, T, patch²·3), in the order row, column, channel."""
    cut = images.unflatten(3, (-1, patch)).unflatten(2, (-1, patch))  # (N, 3, h, p, w, p)
    return cut.permute(0, 2, 4, 3, 5, 1).flatten(3).flatten(1, 2)


def sincos(grid: int, width: int) -> Tensor:
    """Fixed positions of a class token, which has zeros, and of grid × grid patches: (1, 1 + grid², width).

    A quarter of the channels each: sine and cosine of the column, sine and cosine of the row.
    """
    rates = 1e-4 ** (torch.arange(width // 4, dtype=torch.float64) / (width // 4))
    angles = torch.arange(grid, dtype=torch.float64)[:, None] * rates
    waves = torch.cat([angles.sin(), angles.cos()], 1)  # (grid, width/2)
    columns, rows = waves.expand(grid, -1, -1), waves[:, None].expand(-1, grid, -1)
    places = torch.cat([columns, rows], -1).flatten(0, 1)
    return torch.cat([torch.zeros_like(places[:1]), places])[None].float()


def xavier(module: nn.Module) -> None:
    """Linears and the convolution over patches: Xavier uniform, zero bias."""
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(part.weight.view(len(part.weight), -1))
            if part.bias is not None:
                nn.init.zeros_(part.bias)
