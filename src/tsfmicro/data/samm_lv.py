"""SAMM Long Videos: the films that SAMM's clips were cut from, with their macro-expressions too (Yap et al., 2020).

The sheet has no emotions. SAMM's own has them, for the same micro-expressions by the same names.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from tsfmicro.data.annotated import Source
from tsfmicro.data.base import Reading
from tsfmicro.data.entries import Entry, Flag, Odd
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, fake_row, write_sheet
from tsfmicro.data.samm import Samm
from tsfmicro.data.sheets import COLUMNS, Row, Table, read_tables, whole

_COLUMNS = (
    ("Subject", "subject"),
    ("Filename", "clip"),
    ("Inducement Code", "=7"),
    ("Onset", "onset"),
    ("Apex", "apex"),
    ("Offset", "offset"),
    ("Duration", "duration"),
    ("Type", "kind"),
    ("Action Units", "action_units"),
    ("Notes", "="),
)
_NUMBERS = ("onset", "apex", "offset", "duration", "action_units")
_SAMM = Samm()


class SammLongVideos(Samm):
    """SAMM's people, in whole films. Clips with the name of a film's part are micro-expressions, those that end in _macro are not."""

    name = "samm-lv"
    title = "SAMM Long Videos"
    size = "960×650, grey"
    release_rows = 502
    columns: ClassVar = {name: heads for name, heads in COLUMNS.items() if name != "emotion"} | {"kind": ("type",)}
    unlabelled = ("micro", "macro")
    person_folder = re.compile(r"\d{1,3}_\d+")
    sheets: ClassVar = {
        version: FakeSheet(
            f"SAMM_LongVideos_{version}_Release.xlsx",
            "Sheet1",
            _COLUMNS,
            preamble=9,
            numbers=_NUMBERS,
            beside=("Sheet2",),
        )
        for version in ("V3", "V2", "V1")
    }
    layouts: ClassVar = {
        "long videos": Layout("SAMM_longvideos/{clip}", "{clip}_{n:04d}.jpg", first=1),
        "cropped": Layout("SAMM_longvideos_crop/{clip}", "{n:04d}.jpg", first=1),
    }

    def refuses(self, table: Table) -> str:
        return "" if self.beside_only(table) else super().refuses(table)

    def beside_only(self, table: Table) -> str:
        return "" if _SAMM.refuses(table) else "no column for type: it is SAMM's own"

    def chosen(self, tables: Sequence[Table]) -> tuple[Table, ...]:
        """Its own sheet, and SAMM's where there is one."""
        samm = [table for table in tables if self.beside_only(table)]
        own = [table for table in tables if table not in samm]
        return (own[0], *samm[:1])

    def clip_name(self, row: Row) -> str:
        # One file name stands for a micro- and for a macro-expression.
        return row["clip"] + ("_macro" if row["kind"].casefold().startswith("macro") else "")

    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        own, *samm = source.tables
        told = [*super().entries(Source((own,), source.bases))]
        if not samm:
            what = f"SAMM's sheet ({_SAMM._example}) is not there: put it beside {own.file.name}, or give the folder above both"
            yield Flag(own.file.name, 0, "no emotions", what)
            yield from told
            return
        of_samm, _, _ = _SAMM._gather(samm[0].file, Source(tuple(samm), ()))
        known = {entry.name: entry for entry in of_samm}
        usual = _usual_shifts(known, told)
        for entry in told:
            if isinstance(entry, Flag) or entry.kind == "macro":
                yield entry
            else:
                yield _joined(entry, known.get(entry.name), usual)

    def entry(self, row: Row) -> Entry | Flag:
        told = super().entry(row)
        if isinstance(told, Flag):
            return told
        kind = row["kind"].casefold()
        if not kind.startswith(("micro", "macro")):
            return Flag(f"row {row.number}", row.number, "row names no clip", f"{row['clip']}: type {row['kind']!r}")
        film = "_".join(row["clip"].split("_")[:2])
        return replace(told, recording=film, kind="macro" if kind.startswith("macro") else "micro")

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        return [(entry.recording,), (entry.subject, entry.recording)]

    def oddities(self, entry: Entry) -> list[Odd]:
        onset = whole(entry.onset)
        if entry.kind == "micro" or onset not in (0, 1):
            return []
        return [
            ("begins with the film", f"onset {onset}, and frames start at 1; loaders of the challenge leave it out")
        ]

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        if not any(clip.emotion for clip in reading.clips):
            return ("no clip has an emotion: SAMM's sheet, by which the paper counts, is not beside this one",)
        without = [clip.name for clip in reading.clips if clip.apex is None]
        if not without:
            return ()
        return (
            f"no apex here: {', '.join(without)}; the paper counts them by SAMM's sheet, where their apexes are wrong",
        )

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        return _fake_rows(rng)

    def write_beside(
        self, root: Path, version: str, rows: Sequence[FakeRow], rng: np.random.Generator
    ) -> tuple[Table, ...]:
        """SAMM's sheet, of the same clips."""
        shape = _SAMM.sheets["v2"]
        write_sheet(root, shape, [_in_samm(row) for row in rows if row.emotion], cells="release", bare=False)
        return read_tables(root / shape.file)[:1]


