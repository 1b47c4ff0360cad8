"""What inference runtimes get to see instead of what torch does; the numbers are the same.

**Retention and feed-forward in the form that they are fast at.**
What suits torch does not suit them. They have no complex numbers and take neighbouring channels apart one by one; so
here queries and keys come with the first partners of all pairs before the second ones, which is only another order of
their weights' rows and changes no product q·k. Maps of four dimensions are turned about between (N, H, W, C) and
(N, C, H, W) at every norm and linear; so here those see tokens (N, H·W, C). And the scale 1/√d is in the keys' weights.
All that concerns weights alone is worked out while exporting.

**Shrinking an image as two products with a matrix.** OpenVINO's resizing leaves the antialiasing out without a word.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from tsfmicro.models.blocks import LAYER_NORM_EPS, DepthwiseConv
from tsfmicro.models.retention import FeedForward, Places, Retention

Grid = tuple[int, int]  # H, W


def is_exporting() -> bool:
    """Whether the model is being recorded as a graph. torch 2.6 knows only that it is compiled or recorded."""
    return getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)()


def feed_forward(ffn: FeedForward, tokens: Tensor, grid: Grid) -> Tensor:
    """What `ffn` does. (N, H·W, C) → the same."""
    return ffn.shrink(_convolved(ffn.conv, F.gelu(ffn.expand(tokens)), grid))


def _convolved(conv: DepthwiseConv, tokens: Tensor, grid: Grid) -> Tensor:
    return conv(tokens.unflatten(1, grid)).flatten(1, 2)


def retention(module: Retention, tokens: Tensor, places: Places) -> Tensor:
    """What `module` does. (N, H·W, C) → the same."""
    height, width, pairs = places.turn.shape[:3]
    channels, d = tokens.shape[-1], 2 * pairs
    weight, bias = module.qkv.weight, module.qkv.bias
    cos, sin = (places.turn[..., part].flatten(0, 1).repeat(1, 2).unsqueeze(1) for part in range(2))  # (H·W, 1, d)

    def turned(part: slice, scale: float) -> Tensor:
        """Queries or keys, each head's (a, b) halves turned to (a·cos − b·sin, b·cos + a·sin)."""
        rows, offsets = (_partners_apart(t[part] * scale, pairs) for t in (weight, bias))
        x = F.linear(tokens, rows, offsets).unflatten(-1, (-1, d))
        quarter = torch.cat((-x[..., pairs:], x[..., :pairs]), dim=-1)
        return (x * cos + quarter * sin).flatten(-2)

    q = turned(slice(0, channels), 1.0)
    k = turned(slice(channels, 2 * channels), d**-0.5)
    v = F.linear(tokens, weight[2 * channels :], bias[2 * channels :])
    local = _convolved(module.local_conv, v, (height, width))

    def mixed(q: Tensor, k: Tensor, v: Tensor, line: int) -> Tensor:
        """Lines of so many tokens, each by itself. (…, C) → (lines, line, C)."""
        q, k, v = (t.reshape(-1, line, channels // d, d).transpose(1, 2) for t in (q, k, v))
        scores = q @ k.transpose(-1, -2)
        shares = scores * places.fade if module.causal else (scores + places.fade).softmax(-1)
        return (shares @ v).transpose(1, 2).flatten(-2)

    def columns(tokens: Tensor, grid: Grid) -> Tensor:
        """Tokens in the order of columns, or back: (…, C) → (N, W, H, C)."""
        return tokens.reshape(-1, *grid, channels).transpose(1, 2)

    if places.separable:
        q, k, v = (columns(t, (height, width)) for t in (q, k, mixed(q, k, v, width)))
        seen = columns(mixed(q, k, v, height), (width, height)).reshape(-1, height * width, channels)
    else:
        seen = mixed(q, k, v, height * width)
    if module.causal:
        seen = F.layer_norm(seen.unflatten(-1, (-1, d)), (d,), eps=LAYER_NORM_EPS).flatten(-2)
    return module.out(seen + local)


def _partners_apart(rows: Tensor, pairs: int) -> Tensor:
    """Rows of each head reordered from a₀ b₀ a₁ b₁ … to a₀ a₁ … b₀ b₁ …"""
    return rows.unflatten(0, (-1, pairs, 2)).transpose(1, 2).flatten(0, 2)


def thumbnail(image: Tensor, edge: int) -> Tensor:
    """Shrink (bilinear, antialiased) as torch does. (N, C, H, H) → (N, C, edge, edge)."""
    size = image.shape[-1]
    step = size / edge
    centres, pixels = (torch.arange(edge) + 0.5) * step, torch.arange(size) + 0.5
    weights = (1 - (centres[:, None] - pixels).abs() / step).clamp(min=0)
    weights = weights / weights.sum(1, keepdim=True)  # (edge, H): triangles, cut off at the image's edge
    return weights @ image @ weights.T
