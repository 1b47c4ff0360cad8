"""The usual inputs of a model, each a need with a view of it; a model may as well write its own.

super().__init__({"motion": motion(224), "where": onset(224)}, size=224)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from tsfmicro.needs import Input, Scale, need


def onset(size: int, scale: Scale = "imagenet") -> Input:
    """The onset frame, (3, size, size)."""
    return Input(need("faces", size, scale=scale), (3, size, size), _onset)


def apex(size: int, scale: Scale = "imagenet") -> Input:
    """The apex frame, (3, size, size)."""
    return Input(need("faces", size, scale=scale), (3, size, size), _apex)


def motion(size: int, scale: Scale = "imagenet") -> Input:
    """apex − onset after normalisation (Eq. 1), (3, size, size)."""
    return Input(need("faces", size, scale=scale), (3, size, size), _motion)


def flow(size: int, **options: Any) -> Input:
    """Horizontal and vertical flow from onset to apex in pixels of a face of 224, and optical strain: (3, size, size)."""
    return Input(need("flow", size, **options), (3, size, size))


def frames(size: int, count: int | None = None, scale: Scale = "imagenet") -> Input:
    """Frames from onset to offset, (count, 3, size, size): evenly spaced, or all of them (`count=None`), then with a length
    that differs from clip to clip."""
    asked = need("frames", size, scale=scale) if count is None else need("frames", size, scale=scale, count=count)
    return Input(asked, (count, 3, size, size))


def depth(size: int) -> Input:
    """Depth of the aligned face on onset and apex, (2, size, size), 0 where nothing was measured. Few datasets have it."""
    return Input(need("depth", size, scale="grey"), (2, size, size), _depth)


def landmarks(size: int) -> Input:
    """The detector's five points on the onset, (5, 2): x, y in pixels of a face of that size."""
    return Input(need("landmarks", size), (5, 2))


def landmarks68(size: int, **options: Any) -> Input:
    """68 points in the order of 300-W, x and y in pixels of a face of that size: (68, 2) on the onset; with frames=True
    (count, 68, 2) from onset to offset, or without a count all of them, with a length that differs from clip to clip."""
    lengths: tuple[int | None, ...] = (options.get("count"),) if options.get("frames") else ()
    return Input(need("landmarks68", size, **options), (*lengths, 68, 2))


IMAGES: dict[str, Callable[[int], Input]] = {"onset": onset, "apex": apex, "motion": motion, "flow": flow}
"""Inputs by the names that TSFmicro's variants use."""


def _depth(pair: Tensor) -> Tensor:
    return pair.squeeze(2)


def _onset(pair: Tensor) -> Tensor:
    return pair[:, 0]


def _apex(pair: Tensor) -> Tensor:
    return pair[:, 1]


def _motion(pair: Tensor) -> Tensor:
    return pair[:, 1] - pair[:, 0]


def scaled(maps: Tensor) -> Tensor:
    """Each channel of each clip from its own minimum to its own maximum, 0 to 1; a flat channel is 0. (N, C, H, W)."""
    low, high = maps.amin((2, 3), keepdim=True), maps.amax((2, 3), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-12)


def grey(pictures: Tensor) -> Tensor:
    """Luma of RGB pictures as ITU-R BT.601 weighs them, in their unit. (…, 3, H, W) → (…, H, W)."""
    red, green, blue = pictures.unbind(-3)
    return 0.299 * red + 0.587 * green + 0.114 * blue
