"""4DME: 41 people with micro-expressions, grey pictures, 60 frames per second (Li et al., 2022).

A clip may show several emotions: 'Surprise+Positive'. They are its emotion together, in alphabetical order, and label schemes
say what becomes of them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from tsfmicro.data.entries import Entry, Flag, Odd
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, add_sheets, deal_units, fake_row
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import COLUMNS, Row, Table

# Clips that have each action unit, static ones apart: 454 instances of 19 units.
_UNITS = {1: 46, 2: 54, 4: 102, 5: 8, 6: 25, 7: 89, 9: 1, 10: 2, 12: 53, 14: 4, 15: 6, 17: 11} | {
    45: 25, 23: 6, 24: 6, 16: 4, 20: 4, 25: 4, 26: 4,
}  # fmt: skip
_EMOTIONS = {
    "Negative": 127, "Others": 38, "Positive": 34, "Surprise": 30, "Surprise+Positive": 13, "Negative+Surprise": 8,
    "Negative+Repression": 8, "Repression": 6, "Repression+Surprise": 3,
}  # fmt: skip
_SINGLE = ("Positive", "Negative", "Surprise", "Repression", "Others")
_PEOPLE, _OF = 41, 65
_COLUMNS = (
    ("fold", "=1"),
    ("sub_ID", "subject"),
    ("fold_name", "clip"),
    ("Emotion", "emotion"),
    ("Onset", "onset"),
    ("Apex", "apex"),
    ("Offset", "offset"),
    ("AUs", "action_units"),
    *((f"AU{n}", f"au{n}") for n in _UNITS),
    *((emotion, emotion.casefold()) for emotion in _SINGLE),
    ("eye blink", "=0"),
    ("Total", "total"),
)
_MICRO_AND_MACRO = ("videono", "longclipno", "meno")

# Rows that a public program changes by their place in the released sheet. Whether it is right is not known, so nothing is.
_CHANGED = {
    28: "its apex to 2490",
    146: "its labels to those of row 147",
    147: "its labels to those of row 146",
    247: "its length to 24",
    265: "its emotion to Surprise+Positive",
}


class FourDme(HeadedDataset):
    name = "4dme"
    title = "4DME"
    fps = 60.0
    size = "640×480, grey"
    gate = "Oulu CMVS, on request"
    release_rows = 267
    published: ClassVar = {
        "4dme-5": {"negative": 127, "positive": 34, "surprise": 30, "repression": 6, "others": 38},
        "4dme-3": {"negative": 127, "positive": 34, "surprise": 30},
    }
    columns: ClassVar = {
        **COLUMNS,
        "subject": ("subid",),
        "clip": ("foldname",),
        "action_units": ("aus", "au", "actionunits"),
    }
    subject_cell = re.compile(r"(s|sub)?\d{1,3}(\.0)?", re.IGNORECASE)
    clip_cell = re.compile(r"\w+_\w+", re.IGNORECASE)
    person_folder = re.compile(r"(s|sub)?\d{1,3}", re.IGNORECASE)
    sheets: ClassVar = {
        "release": FakeSheet(
            "4DME_Labelling_Micro_release v1.xlsx", "Sheet1", _COLUMNS, numbers=("onset", "apex", "offset")
        ),
        "with totals": FakeSheet("4DME_Labelling_Micro.xlsx", "Sheet1", _COLUMNS, numbers=("onset", "apex", "offset")),
    }
    layouts: ClassVar = {
        "micro": Layout("gray_micro/{subject}/{clip}", "Frame_{n:09d}.jpg"),
        "short": Layout("micro_short_gray_video/{subject}/{clip}", "Frame_{n:09d}.jpg"),
    }

    def refuses(self, table: Table) -> str:
        header = table.header({name: (name,) for name in _MICRO_AND_MACRO})
        if header.places:
            return "it is the sheet of micro- and macro-expressions, of which no reader is sure"
        return super().refuses(table)

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell)
        return f"S{int(number[0]):02d}" if number else None

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        number = int(entry.subject.removeprefix("S"))
        people = (entry.subject, f"S{number}", f"{number}", f"{number:02d}", f"sub{number:02d}", f"sub{number}")
        return [(person, entry.recording) for person in people]

    def entry(self, row: Row) -> Entry | Flag:
        told = super().entry(row)
        if isinstance(told, Flag):
            return told
        emotions = sorted(part.strip().casefold() for part in told.emotion.split("+"))
        return replace(told, emotion="+".join(emotions))

    def oddities(self, entry: Entry) -> list[Odd]:
        if entry.row not in _CHANGED:
            return []
        return [("row that a public program changes", f"in the released order, {_CHANGED[entry.row]}; look at it")]

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """267 rows of 41 people, invented but for the counts of emotions and action units; and a row of totals."""
        emotions = rng.permutation([emotion for emotion, count in _EMOTIONS.items() for _ in range(count)]).tolist()
        units = deal_units(_UNITS, len(emotions), rng)
        people = sorted(rng.permutation(np.arange(1, _OF + 1))[:_PEOPLE].tolist())
        rows = []
        for i, (emotion, of) in enumerate(zip(emotions, units, strict=True)):
            person = people[i * _PEOPLE // len(emotions)]
            onset, rise, fall = (int(rng.integers(low, high)) for low, high in ((200, 9000), (4, 15), (4, 15)))
            has = {f"au{unit}": int(unit in of) for unit in _UNITS}
            has |= {one.casefold(): int(one in emotion.split("+")) for one in _SINGLE}
            name = f"S{person:02d}_1st_{1 + i % 5:03d}_{1 + i // 5:02d}_1"
            frames = (f"{onset}.0", onset + rise, onset + rise + fall)
            rows.append(fake_row(f"S{person:02d}", name, emotion, frames, _written(of, i), **has, total=len(of)))
        return [*rows, _totals(rows)] if version == "with totals" else rows

    def write_beside(
        self, root: Path, version: str, rows: Sequence[FakeRow], rng: np.random.Generator
    ) -> tuple[Table, ...]:
        """What the people said that they felt, in a sheet that is not read."""
        head = ("fold", "sub_ID", "fold_name", "video emo'", "self-report emo'")
        codes = rng.choice(["0", "1", "2", "3", "4", "5", "1,3", "4,5", "1.3"], (len(rows), 2)).tolist()
        said = [(1, row.subject, row.clip, *code) for row, code in zip(rows, codes, strict=True)]
        add_sheets(root / "4DME_Labelling_Micro_extras_release v1.xlsx", {"Sheet1": [head, *said]})
        return ()


def _written(units: Sequence[int], place: int) -> str:
    """Action units as the sheet writes them: some with a side, some with more that are static, one with a stray character."""
    text = "+".join(f"{'L' if (place + unit) % 9 == 0 else ''}{unit}" for unit in units)
    text += "+AU12(k)" if text and place % 10 == 0 and 12 not in units else ""
    return f"AU{text}{'`' if place == 77 else ''}" if text else ""


def _totals(rows: Sequence[FakeRow]) -> FakeRow:
    sums = {column: sum(int(row.more[column]) for row in rows) for column in rows[0].more}
    return fake_row("", "", "", ("", "", ""), "", **sums)
