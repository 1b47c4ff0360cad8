"""Flip, rotation and crop of a whole batch: one draw for the onset and the apex of a pair, one resampling for all three."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from tsfmicro.config import AugmentConfig

MIRROR = torch.tensor([[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
"""The movement, as `draw` gives them, that exchanges left and right and changes nothing else."""


def draw(count: int, size: int, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    """A random movement for each pair.

    The crop is what padding by `pad` black pixels and cutting out size × size again gives: a shift by whole pixels.

    Args: count: N pairs; size: edge of the images, pixels; generator: on the CPU, so that a seed means one thing everywhere.
    Returns: (N, 2, 3) maps from output to input coordinates, in units of half an image, as `affine_grid` takes them.
    """
    flip = 1 - 2 * (torch.rand(count, generator=generator) < config.flip).float()
    angle = (2 * torch.rand(count, generator=generator) - 1) * math.radians(config.rotate)
    shift = torch.randint(-config.pad, config.pad + 1, (count, 2), generator=generator) * (2 / size)
    cos, sin = angle.cos(), angle.sin()
    rotation = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)  # (N, 2, 2)
    # Read from the output back to the input: undo the crop, then the rotation, then the flip.
    moved = (rotation @ shift[..., None]).squeeze(-1)
    theta = torch.cat([rotation, moved[..., None]], -1)  # (N, 2, 3)
    theta[:, 0] *= flip[:, None]
    return theta


def draw_epoch(
    count: int,
    batch_size: int,
    config: AugmentConfig,
    size: int,
    generator: torch.Generator,
    order: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """What is random in an epoch of `count` pairs, all at once: in which order they come, and each one's movement.

    Args: order: (count,) a given order instead of a drawn one.
    Returns: (count,) order; (count, 2, 3) movements in that order. On the CPU.
    """
    if order is None:
        order = torch.randperm(count, generator=generator)
    # Batch by batch, since `draw` takes all flips before all angles: a seed goes on meaning what it always meant.
    return order, torch.cat([draw(len(part), size, config, generator) for part in order.split(batch_size)])


def apply(images: Tensor, theta: Tensor) -> Tensor:
    """Move images; what comes from outside is black.

    Args: images: (N, K, H, W) any scale, before normalisation, so that 0 is black; theta: (N, 2, 3).
    Returns: (N, K, H, W), bilinear.
    """
    return grid_sample(
        images, _grid(theta, *images.shape[2:]), mode="bilinear", padding_mode="zeros", align_corners=False
    )


def _grid(theta: Tensor, height: int, width: int) -> Tensor:
    """Where each output pixel is read, as `affine_grid` says it, without its matrix product: a quarter of the time.

    Returns: (N, H, W, 2).
    """
    x = (torch.arange(width, device=theta.device) * 2 + 1) / width - 1
    y = (torch.arange(height, device=theta.device) * 2 + 1) / height - 1
    grid = torch.empty(len(theta), height, width, 2, device=theta.device)
    for axis in range(2):
        along_x = theta[:, axis, 0, None] * x  # (N, W)
        along_y = theta[:, axis, 1, None] * y + theta[:, axis, 2, None]  # (N, H)
        torch.add(along_x[:, None, :], along_y[:, :, None], out=grid[..., axis])
    return grid


def apply_to_flow(flow: Tensor, theta: Tensor) -> Tensor:
    """Move flow maps, and turn their vectors with them: a flipped face moves to the other side.

    Args: flow: (N, …, C, H, W): horizontal, vertical, then maps of numbers such as strain; theta: (N, 2, 3), from `draw`.
    Returns: the same shape.
    """
    moved = apply(flow.reshape(len(flow), -1, *flow.shape[-2:]), theta).view(flow.shape)
    forward = theta[:, :, :2].transpose(1, 2)  # the linear part is orthogonal: its inverse is its transpose
    vectors = torch.einsum("nij,n...jhw->n...ihw", forward, moved[..., :2, :, :])
    return torch.cat([vectors, moved[..., 2:, :, :]], -3)


def apply_to_points(points: Tensor, theta: Tensor, size: int, swap: Sequence[int] = ()) -> Tensor:
    """Move points with their image; in a mirror left and right change their names.

    Args:
        points: (N, …, P, 2) x and y in pixels of an image of `size`; theta: (N, 2, 3), from `draw`.
        swap: which point each becomes in a mirror; none if they have no sides.
    Returns: (N, …, P, 2).
    """
    around = (len(points), *(1,) * (points.ndim - 2))
    linear, shift = theta[:, :, :2], theta[:, :, 2]
    places = (points * 2 + 1) / size - 1  # as `affine_grid` counts: −1 and 1 are the image's edges
    # theta leads from the output back to the input, and its linear part is orthogonal.
    moved = (places - shift.view(*around, 2)).unsqueeze(-2) @ linear.view(*around, 2, 2)
    moved = ((moved.squeeze(-2) + 1) * size - 1) / 2
    if not swap:
        return moved
    mirrored = (torch.linalg.det(linear.float()) < 0).view(*around, 1)
    return torch.where(mirrored, moved[..., list(swap), :], moved)
