"""MPFNet, approximated (Ma, Zhao, Pei, Xie, Yin and Yan, 2025): two pre-trained 3-D encoders joined by few-shot episodes.

Known: a generic encoder (GFE) learns from triplets of clips; an advanced one (AFE) learns classes from magnified copies of which each
class has as many; then both are tuned in episodes, in which a clip is compared with the prototype of each class, in the parallel
form by cosine · GFE + γ · cosine · AFE. The released program cannot run, so the layers are guessed (`ORIGIN.guessed`): this is not
the published network.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Batch, Model, check_choice, check_switch
from tsfmicro.models.checks import check_size, number, whole_number, whole_numbers
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, Stage, TrainingFacts, need

NAME = "mpfnet-approx"
BETWEEN = ("frames", "blend")
COPIES = ("pictures", "maps")
DISTANCES = ("squared", "plain")
MAPS = 5  # u, v, strain, difference, marked difference
REACH = 15.0  # pixels that flow is clipped to
MARKED = 30 / 255  # of grey, the difference that is marked
COARSE = 8  # every so many pixels are compared to tell whether two clips are one
STAGES: Mapping[str, Mapping[str, Any]] = {
    "gfe": {"lr": 1e-2, "weight_decay": 5e-4, "schedule": "constant", "only": ("gfe",)},
    "afe": {"lr": 1e-3, "weight_decay": 5e-4, "sampling": "balanced", "only": ("afe", "classify")},
    "meta": {"lr": 0.05, "weight_decay": 0.0, "schedule": "constant", "sampling": "balanced", "only": ("gfe", "afe")},
}
LAST = -1e4  # of a class that takes no part in an episode


class MPFNet(Model):
    """Maps of the steps from onset to apex (N, copies, steps, 5, size, size), the first copy as filmed → (N, classes).

    The answer is how like a clip is to each class's prototype. When tested, prototypes are running means over the training clips of
    the last stage, kept in buffers: nobody else enters them. A class with fewer than shots + 1 training clips takes no part in
    episodes, but has a prototype and can be answered; one without any is never answered. Until the last stage prototypes are
    noise, and so are the answers.

    Buffers: prototypes: (2, classes, embedding) of GFE and AFE; updates: (classes,) how often each was moved; clips: (classes,) of
    the training side.
    Attributes: stages: "gfe" (triplets), "afe" (magnified copies), "meta" (episodes).
    """

    prototypes: Tensor
    updates: Tensor
    clips: Tensor

    def __init__(
        self,
        num_classes: int,
        size: int,
        steps: int,
        between: str,
        copies: str,
        levels: int,
        factor: float,
        width: int,
        norm: bool,
        squeeze: int,
        embedding: int,
        margin: float,
        distance: str,
        shots: int,
        gamma: float,
        memory: float,
        epochs: tuple[int, ...],
    ) -> None:
        made = levels if copies == "pictures" else 1
        asked = need("steps", size, count=steps, between=between, levels=made, last_factor=factor)
        super().__init__({"maps": Input(asked, (made, steps, MAPS, size, size))}, size)
        self.copies, self.levels, self.factor = copies, levels, factor
        self.margin, self.distance, self.shots, self.gamma, self.memory = margin, distance, shots, gamma, memory
        self.gfe, self.afe = (Encoder(width, norm, squeeze, embedding) for _ in range(2))
        self.classify = nn.Linear(embedding, num_classes)
        self.register_buffer("prototypes", torch.randn(2, num_classes, embedding))
        self.register_buffer("updates", torch.zeros(num_classes))
        self.register_buffer("clips", torch.full((num_classes,), shots + 1.0))
        self.stages = tuple(
            Stage(name, epochs=count or None, optimiser="sgd", momentum=0.9, **its)
            for count, (name, its) in zip(epochs, STAGES.items(), strict=True)
        )

    def begin(self, known: TrainingFacts) -> None:
        """Raises ConfigError: there are not two classes of which an episode could be made."""
        counts = torch.bincount(torch.tensor(list(known.labels.values())), minlength=len(self.clips))
        if (counts > self.shots).sum() < 2:
            raise ConfigError(
                f"{NAME}: fewer than two classes have {self.shots + 1} training clips, {self.shots} to compare with and one to"
                " ask about. Lower model.options.shots, or train on more clips."
            )
        self.clips.copy_(counts)

    def logits(self, **batch: Tensor) -> Tensor:
        alike = self.likeness(self.embedded(batch["maps"][:, 0]), self.prototypes)
        return alike.masked_fill(self.clips == 0, -torch.inf)

    def embedded(self, steps: Tensor) -> list[Tensor]:
        """(N, embedding) of each encoder. steps: (N, steps, 5, H, W) as filmed."""
        seen = scaled(steps)
        return [encoder(seen).float() for encoder in (self.gfe, self.afe)]

    def likeness(self, embedded: list[Tensor], prototypes: Tensor | list[Tensor]) -> Tensor:
        """(N, C) cosine of GFE and γ times that of AFE."""
        generic, advanced = (
            F.normalize(its, dim=1) @ F.normalize(of_classes, dim=1).T
            for its, of_classes in zip(embedded, prototypes, strict=True)
        )
        return generic + self.gamma * advanced

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        self.check(batch)
        maps = batch["maps"]
        if self.stage == "gfe":
            return triplets(self.gfe(scaled(maps[:, 0])).float(), target, self.margin, self.distance == "squared")
        if self.stage == "meta":
            return self.episode(maps[:, 0], target)
        of_copies = F.cross_entropy(self.classify(self.afe(self.magnified(maps))).float(), target)
        return of_copies if self.stage == "afe" else of_copies + F.cross_entropy(self.logits(**batch), target)

    def magnified(self, maps: Tensor) -> Tensor:
        """(N, 5, steps, H, W): of each clip a copy that is drawn anew each time."""
        level = torch.randint(self.levels, maps.shape[:1], device=maps.device)
        if self.copies == "pictures":
            return scaled(maps[torch.arange(len(maps), device=maps.device), level])
        return scaled(maps[:, 0], 1 + (self.factor - 1) * level / max(1, self.levels - 1))

    def episode(self, steps: Tensor, target: Tensor) -> Tensor:
        """Mean cross-entropy of one query for each class of a batch, the last of its clips, against the mean of up to `shots` clips
        before it. A clip that was drawn twice counts once."""
        self.remember(steps, target)
        of_class = F.one_hot(target, len(self.clips)) * anew(steps)[:, None] * (self.clips > self.shots)
        from_last = (of_class.flip(0).cumsum(0).flip(0) * of_class).sum(
            1
        )  # 1 for the last of its class, 0 for who is out
        taking_part = of_class.sum(0) > 1
        support = (of_class * ((from_last > 1) & (from_last <= self.shots + 1))[:, None]).float()
        embedded = self.embedded(steps)
        prototypes = [support.T @ its / support.sum(0).clamp(min=1)[:, None] for its in embedded]
        alike = self.likeness(embedded, prototypes).masked_fill(~taking_part, LAST)
        query = (from_last == 1) & taking_part[target]
        return (F.cross_entropy(alike, target, reduction="none") * query).sum() / query.sum().clamp(min=1)

    @torch.no_grad()
    def remember(self, steps: Tensor, target: Tensor) -> None:
        """Move the prototypes towards these clips of the training side, seen as they would be when tested."""
        encoders = (self.gfe, self.afe)
        for encoder in encoders:
            encoder.eval()
        of_class = F.one_hot(target, len(self.clips)).float() * anew(steps)[:, None]
        counts = of_class.sum(0)[:, None]
        rate = torch.maximum(1 / (self.updates + 1), torch.full_like(self.updates, 1 - self.memory))[:, None]
        for prototypes, its in zip(self.prototypes, self.embedded(steps), strict=True):
            prototypes.lerp_(of_class.T @ its / counts.clamp(min=1), rate * (counts > 0))
        self.updates += counts[:, 0] > 0
        for encoder in encoders:
            encoder.train()


class Encoder(nn.Module):
    """`i3d-small`: a convolution and three blocks of Inception's kind, with attention after the last two. (N, 5, T, H, W) → (N, E)."""

    def __init__(self, width: int, norm: bool, squeeze: int, embedding: int) -> None:
        super().__init__()
        shrink = nn.MaxPool3d(3, stride=2, padding=1)
        mixed = [Mixed(n * width, branch * width, norm) for n, branch in ((1, 1), (3, 2), (7, 4))]
        attention = [Attention(block.width, squeeze) for block in mixed[1:]]
        self.look = nn.Sequential(
            *(convolution(MAPS, width, 3, norm), shrink, mixed[0], shrink, mixed[1], attention[0]),
            *(shrink, mixed[2], attention[1]),
        )
        self.embed = nn.Linear(mixed[-1].width, embedding)

    def forward(self, maps: Tensor) -> Tensor:
        return self.embed(self.look(maps).mean((2, 3, 4)))


