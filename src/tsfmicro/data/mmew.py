"""MMEW: 300 micro-expressions, 90 frames per second, faces of 231×231 (Ben et al., TPAMI 2021)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from tsfmicro.data.annotated import Source
from tsfmicro.data.entries import Entry, Flag, Odd
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, deal_units, fake_row
from tsfmicro.data.headed import HeadedDataset

_OF_NUMBER = {
    "01": "happiness",
    "02": "surprise",
    "03": "disgust",
    "04": "others",
    "05": "fear",
    "06": "sadness",
    "07": "anger",
}
_FOLDERS = {"others": ("others", "repression")}  # 04 is repression, which the sheet and some trees call others
_COUNTS = {"others": 66, "surprise": 89, "disgust": 72, "happiness": 36, "fear": 16, "sadness": 13, "anger": 8}
# Clips of each person without those of others.
_CLIPS = (6, 5, 7, 8, 9, 8, 3, 10, 15, 12, 12, 6, 17, 1, 10, 12, 4, 12, 2, 6, 11, 6, 1, 4, 4, 1, 2, 3, 4, 33)
_PEOPLE = 36  # in the paper
# Rows of the whole sheet, from 0, whose apex and offset one program replaces. What is right is not published.
_WRONG = (33, *range(35, 43), 142, 143, 145, 146, 148, 154, 156)
# 21 units, 12 of them in ten clips or more, 500 instances. The first twelve are counted, the rest make up the sum.
_UNITS = {4: 109, 5: 70, 1: 50, 7: 47, 2: 41, 10: 38, 12: 37, 14: 17, 17: 11, 6: 10, 9: 8, 15: 6}
_UNITS |= {20: 12, 24: 12, 16: 8, 18: 6, 23: 5, 25: 5, 26: 4, 28: 2, 38: 2}
_SIDES = (("12", "L", 3), ("20", "L", 1), ("10", "R", 1), ("4", "R", 1))  # behind the number, in how many cells


class Mmew(HeadedDataset):
    name = "mmew"
    title = "MMEW"
    fps = 90.0
    size = "231×231, faces"
    gate = "dpailab.com/database.html"
    release_rows = 300
    published: ClassVar = {
        "mmew-7": {c: _COUNTS[c] for c in ("happiness", "surprise", "disgust", "fear", "sadness", "anger", "others")},
        "mmew-6": {c: _COUNTS[c] for c in ("happiness", "surprise", "disgust", "fear", "sadness", "anger")},
        "mmew-5": {c: _COUNTS[c] for c in ("happiness", "surprise", "disgust", "fear", "sadness")},
        "mmew-4": {c: _COUNTS[c] for c in ("happiness", "surprise", "disgust", "others")},
        "mmew-3": {"negative": 109, "positive": 36, "surprise": 89},
    }
    subject_cell = re.compile(r"S?\d{1,2}(\.0)?", re.IGNORECASE)
    clip_cell = re.compile(r"S\d+-\d+-\d+", re.IGNORECASE)
    person_folder = re.compile(r"anger|disgust|fear|happiness|others|repression|sadness|surprise|S\d+", re.IGNORECASE)
    sheets: ClassVar = {
        "Micro_Exp": FakeSheet(
            "MMEW_Micro_Exp.xlsx",
            "Sheet1",
            (
                ("Subject", "subject"),
                ("Filename", "clip"),
                ("OnsetFrame", "onset"),
                ("ApexFrame", "apex"),
                ("OffsetFrame", "offset"),
                ("Action Units", "action_units"),
                ("Estimated Emotion", "emotion"),
                ("remarks", "="),
            ),
            numbers=("subject", "onset", "apex", "offset", "action_units"),
        ),
    }
    layouts: ClassVar = {
        "emotions": Layout("Micro_Expression/{emotion}/{clip}", "{n}.jpg"),
        "emotions, people": Layout("Micro_Expression/{emotion}/{subject}/{clip}", "{n}.jpg"),
        "people, emotions": Layout("Micro_Expression/{subject}/{emotion}/{clip}", "{n}.jpg"),
    }

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell) if self.subject_cell.fullmatch(cell) else None
        return f"S{int(number[0]):02d}" if number else None

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        levels = ((), (entry.subject,))
        folders = _FOLDERS.get(entry.emotion, (entry.emotion,))
        return [
            place
            for folder in folders
            for person in levels
            for place in dict.fromkeys([(folder, *person, entry.recording), (*person, folder, entry.recording)])
        ]

    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        told = list(super().entries(source))
        rows = [one for one in told if isinstance(one, Entry)]
        wrong = {rows[place].row for place in _WRONG} if len(rows) == self.release_rows else set()
        for one in told:
            if isinstance(one, Entry) and one.row in wrong and one.emotion.strip().casefold() in ("others", "other"):
                what = f"apex {one.apex}, offset {one.offset}: one program replaces them, and what is right is not published"
                one = replace(one, odd=(*one.odd, ("apex and offset said to be wrong", what)))
            yield one

    def oddities(self, entry: Entry) -> list[Odd]:
        parts = re.fullmatch(r"S0*(\d+)-(\d+)-\d+", entry.name, re.IGNORECASE)
        if parts is None:
            return []
        said = {"person": f"S{int(parts[1]):02d}", "emotion": _OF_NUMBER.get(parts[2], parts[2])}
        row = {"person": entry.subject, "emotion": entry.emotion}
        return [
            ("file name and row differ", f"{what} {said[what]} in the name, {row[what]} in the row, which is taken")
            for what in said
            if said[what] != row[what]
        ]

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """300 rows, invented but for the counts, where units have their side, and the rows that are said to be wrong."""
        shown = rng.permutation([e for e, count in _COUNTS.items() if e != "others" for _ in range(count)]).tolist()
        rows = [(person, shown.pop()) for person, count in enumerate(_CLIPS, 1) for _ in range(count)]
        others = [(1 + i % _PEOPLE, "others") for i in range(_COUNTS["others"])]
        for place in _WRONG:
            rows.insert(place, others.pop())
        rows += others
        units = deal_units(_UNITS, len(rows), rng)
        written = [[str(unit) for unit in of_clip] for of_clip in units]
        for unit, side, cells in _SIDES:
            having = [i for i, (_, emotion) in enumerate(rows) if emotion != "others" and unit in written[i]]
            for i in having[:cells]:
                written[i][written[i].index(unit)] += side
        numbers = {emotion: number for number, emotion in _OF_NUMBER.items()}
        takes: dict[tuple[int, str], int] = {}
        made = []
        for (person, emotion), units_of_clip in zip(rows, written, strict=True):
            take = takes[person, emotion] = takes.get((person, emotion), 0) + 1
            rise, fall = (int(rng.integers(low, high)) for low, high in ((8, 40), (8, 40)))
            name = f"S{person:02d}-{numbers[emotion]}-{take:03d}"
            made.append(fake_row(str(person), name, emotion, (1, 1 + rise, 1 + rise + fall), "+".join(units_of_clip)))
        return made
