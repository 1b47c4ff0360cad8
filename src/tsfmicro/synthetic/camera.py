"""What a camera makes of two frames: exposure, blur, grain, fewer pixels, grey, JPEG, and what a video's compression leaves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tsfmicro.synthetic.draw import Field

Image = NDArray[Any]  # uint8

_GRAIN = 768  # edge of the piece of noise from which frames take theirs
_FACE = 224  # px that a camera has for a face at least: a smaller picture is what is left of these
_BLOCK = 8  # px: a video's block


@dataclass(frozen=True)
class Camera:
    """One camera, which has 224 pixels along a face, or as many as are drawn where those are more.

    Attributes:
        gain, gamma: of the picture's values.
        blur: deviation, px; grain: deviation of the noise, levels; coarse: whether grains are larger than a pixel.
        pixels: share of the pixels along an edge that it has.
        grey: whether it knows no colour; tint: factors of blue, green, red.
        jpeg: quality, or None; skip: levels below which a video's block is not sent again, or None.
    """

    gain: float = 1.0
    gamma: float = 1.0
    blur: float = 0.0
    grain: float = 1.4
    coarse: bool = False
    pixels: float = 1.0
    grey: bool = False
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    jpeg: int | None = None
    skip: float | None = None


def draw_camera(amount: float, rng: np.random.Generator) -> Camera:
    """A random camera. Args: amount: its breadth; at 0 it is a good one."""
    grain = float(rng.uniform(0.9, 1.9))
    if amount == 0:
        return Camera(grain=grain)
    tint = np.exp(0.06 * amount * rng.standard_normal(3))
    return Camera(
        gain=float(np.exp(amount * rng.uniform(-0.35, 0.2))),
        gamma=float(np.exp(amount * rng.uniform(-0.3, 0.3))),
        blur=float(amount * rng.choice([0.0, rng.uniform(0.3, 1.3)])),
        grain=grain * float(np.exp(amount * rng.uniform(-1.2, 1.0))),
        coarse=bool(rng.random() < 0.35 * amount),
        pixels=float(1 - min(0.9, amount) * rng.choice([0.0, rng.uniform(0.0, 0.6)], p=[0.65, 0.35])),
        grey=bool(rng.random() < 0.2 * amount),
        tint=(float(tint[0]), float(tint[1]), float(tint[2])),
        jpeg=int(rng.integers(55, 98)) if rng.random() < 0.4 * amount else None,
        skip=float(rng.uniform(0.5, 2.5)) if rng.random() < 0.2 * amount else None,
    )


class Shot:
    """A camera before one scene: what is the same in both frames is drawn once."""

    def __init__(self, camera: Camera, size: int, rng: np.random.Generator, taken: int | None = None) -> None:
        """Args: size: edge of what stands before it; taken: edge of its frames, by default the same; px."""
        self.camera, self.taken, self.rng = camera, taken or size, rng
        full = max(size, self.taken, _FACE)
        self.edge = max(16, round(camera.pixels * full)) if camera.pixels < 0.98 else full
        self.blur = camera.blur * size / full
        self._table = None
        if camera.gamma != 1 or camera.gain != 1 or camera.tint != (1, 1, 1):
            values = np.arange(256, dtype=np.float32)[:, None] / 255 * np.array(camera.tint, np.float32)
            self._table = np.clip(255 * np.power(values * camera.gain, camera.gamma), 0, 255).round().astype(np.uint8)
        self._before: Image | None = None

    def __call__(self, picture: Image, gain: Field) -> Image:
        """A frame.

        Args: picture: (S, S, 3) uint8, blue first; gain: (S, S) float32, the light's change.
        Returns: (taken, taken, 3) uint8, red first.
        """
        c = self.camera
        if self._table is not None:
            picture = cv2.LUT(picture, self._table[None])
        if self.blur > 0.05:
            picture = cv2.GaussianBlur(picture, (0, 0), self.blur)
        if c.grey:
            picture = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        value = cv2.multiply(picture, gain if c.grey else cv2.merge([gain, gain, gain]), dtype=cv2.CV_32F)
        frame = cv2.addWeighted(self._noise(self.edge), c.grain, _resized(value, self.edge), 1, 0, dtype=cv2.CV_8U)
        if c.jpeg is not None:
            code = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, c.jpeg])[1]
            frame = np.asarray(cv2.imdecode(code, cv2.IMREAD_UNCHANGED))
        if c.skip is not None:
            frame = self._sent(frame)
        return cv2.cvtColor(_resized(frame, self.taken), cv2.COLOR_GRAY2RGB if c.grey else cv2.COLOR_BGR2RGB)

    def _noise(self, edge: int) -> Field:
        """A random piece of one large grain: drawing new numbers would take as long as all the rest."""
        grain = _grain(self.camera.coarse, self.camera.grey)
        down, right, way = (int(n) for n in self.rng.integers(0, (_GRAIN - edge, _GRAIN - edge, 4)))
        piece = grain[down : down + edge, right : right + edge]
        return piece if way == 3 else cv2.flip(piece, way - 1)

    def _sent(self, frame: Image) -> Image:
        """The frame as a video has it: a block that hardly differs from the frame before is that one's."""
        before, self._before = self._before, frame.copy()
        if before is None or self.camera.skip is None:
            return frame
        edge = frame.shape[0]
        blocks = (-(-edge // _BLOCK),) * 2
        changed = cv2.resize(cv2.absdiff(frame, before), blocks, interpolation=cv2.INTER_AREA)
        changed = changed.reshape(*blocks, -1).max(axis=2)
        keep = cv2.resize(
            (changed < self.camera.skip * 2).astype(np.uint8), (edge, edge), interpolation=cv2.INTER_NEAREST
        )
        cv2.copyTo(before, keep, frame)
        return frame


def _resized(picture: NDArray[Any], edge: int) -> NDArray[Any]:
    """A square picture with other pixels: means of areas where they are fewer, so that noise and texture average out."""
    was = picture.shape[0]
    way = cv2.INTER_AREA if edge < was else cv2.INTER_LINEAR
    return picture if edge == was else cv2.resize(picture, (edge, edge), interpolation=way)


@cache
def _grain(coarse: bool, grey: bool) -> Field:
    """(768, 768, 3) noise of deviation 1, or (768, 768)."""
    noise: Field = np.random.default_rng(1).standard_normal(
        (_GRAIN, _GRAIN) if grey else (_GRAIN, _GRAIN, 3), np.float32
    )
    if coarse:
        noise = cv2.GaussianBlur(noise, (0, 0), 0.8)
        noise = noise / np.float32(noise.std())
    noise.flags.writeable = False
    return noise
