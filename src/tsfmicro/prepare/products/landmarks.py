"""The detector's five points, in pixels of the aligned face."""

from __future__ import annotations

import numpy as np

from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import NoOptions, Product, edge_of, product
from tsfmicro.types import Pair


@product
class Landmarks(Product[NoOptions]):
    """(5, 2) float32, x and y: eyes, nose, mouth corners on the onset, those on the image's left first."""

    name = "landmarks"
    dtype = "float32"
    unit = "px"
    moves = "points"
    swap = (1, 0, 2, 4, 3)

    def shape(self, size: int | None, options: NoOptions) -> tuple[int, ...]:
        return 5, 2

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: NoOptions) -> np.ndarray:
        matrix = aligned.matrix(edge_of(self.name, size))
        return (aligned.landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
