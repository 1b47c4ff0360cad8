"""The movement of regions over time, made even, smooth and free of single odd frames."""

from __future__ import annotations

import numpy as np

REST = 10.0  # seconds over which a face is said to rest
_ODD, _ODDER = 0.3, 10.0  # per cent, and times the usual, by which one frame alone is off those beside it


def evenly(times: np.ndarray, motion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The traces on a grid of even steps, as far apart as the frames usually are."""
    count = round(float((times[-1] - times[0]) / np.median(np.diff(times)))) + 1
    grid = np.linspace(times[0], times[-1], max(count, 4))
    flat = motion.reshape(len(times), -1)
    even = np.stack([np.interp(grid, times, trace) for trace in flat.T], axis=1)
    return grid, even.reshape(len(grid), *motion.shape[1:])


def smooth(traces: np.ndarray, deviation: float) -> np.ndarray:
    """(T, …) under a Gaussian over time. Args: deviation: samples."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(traces, deviation, axis=0, mode="nearest") if deviation > 0.3 else traces


def mended(motion: np.ndarray) -> np.ndarray:
    """(T, R, 2) without what is there in one frame alone: that is the picture's."""
    mended = motion.astype(np.float64)
    middle = np.sort(np.stack([mended[:-2], mended[1:-1], mended[2:]]), axis=0)[1]
    off = np.abs(mended[1:-1] - middle)
    odd = off > np.maximum(_ODD, _ODDER * np.median(off, axis=0))
    mended[1:-1][odd] = middle[odd]
    return mended


def usual_place(traces: np.ndarray, rate: float) -> np.ndarray:
    """(T, R, 2) where a region usually is: the median over the seconds around; from a few samples a second."""
    from scipy.ndimage import median_filter

    step = max(1, round(rate / 5))
    few = np.stack([np.median(traces[k : k + step], axis=0) for k in range(0, len(traces), step)])
    calm = median_filter(few, size=(round(REST * rate / step) | 1, 1, 1), mode="nearest")
    at = np.arange(len(few)) * step + (step - 1) / 2
    flat = calm.reshape(len(few), -1)
    even = np.stack([np.interp(np.arange(len(traces)), at, trace) for trace in flat.T], axis=1)
    return even.reshape(traces.shape)


def noise_of(even: np.ndarray, deviation: float) -> np.ndarray:
    """(R,) deviation of white noise after smoothing, per cent, from second differences: movements are slower and hardly
    count."""
    steps = np.abs(np.diff(even, n=2, axis=0))
    raw = 1.4826 * np.median(steps, axis=0).max(-1) / np.sqrt(6)
    return raw / np.sqrt(2 * np.sqrt(np.pi) * deviation) if deviation > 0.3 else raw
