"""Annotation sheets as rows of text, whatever program wrote them: Excel or CSV, preamble or none, numbers or text."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

from tsfmicro.errors import AnnotationError

SUFFIXES = (".xlsx", ".xls", ".csv")

# Our word for a column → how sheets head it, in lower case and without spaces.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "subject": ("subject",),
    "clip": ("filename",),
    "onset": ("onsetframe", "onset"),
    "apex": ("apexframe", "apex"),
    "offset": ("offsetframe", "offset"),
    "action_units": ("actionunits", "au"),
    "emotion": ("estimatedemotion", "emotion"),
}


@dataclass(frozen=True)
class Row:
    """One row of a sheet, every cell as text; `number` is the row as the spreadsheet program shows it."""

    number: int
    subject: str
    clip: str
    onset: str
    apex: str
    offset: str
    action_units: str
    emotion: str


def read_rows(path: Path, sheet: str) -> list[Row]:
    """Rows of an annotation sheet, found by their column names below the cell 'Subject'; empty rows are left out.

    Args:
        path: .xlsx, .xls or .csv.
        sheet: name of the sheet inside the file; a file with one sheet only may call it anything.
    Raises:
        AnnotationError: the file cannot be read, has no such sheet, no header row, or lacks a column.
    """
    grid = _csv(path) if path.suffix.lower() == ".csv" else _excel(path, sheet)
    top = next((i for i, cells in enumerate(grid) if cells and cells[0].casefold() == "subject"), None)
    if top is None:
        raise AnnotationError(
            f"{path}: no header row; no row begins with 'Subject' (its first row: {_first(grid)}). "
            "Give the dataset's own annotation sheet."
        )
    places = _places(path, grid[top])
    rows = []
    for number, cells in enumerate(grid[top + 1 :], start=top + 2):
        padded = [*cells, *[""] * (len(grid[top]) - len(cells))]
        if any(cells):
            rows.append(Row(number, **{column: padded[place] for column, place in places.items()}))
    return rows


def whole(text: str) -> int | None:
    """A cell as a whole number: '46', '46.0', ' 046'; None for '/', blank, 'nan', '46.5' and other text."""
    match = re.fullmatch(r"\s*([-+]?[0-9]{1,9})(?:\.0*)?\s*", text)
    return int(match[1]) if match else None


def _excel(path: Path, sheet: str) -> list[list[str]]:
    try:
        with CalamineWorkbook.from_path(path) as book:
            names = book.sheet_names
            name = names[0] if len(names) == 1 else sheet
            if name not in names:
                raise AnnotationError(
                    f"{path}: has no sheet {sheet!r}, only {', '.join(map(repr, names))}. "
                    "Give the dataset's own annotation sheet."
                )
            # The empty rows above a table count, or row numbers would not be those that people see.
            grid = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
    except (CalamineError, OSError) as error:
        raise AnnotationError(
            f"{path}: cannot be read as an Excel sheet ({_one_line(error)}). Copy it again from the dataset."
        ) from None
    return [[_text(cell) for cell in cells] for cells in grid]


def _csv(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        delimiter = max(",;\t", key=text.count)
        return [[cell.strip() for cell in cells] for cells in csv.reader(text.splitlines(), delimiter=delimiter)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(
            f"{path}: cannot be read as CSV ({_one_line(error)}). Save the sheet as UTF-8 CSV or as .xlsx."
        ) from None


def _places(path: Path, header: Sequence[str]) -> dict[str, int]:
    heads = ["".join(cell.split()).casefold() for cell in header]
    places = {
        column: next((heads.index(name) for name in names if name in heads), -1) for column, names in COLUMNS.items()
    }
    missing = [column.replace("_", " ") for column, place in places.items() if place < 0]
    if missing:
        raise AnnotationError(
            f"{path}: no column for {', '.join(missing)}; there are {', '.join(c for c in header if c)}. "
            "Give the dataset's own annotation sheet, or name the column as it does."
        )
    return places


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell).strip()


def _first(grid: Sequence[Sequence[str]]) -> str:
    return ", ".join(filter(None, grid[0][:6])) if grid else "empty"


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
