"""SMIC-E: the long videos around the clips of SMIC, HS at 100, VIS and NIR at 25 frames per second, 640×480 (Li et al., 2018)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from tsfmicro.data.annotated import Source
from tsfmicro.data.base import Reading
from tsfmicro.data.entries import Entry, Flag, Odd
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, fake_row
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import COLUMNS, Row, Table, whole
from tsfmicro.data.smic import CLASSES, CLIPS, GATE, LATER, SPOT_THE_APEX, camera_of, clip_names, named_class
from tsfmicro.types import Clip

_NOT_IN_HS = ("s1_ne_02", "s2_sur_05")  # clips of SMIC-HS without a long video
_FOLDED = ("s3_ne_03", "s4_ne_05", "s4_ne_06", "s9_sur_02")  # which the newer sheet counts to the clip before
_GONE = "s3_ne_20"  # not in the newer sheet
_TWO = ("s20_ne_06", "s20_ne_09", "s20_sur_02", "s18_ne_01", "s18_sur_03")  # clips with a second expression
_MISLABELLED = "s18_sur_03"
_COLUMNS = (
    ("Subject", "subject"),
    ("Filename", "clip"),
    ("", "="),
    ("OnsetF", "onset"),
    ("OffsetF", "offset"),
    ("Onset2F", "onset_2"),
    ("Offset2F", "offset_2"),
    ("Onset3F", "onset_3"),
    ("Offset3F", "offset_3"),
    ("", "="),
    ("FirstF", "first"),
    ("LastF", "last"),
    ("TotalMF1", "length"),
    ("TotalMF2", "="),
    ("TotalVL", "="),
    ("Emotion", "emotion"),
)
_NUMBERS = ("subject", "onset", "offset", "onset_2", "offset_2", "onset_3", "offset_3", "first", "last", "length")


def _sheet(file: str, name: str, without: Sequence[str]) -> FakeSheet:
    return FakeSheet(file, name, tuple(c for c in _COLUMNS if c[1] not in without), numbers=_NUMBERS)


def _width(place: int, entry: Entry) -> int:
    """Digits of frame numbers."""
    wide = {"s12": 7, "s18": 7, "s19": 8, "s20": 8, "s05": 6 + place % 2}
    return wide.get(entry.subject, 6)


class SmicE(HeadedDataset):
    """Attributes: camera: hs, vis or nir; people: whom it saw."""

    camera: ClassVar[str]
    people: ClassVar[Sequence[int]] = LATER
    size = "640×480"
    gate = GATE
    has_apex = False
    columns: ClassVar = {
        "subject": COLUMNS["subject"],
        "clip": COLUMNS["clip"],
        "onset": ("onsetf",),
        "offset": ("offsetf",),
        "onset_2": ("onset2f",),
        "offset_2": ("offset2f",),
        "onset_3": ("onset3f",),
        "offset_3": ("offset3f",),
        "first": ("firstf",),
        "last": ("lastf",),
        "emotion": COLUMNS["emotion"],
    }
    optional = ()
    extra = ("onset_2", "offset_2", "onset_3", "offset_3", "first", "last")
    subject_cell = re.compile(r"s?0*\d{1,2}(\.0)?", re.IGNORECASE)
    clip_cell = re.compile(r"s\d+_(ne|po|sur)_\d+", re.IGNORECASE)
    person_folder = re.compile(r"s\d+", re.IGNORECASE)

    def __init_subclass__(cls) -> None:
        camera = cls.camera.upper()
        cls.name, cls.title = f"smic-{cls.camera}-e", f"SMIC-{camera}-E"
        names = [one for one in clip_names(cls.people) if camera != "HS" or one[1] not in _NOT_IN_HS]
        cls.release_rows = len(names)
        cls.published = {"smic-3": {c: sum(shown == c for _, _, shown in names) for c in CLASSES}}
        third = ("onset_3", "offset_3")
        file = f"SMIC-{camera}-E_annotation"
        cls.sheets = {"orig": _sheet(f"{file}_orig.xlsx", camera, third if camera == "HS" else (*third, "last"))}
        if camera == "HS":
            cls.sheets |= {"2019": _sheet(f"{file}_2019.xlsx", camera, ())}
        cls.layouts = {
            "long": Layout(
                f"SMIC-E_raw image/{camera}_long/SMIC-{camera}-E/{{subject}}/{{clip}}",
                "image{n:0{width}}.jpg",
                width=_width,
            )
        }

    def refuses(self, table: Table) -> str:
        if why := super().refuses(table):
            return why
        camera = camera_of(table.sheet, table.file.name)
        people = {n for row in self._rows(table) if (n := whole(row["subject"].lstrip("sS"))) is not None}
        if camera and camera != self.camera:
            return f"its sheet or file names {camera.upper()}, which is none of {self.title}'s cameras"
        if not camera and not people <= set(self.people):
            return f"its Subject is {min(people - set(self.people))}, which is none of {self.title}'s"
        return ""

    def is_base(self, base: Path) -> bool:
        return camera_of(*reversed(base.absolute().parts)) in (self.camera, "")

    def subject(self, cell: str) -> str | None:
        number = re.search(r"\d+", cell) if self.subject_cell.fullmatch(cell) else None
        return f"s{int(number[0]):02d}" if number else None

    def entry(self, row: Row) -> Entry | Flag:
        """A row's first expression: its others lie in the same clip of SMIC, and are told."""
        entry = super().entry(row)
        if isinstance(entry, Entry):
            return replace(entry, odd=(*_others(row), *_video(row)))
        return entry

    def oddities(self, entry: Entry) -> list[Odd]:
        named = named_class(entry.name)
        if named == entry.emotion:
            return []
        return [("name and row differ", f"{named} in the name, {entry.emotion} in the row, which is taken")]

    def version(self, source: Source, clips: Sequence[Clip]) -> str:
        third = "onset_3" in source.tables[0].header(self.columns).places
        return f"{source.tables[0].file.name} ({'newer copy' if third else 'original columns'})"

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        if self.camera == "hs" and reading.rows == self.release_rows - len(_FOLDED) - 1:
            return (
                f"the paper counts by {self.release_rows} clips; the newer sheet folds {', '.join(_FOLDED)} into the clip before "
                f"each and lacks {_GONE}",
                SPOT_THE_APEX,
            )
        return (SPOT_THE_APEX,)

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """A row for each clip, invented but for the counts, the clips that a version lacks, and what cannot be true."""
        lacking = (*_NOT_IN_HS, *((*_FOLDED, _GONE) if version == "2019" else ())) if self.camera == "hs" else ()
        rows = []
        for person, clip, emotion in clip_names(self.people):
            first, before, length = (int(rng.integers(*span)) for span in ((1_000, 400_000), (50, 300), (11, 58)))
            onset = first + before
            offset = onset + length - 1
            more: dict[str, object] = {"length": length, "first": first, "last": offset + 200}
            more |= dict.fromkeys(("onset_2", "offset_2", "onset_3", "offset_3"), "")
            if clip in _TWO:
                # The second expression of one of them lies before its first.
                second = first + 5 if clip == _MISLABELLED else offset + 30
                more |= {"onset_2": second, "offset_2": second + 20, "onset_3": 30, "offset_3": 9}
            if clip == _GONE:
                more |= {"first": f"MISSING <-{first}", "last": ""}
            said = "negative" if clip == _MISLABELLED and self.camera != "nir" else emotion
            if clip not in lacking:
                rows.append(fake_row(str(person), clip, said, (onset, "", offset), "", **more))
        return rows


class SmicHsE(SmicE):
    camera = "hs"
    people = tuple(CLIPS)
    fps = 100.0


class SmicVisE(SmicE):
    camera = "vis"
    fps = 25.0


class SmicNirE(SmicE):
    camera = "nir"
    fps = 25.0


def _others(row: Row) -> list[Odd]:
    """The second and third expression that a row has, and what cannot be one."""
    odd: list[Odd] = []
    for which in ("2", "3"):
        onset, offset = whole(row[f"onset_{which}"]), whole(row[f"offset_{which}"])
        if not onset and not offset:
            continue
        if onset is None or offset is None or offset < onset:
            said = f"Onset{which}F {row[f'onset_{which}']!r}, Offset{which}F {row[f'offset_{which}']!r}"
            odd.append(("another expression that cannot be one", f"{said}; left out"))
        else:
            odd.append(("another expression in the clip", f"frames {onset} to {offset}; the first one is the clip's"))
    return odd


def _video(row: Row) -> list[Odd]:
    """What is odd about the first frame of a row's video."""
    first = row["first"]
    return [("first frame of the video is not a frame", f"FirstF {first!r}")] if first and whole(first) is None else []
