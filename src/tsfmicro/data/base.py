"""What every dataset's reader does: find the sheet and the frames, turn rows into clips, and say what is odd.

A dataset is a subclass in its own file, which says how its sheets and folders are named and spelled. Beside the
reader stands its fake writer, so that the tests need nobody's face.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tsfmicro.data.action_units import parse_action_units
from tsfmicro.data.corrections import Correction, correct, corrections
from tsfmicro.data.fake import Cells, FakeSheet, Layout, write_frames, write_sheet
from tsfmicro.data.frames import FrameTree, look_around, spreadsheets
from tsfmicro.data.rows import Entry, Flag, missing_frames, usable_frames
from tsfmicro.data.sheets import Row, read_rows
from tsfmicro.errors import AnnotationError, FrameError, LabelError, UnknownNameError
from tsfmicro.labels import scheme
from tsfmicro.types import Clip, Frames

if TYPE_CHECKING:
    import numpy as np

_SPELLINGS = {"other": "others", "happy": "happiness", "sad": "sadness"}


@dataclass(frozen=True)
class Fixed:
    """A correction that was applied."""

    clip: str
    row: int
    correction: Correction


@dataclass(frozen=True)
class Reading:
    """What a dataset's folder holds.

    Attributes:
        clips: every row that makes a clip, in the sheet's order; apex None where it has none that can be used.
        flags: everything odd; nothing is left out quietly.
        fixed: corrections that were applied.
        sheet: the file that was read.
        version: which of the published sheets it is, and its rows.
        rows: how many rows it has.
        frames: the folder that the frames are taken from.
        other_sheets, other_frames: what would have done as well; give its folder as root to have it read.
    """

    clips: tuple[Clip, ...]
    flags: tuple[Flag, ...]
    fixed: tuple[Fixed, ...]
    sheet: Path
    version: str
    rows: int
    frames: Path
    other_sheets: tuple[Path, ...] = ()
    other_frames: tuple[Path, ...] = ()

    @property
    def trainable(self) -> tuple[Clip, ...]:
        """Clips with an apex, and with the onset and the apex frame on disk."""
        return tuple(clip for clip in self.clips if can_train(clip))


def can_train(clip: Clip) -> bool:
    """Whether a clip has an apex, and its onset and apex frames are on disk."""
    return clip.apex is not None and {clip.onset, clip.apex} <= clip.frames.files.keys()


class Dataset(ABC):
    """A dataset: where its files are, how it spells things, and what the paper counts in it.

    Attributes:
        name, title: in ids and commands; for people.
        fps: frames per second.
        neighbourhood: the widest pair is searched ⌊neighbourhood·(apex−onset)⌋ frames inside onset and apex.
        release_rows: rows of the published sheet.
        published: label scheme → class → clips, from the paper's Tables 1 and 2.
        sheet_file: what a sheet's file is called, whatever its version.
        person_folder: what the folders are called that lie directly in the frames' folder.
        sheets: the published versions of the sheet, the preferred one first.
        layouts: how copies of the release arrange their frames. Fakes are written so; reading does not ask.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    fps: ClassVar[float]
    neighbourhood: ClassVar[float]
    release_rows: ClassVar[int]
    published: ClassVar[Mapping[str, Mapping[str, int]]]
    sheet_file: ClassVar[re.Pattern[str]]
    person_folder: ClassVar[re.Pattern[str]]
    sheets: ClassVar[Mapping[str, FakeSheet]]
    layouts: ClassVar[Mapping[str, Layout]]

    @abstractmethod
    def subject(self, cell: str) -> str | None:
        """A subject as the dataset's folders write it, e.g. '1' → 'sub01'. None where the cell holds none."""

    def clip_name(self, row: Row) -> str:
        """A clip's name, which its subject has once."""
        return row.clip

    @abstractmethod
    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        """Where a clip's frames may lie below the frames' folder, the likeliest first."""

    def version(self, sheet: Path, clips: Sequence[Clip]) -> str:
        """Which of the published sheets a file is."""
        return next((version for version in self.sheets if version in sheet.name), sheet.name)

    def remarks(self, reading: Reading) -> tuple[str, ...]:
        """Why counts differ from the paper's, where the dataset's own history explains it."""
        return ()

    @abstractmethod
    def fake_rows(self, version: str, rng: np.random.Generator) -> list[Row]:
        """Invented rows of a whole sheet, with the true one's counts and oddities."""

    @property
    def emotions(self) -> frozenset[str]:
        """Emotions the sheets may name."""
        return frozenset(emotion for name in self.published for emotion in scheme(name).of)

    def read(self, root: Path) -> Reading:
        """Everything a folder holds of this dataset.

        Args:
            root: the dataset's folder, one above it, or the folder of its frames.
        Raises:
            AnnotationError: no such folder, no sheet, a sheet that cannot be read, or two rows that make one clip.
            LabelError: an emotion that the dataset does not have.
            FrameError: no folder with frames of these clips.
        """
        (sheet, *other_sheets), bases = self._look(root)
        rows = read_rows(sheet, next(iter(self.sheets.values())).sheet)
        entries, flags = self._entries(sheet, rows)
        tree, *others = self._trees(root, bases, entries)
        clips = []
        for entry in entries:
            clip, odd = self._clip(entry, tree)
            clips += [clip] if clip else []
            flags += odd
        return Reading(
            clips=tuple(clips),
            flags=tuple(sorted(flags, key=lambda flag: flag.row)),
            fixed=tuple(Fixed(self._id(entry), entry.row.number, fix) for entry in entries for fix in entry.fixes),
            sheet=sheet,
            version=f"{self.version(sheet, clips)}, {len(rows)} rows",
            rows=len(rows),
            frames=tree.base,
            other_sheets=tuple(other_sheets),
            other_frames=tuple(other.base for other in others),
        )

    def write_fake(
        self,
        root: Path,
        rng: np.random.Generator,
        *,
        rows: int | None = None,
        sheet: str | None = None,
        layout: str | None = None,
        cells: Cells = "release",
        bare: bool = False,
        every_frame: bool = False,
        lost: float = 0.0,
    ) -> None:
        """Write a tree of the release's shape, with invented rows and one tiny picture for every frame.

        Args:
            rows: how many rows at most, spread over the sheet; all of them by default.
            sheet, layout: a key of `sheets` and of `layouts`; the first one by default.
            cells: 'release' as in the published file, or every number as 'text' or as 'number'.
            bare: leave out what some copies lack: preamble and blank columns.
            every_frame: write all frames from onset to offset, not just onset, apex and offset.
            lost: share of the clips whose apex frame is not there.
        Raises:
            UnknownNameError: no such sheet or layout.
        """
        for kind, name, known in (("sheet", sheet, self.sheets), ("layout", layout, self.layouts)):
            if name is not None and name not in known:
                raise UnknownNameError(f"{self.title} {kind}", name, known)
        version = sheet or next(iter(self.sheets))
        everything = self.fake_rows(version, rng)
        count = min(len(everything), rows or len(everything))
        chosen = [everything[i * len(everything) // count] for i in range(count)]
        write_sheet(root, self.sheets[version], chosen, cells=cells, bare=bare)
        write_frames(
            root,
            self.layouts[layout or next(iter(self.layouts))],
            [entry for row in chosen if (entry := self._entry(row))],
            every_frame=every_frame,
            lost=set(rng.choice(count, round(lost * count), replace=False).tolist()),
        )

    def _id(self, entry: Entry) -> str:
        return f"{self.name}/{entry.subject}/{entry.name}"

    def _look(self, root: Path) -> tuple[list[Path], list[Path]]:
        """Sheets of this dataset, and folders that may hold its frames, the best first."""
        if not root.is_dir():
            raise AnnotationError(f"{root}: no such folder. Give the folder that holds {self.title}.")
        found = look_around(root, self.person_folder)
        # The root may be the folder of the frames, with the sheet beside or above it.
        sheets = self._sheets(found.sheets)
        above = () if sheets else spreadsheets(root.absolute().parents[:2])
        sheets = sheets or self._sheets(above)
        if not sheets:
            there = ", ".join(sorted({file.name for file in (*found.sheets, *above)})[:5]) or "none"
            raise AnnotationError(
                f"{root}: no sheet of {self.title}. Looked for {next(iter(self.sheets.values())).file} or its like, "
                f"here, below and two folders above; spreadsheets found: {there}. Put the sheet beside the frames."
            )
        near = [base for base in found.bases if base.is_relative_to(sheets[0].parent)]
        return sheets, sorted(near or found.bases, key=lambda base: _preference(base.relative_to(root)))

    def _sheets(self, files: Iterable[Path]) -> list[Path]:
        """Those files that are called like a sheet of this dataset, the preferred version first, Excel before CSV."""
        versions = list(self.sheets)

        def order(file: Path) -> tuple[int, bool, int, str]:
            rank = next((i for i, version in enumerate(versions) if version in file.name), len(versions))
            return rank, file.suffix.lower() == ".csv", len(file.parts), file.name

        return sorted((file for file in files if self.sheet_file.search(file.name)), key=order)

    def _entries(self, sheet: Path, rows: Iterable[Row]) -> tuple[list[Entry], list[Flag]]:
        entries: dict[str, Entry] = {}
        flags = []
        for row in rows:
            entry = self._entry(row)
            if entry is None:
                what = f"subject {row.subject!r}, filename {row.clip!r}"
                flags.append(Flag(f"row {row.number}", row.number, "row names no clip", what))
                continue
            first = entries.setdefault(self._id(entry), entry)
            if first is not entry:
                raise AnnotationError(
                    f"{sheet}: rows {first.row.number} and {row.number} are both {self._id(entry)}. Delete one of them."
                )
            if entry.row.emotion not in self.emotions:
                raise LabelError(
                    f"{sheet}, row {row.number}: {self.title} has no emotion {row.emotion!r} "
                    f"(it has {', '.join(sorted(self.emotions))}). Correct the row."
                )
        return list(entries.values()), flags

    def _entry(self, row: Row) -> Entry | None:
        """A row with its clip's name, corrected, its emotion in our spelling; None where it names no clip."""
        subject, name = self.subject(row.subject), self.clip_name(row)
        if subject is None or not row.clip:
            return None
        known = [c for c in corrections(self.name) if (c.subject, c.clip) == (subject, name)]
        row, applied = correct(row, known)
        emotion = row.emotion.casefold()
        return Entry(subject, name, replace(row, emotion=_SPELLINGS.get(emotion, emotion)), applied)

    def _trees(self, root: Path, bases: Iterable[Path], entries: Sequence[Entry]) -> list[FrameTree]:
        """The folders that do hold frames of these clips, the best first."""
        trees = [tree for tree in map(FrameTree, bases) if self._holds(tree, entries)]
        if not trees:
            raise FrameError(
                f"{root}: no frames of {self.title}. Looked for folders like "
                f"{' or '.join(layout.example for layout in self.layouts.values())}. Copy the frames there."
            )
        return trees

    def _holds(self, tree: FrameTree, entries: Iterable[Entry]) -> bool:
        return any(tree.find(self.places(entry)) for entry in entries)

    def _clip(self, entry: Entry, tree: FrameTree) -> tuple[Clip | None, list[Flag]]:
        onset, apex, offset, odd = usable_frames(entry.row)
        clip = None
        if onset is not None:
            folder = tree.find(self.places(entry))
            frames, twice = tree.frames(folder) if folder else (self._no_frames(entry, tree), {})
            if folder is None:
                odd.append(("no folder with frames", f"no pictures in {frames.folder}"))
            else:
                odd += missing_frames(onset, apex, offset, frames.files)
            odd += [("two files for a frame", f"{frames.files[n]} taken, {name} not") for n, name in twice.items()]
            clip = Clip(
                dataset=self.name,
                subject=entry.subject,
                name=entry.name,
                frames=frames,
                onset=onset,
                apex=apex,
                offset=offset,
                fps=self.fps,
                emotion=entry.row.emotion,
                action_units=parse_action_units(entry.row.action_units),
                fixes=tuple(map(str, entry.fixes)),
            )
        row = entry.row.number
        return clip, [Flag(self._id(entry), row, reason, detail) for reason, detail in odd]

    def _no_frames(self, entry: Entry, tree: FrameTree) -> Frames:
        return Frames(tree.base.joinpath(*self.places(entry)[0]), {})


def _preference(base: Path) -> tuple[bool, bool, int, str]:
    """Original pictures before those that others have cropped: faces are aligned here, once for every dataset."""
    name = str(base).casefold()
    return "crop" in name, "selected" not in name, len(base.parts), name
