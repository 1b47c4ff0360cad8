"""STSTNet: three shallow streams on optical flow and strain (Liong, Gan, See, Khor and Huang, FG 2019).

Each stream is a 3 × 3 convolution (3, 5 and 8 filters), ReLU, batch norm, max-pooling and dropout; their maps are joined,
averaged 2 × 2 and classified by one linear layer: 1,683 parameters for 3 classes. Since the streams look at one and the same
input, the three convolutions with their norms are here one of 16 filters.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model
from tsfmicro.models.inputs import flow
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register

FILTERS = 3 + 5 + 8
SMALLEST = 4  # pixels: a smaller map leaves nothing to average


class STSTNet(Model):
    """Flow (N, 3, size, size) → (N, classes)."""

    def __init__(self, num_classes: int, size: int, dropout: float) -> None:
        super().__init__({"flow": flow(size)}, size)
        self.conv = nn.Conv2d(3, FILTERS, 3, padding=2)
        self.norm = nn.BatchNorm2d(FILTERS)
        self.dropout = dropout
        pooled = (size + 1) // 3 + 1  # edge of the map after max-pooling: 10 for 28
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(FILTERS * (pooled // 2) ** 2, num_classes))

    def features(self, **images: Tensor) -> Tensor:
        # Not channels last, though faster on a CPU: torch's batch norm then sums in float32, and of maps whose greys lie far
        # from 0 the gradient was 1 % off.
        maps = self.norm(self.conv(images["flow"].contiguous()).relu())  # (N, 16, 30, 30)
        maps = F.max_pool2d(maps, 3, 3, padding=1)  # (N, 16, 10, 10)
        maps = F.dropout(maps, self.dropout, self.training)
        return F.avg_pool2d(maps, 2).permute(0, 2, 3, 1)  # (N, 5, 5, 16)


@register(
    "ststnet",
    size=28,
    origin=Origin(
        2019,
        "Shallow triple stream three-dimensional CNN (STSTNet) for micro-expression recognition",
        "Liong, Gan, See, Khor and Huang",
        "IEEE FG",
        chosen="published .735 UF1; re-implemented with the last epoch, honest, .713 (tvaranka/meb)",
        notes=("its flow is TV-L1 between onset and apex, min–max to greys; ready-made maps are read as flow-maps",),
    ),
)
def ststnet(num_classes: int, size: int, *, dropout: float = 0.5) -> STSTNet:
    """STSTNet: three shallow streams on optical flow and strain, 28 × 28.

    Args: dropout: share of the pooled values that is dropped in training.
    """
    if size < SMALLEST:
        raise ConfigError(
            f"ststnet: images of {size} × {size} are too small. Give {SMALLEST} pixels or more; it was made for 28."
        )
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ConfigError(f"ststnet: dropout is {dropout!r}; give a share from 0 to below 1.")
    return STSTNet(num_classes, size, float(dropout))
