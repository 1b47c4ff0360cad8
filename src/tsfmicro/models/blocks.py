"""Parts that both streams are made of. Feature maps are (N, H, W, C), so that norms and linears need no permutes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.models.grouped import Groups, autocasts, batch_norm, grouped, in_precision

LAYER_NORM_EPS = 1e-6


def last(images: Tensor) -> Tensor:
    """(N, C, H, W) → (N, H, W, C), a view."""
    return images.permute(0, 2, 3, 1)


def first(features: Tensor) -> Tensor:
    """(N, H, W, C) → (N, C, H, W), a view."""
    return features.permute(0, 3, 1, 2)


def folded(layer: nn.Conv2d | nn.Linear, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Weight and bias that do in one step what the layer and the batch norm after it do when evaluated."""
    mean, variance, bias = norm.running_mean, norm.running_var, layer.bias
    assert mean is not None and variance is not None and bias is not None
    scale = norm.weight * torch.rsqrt(variance + norm.eps)
    return layer.weight * scale.view(-1, *(1,) * (layer.weight.ndim - 1)), norm.bias + (bias - mean) * scale


def attention(q: Tensor, k: Tensor, v: Tensor, fade: Tensor | None = None) -> Tensor:
    """softmax(q·kᵀ/√d + fade)·v. q, k, v (B, heads, T, d), fade (heads, T, T) → (B, heads, T, d)."""
    if q.device.type != "cpu" or not autocasts(q):
        return F.scaled_dot_product_attention(q, k, v, attn_mask=None if fade is None else fade[None])
    # The library's fused one is several times slower in bfloat16. Scaling q is less work than scaling the scores, twice.
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if fade is not None:
        scores += fade.to(scores.dtype)
    return scores.softmax(-1) @ v


class ConvNorm(nn.Module):
    """3×3 convolution and batch norm (Eqs. 3, 4), GELU if asked (Eq. 5). (N, H, W, C) → (N, H/stride, W/stride, D)."""

    def __init__(self, width: int, out_width: int, stride: int = 1, gelu: bool = False) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, out_width, 3, stride, padding=1)
        self.norm = nn.BatchNorm2d(out_width)
        self.gelu = gelu

    def forward(self, groups: Groups) -> Groups:
        if self.training:
            return batch_norm(tuple(last(self.conv(first(x))) for x in groups), self.norm, self.gelu)
        weight, bias = folded(self.conv, self.norm)
        normed = (F.conv2d(first(x), weight, bias, self.conv.stride, padding=1) for x in groups)
        return tuple(last(F.gelu(x) if self.gelu else x) for x in normed)


