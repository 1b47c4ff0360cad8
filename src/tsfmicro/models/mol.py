"""MOL: the expression, the optical flow and the landmarks of a short clip, learned together (Shao and others, 2025).

Eight grey frames, no key frame. Of each neighbouring pair both frames are seen through one stack of convolutions, through
convolutions as long as the map, and through differences to similar places. From these maps of all pairs the expression is told; in
training the flow of each pair and the landmarks of its second frame are told too. Held to the released program.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Batch, Model, check_choice, check_share
from tsfmicro.models.blocks import FlattenMap, last
from tsfmicro.models.checks import number, whole_number
from tsfmicro.models.inputs import grey, landmarks68
from tsfmicro.models.origin import Origin, renamed
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, Stage, need

MADE_FOR, FRAMES, WIDTH, NEIGHBOURS = 128, 8, 128, 4
REACH, STRIDE = 10, 2  # of the correlation: steps to each side, and pixels of a step
STEP, LARGEST = 64, 256  # pixels
MODES = ("released", "published")
ASLEEP = "asleep"
LEFT_EYE, RIGHT_EYE = slice(36, 42), slice(42, 48)  # of 68 points


class MOL(Model):
    """Eight grey frames (N, 8, size, size) → (N, classes); in training also flow of neighbours and points of each frame."""

    near_ties = 0.02  # noise has many: with new weights one that falls the other way moves logits by 0.003 to 0.005

    def __init__(
        self,
        num_classes: int,
        size: int,
        mode: str,
        awake: int,
        flow: float,
        points: float,
        dropout: float,
    ) -> None:
        frames = Input(need("frames", size, scale="grey", count=FRAMES), (FRAMES, size, size), standardised)
        targets = {}
        if flow:
            targets["flows"] = Input(need("between", size, count=FRAMES), (FRAMES - 1, 2, size, size))
        if points:
            targets["points"] = landmarks68(size, frames=True, count=FRAMES)
        super().__init__({"frames": frames}, size, targets)
        self.flow_weight, self.points_weight = flow, points
        if mode == "released":
            self.stages = (Stage("awake", epochs=awake), Stage(ASLEEP))
        self.stack = nn.Sequential(
            nn.Conv2d(1, 8, 4, 2), nn.Conv2d(8, 32, 3, 2), nn.Conv2d(32, 64, 2, 2, 1), nn.Conv2d(64, WIDTH, 1)
        )  # nothing between them, as released
        side = edge_of_maps(size)
        self.wholes = nn.ModuleList(Whole(side) for _ in range(2))  # of the first and of the second frame of a pair
        self.relations = nn.ModuleList(Relation(side) for _ in range(2))
        self.over_time = nn.Sequential(nn.Conv3d(WIDTH, 32, (2, 2, 5), (2, 2, 1)), nn.MaxPool3d(2))
        pooled = (side // 4) ** 2 * 32 * (2 * (FRAMES - 1) - 4) // 2
        self.head = nn.Sequential(
            *(FlattenMap(), nn.Dropout(dropout), nn.Linear(pooled, 256), nn.ReLU(), nn.Dropout(dropout)),
            nn.Linear(256, num_classes),
        )
        self.flow = FlowNet() if flow else None
        self.points = Points(side) if points else None

    def train(self, mode: bool = True) -> MOL:
        """In training mode, unless it is asleep: the released program wakes nobody after its first test."""
        super().train(mode and self.stage != ASLEEP)
        return self

    def features(self, **batch: Tensor) -> Tensor:
        return self.over(*self.maps(batch["frames"]))

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        frames = batch["frames"]
        before, after = self.maps(frames)
        loss = F.cross_entropy(self.head(self.over(before, after)).float(), target)
        if self.flow is not None:
            off = self.flows(frames, before, after).float() - batch["flows"]
            loss = loss + self.flow_weight * off.square().mean() / (FRAMES - 1)
        if self.points is not None:
            loss = loss + self.points_weight * self.off_points(self.landmarks(after).float(), batch["points"][:, 1:])
        return loss

    def maps(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Of the first and the second frame of each pair, (N, 7, 128, h, w) each."""
        seen = self.stack(frames.flatten(0, 1)[:, None]).unflatten(0, frames.shape[:2])  # (N, 8, 128, 16, 16)
        before, after = (by_pair(w, x) for w, x in zip(self.wholes, (seen[:, :-1], seen[:, 1:]), strict=True))
        one, other = self.relations
        return before + by_pair(one, before), after + by_pair(other, after)

    def flows(self, frames: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """(N, 7, 2, size, size) of neighbouring frames, whose maps are before and after: horizontal and vertical, pixels."""
        assert self.flow is not None, "built without flow"
        return by_pair(self.flow, frames[:, :-1, None], frames[:, 1:, None], before, after)

    def landmarks(self, after: Tensor) -> Tensor:
        """(N, 7, 68, 2) of the second frame of each pair, x and y in pixels."""
        assert self.points is not None, "built without points"
        return by_pair(self.points, after).unflatten(2, (-1, 2))

    @staticmethod
    def off_points(told: Tensor, points: Tensor) -> Tensor:
        """() distances along x and y in distances between the eyes, summed over frames, means over points and clips."""
        eyes = (points[:, :, LEFT_EYE].mean(2) - points[:, :, RIGHT_EYE].mean(2)).norm(dim=-1).clamp(min=1)  # (N, 7)
        return ((told - points).abs().sum((2, 3)) / eyes).sum(1).mean() / told.shape[2]

    def over(self, before: Tensor, after: Tensor) -> Tensor:
        """All maps one after another, convolved over time: (N, 4, 4, 160), frames within channels."""
        film = torch.stack([before, after], 2).flatten(1, 2).movedim(1, -1)  # (N, 128, 16, 16, 14)
        return last(self.over_time(film).movedim(-1, 2).flatten(1, 2))


def by_pair(part: nn.Module, *maps: Tensor) -> Tensor:
    """What a part makes of maps (N, 7, …). In training one pair comes after another, as released: a batch norm sees one at a time."""
    if part.training:
        return torch.stack([part(*each) for each in zip(*(x.unbind(1) for x in maps), strict=True)], 1)
    return part(*(x.flatten(0, 1) for x in maps)).unflatten(0, maps[0].shape[:2])


class Whole(nn.Module):
    """Convolutions as long as the map, round its edge: half the channels down, then across, the others the other way.

    (N, 128, side, side) → the same.
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.halves = nn.ModuleList(Half(side, axes) for axes in ((2, 3), (3, 2)))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([half(part) for half, part in zip(self.halves, x.chunk(2, 1), strict=True)], 1)


class Half(nn.Module):
    """x + two depthwise convolutions, along one axis and then along the other, each with a position added before it."""

    def __init__(self, side: int, axes: tuple[int, int]) -> None:
        super().__init__()
        self.one, self.other = (Line(side, axis) for axis in axes)
        self.norm = nn.BatchNorm2d(WIDTH // 2)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.other(self.one(self.norm(x + self.one.position)) + self.other.position)


class Line(nn.Module):
    """A depthwise convolution along one axis, whose end is followed by its start."""

    def __init__(self, side: int, axis: int) -> None:
        super().__init__()
        self.axis = axis
        shape = (side, 1) if axis == 2 else (1, side)
        self.kernel = nn.Parameter(torch.empty(WIDTH // 2, 1, *shape))
        nn.init.kaiming_uniform_(self.kernel, a=5**0.5)
        self.bias = nn.Parameter(torch.randn(WIDTH // 2))
        self.position = nn.Parameter(torch.randn(WIDTH // 2, *shape))

    def forward(self, x: Tensor) -> Tensor:
        start = x.narrow(self.axis, 0, x.shape[self.axis] - 1)
        return F.conv2d(torch.cat([x, start], self.axis), self.kernel, self.bias, groups=WIDTH // 2)


class Relation(nn.Module):
    """How a place differs from those most like it. (N, 128, side, side) → the same.

    Over the places of a map each channel is one vector: linear layers look at all places of a channel at once (as released).
    """

    def __init__(self, side: int) -> None:
        super().__init__()
        self.own, self.off = (nn.Linear(side**2, side**2) for _ in range(2))

    def forward(self, maps: Tensor) -> Tensor:
        x = maps.flatten(2)  # (N, 128, places)
        unit = F.normalize(x, dim=1)
        alike = (unit.mT @ unit).topk(NEIGHBOURS, -1).indices.mT  # (N, 4, places)
        at = alike[:, :, None].expand(-1, -1, x.shape[1], -1)
        differences = x[:, None].expand(-1, NEIGHBOURS, -1, -1).gather(3, at) - x[:, None]
        # The place is taken away once more (as released).
        edges = F.relu(self.own(x)[:, None] + self.off(differences - x[:, None]))
        return edges.amax(1).unflatten(2, maps.shape[2:])


class Points(nn.Module):
    """Landmarks from a frame's map, (N, 128, side, side) → (N, 136): x and y of one point after another."""

    def __init__(self, side: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *(nn.Conv2d(WIDTH, 32, 3), nn.ReLU(), nn.Flatten()),
            *(nn.Linear(32 * (side - 2) ** 2, 512), nn.ReLU(), nn.Linear(512, 136)),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return self.layers(maps)


class FlowNet(nn.Module):
    """A correlation network for optical flow that is given what MOL made of both frames, too.

    Two grey frames (N, 1, size, size) and their maps (N, 128, size / 8, size / 8) → (N, 2, size, size), pixels.
    """

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.ModuleList([step(1, 64, 6, 2, 2), step(64, 128, 4, 2, 1), step(128, 256, 2, 2, 0)])
        self.keep = step(256, 32, 1)
        self.join = step((2 * REACH + 1) ** 2 + 32 + 2 * WIDTH, 256, 3)
        self.down = nn.ModuleList(
            nn.Sequential(step(width, out, 3, 2, 1), step(out, out, 3))
            for width, out in ((256, 512), (512, 512), (512, 1024))
        )
        skips, widths = (512, 512, 256, 128, 64, 1), (512, 256, 128, 128, 64, 32)
        ins = [1024, *(skip + width + 2 for skip, width in zip(skips, widths, strict=True))]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(width, out, 4, 2, 1, bias=False) for width, out in zip(ins[:-1], widths, strict=True)
        )
        self.tell = nn.ModuleList(nn.Conv2d(width, 2, 3, padding=1, bias=False) for width in ins)
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(2, 2, 4, 2, 1, bias=False) for _ in widths)

    def forward(self, before: Tensor, after: Tensor, maps_before: Tensor, maps_after: Tensor) -> Tensor:
        skips, other = [before], after
        for layer in self.look:
            skips.append(layer(skips[-1]))
            other = layer(other)
        related = F.leaky_relu(correlation(skips[-1], other), 0.1)
        x = self.join(torch.cat([self.keep(skips.pop()), related, maps_before, maps_after], 1))
        for layer in self.down:
            skips.append(x)
            x = layer(x)
        flow = self.tell[0](x)
        for up, tell, enlarge in zip(self.up, self.tell[1:], self.enlarge, strict=True):
            x = torch.cat([skips.pop(), F.leaky_relu(up(x), 0.1), enlarge(flow)], 1)
            flow = tell(x)
        return flow


