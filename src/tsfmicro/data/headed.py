"""Datasets whose clips are the rows of one sheet with a header; and how their fakes are written."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from tsfmicro.data.annotated import AnnotatedDataset, Source
from tsfmicro.data.entries import TEXT, Entry, Flag
from tsfmicro.data.fake import Cells, FakeRow, write_frames, write_sheet
from tsfmicro.data.sheets import COLUMNS, Columns, Row, Table, holds_formula, read_tables, whole
from tsfmicro.errors import UnknownNameError
from tsfmicro.types import Clip

if TYPE_CHECKING:
    import numpy as np


class SheetDataset(AnnotatedDataset):
    """A dataset that has a sheet, and a fake that is written from invented rows."""

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        """Invented rows of a whole sheet, with the true one's counts and oddities."""
        raise NotImplementedError(f"{self.title} has no fake. Write fake_rows().")

    def write_beside(
        self, root: Path, version: str, rows: Sequence[FakeRow], rng: np.random.Generator
    ) -> tuple[Table, ...]:
        """Write other sheets that the release has beside its own, and return those that are read with it.

        Args: rows: those that were written; sheets of other rows are cut as these are.
        """
        return ()

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
        """Invented rows, and one tiny picture for every frame."""
        for kind, name, known in (("sheet", sheet, self.sheets), ("layout", layout, self.layouts)):
            if name is not None and name not in known:
                raise UnknownNameError(f"{self.title} {kind}", name, known)
        # Sheets of parts are released together; of versions, one is.
        versions = [sheet] if sheet else [*self.sheets][: None if self.in_parts else 1]
        everything = [(version, row) for version in versions for row in self.fake_rows(version, rng)]
        count = min(len(everything), rows or len(everything))
        chosen = [everything[i * len(everything) // count] for i in range(count)]
        without = set(rng.choice(count, round(lost * count), replace=False).tolist())
        for version in dict.fromkeys(version for version, _ in chosen):
            shape = self.sheets[version]
            part = [(i, row) for i, (of, row) in enumerate(chosen) if of == version]
            write_sheet(root, shape, [row for _, row in part], cells=cells, bare=bare)
            (table,) = (table for table in read_tables(root / shape.file) if table.sheet == shape.sheet)
            beside = self.write_beside(root, version, [row for _, row in part], rng)
            entries, _, _ = self._gather(root / shape.file, Source((table, *beside), ()))
            write_frames(
                root,
                self.layouts[layout or next(iter(self.layouts))],
                entries,
                every_frame=every_frame,
                lost={place for place, (i, _) in enumerate(part) if i in without},
                frames=shape.frames,
            )


class HeadedDataset(SheetDataset):
    """A dataset with such a sheet, or several. It is known by its columns and by what its cells look like, whatever the file is
    called.

    Attributes:
        columns: how the sheet heads what we read.
        optional: columns that copies may lack; it is flagged.
        extra: columns that only some versions have; it is not.
        subject_cell, clip_cell: what cells of these columns look like, which tells sheets with the same columns apart.
    """

    columns: ClassVar[Columns] = COLUMNS
    optional: ClassVar[tuple[str, ...]] = ("offset", "action_units")
    extra: ClassVar[tuple[str, ...]] = ()
    subject_cell: ClassVar[re.Pattern[str]]
    clip_cell: ClassVar[re.Pattern[str]]

    @abstractmethod
    def subject(self, cell: str) -> str | None:
        """A subject as the dataset's folders write it, e.g. '1' → 'sub01'. None where the cell holds none."""

    def clip_name(self, row: Row) -> str:
        """A clip's name, which its subject has once."""
        return row["clip"]

    def refuses(self, table: Table) -> str:
        header = table.header(self.columns)
        if not {"subject", "clip"} & header.places.keys():
            return "no row names the columns"
        if lacking := header.lacks(self.columns, (*self.optional, *self.extra)):
            return lacking
        rows = [row for row in self._rows(table) if row["subject"] and row["clip"]]
        if not rows:
            return "no rows beside its header"
        for column, pattern in (("subject", self.subject_cell), ("clip", self.clip_cell)):
            strange = [row[column] for row in rows if not pattern.fullmatch(row[column])]
            if 2 * len(strange) > len(rows):
                heading = " ".join(header.cells[header.places[column]].split())
                return f"its {heading} is {strange[0]!r}, which is none of {self.title}'s"
        for column in {"onset", "apex", "offset"} & header.places.keys():
            if not any(row[column] for row in rows) and holds_formula(table, header.row, header.places[column]):
                heading = " ".join(header.cells[header.places[column]].split())
                return f"its {heading} has formulas whose values were not saved: open it in Excel, and save it"
        return ""

    def version(self, source: Source, clips: Sequence[Clip]) -> str:
        file = source.tables[0].file.name
        return next((version for version in self.sheets if version in file), file)

    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        for table in source.tables:
            if lacking := table.header(self.columns).lacks(self.columns, self.extra):
                yield Flag(table.file.name, 0, "sheet lacks a column", lacking)
            yield from map(self.entry, self._rows(table))

    def _rows(self, table: Table) -> list[Row]:
        """Rows below the header, and those of clips above it, where somebody sorted the sheet with it. Titles are none."""
        return [row for row in table.rows(self.columns) if row.below or self._is_of_a_clip(row)]

    def _is_of_a_clip(self, row: Row) -> bool:
        looks_like = self.subject_cell.fullmatch(row["subject"]) and self.clip_cell.fullmatch(row["clip"])
        return bool(looks_like or (row["subject"] and row["clip"] and whole(row["onset"]) is not None))

    def entry(self, row: Row) -> Entry | Flag:
        """What a row says of its clip; a flag where it names none."""
        subject, name = self.subject(row["subject"]), self.clip_name(row)
        if subject is None or not row["clip"]:
            what = f"subject {row['subject']!r}, filename {row['clip']!r}"
            named = self.subject_cell.fullmatch(row["subject"]) or self.clip_cell.fullmatch(row["clip"])
            text = not named and whole(row["onset"]) is None
            return Flag(f"row {row.number}", row.number, TEXT if text else "row names no clip", what)
        return Entry(
            subject=subject,
            name=name,
            recording=row["clip"],
            row=row.number,
            onset=row["onset"] if "onset" in self.columns else None,
            apex=row["apex"] if "apex" in self.columns else None,
            offset=row["offset"] if "offset" in self.columns else None,
            emotion=row["emotion"],
            action_units=row["action_units"],
            objective=row["objective"],
            fps=row["fps"],
        )
