"""What a film may hold that moves a face's picture and is no expression: hands and things before it, turns, a mouth that speaks or
eats, glances, people who come and go, and all that a camera and a codec do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.synthetic.draw import Field

KINDS: tuple[str, ...] = (
    "hand", "object", "glasses", "turn", "speech", "chewing", "swallowing", "glance", "leaving", "other person",
    "flicker", "exposure", "shake", "compression", "low rate", "dropped frames",
)  # fmt: skip
MOUTH = {"speech": (25, 20, 24, 17, 10, 23), "chewing": (25, 17, 24), "swallowing": (24, 17)}
"""Kinds that a mouth does, with the action units it does them with."""
_ENTERS, _TURNS = 0.35, 0.9  # seconds in which a hand or a thing comes, and goes; radians a second of a head that turns


@dataclass(frozen=True)
class Trouble:
    """One of them.

    Attributes:
        kind: one of KINDS.
        start, end: seconds.
        angle: where from a hand comes, radians; or by how much the head turns to the side, and `nod` up or down.
        place: where a hand or a thing comes to lie, in half face widths from the face's middle; where the eyes look, likewise.
        size: in face widths.
        rate: Hz at which a hand rubs, a head turns, light flickers and a camera shakes; at which eyes look elsewhere.
        colour: of a thing, blue first, 0–255.
        strength: of flicker and exposure, share of the brightness; of the compression, quality of the JPEG; of a low rate, step
            of its levels; of a camera that shakes, pixels; of dropped frames, seconds for which one stands.
    """

    kind: str
    start: float
    end: float
    angle: float
    nod: float
    place: tuple[float, float]
    size: float
    rate: float
    colour: tuple[int, int, int]
    strength: float

    def level(self, t: float) -> float:
        """0 outside, 1 while it is there, smooth between."""
        enters = max(_ENTERS, {"turn": abs(self.angle) / _TURNS, "leaving": 0.6}.get(self.kind, 0))
        rise = np.clip(min(t - self.start, self.end - t) / enters, 0, 1)
        return float(rise**2 * (3 - 2 * rise))

    def swing(self, t: float) -> float:
        """−1 to 1, from 0."""
        return float(np.sin(2 * np.pi * self.rate * (t - self.start)))


def draw_trouble(kind: str, start: float, rng: np.random.Generator) -> Trouble:
    """One of that kind, of 1 to 3 s; a swallow is shorter."""
    turned = rng.uniform(0.05, 0.52) * rng.choice([-1, 1])  # radians: to 30 degrees
    rates = {"flicker": (1, 12), "shake": (1.5, 6), "glance": (1, 3)}
    strengths = {
        "flicker": (0.04, 0.08), "exposure": (-0.3, 0.4), "low rate": (16, 48), "shake": (2, 9), "dropped frames": (0.07, 0.2)
    }  # fmt: skip
    return Trouble(
        kind,
        start,
        start + float(rng.uniform(0.5, 0.9) if kind == "swallowing" else rng.uniform(1.2, 3.0)),
        angle=float(turned if kind == "turn" else rng.uniform(0.15, 0.85) * np.pi),
        nod=float(rng.uniform(-0.2, 0.2) if kind == "turn" else rng.uniform(0.02, 0.06)),
        place=(float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.2, 0.8))),
        size=float(rng.uniform(0.35, 0.55)),
        rate=float(rng.uniform(*rates.get(kind, (0.3, 1.2)))),
        colour=tuple(int(c) for c in rng.integers(20, 230, 3)),  # type: ignore[arg-type]
        strength=float(rng.uniform(*strengths.get(kind, (12, 30)))),
    )


def turn_at(trouble: Trouble, t: float) -> tuple[float, float]:
    """Radians to the side and down by which the head is turned."""
    much = trouble.level(t)
    if trouble.kind == "swallowing":  # the head goes along a little
        return 0.0, much * trouble.nod
    return much * trouble.angle * (0.7 + 0.3 * trouble.swing(t)), much * trouble.nod


def turn_shift(yaw: float, pitch: float, x: Field, y: Field, depth: Field) -> Field:
    """(2, H, W) mm right and down by which a turn moves points of a face. Args: x, y, depth: (H, W) mm from the pivot."""
    return np.stack(
        [depth * np.sin(yaw) - x * (1 - np.cos(yaw)), depth * np.sin(pitch) - y * (1 - np.cos(pitch))]
    ).astype(np.float32)


def gaze_at(trouble: Trouble, t: float) -> tuple[float, float]:
    """Right and down, mm, by which the eyes look elsewhere: they jump from one place to the next, and back at the end."""
    if not trouble.start < t < trouble.end - 0.15:
        return 0.0, 0.0
    jumps = int(trouble.rate * (t - trouble.start))
    side, down = trouble.place
    return 4 * side * (-0.7) ** (jumps % 3), 2 * down * (-0.5) ** (jumps % 2)


def shown_at(trouble: Trouble, t: float) -> float:
    """The time whose picture is still shown where frames were dropped, seconds."""
    if trouble.kind != "dropped frames" or not trouble.level(t):
        return t
    since = (t - trouble.start) / trouble.strength
    return trouble.start + int(since) * trouble.strength if int(since * 7919) % 3 else t


def spoil(
    picture: NDArray[Any], trouble: Trouble, t: float, face: tuple[float, float, float], skin: NDArray[Any]
) -> NDArray[Any]:
    """A picture with what stands before it, or the light, or the camera, does to it at that time.

    Args:
        picture: (H, W, 3) uint8, blue first. face: x and y of its middle and half its width, pixels.
        skin: (3,) the face's colour.
    """
    much, kind = trouble.level(t), trouble.kind
    if much == 0:
        return picture
    if kind in ("flicker", "exposure"):
        # Light goes up and down; an exposure is set at once, and in two steps set back.
        steps = 1.0 if t < (trouble.start + trouble.end) / 2 else 0.5
        change = much * trouble.swing(t) if kind == "flicker" else steps
        return cv2.convertScaleAbs(picture, alpha=1 + trouble.strength * change)
    if kind == "compression":
        code = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, round(trouble.strength)])[1]
        return np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR))
    if kind in ("shake", "leaving"):
        right, down = much * 1.1 * picture.shape[1] * np.sign(np.cos(trouble.angle)), 0.0
        if kind == "shake":
            right, down = (
                much * trouble.strength * (trouble.swing(by * t) + 0.5 * trouble.swing(1.7 * by * t))
                for by in (1, 0.83)
            )
        shift = np.array([[1, 0, right], [0, 1, down]])
        return cv2.warpAffine(picture, shift, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    if kind in ("hand", "object", "glasses"):
        return _covered(picture, trouble, t, face, skin)
    return picture


def _covered(
    picture: NDArray[Any], trouble: Trouble, t: float, face: tuple[float, float, float], skin: NDArray[Any]
) -> NDArray[Any]:
    much, (x, y, half) = trouble.level(t), face
    way = np.array([np.cos(trouble.angle), np.sin(trouble.angle)])
    hand, thing = skin * np.array([0.92, 0.96, 1.02]), np.array(trouble.colour, float)
    if trouble.kind == "glasses":  # they come down from the hair; a finger pushes them up, and goes
        push = max(0.0, trouble.swing(t)) * much
        nose = np.array([x, y - 0.36 * half - (1 - much) * 1.2 * half - 0.08 * half * push])
        picture = _painted(picture, *_glasses(picture.shape[:2], nose, half), 0.5 * thing)
        return _painted(
            picture, *_hand(picture.shape[:2], nose + (1 - push) * 4 * half * way, way, half * trouble.size), hand
        )
    rubs = 0.12 * trouble.swing(2 * t)
    there = np.array([x + half * (trouble.place[0] + rubs), y + half * (trouble.place[1] + 0.5 * rubs)])
    draw, colour = (_hand, hand) if trouble.kind == "hand" else (_thing, thing)
    return _painted(
        picture, *draw(picture.shape[:2], there + (1 - much) * 4 * half * way, way, 2 * half * trouble.size), colour
    )


def _painted(picture: NDArray[Any], cover: Field, shade: Field, colour: NDArray[Any]) -> NDArray[Any]:
    shown = picture * (1 - cover[..., None]) + cover[..., None] * shade[..., None] * colour
    return np.clip(shown, 0, 255).astype(np.uint8)


def beside(picture: NDArray[Any], other: NDArray[Any], trouble: Trouble, t: float) -> NDArray[Any]:
    """A picture with another person's smaller one (of its size) in its background, who comes from the side and goes."""
    much, (height, width) = trouble.level(t), picture.shape[:2]
    if much == 0:
        return picture
    size = 0.75 * trouble.size
    side = np.sign(np.cos(trouble.angle))
    x = width / 2 + side * width * (0.385 + 0.35 * (1 - much))
    place = np.array([[size, 0, x - size * width / 2], [0, size, 0.45 * height - size * height / 2]])
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    far = ((columns / width - 0.5) / 0.22) ** 2 + ((rows / height - 0.5) / 0.42) ** 2
    cover = cv2.warpAffine(np.clip(4 - 4 * far, 0, 1), place, (width, height))[..., None]
    seen = cv2.warpAffine(other, place, (width, height), flags=cv2.INTER_AREA)
    return (picture * (1 - cover) + seen * cover).round().astype(np.uint8)


