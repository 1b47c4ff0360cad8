"""The 36 regions of the face between 68 landmarks in which MDMO looks at motion (Liu et al. 2016): a brow, a cheek, a lip each.

The corners are those of the open toolbox `meb` (tvaranka/meb f731b0a, Apache-2.0): landmarks and helper points between them.
"""

from __future__ import annotations

import torch
from torch import Tensor

LANDMARKS = 68
# Of the distance between the eyes: the toolbox raises its helper points above the brows by a fixed 20 pixels.
LIFT = 0.2

BROWS = (17, 19, 21, 22, 24, 26)  # what m0, m1, m2, m4, m5 and m6 are above; m3 is midway between m2 and m4
MIDWAY = (  # m7 … m21 lie midway between two landmarks
    *((3, 29), (13, 29), (4, 33), (12, 33), (4, 33), (12, 33), (5, 59), (11, 55), (2, 41), (14, 46), (5, 59), (6, 58)),
    *((8, 57), (10, 56), (11, 55)),
)
CORNERS = """
p17 m0 m1 p19 | p19 m1 m2 p21 | p21 m2 m3 p27 | p27 m3 m4 p22 | p22 m4 m5 p24 | p24 m5 m6 p26
p1 p0 p17 p36 | p36 p17 p19 p38 | p38 p19 p21 p39 | p39 p21 p27 p28 | p28 p27 p22 p42 | p42 p22 p24 p43
p43 p24 p26 p45 | p45 p26 p16 p15 | p3 p2 m15 m7 | m7 m15 p41 p39 | m7 p39 p28 p29 | p29 p28 p42 m8
m8 p42 p46 m16 | m8 m16 p14 p13 | m11 m7 p29 p33 | p33 p29 m8 m12 | m13 m9 p33 p59 | p55 p33 m10 m14
m18 m17 p59 p58 | m19 m18 p58 p57 | m20 m19 p57 p56 | m21 m20 p56 p55 | p4 p3 m7 m11 | m12 m8 p13 p12
p5 p4 m9 m13 | m14 m10 p12 p11 | p6 p5 m17 m18 | p8 p6 m18 m19 | p10 p8 m19 m20 | p11 p10 m20 m21
"""
QUADRILATERALS = [
    [int(name[1:]) + LANDMARKS * (name[0] == "m") for name in region.split()]
    for region in CORNERS.strip().replace("\n", "|").split("|")
]
REGIONS = len(QUADRILATERALS)  # 36


def corners(landmarks: Tensor, lift: float = LIFT) -> Tensor:
    """(N, 36, 4, 2) corners of the regions, x and y in pixels.

    Args: landmarks: (N, 68, 2), in the order of 300-W. lift: how far the helper points lie above the brows, not above the
    image's first row, as a part of the distance between the eyes.
    """
    left, right = landmarks[:, 36:42].mean(1), landmarks[:, 42:48].mean(1)
    apart = (right - left).square().sum(1).sqrt()
    x, y = landmarks[:, list(BROWS)].unbind(2)
    above = torch.stack([x, (y - lift * apart[:, None]).clamp(min=0)], 2)  # (N, 6, 2)
    between = above[:, 2:4].mean(1, keepdim=True)
    one, other = (landmarks[:, [pair[end] for pair in MIDWAY]] for end in (0, 1))
    places = torch.cat([landmarks, above[:, :3], between, above[:, 3:], (one + other) / 2], 1)
    return places[:, [corner for region in QUADRILATERALS for corner in region]].unflatten(1, (REGIONS, 4))


def spread(points: Tensor, size: int) -> Tensor:
    """Noise as points all over the face, so that regions between them have pixels."""
    return size * (points / 4).sigmoid()


def masks(polygons: Tensor, size: int) -> Tensor:
    """(N, R, size, size) bool: whether a pixel's centre lies within a polygon. polygons: (N, R, corners, 2), x and y."""
    places = torch.arange(size, device=polygons.device, dtype=polygons.dtype)
    within = torch.zeros(*polygons.shape[:2], size, size, dtype=torch.bool, device=polygons.device)
    for corner in range(polygons.shape[2]):  # inside: to the left of an odd number of edges in the pixel's row
        (x, y), (to_x, to_y) = (
            polygons[:, :, n].unsqueeze(2).unbind(3) for n in (corner - 1, corner)
        )  # (N, R, 1) each
        crosses = (y > places) != (to_y > places)  # (N, R, rows)
        at = x + (places - y) * (to_x - x) / torch.where(to_y == y, 1.0, to_y - y)
        at = torch.where(crosses, at, -1.0)  # a row that the edge does not cross has no pixel to its left
        within = within.logical_xor(places < at.unsqueeze(3))
    return within
