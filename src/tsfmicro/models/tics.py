"""TICS, approximated (Wang, Yan, Li, Zhao, Zhou, Fu, Yang and Tao, 2015): LBP-TOP in a colour space of independent components.

Known: an independent component analysis of the colours of training pixels gives three channels; LBP-TOP is counted in 16 regions
tied to action units, in each channel, and a support vector machine reads it. Which regions is not known (`ORIGIN.guessed`): this
is not the published system.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Batch, check_choice
from tsfmicro.models.checks import check_size, whole_number
from tsfmicro.models.inputs import landmarks68
from tsfmicro.models.lbp_top import SAMPLINGS, grey_frames
from tsfmicro.models.machine import CHOSEN, Machine
from tsfmicro.models.origin import Origin
from tsfmicro.models.patterns import BINS, Grid, Radii, lbp_top, lbp_top_of_regions
from tsfmicro.models.regions36 import REGIONS, corners, masks, spread
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

NAME = "tics-approx"
PARTS = ("mdmo", "grid")
CHANNELS = 3
FLAT = 1e-6  # of the colours' widest variance: a narrower one is rounding, and no third colour


class TICS(Machine):
    """Frames (N, T, 3, size, size) RGB, and 68 landmarks on the onset → (N, classes).

    Buffers: unmix: (3, 3) from red, green and blue to independent channels; RGB itself until training clips are seen.
    """

    unmix: Tensor

    def __init__(
        self,
        num_classes: int,
        size: int,
        frames: int,
        pixels: int,
        regions: str,
        blocks: int,
        radii: Radii,
        sampling: str,
        kernel: str,
        c: float | str,
        standardise: bool,
    ) -> None:
        of_regions, grid = regions == "mdmo", Grid(blocks, blocks)
        grey_frames(size, frames, radii, grid)  # tells what leaves no centre
        asked = need("frames", size, scale="grey", count=frames, method="tim")
        inputs = {"frames": Input(asked, (frames, CHANNELS, size, size))}
        inputs |= {"landmarks": landmarks68(size)} if of_regions else {}
        width = CHANNELS * (REGIONS if of_regions else grid.blocks) * 3 * BINS
        super().__init__(inputs, size, num_classes, width, kernel, c, standardise)
        self.pixels, self.regions, self.grid, self.radii, self.sampling = pixels, regions, grid, radii, sampling
        self.register_buffer("unmix", torch.eye(CHANNELS))

    def example(self, clips: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        batch = super().example(clips, generator)
        return batch | {name: spread(batch[name], self.size) for name in batch if name == "landmarks"}

    def see(self, batches: Iterable[Batch]) -> None:
        """Learn the colour space. Raises ConfigError: the clips have no colours."""
        colours = []
        for batch in batches:
            of_clips = batch["frames"].movedim(2, -1).flatten(1, 3)  # (N, pixels, 3)
            places = torch.linspace(0, of_clips.shape[1] - 1, min(self.pixels, of_clips.shape[1])).long()
            colours.append(of_clips[:, places.to(of_clips.device)].flatten(0, 1).numpy(force=True))
        self.learn("unmix", independent(np.concatenate(colours)))

    def describe(self, **batch: Tensor) -> Tensor:
        red, green, blue = batch["frames"].unbind(2)
        # Sums one by one: pixels of one colour must be equal to the last bit, as patterns compare them.
        channels = [of[0] * red + of[1] * green + of[2] * blue for of in self.unmix]
        clips = torch.stack(channels, 1).flatten(0, 1)  # (N·3, T, H, W)
        if self.regions == "grid":
            counted = lbp_top(clips, self.radii, self.grid, self.sampling)
        else:
            within = masks(corners(batch["landmarks"]), self.size).repeat_interleave(CHANNELS, 0)
            counted = lbp_top_of_regions(clips, within, self.radii, self.sampling)
        return counted.view(red.shape[0], -1)


def independent(colours: np.ndarray) -> np.ndarray:
    """(3, 3) from red, green and blue to independent channels, as FastICA finds them (Hyvärinen 1999).

    Order and signs, which it leaves open, are fixed by the largest loading of each channel: it is positive, and channels come in the
    order of its colour; of equals the more loaded one is first.

    Args: colours: (pixels, 3). Raises ConfigError: they lie in a plane, so that there are no three channels.
    """
    from sklearn.decomposition import FastICA  # seconds to import: only who trains waits
    from sklearn.exceptions import ConvergenceWarning

    spreads = np.linalg.eigvalsh(np.cov(colours.T.astype(np.float64)))
    if spreads[0] <= FLAT * spreads[-1]:
        raise ConfigError(
            f"{NAME}: the training clips have no three independent colours; they are grey, or nearly. Choose a dataset in colour,"
            " or lbp-top, which looks at grey."
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # where no direction stands out, each is as good
        start = np.eye(CHANNELS)
        found = FastICA(CHANNELS, whiten="unit-variance", max_iter=1000, w_init=start).fit(colours.astype(np.float64))
    loadings = found.components_
    largest = np.abs(loadings).argmax(1)
    height = loadings[np.arange(CHANNELS), largest]
    return (loadings * np.sign(height)[:, None])[np.lexsort((-np.abs(height), largest))]


ORIGIN = Origin(
    2015,
    "Micro-expression recognition using color spaces",
    "Wang, Yan, Li, Zhao, Zhou, Fu, Yang and Tao",
    "IEEE TIP 24(12)",
    fidelity="named",
    guessed=(
        "frames: 10, interpolated (TIM)",
        "pixels: 1000 of each training clip, evenly over it, instead of all",
        "regions: the 36 of mdmo instead of the published 16, or blocks of a grid",
        "blocks: 8 × 8, of the grid",
        "radius: 1 pixel",
        "radius_t: 4 frames, as LBP-TOP on CASME II",
        "sampling: the nearest pixel",
        "kernel: linear",
        "c: chosen on the training side",
        "standardise: on the training side",
        "order and signs of the channels are fixed by each one's largest loading",
    ),
    chosen="unknown",
    notes=(
        "colours of training clips alone decide the colour space, anew in each fold",
        "published ACC: CASME 61.86, CASME II 62.30; grey datasets such as SAMM cannot be asked",
    ),
)


@register(NAME, size=128, origin=ORIGIN)
def tics(
    num_classes: int,
    size: int,
    *,
    frames: int = 10,
    pixels: int = 1000,
    regions: str = "mdmo",
    blocks: int = 8,
    radius: int = 1,
    radius_t: int = 4,
    sampling: str = "nearest",
    kernel: str = "linear",
    c: float | str = CHOSEN,
    standardise: bool = True,
) -> TICS:
    """TICS, approximated: LBP-TOP in an independent colour space learned from training clips; the regions are guessed.

    Args:
        frames: that the clip is interpolated to (TIM). pixels: of each training clip that decide the colour space.
        regions: "mdmo", its 36, or a "grid" of blocks along each side. radius, radius_t: of the neighbours, pixels and frames.
        sampling: "nearest" or "bilinear". kernel: "linear", "poly" or "rbf".
        c: how much a mistake in training weighs, or "chosen" on the training side. standardise: descriptions, on that side.
    """
    check_size(NAME, size, 16, 128)
    check_choice("regions", regions, PARTS)
    check_choice("sampling", sampling, SAMPLINGS)
    return TICS(
        num_classes,
        size,
        frames,
        whole_number(NAME, "pixels", pixels),
        regions,
        blocks,
        Radii(radius, radius, radius_t),
        sampling,
        kernel,
        c,
        standardise,
    )
