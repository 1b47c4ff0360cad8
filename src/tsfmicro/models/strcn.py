"""STRCN-G: recurrent-like convolutions on flow (Xia, Hong, Gao, Feng and Zhao, 2020).

A convolution, then three sections of one 1 × 1 and two 3 × 3 steps that each see the section's input again; pooling between
them, mean over the face, one linear layer. The "recurrent" steps share no weights. Held to a transcription of the authors'
MATLAB program. Its flow is Sun's "classic+nl-fast" on magnified faces of 300 × 245; ours is plain flow on square ones.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, channels_last, nn, no_grad
from torch.nn.functional import conv2d, max_pool2d

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model
from tsfmicro.models.blocks import MeanMap
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

POOLS = (4, 4, 2, 2)
SMALLEST = 64  # pixels, the product of the pools


class Step(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, width: int, maps: int, kernel: int, rate: float = 1.0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, maps, kernel, padding=kernel // 2, bias=False)
        self.norm = nn.BatchNorm2d(maps, momentum=0.3)
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        still = self.conv.weight.detach()
        weight = still + self.rate * (self.conv.weight - still)  # the same values, a part of the gradient
        return self.norm(conv2d(x, weight, padding=self.conv.padding)).relu()


class Section(nn.Sequential):
    """Three steps; the later two see what came in and what the step before made of it."""

    def __init__(self, maps: int) -> None:
        super().__init__(*(Step(maps, maps, kernel) for kernel in (1, 3, 3)))

    def forward(self, x: Tensor) -> Tensor:
        first, second, third = self
        return third(second(first(x) + x) + x)


class STRCN(Model):
    """Horizontal and vertical flow (N, 2, size, size) → (N, classes)."""

    def __init__(self, num_classes: int, size: int, maps: int, first_rate: float) -> None:
        super().__init__({"flow": Input(need("flow", size), (2, size, size), _without_strain)}, size)
        self.first = Step(2, maps, 3, first_rate)
        self.sections = nn.ModuleList(Section(maps) for _ in POOLS[1:])
        self.head = nn.Sequential(MeanMap(), nn.Linear(maps, num_classes))
        with no_grad():
            self.first.conv.weight /= 100  # as released

    def features(self, **batch: Tensor) -> Tensor:
        flow = batch["flow"].contiguous(memory_format=channels_last)  # pooled much faster on a CPU
        seen = max_pool2d(self.first(flow), POOLS[0])  # (N, maps, 75, 61) for 300 × 245
        for section, pool in zip(self.sections, POOLS[1:], strict=True):
            seen = max_pool2d(section(seen), pool)
        return seen.permute(0, 2, 3, 1)  # (N, 4, 3, maps)


def _without_strain(flow: Tensor) -> Tensor:
    return flow[:, :2]


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """The names of the transcription's weights as ours."""
    ours = {"conv1": "first", "classify": "head.1"}
    parts = (name.partition(".") for name in weights)
    return {f"{ours.get(a, a)}.{c}": values for (a, _, c), values in zip(parts, weights.values(), strict=True)}


@register(
    "strcn",
    size=128,
    origin=Origin(
        2020,
        "Spatiotemporal recurrent convolutional networks for recognizing spontaneous micro-expressions",
        "Xia, Hong, Gao, Feng and Zhao",
        "IEEE Transactions on Multimedia 22(3)",
        source="a transcription of xiazhaoqiang/STRCN-MicroExpressionRec 0eef425 (all rights reserved), which was not run",
        chosen="released: last model of 5 random folds of clips, people on both sides; paper: LOSO, choice unknown",
        notes=(
            "STRCN-G alone: STRCN-A, on whole-clip appearance, is not here",
            "its flow is Sun's classic+nl-fast between magnified faces (α 5 to 12, which is its augmentation); ours is DIS"
            " on faces as they are",
            "made for faces of 300 × 245; 272 has as many pixels, and a clip then costs 25 G multiply-adds with 512 maps",
            "the first convolution starts at a hundredth and learns at 1e-4 of the rate: under Adam, which does not see a"
            " gradient's scale, at the whole rate",
            "a balanced (focal) loss is mentioned too, but its numbers are not released: cross-entropy here",
            "MatConvNet keeps batch norm as mean and standard deviation, without an eps when tested",
        ),
    ),
    released=released,
)
def strcn(num_classes: int, size: int, *, maps: int = 512, first_rate: float = 1e-4) -> STRCN:
    """STRCN-G: three recurrent-like convolution sections on flow.

    Args:
        maps: of each convolution; the authors' choices are 128, 256 and 512.
        first_rate: part of its gradient that the first convolution learns from.
    """
    if size < SMALLEST:
        raise ConfigError(
            f"strcn: maps of {size} × {size} are too small. Give {SMALLEST} pixels or more; it was made for 272."
        )
    if isinstance(maps, bool) or not isinstance(maps, int) or maps < 1:
        raise ConfigError(f"strcn: maps is {maps!r}; give a whole number from 1 on.")
    if isinstance(first_rate, bool) or not isinstance(first_rate, (int, float)) or not 0 < first_rate <= 1:
        raise ConfigError(f"strcn: first_rate is {first_rate!r}; give a part above 0, 1 at most.")
    return STRCN(num_classes, size, maps, float(first_rate))