class Mixed(nn.Module):
    """1³ and 3³ convolutions beside a pool, one after another in the channels."""

    def __init__(self, width: int, branch: int, norm: bool) -> None:
        super().__init__()
        self.narrow, self.wide = (convolution(width, branch, kernel, norm) for kernel in (1, 3))
        self.pool = nn.MaxPool3d(3, stride=1, padding=1)
        self.width = 2 * branch + width

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.narrow(x), self.wide(x), self.pool(x)], 1)


def convolution(width: int, out_width: int, kernel: int, norm: bool) -> nn.Sequential:
    """Convolution, norm if it is asked for, ReLU."""
    parts: list[nn.Module] = [nn.Conv3d(width, out_width, kernel, padding=kernel // 2, bias=not norm)]
    return nn.Sequential(*parts, *([nn.BatchNorm3d(out_width)] if norm else []), nn.ReLU())


class Attention(nn.Module):
    """Coordinate attention (Hou and others, 2021) with a third axis: a gate for each place along time, height and width."""

    def __init__(self, width: int, squeeze: int) -> None:
        super().__init__()
        inner = max(1, width // squeeze)
        self.share = nn.Sequential(nn.Conv1d(width, inner, 1), nn.BatchNorm1d(inner), nn.ReLU())
        self.gates = nn.ModuleList(nn.Conv1d(inner, width, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        lines = [x.mean(axes) for axes in ((3, 4), (2, 4), (2, 3))]  # (N, C, T), (N, C, H), (N, C, W)
        shared = self.share(torch.cat(lines, 2)).split([line.shape[2] for line in lines], 2)
        time, height, width = (gate(line).sigmoid() for gate, line in zip(self.gates, shared, strict=True))
        return x * time[..., None, None] * height[:, :, None, :, None] * width[:, :, None, None]


def scaled(steps: Tensor, factor: Tensor | None = None) -> Tensor:
    """Maps (N, steps, 5, H, W) → (N, 5, steps, H, W), each from 0 to 1: flow by what it is clipped to, strain by its own range.

    Args: factor: (N,) by which each clip's movement is multiplied first.
    """
    moved, strained, changed, marked = steps.split([2, 1, 1, 1], 2)
    if factor is not None:
        factor = factor[:, None, None, None, None]
        moved, changed = moved * factor, (changed * factor).clamp(max=1)
        marked = torch.maximum(marked, (changed > MARKED).to(marked))
    low, high = strained.amin((3, 4), keepdim=True), strained.amax((3, 4), keepdim=True)
    parts = [
        moved.clamp(-REACH, REACH) / (2 * REACH) + 0.5,
        (strained - low) / (high - low).clamp(min=1e-12),
        changed,
        marked,
    ]
    return torch.cat(parts, 2).transpose(1, 2)


def anew(steps: Tensor) -> Tensor:
    """(N,) whether a clip is not the same as one before it in the batch, told by the flow at some pixels."""
    looks = steps[:, :, :2, ::COARSE, ::COARSE].flatten(1)
    return ~(looks[:, None] == looks).all(-1).tril(-1).any(1)


def triplets(embedded: Tensor, target: Tensor, margin: float, squared: bool) -> Tensor:
    """Mean over all triplets of a batch, a clip, another of its class and one of another, of how far the first two are apart less
    the first and the third, and the margin; 0 where that is below 0, or where there is no triplet. embedded: (N, E)."""
    apart = (embedded[:, None] - embedded).square().sum(-1)
    apart = apart if squared else apart.clamp(min=1e-6).sqrt()
    same = target[:, None] == target
    alike = same & ~torch.eye(len(target), dtype=torch.bool, device=target.device)
    valid = (alike[:, :, None] & ~same[:, None, :]).to(apart)
    missed = (apart[:, :, None] - apart[:, None, :] + margin).clamp(min=0)
    return (missed * valid).sum() / valid.sum().clamp(min=1)


ORIGIN = Origin(
    2025,
    "A multi-prior fusion network for video-based micro-expression recognition",
    "Ma, Zhao, Pei, Xie, Yin and Yan",
    "ICASSP",
    fidelity="named",
    guessed=(
        "steps: 10 between 11 frames; the published frames come from an interpolating network, which is not public",
        "between: the frames there are, evenly from onset to apex; blend shows onset and apex through each other",
        "copies: magnified pictures (phase); maps multiplies flow and difference instead, which is quick",
        "levels: 10 copies of each clip, the first as filmed",
        "factor: 10 for the last copy, those between evenly spaced; every frame is magnified, not the apex alone",
        "maps: flow, strain, difference, and where it is above 30 of 255, as far as the program's comment says; flow is DIS"
        " unless prepare.products says otherwise",
        "width: 64, and branches of 64, 128 and 256; pools 3³ of stride 2 before each block",
        "norm: batch norm after each convolution, as I3D has it; the released sketch has none, and did not learn in a small trial",
        "squeeze: 8, of the coordinate attention with a third axis, after the second and third block",
        "embedding: 128 values, of the global average",
        "margin: 1, over all triplets of a batch",
        "distance: squared, as the figure has it; the program's is plain",
        "shots: 5, and one query of each class that the batch has; batches of class-balanced draws are the episodes",
        "gamma: 0.7, which was chosen on the test result",
        "memory: 0.9 of the running prototypes that are asked when tested",
        "epochs: 60, 80 and 10; batches of 30 in all stages, where 128 and 32 are published for the first two",
    ),
    chosen="test-selected: steps and γ on the test result; which epoch is not stated",
    notes=(
        "the released program (Mac0504/MPFNet 9288094, no licence) cannot run, so there are no numbers to be held to",
        "its support clips at test come from the whole data set; here only training people have prototypes",
        "the form is the parallel one, P; its published CASME II figure of 5 classes is .820 ACC, .819 F1",
        "a class with fewer than 6 training clips is in no episode, but has a prototype and can be answered",
    ),
)


@register(NAME, size=128, origin=ORIGIN)
def mpfnet(
    num_classes: int,
    size: int,
    *,
    steps: int = 10,
    between: str = "frames",
    copies: str = "pictures",
    levels: int = 10,
    factor: float = 10.0,
    width: int = 64,
    norm: bool = True,
    squeeze: int = 8,
    embedding: int = 128,
    margin: float = 1.0,
    distance: str = "squared",
    shots: int = 5,
    gamma: float = 0.7,
    memory: float = 0.9,
    epochs: tuple[int, ...] = (0, 0, 0),
) -> MPFNet:
    """MPFNet, approximated: two encoders, of triplets and of magnified copies, tuned in few-shot episodes; layers are guessed.

    For a quick run on a CPU: size 32, width 8, copies "maps".

    Args:
        steps: from onset to apex. between: "frames" there are, or a "blend" of onset and apex. copies: magnified "pictures", or
            "maps" that are multiplied. levels: how many. factor: of the last one. width: of the first convolution. norm: after each. squeeze: of
            attention. embedding: values of a clip. margin: of triplets. distance: "squared" or "plain". shots: clips of a class
            that a query is compared with. gamma: weight of AFE. memory: of the running prototypes. epochs: of the three stages;
            0 is train.epochs.
    """
    check_size(NAME, size, 16, 128)
    check_choice("between", between, BETWEEN)
    check_choice("copies", copies, COPIES)
    check_choice("distance", distance, DISTANCES)
    check_switch("norm", norm)
    return MPFNet(
        num_classes,
        size,
        whole_number(NAME, "steps", steps),
        between,
        copies,
        whole_number(NAME, "levels", levels),
        number(NAME, "factor", factor, low=1 + 1e-6, below=100 + 1e-6),
        whole_number(NAME, "width", width),
        norm,
        whole_number(NAME, "squeeze", squeeze),
        whole_number(NAME, "embedding", embedding),
        number(NAME, "margin", margin),
        distance,
        whole_number(NAME, "shots", shots),
        number(NAME, "gamma", gamma),
        number(NAME, "memory", memory, below=1),
        whole_numbers(NAME, "epochs", epochs, 3, low=0),
    )
