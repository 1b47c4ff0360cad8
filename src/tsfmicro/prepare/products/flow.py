"""Optical flow and strain, computed on faces of 224 pixels and shrunk to the size that is wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from tsfmicro.config import USUAL_FLOW, Section
from tsfmicro.errors import FrameError
from tsfmicro.prepare.aligned import AlignedClip
from tsfmicro.prepare.flow import DRAWN, check_method, flow_and_strain
from tsfmicro.prepare.images import read_image
from tsfmicro.prepare.products.base import Product, edge_of, product
from tsfmicro.types import Clip, Frames, Pair

COMPUTED_ON = 224  # pixels: on faces of 28 pixels a movement of one to three of 224 is lost


class FlowOptions(Section):
    """How flow is computed."""

    method: Literal["dis", "farneback", "tvl1", "drawn", "facialflow"] = Field(
        USUAL_FLOW,
        description="dense inverse search, Farnebäck's polynomials, total variation with L1 (needs the extra tvl1), a small network"
        " that learned on drawn faces, or DecFlow's network (needs weights)",
    )
    weights: Path | None = Field(
        None, description="facialflow: the file, which you fetch yourself; drawn: others than those that come along"
    )
    part: Literal["expression", "facial", "head"] = Field(
        "expression", description="drawn, facialflow: which flow; expression is facial without head"
    )

    def shipped(self) -> dict[str, Path]:
        return {"network": DRAWN} if self.method == "drawn" and self.weights is None else {}

    def check(self) -> None:
        """Raises ConfigError: what the method needs is not there. Every product of flow asks before it makes anything."""
        check_method(self.method, self.weights)

    def flow(self, onset: np.ndarray, apex: np.ndarray) -> np.ndarray:
        """(3, H, W) float16: horizontal, vertical, strain. onset, apex: (H, W, 3) uint8 RGB."""
        return flow_and_strain(onset, apex, self.method, self.weights, self.part)


@product
class Flow(Product[FlowOptions]):
    """(3, size, size) float16: horizontal and vertical flow in pixels of a face of 224 (of `size` where that is larger), and
    optical strain. Shrinking averages over areas, and keeps the unit."""

    name = "flow"
    version = 2
    dtype = "float16"
    unit = "px"
    moves = "flow"
    paired = True
    ready_unit = "grey"
    Options = FlowOptions

    def shape(self, size: int | None, options: FlowOptions) -> tuple[int, ...]:
        edge = edge_of(self.name, size)
        options.check()
        return 3, edge, edge

    def make(self, aligned: AlignedClip, pair: Pair, size: int | None, options: FlowOptions) -> np.ndarray:
        edge = edge_of(self.name, size)
        on = max(edge, COMPUTED_ON)
        onset, apex = aligned.faces(pair, on)
        moved = options.flow(onset, apex)
        return moved if edge == on else shrink(moved, edge)

    def read_ready(self, clip: Clip, size: int | None) -> np.ndarray:
        """(3, size, size) float16, red, green and blue of the file, 0…255."""
        assert clip.apex is not None and isinstance(clip.frames, Frames)
        edge, path = edge_of(self.name, size), clip.frames.path(clip.apex)
        image = read_image(path)
        if image.shape != (edge, edge, 3):
            height, width, _ = image.shape
            raise FrameError(
                f"{path}: is {width}×{height}, but prepare.size is {edge}. Replace it, or set prepare.size to what all files have."
            )
        return image.transpose(2, 0, 1).astype(np.float16)


def shrink(maps: np.ndarray, size: int) -> np.ndarray:
    """(C, H, W) → (C, size, size), averaged over areas."""
    small = cv2.resize(maps.transpose(1, 2, 0).astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return small.transpose(2, 0, 1).astype(maps.dtype)
