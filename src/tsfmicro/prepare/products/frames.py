"""The frames of a clip from onset to offset, as aligned faces: so many, evenly spaced, or all of them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from pydantic import Field

from tsfmicro.config import Section
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.types import Clip, Pair


class FramesOptions(Section):
    """Which frames."""

    count: int | None = Field(None, ge=1, description="evenly spaced from onset to offset; by default all there are")


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
        return (edge, edge, 3) if options.count is None else (options.count, edge, edge, 3)

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: FramesOptions) -> np.ndarray:
        edge = edge_of(self.name, size)
        numbers = chosen(numbers_of(aligned.clip), options.count)
        once = {n: aligned.face(n, edge, keep=False) for n in dict.fromkeys(numbers)}
        return np.stack([once[n] for n in numbers])

    def length(self, clip: Clip, options: FramesOptions) -> int | None:
        return len(numbers_of(clip)) if options.count is None else None

    def reads(self, clip: Clip, options: FramesOptions) -> Collection[int]:
        numbers = numbers_of(clip)
        return set(chosen(numbers, options.count)) if numbers else ()


def chosen(numbers: list[int], count: int | None) -> list[int]:
    """`count` frame numbers, evenly spaced from the first to the last; a short clip gives some twice. None: all."""
    if count is None or not numbers:
        return numbers
    return [numbers[round(place)] for place in np.linspace(0, len(numbers) - 1, count)]


def numbers_of(clip: Clip) -> list[int]:
    """Frames that there are from onset to offset (to the apex, where a sheet has no offset)."""
    last = clip.offset if clip.offset is not None else clip.apex
    return [] if last is None else [n for n in range(clip.onset, last + 1) if n in clip.frames.numbers]
