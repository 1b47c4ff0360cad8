"""Spreadsheets as tables of text, whatever program wrote them: Excel or CSV, preamble or none, numbers or text."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

from python_calamine import CalamineError, CalamineWorkbook

from tsfmicro.errors import AnnotationError

SUFFIXES = (".xlsx", ".xls", ".csv")

Columns = Mapping[str, tuple[str, ...]]
"""Our word for a column → how sheets head it, in lower case, letters and digits only."""

COLUMNS: Columns = {
    "subject": ("subject",),
    "clip": ("filename",),
    "onset": ("onsetframe", "onset"),
    "apex": ("apexframe", "apex"),
    "offset": ("offsetframe", "offset"),
    "action_units": ("actionunits", "au"),
    "emotion": ("estimatedemotion", "emotion"),
}

OBJECTIVE: Columns = {"objective": ("objectiveclasses", "objectiveclass")}
"""The class of a clip's action units, which some versions have."""

_HEADER_BY = 5000  # rows in which the header is looked for: sorting a sheet may take it to the end
_WHOLE = re.compile(r"\s*([-+]?[0-9]{1,9})(?:\.0*)?\s*")
_TOO_LARGE = 8 << 20  # bytes; a sheet of thousands of rows has less than one million, a recorded signal has more


@dataclass(frozen=True)
class Row:
    """One row of a table with a header.

    Attributes:
        number: as the spreadsheet program shows it.
        cells: by our words for the columns.
        below: whether it stands below the header, not above as a title does.
    """

    number: int
    cells: Mapping[str, str]
    below: bool = True

    def __getitem__(self, column: str) -> str:
        """A cell; empty where the sheet has no such column."""
        return self.cells.get(column, "")


_SHOWN = 15  # columns of a strange table in a message; a coder's sheet has no more


@dataclass(frozen=True)
class Header:
    """The row that names the columns.

    Attributes: row: counted from 0; places: where each of our columns is; cells: all that stands in it.
    """

    row: int
    places: Mapping[str, int]
    cells: Sequence[str]

    def lacks(self, columns: Columns, optional: Container[str] = ()) -> str:
        """The columns that it must name and does not, beside those it names, in words; empty where it has all."""
        lacking = [_called(c, columns[c]) for c in columns if c not in self.places and c not in optional]
        there = [" ".join(cell.split()) for cell in self.cells if cell]
        more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        return f"no column for {', '.join(lacking)}; there are {', '.join(there[:_SHOWN])}{more}" if lacking else ""


def _called(column: str, heads: Sequence[str]) -> str:
    """A column in words, with its headings (in small letters, without blanks) where our word is none of them: a table may have that,
    and mean something else."""
    return column.replace("_", " ") + ("" if _plain(column) in heads else f" (headed {' or '.join(heads)})")


@dataclass(frozen=True)
class Table:
    """One sheet of a file, every cell as text, the first of the rows being row 1 of the spreadsheet program."""

    file: Path
    sheet: str
    cells: Sequence[Sequence[str]] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.file}, sheet {self.sheet!r}" if self.sheet else str(self.file)

    def header(self, columns: Columns) -> Header:
        """The first of the rows that name the most of these columns. It names none where the table has no header."""
        best = Header(-1, {}, ())
        for number, cells in enumerate(self.cells[:_HEADER_BY]):
            heads = [_plain(cell) for cell in cells]
            found = {
                column: heads.index(next(name for name in names if name in heads))
                for column, names in columns.items()
                if not set(names).isdisjoint(heads)
            }
            if len(found) > len(best.places):
                best = Header(number, found, cells)
            if len(found) == len(columns):
                break
        return best

    def rows(self, columns: Columns) -> list[Row]:
        """All rows but the header; those that are empty, or repeat it, are none. What stands above it has `below` false."""
        header = self.header(columns)
        rows = []
        for number, cells in enumerate(self.cells, start=1):
            here = {column: cells[place] if place < len(cells) else "" for column, place in header.places.items()}
            if any(cells) and list(cells) != list(header.cells):
                rows.append(Row(number, here, below=number > header.row + 1))
        return rows


def read_tables(path: Path) -> tuple[Table, ...]:
    """All sheets of a spreadsheet file, in its order. A merged cell's text stands in each of the cells it covers.

    Args: path: .xlsx, .xls or .csv.
    Raises: AnnotationError: the file cannot be read, or is too large for an annotation sheet.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror}). Copy it again from the dataset.") from None
    if size > _TOO_LARGE:
        raise AnnotationError(
            f"{path}: is too large for an annotation sheet ({size >> 20} MB). Give the dataset's own sheet."
        )
    return (Table(path, "", _csv(path)),) if path.suffix.lower() == ".csv" else _excel(path)


def holds_formula(table: Table, above: int, column: int) -> bool:
    """Whether a formula stands in a column of a new workbook, below a row; both counted from 0. Its value may not be there: a
    program that does not calculate saves formulas without."""
    import openpyxl

    if table.file.suffix.lower() == ".csv":
        return False
    try:
        with table.file.open("rb") as file:
            cells = openpyxl.load_workbook(file)[table.sheet].iter_rows(above + 2, None, column + 1, column + 1)
            return any(cell.data_type == "f" for (cell,) in cells)
    except (OSError, BadZipFile, KeyError, ValueError):
        return False  # an old workbook, or a damaged one


def whole(text: str | None) -> int | None:
    """A cell as a whole number: '46', '46.0', ' 046'; None for '/', blank, 'nan', '46.5' and other text."""
    match = _WHOLE.fullmatch(text or "")
    return int(match[1]) if match else None


def _excel(path: Path) -> tuple[Table, ...]:
    try:
        # By what it holds, not by its ending: a new workbook is often called .xls.
        with path.open("rb") as file, CalamineWorkbook.from_filelike(file) as book:
            sheets = [(name, book.get_sheet_by_name(name)) for name in book.sheet_names]
            # The empty rows above a table count, or row numbers would not be those that people see.
            grids = [(name, s.to_python(skip_empty_area=False), s.merged_cell_ranges or ()) for name, s in sheets]
    except (CalamineError, OSError) as error:
        raise AnnotationError(
            f"{path}: cannot be read as an Excel sheet ({_one_line(error)}). Copy it again from the dataset."
        ) from None
    tables = []
    for name, grid, merged in grids:
        cells = [[_text(cell) for cell in row] for row in grid]
        for (top, left), (bottom, right) in merged:
            for row in cells[top : bottom + 1]:
                row[left : right + 1] = [cells[top][left]] * len(row[left : right + 1])
        tables.append(Table(path, name, cells))
    return tuple(tables)


def _csv(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        delimiter = max(",;\t", key=text.count)
        lines = io.StringIO(text, newline="")
        return [
            [cell.strip() for cell in cells] for cells in csv.reader(lines, delimiter=delimiter, skipinitialspace=True)
        ]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(
            f"{path}: cannot be read as CSV ({_one_line(error)}). Save the sheet as UTF-8 CSV or as .xlsx."
        ) from None


@lru_cache(1 << 14)
def _plain(cell: str) -> str:
    return re.sub(r"[\W_]+", "", cell).casefold()


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def csv_lines(path: Path, form: str) -> list[str]:
    """Lines of a CSV file that the user gives. Args: form: what it must be, for the message.

    Raises: AnnotationError: no such file, or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise AnnotationError(f"{path}: cannot be read ({reason}). Give a CSV file{form}.") from None
