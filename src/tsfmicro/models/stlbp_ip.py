"""STLBP-IP, approximated (Huang, Wang, Zhao and Pietikäinen, 2015): binary patterns of a moving face's row and column sums.

Known: what moves is the sparse part of a robust PCA; its sums along rows and columns have one-dimensional patterns of nine values,
averaged over frames, and as images over time they have uniform patterns; the four histograms of a block are one after another. How
the face is divided is not known, and by default what moves is the difference to the first frame (`ORIGIN.guessed`): this is not the
published system. Patterns of a line are held to the definitions' example.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import check_choice
from tsfmicro.models.checks import whole_number
from tsfmicro.models.lbp_top import SAMPLINGS, grey_frames
from tsfmicro.models.machine import CHOSEN, Machine
from tsfmicro.models.origin import Origin
from tsfmicro.models.patterns import BINS, LINE, Grid, Radii, lbp_of_images, lbp_of_lines
from tsfmicro.models.registry import register

NAME = "stlbp-ip-approx"
MOTIONS = ("difference", "sparse")
VALUES = 2 * 2 ** (LINE - 1) + 2 * BINS  # of each block: rows, columns, and both over time
STEPS = 40  # of the robust PCA: by then its penalty has grown beyond any grey value


class STLBPIP(Machine):
    """Frames in grey (N, T, size, size) → (N, classes)."""

    def __init__(
        self,
        num_classes: int,
        size: int,
        frames: int,
        motion: str,
        blocks: int,
        sampling: str,
        kernel: str,
        c: float | str,
        standardise: bool,
    ) -> None:
        inputs = {"frames": grey_frames(size, frames, Radii(), Grid(blocks, blocks))}
        super().__init__(inputs, size, num_classes, blocks**2 * VALUES, kernel, c, standardise)
        self.motion, self.blocks, self.sampling = motion, blocks, sampling

    def describe(self, **batch: Tensor) -> Tensor:
        frames, edge = batch["frames"], self.size // self.blocks
        moved = sparse_part(frames) if self.motion == "sparse" else frames - frames[:, :1]
        cut = moved[:, :, : self.blocks * edge, : self.blocks * edge]
        cut = cut.unflatten(3, (self.blocks, edge)).unflatten(
            2, (self.blocks, edge)
        )  # (N, T, blocks, edge, blocks, edge)
        blocks = cut.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)  # (N·blocks², T, edge, edge)
        return projected(blocks.sum(3), blocks.sum(2), self.sampling).view(frames.shape[0], -1)


def projected(rows: Tensor, columns: Tensor, sampling: str) -> Tensor:
    """(N, 630) histograms of row sums (N, T, H) and column sums (N, T, W): 256 and 256 averaged over frames, then YT and XT, 59
    each."""
    over_time = (
        rows.transpose(1, 2),
        columns.flip(1),
    )  # time to the right of y, and upwards over x, as LBP-TOP has them
    lines = [lbp_of_lines(lines).mean(1) for lines in (rows, columns)]
    return torch.cat([*lines, *(lbp_of_images(image, sampling) for image in over_time)], 1)


def sparse_part(clips: Tensor) -> Tensor:
    """What a robust PCA finds to differ from frames that are alike: inexact augmented Lagrange multipliers, at the usual weight of
    1/√pixels. (N, T, H, W) → the same."""
    seen = clips.flatten(2).double()  # (N, T, pixels)
    weight = seen.shape[2] ** -0.5
    longest = torch.linalg.matrix_norm(seen, 2).clamp(min=1e-9)[:, None, None]
    push = seen / torch.maximum(longest, seen.abs().amax((1, 2), keepdim=True) / weight)
    penalty, sparse = 1.25 / longest, torch.zeros_like(seen)
    for _ in range(STEPS):
        wanted = seen - sparse + push / penalty
        squares, turned = torch.linalg.eigh(
            wanted @ wanted.transpose(1, 2)
        )  # T × T: there are far fewer frames than pixels
        lengths = squares.clamp(min=1e-18).sqrt()
        kept = (1 - 1 / (penalty.squeeze(2) * lengths)).clamp(min=0)
        alike = turned @ (kept.unsqueeze(2) * (turned.transpose(1, 2) @ wanted))
        rest = seen - alike + push / penalty
        sparse = rest.sign() * (rest.abs() - weight / penalty).clamp(min=0)
        push = push + penalty * (seen - alike - sparse)
        penalty = 1.5 * penalty
    return sparse.to(clips).view_as(clips)


ORIGIN = Origin(
    2015,
    "Facial micro-expression recognition using spatiotemporal local binary pattern with integral projection",
    "Huang, Wang, Zhao and Pietikäinen",
    "ICCV workshops",
    fidelity="named",
    guessed=(
        "frames: 10, interpolated (TIM)",
        "motion: difference to the first frame; sparse is the published robust PCA, at its usual weight",
        "blocks: 5 × 5, as LBP-TOP on CASME II; sums are taken within each, and what is left at the last edges is left out",
        "sampling: the nearest pixel, in the patterns over time",
        "kernel: linear",
        "c: chosen on the training side",
        "standardise: on the training side",
    ),
    chosen="unknown",
    notes=(
        "patterns of a line are held to the example of the definitions",
        "published ACC: CASME II 59.51, SMIC 57.93, one person left out",
    ),
)


@register(NAME, size=128, origin=ORIGIN)
def stlbp_ip(
    num_classes: int,
    size: int,
    *,
    frames: int = 10,
    motion: str = "difference",
    blocks: int = 5,
    sampling: str = "nearest",
    kernel: str = "linear",
    c: float | str = CHOSEN,
    standardise: bool = True,
) -> STLBPIP:
    """STLBP-IP, approximated: binary patterns of row and column sums; how the face is divided is guessed.

    Args:
        frames: that the clip is interpolated to (TIM). motion: "difference" to the first frame, or the "sparse" part of a robust
            PCA. blocks: along each side of the face. sampling: "nearest" or "bilinear", of patterns over time.
        kernel: "linear", "poly" or "rbf". c: how much a mistake in training weighs, or "chosen" on the training side.
        standardise: descriptions, on the training side.
    """
    check_choice("motion", motion, MOTIONS)
    check_choice("sampling", sampling, SAMPLINGS)
    if size // whole_number(NAME, "blocks", blocks) < LINE:
        raise ConfigError(
            f"{NAME}: images of {size} × {size} are too small for {blocks} × {blocks} blocks, of which each needs {LINE} pixels."
            " Give larger images, or fewer blocks."
        )
    return STLBPIP(num_classes, size, frames, motion, blocks, sampling, kernel, c, standardise)
