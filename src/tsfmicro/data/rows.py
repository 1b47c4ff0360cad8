"""One row of a sheet, checked: which of its frame numbers can be used, whether they are on disk, and what is odd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tsfmicro.data.corrections import Correction
from tsfmicro.data.sheets import Row, whole


@dataclass(frozen=True)
class Flag:
    """Something odd about a row of the sheet, or about the frames of its clip."""

    clip: str  # clip id, or 'row 7' where the row makes no clip
    row: int  # as the spreadsheet program shows it
    reason: str  # the same words for every clip, to count by
    detail: str


@dataclass(frozen=True)
class Entry:
    """A row that names a clip, with the corrections that were applied to it."""

    subject: str
    name: str
    row: Row
    fixes: tuple[Correction, ...] = ()


Odd = tuple[str, str]  # reason, detail


def usable_frames(row: Row) -> tuple[int | None, int | None, int | None, list[Odd]]:
    """Onset, apex and offset of a row, None for each that cannot be used, and why."""
    odd: list[Odd] = []
    onset, apex, offset = whole(row.onset), whole(row.apex), whole(row.offset)
    if onset is None or onset < 0:
        return None, None, None, [("onset is not a frame", f"onset {row.onset!r}; the row makes no clip")]
    if offset is None or offset <= 0:
        odd.append(("offset is not a frame", f"offset {row.offset!r}"))
        offset = None
    elif offset < onset:
        odd.append(("offset before onset", f"onset {onset}, offset {offset}"))
        offset = None
    if apex is None or apex < 0:
        odd.append(("apex is not a frame", f"apex {row.apex!r}"))
        apex = None
    elif apex < onset or (offset is not None and apex > offset):
        odd.append(("apex outside onset–offset", f"apex {apex}, onset {onset}, offset {row.offset}"))
        apex = None
    elif apex == onset:
        odd.append(("apex = onset", f"both {apex}: nothing moves between them"))
    return onset, apex, offset, odd


def missing_frames(onset: int, apex: int | None, offset: int | None, files: Mapping[int, str]) -> list[Odd]:
    """What a clip's folder lacks: its onset or apex, and frames between its ends."""
    named = {"onset": onset} | ({} if apex is None else {"apex": apex})
    odd = [
        ("onset or apex frame missing", f"{name} {number} is not among its {len(files)} frames")
        for name, number in named.items()
        if number not in files
    ]
    last = max(number for number in (onset, apex, offset) if number is not None)
    absent = [number for number in range(onset, last + 1) if number not in files]
    if absent:
        odd.append(("frames missing", f"{len(absent)} of {last + 1 - onset} between {onset} and {last}"))
    return odd
