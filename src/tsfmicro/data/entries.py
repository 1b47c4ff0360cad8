"""What a dataset says about a clip, checked: which of its frame numbers can be used, whether they are there, and what is odd."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from tsfmicro.data.sheets import whole

Kind = Literal["micro", "macro", "recording"]
Odd = tuple[str, str]  # reason, detail

# No expression lasts so long: the longest macro-expression of the SAMM Long Videos takes 26 s, and micro-expressions that
# are coded from the first frame of a film, not from their own, a few. What is longer has a wrong digit.
LONGEST: Mapping[Kind, float] = {"micro": 10.0, "macro": 60.0, "recording": math.inf}  # seconds
NO_APEX = "no apex annotated"
TEXT = "row of text or totals"  # it is none of the sheet's rows
_NUMERALS = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")


@dataclass(frozen=True)
class Correction:
    """One cell that is wrong in the published sheet. It is applied only where the sheet still says `was`."""

    subject: str  # as in the clip's id
    clip: str
    column: str  # onset, apex, offset, emotion or action_units
    was: str
    now: str
    why: str

    def __str__(self) -> str:
        return f"{self.column} {self.was}→{self.now}: {self.why}"


@dataclass(frozen=True)
class Flag:
    """Something odd about a row of the sheet, the frames of its clip, or a file."""

    clip: str  # clip id; 'row 7' where the row makes no clip; else the file's name
    row: int  # as the spreadsheet program shows it; 0 where there is none
    reason: str  # the same words for every clip, to count by
    detail: str


@dataclass(frozen=True)
class Entry:
    """What a dataset says about one clip, in its own words; what shared code makes a Clip of.

    Attributes:
        subject, name: as in the clip's id; a subject has a name once.
        onset, apex, offset: frame numbers as the sheet has them. None where the dataset has no such thing: an onset and offset
            that are None are the first and the last frame there is.
        emotion: in any spelling; empty where the dataset has none.
        action_units: as the sheet has them.
        objective: the class of its action units, '4' or 'IV', as the sheet has it; empty where it has none.
        fps: frames per second of this clip, as the sheet has them; empty for the dataset's.
        recording: the folder or video that its frames lie in, as the dataset names it; by default the clip's name.
        kind: macro-expressions are kept apart from the clips that are trained on; a recording is whole, and nobody has looked
            for expressions in it.
        row: as the spreadsheet program shows it; 0 where there is no sheet.
        odd: what its reader saw to be odd in columns of its own.
        fixes: corrections that were applied to it; shared code fills them in.
    """

    subject: str
    name: str
    onset: str | None = None
    apex: str | None = None
    offset: str | None = None
    emotion: str = ""
    action_units: str = ""
    objective: str = ""
    fps: str = ""
    recording: str = ""
    kind: Kind = "micro"
    row: int = 0
    odd: tuple[Odd, ...] = ()
    fixes: tuple[Correction, ...] = ()

    def __post_init__(self) -> None:
        if not self.recording:
            object.__setattr__(self, "recording", self.name)


def usable_frames(entry: Entry, numbers: Collection[int] = ()) -> tuple[int | None, int | None, int | None, list[Odd]]:
    """Onset, apex and offset of a clip, None for each that cannot be used, and why. Args: numbers: the frames there are."""
    odd: list[Odd] = []
    onset = min(numbers, default=None) if entry.onset is None else whole(entry.onset)
    if onset is None or onset < 0:
        said = "is not in the sheet, and there are no frames" if entry.onset is None else repr(entry.onset)
        return None, None, None, [("onset is not a frame", f"onset {said}; the row makes no clip")]
    offset = max(numbers, default=None) if entry.offset is None else whole(entry.offset)
    apex = whole(entry.apex)
    if offset is None or offset <= 0:
        odd.append(("offset is not a frame", f"offset {entry.offset!r}"))
        offset = None
    elif offset < onset:
        odd.append(("offset before onset", f"onset {onset}, offset {offset}"))
        offset = None
    if entry.apex is None:
        odd.append((NO_APEX, "the dataset has none; set prepare.apex=missing to look for it"))
    elif apex is None or apex < 0:
        odd.append(("apex is not a frame", f"apex {entry.apex!r}"))
        apex = None
    elif apex < onset or (offset is not None and apex > offset):
        odd.append(("apex outside onset–offset", f"apex {apex}, onset {onset}, offset {entry.offset}"))
        apex = None
    elif apex == onset:
        odd.append(("apex = onset", f"both {apex}: nothing moves between them"))
    return onset, apex, offset, odd


def can_be_shown(entry: Entry, numbers: Collection[int]) -> bool:
    """Whether the onset frame of a clip, and the apex frame where it has one, are among those there are."""
    onset, apex, _, _ = usable_frames(entry, numbers)
    return onset in numbers and (apex is None or apex in numbers)


def usable_fps(entry: Entry) -> tuple[float | None, list[Odd]]:
    """The frame rate that a clip has of its own, None where it has none, and what is odd about it."""
    number = re.fullmatch(r"\s*([0-9]{1,5}(?:\.[0-9]*)?)\s*(?:fps)?\s*", entry.fps, re.IGNORECASE)
    if number and float(number[1]) > 0:
        return float(number[1]), []
    return None, [
        ("frame rate is not a number", f"fps {entry.fps!r}; the dataset's or the video's is taken")
    ] if entry.fps else []


def objective_class(cell: str) -> str:
    """An objective class in Roman numerals, '4' → 'IV'; empty where the cell holds none."""
    number = whole(cell)
    numeral = _NUMERALS[number - 1] if number and 0 < number <= len(_NUMERALS) else cell.strip().upper()
    return numeral if numeral in _NUMERALS else ""


def impossible_length(kind: Kind, onset: int, offset: int | None, fps: float) -> list[Odd]:
    """Whether a clip is longer than any expression."""
    seconds = 0 if offset is None else (offset - onset) / fps
    if seconds <= LONGEST[kind]:
        return []
    return [
        (
            f"longer than {LONGEST[kind]:g} s",
            f"onset {onset} to offset {offset} are {seconds:.0f} s; correct the offset, or exclude the clip",
        )
    ]


def missing_frames(onset: int, apex: int | None, offset: int | None, numbers: Collection[int]) -> list[Odd]:
    """What there is not of a clip's frames: its onset or apex, and some between its ends. Args: numbers: those there are."""
    named = {"onset": onset} | ({} if apex is None else {"apex": apex})
    odd = [
        ("onset or apex frame missing", f"{name} {number} is not among its {len(numbers)} frames")
        for name, number in named.items()
        if number not in numbers
    ]
    last = max(number for number in (onset, apex, offset) if number is not None)
    absent = last + 1 - onset - sum(map(numbers.__contains__, range(onset, last + 1)))
    if absent:
        odd.append(("frames missing", f"{absent} of {last + 1 - onset} between {onset} and {last}"))
    return odd
