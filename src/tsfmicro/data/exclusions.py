"""Clips that a user leaves out, each with a reason: a CSV file with the columns clip and why."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

from tsfmicro.data.sheets import csv_lines
from tsfmicro.errors import AnnotationError
from tsfmicro.types import Clip


def read_exclusions(path: Path) -> dict[str, str]:
    """Clip id → why it is left out.

    Raises:
        AnnotationError: no such file, not UTF-8, other columns, a line without clip or reason, or a clip named twice.
    """
    lines = csv_lines(path, " with the columns clip, why")
    table = csv.DictReader(lines, skipinitialspace=True)
    if set(table.fieldnames or ()) != {"clip", "why"}:
        raise AnnotationError(f"{path}: its first line is {lines[:1]}. Write the columns: clip,why.")
    why: dict[str, str] = {}
    for entry in table:
        # Three cells are a reason with a comma; two missing ones are None.
        if not (entry["clip"] and entry["why"]) or None in entry:
            raise AnnotationError(
                f"{path}, line {table.line_num}: {lines[table.line_num - 1]!r} is not a clip and a reason. "
                'Write one line per clip, e.g. casme2/sub04/EP12_01f,"no apex".'
            )
        if entry["clip"] in why:
            raise AnnotationError(f"{path}, line {table.line_num}: {entry['clip']} is named twice. Keep one line.")
        why[entry["clip"].strip()] = entry["why"].strip()
    return why


def leave_out(clips: Iterable[Clip], exclusions: Mapping[str, str]) -> tuple[Clip, ...]:
    """The clips that no exclusion names. Raises AnnotationError for an exclusion that names no clip."""
    clips = tuple(clips)
    ids = {clip.id for clip in clips}
    for unknown in exclusions:
        if unknown not in ids:
            near = difflib.get_close_matches(unknown, ids, n=1)
            raise AnnotationError(
                f"exclusions: there is no clip {unknown}. "
                + (f"Did you mean {near[0]}?" if near else "Write ids as dataset/subject/clip.")
            )
    return tuple(clip for clip in clips if clip.id not in exclusions)
