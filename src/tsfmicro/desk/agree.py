"""How far two coders agree, one of whom may be a model; each figure with its interval over people, or over videos."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.coding.agreement import Event, ac1, events, icc, kappa, overlap, seconds_table
from tsfmicro.desk.gather import Coding, gather
from tsfmicro.errors import AnnotationError
from tsfmicro.evaluate.interval import left_out_interval, median_interval
from tsfmicro.files import counted, csv_text
from tsfmicro.timeline import Moment, units_text
from tsfmicro.types import ActionUnit, Interval

_TIMES = ("onset", "apex", "offset")
_LETTERS = "ABCDE"
_HALF = 0.5  # of two moments that overlap by less the times are listed as a disagreement
_SEED = 0  # intervals of medians are drawn; the same files give the same numbers

Table = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class Occurrence:
    """Whether a code stands at the same moments.

    Attributes:
        code: e.g. 'AU12' or 'happiness'.
        both, one, other, neither: moments; one that a coder did not mark at all counts as without the code there.
        kappa, ac1: None where it cannot be told.
        over_time: κ of seconds with and without the code; None where it was not counted by time.
    """

    code: str
    both: int
    one: int
    other: int
    neither: int
    kappa: Interval | None
    ac1: Interval | None
    over_time: Interval | None = None


@dataclass(frozen=True)
class Timing:
    """Times of the second coder less those of the first, seconds.

    Attributes: pairs; median: with its interval; low, high: 95 % of the differences lie between.
    """

    what: str
    pairs: int
    median: Interval
    low: float
    high: float


@dataclass(frozen=True)
class Disagreement:
    """Something that two coders see differently. Times are None where a coder has no such moment."""

    video: str
    person: str
    what: str
    one: str
    other: str
    onset_one: float | None
    apex_one: float | None
    offset_one: float | None
    onset_other: float | None
    apex_other: float | None
    offset_other: float | None


@dataclass(frozen=True)
class Agreement:
    """Two coders side by side.

    Attributes:
        names: of both. videos: in common. over: what intervals are over, people or videos, and how many there are.
        matched, only: moments that both marked, and that each alone did.
        occurrence: of kinds, action units and emotions, over moments and time.
        timing: of the matched moments.
        intensity: ICC(2,1) of the intensities of action units that both saw, and how many; None without two.
        disagreements: all of them. notes: what is odd, a line each.
    """

    names: tuple[str, str]
    videos: int
    over: str
    groups: int
    matched: int
    only: tuple[int, int]
    occurrence: tuple[Occurrence, ...]
    timing: tuple[Timing, ...]
    intensity: Interval | None
    intensities: int
    disagreements: tuple[Disagreement, ...]
    notes: tuple[str, ...]

    def about(self) -> list[str]:
        """What was compared, in lines."""
        a, b = self.names
        sure = (
            f"intervals over {self.groups} {self.over}" if self.groups > 1 else "of one alone no interval can be told"
        )
        return [
            f"A {a}, B {b}: {self.videos} video{'s' if self.videos > 1 else ''}; {sure}",
            f"{self.matched} moments that both marked, {self.only[0]} that A alone did, {self.only[1]} that B alone did",
            *(f"note: {note}" for note in self.notes),
        ]

    def occurrence_table(self) -> Table:
        rows = [
            [
                o.code,
                str(o.both),
                str(o.one),
                str(o.other),
                str(o.neither),
                _shown(o.kappa),
                _shown(o.ac1),
                _shown(o.over_time),
            ]
            for o in self.occurrence
        ]
        return ["code", "both", "A only", "B only", "neither", "κ", "AC1", "κ over time"], rows

    def timing_table(self) -> Table:
        rows = [
            [t.what, str(t.pairs), f"{t.median.value:+.3f}", _ends(t.median), f"{t.low:+.3f} to {t.high:+.3f}"]
            for t in self.timing
        ]
        return ["B − A, s", "pairs", "median", "95 % interval", "95 % of differences"], rows

    def intensity_line(self) -> str:
        if self.intensity is None:
            return f"intensity: {counted(self.intensities, 'pair')}, too few or too alike for ICC(2,1)"
        return f"intensity: ICC(2,1) {self.intensity} of {self.intensities} pairs of A to E"

    def disagreements_table(self) -> Table:
        shown = [
            [d.video, d.person, d.what, d.one, d.other, _second(d.onset_one), _second(d.onset_other)]
            for d in self.disagreements
        ]
        return ["video", "person", "what", "A", "B", "onset A, s", "onset B, s"], shown

    def disagreements_csv(self) -> str:
        """Every disagreement with all times; heads have the units."""
        heads = ["video", "person", "what", "a", "b", *(f"{t}_{s}_s" for s in "ab" for t in _TIMES)]
        rows = [
            ["" if v is None else round(v, 6) if isinstance(v, float) else v for v in asdict(d).values()]
            for d in self.disagreements
        ]
        return csv_text(heads, rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; an end that is not known is null."""
        values = asdict(self)
        for timing in values["timing"]:
            timing["median"] = {k: v if np.isfinite(v) else None for k, v in timing["median"].items()}
        return values


