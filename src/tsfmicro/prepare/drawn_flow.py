"""Flow learned on faces: a small network that corrects dense inverse search by what it has seen of drawn people.

DIS is a good guess and knows nothing of faces: on smooth skin it has little to hold on to, and noise, light and compression move it.
The network sees both faces, what is left between them after the guess, and least-squares steps (Lucas and Kanade 1981) over three
windows with how sure each is; it says how the guess has to change, and
what of it is the head's. It learned on the generator's true motion alone:
`python -m tsfmicro.study.drawn_flow`.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.prepare.flow import DRAWN
from tsfmicro.prepare.weights import give_weights, read_weights

EDGE, CELL = 224, 4  # px: of the faces that it sees, and of the squares for which it says a flow
WHAT = "tsfmicro's flow network (flow method drawn)"

_WIDTHS = (24, 48, 96, 144)  # channels at squares of 4, 8, 16 and 32 px
_WINDOWS = (1, 3, 7)  # cells over which least squares are taken
_FIRM = 2e-3  # of the least squares: below such slopes they do not move
_SEEN = 2 * CELL**2 + 2 + 4 * len(_WINDOWS) + 3


class DrawnFlow(nn.Module):
    """A U-Net over squares of 4 pixels, 1.0 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(_SEEN, _WIDTHS[0], 3, padding=1)
        self.down = nn.ModuleList(Block(width) for width in _WIDTHS)
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 3, stride=2, padding=1) for a, b in pairwise(_WIDTHS))
        self.grow = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(_WIDTHS))
        self.up = nn.ModuleList(Block(width) for width in _WIDTHS[:-1])
        self.leave = nn.Conv2d(_WIDTHS[0], 4, 3, padding=1)
        with torch.no_grad():  # it starts as the guess
            for values in self.leave.parameters():
                values.zero_()

    def forward(self, onset: Tensor, apex: Tensor, guess: Tensor) -> tuple[Tensor, Tensor]:
        """Facial flow and head flow, (N, 2, 56, 56) each, pixels, of squares of 4 × 4.

        Args:
            onset, apex: (N, 1, 224, 224) grey, 0…255.
            guess: (N, 2, 56, 56) px, right and down: flow that is corrected.
        """
        change, head = self.said(seen(onset, apex, guess)).split(2, 1)
        return guess + change, head

    def said(self, looks: Tensor) -> Tensor:
        """(N, 4, 56, 56) px by which the guess has to change, and the head's flow. looks: what `seen` gives."""
        x = self.enter(looks)
        kept = []
        for block, shrink in zip(self.down, self.shrink, strict=False):
            x = block(x)
            kept.append(x)
            x = shrink(x)
        x = self.down[-1](x)
        for grow, block, fine in zip(reversed(self.grow), reversed(self.up), reversed(kept), strict=True):
            x = block(fine + F.interpolate(grow(x), scale_factor=2, mode="bilinear"))
        return self.leave(x)


