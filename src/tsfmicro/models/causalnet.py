"""CausalNet: HTNet twice, on the flow before and after the apex and on its direction (Zhang, Tang and Chen, 2025).

One encoder looks at both flows, onset → apex and apex → offset, another at both direction maps. What it makes of each is taken for
four places. The direction maps attend to each other and are added to the flows; then a block reads the two in their order and
against it, and joins both readings. The network is held to the released program. How a direction map is drawn is guessed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.checks import divides, number, whole_number, whole_numbers
from tsfmicro.models.htnet import CROPS, MADE_FOR, PIECES, Encoder, Mosaic, encoder_weights, greys, points_for
from tsfmicro.models.inputs import scaled
from tsfmicro.models.origin import Origin, renamed
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

HEADS = 8
GRID = 2  # places along an edge, into which the values of the encoders' one place are sorted
WHEN = ("before", "after")  # the apex
DIRECTIONS = ("hue", "vectors")
NAMES = (
    (r"^mlp_head\.", "head."),
    (r"^CrossAttention\.layers\.", "cross."),
    (r"^cab\.layers\.0\.1\.temp_", "causal.follow."),
    (r"^cab\.layers\.0\.", "causal."),
    (r"^(cross\.\d+|causal)\.0\.", r"\1.norm."),
    (r"^(cross\.\d+|causal)\.1\.", r"\1.attend."),
    (r"^(cross\.\d+|causal)\.2\.(0|3)\.", lambda found: f"{found[1]}.think.{'02'[found[2] == '3']}."),
    (r"^causal\.3\.", "causal."),
    (r"\bto_q\.", "query."),
    (r"\bto_k\.", "key."),
    (r"\bto_v\.", "value."),
    (r"\bto_kv\.", "keyvalue."),
    (r"\bto_out\.0\.", "out."),
)


class CausalNet(Model):
    """Flow and direction before and after the apex, four times (N, 3, size, size), and points → (N, classes)."""

    def __init__(
        self,
        num_classes: int,
        size: int,
        crops: str,
        direction: str,
        gamma: float,
        width: int,
        blocks: Sequence[int],
        layers: int,
    ) -> None:
        drawn = partial(direction_map, drawn=direction)
        inputs = {
            f"{what}_{when}": Input(need(product, size), (3, size, size), view)
            for what, view in (("flow", greys), ("direction", drawn))
            for when, product in zip(WHEN, ("flow", "fall"), strict=True)
        }
        super().__init__(inputs | points_for(size, crops), size)
        self.mosaic = Mosaic(size, crops)
        self.flows, self.directions = (Encoder(size, PIECES[0], width, blocks, position=True) for _ in range(2))
        self.cross = nn.ModuleList(Cross(width, gamma) for _ in range(layers))
        self.causal = Causal(width, gamma)
        # Nothing between them, as released.
        self.head = nn.Sequential(nn.Linear(3 * GRID**2 * width, 8 * width), nn.Linear(8 * width, num_classes))

    def logits(self, points: Tensor | None = None, **maps: Tensor) -> Tensor:
        before, after = self.places(self.flows, "flow", maps, points)
        to, back = self.places(self.directions, "direction", maps, points)
        for layer in self.cross:
            to, back = layer(to, back)
        return self.head(self.causal(before + to, after + back).flatten(1))

    def places(
        self, encoder: nn.Module, what: str, maps: Mapping[str, Tensor], points: Tensor | None = None
    ) -> Sequence[Tensor]:
        """What an encoder makes of the maps before and after the apex, (N, 1, 1, 4·width) each, sorted into four places:
        (N, 4, width) each. Both are given to it at once."""
        both = torch.stack([maps[f"{what}_{when}"] for when in WHEN], 1).flatten(0, 1)
        mosaic = self.mosaic(both, None if points is None else points.repeat_interleave(len(WHEN), 0))
        seen = encoder(mosaic).flatten(1).unflatten(1, (-1, GRID**2)).mT
        return seen.unflatten(0, (-1, len(WHEN))).unbind(1)


class Nearby(nn.Module):
    """Attention of each place to those of a 2 × 2 grid. queries, values: (N, 4, D) → (N, 4, D).

    The diagonal place is masked: its score is −γ times its number, counted from 1, and what softmax leaves of it is taken away
    afterwards, so that the shares of a place need not add up to 1 (as released).
    """

    near: Tensor
    penalty: Tensor

    def __init__(self, width: int, gamma: float, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.query, self.keyvalue, self.out = (nn.Linear(width, n * width) for n in (1, 2, 1))
        places = torch.arange(GRID**2)
        rows, columns = places // GRID, places % GRID
        near = (rows[:, None] - rows).abs() + (columns[:, None] - columns).abs() < 2
        self.register_buffer("near", near.float(), persistent=False)
        self.register_buffer("penalty", -gamma * (places + 1.0) * ~near, persistent=False)

    def forward(self, queries: Tensor, values: Tensor) -> Tensor:
        query = heads(self.query(queries))
        key, value = (heads(part) for part in self.keyvalue(values).chunk(2, -1))
        scores = query @ key.mT * self.scale * self.near + self.penalty
        return self.out(joined(scores.softmax(-1) * self.near @ value))


class Cross(nn.Module):
    """Two maps attend to each other, the second to what the first has become. (N, 4, D) each → the same."""

    def __init__(self, width: int, gamma: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attend = Nearby(width, gamma, width**-0.5)
        self.think = thinking(width)

    def forward(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        one = one + self.attend(self.norm(one), other)
        other = other + self.attend(self.norm(other), one)
        return one + self.think(one), other + self.think(other)


class Causal(nn.Module):
    """Two maps read in their order and against it. (N, 4, D) each → (N, 3, 4, D): both joined, then the first of each reading."""

    def __init__(self, width: int, gamma: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attend = Nearby(width, gamma, (width // HEADS) ** -0.5)
        self.follow = Following(width)
        self.think = thinking(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, before: Tensor, after: Tensor) -> Tensor:
        before, after = self.norm(before), self.norm(after)
        cause, effect = self.read(before, after)
        last, back = self.read(after, before)
        query, key, value = heads(self.query(effect)), heads(self.key(back)), heads(self.value(effect + back))
        shares = (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1)
        both = self.out(joined(shares @ value) + effect + back)
        return torch.stack([both, cause, last], 1)

    def read(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """One after the other: the second looks, at each place, at the first and at itself."""
        first, second = (each + self.attend(each, each) for each in (first, second))
        second = second + self.follow(first, second)
        return first + self.think(first), second + self.think(second)


class Following(nn.Module):
    """Each place of the second map attends to itself and to its place in the first. (N, 4, D) each → (N, 4, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.keyvalue, self.out = (nn.Linear(width, n * width) for n in (1, 2, 1))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        both = torch.stack([first, second], 2)  # (N, 4, 2, D)
        query = heads(self.query(second[:, :, None]))  # (N, 4, heads, 1, d)
        key, value = (heads(part) for part in self.keyvalue(both).chunk(2, -1))
        shares = (query @ key.mT * query.shape[-1] ** -0.5).softmax(-1)
        return self.out(joined(shares @ value)).squeeze(2)


def heads(x: Tensor) -> Tensor:
    """(…, tokens, D) → (…, heads, tokens, D / heads)."""
    return x.unflatten(-1, (HEADS, -1)).transpose(-2, -3)


def joined(x: Tensor) -> Tensor:
    """(…, heads, tokens, d) → (…, tokens, heads · d)."""
    return x.transpose(-2, -3).flatten(-2)


def thinking(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))