def agree(
    first: Path,
    second: Path,
    coders: tuple[str | None, str | None] = (None, None),
    fps: float | None = None,
) -> Agreement:
    """Compare two codings.

    Args:
        first, second: files of any format, or folders with codings of the same videos; a model's moments are one, too.
        coders: of each, whose moments are taken, where several have some.
        fps: where frames are counted and the rate is not told.
    Raises:
        AnnotationError: no video in common, different cuts, people named differently, moments of several coders.
    """
    (a, of_a), (b, of_b) = (gather(path, fps, coder=coder) for path, coder in zip((first, second), coders, strict=True))
    for path, side in ((first, a), (second, b)):
        if not side:
            raise AnnotationError(
                f"{path}: holds no codings. Code a moment; a video that shows nothing has a row of its own in codes.csv."
            )
        names = dict.fromkeys(name for coding in side for name in coding.timeline.coders)
        if any(len(coding.timeline.coders) > 1 for coding in side):
            raise AnnotationError(f"{path}: has moments of {', '.join(names)}. Choose one with --coder-a or --coder-b.")
    pairs = _same_videos(first, second, a, b)
    compared = {c.file for pair in pairs for c in pair}
    notes = [*of_a, *of_b, *(note for c in (*a, *b) if c.file in compared for note in c.timeline.notes)]
    notes += [note for pair in pairs for c in pair for note in c.timeline.oddities()]
    notes += _unshared(first, second, a, b, pairs)
    for one, other in pairs:
        notes += _cuts(one, other)
    found = [event for one, other in pairs for event in events(one.timeline, other.timeline)]
    notes += _nameless(found)
    if not found:
        raise AnnotationError(f"{first} and {second}: neither has a moment, so there is nothing to agree on.")
    over, group = _groups(found)
    lengths = {one.timeline.video: max(one.timeline.end, other.timeline.end) for one, other in pairs}
    # Seconds of videos in which both saw nothing, of each video; under "", which is no group, where intervals are over people.
    blank: defaultdict[str, float] = defaultdict(float)
    for video in lengths.keys() - {event.video for event in found}:
        blank[video if over == "videos" else ""] += lengths[video]
    said, more = _occurrence(found, group, lengths, blank)
    intensities = _intensities(found, group)
    return Agreement(
        names=(_coder(first, a), _coder(second, b)),
        videos=len(pairs),
        over=over,
        groups=len({group(e) for e in found}),
        matched=sum(e.both is not None for e in found),
        only=(sum(e.other is None for e in found), sum(e.one is None for e in found)),
        occurrence=said,
        timing=tuple(_timing(found, group)),
        intensity=_icc(intensities),
        intensities=sum(map(len, intensities.values())),
        disagreements=tuple(d for event in found for d in _disagreements(event)),
        notes=(*notes, *more),
    )


def _coder(path: Path, side: Sequence[Coding]) -> str:
    names = {name for coding in side for name in coding.timeline.coders}
    return f"{path} ({names.pop()})" if len(names) == 1 else str(path)


_Pairs = Sequence[tuple[Coding, Coding]]


def _same_videos(first: Path, second: Path, a: Sequence[Coding], b: Sequence[Coding]) -> _Pairs:
    if len(a) == len(b) == 1 and not (a[0].timeline.video and b[0].timeline.video):
        return [(a[0], b[0])]  # a TextGrid does not say what it is of
    like: defaultdict[str, tuple[list[Coding], list[Coding]]] = defaultdict(lambda: ([], []))
    for place, side in enumerate((a, b)):
        for coding in side:
            like[coding.timeline.stem][place].append(coding)
    pairs = [(one, other) for of_stem in like.values() for one in of_stem[0] for other in _same(one, *of_stem)]
    if not pairs:
        of = [", ".join(c.timeline.video or "a video without a name" for c in side[:3]) for side in (a, b)]
        raise AnnotationError(f"{first} is of {of[0]}, and {second} of {of[1]}. Give codings of the same videos.")
    return pairs


def _same(one: Coding, ours: Sequence[Coding], theirs: Sequence[Coding]) -> Sequence[Coding]:
    """Of the other coder's with the same name but for its ending, the one of the same video; where it could be several, none."""
    if len(ours) == len(theirs) == 1:
        return theirs
    return [c for c in theirs if c.timeline.video.casefold() == one.timeline.video.casefold()]


