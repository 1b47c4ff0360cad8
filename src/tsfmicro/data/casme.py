"""CASME: 18 people with rows, 60 frames per second (Yan et al., FG 2013)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tsfmicro.data.entries import Entry, Odd
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, deal_units, fake_row
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import COLUMNS, Row, whole

# Names that several takes of a person have, and how many: all lie in one folder, and the onset tells them apart.
_REPEATED = {
    "sub01": {"EP01_12": 2, "EP13_2": 2, "EP13_7": 2},
    "sub06": {"EP02_5": 6, "EP02_6": 2, "EP04_2": 2},
    "sub07": {"EP12_3": 2, "EP17_7": 2},
    "sub14": {"EP08_1": 2, "EP09_2": 2},
    "sub17": {"EP17_2": 3, "EP07_2": 2, "EP17_3": 2},
    "sub18": {"EP02_5": 2},
}
# What one program takes for three rows instead of the sheet's numbers.
_ELSEWHERE = {
    ("sub03", "EP09_4"): "frames 101 to 119",
    ("sub03", "EP10"): "frames 57 to 74",
    ("sub06", "EP02_5_7"): "frame 40 as its end",
}
_CLIPS = (38, 2, 5, 5, 2, 18, 26, 24, 7, 6, 1, 3, 9, 11, 3, 4, 10, 15)  # of each person
_COUNTS = {
    "tense": 68,
    "disgust": 45,
    "repression": 39,
    "surprise": 20,
    "happiness": 7,
    "sadness": 6,
    "contempt": 2,
    "fear": 2,
}
_FRAMES = {(3, "EP09_4", 0): (102, 109, 119), (3, "EP10", 1): (57, 65, 74), (6, "EP02_5", 0): (7, 20, 40)}
# 21 units, 8 of them in ten clips or more, 254 instances. The first eleven are counted, the rest make up the sum.
_UNITS = {1: 23, 2: 17, 4: 70, 6: 1, 7: 4, 9: 40, 10: 3, 12: 9, 14: 23, 15: 14, 17: 13}
_UNITS |= {24: 12, 5: 3, 16: 3, 18: 3, 20: 3, 23: 3, 25: 3, 26: 3, 38: 2, 43: 2}


class Casme(HeadedDataset):
    name = "casme"
    title = "CASME"
    fps = 60.0
    size = "1280×720 and 640×480"
    gate = "casme.psych.ac.cn/casme/e1"
    release_rows = 189
    published: ClassVar = {
        "casme-8": _COUNTS,
        "casme-4": {"tense": 68, "disgust": 45, "repression": 39, "surprise": 20},
        "casme-3": {"negative": 55, "positive": 7, "surprise": 20},
    }
    columns: ClassVar = {**COLUMNS, "onset": ("onsetf",), "apex": ("apexf1",), "offset": ("offsetf",)}
    subject_cell = re.compile(r"(sub)?\d{1,2}(\.0)?", re.IGNORECASE)
    clip_cell = re.compile(r"EP\d.*", re.IGNORECASE)
    person_folder = re.compile(r"sub\d+", re.IGNORECASE)
    sheets: ClassVar = {
        "189 rows": FakeSheet(
            "casme.xlsx",
            "Sheet1",
            (
                ("Subject", "subject"),
                ("Filename", "clip"),
                ("", "="),
                ("OnsetF", "onset"),
                ("ApexF1", "apex"),
                ("ApexF2", "second_apex"),
                ("OffsetF", "offset"),
                ("", "="),
                ("AU", "action_units"),
                ("Emotion", "emotion"),
            ),
            numbers=("subject", "onset", "apex", "second_apex", "offset", "action_units"),
            beside=("Sheet2", "Sheet3"),
        ),
    }
    layouts: ClassVar = {
        "raw selected": Layout("CASME_raw_selected/{subject}/{clip}", "{clip}-{n}.jpg"),
        # From the eighth person on, numbers have three digits.
        "cropped": Layout(
            "Cropped/{subject}/{clip}",
            "reg_{clip}-{n:0{width}}.jpg",
            width=lambda place, entry: 3 if entry.subject >= "sub08" else 1,
        ),
    }

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell) if self.subject_cell.fullmatch(cell) else None
        return f"sub{int(number[0]):02d}" if number else None

    def clip_name(self, row: Row) -> str:
        """The file name; with the onset where several takes of its person have it, whichever of them a copy of the sheet has."""
        if row["clip"] not in _REPEATED.get(self.subject(row["subject"]) or "", {}):
            return row["clip"]
        onset = whole(row["onset"])
        return f"{row['clip']}_{row['onset'] if onset is None else onset}"

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        return [(entry.subject, entry.recording)]

    def oddities(self, entry: Entry) -> list[Odd]:
        taken = _ELSEWHERE.get((entry.subject, entry.name))
        return [("another program trusts other numbers", f"it takes {taken}; the sheet's are read")] if taken else []

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """189 rows under 170 names of a person: invented but for counts, repeated names and those that a program changes."""
        emotions = rng.permutation([emotion for emotion, count in _COUNTS.items() for _ in range(count)]).tolist()
        units = deal_units(_UNITS, self.release_rows, rng)
        rows: list[FakeRow] = []
        for person, clips in enumerate(_CLIPS, 1):
            for take, name in enumerate(_names(f"sub{person:02d}", clips)):
                rise, fall = (int(rng.integers(low, high)) for low, high in ((4, 12), (4, 12)))
                onset = 7 + 100 * take  # apart from the other takes in its folder
                frames = _FRAMES.get((person, name, take), (onset, onset + rise, onset + rise + fall))
                second = str(onset + rise + 1) if len(rows) % 9 == 0 else ""
                written = "+".join(map(str, units[len(rows)]))
                rows.append(fake_row(str(person), name, emotions.pop(), frames, written, second_apex=second))
        return rows


def _names(subject: str, clips: int) -> list[str]:
    """File names of a person's takes: those that repeat, those that a program changes, and others of the same shapes."""
    own = [name for name, takes in _REPEATED.get(subject, {}).items() for _ in range(takes)]
    own += [name for person, name in _ELSEWHERE if person == subject and name != "EP02_5_7"]
    shapes = [
        "EP01_8",
        "EP12_2_1",
        "EP12_2_11",
        "EP12_11_1",
        "EP10",
        *(f"EP{n // 8 + 3:02d}_{n % 8 + 1}" for n in range(40)),
    ]
    return [*own, *(name for name in shapes if name not in own)][:clips]
