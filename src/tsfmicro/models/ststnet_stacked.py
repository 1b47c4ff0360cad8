"""Many STSTNets that learn at once from one batch: the same sums as one after the other, in a fraction of the time.

All folds of a leave-one-subject-out run look at nearly the same clips. The 3 × 3 patches of a clip, a matrix of places × 27,
are gathered once for all K models, whose filters stand side by side: their convolutions are one product of matrices, made for
one clip at a time so that the maps (places × 16 K) stay in the processor's cache and are never written to memory. What the
gradient will need of them is summed on the spot:

    the batch norm's statistics enter the gradient only through Σ patch · relu(conv) and Σ patch · [conv > 0],
    max-pooling through the patch at each maximum, whose number is kept.

Batch norm does not change which place of a window is largest, but where its scale is negative: there the smallest is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsfmicro.models.base import Model
from tsfmicro.models.stacked import Stacked

FLOAT32_CLIPS = 16  # so many are summed in float32; all of them in float64, as mean² is taken from the mean of squares
TAPS = 27 + 1  # 3 × 3 × 3 values of a patch, and a 1 that the bias is multiplied with


class StackedSTSTNet(Stacked):
    """K STSTNets."""

    def __init__(self, models: Sequence[Model]) -> None:
        super().__init__(models)
        self.dropout = cast(float, models[0].dropout)
        norm = cast(nn.BatchNorm2d, models[0].norm)
        self.eps, self.momentum = norm.eps, cast(float, norm.momentum)

    def __call__(self, images: Mapping[str, Tensor], mine: Tensor, noise: Tensor | None) -> Tensor:
        assert noise is not None, "the models draw noise"
        flow, weights = images["flow"], self.weights
        sign = torch.where(weights["norm.weight"].detach() < 0, -1.0, 1.0)  # (K, 16)
        maps = in_cache if flow.device.type == "cpu" else in_one_convolution
        factor = 0.25 / (1 - self.dropout)  # of averaging 2 × 2 and of dropout
        pooled, sums, squares = maps(flow, weights["conv.weight"], weights["conv.bias"], sign, mine, noise, factor)
        scale, shift = self._norm(sums, squares, mine.sum(1) * (flow.shape[-1] + 2) ** 2)
        # (scale · pooled + shift · share) · head, without a map of K · 400 numbers for each clip in between
        share = factor * _sum_2x2(noise).flatten(1)  # (N, 400)
        head = weights["head.1.weight"].unflatten(2, (-1, scale.shape[1]))  # (K, C, 25, 16)
        by_scale = (head * scale[:, None, None]).flatten(2).transpose(1, 2)  # (K, 400, C)
        by_shift = (head * shift[:, None, None]).flatten(2).flatten(0, 1).t()  # (400, K·C)
        said = torch.baddbmm(weights["head.1.bias"].unsqueeze(1), pooled, by_scale)  # (K, N, C)
        return said + (share @ by_shift).unflatten(1, (len(mine), -1)).transpose(0, 1)

    def _norm(self, sums: Tensor, squares: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """What batch norm multiplies by and adds, (K, 16) each, from sums over each model's own clips."""
        count = places.clamp(min=1).unsqueeze(1)
        mean = sums / count
        variance = (squares / count - mean**2).clamp(min=0)
        self._remember(mean.detach(), variance.detach(), count)
        scale = self.weights["norm.weight"] * (variance + self.eps).rsqrt()
        return scale.float(), (self.weights["norm.bias"] - mean * scale).float()

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        """The running statistics, as torch keeps them; those of a model without a clip in the batch stay."""
        seen = count > 1
        for name, now in (("mean", mean), ("var", variance * count / (count - 1).clamp(min=1))):
            running = self.buffers[f"norm.running_{name}"]
            running += torch.where(seen, self.momentum * (now - running), 0.0)
        self.buffers["norm.num_batches_tracked"] += seen.squeeze(1)


