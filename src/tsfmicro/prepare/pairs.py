"""Which two frames of a clip are compared: the annotated ones, or the pair near them that differs most."""

from __future__ import annotations

import math

import numpy as np

from tsfmicro.types import Clip


def candidates(clip: Clip, neighbourhood: float) -> tuple[list[int], list[int]]:
    """Frame numbers near the onset and near the apex, the annotated ones first.

    onset + i and apex − j with 0 ≤ i, j ≤ r = ⌊neighbourhood·(apex − onset)⌋, as the released program searches.
    Neighbours that the folder does not have are left out; a missing onset or apex stays in, to be told when it is read.
    """
    assert clip.apex is not None, f"{clip.id} has no apex"
    r = math.floor(neighbourhood * (clip.apex - clip.onset) + 1e-9)  # 0.1·30 is a little under 3 in binary
    onsets = [clip.onset] + [clip.onset + i for i in range(1, r + 1) if clip.onset + i in clip.frames.numbers]
    apexes = [clip.apex] + [clip.apex - j for j in range(1, r + 1) if clip.apex - j in clip.frames.numbers]
    return onsets, apexes


def widest(onsets: np.ndarray, apexes: np.ndarray) -> tuple[int, int]:
    """The pair with the largest L2 difference; among equals, the one closest to the annotation.

    Args: onsets: (M, H, W, 3) uint8; apexes: (N, H, W, 3) uint8; the annotated ones first.
    Returns: which onset, which apex.
    """
    a, b = (faces.reshape(len(faces), -1) for faces in (onsets, apexes))
    squares = np.zeros((len(a), len(b)))
    step = 1 << 14  # a few pixels at a time: the whole as floats would take eight times its memory
    for start in range(0, a.shape[1], step):
        # |a − b|² = |a|² + |b|² − 2ab; whole numbers far below 2⁵³, so this is exact
        x, y = (faces[:, start : start + step].astype(np.float64) for faces in (a, b))
        squares += (x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * x @ y.T
    i, j = np.unravel_index(squares.argmax(), squares.shape)
    return int(i), int(j)
