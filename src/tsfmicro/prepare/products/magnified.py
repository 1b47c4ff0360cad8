"""Faces whose movement since the onset is magnified: at one frame or many, once or at several levels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from tsfmicro.config import Section
from tsfmicro.errors import ConfigError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.magnify import LUMA, YIQ, Phase, acceleration, linear
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.prepare.products.frames import chosen, numbers_of
from tsfmicro.types import Clip, Pair


class MagnifiedOptions(Section):
    """How, and how far. A factor says how far a movement goes afterwards; papers that write α mean factor − 1."""

    method: Literal["phase", "linear", "acceleration", "learned"] = Field(
        "phase", description="Wadhwa 2013, Wu 2012, Zhang 2017 (needs a sequence), or Oh 2018 (needs weights)"
    )
    factor: float = Field(2.0, ge=0, le=100, description="of the first level, or the only one; 1 changes nothing")
    last_factor: float = Field(10.0, ge=0, le=100, description="of the last level; those between are evenly spaced")
    levels: int = Field(1, ge=1, description="how many copies of each frame")
    frames: int = Field(1, ge=1, description="evenly spaced from onset to offset; 1: the apex alone")
    smooth: float = Field(0.0, ge=0, description="phase: σ in pixels over which phases are averaged")
    frequency: float = Field(4.0, gt=0, description="acceleration: of the movements that are looked for, Hz")
    weights: Path | None = Field(None, description="learned: the file, which you fetch yourself")

    @property
    def factors(self) -> list[float]:
        return [float(f) for f in np.linspace(self.factor, self.last_factor, self.levels)]


@product
class Magnified(Product[MagnifiedOptions]):
    """(frames, levels, size, size, 3) uint8 RGB: each frame against the onset, at factors from the first to the last."""

    name = "magnified"
    dtype = "uint8"
    unit = "RGB 0–255"
    moves = "image"
    sequence = True
    Options = MagnifiedOptions

    def shape(self, size: int | None, options: MagnifiedOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        if options.method == "learned":
            check_learned(edge, options.weights)
        return options.frames, options.levels, edge, edge, 3

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: MagnifiedOptions) -> np.ndarray:
        edge = edge_of(self.name, size)
        wanted = _wanted(aligned.clip, options)
        if options.method == "acceleration":
            return _accelerated(aligned, wanted, edge, options)
        onset = aligned.face(aligned.clip.onset, edge)
        made = {}
        for number in dict.fromkeys(wanted):
            made[number] = magnified(onset, aligned.face(number, edge, keep=False), options)
        return np.stack([made[number] for number in wanted])

    def looks_between(self, options: MagnifiedOptions) -> bool:
        return options.frames > 1 or options.method == "acceleration"

    def reads(self, clip: Clip, options: MagnifiedOptions) -> Collection[int]:
        return set(numbers_of(clip) if options.method == "acceleration" else _wanted(clip, options))


def magnified(onset: np.ndarray, face: np.ndarray, options: MagnifiedOptions) -> np.ndarray:
    """(levels, H, W, 3) uint8 RGB of one face against the onset, (H, W, 3) uint8 RGB each."""
    if options.method == "learned":
        from tsfmicro.prepare.magnifier import magnify  # torch: only who asks for it waits

        assert options.weights is not None
        return magnify(options.weights, onset, face[None], options.factors)[0]
    if options.method == "linear":
        a, b = onset @ YIQ.T, face @ YIQ.T
        return _rgb(np.stack([linear(a, b, factor) for factor in options.factors]))
    before, after = onset @ LUMA, face @ LUMA
    light = Phase(before, options.smooth)(after, options.factors) - after
    return (face + light[..., None]).round().clip(0, 255).astype(np.uint8)


def _accelerated(aligned: AlignedClip, wanted: Sequence[int], edge: int, options: MagnifiedOptions) -> np.ndarray:
    numbers = numbers_of(aligned.clip)
    clip = np.stack([aligned.face(n, edge, keep=False) @ YIQ.T for n in numbers])
    places = [numbers.index(n) for n in wanted]
    levels = [
        _rgb(acceleration(clip, factor, aligned.clip.fps, options.frequency)[places]) for factor in options.factors
    ]
    return np.stack(levels, 1)


def _rgb(yiq: np.ndarray) -> np.ndarray:
    return (yiq @ np.linalg.inv(YIQ).T).round().clip(0, 255).astype(np.uint8)


def _wanted(clip: Clip, options: MagnifiedOptions) -> list[int]:
    if options.frames == 1:
        return [] if clip.apex is None else [clip.apex]
    return chosen(numbers_of(clip), options.frames)


def check_learned(edge: int, weights: Path | None) -> None:
    """Raises ConfigError: no weights, or a size that the network cannot take."""
    if weights is None:
        raise ConfigError(
            "product magnified: method learned needs weights, which may not be passed on. Fetch the file and set"
            " prepare.products={magnified: {weights: PATH}}, or choose method phase, which needs none."
        )
    if not weights.is_file():
        raise ConfigError(f"product magnified: {weights}: no such file. Correct weights, or choose method phase.")
    if edge % 4:
        raise ConfigError(f"product magnified: method learned takes sizes that are multiples of 4, not {edge}.")
