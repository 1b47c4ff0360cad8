"""Depth of the aligned face, on onset and apex."""

from __future__ import annotations

import numpy as np

from tsfmicro.prepare.align import crop_depth
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import NoOptions, Product, edge_of, product
from tsfmicro.types import Pair


@product
class Depth(Product[NoOptions]):
    """(2, size, size, 1) float32, onset and apex, in the unit of the release's pictures; 0 where nothing was measured."""

    name = "depth"
    dtype = "float32"
    unit = "mm"
    moves = "image"
    paired = True
    depth = True

    def shape(self, size: int | None, options: NoOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        return 2, edge, edge, 1

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: NoOptions) -> np.ndarray:
        edge = edge_of(self.name, size)
        seen = [crop_depth(aligned.depth(number), aligned.matrix(edge), edge) for number in aligned.pairs[pair]]
        return np.stack(seen)[..., None]
