"""SFAMNet: three small streams with attention; one head recognises, another spots (Liong G.-B., Liong S.-T., Chan and See, 2024).

Its third stream sees how depth changes, or strain where there is no depth, as the authors' forerunner. Held to the authors' program,
whose batch norms and dropout are declared and never applied: ours has none.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.losses import balanced
from tsfmicro.models.base import Batch, Model, check_choice, check_share
from tsfmicro.models.blocks import first, last
from tsfmicro.models.inputs import landmarks68, scaled
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, TrainingFacts, need

SMALLEST = 6  # pixels: pooled, a smaller map leaves nothing
FACE, MARGIN = 128, 12  # pixels: edge of the face whose flow is cut, and how far around its points
BROWS_AND_EYES, MOUTH = (*range(17, 27), *range(36, 48)), tuple(range(48, 68))  # of 68 points
SPOTTING, RECOGNISING = 0.9, 0.1  # parts of the two losses


class SFAMNet(Model):
    """Horizontal and vertical flow and strain, or change in depth, each from 0 to 1 (N, 3, 128, 128), and 68 points → (N, classes).

    With `spotting` there is one more output, "neutral", which is never the answer, and `spot`.

    Attributes: class_weight: of the loss, so that each emotion counts as much as the others; learned before training.
    """

    head: Head
    class_weight: Tensor

    def __init__(
        self, num_classes: int, size: int, third: str, spotting: bool, boxes: str, gates: str, jitter: float
    ) -> None:
        edge = size if boxes == "none" else FACE
        inputs = {"flow": Input(need("flow", edge), (3, edge, edge), scaled)}
        if third == "depth":
            inputs = {
                "flow": Input(need("flow", edge), (2, edge, edge), _movement),
                "depth": Input(need("depth", edge, scale="grey"), (1, edge, edge), _change),
            }
        if boxes == "landmarks":
            inputs["points"] = landmarks68(edge)
        super().__init__(inputs, size)
        self.num_classes, self.jitter = num_classes, jitter
        self.sees = nn.ModuleList(Stream(gates == "open") for _ in range(3))
        pooled = (size // 3 - 1) // 2 + 1  # 7 for 42
        self.head = Head(num_classes, pooled, more=int(spotting))
        self.spotting = Head(1, pooled) if spotting else None
        # Not saved: only training asks for it.
        each = torch.cat([torch.ones(num_classes), torch.zeros(int(spotting))])
        self.register_buffer("class_weight", each, persistent=False)

    def features(self, **batch: Tensor) -> Tensor:
        return self.look(self.mosaic(**batch))

    def look(self, seen: Tensor) -> Tensor:
        """(N, 3, 42, 42) → (N, 14, 14, 9)."""
        each = (one.contiguous(memory_format=torch.channels_last) for one in seen.split(1, 1))  # faster on a CPU
        maps = [stream(one) for stream, one in zip(self.sees, each, strict=True)]
        return last(F.max_pool2d(torch.cat(maps, 1), 3))

    def mosaic(self, flow: Tensor, points: Tensor | None = None, depth: Tensor | None = None) -> Tensor:
        """Brows and eyes above the mouth (N, 3, size, size), or the maps themselves where there are no points."""
        maps = flow if depth is None else torch.cat([flow, depth], 1)
        if points is None:
            return maps
        half = self.size // 2, self.size
        return torch.cat([cut(maps, points[:, part], half) for part in (BROWS_AND_EYES, MOUTH)], 2)

    def spot(self, **batch: Tensor) -> Tensor:
        """(N, 1) from 0 to 1: whether this pair of frames is of an expression. Raises ConfigError: there is no such head."""
        if self.spotting is None:
            raise ConfigError("sfamnet: this model has no spotting head. Build it with spotting=True.")
        return self.spotting(self.features(**batch)).sigmoid()

    def begin(self, known: TrainingFacts) -> None:
        self.class_weight[: self.num_classes] = balanced(known.labels.values(), self.num_classes)

    def loss(self, batch: Batch, target: Tensor, spotted: Tensor | None = None) -> Tensor:
        """() 0.1 · cross-entropy of the emotions, and with `spotting` 0.9 · squared error of the spotting.

        Args:
            target: (N,) class numbers; the number of classes for neutral, which does not count.
            spotted: (N,) 1 for a pair that shows an expression, else 0; by default all do, as the clips of a dataset.
        """
        self.check(batch)
        features = self.look(self.jittered(self.mosaic(**batch)))
        loss = RECOGNISING * F.cross_entropy(self.head.all(features).float(), target, self.class_weight)
        if self.spotting is None:
            return loss
        said = self.spotting(features)[:, 0].float().sigmoid()
        return loss + SPOTTING * F.mse_loss(said, torch.ones_like(said) if spotted is None else spotted)

    def jittered(self, maps: Tensor) -> Tensor:
        """Each clip's maps, all three, times one of 0.90, 0.91, …, 1.10, in training."""
        steps = round(100 * self.jitter)
        if not self.training or not steps:
            return maps
        return maps * (1 + 0.01 * torch.randint(-steps, steps + 1, (maps.shape[0], 1, 1, 1), device=maps.device))


