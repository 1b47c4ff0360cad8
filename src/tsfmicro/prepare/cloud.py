"""Eight regions of a face as points in space with their movement, from the colour and depth of two frames: what LP-GCN sees.

Source: Zhang and others (2025), and their program, whose many limits of single values are simplified here: see `strengthened`.
All lengths in pixels are of its frames, 1280 × 720.
"""

from __future__ import annotations

import cv2
import numpy as np

from tsfmicro.prepare.align import similarity

EACH = 1024  # points of a region
FOCAL = 1324.65  # of the depth camera of CAS(ME)³, pixels
METRE = 1000.0  # units of depth
FARTHEST = 1.5  # times the mean distance from the middle: what is farther is no face
NEAREST = 0.1  # in front of a region's mean, metres: likewise
LARGEST = 8.0  # movement in depth, units: more is an edge
HEAD = (*range(6), 27, *range(11, 17))  # of 68 points: those that move with the head alone
BINS, FEWEST = 11, 150  # of a histogram of movement, and how many points make a bin count
POWERS = (2.0, 2.0, 3.33)  # of movement across, down and in depth
LEAST = 1e-6  # of what is divided by its largest: below, all of it is rounding
BELOW_BRIDGE, AROUND_LIPS = 5, 15  # pixels

LEFT = {"cheek": (1, 2, 3, 4, 29, 31), "corner": (4, 5, 6, 31, 48, 49, 59)}
RIGHT = {"cheek": (15, 14, 13, 12, 29, 35), "corner": (12, 11, 10, 35, 54, 53, 55)}
CHIN, LIPS = (*range(6, 11), *range(54, 60), 48), tuple(range(48, 60))
REGIONS = (
    "left eye",
    "right eye",
    "left cheek",
    "right cheek",
    "left mouth corner",
    "right mouth corner",
    "chin",
    "mouth",
)


