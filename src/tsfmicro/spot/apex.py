"""The apex of a clip whose onset and offset are known."""

from __future__ import annotations

import cv2
import numpy as np

from tsfmicro.errors import ShapeError
from tsfmicro.spot.motion import SIZE, FlowMeter, Layout

VERSION = 2  # raise it when the same faces would give another apex
_SMOOTH = 0.012  # seconds


def find_apex(faces: np.ndarray, landmarks: np.ndarray, fps: float) -> int:
    """The frame on which the face is furthest from the first one, the head's movement taken out.

    Args:
        faces: (T, H, H, 3) uint8 RGB from onset to offset, all cut with the onset's transform.
        landmarks: (5, 2) of the onset, pixels of its crop.
        fps: frames per second.
    Returns: index of the apex, neither the first nor the last where there are three frames.
    Raises: ShapeError: fewer than two faces, or not that shape.
    """
    if faces.ndim != 4 or len(faces) < 2 or faces.shape[1] != faces.shape[2]:
        raise ShapeError(f"faces of shape {faces.shape}: an apex needs (T, H, H, 3) with at least two frames.")
    from scipy.ndimage import gaussian_filter1d

    crops = [cv2.resize(cv2.cvtColor(face, cv2.COLOR_RGB2GRAY), (SIZE, SIZE)) for face in faces]
    layout, meter = Layout((landmarks + 0.5) * (SIZE / faces.shape[1]) - 0.5), FlowMeter()
    motion = np.stack([meter(crops[0], crop, layout).regions for crop in crops])
    if _SMOOTH * fps > 0.3:
        motion = gaussian_filter1d(motion, _SMOOTH * fps, axis=0, mode="nearest")
    away = np.sqrt((motion**2).sum((1, 2)))
    inner = slice(1, -1) if len(faces) > 2 else slice(1, None)
    return 1 + int(away[inner].argmax())