def step(width: int, out: int, kernel: int, stride: int = 1, padding: int | None = None) -> nn.Sequential:
    around = kernel // 2 if padding is None else padding
    return nn.Sequential(
        nn.Conv2d(width, out, kernel, stride, around, bias=False), nn.BatchNorm2d(out), nn.LeakyReLU(0.1)
    )


def correlation(one: Tensor, other: Tensor) -> Tensor:
    """Mean product of each place with places around it in the other map, 0 outside. (N, C, h, w) each → (N, 441, h, w)."""
    height, width = one.shape[2:]
    products = one.flatten(2).mT @ other.flatten(2) / one.shape[1]  # (N, places, places)
    offsets = STRIDE * torch.arange(-REACH, REACH + 1, device=one.device)
    rows = torch.arange(height, device=one.device)[:, None] + offsets  # (h, 21)
    columns = torch.arange(width, device=one.device)[:, None] + offsets  # (w, 21)
    at = rows[:, None, :, None] * width + columns[:, None, :]  # (h, w, 21, 21)
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, :]
    at = torch.where(inside, at, height * width).flatten(2).flatten(0, 1)  # what is outside is the zero put at the end
    found = F.pad(products, (0, 1)).gather(2, at.expand(products.shape[0], -1, -1))
    return found.mT.unflatten(2, (height, width))


