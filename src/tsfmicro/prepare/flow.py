"""Optical flow between onset and apex, and the strain of the skin."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np

from tsfmicro.config import USUAL_FLOW
from tsfmicro.errors import ConfigError, ShapeError

DRAWN = Path(__file__).with_name("drawn_flow.safetensors")
"""The weights of flow method drawn, which come with the package."""


def flow_and_strain(
    onset: np.ndarray, apex: np.ndarray, method: str = USUAL_FLOW, weights: Path | None = None, part: str = "expression"
) -> np.ndarray:
    """Flow from onset to apex, with its strain.

    'dis', dense inverse search, at its medium preset: on faces moved by a known fraction of a pixel to three pixels it is
    off by half as much as the fast presets, at 5 ms a pair of 224×224.

    Args:
        onset, apex: (H, W, 3) uint8.
        method: 'dis', 'farneback', 'tvl1' (half a second a pair; OpenCV's where its contributed modules are installed, else
            scikit-image's), 'drawn', a small network that learned on drawn faces and corrects 'dis' (faces aligned as they are in
            preparation; see docs/generated-faces.md), or 'facialflow', DecFlow's network (ten seconds a pair on one core).
        weights: of a network; drawn has its own. part: of a network's flow: 'expression' is 'facial' without 'head'.
    Returns: (3, H, W) float16: horizontal and vertical flow in pixels, strain.
    Raises: ConfigError: what the method needs is not there; WeightsError: weights that are not the network's.
    """
    check_method(method, weights)
    if method == "facialflow":
        motion = _facialflow(onset, apex, weights, part)
    elif method == "drawn":
        motion = _drawn(onset, apex, weights or DRAWN, part)
    else:
        motion = _of_grey(onset, apex, method)
    return np.concatenate([motion, strain(motion)]).astype(np.float16)


def check_method(method: str, weights: Path | None = None) -> None:
    """Raises ConfigError: the method needs a package or weights that are not there."""
    if method == "tvl1" and not hasattr(cv2, "optflow") and find_spec("skimage") is None:
        raise ConfigError(
            "flow method tvl1 needs scikit-image, which is not installed. Run: pip install 'tsfmicro[tvl1]', or choose"
            " method dis."
        )
    if method == "drawn" and not (weights or DRAWN).is_file():
        raise ConfigError(
            f"flow method drawn: {weights or DRAWN}: no such file. "
            + ("Give the weights that it learned" if weights else "Install tsfmicro again, or run `make flow-model`")
            + ", or choose method dis."
        )
    if method == "facialflow" and (weights is None or not weights.is_file()):
        problem = "needs weights, which are not part of tsfmicro" if weights is None else f"{weights}: no such file"
        raise ConfigError(
            f"flow method facialflow: {problem}. Fetch DecFlow's decflow-facialflownet.pth from its authors and set"
            " prepare.products={flow: {method: facialflow, weights: PATH}}, or choose method dis."
        )


def _of_grey(onset: np.ndarray, apex: np.ndarray, method: str) -> np.ndarray:
    before, after = (cv2.cvtColor(face, cv2.COLOR_RGB2GRAY) for face in (onset, apex))
    if method == "tvl1":
        return _tvl1(before, after)
    flow = np.zeros((*before.shape, 2), np.float32)
    if method == "farneback":
        flow = cv2.calcOpticalFlowFarneback(before, after, flow, 0.5, 3, 15, 3, 5, 1.2, 0)
    else:
        cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(before, after, flow)
    return flow.transpose(2, 0, 1)


def _tvl1(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    if hasattr(cv2, "optflow"):
        return cv2.optflow.DualTVL1OpticalFlow_create().calc(before, after, None).transpose(2, 0, 1)
    from skimage.registration import optical_flow_tvl1  # a second to import: only who asks for it waits

    down, across = optical_flow_tvl1(before / np.float32(255), after / np.float32(255), dtype=np.float32)
    return np.stack([across, down])


def _facialflow(onset: np.ndarray, apex: np.ndarray, weights: Path | None, part: str) -> np.ndarray:
    from tsfmicro.prepare.facial_flow import facial_flow  # torch: only who asks for it waits

    assert weights is not None
    return facial_flow(weights, onset, apex, part)


def _drawn(onset: np.ndarray, apex: np.ndarray, weights: Path, part: str) -> np.ndarray:
    from tsfmicro.prepare.drawn_flow import drawn_flow  # torch: only who asks for it waits

    return drawn_flow(onset[None], apex[None], part, weights)[0]


def strain(flow: np.ndarray) -> np.ndarray:
    """Optical strain magnitude, √(εxx² + εyy² + 2 εxy²), from the symmetric part of the flow's gradient (Shreve 2011).

    Args: flow: (..., 2, H, W), pixels; horizontal first.
    Returns: (..., 1, H, W), unitless; zero where the face only shifts.
    Raises: ShapeError: flow does not have two channels.
    """
    if flow.ndim < 3 or flow.shape[-3] != 2:
        raise ShapeError(f"flow of shape {flow.shape} does not have two channels; give (..., 2, H, W).")
    u, v = flow[..., 0, :, :], flow[..., 1, :, :]
    u_y, u_x = np.gradient(u, axis=(-2, -1))
    v_y, v_x = np.gradient(v, axis=(-2, -1))
    shear = (u_y + v_x) / 2
    return np.sqrt(u_x**2 + v_y**2 + 2 * shear**2)[..., None, :, :]