class ConvStem(nn.Sequential):
    """Four convolutions, the first halves the grid; GELU between them (Eqs. 3–5).

    (N, 3, H, W) → groups of (n, H/2, W/2, C).
    """

    def __init__(self, widths: Sequence[int]) -> None:
        a, b, c, d = widths
        super().__init__(
            ConvNorm(3, a, 2, gelu=True), ConvNorm(a, b, gelu=True), ConvNorm(b, c, gelu=True), ConvNorm(c, d)
        )
        self.width = d

    def forward(self, images: Tensor) -> Groups:
        images = images.contiguous(memory_format=torch.channels_last)
        groups = grouped(last(images), values=images[0, 0].numel() // 4 * self.width)
        for layer in self:
            groups = layer(groups)
        return groups


class DepthwiseConv(nn.Conv2d):
    """Each channel convolved by itself, grid kept; with `skip`, x + conv(x). (N, H, W, C) → the same."""

    def __init__(self, width: int, kernel: int, skip: bool = False) -> None:
        super().__init__(width, width, kernel, padding=kernel // 2, groups=width)
        self.skip = skip

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if self.skip:  # one more at the centre of a kernel is the skip, and saves two passes over the map
            weight = weight + F.pad(weight.new_ones(1, 1, 1, 1), (self.kernel_size[0] // 2,) * 4)
        if self.kernel_size == (5, 5) and x.device.type == "cpu" and torch.is_grad_enabled():
            assert self.bias is not None
            return _Depthwise5.apply(*in_precision(x, weight, self.bias))
        return last(F.conv2d(first(x), weight, self.bias, padding=self.padding, groups=self.groups))


class _Depthwise5(torch.autograd.Function):
    """A 5×5 depthwise convolution whose weight's gradient is put together from four 3×3 ones.

    On CPUs the library has a fast kernel for that gradient at 3×3 only: 54 ms become 8 ms for 4 maps of 112×112×64.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return last(F.conv2d(first(x), weight, bias, padding=2, groups=len(weight)))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        along = _depthwise_backward(gradient, x, weight, (True, False, False))[0]
        # A view of the framed map's room that starts some elements earlier or later is the map shifted by rows and
        # columns, with zeros where it comes from outside.
        width, channels = x.shape[2:]
        slack = (width + 3) * channels
        room, framed = _framed(x, slack)
        _, framed_gradient = _framed(gradient)
        of_weight = torch.empty_like(weight)
        for row, column in itertools.product((-1, 1), repeat=2):
            start = slack + (row * (width + 2) + column) * channels
            shifted = room[start : start + framed.numel()].view_as(framed)
            part = _depthwise_backward(framed_gradient, shifted, weight[..., 1:4, 1:4], (False, True, False))
            of_weight[..., row + 1 : row + 4, column + 1 : column + 4] = part[1]
        return last(along), of_weight, gradient.sum((0, 1, 2))


def _framed(x: Tensor, slack: int = 0) -> tuple[Tensor, Tensor]:
    """The map with an edge of zeros (N, H + 2, W + 2, C), and the flat room it lies in, `slack` zeros before and after."""
    shape = (len(x), x.shape[1] + 2, x.shape[2] + 2, x.shape[3])
    room = x.new_empty(2 * slack + math.prod(shape))
    framed = room[slack : len(room) - slack].view(shape)
    outside = (room[:slack], room[len(room) - slack :])
    for edge in (*outside, framed[:, 0], framed[:, -1], framed[:, :, 0], framed[:, :, -1]):
        edge.zero_()
    framed[:, 1:-1, 1:-1] = x
    return room, framed


def _depthwise_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, wanted: tuple[bool, bool, bool]
) -> Sequence[Tensor]:
    """Gradients of (x, weight, bias), those that are wanted; gradient and x (N, H, W, C)."""
    padding = weight.shape[-1] // 2
    return torch.ops.aten.convolution_backward(
        first(gradient),
        first(x),
        weight,
        [len(weight)],
        [1, 1],
        [padding] * 2,
        [1, 1],
        False,
        [0, 0],
        len(weight),
        wanted,
    )


class StochasticDepth(nn.Module):
    """Adds a branch to its input, in training for a random part of the clips only (Huang et al. 2016).

    Draws from torch's default generator, as dropout does. A kept branch is divided by the chance of keeping it.
    """

    def __init__(self, drop: float) -> None:
        super().__init__()
        self.drop = drop

    def forward(self, x: Tensor, branch: Tensor) -> Tensor:
        if not self.training or self.drop == 0:
            return x + branch
        keep = 1 - self.drop
        kept = torch.empty(len(x), *(1,) * (x.ndim - 1), dtype=x.dtype, device=x.device).bernoulli_(keep)
        return torch.addcmul(x, branch, kept / keep)


class Head(nn.Module):
    """Linear, batch norm, swish at each place; mean over places; linear (Eqs. 10–12). (N, h, w, D) → (N, C) logits."""

    def __init__(self, width: int, inner: int, num_classes: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, inner)
        self.norm = nn.BatchNorm1d(inner)
        self.classify = nn.Linear(inner, num_classes)

    def forward(self, features: Tensor) -> Tensor:
        if self.training:
            places = self.norm(self.project(features).flatten(0, 2))  # (N·h·w, inner)
        else:
            places = F.linear(features, *folded(self.project, self.norm))
        swished = F.silu(places).view(*features.shape[:-1], -1)  # (N, h, w, inner)
        if not autocasts(swished):
            return self.classify(swished.mean((1, 2)))
        with torch.autocast(swished.device.type, enabled=False):  # bfloat16 would round away which class is ahead
            return self.classify(swished.mean((1, 2), dtype=self.classify.weight.dtype))


def initialise(module: nn.Module) -> None:
    """Linears: truncated normal, σ 0.02, zero bias. Norms and convolutions keep the framework's default."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=0.02)
            nn.init.zeros_(part.bias)


class FlattenMap(nn.Module):
    """(N, h, w, D) → (N, D·h·w), channels first, as most released programs flatten their maps."""

    def forward(self, maps: Tensor) -> Tensor:
        return first(maps).flatten(1)


class MeanMap(nn.Module):
    """(N, h, w, D) → (N, D), the mean over places."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((1, 2))


def freeze(module: nn.Module) -> None:
    """Make buffers of all parameters: they are saved with the weights, and no optimiser sees them."""
    for part in module.modules():
        for name, weight in list(part.named_parameters(recurse=False)):
            delattr(part, name)
            part.register_buffer(name, weight.detach())