def in_one_convolution(
    flow: Tensor, weight: Tensor, bias: Tensor, sign: Tensor, mine: Tensor, noise: Tensor, factor: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Convolution, ReLU, max-pooling, dropout and averaging of K models, with the sums for their batch norm.

    Args:
        flow: (N, 3, size, size).
        weight, bias: (K, 16, 3, 3, 3) and (K, 16).
        sign: (K, 16), −1 where the smallest of a window is to be taken.
        mine: (K, N) bool, the clips that count for a model's sums.
        noise: (N, h, w, 16), 0 where dropout drops, else 1.
        factor: what the sums of 2 × 2 pooled values are multiplied by.
    Returns:
        (K, N, h/2 · w/2 · 16) pooled maps; (K, 16) sums and sums of squares of the maps after ReLU, float64 where the device has it.
    """
    maps = F.conv2d(flow, weight.flatten(0, 1), bias.flatten(), padding=2).relu()  # (N, K·16, 30, 30)
    exact = torch.float32 if flow.device.type == "mps" else torch.float64  # Apple's GPUs have nothing finer
    of_clips = mine.t().repeat_interleave(weight.shape[1], 1).to(exact)  # (N, K·16)
    sums, squares = ((power.to(exact).sum((2, 3)) * of_clips).sum(0).view_as(sign) for power in (maps, maps**2))
    turn = sign.view(1, -1, 1, 1)
    top = F.max_pool2d(maps * turn, 3, 3, padding=1) * turn  # (N, K·16, 10, 10)
    top = top.permute(0, 2, 3, 1).unflatten(3, sign.shape)  # (N, 10, 10, K, 16)
    pooled = factor * _sum_2x2(top * noise.unsqueeze(3))  # (N, 5, 5, K, 16)
    return pooled.permute(3, 0, 1, 2, 4).flatten(2), sums, squares


def _sum_2x2(maps: Tensor) -> Tensor:
    """(N, h, w, …) → (N, h/2, w/2, …); an odd last row or column is left out."""
    height, width = (edge // 2 * 2 for edge in maps.shape[1:3])
    rows = maps[:, 0:height:2] + maps[:, 1:height:2]
    return rows[:, :, 0:width:2] + rows[:, :, 1:width:2]


def in_cache(
    flow: Tensor, weight: Tensor, bias: Tensor, sign: Tensor, mine: Tensor, noise: Tensor, factor: float
) -> tuple[Tensor, Tensor, Tensor]:
    """The same as `in_one_convolution`, clip by clip on a CPU; `flow` gets no gradient."""
    filters = torch.cat([weight.permute(3, 4, 2, 0, 1).reshape(TAPS - 1, -1), bias.view(1, -1)])  # (28, K·16)
    return _InCache.apply(filters, patches_of(flow), sign, mine, noise, factor)


def patches_of(flow: Tensor) -> Tensor:
    """The 3 × 3 patches of maps (N, 3, S, S) with two pixels of padding: (N, 1 + (S + 2)², 28), each with a 1 behind it.

    Row 0 is empty, for what has no patch; then the places, row by row. Values: by row, column, channel.
    """
    count, channels, size, _ = flow.shape
    padded = F.pad(flow.permute(0, 2, 3, 1), (0, 0, 2, 2, 2, 2)).contiguous()
    image, row, pixel, _ = padded.stride()
    edge, run = size + 2, 3 * channels
    windows = padded.as_strided((count, edge, edge, 3, run), (image, row, pixel, row, 1))
    patches = flow.new_empty(count, 1 + edge**2, TAPS)
    patches[:, 0] = 0
    patches[:, 1:, -1] = 1
    patches[:, 1:, :-1].unflatten(2, (3, run)).unflatten(1, (edge, edge)).copy_(windows)
    return patches


class _InCache(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, filters: Tensor, patches: Tensor, sign: Tensor, mine: Tensor, noise: Tensor, factor: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        clips, places = len(patches), patches.shape[1] - 1
        edge, half = round(places**0.5), noise.shape[1] // 2
        columns = sign.numel()  # K·16
        turn = sign.flatten() if (sign < 0).any() else None
        turned = filters if turn is None else filters * turn

        maps = filters.new_empty(places, columns)
        image = maps.view(1, edge, edge, columns).permute(0, 3, 1, 2)
        some = filters.new_zeros(2, TAPS, columns)  # of some clips, before they are added to the sums of all
        sums = torch.zeros(2, TAPS, columns, dtype=torch.float64)  # Σ patch · relu(conv) and Σ patch · [conv > 0]
        pooled = filters.new_empty(len(sign), clips, half, half, sign.shape[1])
        # The row of `patches` at each maximum, by (place in the 2 × 2, place in the map, filter).
        largest = torch.empty(clips, 2, 2, half, half, columns, dtype=torch.int16 if places < 2**15 else torch.int32)
        rows, gate = torch.empty(2, 2, 2, half, half, columns, dtype=torch.int32)
        kept = noise[:, : 2 * half, : 2 * half].unsqueeze(3)  # (N, 10, 10, 1, 16)
        strangers = [(~own).nonzero().squeeze(1) for own in mine.t()]
        for n, (table, keep, strange) in enumerate(zip(patches, kept, strangers, strict=True)):
            of_places = table[1:]
            torch.mm(of_places, turned, out=maps)
            top, where = F.max_pool2d(image, 3, 3, padding=1, return_indices=True)
            if turn is not None:
                maps.mul_(turn)
                top = top * turn.view(-1, 1, 1)
            top, where = (t[0, :, : 2 * half, : 2 * half].permute(1, 2, 0) for t in (top, where))  # (10, 10, K·16)
            top = top.relu_().unflatten(2, sign.shape).mul_(keep)
            pairs = top[0::2] + top[1::2]  # (5, 10, K, 16)
            torch.add(pairs[:, 0::2], pairs[:, 1::2], out=pooled[:, n].permute(1, 2, 0, 3))
            # What is dropped or not above zero has no gradient: its row is the empty one.
            for numbers, maximum in ((rows, where), (gate, top.sign_().flatten(2))):
                numbers.copy_(maximum.unflatten(0, (half, 2)).unflatten(2, (half, 2)).permute(1, 3, 0, 2, 4))
            largest[n] = rows.add_(1).mul_(gate)

            if len(strange):  # of a clip that is not a model's own, nothing reaches that model
                maps.unflatten(1, sign.shape)[:, strange] = 0
            some[0].addmm_(of_places.t(), maps.relu_())
            some[1].addmm_(of_places.t(), maps.sign_())
            if (n + 1) % FLOAT32_CLIPS == 0 or n + 1 == clips:
                sums += some
                some.zero_()

        ctx.save_for_backward(patches, largest, sums.float())
        ctx.factor = factor
        squares = (sums[0] * filters).sum(0)  # since relu(conv)² = relu(conv) · patch · filter
        return pooled.mul_(factor).flatten(2), sums[0, -1].view_as(sign), squares.view_as(sign)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        of_pooled, of_sums, of_squares = grads
        patches, largest, (with_relu, where_positive) = ctx.saved_tensors
        columns = largest.shape[-1]
        of_pooled = of_pooled.unflatten(2, (-1, columns // len(of_pooled)))  # (K, N, 25, 16)
        through_windows = patches.new_zeros(columns, TAPS)
        for table, rows, share in zip(patches, largest.flatten(1, 4), of_pooled.permute(1, 0, 3, 2), strict=True):
            weights = torch.cat([share.reshape(columns, -1)] * 4, 1)
            through_windows += F.embedding_bag(
                rows.int().t().contiguous(), table, per_sample_weights=weights, mode="sum"
            )
        of_filters = ctx.factor * through_windows.t()
        of_filters = of_filters + where_positive * of_sums.flatten() + 2 * with_relu * of_squares.flatten()
        return of_filters.float(), None, None, None, None, None
