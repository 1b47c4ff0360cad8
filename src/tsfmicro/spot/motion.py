"""How the regions of a face moved from one picture to another, with the head's own movement taken out.

Both pictures are grey crops of one face, cut by nearly the same transform. Dense inverse search gives a flow for every pixel.
The head is what most of the skin does together: a similarity, fitted to the flow so that the few centimetres an expression
moves do not count, and what a turn to the side or a nod adds to it. What is left of the flow, averaged over a region, is that
region's movement. Where the second picture, carried back by the flow, does not look like the first, no skin was followed: a
hand came between, or a mouth opened.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np

SIZE = 160
"""Edge of the crops, pixels. The eyes are a third of it apart, so a movement of 1 % of their distance is half a pixel."""

# Where a region is: a landmark (or the middle of two), and from there right, down, half width, half height, in distances
# between the eyes. Left and right are those of the picture. Brows stand clear of the lids, which blink.
EYE_L, EYE_R, NOSE, MOUTH_L, MOUTH_R = range(5)
_PLACES: dict[str, tuple[tuple[int, ...], float, float, float, float]] = {
    "left outer brow": ((EYE_L,), -0.13, -0.36, 0.16, 0.12),
    "left inner brow": ((EYE_L,), 0.30, -0.34, 0.16, 0.12),
    "right inner brow": ((EYE_R,), -0.30, -0.34, 0.16, 0.12),
    "right outer brow": ((EYE_R,), 0.13, -0.36, 0.16, 0.12),
    "left nose wing": ((NOSE,), -0.24, 0.02, 0.12, 0.13),
    "right nose wing": ((NOSE,), 0.24, 0.02, 0.12, 0.13),
    "left cheek": ((EYE_L,), -0.10, 0.42, 0.20, 0.12),
    "right cheek": ((EYE_R,), 0.10, 0.42, 0.20, 0.12),
    "left mouth corner": ((MOUTH_L,), -0.05, 0.0, 0.15, 0.14),
    "right mouth corner": ((MOUTH_R,), 0.05, 0.0, 0.15, 0.14),
    "upper lip": ((MOUTH_L, MOUTH_R), 0.0, -0.17, 0.22, 0.10),
    "lower lip": ((MOUTH_L, MOUTH_R), 0.0, 0.15, 0.22, 0.10),
    "chin": ((MOUTH_L, MOUTH_R), 0.0, 0.48, 0.25, 0.15),
}
REGIONS: tuple[str, ...] = tuple(_PLACES)
JAW, OUTER, MOUTH = (
    np.array([any(word in name for word in words) for name in REGIONS])
    for words in (("lip", "chin"), ("outer",), ("mouth", "lip", "chin"))
)
"""(R,) regions that a jaw carries along, further than skin can go; those at the edge of a face, before which hair comes when the head
moves; those of a mouth."""
_WAYS = 10  # of a head to go, see `Layout._turns`
_DRAWN = 0.01  # how much a turn is drawn towards none
_BRIGHTER = 0.01  # share of the brightness by which it must differ before it is set right
_UNLIKE, _STRANGE = 0.6, 0.1  # correlation with what was there before; what differs, for the contrast (squared)
_EYE = (0.27, 0.17)  # half width and half height of an eye with its lids, in distances between the eyes


@dataclass(frozen=True)
class Layout:
    """Where the regions of one face lie in its crop. Args: landmarks: (5, 2), pixels of the crop."""

    landmarks: np.ndarray = field(repr=False)

    @cached_property
    def unit(self) -> float:
        """Distance between the eyes, pixels of the crop."""
        return float(np.linalg.norm(self.landmarks[EYE_R] - self.landmarks[EYE_L]))

    @cached_property
    def weights(self) -> np.ndarray:
        """(R, SIZE²) float32: a region's movement is the sum of the flow times these."""
        masks = []
        for marks, right, down, half_width, half_height in _PLACES.values():
            x, y = self.landmarks[list(marks)].mean(0) + self.unit * np.array([right, down])
            masks.append(_soft_box(x, y, half_width * self.unit, half_height * self.unit))
        flat = np.stack(masks).reshape(len(masks), -1)
        return (flat / flat.sum(1, keepdims=True)).astype(np.float32)

    @cached_property
    def centres(self) -> np.ndarray:
        """(R, 2) x and y of each region, pixels."""
        grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).reshape(-1, 2)
        return self.weights @ grid.astype(np.float32)

    @cached_property
    def eyes(self) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Rows and columns of each eye with its lids."""
        half_width, half_height = (half * self.unit for half in _EYE)
        windows = []
        for x, y in self.landmarks[:2]:
            rows, columns = (
                slice(max(0, round(at - half)), min(SIZE, round(at + half) + 1))
                for at, half in ((y, half_height), (x, half_width))
            )
            windows.append((rows, columns))
        return windows[0], windows[1]

    @cached_property
    def head(self) -> np.ndarray:
        """(K, 2) int: pixels, row and column, by which the head's movement is judged: the face without eyes and mouth."""
        rows, columns = (axis.ravel() for axis in np.mgrid[2:SIZE:4, 2:SIZE:4])
        right, down = ((at - middle) / self.unit for at, middle in zip((columns, rows), self._middle, strict=True))
        oval = (right / 0.95) ** 2 + ((down - 0.62) / 1.22) ** 2 < 1
        for rows_, columns_ in self.eyes:
            oval &= ~(
                (rows >= rows_.start) & (rows < rows_.stop) & (columns >= columns_.start) & (columns < columns_.stop)
            )
        mouth = self.landmarks[[MOUTH_L, MOUTH_R]].mean(0)
        oval &= ~((abs(columns - mouth[0]) < 0.5 * self.unit) & (abs(rows - mouth[1]) < 0.25 * self.unit))
        return np.stack([rows[oval], columns[oval]], axis=1)

    @cached_property
    def head_turns(self) -> np.ndarray:
        """(2 K, W) how the points of `head` go in each of the ways of `_turns`, x and y in turn."""
        return self._turns(self.head[:, ::-1].astype(float)).reshape(-1, _WAYS)

    @cached_property
    def region_turns(self) -> np.ndarray:
        """(R, 2, W) how each region goes, on average, in each of these ways."""
        grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).reshape(-1, 2)
        ways = self._turns(grid.astype(float)).reshape(SIZE**2, -1)
        return (self.weights @ ways.astype(np.float32)).reshape(-1, 2, _WAYS)

    def turn_field(self, turn: np.ndarray) -> np.ndarray:
        """(SIZE, SIZE, 2) float32 pixels by which a turn shifts every pixel. Args: turn: (W,) pixels."""
        return cv2.resize((self._few_turns @ turn).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)

    @cached_property
    def _few_turns(self) -> np.ndarray:
        """(n, n, 2, W) how every eighth pixel goes in each of the ways: they are smooth."""
        few = np.arange(3.5, SIZE, 8)
        grid = np.stack(np.meshgrid(few, few), axis=-1)
        return self._turns(grid.reshape(-1, 2)).reshape(*grid.shape, _WAYS)

    def _turns(self, points: np.ndarray) -> np.ndarray:
        """(N, 2, W) how points go when a head shifts, rolls, grows, is squeezed or sheared, or turns.

        A face is deepest at its middle, so a turn carries its middle along and a point at its edge less; and what comes
        nearer grows. Args: points: (N, 2) pixels.
        """
        x, y = ((points - self._middle) / self.unit - (0, 0.5)).T
        none, all_, depth = np.zeros_like(x), np.ones_like(x), -0.9 * x**2 - 0.35 * y**2
        ways = (
            (all_, none), (none, all_), (x, y), (-y, x), (x, -y), (y, x),
            (depth, none), (none, depth), (x * x, x * y), (x * y, y * y),
        )  # fmt: skip
        return np.stack([np.stack(way, axis=1) for way in ways], axis=-1)

    @cached_property
    def _middle(self) -> np.ndarray:
        return self.landmarks[:2].mean(0)


