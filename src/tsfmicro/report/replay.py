"""A moment once more: slowly, and with its movement made larger."""

from __future__ import annotations

import io

import cv2
import numpy as np

FACTOR = 4.0  # by which movements are made larger
_FARTHEST = 0.09  # of the picture's edge: a place that is carried farther tears the face, so all is made less large
_FRAMES = 40  # in a replay; more than the eye needs
_SLOW = 8.0  # times slower than it was
_LONGEST, _SHORTEST = 400, 40  # milliseconds for which a picture stands


def magnify(faces: np.ndarray, factor: float = FACTOR) -> np.ndarray:
    """Every movement since the first picture, made larger (Lagrangian: Liu et al., Motion Magnification, 2005).

    The first picture is warped along the optical flow from it to each of the others. What appears without moving, such as
    a wrinkle or a closing lid, is therefore not shown larger. A large movement is made larger by less, one factor for all.

    Args: faces: (T, S, S, 3) uint8 RGB, one head that keeps still.
    Returns: the same shape.
    """
    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    size = faces.shape[1]
    rows, columns = np.mgrid[:size, :size].astype(np.float32)
    first = cv2.cvtColor(faces[0], cv2.COLOR_RGB2GRAY)
    flows = []
    for face in faces[1:]:
        # From a picture back to the first one: that tells, for each place of the new picture, where to read the first.
        flow = np.zeros((size, size, 2), np.float32)
        flow_of.calc(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), first, flow)
        flows.append(cv2.GaussianBlur(flow, (0, 0), size / 64))
    farthest = max((float(np.quantile(np.hypot(*np.moveaxis(flow, 2, 0)), 0.99)) for flow in flows), default=0.0)
    factor = min(factor, max(1.0, _FARTHEST * size / max(farthest, 1e-6)))
    made = [faces[0]]
    for flow in (factor * flow for flow in flows):
        made.append(
            cv2.remap(
                faces[0], columns + flow[..., 0], rows + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
        )
    return np.stack(made)


def chosen(first: int, last: int) -> list[int]:
    """Frame numbers of a replay, evenly from the first to the last."""
    return np.unique(np.linspace(first, last, min(_FRAMES, last - first + 1)).round().astype(int)).tolist()


def animated(faces: np.ndarray, times: np.ndarray, edge: int = 240) -> bytes:
    """As an animated WebP: beside each other what was filmed and what is magnified, slowly, over and over.

    Args: faces: (T, S, S, 3) uint8 RGB; times: (T,) seconds; edge: of each of the two pictures, pixels.
    """
    from PIL import Image

    both = np.concatenate([faces, magnify(faces)], axis=2)
    steps = np.diff(times, append=2 * times[-1] - times[-2]) if len(times) > 1 else np.array([0.1])
    pictures = [Image.fromarray(picture).resize((2 * edge, edge), Image.Resampling.BICUBIC) for picture in both]
    content = io.BytesIO()
    pictures[0].save(
        content,
        "WEBP",
        save_all=True,
        append_images=pictures[1:],
        duration=[int(np.clip(1000 * _SLOW * step, _SHORTEST, _LONGEST)) for step in steps],
        loop=0,
        quality=75,
    )
    return content.getvalue()