def direction_map(flow: Tensor, drawn: str) -> Tensor:
    """Where each place goes, without how far, as a picture of 0 to 255. flow: (N, 3, H, W), horizontal first → (N, 3, H, W).

    Args: drawn: "hue", the angle as a full colour (blue, green, red: red to the right, then yellow, green, blue clockwise), or
        "vectors", its cosine, its sine, and how far after all, from 0 to the farthest of the clip.
    """
    across, down = flow[:, 0], flow[:, 1]
    if drawn == "vectors":
        far = torch.hypot(across, down)
        unit = torch.stack([across, down], 1) / far.clamp(min=1e-12)[:, None]
        return torch.cat([255 * (unit + 1) / 2, 255 * scaled(far[:, None])], 1)
    turn = torch.atan2(down, across) * (3 / math.pi)  # −3 … 3, sixths of the colour wheel
    return 255 * torch.stack([hue(turn, 4), hue(turn, 2), hue(turn, 0)], 1)


def hue(turn: Tensor, peak: float) -> Tensor:
    """How much of a primary colour is in a hue: all within one sixth of its peak, none from two sixths on."""
    away = 3 - ((turn - peak) % 6 - 3).abs()
    return (2 - away).clamp(0, 1)


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """The released program's weights as ours: without queries and keys of the encoders, which never learn."""
    encoders: dict[str, dict[str, Tensor]] = {"flows": {}, "directions": {}}
    rest = {}
    for name, values in weights.items():
        found = re.match(r"(to_patch_embedding|layers)(1?)\.", name)
        if found is None:
            rest[name] = values
        else:
            part = "directions" if found[2] else "flows"
            encoders[part][f"{found[1]}.{name[found.end() :]}"] = values
    ours = {f"{part}.{name}": values for part, its in encoders.items() for name, values in encoder_weights(its).items()}
    return ours | renamed(rest, NAMES)


