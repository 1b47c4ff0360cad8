"""Eight regions of the face as points in space with their movement, from colour and depth of onset and apex."""

from __future__ import annotations

import numpy as np

from tsfmicro.errors import FrameError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.cloud import EACH, REGIONS, cloud, cut, level
from tsfmicro.prepare.products.base import Product, product
from tsfmicro.prepare.products.flow import FlowOptions
from tsfmicro.prepare.products.landmarks68 import WhosePoints, points_in
from tsfmicro.types import Pair


class PointsOptions(FlowOptions, WhosePoints):
    """How movement is found, and by whose 68 points the regions are cut; those of the onset serve both frames."""


@product
class Points(Product[PointsOptions]):
    """(6, 8192) float32: x, y, z and their movements; 8 regions × 1024 points, as `cloud` gives them. It has no size: frames are
    looked at as they are."""

    name = "points"
    dtype = "float32"
    unit = "longest = 1"
    moves = "none"
    paired = True
    depth = True
    Options = PointsOptions

    def shape(self, size: int | None, options: PointsOptions) -> tuple[int, ...]:
        options.check()
        return 6, len(REGIONS) * EACH

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: PointsOptions) -> np.ndarray:
        clip, numbers = aligned.clip, aligned.pairs[pair]
        depths = [aligned.depth(number) for number in numbers]  # first, for without them there is nothing to do
        points = points_in(aligned, [clip.onset], options.file)[clip.onset]
        turn, size_of_crop = level(points)
        onset, apex = (cut(aligned.frame(number), turn, size_of_crop) for number in numbers)
        flow = options.flow(onset, apex)[:2].astype(np.float64)
        before, after = (cut(depth, turn, size_of_crop) for depth in depths)
        made = cloud(flow, before, after, points @ turn[:, :2].T + turn[:, 2])
        if isinstance(made, str):
            raise FrameError(
                f"{clip.id}: its {made} has fewer than {EACH} points with depth. Exclude the clip, or give frames as large "
                "as the release's."
            )
        return made
