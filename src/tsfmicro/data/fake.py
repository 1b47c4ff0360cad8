"""What the fake writers share: a sheet as Excel writes it, folders of tiny pictures, emotions dealt to people."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tsfmicro.data.entries import Entry
from tsfmicro.data.sheets import whole

if TYPE_CHECKING:
    import numpy as np

Cells = Literal["release", "text", "number"]


@dataclass(frozen=True)
class FakeRow:
    """An invented row, as a sheet has it. Attributes: more: fields that only its dataset has."""

    subject: str
    clip: str
    onset: str
    apex: str
    offset: str
    action_units: str
    emotion: str
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FakeSheet:
    """The shape of a published sheet.

    Attributes:
        file, sheet: names of the file and of its sheet.
        columns: each column's heading, and the field of a FakeRow it holds; '=text' for a column nobody reads.
        preamble: rows above the header.
        numbers: fields that the release writes as numbers, not as text.
        beside: other sheets in the file, which are not to be read.
        frames: the folder that its clips' frames lie in, where a release has several sheets.
        header: whether the columns' headings stand above the rows.
    """

    file: str
    sheet: str
    columns: tuple[tuple[str, str], ...]
    preamble: int = 0
    numbers: Container[str] = ()
    beside: tuple[str, ...] = ()
    frames: str = ""
    header: bool = True


@dataclass(frozen=True)
class Layout:
    """How a copy of a release arranges its frames.

    Attributes:
        folder: of a clip, with {subject}, {clip} and {name} (the last part of a clip's id) in it, {small} for a
            clip in lower case, {emotion}, {frames} for the folder of its sheet.
        file: of a frame, with {n}, {subject}, and {width}.
        width: digits of a clip's frame numbers, by its place among those written: 4 or 5 from clip to clip.
        whole: the folder holds the whole recording from frame 1, not just onset to offset.
        depth: a second folder, with depth pictures of the same numbers.
        first: the number of a recording's first frame: there is none before.
    """

    folder: str
    file: str
    whole: bool = False
    depth: str = ""
    first: int = 0
    width: Callable[[int, Entry], int] = lambda place, entry: 4 + place % 2

    @property
    def example(self) -> str:
        names = {"clip": "<clip>", "small": "<clip>", "name": "<clip>", "emotion": "<emotion>", "frames": "<part>"}
        return self.folder.format(subject="<subject>", **names)


def write_sheet(root: Path, shape: FakeSheet, rows: Sequence[FakeRow], *, cells: Cells, bare: bool) -> None:
    """Write an Excel file. `bare` leaves out the preamble and the columns without a heading."""
    import openpyxl

    columns = [(head, what) for head, what in shape.columns if head or not bare or not shape.header]
    book = openpyxl.Workbook()
    table = book.active
    table.title = shape.sheet
    for line in range(0 if bare else shape.preamble):
        table.append([f"About this table, line {line + 1}"])
    if shape.header:
        table.append([head or None for head, _ in columns])
    for row in rows:
        table.append([_cell(row, what, shape, cells) for _, what in columns])
    for name in shape.beside:
        book.create_sheet(name).append(["Another", "table"])
    root.mkdir(parents=True, exist_ok=True)
    book.save(root / shape.file)


def add_sheets(file: Path, sheets: Mapping[str, Sequence[Sequence[object]]]) -> None:
    """Write further sheets into an Excel file, made if it is not there. Args: sheets: rows of each, by its name."""
    import openpyxl

    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_file():
        book = openpyxl.load_workbook(file)
    else:
        book = openpyxl.Workbook()
        book.remove(book.active)
    for name, rows in sheets.items():
        table = book.create_sheet(name)
        for row in rows:
            table.append(list(row))
    book.save(file)


def write_frames(
    root: Path, layout: Layout, entries: Sequence[Entry], *, every_frame: bool, lost: Container[int], frames: str = ""
) -> None:
    """Write one and the same tiny picture for the frames of each entry; the apex is missing where `lost` has its place."""
    picture, depth = _pictures()
    for place, entry in enumerate(entries):
        names = {
            "subject": entry.subject,
            "clip": entry.recording,
            "small": entry.recording.lower(),
            "name": entry.name,
            "emotion": entry.emotion,
            "frames": frames,
            "width": layout.width(place, entry),
        }
        wanted = _numbers(entry, every_frame=every_frame, whole_recording=layout.whole)
        wanted = {n for n in wanted if n >= layout.first}
        wanted -= {whole(entry.apex)} if place in lost else set()
        for where, content in ((layout.folder, picture), (layout.depth, depth)):
            folder = root / where.format(**names)
            folder.mkdir(parents=True, exist_ok=True)
            for n in wanted if where else ():
                file = folder / layout.file.format(n=n, **names)
                (file if content is picture else file.with_suffix(".png")).write_bytes(content)


def deal(
    counts: Mapping[str, int], people: Mapping[str, Sequence[str]], rng: np.random.Generator
) -> list[tuple[str, str]]:
    """Give each emotion's clips to its people in turn, so that the first named of them surely get one.

    Returns: (person, emotion) of every clip, by person.
    """
    dealt = [
        (people[emotion][i % len(people[emotion])], emotion) for emotion, count in counts.items() for i in range(count)
    ]
    return sorted((dealt[i] for i in rng.permutation(len(dealt))), key=lambda pair: pair[0])


def fake_row(
    subject: str, clip: str, emotion: str, frames: Sequence[object], action_units: str, **more: object
) -> FakeRow:
    """A row; `frames` are onset, apex and offset."""
    onset, apex, offset = map(str, frames)
    own = {column: str(cell) for column, cell in more.items()}
    return FakeRow(subject, clip, onset, apex, offset, action_units, emotion, own)


def deal_units(counts: Mapping[int, int], clips: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """Give each action unit to as many clips as it is counted in: those that have the fewest yet, none of them twice."""
    given: list[tuple[int, ...]] = [()] * clips
    for unit, count in counts.items():
        for clip in sorted(rng.permutation(clips).tolist(), key=lambda clip: len(given[clip]))[:count]:
            given[clip] += (unit,)
    return [tuple(sorted(units)) for units in given]


def _cell(row: FakeRow, what: str, shape: FakeSheet, cells: Cells) -> str | int | None:
    if what.startswith("="):
        return what[1:] or None
    text = row.more[what] if what in row.more else str(getattr(row, what))
    number = whole(text)
    as_number = cells == "number" or (cells == "release" and what in shape.numbers)
    return number if number is not None and as_number else text


def _numbers(entry: Entry, *, every_frame: bool, whole_recording: bool) -> set[int]:
    named = {n for n in map(whole, (entry.onset, entry.apex, entry.offset)) if n is not None and n >= 0} or {1, 2}
    first, last = min(named), max(named)
    if whole_recording:
        first, last = 1, last + 10
    return set(range(first, last + 1)) if every_frame else {*named, first, last}


def _pictures() -> tuple[bytes, bytes]:
    """A grey picture, and a depth picture of 16 bits."""
    import cv2
    import numpy as np

    grey, depth = np.full((12, 16, 3), 128, np.uint8), np.full((12, 16), 600, np.uint16)
    return cv2.imencode(".jpg", grey)[1].tobytes(), cv2.imencode(".png", depth)[1].tobytes()
