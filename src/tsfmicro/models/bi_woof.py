"""Bi-WOOF: bi-weighted oriented optical flow (Liong, See, Wong and Phan, 2018), and a linear support vector machine.

Directions of the flow from onset to apex are counted in blocks of the face, each weighted by how far it moves there, each block by
how much the skin strains. The features are held to the definitions' golden numbers. The published flow is TV-L1: set
prepare.products={flow: {method: tvl1}}.
"""

from __future__ import annotations

from torch import Tensor

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import check_choice
from tsfmicro.models.inputs import flow
from tsfmicro.models.machine import CHOSEN, Machine
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.models.woof import BINS, bi_woof

WEIGHTS = ("mean", "sum")


class BiWOOF(Machine):
    """Flow (N, 3, size, size) → (N, classes)."""

    def __init__(
        self, num_classes: int, size: int, blocks: int, weight: str, kernel: str, c: float | str, standardise: bool
    ) -> None:
        super().__init__({"flow": flow(size)}, size, num_classes, blocks**2 * BINS, kernel, c, standardise)
        self.blocks, self.weight = blocks, weight

    def describe(self, **batch: Tensor) -> Tensor:
        return bi_woof(batch["flow"][:, :2], self.blocks, self.blocks, self.weight)


@register(
    "bi-woof",
    size=224,
    origin=Origin(
        2018,
        "Less is more: micro-expression recognition from video using apex frame",
        "Liong, See, Wong and Phan",
        "Signal Processing: Image Communication 62",
        source="christy1206/biwoof 0b57b37 (no licence)",
        chosen="fixed settings, last",
        notes=(
            "held to an independent transcription of the definitions; the released blocks overlap by a row and a column, and"
            " its last bin may be all but empty: neither is done here",
            "its published flow is TV-L1, ours is DIS unless prepare.products says otherwise",
        ),
    ),
)
def bi_woof_svm(
    num_classes: int,
    size: int,
    *,
    blocks: int = 5,
    weight: str = "mean",
    kernel: str = "linear",
    c: float | str = CHOSEN,
    standardise: bool = False,
) -> BiWOOF:
    """Bi-WOOF: directions of flow, weighted by movement and strain, and a support vector machine.

    Args:
        blocks: along each side of the face, 5 as released, up to 8. weight: of a block, its "mean" or "sum" of strain.
        kernel: "linear", "poly" or "rbf". c: how much a mistake in training weighs, or "chosen" on the training side.
        standardise: descriptions, on the training side.
    """
    check_choice("weight", weight, WEIGHTS)
    if isinstance(blocks, bool) or not isinstance(blocks, int) or not 1 <= blocks <= size:
        raise ConfigError(f"bi-woof: blocks is {blocks!r}; give a whole number from 1 to {size}.")
    return BiWOOF(num_classes, size, blocks, weight, kernel, c, standardise)