def _nameless(found: Sequence[Event]) -> list[str]:
    """Videos in which some moments have a person and others none: whose these are cannot be told."""
    named = {e.video for e in found if e.person}
    count = Counter(e.video for e in found if not e.person for m in (e.one, e.other) if m)
    return [
        f"{video}: {counted(number, 'moment')} without a person, paired with such alone. Name the person, as of the others"
        for video, number in count.items()
        if video in named
    ]


def _unshared(first: Path, second: Path, a: Sequence[Coding], b: Sequence[Coding], pairs: _Pairs) -> list[str]:
    shared = {coding for pair in pairs for coding in pair}
    left = ((path, [c.timeline.video for c in side if c not in shared]) for path, side in ((first, a), (second, b)))
    return [
        f"{path} alone has {', '.join(videos)}: left out. Where the other saw nothing in it, its coding must say so"
        for path, videos in left
        if videos
    ]


def _cuts(one: Coding, other: Coding) -> list[str]:
    """Whether frame rates differ. Raises AnnotationError: the videos are not of one length."""
    a, b = one.timeline, other.timeline
    slower = min([t.fps for t in (a, b) if t.fps] or [25.0])
    if a.seconds and b.seconds and abs(a.seconds - b.seconds) > max(2 / slower, 0.01 * a.seconds):
        raise AnnotationError(
            f"{one.file} was coded on {a.seconds:.3f} s of {a.video}, {other.file} on {b.seconds:.3f} s: different cuts, whose times "
            "do not go together. Code one file."
        )
    if a.fps and b.fps and abs(a.fps - b.fps) > 0.01 * a.fps:
        return [
            f"{a.video}: was coded at {a.fps:g} and at {b.fps:g} frames per second; times agree at best to {1000 / slower:.0f} ms"
        ]
    return []


Group = Callable[[Event], str]


def _groups(found: Sequence[Event]) -> tuple[str, Group]:
    """What intervals are over: people, where they have names, else videos. A number is no name: a model's face 1 is anybody."""
    people = {e.person.casefold() for e in found}
    if len(people) > 1 and all(p and not p.isdigit() for p in people):
        return "people", lambda event: event.person.casefold()
    return "videos", lambda event: event.video


def _occurrence(
    found: Sequence[Event], group: Group, lengths: Mapping[str, float], blank: Mapping[str, float]
) -> tuple[tuple[Occurrence, ...], list[str]]:
    rows = [_one("any moment", lambda m: {"any moment"}, found, group, lengths, blank, by_moment=False)]
    silent = [name for name, side in zip("AB", _SIDES, strict=True) if not any(map(side, found))]
    if silent:
        return tuple(rows), [f"{silent[0]} marked nothing, so no kinds, action units or emotions are compared"]
    notes = []
    for what, codes_of in _CODES.items():
        coded = [{code for e in found if (m := side(e)) for code in codes_of(m)} for side in _SIDES]
        if all(coded):
            rows += [
                _one(code, codes_of, found, group, lengths, blank) for code in sorted(coded[0] | coded[1], key=_natural)
            ]
        elif any(coded):
            notes.append(f"{'A' if not coded[0] else 'B'} codes no {what}: they are not compared")
    return tuple(rows), notes


CodesOf = Callable[[Moment], set[str]]
_CODES: Mapping[str, CodesOf] = {
    "kinds": lambda m: {m.kind},
    "action units": lambda m: {f"AU{unit.number}" for unit in m.units},
    "emotions": lambda m: {m.emotion.casefold()} - {""},
}


def _natural(code: str) -> tuple[int, str]:
    """AU4 comes before AU12."""
    digits = code.removeprefix("AU")
    return (int(digits) if digits.isdecimal() else 0), code


_SIDES: tuple[Callable[[Event], Moment | None], ...] = (lambda e: e.one, lambda e: e.other)


def _one(
    code: str,
    codes_of: CodesOf,
    found: Sequence[Event],
    group: Group,
    lengths: Mapping[str, float],
    blank: Mapping[str, float],
    by_moment: bool = True,
) -> Occurrence:
    names = sorted({group(e) for e in found})
    counts = {name: np.zeros((2, 2)) for name in names}
    always = np.array([[blank.get("", 0.0), 0.0], [0.0, 0.0]])
    seconds = {n: np.array([[blank.get(n, 0.0), 0.0], [0.0, 0.0]]) for n in sorted({*names, *blank.keys() - {""}})}
    for e in found:
        a, b = (int(m is not None and code in codes_of(m)) for m in (e.one, e.other))
        counts[group(e)][a, b] += 1
    for (video, _), of_person in _by_face(found).items():
        ours, theirs = ([m for e in of_person if (m := side(e)) and code in codes_of(m)] for side in _SIDES)
        seconds[group(of_person[0])] += seconds_table(ours, theirs, lengths[video])
    table, time = (np.stack(list(of.values())) for of in (counts, seconds))
    (neither, other), (one, both) = table.sum(0).astype(int).tolist()
    told = (_beyond(kappa, table), _beyond(ac1, table)) if by_moment else (None, None)
    return Occurrence(code, both, one, other, neither, *told, _beyond(kappa, time, always))


