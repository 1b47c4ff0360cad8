"""Corrections of annotation sheets that ship with the package, as tables: fixes/<dataset>.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from tsfmicro.data.sheets import whole

if TYPE_CHECKING:
    from tsfmicro.data.entries import Entry


@dataclass(frozen=True)
class Correction:
    """One cell that is wrong in the published sheet. It is applied only where the sheet still says `was`."""

    subject: str  # as in the clip's id
    clip: str
    column: str  # onset, apex, offset, emotion or action_units
    was: str
    now: str
    why: str

    def __str__(self) -> str:
        return f"{self.column} {self.was}→{self.now}: {self.why}"


@cache
def corrections(dataset: str) -> tuple[Correction, ...]:
    """The corrections that ship for a dataset; none where it has no table."""
    table = files("tsfmicro.data") / "fixes" / f"{dataset}.csv"
    if not table.is_file():
        return ()
    return tuple(Correction(**line) for line in csv.DictReader(table.read_text(encoding="utf-8").splitlines()))


def correct(entry: Entry, known: Iterable[Correction]) -> tuple[Entry, tuple[Correction, ...]]:
    """An entry with the corrections that fit it, and which they were. `known` are those of its clip."""
    applied = tuple(c for c in known if _same(getattr(entry, c.column), c.was))
    now: dict[str, Any] = {c.column: c.now for c in applied}
    return replace(entry, **now), applied


def _same(cell: str | None, was: str) -> bool:
    number = whole(cell)
    return cell == was if number is None else number == whole(was)
