"""The linear floor: a balanced linear support vector machine on down-sampled motion, trained per fold in seconds.

A network that is not better than this has not been shown to be good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from tsfmicro.types import Fold, Logits, PreparedSet


def motion_features(prepared: PreparedSet, clip_ids: Sequence[str], edge: int = 14) -> np.ndarray:
    """Down-sampled motion of the annotated pairs: flow and strain where they were prepared, else apex − onset.

    Returns: (N, channels·edge·edge) float32.
    """
    return np.stack(
        [
            cv2.resize(_motion(prepared, row), (edge, edge), interpolation=cv2.INTER_AREA).ravel()
            for row in prepared.rows_of(clip_ids)
        ]
    )


def _motion(prepared: PreparedSet, row: int) -> np.ndarray:
    """(H, W, channels) float32."""
    if prepared.flow is not None:
        return np.ascontiguousarray(prepared.flow[row, 0].transpose(1, 2, 0), dtype=np.float32)
    onset, apex = prepared.faces("annotated")[row].astype(np.float32)
    return (apex - onset).mean(-1, keepdims=True)


def linear(
    prepared: PreparedSet, folds: Sequence[Fold], labels: Sequence[Mapping[str, int]], n_classes: int, seed: int = 0
) -> Logits:
    """What the linear model says of each fold's test clips, after training on the fold's training side.

    Args:
        labels: for each fold, the class numbers of its training clips.
        seed: under which the answer is kept; the training itself is the same every time.
    Returns: logits of one epoch: signed distances to the planes; −inf for a class that the training side lacks.
    """
    from sklearn.pipeline import make_pipeline  # seconds to import: only who asks for this floor waits
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    clips = sorted({clip for fold in folds for clip in (*fold.train, *fold.test)})
    motion = dict(zip(clips, motion_features(prepared, clips), strict=True))  # once: a clip is in nearly every fold
    parts = []
    for fold, known in zip(folds, labels, strict=True):
        target = np.array([known[clip] for clip in fold.train])
        values = np.full((1, len(fold.test), n_classes), -np.inf, np.float32)
        if len(set(target)) == 1:
            values[0, :, target[0]] = 0
        else:
            machine = make_pipeline(StandardScaler(), LinearSVC(C=0.01, class_weight="balanced", random_state=0))
            machine.fit(np.stack([motion[clip] for clip in fold.train]), target)
            distance = machine.decision_function(np.stack([motion[clip] for clip in fold.test]))
            if distance.ndim == 1:  # scikit-learn gives one column for two classes
                distance = np.stack([-distance, distance], -1)
            values[0][:, machine.classes_] = distance
        parts.append(Logits(fold.test, fold.name, seed, values))
    return Logits.join(parts)