class Stream(nn.Module):
    """Two convolutions, attention to channels and places, and a skip. (N, 1, H, W) → (N, 3, H, W)."""

    def __init__(self, opened: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 5, padding=2, bias=False)
        self.conv2 = nn.Conv2d(3, 3, 5, padding=2, bias=False)
        self.channels = nn.Sequential(nn.Linear(3, 1), nn.ReLU(), nn.Linear(1, 3))
        self.places = nn.Conv2d(2, 1, 7, padding=3, bias=False)
        self.skip = nn.Conv2d(1, 3, 1, bias=False)
        if opened:
            with torch.no_grad():
                self.channels.get_parameter("0.bias").abs_()

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv2(self.conv1(x).relu())
        gate = self.channels(maps.mean((2, 3))) + self.channels(maps.amax((2, 3)))  # (N, 3)
        maps = maps * gate.sigmoid()[:, :, None, None]
        gate = self.places(torch.cat([maps.amax(1, keepdim=True), maps.mean(1, keepdim=True)], 1))  # (N, 1, H, W)
        return (maps * gate.sigmoid() + self.skip(x)).relu()


class Head(nn.Module):
    """(N, h, w, 9) → (N, classes); `all` gives what is not an answer too."""

    def __init__(self, classes: int, edge: int, more: int = 0) -> None:
        super().__init__()
        self.classes = classes
        self.conv = nn.Conv2d(9, 8, 5, padding=2)
        self.classify = nn.Linear(8 * edge**2, classes + more)

    def all(self, features: Tensor) -> Tensor:
        """(N, classes + more)."""
        return self.classify(F.max_pool2d(self.conv(first(features)), 3, 2, padding=1).flatten(1))

    def forward(self, features: Tensor) -> Tensor:
        return self.all(features)[:, : self.classes]


def cut(maps: Tensor, points: Tensor, shape: tuple[int, int]) -> Tensor:
    """The box around points, with a margin, in a new shape. (N, C, h, w) and (N, P, 2) as x, y → (N, C, *shape)."""
    edges = torch.tensor([maps.shape[3], maps.shape[2]], device=maps.device)
    start = (points.amin(1) - MARGIN).floor().clamp(min=0).minimum(edges - 1)  # (N, 2)
    end = (points.amax(1) + MARGIN).floor().minimum(edges).maximum(start + 1)

    def along(axis: int, count: int) -> Tensor:
        """(N, count) from −1 to 1 over the whole map: the middles of so many equal parts of the box."""
        low, high = start[:, axis, None], end[:, axis, None]
        middles = low + (torch.arange(count, device=maps.device) + 0.5) * (high - low) / count - 0.5
        return 2 * middles.maximum(low).minimum(high - 1) / (edges[axis] - 1) - 1

    x, y = along(0, shape[1])[:, None, :], along(1, shape[0])[:, :, None]
    grid = torch.stack([x.expand(-1, shape[0], -1), y.expand(-1, -1, shape[1])], 3)
    return F.grid_sample(maps, grid, align_corners=True)


def _movement(flow: Tensor) -> Tensor:
    return scaled(flow[:, :2])


def _change(pair: Tensor) -> Tensor:
    """How depth changes from onset to apex, 0 to 1; what was not measured in both does not. (N, 2, 1, H, W) → (N, 1, H, W)."""
    onset, apex = pair.unbind(1)
    return scaled(torch.where((onset > 0) & (apex > 0), apex - onset, 0))


