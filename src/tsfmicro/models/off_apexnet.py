"""OFF-ApexNet: two small streams, one on horizontal and one on vertical flow (Liong, Gan, Yau, Huang and Tan, 2018).

The authors' program is not public. Two others rebuilt it, and differ: one has two streams and nothing between convolution and
pooling, one has a single stream on both directions and ReLU. Both are options here, held to those programs' numbers. Our default,
two streams with ReLU, is neither.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice, check_share
from tsfmicro.models.blocks import FlattenMap, last
from tsfmicro.models.inputs import scaled
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

SMALLEST = 4  # pixels: pooled twice, a smaller map leaves nothing
ACTIVATIONS = {"none": nn.Identity, "relu": nn.ReLU}


class OffApexNet(Model):
    """Horizontal and vertical flow (N, 2, size, size) → (N, classes)."""

    def __init__(
        self, num_classes: int, size: int, variant: str, conv_activation: str, values: str, dropout: float
    ) -> None:
        view = scaled_directions if values == "scaled" else directions
        super().__init__({"flow": Input(need("flow", size), (2, size, size), view)}, size)
        self.joint = variant == "single"
        places = (size // 4) ** 2  # 49 for 28
        if self.joint:
            self.both = stream(2, 3, conv_activation)
            layers = [nn.Dropout(dropout), *dense(16 * places, dropout)]
        else:
            self.horizontal, self.vertical = stream(1, 5, conv_activation), stream(1, 5, conv_activation)
            layers = [*dense(32 * places, dropout), *dense(1024, dropout)]
        self.head = nn.Sequential(FlattenMap(), *layers, nn.Linear(1024, num_classes))

    def features(self, **batch: Tensor) -> Tensor:
        flow = batch["flow"].contiguous(memory_format=torch.channels_last)  # pooled much faster on a CPU
        if self.joint:
            return last(self.both(flow))  # (N, 7, 7, 16)
        return last(torch.cat([self.horizontal(flow[:, :1]), self.vertical(flow[:, 1:])], 1))  # (N, 7, 7, 32)


def stream(channels: int, kernel: int, activation: str) -> nn.Sequential:
    """(N, channels, H, W) → (N, 16, H/4, W/4)."""
    act = ACTIVATIONS[activation]
    conv1 = nn.Conv2d(channels, 6, kernel, padding=kernel // 2)
    conv2 = nn.Conv2d(6, 16, kernel, padding=kernel // 2)
    # ReLU after the pooling says the same as before it, of fewer values.
    return nn.Sequential(conv1, nn.MaxPool2d(2), act(), conv2, nn.MaxPool2d(2), act())


def dense(width: int, dropout: float) -> tuple[nn.Module, ...]:
    return nn.Linear(width, 1024), nn.ReLU(), nn.Dropout(dropout)


def directions(flow: Tensor) -> Tensor:
    """Horizontal and vertical flow, without strain."""
    return flow[:, :2]


def scaled_directions(flow: Tensor) -> Tensor:
    """Each direction of each clip from 0 to 1."""
    return scaled(directions(flow))


OURS = {
    "cnn1.conv1": "horizontal.0",
    "cnn1.conv2": "horizontal.3",
    "cnn2.conv1": "vertical.0",
    "cnn2.conv2": "vertical.3",
    "dense.0": "head.1",
    "dense.3": "head.4",
    "dense.6": "head.7",
    "conv1": "both.0",
    "conv2": "both.3",
    "fc1": "head.2",
    "fc": "head.5",
}


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """The names of either program's weights as ours."""
    parts = {name: name.rpartition(".") for name in weights}
    return {f"{OURS[parts[name][0]]}.{parts[name][2]}": values for name, values in weights.items()}


@register(
    "off-apexnet",
    size=28,
    origin=Origin(
        2018,
        "OFF-ApexNet on micro-expression recognition system",
        "Liong, Gan, Yau, Huang and Tan",
        "Signal Processing: Image Communication 74 (2019), arXiv 1805.08699",
        source="two streams: ECNU-Cross-Innovation-Lab/PRICAI2021-Off-TANet b6149ba (GPL-3); single: tvaranka/meb f731b0a"
        " (Apache-2.0); the authors' own was not found",
        chosen="not said; rebuilt with the last of 3,000 epochs its macro-F1 on the composite is 0.703, with the best epoch on"
        " each test person 0.839, and the published 0.720 lies between",
        notes=(
            "whether ReLU follows the convolutions is not known: conv_activation 'none' is the two-stream program,"
            " variant 'single' with 'relu' the other; two streams with 'relu' is our guess",
            "the paper's flow is TV-L1, ours is DIS unless prepare.products says otherwise",
            "flow from 0 to 1 is the single-stream program's; values 'px' leaves it as computed, like the two-stream one",
            "the published training is 3,000 epochs: time, not memory, is its cost",
        ),
    ),
    released=released,
)
def off_apexnet(
    num_classes: int,
    size: int,
    *,
    variant: str = "two",
    conv_activation: str = "relu",
    values: str = "scaled",
    dropout: float = 0.5,
) -> OffApexNet:
    """OFF-ApexNet: two small streams on horizontal and vertical flow, 28 × 28.

    Args:
        variant: "two" streams, or "single": one on both directions, with smaller kernels and one linear layer fewer.
        conv_activation: after each convolution, "relu" or "none".
        values: of the flow, "scaled" (each direction of each clip from 0 to 1) or "px" (as computed).
        dropout: share of the values before each later layer that is dropped in training.
    """
    check_choice("off-apexnet: variant", variant, ("two", "single"))
    check_choice("off-apexnet: conv_activation", conv_activation, ACTIVATIONS)
    check_choice("off-apexnet: values", values, ("scaled", "px"))
    check_share("off-apexnet: dropout", dropout)
    if size < SMALLEST:
        raise ConfigError(
            f"off-apexnet: maps of {size} × {size} are too small. Give {SMALLEST} pixels or more; it was made for 28."
        )
    return OffApexNet(num_classes, size, variant, conv_activation, values, float(dropout))
