"""Histograms of local binary patterns on a clip's three planes, what LBP-TOP and LBP-SIP count, and of its projections.

A clip is (N, T, H, W) grey, rows downwards. Codes are compared exactly: grey values are whole numbers, and what lies between
pixels is worked out in float64, where a tie is told from the smallest difference that can be.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

NEIGHBOURS = 8
BINS = 59  # of uniform patterns: 58, and one for all others
LINE = 9  # values of a line that make a pattern: a centre and four on each side
TIE = 1e-6  # of grey: what a tie between interpolated grey values may seem to differ by
GREY = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Radii:
    """Distances of the neighbours, pixels and frames."""

    x: int = 1
    y: int = 1
    t: int = 1

    @property
    def border(self) -> int:
        """Pixels at each side that are no centre."""
        return max(self.x, self.y)


@dataclass(frozen=True)
class Grid:
    """Rows × columns × stretches of time in which patterns are counted.

    Attributes: cut: the clip's centres are divided, or the clip itself, so that each block loses its own border.
    """

    rows: int
    columns: int
    times: int = 1
    cut: str = "centres"

    @property
    def blocks(self) -> int:
        return self.rows * self.columns * self.times


def grey(frames: Tensor) -> Tensor:
    """(N, T, 3, H, W) RGB 0…255 → (N, T, H, W) grey in whole numbers."""
    red, green, blue = frames.unbind(2)
    return (GREY[0] * red + GREY[1] * green + GREY[2] * blue).round()


def lbp_top(clips: Tensor, radii: Radii, grid: Grid, sampling: str = "nearest") -> Tensor:
    """(N, blocks · 177) for each block (row, column, time) the histograms of the XY, XT and YT planes, each of sum 1
    (Zhao and Pietikäinen 2007).

    Args: clips: (N, T, H, W) grey. sampling: "nearest" pixel, or "bilinear" between the four around.
    """
    uniform = _uniform().to(clips.device)
    planes = [uniform[_codes(clips, offsets, radii, sampling)] for offsets in _circles(radii)]
    return _counted(planes, (BINS, BINS, BINS), clips.shape[1:], radii, grid, clips.dtype)


def lbp_top_of_regions(clips: Tensor, masks: Tensor, radii: Radii, sampling: str = "nearest") -> Tensor:
    """(N, R · 177) as `lbp_top`, in regions of any shape; 0 in one without centres.

    Args: clips: (N, T, H, W), of any unit. masks: (N, R, H, W) bool. sampling: "nearest" pixel, or "bilinear".
    """
    uniform = _uniform().to(clips.device)
    where = _moved(masks, (0, 0, 0), Radii(radii.x, radii.y, 0)).flatten(2).to(clips.dtype)  # (N, R, centres)
    histograms = []
    for offsets in _circles(radii):
        bins = uniform[_codes(clips, offsets, radii, sampling)].flatten(2).transpose(1, 2)  # (N, centres, t)
        room = torch.zeros(*bins.shape[:2], BINS, dtype=clips.dtype, device=clips.device)
        counted = where @ room.scatter_add(2, bins, torch.ones_like(bins, dtype=clips.dtype))
        histograms.append(counted / counted.sum(-1, keepdim=True).clamp(min=1))
    return torch.cat(histograms, -1).flatten(1)


def lbp_sip(clips: Tensor, radii: Radii, grid: Grid) -> Tensor:
    """(N, blocks · 20) for each block the histogram of the four neighbours in space, 16, and of the two in time, 4
    (Wang et al. 2014). clips: (N, T, H, W) grey."""
    space = [(0, 0, radii.x), (0, -radii.y, 0), (0, 0, -radii.x), (0, radii.y, 0)]
    time = [(radii.t, 0, 0), (-radii.t, 0, 0)]
    codes = [_codes(clips, offsets, radii, "nearest") for offsets in (space, time)]
    return _counted(codes, (16, 4), clips.shape[1:], radii, grid, clips.dtype)


def lbp_of_images(images: Tensor, sampling: str = "nearest") -> Tensor:
    """(N, 59) the histogram of uniform patterns of radius 1, of sum 1. images: (N, H, W), of any size in which there is a centre."""
    flat = Radii(1, 1, 0)
    bins = _uniform().to(images.device)[_codes(images.unsqueeze(1), _circles(flat)[0], flat, sampling)]
    return _histogram(bins.flatten(1), BINS, images.dtype)


def lbp_of_lines(lines: Tensor) -> Tensor:
    """(N, T, 256) the histogram of each line's patterns, of sum 1 (Huang et al. 2015): four neighbours before a centre, then four
    after it, each 1 where it is at least as large, the first the highest bit. lines: (N, T, L), L of 9 or more."""
    codes = torch.zeros_like(lines[..., LINE - 1 :], dtype=torch.int64)
    length, reach = codes.shape[-1], LINE // 2
    centre = lines.narrow(-1, reach, length)
    for step in (*range(reach), *range(reach + 1, LINE)):
        codes = 2 * codes + (lines.narrow(-1, step, length) >= centre)
    return _histogram(codes, 2 ** (LINE - 1), lines.dtype)


def _histogram(codes: Tensor, bins: int, dtype: torch.dtype) -> Tensor:
    """(…, bins) how often each code is there, of sum 1. codes: (…, count)."""
    room = torch.zeros(*codes.shape[:-1], bins, dtype=dtype, device=codes.device)
    return room.scatter_add(-1, codes, torch.ones_like(codes, dtype=dtype)) / codes.shape[-1]


Offset = tuple[float, float, float]


def _circles(radii: Radii) -> list[list[Offset]]:
    """Neighbours in the XY, XT and YT planes, each (t, y, x) away from the centre."""
    angles = [2 * math.pi * p / NEIGHBOURS for p in range(NEIGHBOURS)]
    turns = [(round(math.cos(a), 15), round(math.sin(a), 15)) for a in angles]
    return [
        [(0.0, -radii.y * sin, radii.x * cos) for cos, sin in turns],
        [(radii.t * sin, 0.0, radii.x * cos) for cos, sin in turns],
        [(radii.t * cos, -radii.y * sin, 0.0) for cos, sin in turns],
    ]


def _codes(clips: Tensor, offsets: Sequence[Offset], radii: Radii, sampling: str) -> Tensor:
    """(N, t, h, w) int64 of the centres: bit p is 1 where neighbour p is at least as bright."""
    centre = _moved(clips, (0, 0, 0), radii)
    codes = torch.zeros_like(centre, dtype=torch.int64)
    for bit, offset in enumerate(offsets):
        if sampling == "nearest":
            place = tuple(math.floor(o + 0.5) for o in offset)
            brighter = _moved(clips, place, radii) >= centre
        else:
            brighter = _between(clips, offset, radii) >= centre - TIE
        codes = codes + brighter * 2**bit
    return codes


def _between(clips: Tensor, offset: Offset, radii: Radii) -> Tensor:
    """Grey between pixels, bilinear; at a pixel it is that pixel."""
    total: Tensor | None = None
    places: list[tuple[tuple[int, ...], float]] = [((), 1.0)]
    for o in offset:
        low, share = math.floor(o), o - math.floor(o)
        steps = [(low, 1 - share), (low + 1, share)] if share else [(low, 1.0)]
        places = [((*place, step), weight * its) for place, weight in places for step, its in steps]
    for place, weight in places:
        part = _moved(clips, place, radii).double() * weight
        total = part if total is None else total + part
    assert total is not None
    return total


def _moved(clips: Tensor, place: Sequence[int], radii: Radii) -> Tensor:
    """(N, t, h, w) what lies so far from each centre."""
    margins = (radii.t, radii.border, radii.border)
    for axis, (step, margin) in enumerate(zip(place, margins, strict=True), 1):
        clips = clips.narrow(axis, margin + step, clips.shape[axis] - 2 * margin)
    return clips


def _uniform() -> Tensor:
    """(256,) the bin of each code: 1…58 for those with at most two changes round the circle, ascending; 0 for all others."""
    bins, last = [], 0
    for code in range(256):
        changes = bin(code ^ (code >> 1 | (code & 1) << 7)).count("1")
        last += changes <= 2
        bins.append(last if changes <= 2 else 0)
    return torch.tensor(bins)


def _counted(
    codes: Sequence[Tensor], bins: Sequence[int], shape: Sequence[int], radii: Radii, grid: Grid, dtype: torch.dtype
) -> Tensor:
    """(N, blocks · Σ bins) histograms of each block, one after another, each of sum 1, or 0 where nothing was counted."""
    block, counts = _blocks(shape, radii, grid)
    block, counts = block.to(codes[0].device), counts.to(codes[0].device, dtype)
    histograms = []
    for its, width in zip(codes, bins, strict=True):
        place = (block * width + its).flatten(1)
        room = torch.zeros(its.shape[0], grid.blocks * width, dtype=dtype, device=its.device)
        counted = room.scatter_add(1, place, counts.flatten().expand(its.shape[0], -1))
        histograms.append(counted.unflatten(1, (grid.blocks, width)))
    return torch.cat([h / h.sum(-1, keepdim=True).clamp(min=1) for h in histograms], -1).flatten(1)


def _blocks(shape: Sequence[int], radii: Radii, grid: Grid) -> tuple[Tensor, Tensor]:
    """(t, h, w) the block of each centre, and 1 where it is counted."""
    margins = (radii.t, radii.border, radii.border)
    parts = (grid.times, grid.rows, grid.columns)
    of_axis, counted = [], []
    for length, margin, count in zip(shape, margins, parts, strict=True):
        if grid.cut == "centres":
            starts = [i * (length - 2 * margin) // count + margin for i in range(count + 1)]
            inside = list(pairwise(starts))
        else:
            starts = [i * length // count for i in range(count + 1)]
            inside = [(a + margin, b - margin) for a, b in pairwise(starts)]
        places = torch.arange(margin, length - margin)
        block = sum((places >= start).long() for start in starts[1:-1]) + torch.zeros_like(places)
        of_axis.append(block)
        counted.append(sum(((places >= a) & (places < b)).float() for a, b in inside) + torch.zeros(len(places)))
    t, y, x = of_axis
    block = (y[None, :, None] * grid.columns + x[None, None, :]) * grid.times + t[:, None, None]
    return block, counted[0][:, None, None] * counted[1][None, :, None] * counted[2][None, None, :]
