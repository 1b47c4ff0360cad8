"""What must hold of a finished run, as checks on plain data: each says what it claims, on what ground, and what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsfmicro.files import counted
from tsfmicro.types import person_of

SIDES = ("train", "val", "test")
SHOWN = 3  # problems of one check on the screen


@dataclass(frozen=True)
class Check:
    """A claim about a run.

    Attributes:
        claim: what should hold; ground: what was looked at; problems: where it does not hold.
    """

    claim: str
    ground: str
    problems: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return not self.problems

    def line(self) -> str:
        """✓ no person is on two sides of a fold (24 folds)"""
        if self.passed:
            return f"✓ {self.claim} ({self.ground})"
        more = f"; and {len(self.problems) - SHOWN} more" if len(self.problems) > SHOWN else ""
        return f"✗ {self.claim}: {'; '.join(self.problems[:SHOWN])}{more}"


def ids_are_distinct(rows: Sequence[Mapping[str, str]], datasets: Sequence[str]) -> Check:
    """Each clip has an id of its own, of the form dataset/subject/name, and belongs to the person its id says.

    Args: rows: of clips.csv, with the columns clip and person; datasets: those of the settings.
    """
    ids = [row["clip"] for row in rows]
    problems = [f"{clip} is there {count} times" for clip, count in Counter(ids).items() if count > 1]
    for row in rows:
        parts = row["clip"].split("/")
        if len(parts) != 3 or not all(parts):
            problems.append(f"{row['clip']} is not of the form dataset/subject/name")
        elif parts[0] not in datasets:
            problems.append(f"{row['clip']} is of no dataset of this run ({', '.join(datasets)})")
        elif row["person"] != person_of(row["clip"]):
            problems.append(f"{row['clip']} stands beside the person {row['person']}")
    people = {person_of(clip) for clip in ids}
    ground = f"{len(ids)} clips, {len(people)} people, {counted(len(datasets), 'dataset')}"
    return Check("clips and people of all datasets have ids of their own", ground, tuple(problems))


def people_are_apart(folds: Sequence[Mapping[str, Any]]) -> Check:
    """No person is on two sides of a fold. Args: folds: as in folds.json: name, train, val, test."""
    problems = []
    for fold in folds:
        sides = {side: {person_of(clip) for clip in fold[side]} for side in SIDES}
        for one, other in (("train", "test"), ("val", "test"), ("train", "val")):
            problems += [
                f"{p} is in {one} and {other} of fold {fold['name']}" for p in sorted(sides[one] & sides[other])
            ]
    return Check("no person is on two sides of a fold", f"{counted(len(folds), 'fold')}", tuple(problems))


def clips_are_tested_once(folds: Sequence[Mapping[str, Any]], clips: Iterable[str]) -> Check:
    """Every clip is tested in one fold, but for datasets of which nothing is tested, as cross-dataset protocols have it."""
    known = set(clips)
    tested = Counter(clip for fold in folds for clip in fold["test"])
    datasets = {clip.partition("/")[0] for clip in tested}
    problems = [f"{clip} is tested {count} times" for clip, count in sorted(tested.items()) if count > 1]
    problems += [
        f"{clip} is never tested" for clip in sorted(known - tested.keys()) if clip.partition("/")[0] in datasets
    ]
    used = {clip for fold in folds for side in SIDES for clip in fold[side]}
    problems += [f"{clip} is in a fold but not in clips.csv" for clip in sorted(used - known)]
    problems += [f"fold {name} is there twice" for name, n in Counter(f["name"] for f in folds).items() if n > 1]
    others = len([clip for clip in known if clip.partition("/")[0] not in datasets])
    ground = f"{len(tested)} clips" + (f"; the {others} of other datasets are not to be tested" if others else "")
    return Check("every clip is tested once", ground, tuple(problems))


def values_are_equal(stored: Any, computed: Any, path: str = "") -> list[str]:
    """Where two nests of plain values differ, as 'uf1.value is 0.9, but 0.61 comes from the logits'."""
    if isinstance(stored, dict) and isinstance(computed, dict):
        keys = [*stored, *(key for key in computed if key not in stored)]
        inner = [(f"{path}.{key}" if path else key, stored.get(key), computed.get(key)) for key in keys]
    elif isinstance(stored, list) and isinstance(computed, list) and len(stored) == len(computed):
        inner = [(f"{path}[{n}]", one, other) for n, (one, other) in enumerate(zip(stored, computed, strict=True))]
    else:
        return [] if _alike(stored, computed) else [f"{path} is {stored}, but {computed} comes from the logits"]
    return [problem for place, one, other in inner for problem in values_are_equal(one, other, place)]


def _alike(one: Any, other: Any) -> bool:
    """Equal, but for the last bits of a number, which another machine may compute otherwise."""
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    return abs(one - other) <= 1e-9 if numbers else one == other
