"""Aligned faces: the onset and apex of the annotated and of the widest pair."""

from __future__ import annotations

import numpy as np

from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import NoOptions, Product, edge_of, product
from tsfmicro.types import Pair


@product
class Faces(Product[NoOptions]):
    """(2, size, size, 3) uint8 RGB, onset and apex."""

    name = "faces"
    dtype = "uint8"
    unit = "RGB 0–255"
    moves = "image"
    paired = True

    def shape(self, size: int | None, options: NoOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        return 2, edge, edge, 3

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: NoOptions) -> np.ndarray:
        return aligned.faces(pair, edge_of(self.name, size))
