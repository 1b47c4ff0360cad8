"""How far two coders agree: which of their moments are one, and coefficients that take chance out.

κ is Cohen's (1960), AC1 Gwet's (2008), the intraclass correlation ICC(2,1) of Shrout and Fleiss (1979). All take counts or ratings as
arrays, so that they can be had without one person after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, Timeline

_SHORTEST = 0.001  # seconds; a moment without a length overlaps nothing


@dataclass(frozen=True)
class Event:
    """What two coders marked at one time; None for the one who did not.

    Attributes: person: whose face, as the first coder names it.
    """

    video: str
    person: str
    one: Moment | None
    other: Moment | None

    @property
    def both(self) -> tuple[Moment, Moment] | None:
        """Both moments; None where only one coder has one."""
        return (self.one, self.other) if self.one and self.other else None

    @property
    def begins(self) -> float:
        """Seconds: the earlier onset."""
        return min(m.onset for m in (self.one, self.other) if m)


def events(one: Timeline, other: Timeline) -> list[Event]:
    """The moments of two coders, paired person by person so that the overlaps (intersection over union) add up to the most.

    Where each coder saw one person, names do not matter. Where one alone has a name, a moment without is theirs, too.

    Raises: AnnotationError: several people, and no name in common.
    """
    found = []
    for person, ours, theirs in _by_person(*_with_the_only_name(one, other)):
        pairs = _pairs(ours, theirs)
        matched = [set(places) for places in zip(*pairs, strict=True)] or [set(), set()]
        found += [Event(one.video, person, ours[i], theirs[j]) for i, j in pairs]
        found += [Event(one.video, person, m, None) for i, m in enumerate(ours) if i not in matched[0]]
        found += [Event(one.video, person, None, m) for j, m in enumerate(theirs) if j not in matched[1]]
    return sorted(found, key=lambda event: event.begins)


def _with_the_only_name(one: Timeline, other: Timeline) -> Iterator[Timeline]:
    """Both, where one person alone has a name with that name for moments that have none. A number is no name where there is one."""
    named = {p.casefold(): p for t in (other, one) for p in t.people}
    people = {key: p for key, p in named.items() if not key.isdigit()} or named
    for t in (one, other):
        if len(people) == 1:
            (name,) = people.values()
            t = replace(t, moments=tuple(m if m.person else replace(m, person=name) for m in t.moments))
        yield t


def _by_person(one: Timeline, other: Timeline) -> list[tuple[str, list[Moment], list[Moment]]]:
    seen = [dict.fromkeys([*t.people, *(m.person for m in t.moments)]) for t in (one, other)]
    if max(map(len, seen)) < 2:
        name = next((p for people in seen for p in people if p and not p.isdigit()), "")
        return [(name or next(iter(seen[0]), ""), list(one.moments), list(other.moments))]
    names: dict[str, str] = {}
    for person in (p for people in seen for p in people):
        names.setdefault(person.casefold(), person)
    shared = set.intersection(*({p.casefold() for p in people} for people in seen))
    if not shared and one.moments and other.moments:
        raise AnnotationError(
            f"{one.video}: one coding has {', '.join(map(repr, seen[0]))}, the other {', '.join(map(repr, seen[1]))}. "
            "Give people the same names in both."
        )
    return [
        (name, *([m for m in t.moments if m.person.casefold() == key] for t in (one, other)))  # type: ignore[misc]
        for key, name in names.items()
    ]


def _pairs(ours: Sequence[Moment], theirs: Sequence[Moment]) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment

    if not ours or not theirs:
        return []
    overlaps = _overlaps(ours, theirs)
    return [(int(i), int(j)) for i, j in zip(*linear_sum_assignment(-overlaps), strict=True) if overlaps[i, j] > 0]


def overlap(one: Moment, other: Moment) -> float:
    """Intersection over union of two moments, in time."""
    return float(_overlaps([one], [other])[0, 0])


def _overlaps(ours: Sequence[Moment], theirs: Sequence[Moment]) -> np.ndarray:
    """(N, M) of every two moments."""
    begins = [np.array([m.onset for m in moments]) for moments in (ours, theirs)]
    ends = [np.array([max(m.offset, m.onset + _SHORTEST) for m in moments]) for moments in (ours, theirs)]
    shared = np.minimum.outer(*ends) - np.maximum.outer(*begins)
    return np.maximum(0.0, shared) / (np.maximum.outer(*ends) - np.minimum.outer(*begins))


def seconds_table(ours: Iterable[Moment], theirs: Iterable[Moment], end: float) -> np.ndarray:
    """(2, 2) seconds of 0 to `end` in which neither, one or both have a moment: absent before present, the first coder's rows."""
    spans = [np.array([(m.onset, min(m.offset, end)) for m in moments]).reshape(-1, 2) for moments in (ours, theirs)]
    edges = np.unique(np.concatenate([[0.0, end], *(s.ravel() for s in spans)]))
    middles = (edges[1:] + edges[:-1]) / 2
    inside = [((s[:, :1] <= middles) & (middles < s[:, 1:])).any(0).astype(int) for s in spans]
    table = np.zeros((2, 2))
    np.add.at(table, (inside[0], inside[1]), np.diff(edges))
    return table


def kappa(counts: np.ndarray) -> np.ndarray:
    """Cohen's κ of (..., C, C) counts, first coder × second; nan where chance alone agrees always."""
    p = _shares(counts)
    return _beyond_chance(np.trace(p, axis1=-2, axis2=-1), (p.sum(-1) * p.sum(-2)).sum(-1))


def ac1(counts: np.ndarray) -> np.ndarray:
    """Gwet's AC1 of (..., C, C) counts, first coder × second. It holds where nearly all is in one class, as κ does not."""
    p = _shares(counts)
    usual = (p.sum(-1) + p.sum(-2)) / 2
    return _beyond_chance(np.trace(p, axis1=-2, axis2=-1), (usual * (1 - usual)).sum(-1) / (p.shape[-1] - 1))


def _shares(counts: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(counts, float) / np.sum(counts, axis=(-2, -1), keepdims=True)


def _beyond_chance(agreed: np.ndarray, by_chance: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(by_chance < 1 - 1e-12, (agreed - by_chance) / (1 - by_chance), np.nan)


def icc(ratings: np.ndarray) -> float:
    """ICC(2,1): absolute agreement of single ratings, coders drawn at random.

    Args: ratings: (N, k) of N targets by k coders. Returns: nan with fewer than two targets, or where all are alike.
    """
    ratings = np.asarray(ratings, float)
    n, k = ratings.shape
    if n < 2:
        return float("nan")
    rows, columns, mean = ratings.mean(1, keepdims=True), ratings.mean(0, keepdims=True), ratings.mean()
    of_targets = k * ((rows - mean) ** 2).sum() / (n - 1)
    of_coders = n * ((columns - mean) ** 2).sum() / (k - 1)
    error = ((ratings - rows - columns + mean) ** 2).sum() / ((n - 1) * (k - 1))
    whole = of_targets + (k - 1) * error + k * (of_coders - error) / n
    return float((of_targets - error) / whole) if abs(whole) > 1e-12 else float("nan")
