"""AU-GCN: patches around landmarks through small transformers, weighed by a graph of action units (Lei and others, 2021).

The brows and the mouth are read by an encoder each; which action units the training side shows together decides how the vectors
of the units mix, and each unit is one number of the answer. `form` is the authors' network or the open re-implementation of it,
both held to those programs' numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.inputs import grey, scaled
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, TrainingFacts, need

UNITS = (1, 2, 4, 10, 12, 14, 15, 17, 25)
BROW_UNITS = 3
POINTS = (*range(17, 27), *range(48, 68))  # of 68: brows, then mouth
BROWS, MOUTH = 10, 20
PATCH = 7
LAYERS, HEADS, HEAD = 6, 8, 16
FORMS = ("authors", "remade")
DEPTHS = ("released", "published")
PLACES = ("released", "published")
SMALLEST = 16


class Attention(nn.Module):
    """Eight heads, then what came in, then a norm. (N, T, 49) → the same."""

    def __init__(self, form: str) -> None:
        super().__init__()
        width, inner = PATCH**2, HEADS * HEAD
        self.query, self.key, self.value = (nn.Linear(width, inner, bias=False) for _ in range(3))
        self.out = nn.Linear(inner, width, bias=form == "remade")
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.drop_look = nn.Dropout(0.1 if form == "authors" else 0.0)
        self.drop = nn.Dropout(0.5 if form == "authors" else 0.1)

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            part(x).unflatten(2, (HEADS, HEAD)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        look = self.drop_look((HEAD**-0.5 * query @ key.transpose(2, 3)).softmax(-1))  # (N, 8, T, T)
        return self.norm(x + self.drop(self.out((look @ value).transpose(1, 2).flatten(2))))


class FeedForward(nn.Module):
    def __init__(self, form: str) -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(PATCH**2, 128), nn.Linear(128, PATCH**2)
        self.norm = nn.LayerNorm(PATCH**2, eps=1e-6)
        self.drop = nn.Dropout(0.5 if form == "authors" else 0.1)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(x + self.drop(self.narrow(self.wide(x).relu())))


class Reader(nn.Module):
    """Tokens of a region (N, T, 49) → a vector (N, 160)."""

    def __init__(self, tokens: int, layers: int, form: str) -> None:
        super().__init__()
        self.layers = nn.Sequential(*(nn.Sequential(Attention(form), FeedForward(form)) for _ in range(layers)))
        self.join = nn.Sequential(
            *(
                nn.Flatten(),
                nn.Linear(tokens * PATCH**2, 320),
                nn.ReLU(),
                nn.Dropout(0.5),
                nn.Linear(320, 160),
                nn.ReLU(),
            )
        )

    def forward(self, tokens: Tensor) -> Tensor:
        return self.join(self.layers(tokens))


class Units(nn.Module):
    """A vector for each action unit (9, 160), mixed with those of the units it is shown together with."""

    adjacency: Tensor

    def __init__(self, form: str) -> None:
        super().__init__()
        self.embedding = nn.Parameter(torch.randn(len(UNITS), 40) * (0.01 if form == "authors" else 1.0))
        self.first = nn.Parameter(torch.empty(40, 80).uniform_(-(80**-0.5), 80**-0.5))
        self.second = nn.Parameter(torch.empty(80, 160).uniform_(-(160**-0.5), 160**-0.5))
        self.register_buffer("adjacency", torch.eye(len(UNITS)))

    def forward(self) -> Tensor:
        seen: Tensor = self.embedding
        for weight in (self.first, self.second):
            seen = F.leaky_relu(self.adjacency @ (seen @ weight), 0.2)
        return seen


class AUGCN(Model):
    """Apex − onset and 68 landmarks → (N, classes)."""

    def __init__(self, num_classes: int, size: int, form: str, depth: str, places: str) -> None:
        asked = {
            "change": Input(need("faces", size, scale="grey"), (1, size, size), _change),
            "landmarks": Input(need("landmarks68", size), (68, 2)),
        }
        super().__init__(asked, size)
        self.look = nn.Sequential(
            nn.Conv2d(len(POINTS), len(POINTS), 3, padding=1, groups=len(POINTS)),
            nn.BatchNorm2d(len(POINTS)),
            nn.ReLU(),
            nn.Flatten(2),
        )
        # The authors' loop feeds each layer the tokens and keeps the last one's answer: the others are never used.
        layers = 1 if form == "authors" and depth == "released" else LAYERS
        self.brows, self.mouth = Reader(BROWS, layers, form), Reader(MOUTH, layers, form)
        self.units = Units(form)
        self.norm = nn.LayerNorm(len(UNITS), eps=1e-6)
        self.classify = nn.Linear(len(UNITS), num_classes)
        self.form = form
        self.turned = form == "remade" and places == "released"

    def begin(self, known: TrainingFacts) -> None:
        shown = torch.tensor([[n in units.numbers for n in UNITS] for units in known.action_units.values()])
        if not shown.any():
            raise ConfigError(
                f"au-gcn: no clip of the training side shows one of its action units, {', '.join(map(str, UNITS))}, not"
                f" {next(iter(known.action_units), 'any')} either. Fill in the action units of the dataset's sheet."
            )
        self.units.adjacency.copy_(adjacency(together(shown.reshape(-1, len(UNITS)).float(), self.form), self.form))

    def logits(self, **batch: Tensor) -> Tensor:
        points = batch["landmarks"][:, POINTS]
        cut = patches(batch["change"], points.flip(-1) if self.turned else points)
        return self.classify(self.norm(self.shown(cut)))

    def shown(self, cut: Tensor) -> Tensor:
        """Patches (N, 30, 7, 7) → how far each action unit is shown, (N, 9)."""
        brows, mouth = self.look(cut).split((BROWS, MOUTH), 1)  # (N, 10, 49), (N, 20, 49)
        units = self.units()  # (9, 160)
        return torch.cat([self.brows(brows) @ units[:BROW_UNITS].T, self.mouth(mouth) @ units[BROW_UNITS:].T], 1)


def patches(change: Tensor, points: Tensor) -> Tensor:
    """7 × 7 pixels around each point, zeros beyond the border. (N, 1, H, W), (N, P, 2) as x, y → (N, P, 7, 7)."""
    reach, width = PATCH // 2, change.shape[3]
    padded = F.pad(change[:, 0], (reach,) * 4)
    corner = points.round().long().clamp(0, width - 1)  # of the patch, in the padded picture
    steps = torch.arange(PATCH, device=points.device)
    rows = corner[..., 1, None, None] + steps[:, None]
    columns = corner[..., 0, None, None] + steps
    clips = torch.arange(change.shape[0], device=points.device).view(-1, 1, 1, 1)
    return padded[clips, rows, columns]


def together(shown: Tensor, form: str) -> Tensor:
    """How often unit j comes with unit i, 0 on the diagonal. shown: (clips, 9) of 0 and 1."""
    both = shown.T @ shown
    once = both.diagonal().clamp(min=1)
    return (both / (once if form == "authors" else once[:, None])).fill_diagonal_(0)


def adjacency(together: Tensor, form: str) -> Tensor:
    """D^−½ Aᵀ D^−½ of A = C + I; the degree is a row's sum, or remade how many of it are not 0."""
    joined = together + torch.eye(len(together))
    degree = joined.sum(1) if form == "authors" else (joined != 0).sum(1).float()
    scale = degree.rsqrt()
    return scale[:, None] * joined.T * scale


