"""Corrections of annotation sheets that ship with the package, as tables: fixes/<dataset>.csv."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

from tsfmicro.data.entries import Correction, Entry
from tsfmicro.data.sheets import whole


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
    return (replace(entry, **now) if now else entry), applied


def _same(cell: str | None, was: str) -> bool:
    number = whole(cell)
    return cell == was if number is None else number == whole(was)
