"""How a face moves from frame to frame between onset and apex, as it was filmed and magnified."""

from __future__ import annotations

from collections.abc import Collection
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from tsfmicro.errors import FrameError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.prepare.products.flow import COMPUTED_ON, FlowOptions, shrink
from tsfmicro.prepare.products.frames import chosen
from tsfmicro.prepare.products.magnified import MagnifiedOptions, magnified
from tsfmicro.types import Clip, Pair


class StepsOptions(FlowOptions):
    """Between which frames, how flow is computed, and how far movement is magnified first."""

    count: int = Field(10, ge=1, description="steps from the onset to the apex, evenly spaced")
    between: Literal["frames", "blend"] = Field(
        "frames", description="the frames there are, or onset and apex shown through each other"
    )
    levels: int = Field(1, ge=1, description="how many copies; the first is as filmed")
    last_factor: float = Field(10.0, gt=1, le=100, description="of the last level; those between are evenly spaced")
    magnify: Literal["phase", "linear"] = Field("phase", description="Wadhwa 2013 or Wu 2012")
    threshold: int = Field(30, ge=0, le=255, description="of a difference that is marked, grey levels")


@product
class Steps(Product[StepsOptions]):
    """(levels, count, 5, size, size) float16 of each step: horizontal and vertical flow and strain in flow's unit, how much grey
    changes (0–1), and where by more than the threshold (0 or 1, shares of a pixel's area)."""

    name = "steps"
    dtype = "float16"
    unit = "px"
    moves = "flow"
    sequence = True
    Options = StepsOptions

    def shape(self, size: int | None, options: StepsOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        options.check()
        return options.levels, options.count, 5, edge, edge

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: StepsOptions) -> np.ndarray:
        edge = edge_of(self.name, size)
        on = max(edge, COMPUTED_ON)
        numbers = _numbers(aligned.clip, options)
        if not numbers:
            raise FrameError(
                f"{aligned.clip.id}: no frame from its onset to its apex. Correct the row, or leave the clip out."
            )
        copies = {n: _copies(aligned, n, on, options) for n in dict.fromkeys(numbers)}
        levels = []
        for level in range(options.levels):
            faces = [copies[n][level] for n in numbers]
            if options.between == "blend":
                faces = blended(faces[0], faces[-1], options.count + 1)
            levels.append([_step(a, b, edge, options) for a, b in pairwise(faces)])
        return np.array(levels, np.float16)

    def reads(self, clip: Clip, options: StepsOptions) -> Collection[int]:
        return set(_numbers(clip, options))


def blended(first: np.ndarray, last: np.ndarray, count: int) -> list[np.ndarray]:
    """Pictures (H, W, 3) uint8 evenly from the first to the last, shown through each other."""
    shares = [n / (count - 1) for n in range(count)]
    return [((1 - share) * first + share * last).round().astype(np.uint8) for share in shares]


def _numbers(clip: Clip, options: StepsOptions) -> list[int]:
    """Of the frames; none where the apex is not known or no frame is there."""
    if clip.apex is None:
        return []
    rising = [n for n in range(clip.onset, clip.apex + 1) if n in clip.frames.numbers]
    return chosen(rising, 2 if options.between == "blend" else options.count + 1)


def _copies(aligned: AlignedClip, number: int, size: int, options: StepsOptions) -> np.ndarray:
    """(levels, H, W, 3) uint8 RGB of a frame: as filmed, then its movement since the onset magnified."""
    face = aligned.face(number, size, keep=number == aligned.clip.onset)
    if options.levels == 1:
        return face[None]
    factors = np.linspace(1, options.last_factor, options.levels)
    asked = MagnifiedOptions(
        method=options.magnify, factor=factors[1], last_factor=factors[-1], levels=options.levels - 1
    )
    return np.concatenate([face[None], magnified(aligned.face(aligned.clip.onset, size), face, asked)])


def _step(before: np.ndarray, after: np.ndarray, edge: int, options: StepsOptions) -> np.ndarray:
    """(5, edge, edge) float16."""
    grey = [cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32) for face in (before, after)]
    changed = np.abs(grey[1] - grey[0])
    maps = np.stack([changed / 255, changed > options.threshold]).astype(np.float16)
    parts = (options.flow(before, after), maps)
    return np.concatenate([part if edge == len(before) else shrink(part, edge) for part in parts])
