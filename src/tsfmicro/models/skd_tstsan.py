"""SKD-TSTSAN: three streams behind learned magnifiers, with self-distillation (Zhu and others, 2024).

Sixteen blocks of the face, the whole face, and two flows (onset → apex, apex → offset) are each magnified in a feature space and
convolved. Blocks get channel gates; the two flows exchange channels. Two helper heads, which only training uses, learn from the
labels and from the main head. Held to the released program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Batch, Model, check_choice
from tsfmicro.models.blocks import MeanMap
from tsfmicro.models.inputs import grey, scaled
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, TrainingFacts, need

BLOCKS = 16
SCALES = ("picture", "pair")
STEP = 16  # pixels: sizes are multiples of it


class Magnifier(nn.Module):
    """Adds to the code of `moved` what is `factor` times its difference from `still`. (N, C, H, W) → (N, 32, H/2, W/2).

    Without `still` from a map of zeros, whose code is zero too: nothing here has a bias.
    """

    def __init__(self, channels: int, factor: float) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            *(_conv(channels, 16, 7), nn.ReLU(), _conv(16, 32, 3, stride=2), nn.ReLU()),
            *(Residual(), Residual(), Residual(), _conv(32, 32, 3), nn.ReLU(), Residual(), Residual()),
        )
        self.compare = nn.Sequential(_conv(32, 32, 7), nn.ReLU())
        self.enlarge = nn.Sequential(_conv(32, 32, 3), Residual())
        self.factor = factor

    def forward(self, moved: Tensor, still: Tensor | None = None) -> Tensor:
        code = self.encode(moved)
        change = code if still is None else code - self.encode(still)
        return code + self.enlarge(self.factor * self.compare(change))


class Residual(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(_conv(32, 32, 3), nn.ReLU(), _conv(32, 32, 3))

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


def _conv(width: int, maps: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(width, maps, kernel, stride, kernel // 2, bias=False, padding_mode="reflect")


class Gate(nn.Module):
    """Each channel times what its neighbours' means and maxima say of it."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        mean, largest = x.mean((2, 3))[:, None], x.amax((2, 3))[:, None]  # (N, 1, C)
        return x * (self.conv(mean) + self.conv(largest)).sigmoid().squeeze(1)[..., None, None]


class Shift(nn.Module):
    """Of two flows one after another, an eighth of the channels comes from the next and an eighth from the one before."""

    def forward(self, x: Tensor) -> Tensor:
        first, second = x.unflatten(0, (-1, 2)).unbind(1)
        eighth = x.shape[1] // 8
        nothing = torch.zeros_like(first[:, :eighth])
        first, second = (
            torch.cat([second[:, :eighth], nothing, first[:, 2 * eighth :]], 1),
            torch.cat([nothing, first[:, eighth : 2 * eighth], second[:, 2 * eighth :]], 1),
        )
        return torch.stack([first, second], 1).flatten(0, 1)


class Stream(nn.Module):
    """What a magnifier made (N, 32, 24, 24) → a map for the main head, with `helpers` those of the helper heads before it."""

    def __init__(self, gated: bool, shifted: bool) -> None:
        super().__init__()

        def step(width: int, maps: int, kernel: int = 3) -> nn.Sequential:
            before = [Shift()] if shifted and kernel == 3 else []
            after = [Gate(3 if maps == 64 else 5)] if gated else []
            conv = nn.Conv2d(width, maps, kernel, padding=1 if kernel == 3 else 0)
            return nn.Sequential(*before, conv, nn.BatchNorm2d(maps), nn.ReLU(), *after)

        self.start = nn.Sequential(step(32, 64, kernel=5), nn.MaxPool2d(5, 2, 2))
        self.middle = nn.Sequential(step(64, 64), step(64, 64), nn.AvgPool2d(3, 2, 1))
        self.end = nn.Sequential(step(64, 128), step(128, 128))
        self.helpers = nn.ModuleList(nn.Sequential(step(64, 128), step(128, 128)) for _ in range(2))

    def forward(self, code: Tensor, helpers: bool) -> list[Tensor]:
        start = self.start(code)
        middle = self.middle(start)
        helped = [helper(x) for helper, x in zip(self.helpers, (start, middle), strict=True)] if helpers else []
        return [*helped, self.end(middle)]


