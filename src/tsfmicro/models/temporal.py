"""The temporal stream (what moves, and how): four stages of retention blocks on a shrinking grid."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tsfmicro.models import exporting
from tsfmicro.models.base import check_choice
from tsfmicro.models.blocks import LAYER_NORM_EPS, ConvNorm, ConvStem, DepthwiseConv, StochasticDepth
from tsfmicro.models.grouped import Groups, regrouped
from tsfmicro.models.retention import RETENTIONS, FeedForward, Places, Retention

STAGES = 4
BLOCKS = (1, 1, 2, 1)
DECAY_RANGES = (4, 4, 6, 6)
SEPARABLE = (True, True, False, False)  # rows, then columns, where the whole grid would be too many tokens


class RetentionBlock(nn.Module):
    """Position by convolution, retention, feed-forward, each with a skip. (N, H, W, C) → the same."""

    def __init__(self, width: int, retention: str, drop: float) -> None:
        super().__init__()
        self.position_conv = DepthwiseConv(width, 3, skip=True)
        self.retention_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.retention = Retention(width, retention)
        self.ffn_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.ffn = FeedForward(width)
        self.add = StochasticDepth(drop)

    def forward(self, x: Tensor, places: Places) -> Tensor:
        if exporting.is_exporting() and not self.training:
            return self._over_tokens(x, places)
        x = self.position_conv(x)
        x = self.add(x, self.retention(self.retention_norm(x), places))
        return self.add(x, self.ffn(self.ffn_norm(x)))

    def _over_tokens(self, x: Tensor, places: Places) -> Tensor:
        """The same when evaluated, in the form that inference runtimes are fast at."""
        grid = places.grid
        tokens = self.position_conv(x).flatten(1, 2)
        tokens = tokens + exporting.retention(self.retention, self.retention_norm(tokens), places)
        tokens = tokens + exporting.feed_forward(self.ffn, self.ffn_norm(tokens), grid)
        return tokens.unflatten(1, grid)


class Stage(nn.Module):
    """Retention blocks on one grid; then, but for the last stage, a convolution that halves it."""

    def __init__(self, blocks: Sequence[RetentionBlock], places: Places, down: ConvNorm | None) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.places = places
        self.down = down

    def forward(self, groups: Groups) -> Groups:
        groups = tuple(self.through_blocks(x) for x in regrouped(groups))
        return groups if self.down is None else self.down(groups)

    def through_blocks(self, x: Tensor) -> Tensor:
        """(n, H, W, C) → the same."""
        for block in self.blocks:
            x = block(x, self.places)
        return x


class TemporalStream(nn.Module):
    """Stem and four retention stages. (N, 3, H, W) movement → (N, H/16, W/16, widths[3]).

    Args:
        size: H = W, a multiple of 16.
        widths: channels of the four stages, each a multiple of 4.
        stem: channels after the four convolutions of the stem; the last one is widths[0].
        retention: "manhattan" (released) or "causal" (Eq. 2 as published).
        drop_path: stochastic depth of the last block; it rises linearly from 0.
    """

    def __init__(
        self,
        size: int,
        widths: Sequence[int],
        stem: Sequence[int],
        retention: str = "manhattan",
        drop_path: float = 0.1,
    ) -> None:
        super().__init__()
        check_choice("retention", retention, RETENTIONS)
        self.stem = ConvStem(stem)
        drops = iter(torch.linspace(0, drop_path, sum(BLOCKS), device="cpu").tolist())
        stages = []
        for i, width in enumerate(widths):
            blocks = [RetentionBlock(width, retention, next(drops)) for _ in range(BLOCKS[i])]
            places = Places(size // 2 ** (i + 1), width, retention, DECAY_RANGES[i], SEPARABLE[i])
            down = ConvNorm(width, widths[i + 1], stride=2) if i + 1 < STAGES else None
            stages.append(Stage(blocks, places, down))
        self.stages = nn.Sequential(*stages)

    def forward(self, movement: Tensor, where: Tensor | None = None) -> Tensor:
        """`where` (N, H/2, W/2, widths[0]) is added to the stem's map."""
        groups = self.stem(movement)
        if where is not None:
            parts = where.split([x.shape[0] for x in groups])
            groups = tuple(x + part for x, part in zip(groups, parts, strict=True))
        return torch.cat(self.stages(groups))
