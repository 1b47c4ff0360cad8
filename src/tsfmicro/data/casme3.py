"""CAS(ME)³, part A: 94 people, 30 frames per second, 1280×720, with depth (Li et al., 2022)."""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from tsfmicro.data.base import Reading
from tsfmicro.data.casme3_exceptions import NAMED, exceptions
from tsfmicro.data.casme3_main import MAIN_COLUMNS, main_entry, write_main_sheet
from tsfmicro.data.entries import Entry, Odd
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, fake_row
from tsfmicro.data.main_sheet import WithMainSheet
from tsfmicro.data.sheets import COLUMNS, OBJECTIVE, Row, Table, whole

_COUNTS = {
    "disgust": 250,
    "surprise": 187,
    "others": 158,
    "Others": 3,
    "fear": 86,
    "anger": 64,
    "sad": 57,
    "happy": 55,
}
# subject, video, frames: rows whose numbers cannot be true.
_ODD = (
    (149, "d", ("112", "83", "358")),
    (216, "d", ("3647", "2668", "2694")),
    (216, "e", ("0", "0", "25")),
    (40, "e", ("1812", "1824", "0")),
    (40, "e", ("2327", "2363", "0")),
    (214, "c", ("5", "5", "3460")),
)
_PEOPLE, _VIDEOS, _STILL, _LONG = 94, 463, 55, 26
_DROPPED = 65  # rows of the first version that are macro-expressions in the second

_COLUMNS = (
    ("Subject", "subject"),
    ("Filename", "clip"),
    ("Onset", "onset"),
    ("Apex", "apex"),
    ("Offset", "offset"),
    ("AU", "action_units"),
    ("Objective class", "objective"),
    ("emotion", "emotion"),
)
_DURATIONS = (("onset to apex", "=0.1"), ("onset to offset", "=0.2"))
WITH_MAIN = "with the main sheet"


