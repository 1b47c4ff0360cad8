"""Two pictures of a face: is it the same face, and has anything in it moved?

The second crop is laid over the first by the head's movement, as the flow tells it. Of one person what is left is small, but
for where the face moved; and the skin, carried back by the flow, looks as before. Two people differ everywhere: the flow has to
carry brows, nose and cheeks to others, and what it brings there is not the same skin. Nobody is recognised by this: it says
whether two pictures fit together, and a picture with a hand or a thing before the face does not fit either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from tsfmicro.spot.motion import NOSE, REGIONS, SIZE, Layout, carried_back, fit_head, fit_turn, shifts_by, square

Crop = Callable[[np.ndarray, np.ndarray, int], np.ndarray]

_ROUNDS, _LAID = 6, 3  # flows in all, and those after which the head's shift, roll and size are undone; then its turn
_FURTHEST = 0.3  # of a turn, distances between the eyes
# Chosen on drawn people and on a real person who laughs and moves, see docs/spotting.md.
_CARRIED, _ALIKE = 1.4, 0.96
_STILL = 0.15  # per cent of the eyes' distance; JPEG at quality 50 and noise of 5 grey levels move regions by as much
_STILL_NOISE = 0.2  # … for each grey level by which the pictures differ finely, where they are worse
_EYES = 0.99  # correlation of an eye with itself; a lid that tightens by half a pixel brings it to 0.98


@dataclass(frozen=True)
class Compared:
    """How two pictures of a face differ.

    Attributes:
        moved: how far the most moved region went, per cent of the eyes' distance; region: which one.
        eyes: correlation of the eye that changed more with itself, −1 to 1.
        noise: how much the pictures differ finely, where nothing moves; grey levels.
        carried: how far the flow carries half of the skin at least, the head's movement taken out, per cent.
        alike: correlation of skin, brows and nose, or of those above the mouth alone, with what the flow brings there.
    """

    moved: float
    region: str
    eyes: float
    noise: float
    carried: float
    alike: float

    @property
    def still(self) -> bool:
        """Whether nothing moved but the head: what differs is not more than compression, noise and light make."""
        return self.moved < max(_STILL, _STILL_NOISE * self.noise) and self.eyes > _EYES

    @property
    def fits(self) -> bool:
        """Whether it is one face. False for two people, and for one that something else covers."""
        return self.carried < _CARRIED or self.alike > _ALIKE


def compare(before: np.ndarray, layout: Layout, picture: np.ndarray, to_crop: np.ndarray, crop: Crop) -> Compared:
    """Compare a face with that of another picture.

    Args:
        before: (SIZE, SIZE) uint8 grey, the face; layout: where its regions are.
        picture: (H, W) uint8 grey, the other picture; to_crop: (2, 3) its pixels to about those of `before`.
        crop: image, matrix and edge → crop, as in preparation.
    """
    dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    one, whole, known = _evenly_lit(before), square(to_crop), np.zeros(layout.head_turns.shape[1])
    (rows, columns), points = layout.head.T, layout.head[:, ::-1]
    for step in range(_ROUNDS):  # a flow is best when it is small: what the head did is undone first
        other = carried_back(_evenly_lit(crop(picture, whole[:2], SIZE)), layout.turn_field(known))
        flow = dis.calc(_bytes(one), _bytes(other), np.zeros((SIZE, SIZE, 2), np.float32))
        shifts = flow[rows, columns]
        head = fit_head(points, shifts)
        turn = fit_turn(layout.head_turns, shifts - shifts_by(head, points))
        if step < _LAID:
            whole = np.linalg.inv(square(head)) @ whole
        elif step < _ROUNDS - 1:
            known = np.clip(known + turn, -_FURTHEST * layout.unit, _FURTHEST * layout.unit)
    left = shifts - shifts_by(head, points) - (layout.head_turns @ turn).reshape(-1, 2)
    regions = layout.weights @ flow.reshape(-1, 2) - shifts_by(head, layout.centres) - layout.region_turns @ turn
    far = np.linalg.norm(regions, axis=1) * (100 / layout.unit)
    inside = layout.weights @ crop(np.full_like(picture, 255), whole[:2], SIZE).ravel() > 250
    far[~inside] = 0  # beyond the picture's edge
    marked = np.zeros((SIZE, SIZE), np.uint8)
    marked[rows, columns] = 1
    skin = cv2.dilate(marked, np.ones((5, 5))) > 0
    upper = skin & (np.arange(SIZE) < layout.landmarks[NOSE, 1])[:, None]
    carried = carried_back(other, flow)
    fine = cv2.Laplacian(one - carried, cv2.CV_32F)[skin]
    looks = [_texture(image) for image in (one, other, carried)]
    return Compared(
        moved=float(far.max()),
        region=REGIONS[int(far.argmax())],
        eyes=min(_correlation(looks[0][eye], looks[1][eye]) for eye in layout.eyes),
        noise=1.4826 * float(np.median(np.abs(fine))) / 20**0.5,
        carried=float(np.median(np.linalg.norm(left, axis=1))) * 100 / layout.unit,
        alike=max(_correlation(looks[0][part], looks[2][part]) for part in (skin, upper)),
    )


def _evenly_lit(image: np.ndarray) -> np.ndarray:
    """Light that changes slowly over the face taken out: a lamp from the side would otherwise look like movement."""
    values = image.astype(np.float32) + 4
    return 100 * values / cv2.blur(values, (61, 61), borderType=cv2.BORDER_REPLICATE)


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def _texture(image: np.ndarray) -> np.ndarray:
    return image - cv2.blur(image, (21, 21))


def _correlation(one: np.ndarray, other: np.ndarray) -> float:
    a, b = one.ravel() - one.mean(), other.ravel() - other.mean()
    return float(a @ b / np.sqrt((a @ a) * (b @ b) + 1e-3))