def _soft_box(x: float, y: float, half_width: float, half_height: float) -> np.ndarray:
    """(SIZE, SIZE) 1 in the middle, falling off over the edges."""
    at = np.arange(SIZE)
    across, down = (np.exp(-((np.abs(at - c) / half) ** 4)) for c, half in ((x, half_width), (y, half_height)))
    return np.outer(down, across)


@dataclass(frozen=True)
class Movement:
    """How a face moved from one crop to another.

    Attributes:
        head: (2, 3) similarity, pixels of the first crop to pixels of the second.
        turn: (W,) what a turning head adds to it and to the turn that was known, see `Layout.turn_field`.
        regions: (R, 2) movement of each region right and down, both taken out, in per cent of the eyes' distance.
        turned: (R, 2) what the turn did to each region, in the same unit.
        seen: (R,) whether the skin of the first crop is still to be seen in the second.
    """

    head: np.ndarray = field(repr=False)
    turn: np.ndarray = field(repr=False)
    regions: np.ndarray = field(repr=False)
    turned: np.ndarray = field(repr=False)
    seen: np.ndarray = field(repr=False)


class FlowMeter:
    """Measures movements between crops; keep one, since it keeps its buffers. Not for several threads.

    DIS at its medium preset. Of a mouth corner pushed by 1.4 pixels of the crop it sees half. Finer scales and less smoothing
    see up to four fifths, but where skin has no texture their flow jumps, and on generated videos more is found that is not
    there. The fast presets see a third less of everything.
    """

    def __init__(self) -> None:
        self._dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        # A crop and its fine detail: a key serves for seconds.
        self._last = (np.empty(0, np.uint8), np.empty(0, np.float32))

    def __call__(
        self, before: np.ndarray, after: np.ndarray, layout: Layout, turn: np.ndarray | None = None
    ) -> Movement:
        """Movement between two crops.

        Args:
            before, after: (SIZE, SIZE) uint8 grey; layout: of the face in `before`.
            turn: (W,) how far the head has turned already, as far as is known. It is undone before the flow is measured,
                which is best when it is small.
        """
        after = _as_bright(after, before, layout)
        known = np.zeros(_WAYS) if turn is None else turn
        if known.any():
            after = carried_back(after, layout.turn_field(known))
        flow = self._dis.calc(before, after, np.zeros((SIZE, SIZE, 2), np.float32))
        rows, columns = layout.head.T
        points, shifts = layout.head[:, ::-1], flow[rows, columns]
        head = fit_head(points, shifts)
        more = fit_turn(layout.head_turns, shifts - shifts_by(head, points))
        # Of a linear map, the mean over a region is its value at the region's centre.
        rigid = shifts_by(head, layout.centres) + layout.region_turns @ more
        regions, turned = layout.weights @ flow.reshape(-1, 2) - rigid, layout.region_turns @ (known + more)
        if self._last[0] is not before:
            self._last = (before, _fine(before))
        seen = _is_seen(self._last[1], _fine(carried_back(after, flow)), layout)
        return Movement(head, more, regions * (100 / layout.unit), turned * (100 / layout.unit), seen)


