"""DFME: what its challenges released, 2,629 clips of 259 people, 200, 300 or 500 frames per second (Zhao et al., 2023)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tsfmicro.data.annotated import Source
from tsfmicro.data.base import Reading
from tsfmicro.data.entries import Entry, Flag, Odd
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, deal_units, fake_row
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import COLUMNS, Row, Table, whole
from tsfmicro.types import Clip

_EMOTIONS = ("disgust", "surprise", "sadness", "fear", "happiness", "anger", "contempt")
_IDS = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")  # the sheet's EmotionId


@dataclass(frozen=True)
class _Part:
    """One of the three sheets: people, clips of each emotion and frame rate, clips whose onset is frame 0, the first person."""

    people: int
    emotions: tuple[int, ...]
    rates: tuple[tuple[int, int], ...]
    from_zero: int
    first: int

    @property
    def rows(self) -> int:
        return sum(self.emotions)


_PARTS = {
    "training": _Part(176, (548, 298, 278, 265, 206, 161, 100), ((500, 695), (300, 605), (200, 556)), 883, 0),
    "testA": _Part(42, (129, 101, 46, 62, 63, 39, 34), ((500, 215), (300, 143), (200, 116)), 240, 176),
    "testB": _Part(41, (58, 48, 35, 38, 42, 41, 37), ((500, 83), (300, 57), (200, 159)), 117, 218),
}
_ALL_PEOPLE, _ALL_DFME = 259, 671
# Clips of the training sheet that a unit is counted in.
_UNITS = {4: 817, 7: 419, 1: 298, 5: 296, 12: 263, 2: 261, 24: 163, 6: 163, 10: 120, 14: 105, 17: 96, 38: 43, 15: 39}
_UNITS |= {23: 35, 9: 26, 20: 24, 31: 14, 25: 13, 39: 13, 57: 6, 58: 4}
_DESCRIPTORS = {31: "AD31", 38: "AD38", 39: "LAD39", 57: "M57", 58: "M58", 10: "L10", 14: "R14"}
_COLUMNS = (
    ("Subject", "subject"),
    ("Filename", "clip"),
    ("OnsetFrame", "onset"),
    ("ApexFrame", "apex"),
    ("OffsetFrame", "offset"),
    ("Emotion", "emotion"),
    ("EmotionId", "emotion_id"),
    ("Fps", "fps"),
    ("AU", "action_units"),
)
_NUMBERS = ("onset", "apex", "offset", "emotion_id", "fps", "action_units")


def _sheet(part: str, frames: str) -> FakeSheet:
    return FakeSheet(f"{part}_full_with_AU.xlsx", "Sheet1", _COLUMNS, numbers=_NUMBERS, frames=frames)


class Dfme(HeadedDataset):
    name = "dfme"
    title = "DFME"
    fps = None
    size = "not published"
    gate = "mea-lab-421.github.io"
    release_rows = sum(part.rows for part in _PARTS.values())
    published: ClassVar = {
        "dfme-7": dict(zip(_EMOTIONS, map(sum, zip(*(p.emotions for p in _PARTS.values()), strict=True)), strict=True)),
        "dfme-3": {"negative": 1871, "positive": 311, "surprise": 447},
    }
    columns: ClassVar = {**COLUMNS, "fps": ("fps",), "emotion_id": ("emotionid",)}
    extra = ("emotion_id",)
    subject_cell = re.compile(r"sub\d{3,}", re.IGNORECASE)
    clip_cell = re.compile(r"sub\d{3,}_\d+", re.IGNORECASE)
    person_folder = clip_cell
    in_parts = True
    sheets: ClassVar = {
        "training": _sheet("training", "DFME_train"),
        "testA": _sheet("testA", "test_data_A"),
        "testB": _sheet("testB", "test_data_B"),
    }
    layouts: ClassVar = {
        "parts": Layout("{frames}/{clip}", "{n:05}.png"),
        "parts, nested twice": Layout("{frames}/{frames}/{clip}", "{n:05}.png"),
    }

    def subject(self, cell: str) -> str | None:
        return cell.lower() if self.subject_cell.fullmatch(cell) else None

    def chosen(self, tables: Sequence[Table]) -> tuple[Table, ...]:
        """Every sheet with clips that none before it has: the three parts, and not a copy of one."""
        taken: list[Table] = []
        seen: set[str] = set()
        for table in tables:
            clips = {row["clip"] for row in self._rows(table)} - {""}
            if seen.isdisjoint(clips):
                taken.append(table)
                seen |= clips
        return tuple(taken)

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        return [(entry.recording,), (entry.subject, entry.recording)]

    def entry(self, row: Row) -> Entry | Flag:
        entry = super().entry(row)
        number = whole(row["emotion_id"])
        if isinstance(entry, Flag) or number is None:
            return entry
        named = _IDS[number] if 0 <= number < len(_IDS) else "none"
        if named == entry.emotion.strip().casefold():
            return entry
        odd: Odd = (
            "emotion and its number differ",
            f"{entry.emotion}, and {number}, which is {named}; the word is taken",
        )
        return replace(entry, odd=(odd,))

    def version(self, source: Source, clips: Sequence[Clip]) -> str:
        return ", ".join(table.file.name for table in source.tables)

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        if reading.rows == self.release_rows:
            return ()
        parts = ", ".join(f"{name} {part.rows}" for name, part in _PARTS.items())
        return (f"the paper counts by three sheets ({parts}); read here: {reading.version}",)

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """The rows of one part, invented but for the counts of people, emotions, frame rates, onsets at 0 and action units."""
        part = _PARTS[version]
        share = part.rows / _PARTS["training"].rows
        units = deal_units({unit: round(share * count) for unit, count in _UNITS.items()}, part.rows, rng)
        emotions = rng.permutation(
            [e for e, n in zip(_EMOTIONS, part.emotions, strict=True) for _ in range(n)]
        ).tolist()
        from_zero = set(rng.choice(part.rows, part.from_zero, replace=False).tolist())
        rows: list[FakeRow] = []
        for person, fps, clips in _people(part):
            subject = f"sub{1 + person * _ALL_DFME // _ALL_PEOPLE:04d}"
            for take in range(1, clips + 1):
                emotion, place = emotions.pop(), len(rows)
                onset = 0 if place in from_zero else int(rng.integers(1, 150))
                rise, fall = (int(rng.integers(low, high)) for low, high in ((8, 120), (8, 180)))
                frames = (onset, onset + rise, 459 if place == 0 else onset + rise + fall)
                text = "+".join(_DESCRIPTORS.get(unit, str(unit)) for unit in units[place])
                more = {"fps": fps, "emotion_id": _IDS.index(emotion)}
                rows.append(fake_row(subject, f"{subject}_{take:02d}", emotion, frames, text, **more))
        return sorted(rows, key=lambda row: row.clip)


def _people(part: _Part) -> list[tuple[int, int, int]]:
    """(person, frames per second, clips) of each: a person has one frame rate."""
    people = iter(range(part.first, part.first + part.people))
    shares = [round(part.people * clips / part.rows) for _, clips in part.rates]
    shares[0] += part.people - sum(shares)
    return [
        (next(people), fps, clips // share + (i < clips % share))
        for (fps, clips), share in zip(part.rates, shares, strict=True)
        for i in range(share)
    ]
