"""Motion magnification without training: linear, of acceleration, and phase-based.

A factor m says how far a movement goes afterwards: 1 leaves it as it is, 2 doubles it. Papers on Eulerian magnification write
α = m − 1, the movement that is added. Faces must be aligned first, or what is magnified is the shaking of the head.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np

from tsfmicro.errors import ConfigError, FrameError

ORIENTATIONS = 8  # of the steerable pyramid
WAVELENGTH = 16.0  # pixels: shorter waves are magnified less by the linear form
CHROMA = 0.1  # of the linear form's factor, for colours
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
YIQ = np.array([LUMA, [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]], np.float32)


def linear(reference: np.ndarray, frame: np.ndarray, factor: float) -> np.ndarray:
    """What differs from the reference, magnified level by level of a Laplacian pyramid (Wu et al. 2012).

    Args: reference, frame: (H, W) or, in YIQ, (H, W, 3); of any unit. Returns: the same shape, unclipped float32.
    """
    a, b = reference.astype(np.float32), frame.astype(np.float32)
    return b + _added(b - a, factor)


def _added(difference: np.ndarray, factor: float) -> np.ndarray:
    """What magnification adds to a frame. The pyramid is linear, so that it may be built of the difference alone."""
    levels = _laplacian(difference)
    wave = 3 * math.hypot(*difference.shape[:2])  # of the coarsest level; each finer one has half of it
    alpha = factor - 1
    widest = WAVELENGTH / (8 * (1 + abs(alpha)))  # pixels a movement may have
    for n, level in enumerate(reversed(levels)):
        its = min(abs(alpha), max(0.0, wave / 2**n / (8 * widest) - 1))
        level *= 0 if n in (0, len(levels) - 1) else math.copysign(its, alpha)
    if difference.ndim == 3:
        for level in levels:
            level[..., 1:] *= CHROMA
    whole = levels[-1]
    for level in reversed(levels[:-1]):
        whole = cv2.pyrUp(whole, dstsize=level.shape[1::-1]) + level
    return whole


def _laplacian(image: np.ndarray) -> list[np.ndarray]:
    """Finest first; the last is what is left of the image."""
    levels = []
    for _ in range(max(1, int(math.log2(min(image.shape[:2]))) - 2)):
        small = cv2.pyrDown(image)
        levels.append(image - cv2.pyrUp(small, dstsize=image.shape[1::-1]))
        image = small
    return [*levels, image.copy()]


def acceleration(frames: np.ndarray, factor: float, fps: float, frequency: float) -> np.ndarray:
    """What changes its pace, magnified; what moves steadily stays as it is (Zhang, Pintea and van Gemert 2017).

    Args:
        frames: (T, H, W) or, in YIQ, (T, H, W, 3); of any unit.
        fps: frames a second. frequency: of the movements that are looked for, Hz.
    Returns: the same shape, unclipped float32.
    Raises: FrameError: the clip is shorter than 4σ frames of the filter.
    """
    frames = frames.astype(np.float32)
    kernel = acceleration_kernel(fps, frequency)
    needed = max(2, math.ceil(fps / (math.sqrt(2) * frequency)))  # 4σ
    if len(frames) < needed:
        raise FrameError(
            f"{len(frames)} frames are too few to find acceleration of {frequency:g} Hz at {fps:g} frames a second, which"
            f" takes {needed}. Choose another method of magnification."
        )
    half = len(kernel) // 2
    padded = np.concatenate([frames[:1].repeat(half, 0), frames, frames[-1:].repeat(half, 0)])
    curved = sum(weight * padded[n : n + len(frames)] for n, weight in enumerate(kernel))
    return np.stack(
        [frame + _added(np.ascontiguousarray(one), factor) for frame, one in zip(frames, curved, strict=True)]
    )


def acceleration_kernel(fps: float, frequency: float) -> np.ndarray:
    """(4σ + 1,) minus the second derivative of a Gaussian of σ = fps / (4·√2·f), whose sizes sum to 1: above 0 where a
    vibration is at its height. It gives 0 for what stays or moves steadily."""
    sigma = fps / (4 * math.sqrt(2) * frequency)
    half = max(1, math.ceil(2 * sigma))
    t = np.arange(-half, half + 1)
    kernel = (1 - (t / sigma) ** 2) * np.exp(-((t / sigma) ** 2) / 2)
    kernel -= kernel.mean()  # the ends that are cut off
    return (kernel / np.abs(kernel).sum()).astype(np.float32)


class Phase:
    """Phase-based magnification against one reference (Wadhwa et al. 2013): waves are moved, not made stronger.

    It works in float32, or in float64 where the reference is that.

    Args: reference: (n, n) grey of any unit. smooth: σ in pixels over which phases are averaged, strong waves first; 0: none.
    """

    def __init__(self, reference: np.ndarray, smooth: float = 0.0) -> None:
        if reference.ndim != 2 or reference.shape[0] != reference.shape[1]:
            raise ConfigError(f"magnification by phase needs square pictures, not {reference.shape}.")
        self.size, self.smooth = len(reference), smooth
        self.type = np.float64 if reference.dtype == np.float64 else np.float32
        self._bands = [self._band(_spectrum(reference.astype(self.type)), mask) for mask in self._masks()]

    def __call__(self, frame: np.ndarray, factors: Sequence[float]) -> np.ndarray:
        """(factors, n, n) the frame with its movement since the reference magnified, unclipped."""
        from scipy.fft import ifft2

        frame = frame.astype(self.type)
        spectrum = _spectrum(frame)
        changed = np.zeros((len(factors), self.size, self.size), spectrum.dtype)
        for mask, before in zip(self._masks(), self._bands, strict=True):
            band = self._band(spectrum, mask)
            turn = np.angle(band * before.conj())
            if self.smooth:
                turn = _smoothed(turn, np.abs(band), self.smooth)
            for n, factor in enumerate(factors):
                if factor != 1:
                    changed[n] += _spectrum(band * np.expm1((1j * (factor - 1) * turn).astype(band.dtype))) * mask
        return frame + ifft2(changed).real / 2

    def _band(self, spectrum: np.ndarray, mask: np.ndarray) -> np.ndarray:
        from scipy.fft import ifft2

        return ifft2(spectrum * mask)

    def _masks(self) -> Iterator[np.ndarray]:
        return iter(_steerable(self.size, np.dtype(self.type).name)[0])


def _spectrum(image: np.ndarray) -> np.ndarray:
    from scipy.fft import fft2  # only who magnifies waits for it

    return fft2(image)


def _smoothed(turn: np.ndarray, strength: np.ndarray, sigma: float) -> np.ndarray:
    weighted, total = (cv2.GaussianBlur(x, (0, 0), sigma) for x in (turn * strength, strength))
    return weighted / np.maximum(total, 1e-12)


@lru_cache(maxsize=2)
def _steerable(size: int, dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Masks of a complex steerable pyramid: (bands · orientations, n, n), and of both residuals, (n, n), in float32 or 64."""
    omega = 2 * np.pi * np.fft.fftfreq(size)
    x, y = omega[None, :], omega[:, None]
    octave = np.log2(np.maximum(np.hypot(x, y), 1e-12) / np.pi)
    angle = np.arctan2(y, x)
    k = ORIENTATIONS
    gain = 2 ** (k - 1) * math.factorial(k - 1) / math.sqrt(k * math.factorial(2 * k - 2))
    turned = [(angle - np.pi * n / k + np.pi) % (2 * np.pi) - np.pi for n in range(k)]
    sides = [np.where(np.abs(a) < np.pi / 2, 2 * gain * np.cos(a) ** (k - 1), 0) for a in turned]
    passed, masks = np.sqrt(1 - _high(octave, 0) ** 2), []
    for band in range(max(1, int(math.log2(size)) - 2)):
        ring = passed * _high(octave, -band - 1)
        masks += [ring * side for side in sides]
        passed = passed * np.sqrt(1 - _high(octave, -band - 1) ** 2)
    return np.array(masks, dtype), _high(octave, 0).astype(dtype), passed.astype(dtype)


def _high(octave: np.ndarray, cut: int) -> np.ndarray:
    """1 above an octave, 0 below the one before, half a cosine between."""
    return np.cos(np.pi / 2 * np.clip(octave - cut, -1, 0)) * (octave > cut - 1)