class Casme3(WithMainSheet):
    name = "casme3"
    title = "CAS(ME)³"
    fps = 30.0
    size = "1280×720"
    gate = "casme.psych.ac.cn/casme/e4"
    release_rows = 860
    published: ClassVar = {
        "casme3-7": {
            "happiness": 55,
            "anger": 64,
            "disgust": 250,
            "fear": 86,
            "sadness": 57,
            "surprise": 184,
            "others": 159,
        },
        "casme3-4": {"negative": 457, "positive": 55, "surprise": 184, "others": 159},
        "casme3-3": {"negative": 457, "positive": 55, "surprise": 187},
    }
    columns: ClassVar = {**COLUMNS, **OBJECTIVE}
    extra = ("objective",)
    main_columns = MAIN_COLUMNS
    subject_cell = re.compile(r"(spno\.?\s?)?\d+(\.0)?", re.IGNORECASE)
    clip_cell = re.compile(r"[a-z]", re.IGNORECASE)  # a video
    person_folder = re.compile(r"spno\.\d+(_[a-z]_\d+)?", re.IGNORECASE)
    sheets: ClassVar = {
        "v2": FakeSheet("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", "label", _COLUMNS, beside=("Sheet2", "Sheet3")),
        "v1": FakeSheet("cas(me)3_part_A_ME_label_JpgIndex_v1.xls", "Sheet1", (*_COLUMNS, *_DURATIONS)),
        WITH_MAIN: FakeSheet("cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", "label", _COLUMNS),
    }
    layouts: ClassVar = {
        "videos": Layout("part_A/{subject}/{small}/color", "{n}.jpg", depth="part_A/{subject}/{small}/depth"),
        "clips": Layout(
            "Part_A_ME_clip/frame/{subject}_{name}", "{n}.jpg", depth="Part_A_ME_clip/depth/{subject}_{name}"
        ),
        "videos, colour only": Layout("{subject}/{clip}", "{n}.jpg"),
    }

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell)
        return f"spNO.{int(number[0])}" if number else None

    def clip_name(self, row: Row) -> str:
        """Video and onset as the sheet has them: a video holds several clips, and a corrected onset is no new clip."""
        onset = whole(row["onset"])
        return f"{row['clip']}_{row['onset'] if onset is None else onset}"

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        video = entry.recording
        return [
            (entry.subject, video, "color"),
            (entry.subject, video),
            (f"{entry.subject}_{entry.name}",),
            (f"{entry.subject}_{video}_{entry.onset}",),
        ]

    def key(self, entry: Entry) -> Hashable:
        return entry.subject, entry.recording.casefold(), whole(entry.onset)

    def main_entry(self, row: Row) -> Entry | str:
        return main_entry(self.subject(row["subject"]), self.clip_name(row), row)

    def oddities(self, entry: Entry) -> list[Odd]:
        return exceptions(entry)

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        if reading.version.startswith("v1"):
            return (
                f"the sheet is the first version: the second has {_DROPPED} of its rows as macro-expressions, and four more",
            )
        if reading.rows != self.release_rows:
            return ()
        return (
            "the paper counts 855 clips, the public sheet has 860, and which the paper leaves out is not known: "
            "train on all, or leave some out by an exclusion file",
        )

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """860 rows of 463 videos, invented but for the counts and the rows whose numbers cannot be true."""
        emotions = rng.permutation([emotion for emotion, count in _COUNTS.items() for _ in range(count)]).tolist()
        named = [*_ODD, *((int(p.removeprefix("spNO.")), video, _seen(onset)) for p, video, onset in NAMED)]
        rows = [
            fake_row(f"spNO.{person}", video, emotions.pop(), frames, "4", objective="IV")
            for person, video, frames in named
        ]
        videos = [v for v in _videos(rng) if v not in {(person, video) for person, video, _ in named}]
        still = _STILL - sum(onset == apex for _, _, (onset, apex, _) in named)
        long = _LONG - sum(int(offset) - int(onset) > 100 for _, _, (onset, _, offset) in named)
        for i, emotion in enumerate(emotions):
            person, video = videos[i % len(videos)]
            onset = 200 * (1 + i // len(videos)) + int(rng.integers(0, 20))
            rise = 0 if i < still else int(rng.integers(2, 8))
            fall = 110 if still <= i < still + long else int(rng.integers(2, 8))
            units = str(rng.choice(["4", "1+2", "R12", "4+7,10", "14，17", "null"]))
            frames = (onset, onset + rise, onset + rise + fall)
            of_units = ("I", "II", "III", "IV", "V", "VI", "VII")[i % 7]
            rows.append(fake_row(f"spNO.{person}", video, emotion, frames, units, objective=of_units))
        rows.sort(key=lambda row: (int(row.subject.removeprefix("spNO.")), row.clip))
        return _first_version(rows) if version == "v1" else rows

    def write_beside(
        self, root: Path, version: str, rows: Sequence[FakeRow], rng: np.random.Generator
    ) -> tuple[Table, ...]:
        return write_main_sheet(root, rows, rng) if version == WITH_MAIN else ()


def _seen(onset: int) -> tuple[str, str, str]:
    """Onset, apex and offset of a clip that the authors name by its onset."""
    return str(onset), str(onset + 4), str(onset + 9)


def _first_version(rows: Sequence[FakeRow]) -> list[FakeRow]:
    """921 rows: without the four whose numbers the second version has wrong, and with 65 that it calls macro-expressions."""
    wrong = {(f"spNO.{person}", video, frames[0]) for person, video, frames in _ODD if person in (149, 216, 40)}
    wrong -= {("spNO.216", "e", "0")}
    kept = [row for row in rows if (row.subject, row.clip, row.onset) not in wrong]
    more = [
        replace(r, onset="5000", apex="5010", offset="5040") for r in {(r.subject, r.clip): r for r in kept}.values()
    ]
    return [*kept, *more[:_DROPPED]]


def _videos(rng: np.random.Generator) -> list[tuple[int, str]]:
    """(person, video) of all videos, a to m; one person's is a capital J, though its folder may be called j."""
    named = [(person, video) for person, video, _ in _ODD]
    named += [(int(person.removeprefix("spNO.")), video) for person, video, _ in NAMED]
    known = sorted({person for person, _ in named} | {1})
    people = known + rng.choice(np.setdiff1d(np.arange(2, 218), known), _PEOPLE - len(known), replace=False).tolist()
    each, more = divmod(_VIDEOS, _PEOPLE)
    needed = {person: "".join(sorted({video for p, video in named if p == person})) for person in people}
    letters = {
        person: (needed[person] + "abcdefghi".translate(str.maketrans("", "", needed[person])))[: each + (i < more)]
        for i, person in enumerate(people)
    }
    letters[1] = letters[1][:-1] + "J"
    letters[people[-1]] = "jklm"
    return [(person, letter) for person, video in letters.items() for letter in video]
