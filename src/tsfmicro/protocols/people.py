"""Splitting by person: what every protocol needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tsfmicro.types import person_of


def clips_of_people(labels: Mapping[str, int]) -> dict[str, list[str]]:
    """Clip ids of each person, both in the order of their names, so that a split does not hang on a folder's order."""
    people: dict[str, list[str]] = {}
    for clip in sorted(labels):
        people.setdefault(person_of(clip), []).append(clip)
    return dict(sorted(people.items()))


def hold_out_people(
    clips_of: Mapping[str, Sequence[str]], labels: Mapping[str, int], count: int, generator: np.random.Generator
) -> list[str]:
    """`count` people whose clips together hold the classes most nearly as everybody's clips do.

    One after another, the person is taken (of 16 drawn ones) that brings the held-out class shares closest to the whole.
    """
    whole = _counts([c for clips in clips_of.values() for c in clips], labels)
    held: list[str] = []
    for _ in range(count):
        left = [p for p in clips_of if p not in held]
        drawn = generator.permutation(left)[:16].tolist()
        held.append(min(drawn, key=lambda p: _distance([c for q in [*held, p] for c in clips_of[q]], labels, whole)))
    return sorted(held)


def _counts(clips: Sequence[str], labels: Mapping[str, int]) -> np.ndarray:
    return np.bincount([labels[c] for c in clips], minlength=max(labels.values()) + 1)


def _distance(clips: Sequence[str], labels: Mapping[str, int], whole: np.ndarray) -> float:
    counts = _counts(clips, labels)
    return float(np.abs(counts / counts.sum() - whole / whole.sum()).sum())
