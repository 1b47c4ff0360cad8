"""CAS(ME)³, part B: 116 people who watched 13 videos each, 30 frames per second, without labels (Li et al., 2022).

A clip is a whole recording: no onset, apex or emotion is annotated. The sheet has what the people said that they felt.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from tsfmicro.data.entries import Entry, Flag
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, fake_row
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import Row, whole

_FELT = ("happy", "sad", "disgust", "fear", "surprise", "anger", "contempt")
_PEOPLE, _VIDEOS = 116, 13
_LETTERS = "abcdefghijklm"


class Casme3B(HeadedDataset):
    name = "casme3-b"
    title = "CAS(ME)³, part B"
    fps = 30.0
    size = "1280×720"
    gate = "casme.psych.ac.cn/casme/e4"
    release_rows = _PEOPLE * _VIDEOS
    has_apex = False
    unlabelled = ("recording",)
    columns: ClassVar = {"subject": ("subject", "sub"), "clip": ("videoorder", "video", "order")} | {
        felt: (felt,) for felt in _FELT
    }
    optional = ("contempt",)
    subject_cell = re.compile(r"(spno\.?\s?)?\d+(\.0)?", re.IGNORECASE)
    clip_cell = re.compile(r"\d{1,2}(\.0)?|[a-m]", re.IGNORECASE)
    person_folder = re.compile(r"spno\.\d+", re.IGNORECASE)
    sheets: ClassVar = {
        "self-report": FakeSheet(
            "CAS(ME)3_part_B_self-report.xlsx",
            "self-report",
            (("Subject", "subject"), ("video order", "clip"), *((felt, felt) for felt in _FELT)),
            numbers=("clip", *_FELT),
        ),
    }
    layouts: ClassVar = {
        "videos": Layout("part_B/{subject}/{name}/color", "{n}.jpg", first=1),
        "videos, colour only": Layout("part_B/{subject}/{name}", "{n}.jpg", first=1),
    }

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell)
        return f"spNO.{int(number[0])}" if number else None

    def clip_name(self, row: Row) -> str:
        """The letter of a video, as folders are named; the sheet has its place in the order."""
        order = whole(row["clip"])
        return _LETTERS[order - 1] if order and order <= len(_LETTERS) else row["clip"].casefold()

    def entry(self, row: Row) -> Entry | Flag:
        told = super().entry(row)
        return told if isinstance(told, Flag) else Entry(told.subject, told.name, kind="recording", row=told.row)

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        order = str(_LETTERS.find(entry.name) + 1)
        return [(entry.subject, video, *below) for video in (entry.name, order) for below in (("color",), ())]

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """1508 rows, invented."""
        felt = rng.integers(1, 6, (_PEOPLE, _VIDEOS, len(_FELT)))
        people = sorted(rng.permutation(np.arange(1, 248))[:_PEOPLE].tolist())
        return [
            fake_row(f"spNO.{person}", str(order + 1), "", ("", "", ""), "", **dict(zip(_FELT, of, strict=True)))
            for person, videos in zip(people, felt.tolist(), strict=True)
            for order, of in enumerate(videos)
        ]
