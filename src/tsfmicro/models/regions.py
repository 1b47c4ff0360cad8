"""Boxes round places of the face, cut out so that gradients pass through: what models that look at regions share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

# Places as weights of the detector's five points (eyes, nose, mouth corners, those on the image's left first).
LEFT_EYE, RIGHT_EYE, NOSE, LEFT_MOUTH, RIGHT_MOUTH = torch.eye(5).unbind()
BETWEEN_EYES, MOUTH = (LEFT_EYE + RIGHT_EYE) / 2, (LEFT_MOUTH + RIGHT_MOUTH) / 2
UP = (BETWEEN_EYES - NOSE) / 2  # a shift; its weights add up to 0
PLACES = {
    "left brow": LEFT_EYE + UP,
    "between brows": BETWEEN_EYES + UP,
    "right brow": RIGHT_EYE + UP,
    "left eye": LEFT_EYE,
    "right eye": RIGHT_EYE,
    "nose": NOSE,
    "left cheek": (LEFT_EYE + LEFT_MOUTH) / 2,
    "right cheek": (RIGHT_EYE + RIGHT_MOUTH) / 2,
    "left mouth": LEFT_MOUTH,
    "mouth": MOUTH,
    "right mouth": RIGHT_MOUTH,
    "chin": MOUTH - UP,
}


def places(names: Sequence[str]) -> Tensor:
    """(R, 5) of the places with these names: multiply the five points with it."""
    return torch.stack([PLACES[name] for name in names])


def cut_out(maps: Tensor, centres: Tensor, share: float, edge: int) -> Tensor:
    """Boxes out of maps, bilinear; what lies outside is 0.

    Args:
        maps: (N, C, size, size). centres: (N, R, 2), x and y in pixels of the map.
        share: edge of a box, of the map's. edge: of what is cut out, pixels.
    Returns: (N, R, C, edge, edge).
    """
    size, regions = maps.shape[-1], centres.shape[1]
    line = ((torch.arange(edge, device=maps.device) + 0.5) / edge * 2 - 1) * share  # −share … share
    rows, columns = torch.meshgrid(line, line, indexing="ij")
    offsets = torch.stack([columns, rows], -1).to(maps)  # (edge, edge, 2)
    middle = (centres.to(maps) * 2 + 1) / size - 1
    grid = (middle[:, :, None, None] + offsets).flatten(1, 2)  # (N, R·edge, edge, 2)
    cut = F.grid_sample(maps, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return cut.unflatten(2, (regions, edge)).transpose(1, 2)
