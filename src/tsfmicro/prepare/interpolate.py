"""Temporal interpolation: a clip as a curve, read at as many places as are wanted (Zhou, Zhao and Pietikäinen 2011)."""

from __future__ import annotations

import numpy as np


def interpolate(frames: np.ndarray, count: int) -> np.ndarray:
    """TIM: frames lie on a path graph, whose curve of sines is read evenly from the first frame to the last.

    Args: frames: (n, …), of any unit; they should be linearly independent. count: how many are wanted.
    Returns: (count, …) float64; with count = n the frames themselves.
    """
    n = len(frames)
    if n == 1:
        return np.repeat(frames.astype(np.float64), count, axis=0)
    columns = frames.reshape(n, -1).T.astype(np.float64)
    mean = columns.mean(1, keepdims=True)
    left, sizes, right = np.linalg.svd(columns - mean, full_matrices=False)
    kept = min(n - 1, int((sizes > sizes[0] * 1e-12).sum())) if sizes[0] > 0 else 0
    if not kept:  # the frames are all the same
        return np.repeat(frames[:1].astype(np.float64), count, axis=0)
    left, weights = left[:, :kept], sizes[:kept, None] * right[:kept]
    curve = _curve(np.arange(1, n + 1) / n, n)  # (n, n − 1)
    basis = np.linalg.pinv(weights @ weights.T) @ weights @ curve
    size = (weights.T @ basis)[0] / curve[0]
    read = _curve(np.linspace(1 / n, 1, count), n) * size
    return (left @ np.linalg.pinv(basis.T) @ read.T + mean).T.reshape(count, *frames.shape[1:])


def _curve(places: np.ndarray, n: int) -> np.ndarray:
    """(P, n − 1) the eigenvectors of a path of n frames at places from 1/n to 1."""
    k = np.arange(1, n)
    return np.sin(np.pi * k * places[:, None] + np.pi * (n - k) / (2 * n))
