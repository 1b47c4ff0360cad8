"""Retention, and the feed-forward that follows it: what a block of the temporal stream is made of.

The retention that the published numbers come from is the two-dimensional one of RMT (Fan et al., CVPR 2024): softmax
attention whose scores fade with the Manhattan distance between two places. The paper's text (Eq. 2) writes the causal,
one-dimensional retention of language models, which is here too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.models.blocks import LAYER_NORM_EPS, DepthwiseConv, attention

HEADS = 2
RETENTIONS = ("manhattan", "causal")


def manhattan_decays(heads: int, span: float) -> Tensor:
    """(heads,) what a step of distance adds to a score: log(1 − 2^(−2 − span·h/heads))."""
    return torch.log(1 - torch.exp2(-2 - span * torch.arange(heads) / heads))


def causal_decays(heads: int) -> Tensor:
    """(heads,) γ of Eq. 2: 1 − 2^(−5 − h)."""
    return 1 - torch.exp2(-5.0 - torch.arange(heads))


def angles(width: int) -> Tensor:
    """(width,) radians per step, each one twice: neighbouring channels turn as a pair. 10,000^(−linspace(0, 1))."""
    return (1 / 10_000 ** torch.linspace(0, 1, width // 2)).repeat_interleave(2)


class Places(nn.Module):
    """What retention needs to know about where tokens are, worked out once for a stage's grid.

    Buffers:
        turn: (H, W, d/2, 2) cosine and sine of the angles by which the place row·W + column is turned.
        fade: manhattan: (heads, T, T), added to the scores; causal: (heads, T, T) factors, zero for later tokens.
            T is the tokens that see each other: a row's (or column's) on a separable grid, else all of them.
    """

    def __init__(self, side: int, width: int, retention: str, span: float, separable: bool) -> None:
        super().__init__()
        self.separable = separable
        with torch.device("cpu"):  # built nowhere (`meta`), torch would load its compiler to work these out
            turn = torch.arange(side * side).view(side, side, 1) * angles(width // HEADS)
            steps = torch.arange(side)
            if retention == "manhattan":
                apart = (steps[:, None] - steps).abs()
                if not separable:
                    apart = (apart[:, None, :, None] + apart[None, :, None, :]).flatten(2).flatten(0, 1)
                fade = manhattan_decays(HEADS, span)[:, None, None] * apart
            else:
                steps = steps if separable else torch.arange(side * side)
                ago = steps[:, None] - steps
                fade = causal_decays(HEADS)[:, None, None] ** ago.clamp(min=0) * (ago >= 0)
            turn = torch.stack((turn.cos(), turn.sin()), dim=-1)[..., ::2, :]
        self.register_buffer("turn", turn.to(torch.get_default_device()), persistent=False)
        self.register_buffer("fade", fade.to(torch.get_default_device()), persistent=False)

    turn: Tensor
    fade: Tensor

    @property
    def grid(self) -> tuple[int, int]:
        """H, W."""
        height, width = self.turn.shape[:2]
        return height, width

    def rotate(self, x: Tensor) -> Tensor:
        """Turn each pair of channels by its place's angle. (N, H, W, K, d) → the same."""
        pairs, turn = x.unflatten(-1, (-1, 2)), self.turn[:, :, None]
        if x.device.type == "mps" or turn.dtype != torch.float32 or torch.compiler.is_compiling():
            return turned(pairs, turn).flatten(-2)
        return turned_by_complex_product(pairs.float(), turn).flatten(-2).to(x.dtype)


def turned(pairs: Tensor, turn: Tensor) -> Tensor:
    """(a, b) → (a·cos − b·sin, b·cos + a·sin). pairs (…, 2), turn (…, 2): cosine and sine."""
    (a, b), (cos, sin) = pairs.unbind(-1), turn.unbind(-1)
    return torch.stack((a * cos - b * sin, b * cos + a * sin), dim=-1)


def turned_by_complex_product(pairs: Tensor, turn: Tensor) -> Tensor:
    """The same in one pass over the map instead of eight. Compilers, exports and bfloat16 know no complex numbers."""
    return torch.view_as_real(torch.view_as_complex(pairs) * torch.view_as_complex(turn))


def causal(q: Tensor, k: Tensor, v: Tensor, fade: Tensor) -> Tensor:
    """(q·kᵀ/√d ⊙ fade)·v (Eq. 2). q, k, v (B, heads, T, d) → the same."""
    return (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5 * fade) @ v


class Retention(nn.Module):
    """Each place gathers from the others, less from far ones, plus a 5×5 local term. (N, H, W, C) → the same."""

    def __init__(self, width: int, retention: str) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.local_conv = DepthwiseConv(width, 5)
        self.out = nn.Linear(width, width)
        self.causal = retention == "causal"

    def forward(self, x: Tensor, places: Places) -> Tensor:
        width = x.shape[-1]
        qk, v = self.qkv(x).split((2 * width, width), dim=-1)
        seen = self.gather(qk.unflatten(-1, (2 * HEADS, -1)), v.unflatten(-1, (HEADS, -1)), places)
        return self.out(seen.flatten(-2) + self.local_conv(v))

    def gather(self, qk: Tensor, v: Tensor, places: Places) -> Tensor:
        """What each place takes from the others. qk (N, H, W, 2·heads, d), v (N, H, W, heads, d) → as v."""
        q, k = places.rotate(qk).chunk(2, dim=-2)
        if places.separable:
            seen = self._along_rows(q, k, v, places.fade)
            q, k, seen = (t.transpose(1, 2) for t in (q, k, seen))
            seen = self._along_rows(q, k, seen, places.fade).transpose(1, 2)
        else:
            seen = self._mix(q.flatten(1, 2), k.flatten(1, 2), v.flatten(1, 2), places.fade).view_as(v)
        if self.causal:  # without it the size grows with the number of tokens before
            seen = F.layer_norm(seen, seen.shape[-1:], eps=LAYER_NORM_EPS)
        return seen

    def _along_rows(self, q: Tensor, k: Tensor, v: Tensor, fade: Tensor) -> Tensor:
        """(N, H, W, heads, d): each row by itself."""
        return self._mix(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), fade).view_as(q)

    def _mix(self, q: Tensor, k: Tensor, v: Tensor, fade: Tensor) -> Tensor:
        """(B, T, heads, d) → the same."""
        mix = causal if self.causal else attention
        return mix(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), fade).transpose(1, 2)


class FeedForward(nn.Module):
    """Linear, GELU, 3×3 depthwise convolution with a skip, linear. (N, H, W, C) → the same."""

    def __init__(self, width: int, ratio: int = 3) -> None:
        super().__init__()
        self.expand = nn.Linear(width, ratio * width)
        self.conv = DepthwiseConv(ratio * width, 3, skip=True)
        self.shrink = nn.Linear(ratio * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.shrink(self.conv(F.gelu(self.expand(x))))
