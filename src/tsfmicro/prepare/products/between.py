"""Optical flow from each frame of a sequence to the next."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise

import numpy as np
from pydantic import Field

from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.prepare.products.flow import FlowOptions
from tsfmicro.prepare.products.frames import chosen, numbers_of
from tsfmicro.types import Clip, Pair


class BetweenOptions(FlowOptions):
    """Between which frames, and how."""

    count: int = Field(8, ge=2, description="of frames, evenly spaced from onset to offset")


@product
class Between(Product[BetweenOptions]):
    """(count − 1, 2, size, size) float16: horizontal and vertical flow between the frames that `frames` of that count has, in
    pixels of a face of `size`, on which it is computed. A frame that a short clip gives twice does not move."""

    name = "between"
    dtype = "float16"
    unit = "px"
    moves = "flow"
    sequence = True
    Options = BetweenOptions

    def shape(self, size: int | None, options: BetweenOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        options.check()
        return options.count - 1, 2, edge, edge

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: BetweenOptions) -> np.ndarray:
        edge = edge_of(self.name, size)
        numbers = chosen(numbers_of(aligned.clip), options.count)
        once = {n: aligned.face(n, edge, keep=False) for n in dict.fromkeys(numbers)}
        still = np.zeros((2, edge, edge), np.float16)
        return np.stack([still if a == b else options.flow(once[a], once[b])[:2] for a, b in pairwise(numbers)])

    def reads(self, clip: Clip, options: BetweenOptions) -> Collection[int]:
        return set(chosen(numbers_of(clip), options.count))