OURS = {
    **{
        f"c{i + 1}.0.{theirs}": f"sees.{i}.{ours}"
        for i in range(3)
        for theirs, ours in (
            ("conv1", "conv1"),
            ("conv2", "conv2"),
            ("downsample.0", "skip"),
            ("cbam.ChannelGate.mlp.1", "channels.0"),
            ("cbam.ChannelGate.mlp.3", "channels.2"),
            ("cbam.SpatialGate.spatial.conv", "places"),
        )
    },
    "conv1": "spotting.conv",
    "fc_spot": "spotting.classify",
    "conv2": "head.conv",
    "fc_recog": "head.classify",
}


def released(weights: Mapping[str, Tensor], *, spotting: bool = False, **options: object) -> dict[str, Tensor]:
    """The names of the released program's weights as ours, without the batch norms, which it never applies. Neutral, its last output, is no
    class of ours."""
    parts = {name: name.rpartition(".") for name in weights}
    ours = {f"{OURS[parts[n][0]]}.{parts[n][2]}": values for n, values in weights.items() if parts[n][0] in OURS}
    if spotting:
        return ours
    # Without spotting there is no neutral, which comes last.
    return {
        name: values[:-1] if name.startswith("head.classify") else values
        for name, values in ours.items()
        if not name.startswith("spotting")
    }


@register(
    "sfamnet",
    size=42,
    origin=Origin(
        2024,
        "SFAMNet: a scene flow attention-based micro-expression network",
        "Liong G.-B., Liong S.-T., Chan and See",
        "Neurocomputing 566, 126998",
        source="genbing99/SFAMNet a72ecdd (BSD-3)",
        chosen="last step, honest; the thresholds of its spotting were set on the dataset that it is scored on",
        notes=(
            "the published third input is depth, whose making is not released: third='depth' is apex − onset, and needs depth beside"
            " the frames, as CAS(ME)³ has it; 'strain' needs none",
            "how its input is made is not released: brows with eyes above the mouth, cut around 68 points, is its authors'"
            " forerunner. Its flow is TV-L1, ours DIS; boxes 'none' looks at the whole face",
            "spotting=False is recognition alone, and not the published training, which shows it frames of long videos too",
            "spotting=True: trained on clips alone it learns that all are expressions; loss(…, spotted=…) takes other frames",
            "the released neutral has weight 0 and can still win when tested, which is an error there; ours never answers it",
            "the released batch norms and dropout are never applied; ours leaves them out",
            "its channel gates have one hidden value, which four in ten draws of first weights shut: gates 'released'."
            " With 'open' that value starts with no negative bias; a checkpoint says the same in both",
            "the published training takes 1,000 steps of 1,024 clips: on CAS(ME)³, which has fewer, 1,000 epochs",
        ),
    ),
    released=released,
)
def sfamnet(
    num_classes: int,
    size: int,
    *,
    third: str = "strain",
    spotting: bool = False,
    boxes: str = "landmarks",
    gates: str = "open",
    jitter: float = 0.1,
) -> SFAMNet:
    """SFAMNet: three small streams with attention on flow and strain of brows, eyes and mouth, 42 × 42.

    Args:
        third: what the third stream sees, "strain" or how "depth" changes (published).
        spotting: whether it has a second head that says whether a pair of frames is of an expression.
        boxes: "landmarks" (brows and eyes above the mouth, cut around 68 points) or "none" (the whole face).
        gates: first weights of the channel gates, "open" (they can learn) or "released" (as drawn; many never learn).
        jitter: largest part by which the maps are made stronger or weaker in training, in steps of 0.01.
    """
    check_choice("sfamnet: third", third, ("strain", "depth"))
    check_choice("sfamnet: boxes", boxes, ("landmarks", "none"))
    check_choice("sfamnet: gates", gates, ("open", "released"))
    check_share("sfamnet: jitter", jitter)
    if size < SMALLEST or size % 2:
        raise ConfigError(
            f"sfamnet: maps of {size} × {size} cannot be cut in two halves. Give an even number of pixels, {SMALLEST} or"
            " more; it was made for 42."
        )
    return SFAMNet(num_classes, size, third, spotting, boxes, gates, float(jitter))
