"""From stored logits to scores: labels are joined here, by clip id, never by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tsfmicro.errors import RunError
from tsfmicro.evaluate import metrics
from tsfmicro.evaluate.bootstrap import draw_people, interval
from tsfmicro.evaluate.select import select
from tsfmicro.types import Logits, Scores, person_of

SAMPLES = 2000


def score(
    runs: Sequence[Logits],
    labels: Mapping[str, int],
    classes: Sequence[str],
    rule: str = "last",
    samples: int = SAMPLES,
) -> Scores:
    """Scores pooled over all folds, every clip once, mean over seeds, 95 % intervals over people.

    Args:
        runs: joined logits, one for each seed; all of the same clips.
        labels: class number of each clip id.
        classes: class names in the order of their numbers.
        rule: which epoch counts.
    Raises:
        RunError: seeds that tested different clips, or clips that were not tested, or have no label.
        LabelError: a class that no test clip has.
    """
    clips = tuple(sorted(labels))
    for run in runs:
        strange = set(run.clips) ^ set(clips)
        if strange:
            raise RunError(
                f"seed {run.seed}: {len(strange)} clips are either labelled or tested but not both, e.g. {min(strange)}. "
                "Finish the run before scoring it."
            )
    people = sorted({person_of(clip) for clip in clips})
    confusions = np.stack([_by_person(run, labels, people, rule, len(classes)) for run in runs])
    total = confusions.sum((0, 1))
    metrics.check_classes(total, classes)
    # The same people are drawn whenever the same clips are scored, so that two runs can be compared.
    resampled = draw_people(confusions, np.random.default_rng(0), samples)
    pooled = confusions.sum(1)
    return Scores(
        rule=rule,
        classes=tuple(classes),
        acc=interval(metrics.accuracy, confusions, resampled),
        uf1=interval(metrics.uf1, confusions, resampled),
        uar=interval(metrics.uar, confusions, resampled),
        precision=float(metrics.precision(pooled).mean()),
        recall=dict(zip(classes, metrics.recall(pooled).mean(0).tolist(), strict=True)),
        confusion=total,
        people=len(people),
        clips=len(clips),
        seeds=tuple(run.seed for run in runs),
    )


def _by_person(run: Logits, labels: Mapping[str, int], people: Sequence[str], rule: str, n_classes: int) -> np.ndarray:
    """(P, C, C) counts of each person."""
    target = np.array([labels[clip] for clip in run.clips])
    who = np.array([people.index(person_of(clip)) for clip in run.clips])
    predicted = select(rule, run)
    return np.stack(
        [metrics.confusion_matrix(target[who == p], predicted[who == p], n_classes) for p in range(len(people))]
    )