class SKDTSTSAN(Model):
    """Onset, apex and two flows → (N, classes)."""

    counts: Tensor
    set_by_training = ("counts",)

    def __init__(self, num_classes: int, size: int, factor: float, scale: str, dropout: float) -> None:
        small = size * 3 // 8  # 48 for 128
        asked = {
            "pair": Input(need("faces", size, scale="grey"), (2, size, size), grey),
            "rise": Input(need("flow", small), (2, small, small), _scaled_flow),
            "fall": Input(need("fall", small), (2, small, small), _scaled_flow),
        }
        super().__init__(asked, size)
        channels = {"blocks": BLOCKS, "whole": 1, "flows": 2}
        self.magnifiers = nn.ModuleDict({name: Magnifier(n, factor) for name, n in channels.items()})
        self.parts = nn.ModuleDict({name: Stream(name == "blocks", name == "flows") for name in channels})
        self.helpers = nn.ModuleList(_classifier(num_classes, dropout) for _ in range(2))
        self.head = _classifier(num_classes, dropout)
        self.small, self.scale = small, scale
        self.register_buffer("counts", torch.ones(num_classes))

    def begin(self, known: TrainingFacts) -> None:
        clips = torch.bincount(torch.tensor(list(known.labels.values())), minlength=len(self.counts))
        self.counts.copy_(clips)

    def features(self, **batch: Tensor) -> Tensor:
        return self.maps(self.stacked(batch))[0]  # (N, 5, 5, 384)

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        helped1, helped2, main = self.maps(self.stacked(batch), helpers=True)
        said = self.head(main).float()
        seen, known = (
            main.mean((1, 2)).float().detach(),
            said.detach(),
        )  # of the teacher, which learns from the classes alone
        loss = self.focal(said, target)
        for maps, head in zip((helped1, helped2), self.helpers, strict=True):
            loss = loss + 0.9 * self.focal(told := head(maps).float(), target) + 0.1 * distillation(told, known)
            loss = loss + 1e-6 * imitation(maps.mean((1, 2)).float(), seen)
        return loss

    def stacked(self, batch: Batch) -> Tensor:
        """(N, 38, 48, 48), each from 0 to 1: apex, onset, blocks of the apex, blocks of the onset, two flows."""
        pair = batch["pair"].flip(1)
        edge = self.size // 4
        blocks = (
            pair.unflatten(3, (4, edge)).unflatten(2, (4, edge)).transpose(3, 4).flatten(2, 3)
        )  # (N, 2, 16, 32, 32)
        pictures = [self.enlarged(x) for x in (pair[:, :, None], blocks.flatten(1, 2).unflatten(1, (2, BLOCKS)))]
        return torch.cat([*(x.flatten(1, 2) for x in pictures), batch["rise"], batch["fall"]], 1)

    def enlarged(self, x: Tensor) -> Tensor:
        """Pictures of apex and onset (N, 2, P, h, w) → (N, 2, P, 48, 48), each, or each pair, from 0 to 1."""
        x = F.interpolate(x.flatten(1, 2), self.small, mode="bilinear").unflatten(1, x.shape[1:3])
        over = (1, 3, 4) if self.scale == "pair" else (3, 4)
        low, high = x.amin(over, keepdim=True), x.amax(over, keepdim=True)
        return (x - low) / (high - low).clamp(min=1e-12)

    def magnified(self, x: Tensor) -> dict[str, Tensor]:
        """What each stream looks at, (N, 32, 24, 24); of the flows (2N, …), one after another."""
        x = x.contiguous(memory_format=torch.channels_last)  # faster on a CPU
        flows = x[:, 2 + 2 * BLOCKS :].unflatten(1, (2, 2)).flatten(0, 1)
        blocks = x[:, 2 : 2 + 2 * BLOCKS].unflatten(1, (2, BLOCKS))
        seen = {"blocks": blocks.unbind(1), "whole": (x[:, :1], x[:, 1:2]), "flows": (flows,)}
        return {name: self.magnifiers[name](*pair) for name, pair in seen.items()}

    def maps(self, x: Tensor, helpers: bool = False) -> list[Tensor]:
        """(N, 38, 48, 48) → what the heads look at, the main head last: (N, h, w, 384)."""
        each = [self.parts[name](code, helpers) for name, code in self.magnified(x).items()]
        joined = (
            (blocks, whole, flows.unflatten(0, (-1, 2)).mean(1)) for blocks, whole, flows in zip(*each, strict=True)
        )
        return [torch.cat(three, 1).permute(0, 2, 3, 1) for three in joined]

    def focal(self, logits: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy, the less of a clip the surer the answer, and the more the rarer its class on the training side."""
        entropy = F.cross_entropy(logits, target, reduction="none")
        weight = (1 / self.counts.clamp(min=1))[target]
        return (weight * (1 - (-entropy).exp()).square() * entropy).sum() / weight.sum()


def distillation(logits: Tensor, teacher: Tensor, temperature: float = 3.0) -> Tensor:
    said, known = (logits / temperature).log_softmax(1), (teacher / temperature).softmax(1)
    return temperature**2 * F.kl_div(said, known, reduction="batchmean")


def imitation(ours: Tensor, teacher: Tensor) -> Tensor:
    """Squared differences where either is above 0, summed."""
    return ((ours - teacher).square() * ((ours > 0) | (teacher > 0))).sum()


def _classifier(num_classes: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(MeanMap(), nn.Dropout(dropout), nn.Linear(384, num_classes))


def _scaled_flow(flow: Tensor) -> Tensor:
    return scaled(flow[:, :2])


STREAMS = {"L": "blocks", "S": "whole", "T": "flows"}
STEPS = {"conv1": "start.0", "conv2": "middle.0", "conv3": "middle.1", "conv4": "end.0", "conv5": "end.1"}
STEPS |= {f"AC{n + 1}_conv{m + 1}": f"helpers.{n}.{m}" for n in range(2) for m in range(2)}
MAGNIFIER = {
    **{"cba_1": "encode.0", "cba_2": "encode.2", "motion_cba": "encode.7", "g": "compare.0", "h_conv": "enlarge.0"},
    **{f"resblks.{n}.cba_{m + 1}": f"encode.{4 + n}.{2 * m}" for n in range(3) for m in range(2)},
    **{f"motion_resblks.{n}.cba_{m + 1}": f"encode.{9 + n}.{2 * m}" for n in range(2) for m in range(2)},
    **{f"h_resblk.cba_{m + 1}": f"enlarge.1.{2 * m}" for m in range(2)},
}
HEADS = {"fc2": "head.2", "AC1_fc": "helpers.0.2", "AC2_fc": "helpers.1.2"}


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """The names of the released program's weights as ours."""
    return {_ours(name): values for name, values in weights.items()}


def _ours(name: str) -> str:
    path, _, kind = name.rpartition(".")
    if path in HEADS:
        return f"{HEADS[path]}.{kind}"
    if found := re.fullmatch(r"Aug_\w+_([LST])\.(.+)\.conv2d", path):
        return f"magnifiers.{STREAMS[found[1]]}.{MAGNIFIER[found[2]]}.{kind}"
    if found := re.fullmatch(r"(AC\d_|)ECA(\d)\.conv", path):
        return f"parts.blocks.{STEPS[f'{found[1]}conv{found[2]}']}.3.conv.{kind}"
    found = re.fullmatch(r"(AC\d_|)(conv|bn)(\d)_([LST])(\.net)?", path)
    if found is None:
        raise KeyError(name)
    step = f"{found[1]}conv{found[3]}"
    place = (found[2] == "bn") + (found[4] == "T" and step != "conv1")
    return f"parts.{STREAMS[found[4]]}.{STEPS[step]}.{place}.{kind}"


@register(
    "skd-tstsan",
    size=128,
    origin=Origin(
        2024,
        "Three-stream temporal-shift attention network based on self-knowledge distillation for micro-expression recognition",
        "Zhu, Liu, Hu, Sun, Liu, Du, Hao, Liu, Liu, Deng and others",
        "arXiv 2406.17538",
        source="GuanghaoZhu663/SKD-TSTSAN 43ff07e (MIT)",
        chosen="test-selected: best test accuracy of each fold",
        notes=(
            "each picture is scaled by itself, so onset and apex lose their common scale and the magnifier also sees"
            " brightness (scale=pair keeps it)",
            "published: started from weights learned on macro-expressions, and Adam with betas 0.9 and 0.99; ours start new, and"
            " with Adam's usual betas",
            "published: TV-L1 flow kept as JPEG; ours is DIS, not quantised",
            "faces are the whole head's box in the released program, and aligned by five points here",
            "class counts of the focal loss are of the training side; released: of all clips",
        ),
    ),
    released=released,
)
def skd_tstsan(
    num_classes: int, size: int, *, factor: float = 2.0, scale: str = "picture", dropout: float = 0.2
) -> SKDTSTSAN:
    """SKD-TSTSAN: blocks, face and two flows behind learned magnifiers, with self-distillation.

    Args:
        factor: of the difference from the onset that a magnifier adds.
        scale: pictures are scaled to 0 … 1 by themselves ("picture", as released), or onset and apex together ("pair").
        dropout: share of the values before each classifier that is dropped in training.
    """
    check_choice("scale", scale, SCALES)
    if size < 2 * STEP or size % STEP:
        raise ConfigError(
            f"skd-tstsan: faces of {size} × {size} cannot be cut into blocks. Give a multiple of {STEP} from {2 * STEP} on;"
            " it was made for 128."
        )
    if isinstance(factor, bool) or not isinstance(factor, (int, float)) or factor <= 0:
        raise ConfigError(f"skd-tstsan: factor is {factor!r}; give a number above 0.")
    if isinstance(dropout, bool) or not isinstance(dropout, (int, float)) or not 0 <= dropout < 1:
        raise ConfigError(f"skd-tstsan: dropout is {dropout!r}; give a share from 0 to below 1.")
    return SKDTSTSAN(num_classes, size, float(factor), scale, float(dropout))
