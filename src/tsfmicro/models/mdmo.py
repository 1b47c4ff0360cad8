"""MDMO: main directional mean optical flow (Liu, Zhang, Yan, Wang, Zhao and Fu, 2016), and a support vector machine.

Flow goes from the onset to each frame after it. In each of 36 regions between the landmarks, the pixels that move in the region's
main direction are averaged, then the frames. The features are held to the definitions' example. The published flow is a robust
one: set prepare.products={flows: {method: tvl1}} for the nearest to it that is here.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from tsfmicro.models.base import check_switch
from tsfmicro.models.checks import check_size, number, whole_number
from tsfmicro.models.inputs import landmarks68
from tsfmicro.models.machine import CHOSEN, Machine
from tsfmicro.models.origin import Origin
from tsfmicro.models.regions36 import LIFT, REGIONS, corners, masks, spread
from tsfmicro.models.registry import register
from tsfmicro.models.woof import TINY, main_directions, mdmo
from tsfmicro.needs import Input, need

NAME = "mdmo"
RIGID = (*range(6), *range(11, 17), 30)  # jaw and tip of the nose: they move with the head alone


class MDMO(Machine):
    """Flows (N, T, 2, size, size) from the onset, and 68 landmarks on it → (N, classes)."""

    def __init__(
        self,
        num_classes: int,
        size: int,
        frames: int,
        align: bool,
        beta: float,
        lift: float,
        kernel: str,
        c: float | str,
        standardise: bool,
    ) -> None:
        count = frames or None
        asked = need("flows", size, count=count) if count else need("flows", size)
        inputs = {"flows": Input(asked, (count, 2, size, size)), "landmarks": landmarks68(size)}
        super().__init__(inputs, size, num_classes, 2 * REGIONS, kernel, c, standardise)
        self.align, self.beta, self.lift = align, beta, lift

    def example(self, clips: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        batch = super().example(clips, generator)
        return batch | {"landmarks": spread(batch["landmarks"], self.size)}

    def describe(self, **batch: Tensor) -> Tensor:
        flows, landmarks = batch["flows"], batch["landmarks"]
        if self.align:
            flows = without_head(flows, landmarks[:, list(RIGID)])
        moved = main_directions(flows, masks(corners(landmarks, self.lift), self.size))  # (N, T, 36, 2)
        if "flows_length" in batch:
            length = batch["flows_length"][:, None]
            there = torch.arange(moved.shape[1], device=moved.device) < length  # (N, T)
            return mdmo((moved * there[:, :, None, None]).sum(1) / length[:, None], self.beta)
        return mdmo(moved.mean(1), self.beta)


def without_head(flows: Tensor, points: Tensor) -> Tensor:
    """Flow less the affine movement that fits it best, by least squares, at points that move with the head alone.

    Args: flows: (N, T, 2, size, size). points: (N, P, 2), x and y in pixels; flow between pixels is bilinear.
    """
    size = flows.shape[-1]
    grid = ((points * 2 + 1) / size - 1).unsqueeze(1)  # (N, 1, P, 2)
    there = grid_sample(flows.flatten(1, 2), grid, padding_mode="border", align_corners=False)
    there = there.squeeze(2).unflatten(1, flows.shape[1:3])  # (N, T, 2, P)
    centre, mean = points.mean(1, keepdim=True), there.mean(3, keepdim=True)
    x, y = (points - centre).unbind(2)  # (N, P)
    xx, xy, yy = ((a * b).sum(1) for a, b in ((x, x), (x, y), (y, y)))
    room = (xx * yy - xy * xy).clamp(min=TINY)
    solved = (
        torch.stack([yy[:, None] * x - xy[:, None] * y, xx[:, None] * y - xy[:, None] * x], 2) / room[:, None, None]
    )
    slopes = ((there - mean).flatten(1, 2) @ solved).unflatten(1, flows.shape[1:3])  # (N, T, 2, 2), along x and along y
    places = torch.arange(size, device=flows.device, dtype=flows.dtype) - centre.transpose(1, 2)  # (N, 2, size)
    across, down = places[:, None, None, 0, None, :], places[:, None, None, 1, :, None]
    head = mean.unsqueeze(4) + slopes[..., 0, None, None] * across + slopes[..., 1, None, None] * down
    return flows - head


@register(
    NAME,
    size=128,
    origin=Origin(
        2016,
        "A main directional mean optical flow feature for spontaneous micro-expression recognition",
        "Liu, Zhang, Yan, Wang, Zhao and Fu",
        "IEEE TAFFC 7(4)",
        chosen="unknown: β between .8 and .9",
        notes=(
            "held to the example of the definitions; corners of the regions are those of tvaranka/meb f731b0a (Apache-2.0)",
            "published on CASME II 67.37, CASME 68.86, SMIC 80.00 ACC, one person left out: recalled, unverified",
            "its flow is a robust one, ours is DIS unless prepare.products says otherwise",
            "the helper points above the brows are raised by a fifth of the distance between the eyes, meb's by 20 pixels",
            "meb merges two directions, weighs frames and leaves the head's movement in: none of that is done here",
        ),
    ),
)
def mdmo_svm(
    num_classes: int,
    size: int,
    *,
    frames: int = 0,
    align: bool = True,
    beta: float = 0.9,
    lift: float = LIFT,
    kernel: str = "poly",
    c: float | str = CHOSEN,
    standardise: bool = False,
) -> MDMO:
    """MDMO: main directional mean optical flow in 36 regions, and a support vector machine.

    Args:
        frames: after the onset, evenly spaced; 0 for all. align: without the head's movement. beta: weight of magnitudes, that of
            angles is what is left to 1. lift: of the points above the brows, as a part of the distance between the eyes.
        kernel: "linear", "poly" or "rbf". c: how much a mistake in training weighs, or "chosen" on the training side.
        standardise: descriptions, on the training side; it undoes beta.
    """
    check_size(NAME, size, 32, 128)
    check_switch("align", align)
    return MDMO(
        num_classes,
        size,
        whole_number(NAME, "frames", frames, low=0),
        align,
        number(NAME, "beta", beta, below=1 + 1e-9),
        number(NAME, "lift", lift),
        kernel,
        c,
        standardise,
    )