def _by_face(found: Sequence[Event]) -> dict[tuple[str, str], list[Event]]:
    faces: dict[tuple[str, str], list[Event]] = {}
    for e in found:
        faces.setdefault((e.video, e.person), []).append(e)
    return faces


def _beyond(
    score: Callable[[np.ndarray], np.ndarray], tables: np.ndarray, always: float | np.ndarray = 0.0
) -> Interval | None:
    """A coefficient with its interval. Args: tables: (G, 2, 2) of each group; always: (2, 2) what is of none, and stays."""
    total = tables.sum(0) + always
    value = float(score(total))
    if np.isnan(value):
        return None
    return left_out_interval(value, score(total - tables), tables.sum((1, 2)), least=-1)


def _timing(found: Sequence[Event], group: Group) -> list[Timing]:
    timings = []
    for what in _TIMES:
        of: dict[str, list[float]] = {}
        for e in found:
            if e.both and None not in (times := [getattr(m, what) for m in e.both]):
                of.setdefault(group(e), []).append(times[1] - times[0])
        if of:
            values = [np.array(v) for _, v in sorted(of.items())]
            low, high = np.quantile(np.concatenate(values), [0.025, 0.975])
            middle = median_interval(values, np.random.default_rng(_SEED))
            timings.append(Timing(what, sum(map(len, values)), middle, float(low), float(high)))
    return timings


def _intensities(found: Sequence[Event], group: Group) -> dict[str, list[tuple[int, int]]]:
    """Of each group, the intensities (1 to 5) of the action units that both saw and graded, sides apart."""
    of: dict[str, list[tuple[int, int]]] = {}
    for e in found:
        if e.both:
            ours, theirs = ({(u.number, u.side): u.intensity for u in m.units if u.intensity} for m in e.both)
            for unit in ours.keys() & theirs.keys():
                of.setdefault(group(e), []).append((_LETTERS.index(ours[unit]) + 1, _LETTERS.index(theirs[unit]) + 1))
    return of


def _icc(of: Mapping[str, Sequence[tuple[int, int]]]) -> Interval | None:
    groups = [np.array(of[name]) for name in sorted(of)]
    value = icc(np.concatenate(groups)) if groups else float("nan")
    if np.isnan(value):
        return None
    without = [
        icc(np.concatenate([*groups[:n], *groups[n + 1 :]])) if len(groups) > 1 else np.nan for n in range(len(groups))
    ]
    return left_out_interval(value, np.array(without), np.array([len(g) for g in groups], float), least=-1)


def _disagreements(e: Event) -> list[Disagreement]:
    if e.both is None:
        there = e.one or e.other
        assert there is not None
        told = f"{there.kind} {units_text(there.units)} {there.emotion}".split()
        a, b = (" ".join(told), "") if e.one else ("", " ".join(told))
        return [_told(e, f"only {'A' if e.one else 'B'} has it", a, b)]
    one, other = e.both
    differing = []
    if overlap(one, other) < _HALF:
        differing.append(_told(e, "times overlap by less than half", str(one), str(other)))
    for what, a, b in (("kind", one.kind, other.kind), ("emotion", one.emotion.casefold(), other.emotion.casefold())):
        if a != b and a and b:
            differing.append(_told(e, what, a, b))
    if one.units and other.units:
        differing += _unit_disagreements(e, one.units, other.units)
    return differing


def _unit_disagreements(e: Event, ours: Sequence[ActionUnit], theirs: Sequence[ActionUnit]) -> list[Disagreement]:
    if {u.number for u in ours} != {u.number for u in theirs}:
        return [_told(e, "action units", units_text(ours), units_text(theirs))]
    a, b = ({(u.number, u.side): u.intensity for u in units} for units in (ours, theirs))
    if a.keys() != b.keys():
        return [_told(e, "sides", units_text(ours), units_text(theirs))]
    if any(a[unit] and b[unit] and a[unit] != b[unit] for unit in a):
        return [_told(e, "intensity", units_text(ours), units_text(theirs))]
    return []


def _told(e: Event, what: str, one: str, other: str) -> Disagreement:
    times = [getattr(m, name) if m else None for m in (e.one, e.other) for name in _TIMES]
    return Disagreement(e.video, e.person, what, one, other, *times)


def _shown(value: Interval | None) -> str:
    return "–" if value is None else str(value)


def _ends(value: Interval) -> str:
    return f"[{value.low:+.3f}, {value.high:+.3f}]" if np.isfinite(value.low) else "–"


def _second(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
