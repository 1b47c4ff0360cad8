"""Programs with tiers: marks of one tier lie apart, and what is said of a moment stands in tiers of its own."""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from tsfmicro.action_units import parse_action_units
from tsfmicro.errors import AnnotationError, ConfigError
from tsfmicro.timeline import Moment, Timeline, kind_named, kind_of, units_in, units_text
from tsfmicro.types import ActionUnit

SAID = ("units", "emotion", "certainty", "note", "coder")
"""Tiers below that of the kind: what is said of a moment."""
_TIER = re.compile(rf"(kind|apex|{'|'.join(SAID)})(\d*)(?:@(.*))?", re.DOTALL)
_UNIT_TIER = re.compile(r"(?:(.+?)[ _@-]+)?AU[ _-]?([LRTB]?\d{1,2})[ _-]?([LR])?(?:@(.*))?", re.IGNORECASE)


def pympi(part: str) -> Any:
    """A module of pympi: 'Elan' or 'Praat'. Raises ConfigError: it is not installed."""
    try:
        return import_module(f"pympi.{part}")
    except ImportError:
        raise ConfigError("ELAN and Praat files need a package. Install it: pip install 'tsfmicro[coding]'") from None


@dataclass(frozen=True)
class Mark:
    """What stands in a tier. begin, end: milliseconds."""

    begin: int
    end: int
    text: str


@dataclass(frozen=True)
class Layer:
    """Moments of one person that lie apart, and the names of their tiers. Attributes: person; number: from 1."""

    person: str
    number: int
    moments: tuple[Moment, ...] = field(repr=False)

    def tier(self, what: str) -> str:
        """'kind@anna'; of a second layer 'kind2@anna'."""
        at = f"@{self.person}" if self.person else ""
        return f"{what}{self.number if self.number > 1 else ''}{at}"


def layers(timeline: Timeline) -> Iterator[Layer]:
    """As few layers as hold all moments, at least one for each person."""
    of: dict[str, list[Moment]] = {person: [] for person in timeline.people}
    for m in timeline.moments:
        of.setdefault(m.person, []).append(m)
    for person, own in of.items():
        ends: list[int] = []
        held: list[list[Moment]] = []
        for m in own:
            begin, end = span(m)
            # Moments that touch would share an apex at their border, so they go apart, too.
            place = next((n for n, last in enumerate(ends) if last < begin), len(ends))
            if place == len(ends):
                ends.append(0)
                held.append([])
            ends[place] = end
            held[place].append(m)
        for number, moments in enumerate(held or [[]], 1):
            yield Layer(person, number, tuple(moments))


def span(m: Moment) -> tuple[int, int]:
    """Onset and offset in milliseconds, at least one apart: no program with tiers has marks without a length."""
    begin, end = round(1000 * m.onset), round(1000 * m.offset)
    if end > begin:
        return begin, end
    begin = math.floor(1000 * m.onset)
    return begin, begin + 1


def apex_of(m: Moment) -> int | None:
    """The apex in milliseconds, inside the span."""
    begin, end = span(m)
    return None if m.apex is None else min(max(round(1000 * m.apex), begin), end)


def said(m: Moment, what: str) -> str:
    """What a tier says of a moment; empty where there is nothing to say."""
    if what == "units":
        return units_text(m.units)
    if what == "certainty":
        return "" if m.certainty is None else f"{m.certainty:.6g}"
    return str(getattr(m, what))


