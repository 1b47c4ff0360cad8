"""CASME II: 26 people, 200 frames per second, 640×480 (Yan et al., 2014)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from tsfmicro.data.annotated import Source
from tsfmicro.data.base import Reading
from tsfmicro.data.entries import Entry, Flag, Odd, objective_class
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, deal, fake_row
from tsfmicro.data.frames import spreadsheets
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import COLUMNS, OBJECTIVE, Row, read_tables, whole
from tsfmicro.errors import AnnotationError
from tsfmicro.types import Clip

_COLUMNS = (
    ("Subject", "subject"),
    ("Filename", "clip"),
    ("", "="),
    ("OnsetFrame", "onset"),
    ("ApexFrame", "apex"),
    ("OffsetFrame", "offset"),
    ("", "="),
    ("Action Units", "action_units"),
    ("Estimated Emotion", "emotion"),
)
_LIST = {**{c: COLUMNS[c] for c in ("subject", "clip")}, **OBJECTIVE}
_NUMBERS = ("onset", "apex", "offset")

# The only labels that the two sheets give differently: surprise in 2019, sadness in 2014.
_RELABELLED = ("EP07_01", "EP07_04f", "EP10_03")
_APEX_IS_OFFSET = (("05", "EP16_04f"), ("12", "EP09_06"), ("20", "EP16_01"), ("25", "EP18_04f"))
_ODD_NAMES = (("03", "EP01_2"), ("03", "EP08_1"), ("09", "EP09f"), ("07", "EP06_02_01"), ("07", "EP06_02_02"))
_NO_APEX = ("sub04", "EP12_01f")
_WITHOUT_APEX = (("09", "EP02_02f"), ("24", "EP02_07"))  # only in the sheet of 257 rows
_NAMES = 167  # names repeat from person to person
_COUNTS_2019 = {
    "others": 99,
    "disgust": 63,
    "happiness": 32,
    "surprise": 28,
    "repression": 27,
    "sadness": 4,
    "fear": 2,
}


class Casme2(HeadedDataset):
    name = "casme2"
    title = "CASME II"
    fps = 200.0
    size = "640×480"
    gate = "casme.psych.ac.cn/casme/e2"
    release_rows = 255
    published: ClassVar = {
        "casme2-5": {"happiness": 32, "disgust": 62, "repression": 27, "surprise": 28, "others": 99},
        "casme2-3": {"negative": 95, "positive": 32, "surprise": 28},
    }
    columns: ClassVar = {**COLUMNS, **OBJECTIVE}
    extra = ("objective",)
    subject_cell = re.compile(r"(sub)?\d{1,2}(\.0)?", re.IGNORECASE)
    clip_cell = re.compile(r"EP\d.*", re.IGNORECASE)
    person_folder = re.compile(r"sub\d+", re.IGNORECASE)
    sheets: ClassVar = {
        "20190701": FakeSheet(
            "CASME2-coding-20190701.xlsx",
            "Sheet1",
            (*_COLUMNS, ("Objective Classes", "objective")),
            numbers=(*_NUMBERS, "objective"),
        ),
        "20140508": FakeSheet("CASME2-coding-20140508.xlsx", "Sheet1", _COLUMNS, numbers=_NUMBERS),
        # A copy of the older labels with two more rows, neither of which has an apex.
        "257 rows": FakeSheet("CASME2-coding.xlsx", "Sheet1", _COLUMNS, numbers=_NUMBERS),
    }
    layouts: ClassVar = {
        "raw selected": Layout("CASME2_RAW_selected/{subject}/{clip}", "img{n}.jpg"),
        "raw": Layout("CASME2-RAW/{subject}/{clip}", "img{n}.jpg", whole=True),
        "raw nested": Layout("CASME2-RAW/CASME2-RAW/{subject}/{clip}", "img{n}.jpg", whole=True),
        "cropped": Layout("Cropped/{subject}/{clip}", "reg_img{n}.jpg"),
        "cropped updated": Layout("Cropped-updated/Cropped/{subject}/{clip}", "reg_img{n}.jpg"),
    }

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell)
        return f"sub{int(number[0]):02d}" if number else None

    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        """Rows of the sheet, with the objective classes of the list beside it, where one lies there: MEGC2018 counts by that."""
        listed = self._listed(source.tables[0].file.parent)
        for told in super().entries(source):
            if isinstance(told, Flag) or not (given := listed.get((told.subject, told.recording))):
                yield told
                continue
            here, there = objective_class(told.objective), objective_class(given)
            odd: list[Odd] = []
            if here and here != there:
                odd.append(("objective classes differ", f"{here} in the sheet, {there} in the list, which is taken"))
            yield replace(told, objective=given, odd=(*told.odd, *odd))

    def _listed(self, folder: Path) -> dict[tuple[str | None, str], str]:
        """Objective class by subject and file name, of CASME2-ObjectiveClasses.xlsx; empty where it is not there."""
        rows: list[Row] = []
        for file in spreadsheets([folder]):
            if "objective" in file.name.casefold():
                with suppress(AnnotationError):  # whoever looks for the sheet has told it
                    rows += [row for table in read_tables(file) for row in table.rows(_LIST)]
        return {(self.subject(row["subject"]), row["clip"]): row["objective"] for row in rows}

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        return [(entry.subject, entry.recording)]

    def oddities(self, entry: Entry) -> list[Odd]:
        if (entry.subject, entry.name) != _NO_APEX or whole(entry.apex) is None:
            return []
        what = f"apex {entry.apex}, where both published sheets have '/': somebody typed it in. Write '/', or exclude the clip"
        return [("apex that no published sheet has", what)]

    def version(self, source: Source, clips: Sequence[Clip]) -> str:
        labels = self._labels(clips)
        return super().version(source, clips) + (f" (labels of {labels})" if labels else "")

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        if self._labels(reading.clips) != "2014":
            return ()
        return (
            f"labels of 2014: {', '.join(_RELABELLED)} of sub24 are sadness here, and surprise in the sheet 20190701, "
            "by which the paper counts",
        )

    def _labels(self, clips: Sequence[Clip]) -> str:
        said = {clip.emotion for clip in clips if clip.subject == "sub24" and clip.name in _RELABELLED}
        return {frozenset({"surprise"}): "2019", frozenset({"sadness"}): "2014"}.get(frozenset(said), "")

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        return _fake_rows(version, rng)


def _fake_rows(version: str, rng: np.random.Generator) -> list[FakeRow]:
    """255 rows under 167 names. Invented, but for what is known of the real sheets: counts, names and oddities."""
    odd = [
        ("04", "EP12_01f", "disgust", (261, "/", 321)),
        ("05", "EP09_05f", "disgust", (69, 69, 123)),
        *((subject, name, "others", (60, 90, 90)) for subject, name in _APEX_IS_OFFSET),
        *((subject, name, "others", (50, 80, 110)) for subject, name in _ODD_NAMES),
        *(("24", name, "surprise", (40, 70, 100)) for name in _RELABELLED),
    ]
    names = [f"EP{film:02d}_{take:02d}f" for film in range(20, 40) for take in range(1, 10)]
    names = names[: _NAMES - len({name for _, name, _, _ in odd})]
    left = {emotion: count - sum(e == emotion for _, _, e, _ in odd) for emotion, count in _COUNTS_2019.items()}
    rows = [fake_row(subject, name, emotion, frames, "4+7") for subject, name, emotion, frames in odd]
    for i, (subject, emotion) in enumerate(deal(left, _people(rng), rng)):
        onset, rise, fall = (int(rng.integers(low, high)) for low, high in ((20, 300), (10, 60), (10, 60)))
        units = str(rng.choice(["12", "R12", "4+7", "L10+B25", "1+2", "15+17?", "4+5+7+9+10+17"]))
        frames = (onset, onset + rise, onset + rise + fall)
        rows.append(fake_row(subject, names[i % len(names)], emotion, frames, units))
    rows = [replace(row, more={"objective": str(1 + i % 7)}) for i, row in enumerate(rows)]
    if version != "20190701":
        rows = [replace(r, emotion="sadness") if r.subject == "24" and r.clip in _RELABELLED else r for r in rows]
    if version == "257 rows":
        rows += [fake_row(subject, name, "others", (30, -1, 90), "4") for subject, name in _WITHOUT_APEX]
    return sorted(rows, key=lambda row: (row.subject, row.clip))


def _people(rng: np.random.Generator) -> dict[str, list[str]]:
    """Who shows what: sub18 nothing but others, so that three classes have 25 people, and 2014's sheet without
    sadness and fear 24."""
    everybody = [f"{n:02d}" for n in rng.permutation(np.arange(1, 27))]
    most = [subject for subject in everybody if subject not in ("10", "18")]
    return dict.fromkeys(_COUNTS_2019, most) | {"others": everybody, "sadness": ["10", *most], "fear": ["10", *most]}