def level(points: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """How to cut a face out with its eyes level: (2, 3) from pixels of the frame to the crop's, and its width and height.

    The crop is the box around the 68 points. points: (68, 2), pixels of the frame.
    """
    ends = points[[36, 45]]
    half = np.hypot(*(ends[1] - ends[0])) / 2
    turn = similarity(ends, ends.mean(0) + np.array([[-half, 0], [half, 0]]))
    turned = points @ turn[:, :2].T + turn[:, 2]
    low, high = np.floor(turned.min(0)), np.ceil(turned.max(0))
    turn[:, 2] -= low
    width, height = (high - low + 1).astype(int)
    return turn, (int(width), int(height))


def cut(image: np.ndarray, turn: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture, or a depth picture, as seen through `level`. Depth is not mixed with its holes: the nearest pixel is taken."""
    how = cv2.INTER_LINEAR if image.ndim == 3 else cv2.INTER_NEAREST
    return cv2.warpAffine(image, turn, size, flags=how)


def without_head(flow: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Flow less the affine movement that the points which move with the head alone have in common, by least squares.

    Args: flow: (2, H, W), pixels; points: (68, 2), pixels of the crop.
    """
    height, width = flow.shape[1:]
    columns, rows = np.clip(np.rint(points[list(HEAD)]).astype(int), 0, (width - 1, height - 1)).T
    places = np.column_stack([columns, rows, np.ones(len(HEAD))])
    of_head, *_ = np.linalg.lstsq(places, flow[:, rows, columns].T, rcond=None)  # (3, 2)
    y, x = np.indices((height, width))
    return flow - np.einsum("kc,khw->chw", of_head, np.stack([x, y, np.ones_like(x)]))


def cloud(flow: np.ndarray, before: np.ndarray, after: np.ndarray, points: np.ndarray) -> np.ndarray | str:
    """The eight regions one after another, each from its largest movement to its smallest; equal ones in reading order.

    Args:
        flow: (2, H, W) from onset to apex, pixels; before, after: (H, W) depth of onset and apex, 0 where nothing was measured.
        points: (68, 2) on the onset. All of one crop.
    Returns: (6, 8·1024) float32: x to the right, y up, z towards the camera; movement to the right, down and away from it.
        Positions and movements are centred, and divided by the longest. The name of a region with fewer points, instead.
    """
    face = filled(points, range(68), after.shape) & (before > 0) & (after > 0)
    depth = after / METRE
    y, x = np.indices(after.shape)
    height, width = after.shape
    places = np.stack([(x - width / 2) * depth / FOCAL, -(y - height / 2) * depth / FOCAL, -depth])
    if face.any():
        apart = np.linalg.norm(places - places[:, face].mean(1)[:, None, None], axis=0)
        face &= apart <= FARTHEST * apart[face].mean()
    deeper = after.astype(np.float64) - before
    motion = np.stack([*without_head(flow, points), np.where(np.abs(deeper) > LARGEST, 0, deeper)])
    motion = np.where(face, motion, 0)
    motion = np.stack([strengthened(scaled(one), power) for one, power in zip(motion, POWERS, strict=True)])
    found = []
    for name, mask in zip(REGIONS, regions(points, after.shape), strict=True):
        its = np.flatnonzero(mask & face)
        z = places[2].ravel()[its]
        its = its[z - z.mean() < NEAREST] if its.size else its
        if len(its) < EACH:
            return name
        strength = np.square(motion.reshape(3, -1)[:, its]).sum(0)
        found.append(its[np.argsort(-strength, kind="stable")[:EACH]])
    chosen = np.concatenate(found)
    return np.concatenate([normalised(one.reshape(3, -1)[:, chosen]) for one in (places, motion)]).astype(np.float32)


def strengthened(motion: np.ndarray, power: float) -> np.ndarray:
    """Movement from −1 to 1 with the small made smaller; values that few points have are cut off first.

    In each direction, what lies above the last bin of a histogram that holds enough points counts as that bin's upper edge. The
    released program moves sparse bins one by one, and cuts single values besides.
    """
    cut_off = np.zeros_like(motion)
    for sign in (1, -1):
        part = np.maximum(sign * motion, 0)
        counts, edges = np.histogram(part[part > 0], BINS, (0, 1))
        enough = np.flatnonzero(counts >= FEWEST)
        cut_off += sign * np.minimum(part, edges[enough[-1] + 1] if len(enough) else 1)
    strong = scaled(cut_off)
    return np.sign(strong) * np.abs(strong) ** power


def scaled(values: np.ndarray) -> np.ndarray:
    """Divided by the largest |·|; nothing, and what rounding made of it, stays nothing."""
    return values / max(np.abs(values).max(), LEAST)


def normalised(vectors: np.ndarray) -> np.ndarray:
    """(3, P), centred and divided by the longest."""
    centred = vectors - vectors.mean(1, keepdims=True)
    return centred / max(np.linalg.norm(centred, axis=0).max(), LEAST)


def regions(points: np.ndarray, shape: tuple[int, int]) -> list[np.ndarray]:
    """(H, W) masks in the order of `REGIONS`; some overlap. Which points bound cheeks, corners and chin is our choice."""
    rows, columns = np.indices(shape)
    below_eyes = 0.6 * (points[24, 1] + points[46, 1])
    eyes = rows < below_eyes
    rest = eyes | (rows > points[29, 1] + BELOW_BRIDGE)
    lips = filled(points, LIPS, shape, hull=False).astype(np.uint8)
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * AROUND_LIPS + 1,) * 2)
    left = columns < shape[1] / 2
    hulls = (LEFT["cheek"], RIGHT["cheek"], LEFT["corner"], RIGHT["corner"], CHIN)
    return [
        eyes & left,
        eyes & ~left,
        *(filled(points, its, shape) & rest for its in hulls),
        cv2.dilate(lips, around).astype(bool),
    ]


def filled(points: np.ndarray, which: range | tuple[int, ...], shape: tuple[int, int], hull: bool = True) -> np.ndarray:
    """(H, W) mask of the polygon of some of the points, or of their convex hull."""
    corners = np.rint(points[list(which)]).astype(np.int32)
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [cv2.convexHull(corners) if hull else corners], 1)
    return mask.astype(bool)
