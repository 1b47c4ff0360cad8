"""What a coder, or a model, marked in a video: moments with their codes. All of it is frozen; times are seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass, replace
from typing import Literal, get_args

from tsfmicro.action_units import parse_action_units
from tsfmicro.errors import AnnotationError
from tsfmicro.types import ActionUnit

Kind = Literal["micro", "macro", "other"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_SHORT: Mapping[str, Kind] = {"micro": "micro", "me": "micro", "macro": "macro", "mae": "macro", "other": "other"}
LONGEST_MICRO = 0.5  # seconds, as in spotting


@dataclass(frozen=True)
class Moment:
    """One expression of one person.

    Text is kept as one line: white space is one blank each, and what cannot be printed is left out.

    Attributes:
        onset, apex, offset: seconds from the first frame of the video; apex None where nobody told.
        person: whose it is; empty where nobody told.
        kind: micro, macro, or other than both.
        units: action units with side and intensity.
        emotion: in any words; empty where none is named.
        certainty: of the coder, 0 to 1; None where nobody told.
        note: anything else. coder: who marked it; empty where nobody told.
    Raises:
        AnnotationError: times that are none, an offset before the onset, an apex outside, a certainty outside 0 to 1.
    """

    onset: float
    offset: float
    apex: float | None = None
    person: str = ""
    kind: Kind = "micro"
    units: tuple[ActionUnit, ...] = ()
    emotion: str = ""
    certainty: float | None = None
    note: str = ""
    coder: str = ""

    def __post_init__(self) -> None:
        for name in ("person", "emotion", "note", "coder"):
            object.__setattr__(self, name, one_line(getattr(self, name)))
        apex = self.onset if self.apex is None else self.apex
        if not 0 <= self.onset <= apex <= self.offset < float("inf"):
            raise AnnotationError(
                f"{self}: onset, apex and offset must follow one another, from 0 s on. Correct the times."
            )
        if self.certainty is not None and not 0 <= self.certainty <= 1:
            raise AnnotationError(f"{self}: certainty {self.certainty:g} is not between 0 and 1. Correct it.")

    def __str__(self) -> str:
        apex = "" if self.apex is None else f" → {self.apex:.3f}"
        return f"{self.person or 'moment'} at {self.onset:.3f}{apex} → {self.offset:.3f} s"


@dataclass(frozen=True)
class Timeline:
    """The moments of one video, by onset.

    Attributes:
        video: its file's name, without folders; empty where nobody told.
        fps, seconds: frame rate, and how long it is; None where nobody told.
        people: who is seen, with or without a moment.
        notes: what could not be read, one line each.
    Raises:
        AnnotationError: a frame rate or length that is not above 0.
    """

    video: str = ""
    moments: tuple[Moment, ...] = ()
    fps: float | None = None
    seconds: float | None = None
    people: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, value in (("frame rate", self.fps), ("length", self.seconds)):
            if value is not None and not 0 < value < float("inf"):
                raise AnnotationError(f"{self.video or 'a timeline'}: {name} {value:g} is none. Correct it.")
        seen = dict.fromkeys([*map(one_line, self.people), *(m.person for m in self.moments)])
        object.__setattr__(self, "people", tuple(name for name in seen if name))
        object.__setattr__(self, "video", one_line(self.video.replace("\\", "/").rpartition("/")[2]))
        object.__setattr__(self, "moments", tuple(sorted(self.moments, key=_order)))

    @property
    def stem(self) -> str:
        """The video's name without ending and case, by which timelines of one video are known."""
        return stem(self.video)

    @property
    def end(self) -> float:
        """Seconds to the end of the video; to the last offset where its length is not known, or is less."""
        return max([self.seconds or 0.0, *(m.offset for m in self.moments)])

    @property
    def coders(self) -> tuple[str, ...]:
        """Who marked something; without those who gave no name."""
        return tuple(dict.fromkeys(m.coder for m in self.moments if m.coder))

    def with_notes(self, notes: Iterable[str]) -> Timeline:
        """The same with further notes."""
        return replace(self, notes=(*self.notes, *notes))

    def oddities(self) -> list[str]:
        """What may be wrong with it, one line each: moments past the end, and of one person and coder at one time."""
        return [*self._past_the_end(), *self._overlapping()]

    def _past_the_end(self) -> list[str]:
        frame = 1 / self.fps if self.fps else 0.05
        late = [m for m in self.moments if self.seconds is not None and m.offset > self.seconds + frame]
        if not late:
            return []
        return [
            f"{self.video or 'the video'} lasts {self.seconds:.3f} s, and {_count(late)} past its end, e.g. {late[0]}: kept as "
            "they are. Is it another cut of the video?"
        ]

    def _overlapping(self) -> list[str]:
        last: dict[tuple[str, str], Moment] = {}
        over = []
        for m in self.moments:
            before = last.setdefault((m.person, m.coder), m)
            if before is not m and m.onset < before.offset:
                over.append((before, m))
            if m.offset >= before.offset:
                last[m.person, m.coder] = m
        if not over:
            return []
        one, other = over[0]
        return [
            f"{self.video or 'the video'}: {_count(over)} into another one of the same person and coder, e.g. {one} and {other}"
        ]


def stem(video: str) -> str:
    """A video's name without ending and case, by which it is known: 'Clip 1.MP4' → 'clip 1'."""
    return without_ending(video).casefold()


def without_ending(video: str) -> str:
    """'Clip 1.MP4' → 'Clip 1'; 'clip no. 1' stays."""
    name, dot, ending = video.rpartition(".")
    return name if dot and name and re.fullmatch(r"[a-zA-Z0-9]\w{1,3}", ending) else video


def kind_named(word: str) -> Kind | None:
    """'micro', 'ME', 'macro-expression' as a kind; None for another word."""
    return _SHORT.get(re.sub(r"[- ]?expressions?$", "", one_line(word).casefold()))


def kind_of(seconds: float) -> Kind:
    """The kind of an expression of which only the length is known."""
    return "micro" if seconds <= LONGEST_MICRO else "macro"


def units_text(units: Iterable[ActionUnit]) -> str:
    """Action units as coders write them: 'R12B+4?'."""
    return "+".join(f"{u.side}{u.number}{u.intensity}{'' if u.certain else '?'}" for u in units)


def units_in(text: str) -> tuple[ActionUnit, ...]:
    """The action units of a text, each side of each once, with the higher intensity; none for a text without."""
    once: dict[tuple[str, int], ActionUnit] = {}
    for unit in parse_action_units(text).units:
        known = once.setdefault((unit.side, unit.number), unit)
        once[unit.side, unit.number] = max(known, unit, key=lambda u: (u.intensity, u.certain))
    return tuple(once.values())


def one_line(text: str) -> str:
    """Text without line breaks and what cannot be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _order(m: Moment) -> tuple[float, float, str, str, str]:
    return m.onset, m.offset, m.person, m.coder, m.kind


def _count(what: Sized) -> str:
    return f"{len(what)} moments reach" if len(what) > 1 else "1 moment reaches"
