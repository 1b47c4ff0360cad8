"""Optical flow from the onset to the frames after it: so many, evenly spaced up to the offset, or all of them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from pydantic import Field

from tsfmicro.errors import FrameError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.prepare.products.flow import COMPUTED_ON, FlowOptions, shrink
from tsfmicro.prepare.products.frames import chosen, numbers_of
from tsfmicro.types import Clip, Pair


class FlowsOptions(FlowOptions):
    """How flow is computed, and to which frames."""

    count: int | None = Field(None, ge=1, description="frames after the onset, evenly spaced; by default all there are")


@product
class Flows(Product[FlowsOptions]):
    """(count, 2, size, size) float16, horizontal and vertical, in flow's unit; without a count (length, 2, size, size), with a
    length for each clip."""

    name = "flows"
    dtype = "float16"
    unit = "px"
    moves = "flow"
    sequence = True
    Options = FlowsOptions

    def shape(self, size: int | None, options: FlowsOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        options.check()
        return (2, edge, edge) if options.count is None else (options.count, 2, edge, edge)

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: FlowsOptions) -> np.ndarray:
        edge, clip = edge_of(self.name, size), aligned.clip
        numbers = _after(clip, options)
        if not numbers:
            raise FrameError(f"{clip.id}: no frame after its onset. Correct the row, or leave the clip out.")
        on = max(edge, COMPUTED_ON)
        first, made = aligned.face(clip.onset, on), {}
        for number in dict.fromkeys(numbers):
            moved = options.flow(first, aligned.face(number, on, keep=False))[:2]
            made[number] = moved if edge == on else shrink(moved, edge)
        return np.stack([made[number] for number in numbers])

    def length(self, clip: Clip, options: FlowsOptions) -> int | None:
        return len(_after(clip, options)) if options.count is None else None

    def reads(self, clip: Clip, options: FlowsOptions) -> Collection[int]:
        return set(_after(clip, options))


def _after(clip: Clip, options: FlowsOptions) -> list[int]:
    return chosen([n for n in numbers_of(clip) if n > clip.onset], options.count)
