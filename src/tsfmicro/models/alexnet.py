"""AlexNet: the baseline of CAS(ME)³ (Li, Dong, Lu, Wang, Yan, Ma, Liu, Huang and Fu, 2022), network of Krizhevsky (2014).

How the baseline was trained is not public. It looks at the apex face by default, and so is a floor: what appearance alone gives.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsfmicro.errors import ConfigError
from tsfmicro.losses import balanced
from tsfmicro.models.base import Batch, Model, check_choice, check_share
from tsfmicro.models.blocks import FlattenMap, last
from tsfmicro.models.inputs import IMAGES, apex
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, TrainingFacts, need

SMALLEST = 63  # pixels: a smaller image leaves nothing to pool
FRAMES = ("apex", "motion", "flow", "rgbd")


class AlexNet(Model):
    """One image (N, 3, size, size), with "rgbd" the apex and how near it is (N, 1, size, size) → (N, classes).

    Attributes: class_weight: of the loss, so that each class counts as much as the others; learned before training.
    """

    class_weight: Tensor

    def __init__(self, num_classes: int, size: int, frame: str, dropout: float, balance: bool) -> None:
        inputs = {frame: IMAGES[frame](size)} if frame != "rgbd" else {"apex": apex(size), "depth": _depth(size)}
        super().__init__(inputs, size)
        self.balance = balance
        self.convolve = nn.Sequential(
            *(
                nn.Conv2d(sum(one.shape[0] or 0 for one in inputs.values()), 64, 11, 4, padding=2),
                nn.ReLU(),
                nn.MaxPool2d(3, 2),
            ),
            *(nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)),
            *(nn.Conv2d(192, 384, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(384, 256, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2)),
            nn.AdaptiveAvgPool2d(6),
        )
        self.head = nn.Sequential(
            *(FlattenMap(), nn.Dropout(dropout), nn.Linear(256 * 6 * 6, 4096), nn.ReLU()),
            *(nn.Dropout(dropout), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, num_classes)),
        )
        self.register_buffer("class_weight", torch.ones(num_classes), persistent=False)  # only training asks for it

    def features(self, **batch: Tensor) -> Tensor:
        return last(self.convolve(torch.cat([batch[name] for name in self.inputs], 1)))  # (N, 6, 6, 256)

    def begin(self, known: TrainingFacts) -> None:
        if self.balance:
            self.class_weight.copy_(balanced(known.labels.values(), len(self.class_weight)))

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        """() mean cross-entropy, weighted by class."""
        return cross_entropy(self(**batch).float(), target, self.class_weight)


def _depth(size: int) -> Input:
    return Input(need("depth", size, scale="grey"), (1, size, size), nearness)


def nearness(pair: Tensor) -> Tensor:
    """Of the apex, 1 for what is nearest to 0 for what is farthest or was not measured. (N, 2, 1, H, W) → (N, 1, H, W)."""
    depth = pair[:, 1]
    far = depth.amax((2, 3), keepdim=True)
    near = torch.where(depth > 0, depth, far).amin((2, 3), keepdim=True)
    return torch.where(depth > 0, (far - depth) / (far - near).clamp(min=1e-12), 0)


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """torchvision's names, which the released program has too, as ours."""
    ours = {"features": "convolve", "classifier.1": "head.2", "classifier.4": "head.5", "classifier.6": "head.7"}
    return {
        ours[part] + name.removeprefix(part): values
        for name, values in weights.items()
        for part in ours
        if name.startswith(f"{part}.")
    }


@register(
    "alexnet",
    size=224,
    origin=Origin(
        2022,
        "CAS(ME)³: a third generation facial spontaneous micro-expression database with depth information and high"
        " ecological validity",
        "Li, Dong, Lu, Wang, Yan, Ma, Liu, Huang and Fu",
        "IEEE TPAMI 45(3), 2023",
        source="wangzhifengharrison/HTNet 91cf4bd (no licence), its copy of torchvision's AlexNet (BSD-3); the database's own"
        " repository has no AlexNet",
        chosen="not known",
        notes=(
            "the network is exact; that it looks at the apex face, and its training (Adam 1e-4, class-balanced), are ours",
            "the only released training loop: raw 0–255 BGR, Adam 5e-5, batches of 256 unshuffled, 800 epochs, last epoch",
            "57 million parameters for 860 clips: near the majority floor, and worth something as one of appearance only",
            "scores of its apex images cannot be compared with those of flow or motion",
            "frame='rgbd' needs depth beside the frames, as CAS(ME)³ has it; nearest 1 and farthest or not measured 0 is ours",
            "torchvision's ImageNet weights fit by name, all but the last layer; of 'rgbd' not the first either",
        ),
    ),
    released=released,
)
def alexnet(num_classes: int, size: int, *, frame: str = "apex", dropout: float = 0.5, balance: bool = True) -> AlexNet:
    """AlexNet on the apex face, baseline of CAS(ME)³: a floor of appearance alone.

    Args:
        frame: "apex", "motion" (apex − onset), "flow", or "rgbd" (the apex with its depth, which few datasets have).
        dropout: share of the values before each of the first two linear layers that is dropped in training.
        balance: whether each class counts as much as the others in the loss.
    """
    check_choice("alexnet: frame", frame, FRAMES)
    check_share("alexnet: dropout", dropout)
    if size < SMALLEST:
        raise ConfigError(
            f"alexnet: images of {size} × {size} are too small. Give {SMALLEST} pixels or more; it was made for 224."
        )
    return AlexNet(num_classes, size, frame, float(dropout), balance)
