"""What every reader of faces does: find what tells of clips and their frames, make clips, and say what is odd.

A dataset is a subclass in its own file. Its `entries` tell what it says about each clip, from whatever it has: a sheet with
a header (see `headed`), one without, several, or none but folders. Everything after that is shared, and stands here.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from os.path import commonpath
from pathlib import Path
from typing import ClassVar

from tsfmicro.action_units import parse_action_units
from tsfmicro.data.base import Dataset, Fixed, Progress, Reading
from tsfmicro.data.corrections import correct, corrections
from tsfmicro.data.entries import (
    TEXT,
    Entry,
    Flag,
    Kind,
    Odd,
    can_be_shown,
    impossible_length,
    missing_frames,
    objective_class,
    usable_fps,
    usable_frames,
)
from tsfmicro.data.frames import FrameTree, Recording, look_around, spreadsheets
from tsfmicro.data.sheets import Table, read_tables
from tsfmicro.errors import AnnotationError, ConfigError, FrameError, LabelError, NoSheetError
from tsfmicro.labels import scheme
from tsfmicro.types import Clip, Frames, VideoFrames

_SPELLINGS = {"other": "others", "happy": "happiness", "sad": "sadness"}
_NAMED = 5  # spreadsheets that a message names
_STRANGE = "emotion that the dataset does not have"


@dataclass(frozen=True)
class Source:
    """What a dataset tells of its clips from.

    Attributes:
        tables: its sheets, those of `AnnotatedDataset.chosen`; none for a dataset that has no sheet.
        bases: folders that hold people's folders or videos, the best first.
    """

    tables: tuple[Table, ...]
    bases: tuple[Path, ...]


class AnnotatedDataset(Dataset):
    """A dataset of pictures or videos of faces: what it says of its clips is its own, and making clips of it is shared.

    Attributes:
        person_folder: what the folders or videos are called that lie directly in the frames' folder.
        first_frame: the number that its sheet gives to the first frame of a video; None where videos are not looked for, as it
            is for datasets of pictures: nobody knows how a copy that was made a video is counted.
        tree: how the frames of a folder are numbered.
        unlabelled: kinds of expressions that may have no emotion.
        in_parts: its frames lie in several folders, each of which has other clips, and are read together.
    """

    person_folder: ClassVar[re.Pattern[str]]
    first_frame: ClassVar[int | None] = None
    tree: ClassVar[type[FrameTree]] = FrameTree
    unlabelled: ClassVar[Container[Kind]] = ("macro",)
    in_parts: ClassVar[bool] = False

    @abstractmethod
    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        """What the dataset says of each clip, in its order, and a flag for each row that names none."""

    def refuses(self, table: Table) -> str:
        """Why a sheet is none of this dataset's, in words; empty where it is."""
        raise ConfigError(
            f"dataset {self.name}: has a sheet, and does not say which. Write refuses(), or has_sheet = False."
        )

    def beside_only(self, table: Table) -> str:
        """Why one of its sheets is read beside another only, in words; empty where it will do alone."""
        return ""

    def chosen(self, tables: Sequence[Table]) -> tuple[Table, ...]:
        """Those of its sheets that are read together, the best first: as a rule one. One of them will do alone."""
        return tuple(tables[:1])

    def is_base(self, base: Path) -> bool:
        """Whether a folder of people's folders is this dataset's, where others name people alike: HS, VIS and NIR of SMIC."""
        return True

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        """Where a clip's frames may lie below the frames' folder, the likeliest first; a video without its ending."""
        parts = entry.recording.split("/")
        return [(entry.subject, *parts), tuple(parts)]

    def version(self, source: Source, clips: Sequence[Clip]) -> str:
        """Which of the published sheets was read."""
        return source.tables[0].file.name if source.tables else "folders without a sheet"

    def oddities(self, entry: Entry) -> list[Odd]:
        """What is known to be wrong with a clip in some copies of the release, though its numbers could be true."""
        return []

    @property
    def emotions(self) -> frozenset[str]:
        """Emotions the dataset may name; empty where any may stand."""
        return frozenset(e for name in self.published if scheme(name).by == "emotion" for e in scheme(name).of)

    def read(self, root: Path, tell: Progress = lambda done, total: None, frames: Path | None = None) -> Reading:
        """As every dataset's. Args: frames: the one folder that frames are taken from, of several that there are."""
        source, others, flags = self._look(root)
        sheet = source.tables[0].file if source.tables else root
        entries, told, rows = self._gather(sheet, source)
        trees = self._trees(root, [frames] if frames else source.bases, entries)
        read, left = (trees, []) if self.in_parts else (trees[:1], trees[1:])
        clips: list[Clip] = []
        macro: list[Clip] = []
        flags += told
        for done, entry in enumerate(entries, 1):
            clip, odd = self._clip(entry, read)
            (macro if entry.kind == "macro" else clips).extend([clip] if clip else [])
            flags += odd
            tell(done, len(entries))
        return Reading(
            clips=tuple(clips),
            flags=tuple(sorted(flags, key=lambda flag: flag.row)),
            fixed=tuple(Fixed(self._id(entry), entry.row, fix) for entry in entries for fix in entry.fixes),
            sheet=sheet,
            version=f"{self.version(source, clips)}, {rows} {'rows' if source.tables else 'clips'}",
            rows=rows,
            frames=Path(commonpath([tree.base for tree in read])),
            macro=tuple(macro),
            other_sheets=others,
            other_frames=tuple(tree.base for tree in left),
        )

    def _id(self, entry: Entry) -> str:
        return f"{self.name}/{entry.subject}/{entry.name}"

    def _look(self, root: Path) -> tuple[Source, tuple[Path, ...], list[Flag]]:
        """What there is to read, the sheets that would have done as well, and what is odd about spreadsheets."""
        if not root.is_dir():
            raise AnnotationError(f"{root}: no such folder. Give the folder that holds {self.title}.")
        found = look_around(root, self.person_folder, videos=self.first_frame is not None)
        bases = sorted(filter(self.is_base, found.bases), key=lambda base: _preference(base.relative_to(root)))
        if not self.has_sheet:
            return Source((), tuple(bases)), (), []
        tables, strange, flags = self._own(found.sheets)
        if all(map(self.beside_only, tables)):
            # The root may be the folder of the frames, with the sheet beside or above it.
            above, unlike, more = self._own(spreadsheets(root.absolute().parents[:3]))
            tables, strange, flags = tables + above, strange | unlike, flags + more
        if all(map(self.beside_only, tables)):
            strange |= {table.file: self.beside_only(table) for table in tables}
            there = "; ".join(f"{file.name} ({why})" for file, why in [*strange.items()][:_NAMED]) or "none"
            raise NoSheetError(
                f"{root}: no sheet of {self.title}. Looked for {self._example} or its like, "
                f"here, below and three folders above; spreadsheets found: {there}. Put the sheet beside the frames.",
                strange,
            )
        chosen = self.chosen(tables)
        files = dict.fromkeys(table.file for table in tables)
        others = [file for file in files if file not in {table.file for table in chosen}]
        flags += [
            Flag(table.file.name, 0, "another sheet in the same file", f"{table}; {chosen[0].sheet!r} is read")
            for table in tables
            if table not in chosen and table.file not in others
        ]
        near = [base for base in bases if base.is_relative_to(chosen[0].file.parent)]
        return Source(chosen, tuple(near or bases)), tuple(others), flags

    @property
    def _example(self) -> str:
        return next((sheet.file for sheet in self.sheets.values()), "its annotation sheet")

    def _own(self, files: Iterable[Path]) -> tuple[list[Table], dict[Path, str], list[Flag]]:
        """Sheets of this dataset, the best first; why the other files are not; and those that could not be opened."""
        own: list[Table] = []
        strange: dict[Path, str] = {}
        flags = []
        for file in files:
            try:
                tables = read_tables(file)
            except AnnotationError as damage:
                strange[file] = str(damage).removeprefix(f"{file}: ").partition(". ")[0]
                flags.append(Flag(file.name, 0, "spreadsheet not read", str(damage)))
                continue
            refused = [self.refuses(table) for table in tables]
            own += [table for table, why in zip(tables, refused, strict=True) if not why]
            if all(refused):
                # Of several sheets, what is said about the one that came closest is the longest.
                strange[file] = max(refused, key=len, default="it has no sheets")
        return sorted(own, key=self._rank), strange, flags

    def _rank(self, table: Table) -> tuple[int, bool, bool, int, str]:
        """Which sheet is read: the preferred version first, Excel before CSV."""
        versions = list(self.sheets)
        rank = next((i for i, version in enumerate(versions) if version in table.file.name), len(versions))
        named = table.sheet in {sheet.sheet for sheet in self.sheets.values()}
        return rank, table.file.suffix.lower() == ".csv", not named, len(table.file.parts), table.file.name

    def _gather(self, sheet: Path, source: Source) -> tuple[list[Entry], list[Flag], int]:
        """Entries, corrected and in our spelling; flags for the other rows; and how many rows there are."""
        entries: dict[str, Entry] = {}
        flags = []
        known = self.emotions
        rows = 0
        for told in self.entries(source):
            # What a second sheet says has no row: its number would be taken for one of the first.
            if isinstance(told, Flag):
                rows += told.row > 0 and told.reason != TEXT
                flags.append(told)
                continue
            rows += told.row > 0 or not source.tables
            if "/" in told.subject + told.name:
                where = f"row {told.row}" if told.row else self._id(told)
                what = f"{told.subject}, {told.name}: a name holds no slash. Correct it there: it makes no clip"
                flags.append(Flag(where, told.row, "row names no clip", what))
                continue
            entry = self._corrected(told)
            may_lack = entry.kind in self.unlabelled and not entry.emotion
            if known and entry.emotion not in known and not may_lack:
                flags.append(self._strange(entry))
                continue
            # Folders are found whatever their case, so ep01_1 would be the same frames as EP01_1.
            first = entries.setdefault(self._id(entry).casefold(), entry)
            if first is not entry:
                both = f"rows {first.row} and {entry.row}" if entry.row else f"{first.recording} and {entry.recording}"
                raise AnnotationError(f"{sheet}: {both} are both {self._id(entry)}. Delete one of them.")
        strange = [flag for flag in flags if flag.reason == _STRANGE]
        if strange and not entries:
            where = f"row {strange[0].row}" if strange[0].row else strange[0].clip
            raise LabelError(
                f"{sheet}: none of {len(strange)} emotions is {self.title}'s, e.g. {where}: {strange[0].detail}"
            )
        return list(entries.values()), flags, rows

    def _strange(self, entry: Entry) -> Flag:
        what = f"{entry.emotion!r}; it has {', '.join(sorted(self.emotions))}. Correct it there: it makes no clip"
        return Flag(self._id(entry), entry.row, _STRANGE, what)

    def _corrected(self, entry: Entry) -> Entry:
        known = [c for c in corrections(self.name) if (c.subject, c.clip) == (entry.subject, entry.name)]
        entry, fixes = correct(entry, known)
        emotion = entry.emotion.strip().casefold()
        return replace(entry, emotion=_SPELLINGS.get(emotion, emotion), fixes=fixes)

    def _trees(self, root: Path, bases: Iterable[Path], entries: Sequence[Entry]) -> list[FrameTree]:
        """The folders that do hold frames of these clips, the best first."""
        trees = (self.tree(base, self.first_frame) for base in bases)
        holding = [tree for tree in trees if any(tree.find(self.places(entry)) for entry in entries)]
        if not holding:
            like = " or ".join(layout.example for layout in self.layouts.values())
            raise FrameError(
                f"{root}: no frames of {self.title}. "
                f"Looked for folders like {like or self.person_folder.pattern}{self._first_place(entries)}. Copy the frames there."
            )
        return holding if len(holding) == 1 else sorted(holding, key=lambda tree: self._order(tree, entries))

    def _order(self, tree: FrameTree, entries: Iterable[Entry]) -> tuple[bool, int, int]:
        """Pictures before videos; then, where one folder is read, by the clips whose onset and apex frames it has, and by the
        macro-expressions."""
        places = ((entry, tree.find(self.places(entry))) for entry in entries)
        found = [(entry, tree.recording(place).frames) for entry, place in places if place]
        whole = [] if self.in_parts else found
        shown = Counter(entry.kind == "macro" for entry, frames in whole if can_be_shown(entry, frames.numbers))
        return isinstance(found[0][1], VideoFrames), -shown[False], -shown[True]

    def _first_place(self, entries: Sequence[Entry]) -> str:
        """What was looked for in them."""
        if not entries:
            return ", and found no clip named in any"
        return f", with {'/'.join(self.places(entries[0])[0])} in one, for {self._id(entries[0])}"

    def _clip(self, entry: Entry, trees: Sequence[FrameTree]) -> tuple[Clip | None, list[Flag]]:
        places = self.places(entry)
        found = ((tree, place) for tree in trees if (place := tree.find(places)))
        tree, place = next(found, (trees[0], None))
        lies = tree.recording(place) if place else Recording(self._no_frames(entry, tree))
        onset, apex, offset, odd = usable_frames(entry, lies.frames.numbers)
        own_fps, odd_fps = usable_fps(entry)
        fps = own_fps or self.fps or lies.fps
        odd += [*odd_fps, *entry.odd, *self.oddities(entry)]
        if place is None and (entry.onset is None or (onset is not None and fps is not None)):
            what = "no pictures" if self.first_frame is None else "no pictures or video"
            odd.append(("no folder with frames", f"{what} in {tree.base.joinpath(*places[0])}"))
        clip = None
        if onset is not None and fps is None:
            odd.append(("no frame rate", "neither dataset, sheet nor video tells it; the row makes no clip"))
        elif onset is not None and fps is not None:
            odd += impossible_length(entry.kind, onset, offset, fps)
            odd += missing_frames(onset, apex, offset, lies.frames.numbers) if place else []
            if lies.fps and abs(lies.fps - fps) > 0.01 * fps:
                odd.append(("video has another frame rate", f"{lies.fps:g} per second in {place}, {fps:g} expected"))
            odd += [
                ("two files for a frame", f"{lies.frames.where(n)} taken, {name} not") for n, name in lies.twice.items()
            ]
            clip = Clip(
                dataset=self.name,
                subject=entry.subject,
                name=entry.name,
                frames=lies.frames,
                onset=onset,
                apex=apex,
                offset=offset,
                fps=fps,
                emotion=entry.emotion,
                action_units=parse_action_units(entry.action_units),
                objective=objective_class(entry.objective),
                fixes=tuple(map(str, entry.fixes)),
            )
        return clip, [Flag(self._id(entry), entry.row, reason, detail) for reason, detail in odd]

    def _no_frames(self, entry: Entry, tree: FrameTree) -> Frames:
        return Frames(tree.base.joinpath(*self.places(entry)[0]), {})


def _preference(base: Path) -> tuple[bool, bool, int, str]:
    """Of folders that have as many clips, original pictures before those that others have cropped: faces are aligned here, once for
    every dataset."""
    name = str(base).casefold()
    return "crop" in name, "selected" not in name, len(base.parts), name
