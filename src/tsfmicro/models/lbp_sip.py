"""LBP-SIP: local binary patterns with six intersection points (Wang, See, Phan and Oh, 2014), and a support vector machine.

What LBP-TOP's three planes share is counted once: four neighbours in space and two in time, 20 values of each block instead of
177. The features are held to the definitions' golden numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from tsfmicro.errors import ConfigError
from tsfmicro.models.lbp_top import grey_frames
from tsfmicro.models.machine import CHOSEN, Machine
from tsfmicro.models.origin import Origin
from tsfmicro.models.patterns import Grid, Radii, lbp_sip
from tsfmicro.models.registry import register

VALUES = 16 + 4  # of each block


class LBPSIP(Machine):
    """Frames in grey (N, T, size, size) → (N, classes)."""

    def __init__(
        self,
        num_classes: int,
        size: int,
        frames: int,
        radii: Radii,
        grid: Grid,
        levels: int,
        kernel: str,
        c: float | str,
        standardise: bool,
    ) -> None:
        if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
            raise ConfigError(f"lbp-sip: levels is {levels!r}; give the levels of the pyramid, 1 or more.")
        for smaller in range(1, levels):
            grey_frames(-(-size // 2**smaller), frames, radii, grid)
        inputs = {"frames": grey_frames(size, frames, radii, grid)}
        super().__init__(inputs, size, num_classes, levels * grid.blocks * VALUES, kernel, c, standardise)
        self.radii, self.grid, self.levels = radii, grid, levels

    def describe(self, **batch: Tensor) -> Tensor:
        clips, described = batch["frames"], []
        for level in range(self.levels):
            clips = halved(clips) if level else clips
            described.append(lbp_sip(clips, self.radii, self.grid))
        return torch.cat(described, 1)


def halved(clips: Tensor) -> Tensor:
    """(N, T, H, W) grey → (N, T, ⌈H/2⌉, ⌈W/2⌉), smoothed by the binomial 1 4 6 4 1 first, in whole numbers."""
    row = torch.tensor([1.0, 4, 6, 4, 1], device=clips.device, dtype=clips.dtype) / 16
    flat = pad(clips.flatten(0, 1).unsqueeze(1), (2, 2, 2, 2), mode="reflect")
    small = conv2d(conv2d(flat, row.view(1, 1, 5, 1), stride=(2, 1)), row.view(1, 1, 1, 5), stride=(1, 2))
    return small.squeeze(1).unflatten(0, clips.shape[:2]).round()


@register(
    "lbp-sip",
    size=128,
    origin=Origin(
        2014,
        "LBP with six intersection points: reducing redundant information in LBP-TOP for micro-expression recognition",
        "Wang, See, Phan and Oh",
        "ACCV",
        chosen="one video left out, settings chosen on it",
        notes=(
            "held to an independent transcription of the definitions",
            "published on CASME II: ACC 66.4 with one video left out; others report 46.6 with one person left out",
        ),
    ),
)
def lbp_sip_svm(
    num_classes: int,
    size: int,
    *,
    frames: int = 10,
    radius: int = 1,
    radius_t: int = 4,
    blocks: int = 5,
    times: int = 1,
    cut: str = "centres",
    levels: int = 1,
    kernel: str = "linear",
    c: float | str = CHOSEN,
    standardise: bool = True,
) -> LBPSIP:
    """LBP-SIP: six neighbours in space and time, and a support vector machine.

    Args:
        frames: that the clip is interpolated to (TIM). radius, radius_t: of the neighbours, pixels and frames.
        blocks: along each side of the face; times: along time. cut: "centres", or the "clip", whose blocks lose their borders.
        levels: of the Gaussian pyramid, concatenated (paper: 3). kernel: "linear", "poly" or "rbf".
        c: how much a mistake in training weighs, or "chosen" on the training side. standardise: descriptions, on that side.
    """
    radii, grid = Radii(radius, radius, radius_t), Grid(blocks, blocks, times, cut)
    return LBPSIP(num_classes, size, frames, radii, grid, levels, kernel, c, standardise)
