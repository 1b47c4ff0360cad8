"""The six ways to join what moves (temporal stream) and where (spatial stream): the paper's Tables 6–8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model, check_choice
from tsfmicro.models.blocks import ConvStem, Head, first, initialise, last
from tsfmicro.models.inputs import IMAGES
from tsfmicro.models.temporal import STAGES, TemporalStream
from tsfmicro.models.vit import PATCH, SpatialStream

MOVEMENTS = {"difference": "motion", "flow": "flow"}
FRAMES = {"onset": "onset", "apex": "apex"}
JOINS = ("before", "after")


@dataclass(frozen=True)
class Design:
    """Sizes and choices that all variants share; `tsfmicro` explains them.

    Raises:
        UnknownNameError, ConfigError: a choice that does not exist, sizes that do not fit together.
    """

    num_classes: int
    size: int
    tokens: str
    retention: str
    frame: str
    join: str
    motion: str
    widths: Sequence[int]
    stem: Sequence[int]
    spatial_width: int
    head_width: int
    drop_path: float

    def __post_init__(self) -> None:
        for option, known in (("frame", FRAMES), ("join", JOINS), ("motion", MOVEMENTS)):
            check_choice(option, getattr(self, option), known)
        for option in ("size", "spatial_width", "head_width"):
            if not _counts(getattr(self, option)):
                raise ConfigError(f"{option} must be a whole number from 1 on; it is {getattr(self, option)!r}.")
        for option in ("widths", "stem"):
            value = getattr(self, option)
            if not isinstance(value, (tuple, list)) or len(value) != STAGES or not all(map(_counts, value)):
                raise ConfigError(f"{option} must be {STAGES} whole numbers from 1 on; it is {value!r}.")
        if self.size % PATCH or self.size < 2 * PATCH:
            near = max(2, round(self.size / PATCH)) * PATCH
            raise ConfigError(
                f"size {self.size}: the retention grid is halved {STAGES} times, so the size must be a multiple of"
                f" {PATCH}, at least {2 * PATCH}. Use {near}."
            )
        if self.stem[-1] != self.widths[0]:
            raise ConfigError(f"stem {self.stem} must end at the first of widths {self.widths}.")
        if any(width < 4 or width % 4 for width in (*self.widths, self.spatial_width)):
            raise ConfigError(
                f"widths {self.widths}, spatial_width {self.spatial_width}: use multiples of 4, for heads and rotation."
            )

        if not isinstance(self.drop_path, (int, float)) or not 0 <= self.drop_path < 1:
            raise ConfigError(f"drop_path must be at least 0 and below 1; it is {self.drop_path!r}.")

    def temporal(self) -> TemporalStream:
        return TemporalStream(self.size, self.widths, self.stem, self.retention, self.drop_path)

    def spatial(self) -> SpatialStream:
        return SpatialStream(self.size, self.spatial_width, self.tokens)

    def joined_width(self) -> int:
        """Width of two maps that are added. Raises ConfigError where the streams differ."""
        if self.widths[-1] != self.spatial_width:
            raise ConfigError(
                f"widths {self.widths}, spatial_width {self.spatial_width}: the streams are added, so make the last"
                f" width and spatial_width equal."
            )
        return self.spatial_width


def _counts(value: object) -> bool:
    return isinstance(value, int) and value >= 1


class TSFmicro(Model):
    """What the six variants share: one or two images in, a map, the head. A variant says how the map comes about.

    Attributes:
        join: the images in the order of `inputs`, (N, 3, H, W) each → (N, H/16, W/16, C).
    """

    join: Callable[..., Tensor]

    def __init__(self, design: Design, looks_at: Sequence[str], width: int) -> None:
        super().__init__({name: IMAGES[name](design.size) for name in looks_at}, design.size)
        self.head = Head(width, design.head_width, design.num_classes)

    def features(self, **images: Tensor) -> Tensor:
        return self.join(*(images[name] for name in self.inputs))


class TemporalOnly(TSFmicro):
    """How alone."""

    def __init__(self, design: Design) -> None:
        super().__init__(design, (MOVEMENTS[design.motion],), design.widths[-1])
        self.temporal = design.temporal()

    def join(self, movement: Tensor) -> Tensor:
        return self.temporal(movement)


class SpatialOnly(TSFmicro):
    """Where alone."""

    def __init__(self, design: Design) -> None:
        super().__init__(design, (FRAMES[design.frame],), design.spatial_width)
        self.spatial = design.spatial()

    def join(self, frame: Tensor) -> Tensor:
        return self.spatial(frame)


class Joined(TSFmicro):
    """Movement and a frame."""

    def __init__(self, design: Design, width: int) -> None:
        super().__init__(design, (MOVEMENTS[design.motion], FRAMES[design.frame]), width)
        self.temporal = design.temporal()


class Early(Joined):
    """A stem each; their sum goes through the retention stages."""

    def __init__(self, design: Design) -> None:
        super().__init__(design, design.widths[-1])
        self.onset_stem = ConvStem(design.stem)

    def join(self, movement: Tensor, frame: Tensor) -> Tensor:
        where = torch.cat(self.onset_stem(frame))  # (N, 112, 112, 64)
        return self.temporal(movement, where)


class TemporalToSpatial(Joined):
    """The movement map is added to the frame's tokens, before the transformer blocks (the paper's figure) or after."""

    def __init__(self, design: Design) -> None:
        super().__init__(design, design.joined_width())
        self.spatial = design.spatial()
        self.before = design.join == "before"

    def join(self, movement: Tensor, frame: Tensor) -> Tensor:
        how = self.temporal(movement).flatten(1, 2)  # (N, 196, 512)
        tokens = self.spatial.tokens(frame)  # (N, 196, 512)
        tokens = self.spatial.blocks(tokens + how) if self.before else self.spatial.blocks(tokens) + how
        return self.spatial.on_grid(self.spatial.norm(tokens))


class SpatialToTemporal(Joined):
    """The frame's map, grown to the stem's grid by transposed convolutions, is added to the stem's output."""

    def __init__(self, design: Design) -> None:
        super().__init__(design, design.widths[-1])
        self.spatial = design.spatial()
        widths = (design.spatial_width, *design.widths[-2::-1])
        self.grow = nn.Sequential(*(nn.ConvTranspose2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths)))

    def join(self, movement: Tensor, frame: Tensor) -> Tensor:
        where = last(self.grow(first(self.spatial(frame))))  # (N, 112, 112, 64)
        return self.temporal(movement, where)


class Late(Joined):
    """Each stream by itself; their maps are added (Eq. 9). This is TSFmicro."""

    def __init__(self, design: Design) -> None:
        super().__init__(design, design.joined_width())
        self.spatial = design.spatial()

    def join(self, movement: Tensor, frame: Tensor) -> Tensor:
        how = self.temporal(movement)  # (N, 14, 14, 512)
        where = self.spatial(frame)  # (N, 14, 14, 512)
        return how + where


VARIANTS: dict[str, Callable[[Design], TSFmicro]] = {
    "temporal": TemporalOnly,
    "spatial": SpatialOnly,
    "early": Early,
    "temporal_to_spatial": TemporalToSpatial,
    "spatial_to_temporal": SpatialToTemporal,
    "late": Late,
}


def build(variant: str, design: Design) -> TSFmicro:
    """A variant with new weights. Raises UnknownNameError, ConfigError."""
    check_choice("variant", variant, VARIANTS)
    model = VARIANTS[variant](design)
    initialise(model)
    return model
