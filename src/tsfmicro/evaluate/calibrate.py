"""Probabilities that mean what they say: temperature scaling (Guo et al., ICML 2017) on people left out."""

from __future__ import annotations

import numpy as np

from tsfmicro.errors import ShapeError


def softmax(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """(…, C) probabilities of (…, C) logits divided by the temperature."""
    scaled = np.asarray(logits, float) / temperature
    powers = np.exp(scaled - scaled.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def fit_temperature(logits: np.ndarray, target: np.ndarray) -> float:
    """The temperature under which the true classes are most likely.

    One number for all classes: it changes how sure the model is, never what it says. Between 1/20 and 20, so that a few
    clips, all told rightly, do not make it infinitely sure.

    Args: logits: (N, C) of clips of people the model was not trained on; target: (N,) class numbers.
    Raises: ShapeError: no clips, or counts that differ.
    """
    if len(logits) == 0 or len(logits) != len(target):
        raise ShapeError(f"temperature: {len(logits)} logits but {len(target)} classes; give one each per clip.")
    from scipy.optimize import minimize_scalar

    def surprise(log_temperature: float) -> float:
        said = softmax(logits, np.exp(log_temperature))[np.arange(len(target)), target]
        return float(-np.log(np.maximum(said, 1e-12)).mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-np.log(20), np.log(20)), method="bounded").x))


def calibration_error(probabilities: np.ndarray, target: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: |how sure − how often right|, averaged over clips in bins of equal width.

    Args: probabilities: (N, C); target: (N,).
    Returns: 0 where a probability of p is right in a part p of the cases, at most 1.
    """
    sure = probabilities.max(-1)
    right = probabilities.argmax(-1) == target
    bin_of = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(sure[bin_of == b].mean() - right[bin_of == b].mean()) * (bin_of == b).mean() for b in np.unique(bin_of)]
    return float(sum(gaps))