def _joined(entry: Entry, of_samm: Entry | None, usual: Mapping[str, int]) -> Entry:
    """A micro-expression with what SAMM's sheet says of it."""
    if of_samm is None:
        return replace(entry, odd=(*entry.odd, ("no emotion", f"SAMM's sheet has none for {entry.name}")))
    shift, expected = _shift(entry, of_samm), usual.get(entry.recording)
    odd: tuple[Odd, ...] = ()
    if shift is not None and shift != expected:
        detail = f"onset {entry.onset} is {shift} less than there; {expected} is usual in film {entry.recording}"
        odd = (("onset unlike SAMM's", detail),)
    return replace(entry, emotion=of_samm.emotion, objective=of_samm.objective, odd=(*entry.odd, *odd))


def _shift(entry: Entry, of_samm: Entry) -> int | None:
    """By how much SAMM's numbers of a clip's frames are higher; None where an onset is no number."""
    ours, theirs = whole(entry.onset), whole(of_samm.onset)
    return None if ours is None or theirs is None else theirs - ours


def _usual_shifts(known: Mapping[str, Entry], told: Iterable[Entry | Flag]) -> dict[str, int]:
    """What most clips of a film are shifted by, by the film."""
    shifts: dict[str, Counter[int]] = defaultdict(Counter)
    for entry in told:
        if isinstance(entry, Entry) and entry.kind == "micro" and entry.name in known:
            shift = _shift(entry, known[entry.name])
            shifts[entry.recording].update([] if shift is None else [shift])
    return {film: of.most_common(1)[0][0] for film, of in shifts.items() if of}


_VIDEOS, _MICRO_VIDEOS, _MACRO, _UNSHIFTED = 147, 79, 343, 77
_PEOPLE = [f"{n:03d}" for n in range(6, 38) if n not in (27, 29)]
# Macro-expressions that begin with the film, by their onset; and those without an apex.
_BEGINNING = {
    0: ("011_6_8", "011_6_10", "012_3_3", "018_3_3", "018_4_4", "018_4_7", "018_4_9", "018_6_2", "018_6_5", "020_6_3"),
    1: ("011_2_4", "025_3_2"),
}
_NO_APEX = ("010_1_3", "026_2_5", "036_6_2", "036_6_3")
_ODD_MICRO = {"028_4_1": (1071, -1, 1134), "032_3_1": (4896, -1, 4960)}  # without an apex here
_WRONG_APEX = {"028_4_1": "1143", "032_3_1": "1930"}  # in SAMM
_TWICE = "037_4_1"  # a micro- and a macro-expression
_ODD_DURATIONS = (-1,) * 22 + (1,) * 18  # of macro-expressions, beside offset − onset + 1
_UNITS = (
    "Chewing", "reaction?", "glare", "double 45", "all of the above", "subject do 2x  R2(C and then B)",
    "(loses 1+2) or (4(B/C))", "26+ADR30", "80 (big swallow) ", "7(B/C)", "4", "12", "6+12",
)  # fmt: skip


