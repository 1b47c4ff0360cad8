"""Tables as coding programs write them: comma, semicolon or tab, with or without a byte order mark, a header on top."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from tsfmicro.errors import AnnotationError
from tsfmicro.timeline import Moment, units_in
from tsfmicro.types import ActionUnit

T = TypeVar("T")
_TOO_LARGE = 256 << 20  # bytes; frame by frame, an hour of 200-fps video has about as many


@dataclass(frozen=True)
class Row:
    """A row of a table, its cells by the heads of their columns in lower case."""

    where: str  # file and line, for messages
    cells: Mapping[str, str] = field(repr=False)

    def __getitem__(self, head: str) -> str:
        """A cell; empty where there is no such column."""
        return self.cells.get(head, "")

    def first(self, *heads: str) -> str:
        """The first of several cells that is not empty."""
        return next((self[head] for head in heads if self[head]), "")

    def number(self, head: str) -> float | None:
        """A cell as a number; None where it is empty. Raises AnnotationError: it is none."""
        text = self[head]
        if text.casefold() in ("", "na", "nan"):  # BORIS writes NA
            return None
        return self._as(head, text, lambda t: float(t.replace(",", ".")), "number")

    def needed(self, head: str) -> float:
        """A cell as a number. Raises AnnotationError: it is none, or empty."""
        value = self.number(head)
        if value is None:
            raise AnnotationError(f"{self.where}: {head} is empty. Write a number.")
        return value

    def moment(self, **values: object) -> Moment:
        """A moment of this row. Raises AnnotationError, which names the row."""
        try:
            return Moment(**values)  # type: ignore[arg-type]
        except AnnotationError as error:
            raise AnnotationError(f"{self.where}: {error}") from None

    def _as(self, head: str, text: str, read: Callable[[str], T], what: str) -> T:
        try:
            return read(text)
        except ValueError:
            raise AnnotationError(f"{self.where}: {head} {text!r} is no {what}. Correct it.") from None


def read_table(path: Path) -> tuple[list[str], list[Row]]:
    """Heads in lower case, and the rows below. Raises AnnotationError: it cannot be read, is empty, or is no text."""
    try:
        if path.stat().st_size > _TOO_LARGE:
            raise AnnotationError(f"{path}: is too large for a coding ({path.stat().st_size >> 20} MB).")
        text = path.read_bytes().decode("utf-8-sig")
        first = text.lstrip().partition("\n")[0]
        lines = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
        table = [(lines.line_num, [cell.strip() for cell in cells]) for cells in lines]
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror}). Give a coding's file.") from None
    except (UnicodeDecodeError, csv.Error):
        raise AnnotationError(f"{path}: is no table of UTF-8 text. Save it as CSV (UTF-8).") from None
    table = [(number, cells) for number, cells in table if any(cells)]
    if not table:
        raise AnnotationError(f"{path}: is empty. Export the coding again.")
    heads = [" ".join(cell.split()).casefold() for cell in table[0][1]]
    return heads, [Row(f"{path}, line {n}", dict(zip(heads, cells, strict=False))) for n, cells in table[1:]]


def write_table(heads: Sequence[str], rows: Sequence[Sequence[object]], separator: str = ",") -> bytes:
    """A table as bytes; None is an empty cell, and numbers have six decimals at most."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return text.getvalue().encode("utf-8")


def _cell(value: object) -> object:
    return "" if value is None else f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


def units_of(row: Row, head: str) -> tuple[ActionUnit, ...]:
    """The action units of a cell. Raises AnnotationError: it holds something, and no unit."""
    units = units_in(row[head])
    if row[head] and not units:
        raise AnnotationError(f"{row.where}: {row[head]!r} holds no action unit. Write them as R12B+4.")
    return units
