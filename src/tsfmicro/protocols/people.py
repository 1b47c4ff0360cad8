"""Splitting by person: what every protocol needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tsfmicro.errors import ConfigError
from tsfmicro.types import Fold, dataset_of, person_of


def clips_of_people(labels: Mapping[str, int]) -> dict[str, list[str]]:
    """Clip ids of each person, both in the order of their names, so that a split does not hang on a folder's order."""
    people: dict[str, list[str]] = {}
    for clip in sorted(labels):
        people.setdefault(person_of(clip), []).append(clip)
    return dict(sorted(people.items()))


def check_datasets(asked: Sequence[str], labels: Mapping[str, int], protocol: str) -> None:
    """Raises ConfigError: a dataset is asked for that no clip is of."""
    names = sorted({dataset_of(clip) for clip in labels})
    for name in asked:
        if name not in names:
            raise ConfigError(
                f"{protocol}: no clip is of {name} (there are clips of {', '.join(names)}). "
                "Add it to data.datasets, or correct protocol.options."
            )


def fold_name(person: str) -> str:
    """A folder's name for the fold that tests a person, which no other person's fold can have: 'casme2/sub04' → 'casme2-sub04'.

    The first '-' stands for the slash, so one before it is written '%2D'.
    """
    dataset, _, subject = person.partition("/")
    return f"{dataset.replace('%', '%25').replace('-', '%2D')}-{subject}"


def leave_each_out(
    groups: Mapping[str, Sequence[str]], labels: Mapping[str, int], val_people: int, generator: np.random.Generator
) -> tuple[Fold, ...]:
    """One fold for each group of people, which tests the group and learns from everybody else.

    Args: groups: people by the name of their fold.
    Raises: ConfigError: too few people are left to learn from.
    """
    everybody = clips_of_people(labels)
    return tuple(
        fold_of(name, test, [p for p in everybody if p not in test], labels, val_people, generator)
        for name, test in groups.items()
    )


def fold_of(
    name: str,
    test: Sequence[str],
    others: Sequence[str],
    labels: Mapping[str, int],
    val_people: int,
    generator: np.random.Generator,
) -> Fold:
    """The fold that tests some people and learns from others, of whom `val_people` are held out for validation.

    Raises: ConfigError: too few people are left to learn from.
    """
    clips_of = clips_of_people(labels)
    if len(others) < 1 + val_people:
        raise ConfigError(
            f"fold {name}: {len(others)} people are left to learn from, but it needs at least {1 + val_people} "
            f"({val_people} of them for validation). Add people, or lower train.val_people."
        )
    val = hold_out_people({p: clips_of[p] for p in others}, labels, val_people, generator)
    return Fold(
        name=name,
        train=tuple(c for p in others if p not in val for c in clips_of[p]),
        val=tuple(c for p in val for c in clips_of[p]),
        test=tuple(c for p in test for c in clips_of[p]),
    )


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


def spread_people(labels: Mapping[str, int], k: int, generator: np.random.Generator) -> list[list[str]]:
    """`k` groups of people with nearly as many clips, and nearly as many of each class. No group is empty.

    People with many clips are placed first, each in the group where the squared shares of clips and classes grow least.

    Raises: ConfigError: fewer people than groups.
    """
    clips_of = clips_of_people(labels)
    if len(clips_of) < k:
        raise ConfigError(
            f"{len(clips_of)} people with clips, but {k} folds need at least {k}. Lower k, or add people."
        )
    counts = {person: _counts(clips, labels) for person, clips in clips_of.items()}
    shares = {person: np.append(n, n.sum()) / _weights(counts) for person, n in counts.items()}
    drawn = generator.permutation(list(clips_of)).tolist()  # decides among people with equally many clips
    groups: list[list[str]] = [[] for _ in range(k)]
    held = np.zeros((k, len(next(iter(shares.values())))))
    for person in sorted(drawn, key=lambda p: -len(clips_of[p])):
        growth = ((held + shares[person]) ** 2 - held**2).sum(1)
        chosen = int(growth.argmin())
        groups[chosen].append(person)
        held[chosen] += shares[person]
    return [sorted(group) for group in groups]


def _weights(counts: Mapping[str, np.ndarray]) -> np.ndarray:
    """Clips of each class and of all, so that a rare class weighs as much as a frequent one."""
    whole = np.sum(list(counts.values()), axis=0)
    return np.maximum(np.append(whole, whole.sum()), 1)


def _counts(clips: Sequence[str], labels: Mapping[str, int]) -> np.ndarray:
    return np.bincount([labels[c] for c in clips], minlength=max(labels.values()) + 1)


def _distance(clips: Sequence[str], labels: Mapping[str, int], whole: np.ndarray) -> float:
    counts = _counts(clips, labels)
    return float(np.abs(counts / counts.sum() - whole / whole.sum()).sum())