@register(
    "causalnet",
    size=MADE_FOR,
    origin=Origin(
        2025,
        "Rethinking key-frame-based micro-expression recognition: a robust and accurate framework against key-frame errors",
        "Zhang, Tang and Chen",
        "ICCV 2025, 12274–12283, arXiv 2508.06640",
        source="tony19980810/CausalNet 7bdf163 (MIT): the network, to whose numbers it is held",
        guessed=(
            "how a direction map is drawn, which the program does not show: the angle as a full colour (direction=hue), or as unit"
            " vectors (direction=vectors)",
        ),
        chosen="strongly test-selected, twice: the best epoch on each test person, where a fold ends at 100 %, of the best of 36"
        " settings (blocks, gamma) on the same folds",
        notes=(
            "as in HTNet its encoders' attention is void: each piece holds one token. Ours leaves out the queries and keys that"
            " never learn: 42 of the 277 million parameters",
            "235 million parameters for 442 clips of 4 × 3 × 28 × 28 numbers; blocks, width and layers make it smaller",
            "the four places of its attention are no places of the face: they are channels of the one that the encoders leave",
            "the cross attention is as deep as the last level of the encoders, since the released program uses a loop's variable"
            " again (layers=0)",
            "masked places get the score 0 before softmax, and what is left of them is taken away after it: shares do not add up"
            " to 1 (as released)",
            "the released class has a gamma of .4, its script sets .5",
            "its third map is the strain, as HTNet's, and its crops lie at the same places in all faces (crops=constants)",
            "a clip needs an offset: without one there is no flow back from its apex",
        ),
    ),
    released=released,
)
def causalnet(
    num_classes: int,
    size: int,
    *,
    crops: str = "constants",
    direction: str = "hue",
    gamma: float = 0.5,
    width: int = 256,
    blocks: Sequence[int] = (3, 3, 9),
    layers: int = 0,
) -> CausalNet:
    """CausalNet: HTNet on flow and direction, before and after the apex; 235 million parameters.

    Args:
        crops: of the maps, as htnet's: "constants" (the same places in all faces, as released), "released", "upright" or "none".
        direction: "hue" or "vectors", how a direction map is drawn.
        gamma: how much less a masked place counts before it is taken away.
        width: of the encoders' first level; the others have twice and four times as much.
        blocks: of each of their three levels.
        layers: of the attention between the direction maps; 0 for as many as the last level has blocks, as released.
    """
    check_choice("causalnet: crops", crops, CROPS)
    check_choice("causalnet: direction", direction, DIRECTIONS)
    if size < MADE_FOR // 2 or size % PIECES[0]:
        raise ConfigError(
            f"causalnet: maps of {size} × {size} cannot be cut into four by four patches. Give a multiple of 4 from"
            f" {MADE_FOR // 2} on; it was made for {MADE_FOR}."
        )
    divides("causalnet", HEADS, whole_number("causalnet", "width", width, HEADS))
    depths = whole_numbers("causalnet", "blocks", blocks, len(PIECES))
    layers = whole_number("causalnet", "layers", layers, 0) or depths[-1]
    return CausalNet(num_classes, size, crops, direction, number("causalnet", "gamma", gamma), width, depths, layers)