def edge_of_maps(size: int) -> int:
    """16 for 128."""
    return (((size - 4) // 2 + 1 - 3) // 2 + 1) // 2 + 1


def standardised(frames: Tensor) -> Tensor:
    """Grey frames of each clip minus their mean, over the largest value that is left. (N, 8, 3, H, W) → (N, 8, H, W)."""
    light = grey(frames)
    light = light - light.mean((1, 2, 3), keepdim=True)
    return light / light.amax((1, 2, 3), keepdim=True).clamp(min=1e-6)


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """The released program's weights as ours: without a part that it never uses, and no more taps than the map has places."""
    side = edge_of_maps(MADE_FOR)
    ours = renamed(weights, NAMES, UNUSED)
    for name, values in ours.items():
        if re.search(r"kernel$|position$", name):
            ours[name] = (values if name.endswith("kernel") else values[0])[..., :side, :side]
        elif name.startswith("relations.") and values.ndim == 3:
            ours[name] = values[:, 0]
        elif name == "head.2.weight":  # theirs takes time last, ours within the channels of a place
            edge = side // 4
            ours[name] = values.unflatten(1, (32, edge, edge, -1)).movedim(-1, 2).flatten(1)
    return ours


def _line(found: re.Match[str]) -> str:
    """Of the whole convolutions: what the released program calls 1 and 2 are steps, and down comes first in the first half."""
    frame, kind, number, axis = found["frame"], found["kind"] or "bias", int(found["step"]), found["axis"]
    half = 0 if (axis == "H") == (number == 1) else 1
    return (
        f"wholes.{int(frame) - 1}.halves.{half}.{('one', 'other')[number - 1]}.{'position' if kind == 'pe' else kind}"
    )


UNUSED = ("FCC_1.ffn.", "FCC_2.ffn.")
NAMES = (
    (r"^conv_stack\.conv_stack\.", "stack."),
    (r"^FCC_(?P<frame>\d)\.meta_(?:(?P<kind>kernel|pe)_)?(?P<step>\d)_(?P<axis>[HW])(?:_bias)?$", _line),
    (r"^FCC_(\d)\.pre_Norm_(\d)\.", lambda found: f"wholes.{int(found[1]) - 1}.halves.{int(found[2]) - 1}.norm."),
    (r"^CCC_(\d)\.conv(\d)\.", lambda found: f"relations.{int(found[1]) - 1}.{('own', 'off')[int(found[2]) - 1]}."),
    (r"^mer_3dcnn\.conv3d\.", "over_time.0."),
    (r"^mer_3dcnn\.fc1\.", "head.2."),
    (r"^mer_3dcnn\.fc2\.", "head.5."),
    (r"^ldm_predictor\.convldm\.", "points.layers.0."),
    (r"^ldm_predictor\.fc1\.", "points.layers.3."),
    (r"^ldm_predictor\.fc2\.", "points.layers.5."),
    (r"^flownet\.conv_redir\.", "flow.keep."),
    (r"^flownet\.conv3_1\.", "flow.join."),
    (r"^flownet\.conv([123])\.", lambda found: f"flow.look.{int(found[1]) - 1}."),
    (r"^flownet\.conv([456])(_1)?\.", lambda found: f"flow.down.{int(found[1]) - 4}.{int(bool(found[2]))}."),
    (r"^flownet\.deconv(\d)\.0\.", lambda found: f"flow.up.{5 - int(found[1])}."),
    (r"^flownet\.predict_flow(\d)\.", lambda found: f"flow.tell.{6 - int(found[1])}."),
    (r"^flownet\.upsampled_flow(\d)_to_\d\.", lambda found: f"flow.enlarge.{6 - int(found[1])}."),
)


@register(
    "mol",
    size=MADE_FOR,
    origin=Origin(
        2025,
        "MOL: joint estimation of micro-expression, optical flow, and landmark via transformer-graph-style convolution",
        "Shao, Cheng, Li, Zhou, Lu, Xie and Ma",
        "IEEE TPAMI 2025, arXiv 2506.14511",
        source="CYF-cuber/MOL 0a75455 (no licence)",
        chosen="not known: the best accuracy on each test person is logged and its weights are kept; the pooled table is the last"
        " epoch's",
        notes=(
            "the released program trains in training mode until its first test, and never again: then without dropout, and with"
            " batch statistics that stay (mode=released; awake says how many epochs come before)",
            "an epoch of the released program has some 40 samples of a clip: 8 frames from every start of the step, each in 5"
            " random crops. Ours has one, evenly spaced from onset to offset; train.augment.pad moves the crop",
            "the released test samples are made by the same routine, so that its accuracy counts random crops, not clips, and a"
            " long clip weighs more; ours counts clips",
            "released clips are scaled by mean and maximum of all clips of a person, test people too; ours each by itself",
            "clips below 8 frames are dropped there; ours give some frames twice",
            "its landmark weight is .5 in the program and .1 in the README (points)",
            "the landmark targets of its five crops are shifted in place, so that the shifts add up; ours do not",
            "its flow is TV-L1, ours is DIS unless prepare.products says otherwise; landmarks are of another network",
            "faces are cut round eyes, nose and mouth there, and aligned by five points here",
            "neighbours are sought among places, not among channels as in the paper, and the place is taken away twice (as released)",
            "what never learns is left out: a part that is declared and not used, and taps beyond the map, 18,180 weights",
            "to tell a class takes 1.1 of the 44 million parameters, and no flow or landmarks",
        ),
    ),
    released=released,
)
def mol(
    num_classes: int,
    size: int,
    *,
    mode: str = "published",
    awake: int = 40,
    flow: float = 10.0,
    points: float = 0.5,
    dropout: float = 0.5,
) -> MOL:
    """MOL: expression, optical flow and landmarks of eight frames, learned together; 44 million parameters.

    Args:
        mode: training mode throughout ("published"), or only at first ("released").
        awake: epochs in training mode, where mode is "released"; train.epochs follow. 40 are as many steps as the first epoch
            of the released program.
        flow, points: weights of the losses of flow and landmarks; at 0 a part is not built, and its targets are not prepared.
        dropout: share of the values before each layer of the classifier that is dropped in training.
    """
    check_choice("mol: mode", mode, MODES)
    check_share("mol: dropout", dropout)
    if size % STEP or not STEP <= size <= LARGEST:
        raise ConfigError(
            f"mol: frames of {size} × {size} cannot be halved six times. Give 64, 128, 192 or 256; it was made for {MADE_FOR}."
        )
    awake, flow = whole_number("mol", "awake", awake), number("mol", "flow", flow)
    return MOL(num_classes, size, mode, awake, flow, number("mol", "points", points), float(dropout))
