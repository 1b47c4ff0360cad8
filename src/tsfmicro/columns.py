"""The columns of the tables that leave this package: their units and meaning, for the codebook that lies beside each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsfmicro.files import csv_text, write_whole

CODEBOOK = "_codebook.csv"


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as the header has it, the unit behind it where there is one: motion_percent.
        unit: '' where it has none. meaning: in a line. values: which there are, where they are few or bounded.
    """

    name: str
    unit: str
    meaning: str
    values: str = ""


_TIMES = tuple(
    Column(f"{what}_{unit}", name, f"{meaning}, {since}", "0 and above")
    for unit, name, since in (
        ("frame", "frames", "number of the frame, the first is 0"),
        ("s", "s", "from the first frame"),
    )
    for what, meaning in (
        ("onset", "where the movement begins"),
        ("apex", "where it is furthest"),
        ("offset", "where it has ended"),
    )
)
VIDEO = Column("video", "", "the video's file")
MODEL = Column("model", "", "who says so: the model's card in one line, or that no model was asked")
SPOTTED = (
    Column("face", "", "number of the face in the video", "1 and above"),
    Column("kind", "", "micro up to 1/2 s, macro above", "micro, macro"),
    *_TIMES,
    Column("region", "", "the part of the face that moved most; left and right are those of the picture"),
    Column("motion_percent", "% of the distance between the eyes", "how far that part moved", "0 and above"),
    Column(
        "confidence", "", "how likely it is an expression, calibrated on drawn films; 0.5 at the threshold", "0 to 1"
    ),
    Column("doubt", "", "what speaks against it most, where confidence is below 0.5"),
)
"""Of a spotted expression."""

CODED = (
    VIDEO,
    Column("person", "", "who is seen"),
    *_TIMES[3:],
    Column("kind", "", "micro-expression, macro-expression, or other than both", "micro, macro, other"),
    Column(
        "action_units",
        "",
        "FACS action units with side and intensity, joined by +; ? behind those in doubt",
        "e.g. R12B+4?",
    ),
    Column("emotion", "", "in the coder's words; empty where none is named"),
    Column("certainty", "", "of the coder", "0 to 1"),
    Column("note", "", "anything else"),
    Column("coder", "", "who marked it"),
    Column("fps", "frames per second", "frame rate of the video", "above 0"),
    Column("seconds", "s", "length of the video", "above 0"),
)
"""Of a coded moment."""


_IN_JSON = {"onset_frame": "onset", "apex_frame": "apex", "offset_frame": "offset", "motion_percent": "motion"}


def in_columns(expression: Mapping[str, Any]) -> dict[str, Any]:
    """What `Expression.to_dict` holds, by the names of `SPOTTED` and in their order."""
    return {name: expression[_IN_JSON.get(name, name)] for name in heads(SPOTTED)}


def named_emotions(classes: Sequence[str]) -> tuple[Column, ...]:
    """What a model of these classes adds to a moment."""
    return (
        Column("emotion", "", "the class the model finds likeliest; empty where it abstains", ", ".join(classes)),
        *(Column(f"p_{name}", "", f"the model's probability of {name}", "0 to 1") for name in classes),
        Column("why_not", "", "why the model was not asked, where it was not"),
    )


def curve_columns(regions: Sequence[str]) -> tuple[Column, ...]:
    """Of the movement of these regions of a face, frame by frame: measured, so that no model speaks."""
    far = "% of the distance between the eyes"
    return (
        Column("face", "", "number of the face in the video", "1 and above"),
        Column("frame", "frames", "number of the frame, the first is 0", "0 and above"),
        Column("time_s", "s", "from the first frame", "0 and above"),
        *(
            Column(region_column(name), far, f"how far the {name} is from where it rests", "0 and above")
            for name in regions
        ),
    )


def region_column(region: str) -> str:
    """'left inner brow' → 'left_inner_brow_percent'"""
    return f"{region.replace(' ', '_')}_percent"


def heads(columns: Sequence[Column]) -> list[str]:
    """The header of a table."""
    return [column.name for column in columns]


def codebook(columns: Sequence[Column]) -> list[list[str]]:
    """A row for each column: its name, unit, meaning and values."""
    return [[c.name, c.unit, c.meaning, c.values] for c in columns]


CODEBOOK_HEADS = ("column", "unit", "meaning", "values")


def write_codebook(table: Path, columns: Sequence[Column]) -> Path:
    """Write a table's codebook beside it: moments.csv has moments_codebook.csv. Returns its path."""
    path = table.with_name(f"{table.stem}{CODEBOOK}")
    write_whole(path, csv_text(CODEBOOK_HEADS, codebook(columns)))
    return path
