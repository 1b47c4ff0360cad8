"""Histograms of directions of optical flow: what Bi-WOOF counts in blocks, and MDMO in regions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

BINS = 8  # directions, 45° each
TINY = 1e-12


def bi_woof(flow: Tensor, rows: int, columns: int, weight: str = "mean") -> Tensor:
    """(N, rows · columns · 8) of L2 norm 1: directions weighted by magnitude, blocks by strain (Liong et al. 2018).

    Args: flow: (N, 2, H, W), horizontal first. weight: of a block, the "mean" of its strain as in the paper, or its "sum".
    """
    u, v = flow.unbind(1)
    size = (u.square() + v.square()).sqrt()
    bins = direction(u, v)
    down, across = (parts(n, count).to(flow) for n, count in zip(flow.shape[2:], (rows, columns), strict=True))
    weighted = torch.stack([size * (bins == n) for n in range(BINS)], 1)  # (N, 8, H, W)
    histograms = down @ weighted @ across.T  # (N, 8, rows, columns)
    histograms = histograms / histograms.sum(1, keepdim=True).clamp(min=TINY)
    strained = down @ strain(flow) @ across.T  # (N, rows, columns)
    if weight == "mean":
        strained = strained / (down.sum(1)[:, None] * across.sum(1))
    described = (histograms * strained.unsqueeze(1)).permute(0, 2, 3, 1).flatten(1)
    return described / described.square().sum(1, keepdim=True).sqrt().clamp(min=TINY)


def direction(u: Tensor, v: Tensor) -> Tensor:
    """The eighth of the circle that a vector points to, from −180° on: ⌊(θ + 180°) / 45°⌋, with 180° in the first. int64.

    Told by comparing u and v, so that what lies on an edge is always told alike.
    """
    up = (v > 0) | ((v == 0) & (u >= 0))
    # Turned to the half circle from 0° to 180°; there the four eighths are told by signs and sizes.
    x, y = torch.where(up, u, -u), torch.where(up, v, -v)
    eighth = ((y >= x) & (y > 0)).long() + (x <= 0) * (y > 0) + ((x < 0) & (y <= -x)).long()
    return eighth + 4 * up.long()


def direction_about(u: Tensor, v: Tensor) -> Tensor:
    """The eighth of the circle that a vector points to, each about a multiple of 45°: 0 is from −22.5° to 22.5°. int64."""
    cos, sin = math.cos(math.pi / 8), math.sin(math.pi / 8)
    return (direction(u * cos - v * sin, u * sin + v * cos) + 4) % BINS


def strain(flow: Tensor) -> Tensor:
    """(N, H, W) optical strain magnitude of flow (N, 2, H, W): central differences, one-sided at the border."""
    (u_y, v_y), (u_x, v_x) = (slope(flow, axis).unbind(1) for axis in (2, 3))
    return (u_x.square() + v_y.square() + (u_y + v_x).square() / 2).sqrt()


def slope(maps: Tensor, axis: int) -> Tensor:
    """Difference along an axis for each pixel: central, one-sided at both ends."""
    step = maps.narrow(axis, 1, maps.shape[axis] - 1) - maps.narrow(axis, 0, maps.shape[axis] - 1)
    last = step.shape[axis] - 1
    inner = (step.narrow(axis, 0, last) + step.narrow(axis, 1, last)) / 2
    return torch.cat([step.narrow(axis, 0, 1), inner, step.narrow(axis, last, 1)], axis)


def parts(length: int, count: int) -> Tensor:
    """(count, length) 1 where a pixel is in a part: part i from ⌊i·length/count⌋ on."""
    edges = torch.tensor([i * length // count for i in range(count + 1)])
    places = torch.arange(length)
    return ((places >= edges[:-1, None]) & (places < edges[1:, None])).float()


def main_directions(flows: Tensor, masks: Tensor) -> Tensor:
    """(N, T, R, 2) mean flow of each region over those of its pixels that move in its main direction (Liu et al. 2016).

    The main direction is the fullest of eight about the multiples of 45°, of equals the first; 0 in a region without pixels.

    Args: flows: (N, T, 2, H, W), horizontal first. masks: (N, R, H, W) bool.
    """
    u, v = (part.flatten(2) for part in flows.unbind(2))  # (N, T, pixels)
    bins, where = direction_about(u, v), masks.flatten(2).to(flows).transpose(1, 2)  # (N, pixels, R)
    of_one = torch.stack([torch.ones_like(u), u, v], 1)  # (N, 3, T, pixels)
    summed = [((bins == n).to(flows)[:, None] * of_one).flatten(1, 2) @ where for n in range(BINS)]
    counts, *sums = torch.stack(summed, 3).unflatten(1, (3, -1)).unbind(1)  # (N, T, R, 8) each
    fullest = counts.argmax(3, keepdim=True)
    return torch.cat([(total / counts.clamp(min=1)).gather(3, fullest) for total in sums], 3)


def mdmo(vectors: Tensor, beta: float) -> Tensor:
    """(N, 2R) main directional mean optical flow (Liu et al. 2016): β times the magnitudes, the largest of them 1, then (1 − β)
    times the angles.

    Args: vectors: (N, R, 2) of the regions, averaged over time.
    """
    u, v = vectors.unbind(2)
    size = (u.square() + v.square()).sqrt()
    size = size / size.amax(1, keepdim=True).clamp(min=TINY)
    return torch.cat([beta * size, (1 - beta) * torch.atan2(v, u)], 1)
