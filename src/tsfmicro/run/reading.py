"""What `predict` leaves on disk and shows: a page, tables and JSON of one video."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tsfmicro.errors import RunError
from tsfmicro.files import csv_text, write_whole
from tsfmicro.report.moments import page, pictures
from tsfmicro.run.batch import moment_columns, moment_row
from tsfmicro.run.recognise import Moment, Reading
from tsfmicro.run.spot import save


def write_reading(reading: Reading, out: Path) -> list[Path]:
    """Write reading.html, reading.json, moments.csv, and what spotting leaves.

    Returns: the files. Raises: RunError: they cannot be written.
    """
    spotted = save(reading.spotting, out)
    files = [out / name for name in ("reading.html", "reading.json", "moments.csv")]
    try:
        write_whole(files[0], as_page(reading, (out / "spotting.png").read_bytes()))
        write_whole(files[1], json.dumps(reading.to_dict(), indent=1))
        write_whole(files[2], as_csv(reading))
    except OSError as error:
        raise RunError(
            f"{error.filename or out}: cannot be written ({error.strerror}). Choose another --out."
        ) from None
    return files + spotted


def as_page(reading: Reading, curve: bytes) -> str:
    """One HTML file. Args: curve: the picture of the motion over time, PNG."""
    return page(reading.to_dict(), [pictures_of(moment) for moment in reading.moments], curve)


def as_csv(reading: Reading) -> str:
    """A row for each moment."""
    rows = [moment_row(moment.to_dict(), reading.classes) for moment in reading.moments]
    return csv_text(moment_columns(reading.classes), rows)


def pictures_of(moment: Moment) -> dict[str, np.ndarray]:
    """Name → (S, S, 3) uint8 RGB; none where the faces could not be prepared."""
    answer = moment.answer
    return pictures(answer.faces, answer.flow, answer.heat) if answer else {}


def moments_table(reading: Reading) -> tuple[list[str], list[list[str]]]:
    """Headings and rows for the screen."""
    rows = [
        [
            str(e.track),
            e.kind,
            f"{e.onset_s:.2f}",
            f"{e.apex_s:.2f}",
            f"{e.offset_s:.2f}",
            e.region,
            str(moment.answer) if moment.answer else "no face to look at",
        ]
        for moment in reading.moments
        for e in (moment.expression,)
    ]
    return ["face", "kind", "onset s", "apex s", "offset s", "most moved", "emotion"], rows