class LowRate:
    """What a codec leaves of pictures at a low rate, as H.264 does: what changes little stays as it was shown, the rest is
    told in coarse waves of 8 × 8 pixels, and once a second all is told anew. Give it the pictures in order."""

    _EACH, _SKIP = 1.0, 1.5  # seconds; grey levels on average of 16 × 16 pixels

    def __init__(self) -> None:
        k = np.arange(8)
        self._waves = (np.cos(np.pi * (2 * k[None] + 1) * k[:, None] / 16) * np.where(k, 0.5, 8**-0.5)[:, None]).astype(
            np.float32
        )
        self._shown = np.zeros(0, np.float32)
        self._anew = -np.inf

    def __call__(self, picture: NDArray[Any], step: float, t: float) -> NDArray[Any]:
        """Args: picture: (H, W, 3) uint8, edges multiples of 16; step: grey levels; t: seconds."""
        height, width = picture.shape[:2]
        now = cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb).astype(np.float32)
        if t - self._anew >= self._EACH or t < self._anew:
            self._anew, self._shown = t, np.full_like(now, 128)
        change = now - self._shown
        moves = (
            cv2.resize(np.abs(change).mean(2), (width // 16, height // 16), interpolation=cv2.INTER_AREA) > self._SKIP
        )
        waves = self._through(change, self._waves) / np.float32(step)
        coarse = np.sign(waves) * np.floor(np.abs(waves) + np.float32(0.33)) * np.float32(step)
        told = cv2.resize(moves.astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
        self._shown = np.clip(self._shown + told[..., None] * self._through(coarse, self._waves.T), 0, 255)
        return cv2.cvtColor(self._shown.round().astype(np.uint8), cv2.COLOR_YCrCb2BGR)

    @staticmethod
    def _through(picture: Field, waves: Field) -> Field:
        """Each block of 8 × 8 pixels transformed."""
        height, width, colours = picture.shape
        blocks = picture.reshape(height // 8, 8, width // 8, 8, colours)
        return np.einsum("ur,arbsc,vs->aubvc", waves, blocks, waves, optimize=True).reshape(picture.shape)


def _hand(shape: tuple[int, ...], at: NDArray[Any], way: NDArray[Any], size: float) -> tuple[Field, Field]:
    """(H, W) cover and shade of a hand whose fingertips reach `at`, coming from `way`."""
    cover, shade = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    side = np.array([-way[1], way[0]])
    for k in range(4):
        tip = at + side * size * 0.22 * (k - 1.5) + way * size * 0.12 * abs(k - 1.3)
        root = at + way * size * 0.9 + side * size * 0.17 * (k - 1.5)
        width = max(2, round(0.2 * size))
        cv2.line(cover, _pixel(tip), _pixel(root), 1.0, width, cv2.LINE_AA)
        edge = side * size * 0.1
        cv2.line(shade, _pixel(tip + edge), _pixel(root + edge), 0.62, max(1, round(0.05 * size)), cv2.LINE_AA)
        cv2.circle(shade, _pixel(tip + way * 0.05 * size), max(1, round(0.05 * size)), 1.12, -1, cv2.LINE_AA)
    palm = _pixel(at + way * size * 1.25)
    cv2.ellipse(cover, palm, _pixel((0.5 * size, 0.48 * size)), np.degrees(np.arctan2(way[1], way[0])), 0, 360, 1.0, -1)
    cv2.line(cover, palm, _pixel(at + way * size * 5), 1.0, max(2, round(0.55 * size)), cv2.LINE_AA)
    blur = (0, 0)
    return cv2.GaussianBlur(cover, blur, 1.0), cv2.GaussianBlur(shade, blur, 0.02 * size + 0.8)


def _thing(shape: tuple[int, ...], at: NDArray[Any], way: NDArray[Any], size: float) -> tuple[Field, Field]:
    """(H, W) cover and shade of a cup or a telephone."""
    cover, shade = np.zeros(shape, np.float32), np.ones(shape, np.float32)
    box = cv2.boxPoints((_pixel(at), (1.1 * size, 0.75 * size), float(np.degrees(np.arctan2(way[1], way[0])))))
    cv2.fillPoly(cover, [box.astype(np.int32)], 1.0, cv2.LINE_AA)
    cv2.polylines(shade, [box.astype(np.int32)], True, 1.3, max(1, round(0.06 * size)), cv2.LINE_AA)
    return cv2.GaussianBlur(cover, (0, 0), 0.8), shade


def _glasses(shape: tuple[int, ...], nose: NDArray[Any], half: float) -> tuple[Field, Field]:
    """(H, W) cover and shade of spectacles whose bridge is at `nose`."""
    cover, width = np.zeros(shape, np.float32), max(2, round(0.05 * half))
    for side in (-1, 1):
        middle = nose + half * np.array([0.5 * side, 0.03])
        cv2.ellipse(cover, _pixel(middle), _pixel((0.36 * half, 0.27 * half)), 0, 0, 360, 1.0, width, cv2.LINE_AA)
        cv2.line(
            cover,
            _pixel(middle + half * np.array([0.36 * side, -0.05])),
            _pixel(nose + half * np.array([1.02 * side, -0.05])),
            1.0,
            width,
            cv2.LINE_AA,
        )
    cv2.line(
        cover,
        _pixel(nose - np.array([0.14 * half, 0])),
        _pixel(nose + np.array([0.14 * half, 0])),
        1.0,
        width,
        cv2.LINE_AA,
    )
    return cv2.GaussianBlur(cover, (0, 0), 0.7), np.ones(shape, np.float32)


def _pixel(point: Any) -> tuple[int, int]:
    return round(float(point[0])), round(float(point[1]))