@dataclass
class Tiers:
    """The tiers of a file, gathered one by one, as moments.

    Attributes: source: for messages.
    """

    source: str
    _marks: dict[tuple[str, str], dict[str, list[Mark]]] = field(default_factory=dict)
    _units: list[tuple[str, Mark, ActionUnit]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)

    def add(self, name: str, marks: Sequence[Mark], participant: str | None = None) -> None:
        """A tier. One that is neither ours nor of one action unit is told in a note."""
        ours, unit = _TIER.fullmatch(name), _UNIT_TIER.fullmatch(name)
        if ours:
            person = ours[3] or "" if participant is None else participant
            self._marks.setdefault((person, ours[2]), {})[ours[1]] = sorted(marks, key=lambda mark: mark.begin)
            self.people.append(person)
        elif unit:
            person = participant or unit[4] or unit[1] or ""
            for mark in marks:
                intensity = mark.text.strip().upper() if re.fullmatch(r"[A-Ea-e]", mark.text.strip()) else ""
                (one,) = parse_action_units(f"{unit[3] or ''}{unit[2]}{intensity}").units
                self._units.append((person, mark, one))
            self.people.append(person)
        elif marks:
            self.notes.append(
                f"{self.source}: tier {name!r} with {len(marks)} marks is none that is known; it was left out"
            )

    def moments(self) -> tuple[Moment, ...]:
        """All of them. Raises AnnotationError: a kind, units or a certainty that is none."""
        ours = [m for (person, _), tiers in self._marks.items() for m in self._of_layer(person, tiers)]
        return (*ours, *gathered((p, mark.begin / 1000, mark.end / 1000, unit) for p, mark, unit in self._units))

    def _of_layer(self, person: str, tiers: dict[str, list[Mark]]) -> Iterator[Moment]:
        kinds = tiers.get("kind", [])
        begins = [kind.begin for kind in kinds]
        inside: list[dict[str, str]] = [{} for _ in kinds]
        apexes: list[int | None] = [None] * len(kinds)
        for what, marks in tiers.items():
            for mark in marks if what != "kind" else ():
                middle = mark.begin if what == "apex" else (mark.begin + mark.end) / 2
                near = bisect_left(begins, middle)  # marks of a tier lie apart: of those that touch the first is taken
                place = next((n for n in (near - 1, near) if 0 <= n < len(kinds) and _in(kinds[n], middle)), None)
                if place is None:
                    self.notes.append(
                        f"{self.source}: {what} at {middle / 1000:.3f} s lies in no moment; it was left out"
                    )
                elif what == "apex":
                    apexes[place] = mark.begin
                else:
                    inside[place][what] = mark.text
        for mark, apex, texts in zip(kinds, apexes, inside, strict=True):
            yield self._moment(person, mark, apex, texts)

    def _moment(self, person: str, mark: Mark, apex: int | None, texts: dict[str, str]) -> Moment:
        where = f"{self.source}, at {mark.begin / 1000:.3f} s"
        kind, units = kind_named(mark.text), units_in(texts.get("units", ""))
        if kind is None:
            raise AnnotationError(f"{where}: kind {mark.text!r} is unknown. Write micro, macro or other.")
        if texts.get("units", "").strip() and not units:
            raise AnnotationError(f"{where}: {texts['units']!r} holds no action unit. Write them as R12B+4.")
        try:
            certainty = float(texts["certainty"]) if texts.get("certainty", "").strip() else None
        except ValueError:
            raise AnnotationError(f"{where}: certainty {texts['certainty']!r} is no number. Correct it.") from None
        return Moment(
            onset=mark.begin / 1000,
            offset=mark.end / 1000,
            apex=None if apex is None else apex / 1000,
            person=person,
            kind=kind,
            units=units,
            emotion=texts.get("emotion", ""),
            certainty=certainty,
            note=texts.get("note", ""),
            coder=texts.get("coder", ""),
        )


def _in(mark: Mark, time: float) -> bool:
    return mark.begin <= time <= mark.end


def gathered(marks: Iterable[tuple[str, float, float, ActionUnit]]) -> list[Moment]:
    """Moments of action units that were marked one by one: those of one person with the same bounds are one.

    Args: marks: person, onset and offset in seconds, and the unit.
    """
    at: dict[tuple[str, float, float], list[ActionUnit]] = {}
    for person, onset, offset, unit in marks:
        at.setdefault((person, onset, offset), []).append(unit)
    return [
        Moment(
            onset, offset, None, person, kind_of(offset - onset), tuple(sorted(units, key=lambda u: (u.number, u.side)))
        )
        for (person, onset, offset), units in at.items()
    ]