_GRID = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(np.float32)


def carried_back(image: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """The (SIZE, SIZE) image as it was before the flow."""
    x, y = cv2.split(_GRID + flow)
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def square(matrix: np.ndarray) -> np.ndarray:
    """(2, 3) → (3, 3)."""
    return np.concatenate([matrix, [[0.0, 0.0, 1.0]]])


def shifts_by(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(N, 2) how far a (2, 3) matrix moves each point."""
    return points @ matrix[:, :2].T + matrix[:, 2] - points


def _as_bright(image: np.ndarray, other: np.ndarray, layout: Layout) -> np.ndarray:
    """The image at the brightness of the other, as most of the face has it: flow takes a camera's exposure for movement."""
    rows, columns = layout.head.T
    gain = _median((other[rows, columns] + 1.0) / (image[rows, columns] + 1.0))
    return cv2.convertScaleAbs(image, alpha=gain) if abs(gain - 1) > _BRIGHTER else image


def _fine(image: np.ndarray) -> np.ndarray:
    """(SIZE, SIZE) float32 without light that changes slowly over the face."""
    image = image.astype(np.float32)
    return image - cv2.blur(image, (21, 21))


def _is_seen(one: np.ndarray, other: np.ndarray, layout: Layout) -> np.ndarray:
    """(R,) whether two pictures show the same in a region. Args: one, other: see `_fine`."""
    one, other = one.ravel(), other.ravel()
    var_one, var_other, both = (layout.weights @ product for product in (one * one, other * other, one * other))
    like = both / np.sqrt(var_one * var_other + 25)  # 25: a few grey levels are noise, not a look
    differs = var_one + var_other - 2 * both
    return (like > _UNLIKE) | (differs < _STRANGE * var_one.mean())


def _median(values: np.ndarray) -> float:
    """Of (N,) numbers: a third of the time that numpy takes for so few, which makes sure of what is sure here."""
    below, above = (len(values) - 1) // 2, len(values) // 2
    ordered = np.partition(values, (below, above))
    return float(ordered[below] + ordered[above]) / 2


def fit_head(points: np.ndarray, shifts: np.ndarray, rounds: int = 5) -> np.ndarray:
    """The similarity that most points follow; those that do not, because they belong to an expression, hardly count.

    Least squares with weights 1 / (1 + (distance / scale)²)², the scale from the median distance. Eyes and mouth are no part
    of it, and an affine map is none either: it has enough freedom to follow a smile.

    Args: points: (K, 2) x and y, pixels; shifts: (K, 2) their flow.
    Returns: (2, 3) matrix for x, y, 1.
    """
    z, shift = (xy.astype(np.float64) @ (1, 1j) for xy in (points, shifts))
    weights = np.ones(len(z))
    turn = move = 0j
    for _ in range(rounds):
        total = weights.sum()
        middle, mean = (weights @ z) / total, (weights @ shift) / total
        off = z - middle
        turn = (weights * off.conj()) @ (shift - mean) / (weights @ (off * off.conj()).real)
        move = mean - turn * middle
        miss = np.abs(shift - turn * z - move)
        scale = max(0.05, 1.5 * _median(miss))  # pixels; flow is no better than a twentieth of one
        weights = 1 / (1 + (miss / scale) ** 2) ** 2
    a = 1 + turn
    return np.array([[a.real, -a.imag, move.real], [a.imag, a.real, move.imag]])


def fit_turn(ways: np.ndarray, left: np.ndarray, rounds: int = 4) -> np.ndarray:
    """What is left of the points' shifts without the head's similarity, as a turn; robustly, as in `fit_head`.

    Args: ways: (2 K, W); left: (K, 2) pixels.
    Returns: (W,) pixels of each way. They are drawn a little towards 0, since brows that are drawn together look a little
        like a turn.
    """
    turn, goal, draw = np.zeros(ways.shape[1]), left.ravel(), np.eye(ways.shape[1])
    for _ in range(rounds):
        miss = np.linalg.norm((goal - ways @ turn).reshape(-1, 2), axis=1)
        scale = max(0.05, 1.5 * _median(miss))
        weights = np.repeat(1 / (1 + (miss / scale) ** 2) ** 2, 2)
        weighted = ways * weights[:, None]
        turn = np.linalg.solve(ways.T @ weighted + _DRAWN * weights.sum() * draw, weighted.T @ goal)
    return turn


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two crops, −1 to 1, seen so coarsely that a shift of a few pixels does not matter."""
    a, b = (cv2.resize(crop, (32, 32), interpolation=cv2.INTER_AREA)[4:28, 4:28].ravel() for crop in (one, other))
    if min(a.std(), b.std()) < 1:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
