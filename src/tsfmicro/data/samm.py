"""SAMM: 29 people with labels, 200 frames per second, 960×650, grey (Davison et al., 2018)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from tsfmicro.data.entries import Entry
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, deal, fake_row
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import COLUMNS, OBJECTIVE

_COUNTS = {
    "Anger": 57,
    "Other": 26,
    "Happiness": 26,
    "Surprise": 15,
    "Contempt": 12,
    "Disgust": 9,
    "Fear": 8,
    "Sadness": 6,
}
_OBJECTIVE = (24, 13, 20, 8, 3, 30, 61)  # clips of the classes I to VII; the last two are invented
_UNITS = ("15A+17", "(R6 or R12)+R15", "ref(7B)+43", "A14C", "10A/B", "R14+17+soft focus", "L12 + 61", "4", "12")


class Samm(HeadedDataset):
    name = "samm"
    title = "SAMM"
    fps = 200.0
    size = "960×650, grey"
    gate = "www2.docm.mmu.ac.uk/STAFF/M.Yap/dataset.php"
    release_rows = 159
    published: ClassVar = {
        "samm-5": {"happiness": 26, "anger": 57, "contempt": 12, "surprise": 15, "others": 26},
        "samm-3": {"negative": 92, "positive": 26, "surprise": 15},
        "objective-5": {"I": 24, "II": 13, "III": 20, "IV": 8, "V": 3},
    }
    columns: ClassVar = {**COLUMNS, **OBJECTIVE}
    extra = ("objective",)
    subject_cell = re.compile(r"\d{1,3}(\.0)?")
    clip_cell = re.compile(r"\d{1,3}_\d+_\d+")
    person_folder = re.compile(r"\d{1,3}")
    sheets: ClassVar = {
        "v2": FakeSheet(
            "SAMM_Micro_FACS_Codes_v2.xlsx",
            "MICRO_ONLY",
            (
                ("Subject", "subject"),
                ("Filename", "clip"),
                ("Inducement Code", "=7"),
                ("Onset Frame", "onset"),
                ("Apex Frame", "apex"),
                ("Offset Frame", "offset"),
                ("Duration", "=80"),
                ("Micro", "=Micro - 1/2"),
                ("Action Units", "action_units"),
                ("Estimated Emotion", "emotion"),
                ("Objective Classes", "objective"),
                ("Notes", "="),
            ),
            preamble=13,
            numbers=("onset", "apex", "offset", "action_units", "objective"),
            beside=("Sheet2",),
        ),
    }
    layouts: ClassVar = {
        "padded": Layout("{subject}/{clip}", "{subject}_{n:0{width}}.jpg"),
        "unpadded": Layout("{subject}/{clip}", "{subject}_{n}.jpg"),
        "bare numbers": Layout("{subject}/{clip}", "{n}.jpg"),
        "cropped": Layout("Cropped/{subject}/{clip}", "{subject}_{n:0{width}}.jpg"),
        "cropped, bare numbers": Layout("Cropped/{subject}/{clip}", "{n}.jpg"),
    }

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell)
        return f"{int(number[0]):03d}" if number else None

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        # Programs that read '006' as a number have written folders called '6'.
        return [(entry.subject, entry.recording), (str(int(entry.subject)), entry.recording)]

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """159 rows, invented but for the counts, the two wrong apexes and the ways to write action units."""
        odd = [
            ("032", "032_3_1", "Anger", (4896, 1930, 4960)),
            ("028", "028_4_1", "Anger", (1071, 1143, 1134)),
        ]
        rows = [fake_row(subject, name, emotion, frames, "4") for subject, name, emotion, frames in odd]
        left = _COUNTS | {"Anger": _COUNTS["Anger"] - len(odd)}
        shown: Counter[str] = Counter()
        for subject, emotion in deal(left, _people(rng), rng):
            film, take = divmod(shown[subject], 8)
            shown[subject] += 1
            onset, rise, fall = (int(rng.integers(low, high)) for low, high in ((600, 12000), (10, 50), (10, 50)))
            frames = (onset, onset + rise, onset + rise + fall)
            name = f"{subject}_{film + 1}_{take + 1}"
            rows.append(fake_row(subject, name, emotion, frames, str(rng.choice(_UNITS))))
        of_units = [number for number, count in enumerate(_OBJECTIVE, 1) for _ in range(count)]
        mixed = zip(sorted(rows, key=lambda row: row.clip), rng.permutation(of_units).tolist(), strict=True)
        return [replace(row, more={"objective": str(number)}) for row, number in mixed]


def _people(rng: np.random.Generator) -> dict[str, list[str]]:
    """Who shows what: 024 and 036 nothing of the five classes, 025 nothing of the three."""
    mixed = [f"{n:03d}" for n in rng.permutation([n for n in range(6, 38) if n not in (8, 24, 25, 27, 29, 36)])]
    return dict.fromkeys(_COUNTS, mixed) | {
        "Other": ["025", *mixed],
        "Disgust": ["024", "036", *mixed],
        "Fear": ["024", "036", *mixed],
        "Sadness": ["036", *mixed],
    }
