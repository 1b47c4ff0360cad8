"""Upper-face 3-D network (Matharaarachchi and Pasha, 2020): two small clips, the eyes and the nose, convolved over time.

Late fusion joins what two convolutions made of each stream, early fusion what the first made. It is the released forerunner of
DSSTDN (2025), whose own sizes are not published. Held to a transcription of the released program. There a box is found on
every frame and jitters by more than the face moves: here the onset's box holds for the clip.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.inputs import grey
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

EDGE, FRAMES, MAPS = 32, 30, 32  # of a small clip, and of each convolution
PLACES = (4, 4, 10)  # rows, columns and frames after the first convolution
FACE = 256  # pixels: edge of the faces that the margins below are meant for
SMALLEST = 32
FUSIONS = ("late", "early")


class Slopes(nn.Module):
    """ReLU with a learned slope below 0, one for each map and place, 0 at the start."""

    def __init__(self) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.zeros(MAPS, *PLACES))

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(x > 0, x, self.alpha * x)


class Scaled(nn.Module):
    """Minus the mean, over the largest value that is left (about −0.5 … 1), both of all that training has shown so far."""

    mean: Tensor
    largest: Tensor
    seen: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("largest", torch.tensor(255.0))
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.largest.copy_(torch.where(self.seen > 0, self.largest, x.min()).maximum(x.max()))
            self.seen += x.shape[0]
            self.mean += (x.mean() - self.mean) * x.shape[0] / self.seen
        return (x - self.mean) / (self.largest - self.mean).clamp(min=1e-6)


class Stream(nn.Module):
    """A region's clip (N, 1, 32, 32, 30) → (N, 32, 4, 4, 10), after one convolution or two."""

    def __init__(self, deep: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(1, MAPS, (20, 20, 9), (10, 10, 3), (9, 9, 3))
        self.act1 = Slopes()
        self.deep = deep
        if deep:
            self.conv2 = nn.Conv3d(MAPS, MAPS, 3, padding=1)
            self.act2 = Slopes()

    def forward(self, clip: Tensor) -> Tensor:
        seen: Tensor = self.act1(self.conv1(clip))
        return self.act2(self.conv2(seen)) if self.deep else seen


class UpperFace3D(Model):
    """Grey frames, however many, and 68 landmarks of the onset → (N, classes)."""

    def __init__(self, num_classes: int, size: int, fusion: str, dropout: float) -> None:
        asked = {
            "frames": Input(need("frames", size, scale="grey"), (None, size, size), grey),
            "landmarks": Input(need("landmarks68", size), (68, 2)),
        }
        super().__init__(asked, size)
        late = fusion == "late"
        self.scale_eyes, self.scale_nose = Scaled(), Scaled()
        self.eyes, self.nose = Stream(late), Stream(late)
        if not late:
            self.conv2 = nn.Conv3d(2 * MAPS, MAPS, 3, padding=1)
            self.act2 = Slopes()
        self.late = late
        self.classify = nn.Linear((1 + late) * MAPS * 4 * 4 * 10, num_classes)
        nn.init.normal_(self.classify.weight, std=0.05)
        self.drop = nn.Dropout(dropout)

    def logits(self, **batch: Tensor) -> Tensor:
        frames = middle(batch["frames"], batch["frames_length"])  # (N, 30, size, size)
        eyes, nose = (cut(frames, box) for box in boxes(batch["landmarks"], self.size))
        return self.drop(
            self.joined(self.scale_eyes(eyes), self.scale_nose(nose))
        )  # the logits themselves, as released

    def joined(self, eyes: Tensor, nose: Tensor) -> Tensor:
        """Two clips (N, 1, 32, 32, 30), scaled → (N, classes)."""
        eyes, nose = self.eyes(eyes), self.nose(nose)
        if self.late:
            return self.classify(torch.cat([eyes.flatten(1), nose.flatten(1)], 1))
        return self.classify(self.act2(self.conv2(torch.cat([eyes, nose], 1))).flatten(1))


def middle(frames: Tensor, length: Tensor, count: int = FRAMES) -> Tensor:
    """The middle frames of a longer clip; a shorter one is repeated from its start. (N, T, H, W) → (N, count, H, W)."""
    start = torch.div(length - count, 2, rounding_mode="floor").clamp(min=0)
    wanted = start[:, None] + torch.arange(count, device=length.device)
    chosen = wanted % length[:, None]
    places = chosen[:, :, None, None].expand(-1, -1, *frames.shape[2:])  # an index of two tensors cannot be exported
    return frames.gather(1, places)


def boxes(points: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Eyes and nose of 68 landmarks (N, 68, 2): top, bottom, left, right, (4, N) each, pixels within the face."""
    x, y, pixel = points[..., 0], points[..., 1], size / FACE
    eyes = (
        y[:, [18, 19, 23, 24]].amin(1) - 20 * pixel,
        y[:, [36, 39, 40, 41, 42, 45, 46, 47]].amax(1) + 10 * pixel,
        x[:, [17, 18, 36]].amin(1),
        x[:, [25, 26, 45]].amax(1),
    )
    nose = (y[:, 27] - 5 * pixel, y[:, 31:36].amax(1) + 5 * pixel, x[:, 31], x[:, 35])
    return torch.stack(eyes).clamp(0, size), torch.stack(nose).clamp(0, size)


def cut(frames: Tensor, box: Tensor) -> Tensor:
    """A box of all frames, shrunk to 32 × 32 by averaging over areas. (N, T, H, W) → (N, 1, 32, 32, T)."""
    top, bottom, left, right = box
    rows = _areas(top, bottom, frames.shape[2])[:, None]  # (N, 1, 32, H)
    columns = _areas(left, right, frames.shape[3])[:, None]
    return (rows @ frames @ columns.transpose(2, 3)).permute(0, 2, 3, 1)[:, None]


def _areas(low: Tensor, high: Tensor, size: int) -> Tensor:
    """How much of each of 32 equal parts from low to high each pixel is. (N,), (N,) → (N, 32, size)."""
    low = low.clamp(max=size - 1)[:, None]
    width = (high[:, None] - low).clamp(min=1) / EDGE
    starts = (low + width * torch.arange(EDGE, device=low.device))[..., None]
    pixels = torch.arange(size, device=low.device)
    covered = torch.minimum(starts + width[..., None], pixels + 1) - torch.maximum(starts, pixels)
    return covered.clamp(min=0) / width[..., None]


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """The names of the transcription's weights are ours."""
    return dict(weights)


@register(
    "upper-face-3d",
    size=128,
    origin=Origin(
        2020,
        "Upper facial fuse network for micro-expression recognition (the released forerunner of DSSTDN, 2025)",
        "Matharaarachchi and Pasha",
        "program; DSSTDN: Neural Computing and Applications 37(3)",
        source="a transcription of NikinGeethila/Upper_Facial_Fuse_Network_for_Micro_Expression_Recognition f33b3f3"
        " (no licence), which was not run",
        chosen="test-selected and leaking: the fold of clips that is watched is the test fold, people on both sides",
        notes=(
            "DSSTDN's own layer sizes are not published: this is not a row of DSSTDN",
            "one box per clip, the onset's; released: a box per frame, which jitters",
            "mean and largest value are of the training side, gathered while it trains; released: of all clips",
            "these two are in no file, so that weights from elsewhere are a start (convert --start), and no model that answers",
            "frames are in the order of their numbers; released: in the order of the folder",
            "margins of the boxes are pixels of a face of 256, which the program does not say",
            "dropout falls on the logits, as released",
            "the third stream (left eye, right eye and nose) is not here",
        ),
    ),
    released=released,
)
def upper_face_3d(num_classes: int, size: int, *, fusion: str = "late", dropout: float = 0.5) -> UpperFace3D:
    """Upper-face 3-D network, forerunner of DSSTDN: clips of the eyes and of the nose.

    Args:
        fusion: "late", after two convolutions of each stream, or "early", after the first.
        dropout: share of the logits that is dropped in training.
    """
    check_choice("fusion", fusion, FUSIONS)
    if size < SMALLEST:
        raise ConfigError(f"upper-face-3d: faces of {size} × {size} are too small. Give {SMALLEST} pixels or more.")
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ConfigError(f"upper-face-3d: dropout is {dropout!r}; give a share from 0 to below 1.")
    return UpperFace3D(num_classes, size, fusion, float(dropout))