def _fake_rows(rng: np.random.Generator) -> list[FakeRow]:
    """159 micro-expressions of the people of SAMM's fake, in 79 films, and 343 macro-expressions in 147."""
    macro = [name for names in _BEGINNING.values() for name in names] + [*_NO_APEX, _TWICE]
    taken = Counter(name.rpartition("_")[0] for name in macro if name != _TWICE)
    taken |= Counter(dict.fromkeys(taken, 10))  # numbers up to 10 are kept for those
    micro = _micro_names(_SAMM.fake_rows("v2", rng), taken)
    shifts = _shifts([name for name, _ in micro], rng)
    rows = []
    for name, of_samm in micro:
        onset = 400 * int(name.rpartition("_")[2]) + int(rng.integers(0, 100))
        length = int(rng.integers(30, 102))
        frames = _ODD_MICRO.get(name, (onset, onset + length // 3, onset + length - 1))
        rows.append(_row(name, frames, "Micro - 1/2", of_samm.action_units, of_samm, shift=shifts[_film(name)]))
    films = list(dict.fromkeys(_film(name) for name in [*macro, *(name for name, _ in micro)]))
    films += [f for n in range(1, 8) for p in _PEOPLE if (f := f"{p}_{n}") not in films][: _VIDEOS - len(films)]
    for film in films:
        taken[film] = max([taken[film]] + [int(n.rpartition("_")[2]) for n, _ in micro if _film(n) == film])
    for i in range(_MACRO - len(macro)):
        film = films[i % len(films)]
        taken[film] += 1
        macro.append(f"{film}_{taken[film]}")
    begins = {name: onset for onset, names in _BEGINNING.items() for name in names}
    for i, name in enumerate(macro):
        length = int(rng.integers(102, 900)) if i else 5176
        onset = begins.get(name, 900 * int(name.rpartition("_")[2]) + int(rng.integers(0, 100)))
        frames = (onset, -1 if name in _NO_APEX else onset + length // 3, onset + length - 1)
        off = _ODD_DURATIONS[i] if i < len(_ODD_DURATIONS) else 0
        rows.append(_row(name, frames, "Macro", str(rng.choice(_UNITS)), longer=off))
    return sorted(rows, key=lambda row: row.clip)


def _film(name: str) -> str:
    return name.rpartition("_")[0]


def _row(
    name: str,
    frames: Sequence[int],
    kind: str,
    units: str,
    of_samm: FakeRow | None = None,
    *,
    longer: int = 0,
    shift: int = 0,
) -> FakeRow:
    """A row, with what SAMM's sheet says of it, and this one does not: its emotion, objective class and the shift of its frames."""
    onset, _, offset = frames
    own = {"kind": kind, "duration": offset - onset + 1 + longer, "shift": shift}
    if of_samm:
        return fake_row(name[:3], name, of_samm.emotion, frames, units, **own, **of_samm.more)
    return fake_row(name[:3], name, "", frames, units, **own)


def _in_samm(row: FakeRow) -> FakeRow:
    """What SAMM's sheet says of a micro-expression."""
    shift = int(row.more["shift"])
    onset, apex, offset = (str(int(n) + shift) for n in (row.onset, row.apex, row.offset))
    return replace(row, onset=onset, apex=_WRONG_APEX.get(row.clip, apex), offset=offset)


def _micro_names(of_samm: Sequence[FakeRow], taken: Counter[str]) -> list[tuple[str, FakeRow]]:
    """Names for the clips of SAMM's fake, in as many films as the real ones; the odd clips keep theirs."""
    odd = {name[:3]: name for name in (*_ODD_MICRO, _TWICE)}
    clips: dict[str, list[FakeRow]] = defaultdict(list)
    for row in sorted(of_samm, key=lambda row: row.clip not in _ODD_MICRO):
        clips[row.subject].append(row)
    films = dict.fromkeys(clips, 1)
    while sum(films.values()) < _MICRO_VIDEOS:
        person = min((p for p in clips if films[p] < min(7, len(clips[p]))), key=lambda p: films[p])
        films[person] += 1
    named = []
    for person, rows in clips.items():
        first = odd.get(person, f"{person}_1_1").split("_")[1]
        numbers = [first, *(n for n in "1234567" if n != first)][: films[person]]
        for i, row in enumerate(rows):
            film = f"{person}_{numbers[i % len(numbers)]}"
            taken[film] += 1
            named.append((f"{film}_{taken[film]}", row))
    return named


def _shifts(names: Sequence[str], rng: np.random.Generator) -> dict[str, int]:
    """By how much a film's frames have higher numbers in SAMM: not at all for 77 clips, by 499 in one film."""
    clips = Counter(map(_film, names))
    odd = {_film(name) for name in _ODD_MICRO}
    shifts, left = {}, _UNSHIFTED
    for film in sorted(clips, key=lambda film: (film not in odd, -clips[film], film)):
        shifts[film] = 0 if clips[film] <= left else 100 * int(rng.integers(1, 101))
        left -= clips[film] if not shifts[film] else 0
    shifts[next(film for film in shifts if shifts[film])] = 499
    return shifts
