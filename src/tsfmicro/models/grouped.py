"""A batch as groups of a few clips. On a CPU a group's maps stay in the cache from one operation to the next; a batch's
do not, and memory is then what a step waits for. Batch norm alone needs all groups at once.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MAP_BYTES = 4 * 2**20  # of a group's map on a CPU; the widest inside a block is three times that

Groups = tuple[Tensor, ...]  # each (n, H, W, C); together the batch


def autocasts(x: Tensor) -> bool:
    """Whether torch.autocast now lowers the precision of what is done with x."""
    return x.device.type in ("cpu", "cuda", "mps") and torch.is_autocast_enabled(x.device.type)


def in_precision(x: Tensor, *others: Tensor) -> tuple[Tensor, ...]:
    """x and the others in the precision that torch.autocast now wants of products: what our own kernels, which it does not know,
    compute in."""
    precision = torch.get_autocast_dtype(x.device.type) if autocasts(x) else x.dtype
    return tuple(tensor.to(precision) for tensor in (x, *others))


def grouped(x: Tensor, values: int | None = None) -> Groups:
    """(N, H, W, C) → groups of a few clips on a CPU, all in one elsewhere; of `values` a clip, if not of its own."""
    # A compiled or exported graph would keep this batch's number of groups.
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return (x,)
    size = torch.get_autocast_dtype("cpu").itemsize if autocasts(x) else x.element_size()
    return x.split(max(1, MAP_BYTES // ((values or x[0].numel()) * size)))


def regrouped(groups: Groups) -> Groups:
    """Groups of as many clips as their size now allows."""
    return groups if len(groups) == 1 else grouped(torch.cat(groups))


def batch_norm(groups: Groups, norm: nn.BatchNorm2d, gelu: bool) -> Groups:
    """Batch norm with the statistics of all groups, which also move the running ones; then GELU if asked."""
    if len(groups) == 1:
        normed = norm(groups[0].movedim(-1, 1)).movedim(1, -1)
        return (F.gelu(normed) if gelu else normed,)
    counts = [group.numel() // group.shape[-1] for group in groups]
    with torch.no_grad():
        # The running ones stay as they are here; without them a bfloat16 map's statistics would be in bfloat16 too.
        running = (norm.running_mean, norm.running_var)
        parts = [torch.batch_norm_update_stats(group.movedim(-1, 1), *running, 0.0) for group in groups]
        share = torch.tensor(counts, dtype=parts[0][0].dtype).unsqueeze(1) / sum(counts)
        means, variances = (torch.stack(part) for part in zip(*parts, strict=True))  # (groups, C)
        mean = (share * means).sum(0)
        variance = (share * (variances + (means - mean) ** 2)).sum(0)
        _move(norm, mean, variance, sum(counts))
    return _BatchNorm.apply(gelu, mean, torch.rsqrt(variance + norm.eps), norm.weight, norm.bias, *groups)


def _move(norm: nn.BatchNorm2d, mean: Tensor, variance: Tensor, count: int) -> None:
    """The running statistics, as torch's own batch norm moves them: the unbiased variance."""
    assert norm.running_mean is not None and norm.running_var is not None and norm.num_batches_tracked is not None
    assert norm.momentum is not None
    norm.num_batches_tracked += 1
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance * count / max(1, count - 1), norm.momentum)


class _BatchNorm(torch.autograd.Function):
    """(x − mean)·spread·weight + bias of each group, then GELU if asked; `mean` and `spread` are of all groups together.

    Stores only what it was given: the normalised map is cheaper to work out again than to fetch.
    """

    @staticmethod
    def forward(
        ctx: Any, gelu: bool, mean: Tensor, spread: Tensor, weight: Tensor, bias: Tensor, *groups: Tensor
    ) -> Groups:
        ctx.gelu = gelu
        ctx.save_for_backward(mean, spread, weight, bias, *groups)
        scale, shift = _line(mean, spread, weight, bias, groups[0])
        normed = (torch.addcmul(shift, x, scale) for x in groups)
        return tuple(F.gelu(y) if gelu else y for y in normed)

    @staticmethod
    def backward(ctx: Any, *outer: Tensor) -> tuple[Tensor | None, ...]:
        mean, spread, weight, bias, *groups = ctx.saved_tensors
        scale, shift = _line(mean, spread, weight, bias, groups[0])
        gradients, of_weight, of_bias = [], torch.zeros_like(mean), torch.zeros_like(mean)
        for x, gradient in zip(groups, outer, strict=True):
            if ctx.gelu:
                gradient = torch.ops.aten.gelu_backward(gradient, torch.addcmul(shift, x, scale))
            gradients.append(gradient)
            _, part_of_weight, part_of_bias = torch.ops.aten.native_batch_norm_backward(
                gradient.movedim(-1, 1),
                x.movedim(-1, 1),
                weight,
                None,
                None,
                mean,
                spread,
                True,
                0.0,
                [False, True, True],
            )
            of_weight += part_of_weight
            of_bias += part_of_bias
        count = sum(x.numel() for x in groups) // len(mean)
        slope = -spread * weight * spread * of_weight / count
        offset = -spread * weight * of_bias / count - slope * mean
        slope, offset = slope.to(scale.dtype), offset.to(scale.dtype)
        along = (torch.addcmul(offset, x, slope).addcmul_(g, scale) for x, g in zip(groups, gradients, strict=True))
        return None, None, None, of_weight, of_bias, *along


def _line(mean: Tensor, spread: Tensor, weight: Tensor, bias: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """Scale and shift (C,) of the normalisation, in a map's precision."""
    scale = spread * weight
    return scale.to(like.dtype), (bias - mean * scale).to(like.dtype)
