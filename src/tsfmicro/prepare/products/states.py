"""Frames by the state of the expression: so many up to the apex, and so many after it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from pydantic import Field

from tsfmicro.config import Section
from tsfmicro.errors import FrameError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.prepare.products.frames import chosen
from tsfmicro.types import Clip, Pair


class StatesOptions(Section):
    """How many frames."""

    before: int = Field(2, ge=1, description="from the onset to the apex, evenly spaced, besides the apex")
    after: int = Field(2, ge=0, description="from the apex to the offset, evenly spaced, besides the apex")


@product
class States(Product[StatesOptions]):
    """(before + 1 + after, size, size, 3) uint8 RGB; frame `before` is the apex. A clip without offset repeats it."""

    name = "states"
    dtype = "uint8"
    unit = "RGB 0–255"
    moves = "image"
    sequence = True
    Options = StatesOptions

    def shape(self, size: int | None, options: StatesOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        return (options.before + 1 + options.after, edge, edge, 3)

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: StatesOptions) -> np.ndarray:
        edge = edge_of(self.name, size)
        numbers = _numbers(aligned.clip, options)
        if not numbers:
            raise FrameError(
                f"{aligned.clip.id}: no frame from its onset to its apex. Correct the row, or leave the clip out."
            )
        once = {n: aligned.face(n, edge, keep=False) for n in dict.fromkeys(numbers)}
        return np.stack([once[n] for n in numbers])

    def reads(self, clip: Clip, options: StatesOptions) -> Collection[int]:
        return set(_numbers(clip, options))


def _numbers(clip: Clip, options: StatesOptions) -> list[int]:
    """Of the frames; none where the apex is not known or no frame is there."""
    if clip.apex is None:
        return []
    last = clip.apex if clip.offset is None else max(clip.apex, clip.offset)
    rising = [n for n in range(clip.onset, clip.apex + 1) if n in clip.frames.numbers]
    falling = [n for n in range(clip.apex, last + 1) if n in clip.frames.numbers] or rising[-1:]
    if not rising:
        return []
    return chosen(rising, options.before + 1) + chosen(falling, options.after + 1)[1:]
