"""SSSNet: one shallow stream on flow and strain (Varanka, Peng and Zhao, 2021).

Two convolutions, each followed by ReLU, max-pooling, then batch norm, then dropout of whole maps; two linear layers. Held to the
program of the authors' own library. Its flow is Sun's "classic+nl-fast" there, and ours here.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, channels_last, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model
from tsfmicro.models.blocks import FlattenMap
from tsfmicro.models.inputs import scaled
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

SMALLEST = 20  # pixels: a smaller map leaves nothing to classify


class SSSNet(Model):
    """Flow and strain, each channel of each clip from 0 to 1 (N, 3, size, size) → (N, classes)."""

    def __init__(self, num_classes: int, size: int, dropout: float) -> None:
        super().__init__({"flow": Input(need("flow", size), (3, size, size), scaled)}, size)
        # ReLU after the pooling says the same as before it, of fewer values.
        self.conv1 = nn.Sequential(nn.Conv2d(3, 32, 5), nn.MaxPool2d(3), nn.ReLU(), nn.BatchNorm2d(32))
        self.conv2 = nn.Sequential(nn.Conv2d(32, 64, 3), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(64))
        self.drop = nn.Dropout2d(dropout)
        edge = ((size - 4) // 3 - 2) // 2  # 9 for 64
        self.head = nn.Sequential(
            FlattenMap(), nn.Linear(64 * edge**2, 256), nn.ReLU(), nn.Dropout(dropout), nn.Linear(256, num_classes)
        )

    def features(self, **batch: Tensor) -> Tensor:
        flow = batch["flow"].contiguous(memory_format=channels_last)  # pooled much faster on a CPU
        maps = self.drop(self.conv1(flow))  # (N, 32, 20, 20)
        return self.drop(self.conv2(maps)).permute(0, 2, 3, 1)  # (N, 9, 9, 64)


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """The names of the released program's weights as ours."""
    ours = {"conv1": "conv1.0", "bn1": "conv1.3", "conv2": "conv2.0", "bn2": "conv2.3", "fc1": "head.1", "fc": "head.4"}
    return {f"{ours[(parts := name.rpartition('.'))[0]]}.{parts[2]}": values for name, values in weights.items()}


@register(
    "sssnet",
    size=64,
    origin=Origin(
        2021,
        "Micro-expression recognition with noisy labels",
        "Varanka, Peng and Zhao",
        "IS&T Electronic Imaging 33 (HVEI)",
        source="tvaranka/meb f731b0a (Apache-2.0)",
        chosen="last epoch, honest",
        notes=("its published flow is Sun's classic+nl-fast, ours is DIS unless prepare.products says otherwise",),
    ),
    released=released,
)
def sssnet(num_classes: int, size: int, *, dropout: float = 0.5) -> SSSNet:
    """SSSNet: one shallow stream on flow and strain, 64 × 64.

    Args: dropout: share of whole maps, and of the values before the last layer, that is dropped in training.
    """
    if size < SMALLEST:
        raise ConfigError(
            f"sssnet: maps of {size} × {size} are too small. Give {SMALLEST} pixels or more; it was made for 64."
        )
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ConfigError(f"sssnet: dropout is {dropout!r}; give a share from 0 to below 1.")
    return SSSNet(num_classes, size, float(dropout))
