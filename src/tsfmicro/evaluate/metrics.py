"""The scores of the field, from a confusion matrix: ACC, UF1 (Eq. 14 of the paper), UAR (Eq. 15).

Every function takes (..., C, C) counts, true class × predicted class, so one call scores thousands of confusion matrices.
Those named *_by_class keep the last axis, of which the score is the mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tsfmicro.errors import LabelError, ShapeError


def confusion_matrix(target: np.ndarray, predicted: np.ndarray, n_classes: int) -> np.ndarray:
    """Counts of true class × predicted class.

    Args: target, predicted: (N,) integers in [0, n_classes).
    Returns: (C, C) int64.
    Raises: ShapeError: different lengths, or a class outside the range.
    """
    target, predicted = np.asarray(target), np.asarray(predicted)
    if target.shape != predicted.shape or target.ndim != 1:
        raise ShapeError(
            f"confusion matrix: {target.shape} targets but {predicted.shape} predictions; give one each per clip."
        )
    both = np.concatenate([target, predicted])
    if len(both) and not (both.min() >= 0 and both.max() < n_classes):
        raise ShapeError(f"confusion matrix: classes {both.min()}…{both.max()} do not fit 0…{n_classes - 1}.")
    return np.bincount(target * n_classes + predicted, minlength=n_classes**2).reshape(n_classes, n_classes)


def check_classes(confusion: np.ndarray, classes: Sequence[str]) -> None:
    """Raises LabelError where a class has no clip: its recall does not exist, and leaving it out would flatter the mean."""
    empty = [name for name, row in zip(classes, confusion, strict=True) if row.sum() == 0]
    if empty:
        raise LabelError(
            f"no clip of class {', '.join(empty)} was tested, so UF1 and UAR do not exist. Choose another label scheme."
        )


def accuracy(confusion: np.ndarray) -> np.ndarray:
    """Correct / all. (..., C, C) → (...)."""
    return _diagonal(confusion).sum(-1) / confusion.sum((-2, -1))


def accuracy_by_class(confusion: np.ndarray) -> np.ndarray:
    """Correct / all, which does not look at classes. (..., C, C) → (..., 1)."""
    return accuracy(confusion)[..., None]


def uf1(confusion: np.ndarray) -> np.ndarray:
    """Unweighted F1: the mean over all classes of 2TP / (2TP + FP + FN). (..., C, C) → (...)."""
    return f1_by_class(confusion).mean(-1)


def uar(confusion: np.ndarray) -> np.ndarray:
    """Unweighted average recall: the mean over all classes of TP / clips of the class. (..., C, C) → (...)."""
    return recall(confusion).mean(-1)


def precision(confusion: np.ndarray) -> np.ndarray:
    """Macro precision; some programs print it as UAR. (..., C, C) → (...)."""
    return precision_by_class(confusion).mean(-1)


def f1_by_class(confusion: np.ndarray) -> np.ndarray:
    """F1 of each class. (..., C, C) → (..., C)."""
    return 2 * _diagonal(confusion) / (confusion.sum(-1) + confusion.sum(-2))


def recall(confusion: np.ndarray) -> np.ndarray:
    """Recall of each class. (..., C, C) → (..., C)."""
    return _diagonal(confusion) / confusion.sum(-1)


def precision_by_class(confusion: np.ndarray) -> np.ndarray:
    """Precision of each class, 0 for one that is never predicted. (..., C, C) → (..., C)."""
    return _diagonal(confusion) / np.maximum(confusion.sum(-2), 1)


def _diagonal(confusion: np.ndarray) -> np.ndarray:
    return np.diagonal(confusion, axis1=-2, axis2=-1)
