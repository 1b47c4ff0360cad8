"""MERSiamC3D, approximated (Zhao, Tao, Zhang, Xu, Zhang, Hao and Chen, 2021): a siamese 3-D network, then classes.

Known: key frames stand for the clip, so that what repeats is dropped and motion around the apex remains; a 3-D network first
learns whether two clips are of one class; then its structure and weights are adjusted and it is trained for classes with focal
loss. All sizes are guessed (`ORIGIN.guessed`): this is not the published network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.losses import focal
from tsfmicro.models.base import Batch, Model, check_choice
from tsfmicro.models.checks import check_size, number, whole_number, whole_numbers
from tsfmicro.models.inputs import frames as frames_of
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Stage, TrainingFacts

NAME = "mersiamc3d-approx"
LOOKS = ("difference", "frames")
KEYS = ("motion", "even")
DEPTH = 5  # convolutions of the trunk


class MERSiamC3D(Model):
    """Frames from onset to offset (N, candidates, 3, size, size), of which `keys` are looked at → (N, classes).

    Attributes: stages: "pairs" trains trunk and embedding on whether clips are of one class, "classes" the rest.
    """

    weights: Tensor

    def __init__(
        self,
        num_classes: int,
        size: int,
        candidates: int,
        keys: int,
        choose: str,
        look: str,
        widths: tuple[int, ...],
        embedding: int,
        dropout: float,
        margin: float,
        frozen: int,
        gamma: float,
        epochs: tuple[int, ...],
    ) -> None:
        super().__init__({"frames": frames_of(size, candidates)}, size)
        self.keys, self.choose, self.look = keys, choose, look
        self.margin, self.gamma = margin, gamma
        self.trunk = nn.Sequential(
            *(block(*step) for step in zip((3, *widths), widths, [(1, 2, 2), *[(2, 2, 2)] * (DEPTH - 1)], strict=False))
        )
        self.embed = nn.Sequential(nn.Linear(widths[-1], embedding), nn.ReLU(), nn.Dropout(dropout))
        self.classify = nn.Sequential(nn.Dropout(dropout), nn.Linear(widths[-1], num_classes))
        self.register_buffer("weights", torch.ones(num_classes))
        learning = tuple(f"trunk.{n}." for n in range(frozen, DEPTH))
        self.stages = (
            Stage("pairs", epochs=epochs[0] or None, sampling="balanced", only=("trunk", "embed")),
            Stage("classes", epochs=epochs[1] or None, only=(*learning, "classify")),
        )

    def begin(self, known: TrainingFacts) -> None:
        """α of the focal loss: the rarer a class is on the training side, the heavier."""
        counts = torch.zeros(len(self.weights))
        for label in known.labels.values():
            counts[label] += 1
        inverse = torch.where(counts > 0, 1 / counts.clamp(min=1), 0)
        self.weights.copy_(inverse * (counts > 0).sum() / inverse.sum().clamp(min=1e-12))

    def seen(self, frames: Tensor) -> Tensor:
        """(N, D) of (N, candidates, 3, H, W)."""
        moved = frames - frames[:, :1]
        if self.choose == "motion":
            frames, moved = (key_frames(some, moved, self.keys) for some in (frames, moved))
        else:
            places = torch.linspace(0, frames.shape[1] - 1, self.keys).round().long().tolist()
            frames, moved = frames[:, places], moved[:, places]
        clip = moved if self.look == "difference" else frames
        return self.trunk(clip.transpose(1, 2)).mean((2, 3, 4))

    def logits(self, **batch: Tensor) -> Tensor:
        return self.classify(self.seen(batch["frames"]))

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        self.check(batch)
        seen = self.seen(batch["frames"])
        loss = seen.new_zeros(())
        if self.stage in ("", "pairs"):
            loss = loss + contrast(self.embed(seen).float(), target, self.margin)
        if self.stage != "pairs":
            loss = loss + focal(self.classify(seen).float(), target, self.gamma, self.weights)
        return loss


def block(width: int, out_width: int, pool: tuple[int, int, int]) -> nn.Sequential:
    """Convolution 3³, norm, ReLU, pooling: what is left over at an edge is pooled too."""
    return nn.Sequential(
        nn.Conv3d(width, out_width, 3, padding=1, bias=False),
        nn.BatchNorm3d(out_width),
        nn.ReLU(),
        nn.MaxPool3d(pool, ceil_mode=True),
    )


def key_frames(frames: Tensor, moved: Tensor, count: int) -> Tensor:
    """The frames at which evenly spaced shares of the clip's whole motion have passed: many where it moves much. The one that is
    farthest from the onset, the apex, stands for the nearest of them.

    Args: frames, moved: (N, T, …), the second being differences to the onset. Returns: (N, count, …); the first is the onset.
    """
    motion = moved.flatten(2).abs().mean(2)  # (N, T)
    passed = motion.cumsum(1) / motion.sum(1, keepdim=True).clamp(min=1e-12)
    shares = torch.linspace(0, 1 - 1e-4, count, device=frames.device)
    places = (passed[:, None] < shares[:, None]).sum(-1).clamp(max=frames.shape[1] - 1)  # (N, count)
    apex = motion.argmax(1, keepdim=True)
    nearest = 1 + (places[:, 1:] - apex).abs().argmin(1, keepdim=True)
    places = torch.where(torch.arange(count, device=frames.device) == nearest, apex, places)
    picked = F.one_hot(places, frames.shape[1]).to(frames)
    return (picked @ frames.flatten(2)).unflatten(2, frames.shape[2:])


def contrast(embedded: Tensor, target: Tensor, margin: float) -> Tensor:
    """Contrastive loss of all pairs of a batch; those of one class weigh as much as those of two. 0 where there is no pair."""
    unit = F.normalize(embedded, dim=1)
    apart = (2 - 2 * unit @ unit.T).clamp(min=1e-6).sqrt()  # (N, N)
    same = target[:, None] == target
    pairs = torch.ones_like(same).triu(1)
    alike, unlike = (same & pairs).to(apart), (~same & pairs).to(apart)
    near = (alike * apart.square()).sum() / alike.sum().clamp(min=1)
    far = (unlike * (margin - apart).clamp(min=0).square()).sum() / unlike.sum().clamp(min=1)
    return (near + far) / 2


ORIGIN = Origin(
    2021,
    "A two-stage 3D CNN based learning method for spontaneous micro-expression recognition",
    "Zhao, Tao, Zhang, Xu, Zhang, Hao and Chen",
    "Neurocomputing 448",
    fidelity="named",
    guessed=(
        "candidates: 32 frames, evenly from onset to offset, 112 × 112, of which key frames are chosen",
        "keys: 11 of them",
        "choose: onset, apex (the candidate farthest from the onset) and nine where evenly spaced shares of the summed distance to the"
        " onset have passed, instead of a network that adapts",
        "look: at RGB differences to the onset",
        "widths: five convolutions 3³ of 64, 128, 256, 256 and 512 with batch norm; pools 1×2×2, then 2³",
        "embedding: 1024 values, normalised, on the global average; dropout 0.5",
        "margin: 1, in a contrastive loss over all pairs of a batch, of one class and of two weighing the same",
        "frozen: the first three convolutions, when classes are learned",
        "gamma: 2 in the focal loss; α is the inverse frequency of a class on the training side",
        "training: Adam 1e-4, batches of 16, epochs: 50 and 50",
    ),
    chosen="unknown; treat as test-selected",
    notes=(
        "no program is public and the paper's text was not at hand: only the ideas are the paper's",
        "the 3-class ACC that TSFmicro's paper gives for it is UAR, from MEGC2019",
    ),
)


@register(NAME, size=112, origin=ORIGIN)
def mersiamc3d(
    num_classes: int,
    size: int,
    *,
    candidates: int = 32,
    keys: int = 11,
    choose: str = "motion",
    look: str = "difference",
    widths: tuple[int, ...] = (64, 128, 256, 256, 512),
    embedding: int = 1024,
    dropout: float = 0.5,
    margin: float = 1.0,
    frozen: int = 3,
    gamma: float = 2.0,
    epochs: tuple[int, ...] = (0, 0),
) -> MERSiamC3D:
    """MERSiamC3D, approximated: a 3-D network that learns pairs, then classes; all sizes are guessed.

    Args:
        candidates: frames that key frames are chosen from. keys: how many. choose: by "motion", or "even".
        look: at "difference" to the onset, or at "frames". widths: of the five convolutions. embedding: values of a clip that
            are compared. margin: of the contrastive loss. frozen: convolutions that classes do not change. gamma: of the focal
            loss. epochs: of pairs and of classes; 0 is train.epochs.
    """
    check_size(NAME, size, 8, 112)
    check_choice("choose", choose, KEYS)
    check_choice("look", look, LOOKS)
    return MERSiamC3D(
        num_classes,
        size,
        whole_number(NAME, "candidates", candidates, low=2),
        whole_number(NAME, "keys", keys, low=2),
        choose,
        look,
        whole_numbers(NAME, "widths", widths, DEPTH),
        whole_number(NAME, "embedding", embedding),
        number(NAME, "dropout", dropout, below=1),
        number(NAME, "margin", margin),
        min(whole_number(NAME, "frozen", frozen, low=0), DEPTH),
        number(NAME, "gamma", gamma),
        whole_numbers(NAME, "epochs", epochs, 2, low=0),
    )
