"""Optical flow of the way back, from apex to offset."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from tsfmicro.errors import FrameError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.prepare.products.flow import COMPUTED_ON, FlowOptions, shrink
from tsfmicro.types import Clip, Pair


@product
class Fall(Product[FlowOptions]):
    """(3, size, size) float16, as flow is, but from the apex to the offset."""

    name = "fall"
    dtype = "float16"
    unit = "px"
    moves = "flow"
    paired = True
    sequence = True
    Options = FlowOptions

    def shape(self, size: int | None, options: FlowOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        options.check()
        return 3, edge, edge

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: FlowOptions) -> np.ndarray:
        clip = aligned.clip
        if clip.offset is None:
            raise FrameError(
                f"{clip.id}: has no offset, so no flow back from its apex. Exclude the clip, or add the offset."
            )
        edge = edge_of(self.name, size)
        on = max(edge, COMPUTED_ON)
        apex, offset = (aligned.face(number, on) for number in (aligned.pairs[pair][1], clip.offset))
        moved = options.flow(apex, offset)
        return moved if edge == on else shrink(moved, edge)

    def reads(self, clip: Clip, options: FlowOptions) -> Collection[int]:
        return () if clip.offset is None else (clip.offset,)
