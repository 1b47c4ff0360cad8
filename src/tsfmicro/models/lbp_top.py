"""LBP-TOP: local binary patterns on three orthogonal planes (Zhao and Pietikäinen, 2007), and a support vector machine.

The clip is interpolated in time to a fixed number of frames (TIM), and patterns are counted in blocks of the face. The features
are held to the definitions' golden numbers; bilinear codes are those of scikit-image.
"""

from __future__ import annotations

from torch import Tensor

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import check_choice
from tsfmicro.models.machine import CHOSEN, Machine
from tsfmicro.models.origin import Origin
from tsfmicro.models.patterns import BINS, Grid, Radii, grey, lbp_top
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

SAMPLINGS = ("nearest", "bilinear")
CUTS = ("centres", "clip")


class LBPTOP(Machine):
    """Frames in grey (N, T, size, size) → (N, classes)."""

    def __init__(
        self,
        num_classes: int,
        size: int,
        frames: int,
        radii: Radii,
        grid: Grid,
        sampling: str,
        kernel: str,
        c: float | str,
        standardise: bool,
    ) -> None:
        inputs = {"frames": grey_frames(size, frames, radii, grid)}
        super().__init__(inputs, size, num_classes, grid.blocks * 3 * BINS, kernel, c, standardise)
        self.radii, self.grid, self.sampling = radii, grid, sampling

    def describe(self, **batch: Tensor) -> Tensor:
        return lbp_top(batch["frames"], self.radii, self.grid, self.sampling)


def grey_frames(size: int, frames: int, radii: Radii, grid: Grid) -> Input:
    """Interpolated frames in grey. Raises ConfigError: radii or blocks that no clip of this size has room for."""
    check_choice("cut", grid.cut, CUTS)
    parts = {"blocks": min(grid.rows, grid.columns), "times": grid.times, "radius": min(radii.x, radii.y, radii.t)}
    for name, value in parts.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{name} is {value!r}; give a whole number, 1 or more.")
    ways = (("frames", frames, grid.times, radii.t), ("size", size, max(grid.rows, grid.columns), radii.border))
    for name, length, parts_of_it, radius in ways:
        lost = 2 * radius * (parts_of_it if grid.cut == "clip" else 1)
        if length < lost + parts_of_it:
            raise ConfigError(
                f"{name} is {length}, of which radius {radius} leaves too little for {parts_of_it} blocks. Give {name} of"
                f" {lost + parts_of_it} or more, or a smaller radius."
            )
    return Input(need("frames", size, scale="grey", count=frames, method="tim"), (frames, size, size), grey)


@register(
    "lbp-top",
    size=128,
    origin=Origin(
        2007,
        "Dynamic texture recognition using local binary patterns with an application to facial expressions",
        "Zhao and Pietikäinen",
        "IEEE TPAMI 29(6)",
        chosen="settings of each dataset's paper; C 1 or chosen on the training side",
        notes=(
            "held to an independent transcription of the definitions; bilinear codes are scikit-image's",
            "published on CASME II 5×5 blocks, radii 1, 1, 4: ACC 63.41 with one video left out, not one person",
            "faces are aligned and square here; the published ones were cut by other landmarks",
        ),
    ),
)
def lbp_top_svm(
    num_classes: int,
    size: int,
    *,
    frames: int = 10,
    radius: int = 1,
    radius_t: int = 4,
    blocks: int = 5,
    times: int = 1,
    cut: str = "centres",
    sampling: str = "nearest",
    kernel: str = "linear",
    c: float | str = CHOSEN,
    standardise: bool = True,
) -> LBPTOP:
    """LBP-TOP: local binary patterns in space and time, and a support vector machine.

    Args:
        frames: that the clip is interpolated to (TIM). radius, radius_t: of the neighbours, pixels and frames.
        blocks: along each side of the face; times: along time. cut: "centres", or the "clip", whose blocks lose their borders.
        sampling: "nearest" or "bilinear". kernel: "linear", "poly" or "rbf".
        c: how much a mistake in training weighs, or "chosen" on the training side. standardise: descriptions, on that side.
    """
    check_choice("sampling", sampling, SAMPLINGS)
    radii, grid = Radii(radius, radius, radius_t), Grid(blocks, blocks, times, cut)
    return LBPTOP(num_classes, size, frames, radii, grid, sampling, kernel, c, standardise)