def _change(pair: Tensor) -> Tensor:
    onset, apex = grey(pair).unbind(1)
    return scaled((apex - onset).abs()[:, None])


AUTHORS = {
    **{
        "depth_wise_conv": "look.0",
        "bn1": "look.1",
        "embedding": "units.embedding",
        "layer_norm1": "norm",
        "linear5": "classify",
    },
    **{"linear1": "brows.join.1", "linear3": "brows.join.4", "linear2": "mouth.join.1", "linear4": "mouth.join.4"},
    **{"gc1_1": "units.first", "gc1_2": "units.second"},
}
REMADE = {
    **{"graph.DWConv.0.block.0": "look.0", "graph.DWConv.0.block.1": "look.1", "au_gcn.embedding": "units.embedding"},
    **{
        f"graph.{a}_layer.{n}": f"{b}.join.{n}"
        for (a, b), n in product((("eyebrow", "brows"), ("mouth", "mouth")), (1, 4))
    },
    **{"au_gcn.graph_weight_one": "units.first", "au_gcn.graph_weight_two": "units.second"},
    **{"au_fusion.linear": "classify", "au_fusion.layer_norm": "norm"},
}
PARTS = {
    **{"slf_attn.w_qs": "0.query", "slf_attn.w_ks": "0.key", "slf_attn.w_vs": "0.value", "slf_attn.fc": "0.out"},
    **{
        "slf_attn.layer_norm": "0.norm",
        "pos_ffn.w_1": "1.wide",
        "pos_ffn.w_2": "1.narrow",
        "pos_ffn.layer_norm": "1.norm",
    },
    **{
        "attn.q_w": "0.query",
        "attn.k_w": "0.key",
        "attn.v_w": "0.value",
        "attn.proj": "0.out",
        "attn.layer_norm": "0.norm",
    },
    **{"feedforward.layer.0": "1.wide", "feedforward.layer.2": "1.narrow", "feedforward.layer_norm": "1.norm"},
}
REGIONS = {
    "layer_stack": "brows",
    "layer_stack1": "mouth",
    "graph.eyebrow_encoder": "brows",
    "graph.mouth_encoder": "mouth",
}