class Block(nn.Module):
    """Two convolutions beside a straight way."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(F.leaky_relu(self.first(F.leaky_relu(x, 0.1)), 0.1))


def seen(onset: Tensor, apex: Tensor, guess: Tensor) -> Tensor:
    """(N, _SEEN, 56, 56) what the network looks at."""
    onset, apex = (_even(face) for face in (onset, apex))
    back = warped(apex, guess)
    change = back - onset
    middle = _smooth(0.5 * (onset + back))
    slope_x = (
        0.5 * (F.pad(middle, (0, 2, 0, 0), mode="replicate") - F.pad(middle, (2, 0, 0, 0), mode="replicate"))[..., 1:-1]
    )
    slope_y = (
        0.5
        * (F.pad(middle, (0, 0, 0, 2), mode="replicate") - F.pad(middle, (0, 0, 2, 0), mode="replicate"))[..., 1:-1, :]
    )
    soft = _smooth(change)
    products = torch.cat([slope_x**2, slope_x * slope_y, slope_y**2, slope_x * soft, slope_y * soft], 1)
    cells = F.avg_pool2d(products, CELL)
    steps = [least_squares(F.avg_pool2d(cells, w, 1, w // 2, count_include_pad=False)) for w in _WINDOWS]
    left = F.avg_pool2d(change.abs(), CELL)
    count, _, height, width = cells.shape
    across = torch.linspace(-1, 1, width, device=cells.device).expand(count, 1, height, width)
    down = torch.linspace(-1, 1, height, device=cells.device)[:, None].expand(count, 1, height, width)
    looks = [F.pixel_unshuffle(face, CELL) for face in (onset, 3 * change)]
    return torch.cat([*looks, guess, *steps, left, across, down], 1)


def least_squares(sums: Tensor) -> Tensor:
    """(N, 4, h, w): the step right and down that best explains what is left, and how sure it is along both and the weaker direction.

    Args: sums: (N, 5, h, w) means of xx, xy, yy, x·change, y·change over a window.
    """
    xx, xy, yy, xt, yt = sums.split(1, 1)
    a, b = xx + _FIRM, yy + _FIRM
    det = a * b - xy**2
    right, down = (xy * yt - b * xt) / det, (xy * xt - a * yt) / det
    trace = xx + yy
    weaker = (xx * yy - xy**2).clamp(min=0) / (trace + 1e-6)
    return torch.cat([right.clamp(-4, 4), down.clamp(-4, 4), (trace + 1e-4).log10(), (weaker + 1e-4).log10()], 1)


def warped(face: Tensor, flow: Tensor) -> Tensor:
    """(N, 1, H, W) the face read where the flow leads. flow: (N, 2, H / 4, W / 4) px."""
    _, _, height, width = face.shape
    full = F.interpolate(flow, size=(height, width), mode="bilinear")
    y, x = torch.meshgrid(
        torch.arange(height, device=face.device), torch.arange(width, device=face.device), indexing="ij"
    )
    places = torch.stack([2 * (x + full[:, 0] + 0.5) / width - 1, 2 * (y + full[:, 1] + 0.5) / height - 1], -1)
    return F.grid_sample(face, places, mode="bilinear", padding_mode="border", align_corners=False)


def _even(face: Tensor) -> Tensor:
    """Mean 0 and deviation 1, so that an exposure that differs is no movement."""
    face = face - face.mean((2, 3), keepdim=True)
    return face / (face.square().mean((2, 3), keepdim=True).sqrt() + 1e-3)


def _smooth(x: Tensor) -> Tensor:
    """Binomial over 5 × 5."""
    line = x.new_tensor([1, 4, 6, 4, 1]) / 16
    x = F.conv2d(F.pad(x, (2, 2, 0, 0), mode="replicate"), line.view(1, 1, 1, 5))
    return F.conv2d(F.pad(x, (0, 0, 2, 2), mode="replicate"), line.view(1, 1, 5, 1))


@lru_cache(maxsize=2)
def network(file: Path) -> DrawnFlow:
    """With the weights of a file, on the CPU. Raises WeightsError: no such file, or of another network."""
    made = DrawnFlow()
    give_weights(made, {name: value.float() for name, value in read_weights(file, WHAT).items()}, file, WHAT)
    return made.eval()


def drawn_flow(onsets: np.ndarray, apexes: np.ndarray, part: str = "expression", file: Path = DRAWN) -> np.ndarray:
    """(N, 2, H, W) float32 flow in pixels of the faces that are given, right and down.

    Args:
        onsets, apexes: (N, H, W) uint8 grey or (N, H, W, 3) RGB, aligned faces; other sizes than 224 are brought to it and back.
        part: "facial", all that moves; "head"; or "expression", the first without the second.
    """
    height, width = onsets.shape[1:3]
    faces = [[looked_at(face) for face in side] for side in (onsets, apexes)]
    guess = np.stack([first_guess(*pair) for pair in zip(*faces, strict=True)])
    before, after = (torch.from_numpy(np.stack(side))[:, None].float() for side in faces)
    with torch.inference_mode():
        facial, head = network(file)(before, after, torch.from_numpy(guess))
        flow = {"facial": facial, "head": head, "expression": facial - head}[part]
        flow = F.interpolate(flow, size=(height, width), mode="bicubic")
    return flow.numpy() * np.array([[[width]], [[height]]], np.float32) / EDGE


def looked_at(face: np.ndarray) -> np.ndarray:
    """(224, 224) uint8 grey. face: (H, W) or (H, W, 3) RGB."""
    grey = face if face.ndim == 2 else cv2.cvtColor(face, cv2.COLOR_RGB2GRAY)
    if grey.shape == (EDGE, EDGE):
        return grey
    shrinks = grey.shape[0] > EDGE
    return cv2.resize(grey, (EDGE, EDGE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


def first_guess(onset: np.ndarray, apex: np.ndarray) -> np.ndarray:
    """(2, 56, 56) float32: dense inverse search, averaged over squares. onset, apex: (224, 224) uint8."""
    flow = np.zeros((*onset.shape, 2), np.float32)
    cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(onset, apex, flow)
    return cv2.resize(flow, (EDGE // CELL, EDGE // CELL), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
