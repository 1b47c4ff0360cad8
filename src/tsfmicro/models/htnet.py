"""HTNet: a hierarchical transformer on four pieces of the flow (Wang, Zhang, Luo and Sankaranarayana, 2024).

The map is cut around both eyes and both corners of the mouth, and the four crops are laid side by side. Three levels follow, in which
pieces of the map attend inside themselves. At the published sizes a piece is a single token, so that its attention is a linear map:
the queries and keys of the released program never learn, and ours has none there. With more `tokens` ours attends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.blocks import first, last
from tsfmicro.models.checks import whole_numbers
from tsfmicro.models.inputs import landmarks, scaled
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, need

PIECES = (4, 2, 1)  # along an edge, at each level
HEADS = (3, 6, 12)
MADE_FOR = 28  # pixels
# x and y in a face of 28 pixels: eyes and mouth corners, where the released program's detector finds no face.
CONSTANTS = ((9.53, 11.06), (21.40, 10.92), (10.26, 22.12), (20.58, 22.26))
CROPS = ("released", "upright", "constants", "none")


class HTNet(Model):
    """Strain, vertical and horizontal flow, 0 to 255 (N, 3, size, size), and landmarks (N, 5, 2) → (N, classes)."""

    def __init__(self, num_classes: int, size: int, tokens: int, width: int, blocks: Sequence[int], crops: str) -> None:
        inputs = {"flow": Input(need("flow", size), (3, size, size), greys)}
        super().__init__(inputs | points_for(size, crops), size)
        self.mosaic = Mosaic(size, crops)
        self.encoder = Encoder(size, tokens, width, blocks)
        self.head = nn.Sequential(nn.LayerNorm(4 * width), MeanOverPlaces(), nn.Linear(4 * width, num_classes))

    def features(self, **batch: Tensor) -> Tensor:
        return self.encoder(self.mosaic(**batch))  # (N, 1, 1, 1024)


class Mosaic(nn.Module):
    """Maps (N, C, size, size) and, where faces have their own, points (N, 5, 2) → the crops around eyes and mouth corners,
    laid side by side; (N, C, size, size) as the map itself."""

    centres: Tensor

    def __init__(self, size: int, crops: str) -> None:
        super().__init__()
        self.size, self.crops = size, crops
        self.register_buffer("centres", torch.tensor(CONSTANTS) * size / MADE_FOR, persistent=False)

    def forward(self, flow: Tensor, points: Tensor | None = None) -> Tensor:
        if self.crops == "none":
            return flow
        eyes_and_mouth = self.centres.expand(flow.shape[0], -1, -1) if points is None else points[:, [0, 1, 3, 4]]
        corners = eyes_and_mouth.flip(2) if self.crops == "upright" else eyes_and_mouth  # (N, 4, 2) as row, column
        # The released program takes x for the row and y for the column, which exchanges right eye and left mouth corner.
        quarter = self.size // 4
        around = torch.arange(-quarter, quarter, device=flow.device)
        places = corners.clamp(quarter, 3 * quarter).long()[..., None] + around  # (N, 4, 2, size / 2)
        one, two, three, four = (crop(flow, places[:, i, 0], places[:, i, 1]) for i in range(4))
        return torch.cat([torch.cat([one, two], 3), torch.cat([three, four], 3)], 2)


def points_for(size: int, crops: str) -> dict[str, Input]:
    """The input by which a mosaic finds its places, where it does not know them."""
    return {"points": landmarks(size)} if crops in ("released", "upright") else {}


class Encoder(nn.Module):
    """A mosaic (N, 3, size, size) → (N, tokens / 4, tokens / 4, 4·width).

    Args: position: whether the last level has a position weight too, which a norm right behind it would take away.
    """

    def __init__(self, size: int, tokens: int, width: int, blocks: Sequence[int], position: bool = False) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, width, size // tokens, size // tokens)
        side = tokens // PIECES[0]  # tokens along the edge of a piece: 1 as published
        widths = [width, 2 * width, 4 * width]
        self.levels = nn.ModuleList(
            Level(*level, side, position=position or i < 2)
            for i, level in enumerate(zip(widths, HEADS, PIECES, blocks, strict=True))
        )
        self.between = nn.ModuleList([Shrink(width), Shrink(2 * width)])

    def forward(self, mosaic: Tensor) -> Tensor:
        maps = last(self.embed(mosaic))  # (N, 4, 4, 256)
        for level, shrink in zip(self.levels, self.between, strict=False):
            maps = shrink(level(maps))
        return self.levels[-1](maps)


class Level(nn.Module):
    """Transformer blocks that each look at one piece of the map. (N, h, w, D) → the same."""

    def __init__(self, width: int, heads: int, pieces: int, blocks: int, side: int, position: bool) -> None:
        super().__init__()
        self.pieces = pieces
        # One number for all channels: the next norm takes it away, so that only a convolution behind the level sees it.
        self.position = nn.Parameter(torch.randn(side**2)) if position else None
        self.blocks = nn.ModuleList(Block(width, heads, side**2) for _ in range(blocks))

    def forward(self, maps: Tensor) -> Tensor:
        cut = maps.unflatten(2, (self.pieces, -1)).unflatten(1, (self.pieces, -1))  # (N, pieces, h, pieces, w, D)
        places = cut.transpose(2, 3).flatten(3, 4)  # (N, pieces, pieces, tokens, D)
        if self.position is not None:
            places = places + self.position[:, None]
        for block in self.blocks:
            places = block(places)
        return places.unflatten(3, cut.shape[2:5:2]).transpose(2, 3).flatten(3, 4).flatten(1, 2)


class Block(nn.Module):
    """x + attention, then x + MLP. (…, tokens, D) → the same."""

    def __init__(self, width: int, heads: int, tokens: int) -> None:
        super().__init__()
        self.attend = nn.Sequential(nn.LayerNorm(width), Attention(width, heads, tokens))
        self.think = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attend(x)
        return x + self.think(x)


class Attention(nn.Module):
    """Among the tokens of a piece; one that is alone has itself, and needs neither query nor key."""

    def __init__(self, width: int, heads: int, tokens: int) -> None:
        super().__init__()
        inner = width // heads * heads  # 255 of 256
        self.heads, self.alone = heads, tokens == 1
        self.look = nn.Linear(width, inner if self.alone else 3 * inner, bias=False)
        self.out = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        if self.alone:
            return self.out(self.look(x))
        query, key, value = self.look(x).unflatten(-1, (3, self.heads, -1)).movedim(-3, 0).transpose(-2, -3)
        return self.out(scaled_dot_product_attention(query, key, value).transpose(-2, -3).flatten(-2))


class Shrink(nn.Module):
    """To twice the width, and half the places along an edge. (N, h, w, D) → (N, h/2, w/2, 2·D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.norm = nn.LayerNorm(2 * width)
        self.pool = nn.MaxPool2d(3, 2, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        return last(self.pool(first(self.norm(last(self.conv(first(maps)))))))


class MeanOverPlaces(nn.Module):
    """(N, h, w, D) → (N, D)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean((1, 2))


def crop(maps: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """(N, C, H, W) at rows (N, h) and columns (N, w) → (N, C, h, w)."""
    channels, width = maps.shape[1], maps.shape[3]
    high = maps.gather(2, rows[:, None, :, None].expand(-1, channels, -1, width))
    return high.gather(3, columns[:, None, None, :].expand(-1, channels, rows.shape[1], -1))


def greys(flow: Tensor) -> Tensor:
    """Each channel of each clip from 0 to 255, in the order in which the released program loads them: strain, v, u."""
    return 255 * scaled(flow).flip(1)


def released(weights: Mapping[str, Tensor], **options: object) -> dict[str, Tensor]:
    """The released program's weights as ours: without what never learns, 1 × 1 convolutions as linears."""
    ours = encoder_weights(weights)
    return {
        name if name.startswith("head.") else f"encoder.{name}": values
        for name, values in ours.items()
        if name != "levels.2.position"
    }


def encoder_weights(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights of a released encoder, and of HTNet's head, under the names that they have in `Encoder` and in `HTNet`."""
    alone = all(len(values) == 1 for name, values in weights.items() if name.endswith("pos_emb"))
    return {_name(name): _shaped(name, values, alone) for name, values in weights.items()}


def _name(name: str) -> str:
    renamed = {
        "to_patch_embedding.1": "embed",
        "mlp_head.0": "head.0",
        "mlp_head.2": "head.2",
        **{f"layers.{i}.1.0": f"between.{i}.conv" for i in range(2)},
        **{f"layers.{i}.1.1": f"between.{i}.norm" for i in range(2)},
        **{f"layers.{i}.0.layers": f"levels.{i}.blocks" for i in range(3)},
        **{f"layers.{i}.0.pos_emb": f"levels.{i}.position" for i in range(3)},
    }
    start = next((start for start in renamed if name.startswith(start)), "")
    rest = name.removeprefix(start)
    inside = {
        ".0.norm.": ".attend.0.",
        ".0.fn.to_qkv.": ".attend.1.look.",
        ".0.fn.to_out.0.": ".attend.1.out.",
        ".1.norm.": ".think.0.",
        ".1.fn.net.0.": ".think.1.",
        ".1.fn.net.3.": ".think.3.",
    }
    for theirs, mine in inside.items():
        rest = rest.replace(theirs, mine) if start.endswith(".0.layers") else rest
    if rest.endswith((".g", ".b")):
        rest = rest[:-1] + {"g": "weight", "b": "bias"}[rest[-1]]
    return renamed[start] + rest


def _shaped(name: str, values: Tensor, alone: bool) -> Tensor:
    if name.endswith((".g", ".b")):
        return values.flatten()
    if name == "to_patch_embedding.1.weight":  # its values of a patch: row, column, channel
        edge = round((values.shape[1] / 3) ** 0.5)
        return values.reshape(-1, edge, edge, 3).permute(0, 3, 1, 2).contiguous()
    if values.ndim == 4 and values.shape[-1] == 1:
        values = values[:, :, 0, 0]
    if name.endswith("to_qkv.weight") and alone:
        return values[2 * len(values) // 3 :]
    return values


@register(
    "htnet",
    size=MADE_FOR,
    origin=Origin(
        2024,
        "HTNet for micro-expression recognition",
        "Wang, Zhang, Luo and Sankaranarayana",
        "Neurocomputing 602, arXiv 2307.14637",
        source="wangzhifengharrison/HTNet 91cf4bd (no licence)",
        chosen="test-selected: the epoch with the best accuracy on each test person, ties to the latest; a user of the released"
        " program reports UF1 0.655 instead of 0.860 on the composite at the last epoch",
        notes=(
            "its attention is void at the published sizes: each piece holds one token. Ours leaves out the 22,195,200 queries and"
            " keys that never learn; tokens=8 or 16, e.g. with size 56 or 112, makes it attend",
            "the last level's position weight is taken away by the norms, and left out here",
            "140 million parameters as released, 117 million here, for 442 clips of 3 × 28 × 28 numbers",
            "the released crops take x for the row: right eye and left mouth corner exchange places in the mosaic. crops"
            " 'released' does so, 'upright' does not",
            "the released landmarks are found on faces of 28 pixels, and constants stand in where none is found; ours are found"
            " on the onset as it was recorded. crops 'constants' uses the constants for all clips, as ready-made maps need",
            "the released maps are stored as whole greys; ours are not rounded",
            "for CAS(ME)³ the released third channel is the flow's magnitude, with Farnebäck's flow; ours is strain",
            "the released training does not shuffle its clips; ours does",
            "paper and main script have 2, 2 and 10 blocks, another script 2, 2 and 8: option blocks",
        ),
    ),
    released=released,
)
def htnet(
    num_classes: int,
    size: int,
    *,
    crops: str = "released",
    tokens: int = 4,
    width: int = 256,
    blocks: Sequence[int] = (2, 2, 10),
) -> HTNet:
    """HTNet: a hierarchical transformer on four pieces of flow and strain, 28 × 28; 117 million parameters.

    Args:
        crops: "released" (x taken for the row), "upright", "constants" (the same places in all faces) or "none" (the whole map).
        tokens: patches along an edge: 4 as released, where attention is void; 8 or more for one that attends.
        width: of the first level; the others have twice and four times as much.
        blocks: of each of the three levels.
    """
    check_choice("htnet: crops", crops, CROPS)
    if tokens < 4 or tokens & (tokens - 1):
        raise ConfigError(f"htnet: tokens is {tokens}, but the map is cut in 4 and halved twice. Give 4, 8, 16 or 32.")
    if size % 4 or size % tokens:
        raise ConfigError(
            f"htnet: maps of {size} × {size} cannot be cut into {tokens} patches along an edge. Change size."
        )
    if width < HEADS[0]:
        raise ConfigError(
            f"htnet: width is {width}, but the first level has {HEADS[0]} heads. Give {HEADS[0]} or more."
        )
    depths = whole_numbers("htnet", "blocks", blocks, len(PIECES))
    return HTNet(num_classes, size, tokens, width, depths, crops)