def released(weights: Mapping[str, Tensor], *, depth: str = "released", **options: object) -> dict[str, Tensor]:
    """The names of the authors' weights, or of the re-implementation's, as ours. Layers that the released depth does not use are
    left out."""
    last = "A" in weights or "linear5.weight" in weights
    ours = {}
    for name, values in weights.items():
        path, _, kind = name.rpartition(".")
        if found := re.fullmatch(r"(.+?)\.(\d)\.((?:slf|pos|attn|feed).+)", path):
            number = int(found[2])
            if last and depth == "released":
                if number < LAYERS - 1:
                    continue
                number = 0
            ours[f"{REGIONS[found[1]]}.layers.{number}.{PARTS[found[3]]}.{kind}"] = values
        elif name == "A":
            ours["units.adjacency"] = (
                values if values is None else adjacency(values - torch.eye(len(values)), "authors")
            )
        else:
            place = (AUTHORS | REMADE)[path]
            ours[place if place.startswith("units.") else f"{place}.{kind}"] = values
    return ours


@register(
    "au-gcn",
    size=128,
    origin=Origin(
        2021,
        "Micro-expression recognition based on facial graph representation learning and facial action unit fusion",
        "Lei, Chen, Li and Li",
        "CVPR Workshops (AUVi)",
        source="raying777/FGRMER 1ed1be2 (the authors', no licence); Justin900429/Facial-Graph-Representation-Learning a41fe68"
        " (re-implementation, MIT)",
        chosen="unknown, surely on the test person; re-implementation: epoch of the best training accuracy",
        notes=(
            "its picture is |apex − onset|, from 0 to 1; published: the motion features of a learned magnifier, whose weights"
            " have no licence",
            "the authors' encoder is one layer deep, for each of its six layers is fed the tokens (depth=published chains them);"
            " the re-implementation chains them always",
            "the re-implementation cuts patches at [x, y] for [y, x] (places=published does not)",
            "co-occurrence, its degree and its orientation differ between the two; the training side alone is counted",
            "the re-implementation counts anew in each fold and keeps that in no file: its weights are a start (convert --start), and no"
            " model that answers",
            "a patch at the border is filled with zeros; released: cut short",
            "the authors' training program is not released; theirs repeats clips until classes are equal",
        ),
    ),
    released=released,
)
def au_gcn(
    num_classes: int, size: int, *, form: str = "authors", depth: str = "released", places: str = "released"
) -> AUGCN:
    """AU-GCN: landmark patches through small transformers, weighed by a graph of action units.

    Args:
        form: the "authors" network, or the one "remade" of it.
        depth: of the authors' encoders: one layer, as "released", or six, as "published".
        places: where the remade one cuts: x and y exchanged, as "released", or as "published".
    """
    check_choice("form", form, FORMS)
    check_choice("depth", depth, DEPTHS)
    check_choice("places", places, PLACES)
    if size < SMALLEST:
        raise ConfigError(
            f"au-gcn: faces of {size} × {size} are too small. Give {SMALLEST} pixels or more; it was made for 128."
        )
    return AUGCN(num_classes, size, form, depth, places)
