"""CAS(ME)³, part C: micro-expressions of 30 people in a mock crime, 30 frames per second (Li et al., 2022).

No apex is annotated. The main sheet, `organize`, has their macro-expressions too.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from tsfmicro.data.entries import Entry, Flag, Kind
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, add_sheets, deal_units, fake_row
from tsfmicro.data.main_sheet import WithMainSheet
from tsfmicro.data.sheets import Row, Table, read_tables, whole

WITH_MAIN = "with the main sheet"
_COLUMNS = (
    ("sub", "subject"),
    ("count", "clip"),
    ("onset", "onset"),
    ("offset", "offset"),
    ("au", "action_units"),
    ("emotion", "emotion"),
)
_NUMBERS = ("subject", "clip", "onset", "offset", "action_units")
_MAIN_FILE = "CAS(ME)3_part_C.xls"
_KINDS: Mapping[int | None, Kind] = {1: "micro", 0: "macro"}

_CLIPS = (
    3,
    1,
    2,
    11,
    3,
    1,
    4,
    3,
    1,
    2,
    4,
    10,
    4,
    4,
    7,
    5,
    17,
    6,
    7,
    12,
    3,
    0,
    8,
    8,
    4,
    4,
    1,
    2,
    5,
    13,
    10,
)  # fmt: skip  (of the people 1 to 31)
_EMOTIONS = {"negative": 99, "surprise": 30, "others": 20, "positive": 16}
_UNITS = {4: 74, 2: 40, 24: 26, 14: 25, 25: 18, 10: 15, 5: 12, 12: 12, 7: 10}
_SINGLE = 50  # clips with one action unit, whose cell is a number
# Of 28 people the main sheet has 159 micro-expressions that the other has, one more, and 303 macro-expressions. Which two
# people it has not is invented: their clips are the six that are missing.
_NOT_IN_MAIN, _MACRO = {"1", "5"}, 303


class Casme3C(WithMainSheet):
    name = "casme3-c"
    title = "CAS(ME)³, part C"
    fps = 30.0
    size = "1280×720"
    gate = "casme.psych.ac.cn/casme/e4"
    release_rows = 165
    has_apex = False
    published: ClassVar = {
        "casme3-c-4": {"negative": 99, "positive": 16, "surprise": 30, "others": 20},
        "casme3-c-3": {"negative": 99, "positive": 16, "surprise": 30},
    }
    columns: ClassVar = {
        "subject": ("sub", "subject"),
        "clip": ("count",),
        "onset": ("onset",),
        "offset": ("offset",),
        "action_units": ("au",),
        "emotion": ("emotion",),
    }
    main_columns: ClassVar = {
        "subject": ("subject", "sub"),
        "onset": ("onset",),
        "offset": ("offset",),
        "kind": ("exptype",),
    }
    subject_cell = re.compile(r"(spno\.?\s?)?\d{1,2}(\.0)?", re.IGNORECASE)
    clip_cell = re.compile(r"\d{1,2}(\.0)?")
    person_folder = re.compile(r"(spno\.)?\d{1,2}", re.IGNORECASE)
    sheets: ClassVar = {
        "part_C_ME": FakeSheet("CAS(ME)3_part_C_ME.xlsx", "mockCrimeME", _COLUMNS, numbers=_NUMBERS),
        WITH_MAIN: FakeSheet("CAS(ME)3_part_C_ME.xlsx", "mockCrimeME", _COLUMNS, numbers=_NUMBERS),
    }
    layouts: ClassVar = {
        "clips": Layout("ME_C/{clip}/color", "{n}.jpg"),
        "clips, colour only": Layout("ME_C/{clip}", "{n}.jpg"),
    }

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell)
        return f"spNO.{int(number[0])}" if number else None

    def clip_name(self, row: Row) -> str:
        count = whole(row["clip"])
        return row["clip"] if count is None else str(count)

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        padded, *clip = entry.recording.split("/")
        people = (padded, padded.lstrip("0"), entry.subject)
        return [(person, *clip, *below) for person in people for below in (("color",), ())]

    def entry(self, row: Row) -> Entry | Flag:
        told = super().entry(row)
        return told if isinstance(told, Flag) else replace(told, recording=f"{_padded(told.subject)}/{told.name}")

    def key(self, entry: Entry) -> Hashable:
        return entry.subject, whole(entry.onset)

    def main_entry(self, row: Row) -> Entry | str:
        subject, kind = self.subject(row["subject"]), _KINDS.get(whole(row["kind"]))
        if subject is None or kind is None:
            return f"subject {row['subject']!r}, Exp_type {row['kind']!r}"
        # Its frames lie in the one film of eight minutes, if anywhere.
        name, film = f"{kind}_{row['onset']}", _padded(subject)
        return Entry(subject, name, row["onset"], None, row["offset"], recording=film, kind=kind)

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """165 rows of 30 people, invented but for the counts and the ways to write action units."""
        emotions = rng.permutation([emotion for emotion, count in _EMOTIONS.items() for _ in range(count)]).tolist()
        cells = iter(rng.permutation(_cells(len(emotions), rng)).tolist())
        rows = []
        for person, count in enumerate(_CLIPS, 1):
            for clip in range(1, count + 1):
                onset = 500 * clip + int(rng.integers(0, 100))
                frames = (onset, "", onset + int(rng.integers(6, 16)))
                rows.append(fake_row(str(person), str(clip), emotions.pop(), frames, next(cells)))
        return rows

    def write_beside(
        self, root: Path, version: str, rows: Sequence[FakeRow], rng: np.random.Generator
    ) -> tuple[Table, ...]:
        return _write_main(root, rows, rng) if version == WITH_MAIN else ()


def _padded(subject: str) -> str:
    """The folder of a person: 'spNO.1' → '01'."""
    return f"{int(subject.removeprefix('spNO.')):02d}"


def _cells(clips: int, rng: np.random.Generator) -> list[str]:
    """Action units of all clips as the sheet writes them: 50 numbers, and text with three odd commas, one of them wide."""
    others = dict.fromkeys((1, 6, 9, 15, 17, 18, 20, 23), 7)  # each in fewer than ten
    single = [str(unit) for unit in (4, 2, 14, 25) for _ in range(_SINGLE // 4)] + ["24", "10"]
    left = _UNITS | {4: 74 - 12 - 1, 2: 40 - 12, 14: 25 - 12, 25: 18 - 12, 24: 26 - 1, 10: 15 - 1} | others
    several = [",".join(map(str, units)) for units in deal_units(left, clips - len(single) - 2, rng)]
    several[:3] = [f"{cell}," for cell in several[:3]]
    return [*single, "4，11", "13?", *several]


def _write_main(root: Path, micro: Sequence[FakeRow], rng: np.random.Generator) -> tuple[Table, ...]:
    """463 rows: those micro-expressions that both sheets have, one more, and the macro-expressions; fewer where there are fewer."""
    people = sorted({row.subject for row in micro} - _NOT_IN_MAIN) or ["2"]
    rows = [(row.subject, int(row.onset), int(row.offset), 1) for row in micro if row.subject in people]
    rows.append((people[0], 40_000, 40_012, 1))
    for i in range(_MACRO * len(micro) // sum(_CLIPS)):
        onset = 9000 + 100 * (i // len(people)) + int(rng.integers(0, 30))
        rows.append((people[i % len(people)], onset, onset + int(rng.integers(16, 60)), 0))
    head = ("Subject", "Onset", "Offset", "diff", "Exp_type", "risk")
    table = [(int(person), on, off, off - on, kind, int(person) % 2) for person, on, off, kind in rows]
    add_sheets(root / _MAIN_FILE, {"organize": [head, *table]})
    return read_tables(root / _MAIN_FILE)
