"""The frames of a clip from onset to offset, as aligned faces: so many, evenly spaced, or all of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import numpy as np
from pydantic import Field

from tsfmicro.config import Section
from tsfmicro.errors import ConfigError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.interpolate import interpolate
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.types import Clip, Pair


class FramesOptions(Section):
    """Which frames."""

    count: int | None = Field(None, ge=1, description="evenly spaced from onset to offset; by default all there are")
    method: Literal["nearest", "tim"] = Field(
        "nearest", description="the nearest frame there is, or temporal interpolation (TIM) between all of them"
    )


@product
class FramesOfClip(Product[FramesOptions]):
    """(count, size, size, 3) uint8 RGB; without a count (length, size, size, 3), with a length for each clip."""

    name = "frames"
    dtype = "uint8"
    unit = "RGB 0–255"
    moves = "image"
    sequence = True
    Options = FramesOptions

    def shape(self, size: int | None, options: FramesOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        if options.method == "tim" and options.count is None:
            raise ConfigError("product frames: method tim needs a count, the number of frames to interpolate.")
        return (edge, edge, 3) if options.count is None else (options.count, edge, edge, 3)

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: FramesOptions) -> np.ndarray:
        edge = edge_of(self.name, size)
        numbers = chosen(numbers_of(aligned.clip), _picked(options))
        once = {n: aligned.face(n, edge, keep=False) for n in dict.fromkeys(numbers)}
        frames = np.stack([once[n] for n in numbers])
        if options.method == "nearest" or options.count is None:
            return frames
        return interpolate(frames, options.count).round().clip(0, 255).astype(np.uint8)

    def length(self, clip: Clip, options: FramesOptions) -> int | None:
        return len(numbers_of(clip)) if options.count is None else None

    def reads(self, clip: Clip, options: FramesOptions) -> Collection[int]:
        numbers = numbers_of(clip)
        return set(chosen(numbers, _picked(options))) if numbers else ()


def _picked(options: FramesOptions) -> int | None:
    """How many frames are read: those that are wanted, or all, to interpolate between them."""
    return options.count if options.method == "nearest" else None


def chosen(numbers: list[int], count: int | None) -> list[int]:
    """`count` frame numbers, evenly spaced from the first to the last; a short clip gives some twice. None: all."""
    if count is None or not numbers:
        return numbers
    return [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, count)]


def numbers_of(clip: Clip) -> list[int]:
    """The frame numbers there are from onset to offset, or to the apex where no offset is known."""
    last = clip.offset if clip.offset is not None else clip.apex
    return [] if last is None else [n for n in range(clip.onset, last + 1) if n in clip.frames.numbers]
