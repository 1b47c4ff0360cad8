"""What was coded here: the table codes.csv beside a folder `videos`, as `tsfmicro code convert` writes it.

Times are seconds, and become the numbers of the nearest frames, from 0. A name must stand for one person in all videos, since
people are left out by it.
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tsfmicro.data.annotated import Source
from tsfmicro.data.entries import Entry, Flag
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, fake_row
from tsfmicro.data.frames import FrameTree, Recording
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.sheets import Row
from tsfmicro.timeline import kind_named, one_line, without_ending
from tsfmicro.types import Clip, Frames

_SECONDS = re.compile(r"[0-9]{1,6}(?:\.[0-9]*)?")
_EMOTIONS = ("happiness", "disgust", "surprise", "others")
_FPS = 100


class _FromZero(FrameTree):
    """Images of a folder by their place in it: a coder's seconds count from the first image, whatever its number."""

    def _read(self, place: Path) -> Recording:
        read = super()._read(place)
        if not isinstance(read.frames, Frames) or not read.frames.files:
            return read
        first = min(read.frames.files)
        files = {number - first: file for number, file in read.frames.files.items()}
        twice = {number - first: file for number, file in read.twice.items()}
        return replace(read, frames=replace(read.frames, files=files), twice=twice)


class Coded(HeadedDataset):
    """Of a video that several people coded, the moments of the first coder make clips, and the others' are flagged."""

    name = "coded"
    title = "a coded project"
    fps = None
    size = "any"
    gate = "yours: `tsfmicro code convert`"
    release_rows = 32  # of its fake: there is no release
    columns: ClassVar = {
        "subject": ("person",),
        "clip": ("video",),
        "onset": ("onsets",),
        "apex": ("apexs",),
        "offset": ("offsets",),
        "kind": ("kind",),
        "action_units": ("actionunits",),
        "emotion": ("emotion",),
        "coder": ("coder",),
        "fps": ("fps",),
    }
    optional = ("action_units", "coder")
    extra = ("coder",)
    subject_cell = re.compile(r".+")
    clip_cell = re.compile(r".+")
    person_folder = re.compile("videos")
    first_frame = 0
    tree = _FromZero
    sheets: ClassVar = {
        "codes": FakeSheet(
            "codes.xlsx",
            "codes",
            (
                ("video", "clip"),
                ("person", "subject"),
                ("onset_s", "onset"),
                ("apex_s", "apex"),
                ("offset_s", "offset"),
                ("kind", "kind"),
                ("action_units", "action_units"),
                ("emotion", "emotion"),
                ("coder", "coder"),
                ("fps", "fps"),
            ),
            numbers=("fps",),
        )
    }
    layouts: ClassVar = {"pictures": Layout("videos/{clip}", "{n:05}.jpg")}

    def subject(self, cell: str) -> str | None:
        # Anna and anna are one person, or she would be on two sides of a fold.
        return one_line(cell.replace("/", " ")).casefold() or None

    def clip_name(self, row: Row) -> str:
        return one_line(without_ending(row["clip"]).replace("/", " "))

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        return [("videos", entry.recording)]

    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        """A clip's name is its video's and its onset frame's; a second one that begins there has another number behind."""
        seen: Counter[tuple[str, str]] = Counter()
        coders: dict[str, str] = {}
        for table in source.tables:
            for row in self._rows(table):
                told = self._moment(row, coders)
                if isinstance(told, Entry):
                    seen[told.subject, told.name.casefold()] += 1
                    again = seen[told.subject, told.name.casefold()]
                    told = replace(told, name=f"{told.name}_{again}") if again > 1 else told
                if told is not None:
                    yield told

    def _moment(self, row: Row, coders: dict[str, str]) -> Entry | Flag | None:
        """None for a row that says but that a video was looked at."""
        if row["clip"] and not row["onset"] and not row["kind"]:
            return None
        told = self.entry(row)
        if isinstance(told, Flag):
            return told
        kind, frames, where = kind_named(row["kind"]), _frames(row), f"row {row.number}"
        first = coders.setdefault(told.recording, row["coder"])
        if frames is None:
            what = f"onset {row['onset']!r}, offset {row['offset']!r}, fps {row['fps']!r}"
            return Flag(where, row.number, "times are no seconds, or no frame rate", what)
        if row["coder"] != first:
            what = f"{row['clip']} is taken as {first or 'the first coder'} has it, not as {row['coder'] or 'another'}"
            return Flag(where, row.number, "coded again by another coder", what)
        if kind is None or kind == "other":
            return Flag(where, row.number, "neither micro nor macro", f"kind {row['kind']!r} makes no clip")
        onset, apex, offset = frames
        return Entry(
            subject=told.subject,
            name=f"{told.name}_{onset}",
            onset=onset,
            apex=apex,
            offset=offset,
            emotion=told.emotion,
            action_units=told.action_units,
            fps=told.fps.replace(",", "."),
            recording=without_ending(row["clip"]),
            kind=kind,
            row=row.number,
        )

    def version(self, source: Source, clips: Sequence[Clip]) -> str:
        return source.tables[0].file.name

    def write_fake(self, root: Path, rng: np.random.Generator, **options: Any) -> None:
        """As every dataset's, and the first image of each video, from which its seconds count."""
        super().write_fake(root, rng, **options)
        for video in (root / "videos").iterdir():
            some = next(video.iterdir())
            shutil.copyfile(some, video / f"{0:05}{some.suffix}")

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """32 rows of 4 people, two videos each; every fourth moment is a macro-expression."""
        rows = []
        for video in range(8):
            onsets = np.sort(rng.choice(30, 4, replace=False)) + 1
            for n, onset in enumerate(onsets.tolist()):
                frames = [f"{onset + at:.3f}" for at in (0, 0.1, 0.2 + 0.4 * (n == 3))]
                more = {"kind": "macro" if n == 3 else "micro", "coder": "fake", "fps": str(_FPS)}
                emotion = _EMOTIONS[n]
                rows.append(
                    fake_row(f"person {video // 2 + 1}", f"film {video + 1}", emotion, frames, "R12B+6", **more)
                )
        return rows


def _frames(row: Row) -> tuple[str, str | None, str] | None:
    """Onset, apex and offset as frame numbers; None where onset, offset or frame rate are none."""
    times = [row[c].replace(",", ".") for c in ("onset", "apex", "offset", "fps")]
    onset, apex, offset, fps = (float(t) if _SECONDS.fullmatch(t) else None for t in times)
    if onset is None or offset is None or not fps:
        return None
    return str(round(onset * fps)), None if apex is None else str(round(apex * fps)), str(round(offset * fps))
