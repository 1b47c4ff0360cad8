"""Intervals of many videos, and the files in which the grand challenges want them.

Two forms are read and written: `vid,onset,offset,type` with that header, where type is me or mae; and rows
`subject,video,onset,offset,emotion` without one, of micro-expressions alone, where the emotion is negative, positive or surprise. A
header in any order is understood, too, and so are further columns: apex, fps.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Literal

from tsfmicro.errors import AnnotationError
from tsfmicro.files import write_whole
from tsfmicro.labels import scheme
from tsfmicro.spot.score import EMOTIONS, KINDS, Bounds, hits
from tsfmicro.spot.types import Kind

Form = Literal["kinds", "emotions"]
_WORDS: Mapping[str, Kind] = {
    **dict.fromkeys(("me", "micro", "micro-expression"), "micro"),
    **dict.fromkeys(("mae", "macro", "macro-expression"), "macro"),
}
_SHORT = {"micro": "me", "macro": "mae"}
_NO_EXPRESSION = {  # generated videos list them
    "blink", "hand", "object", "glasses", "turn", "speech", "chewing", "swallowing", "glance", "leaving", "other person", "flicker",
    "exposure", "shake", "compression", "low rate", "dropped frames",
}  # fmt: skip
_CLASSES = scheme("all-4")  # finer emotions, as every dataset here spells them, are one of the challenge's or others
_SPELLINGS = {"other": "others", "happy": "happiness", "sad": "sadness"}
_HEADS = {
    "video": ("vid", "video", "filename"),
    "person": ("subject", "person"),
    "onset": ("onset",),
    "apex": ("apex",),
    "offset": ("offset",),
    "kind": ("type", "kind"),
    "emotion": ("emotion",),
    "fps": ("fps",),
}
_BY_PLACE = {  # without a header, by the number of columns
    4: ("video", "onset", "offset", "kind"),
    5: ("person", "video", "onset", "offset", "emotion"),
}
_WHOLE = re.compile(r"([-+]?[0-9]{1,9})(?:\.0*)?")
_ENDING = re.compile(r"\.(avi|mp4|mov|mkv|wmv|mpe?g|webm|m4v)$", re.IGNORECASE)
_TOO_LARGE = 32 << 20  # bytes


@dataclass(frozen=True)
class Marked:
    """One interval: frame numbers, both ends included; apex None and emotion empty where nobody tells them."""

    onset: int
    offset: int
    kind: Kind = "micro"
    apex: int | None = None
    emotion: str = ""

    def moved(self, by: int) -> Marked:
        """The same, so many frames later."""
        return self._with(lambda frame: frame + by)

    def at_rate(self, told: float, wanted: float) -> Marked:
        """The same moments in frames of another rate. Args: told, wanted: frames per second."""
        return self._with(lambda frame: round(frame * wanted / told))

    def _with(self, renumber: Callable[[int], int]) -> Marked:
        apex = None if self.apex is None else renumber(self.apex)
        return replace(self, onset=renumber(self.onset), offset=renumber(self.offset), apex=apex)

    def __str__(self) -> str:
        return f"{self.onset}–{self.offset}"


@dataclass(frozen=True)
class Listed:
    """One video, and the intervals in it, which may be none.

    Attributes:
        name: the video's. person: who is seen; empty where nobody tells.
        fps: frames per second. first, last: numbers of its first and last frame. None where nobody tells.
    """

    name: str
    intervals: tuple[Marked, ...] = ()
    person: str = ""
    fps: float | None = None
    first: int | None = None
    last: int | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What it may be called elsewhere, the surest first."""
        video = _ENDING.sub("", self.name).casefold()
        person = self.person.rpartition("/")[2].casefold()
        return (f"{person}/{video}", f"{person}_{video}", video) if person else (video,)


@dataclass(frozen=True)
class Listing:
    """Intervals of several videos.

    Attributes:
        source: where they are from, for messages: a file's or dataset's name.
        videos: in the source's order.
        complete: whether every video of the set is here; a challenge's file has no row for one without expressions.
        notes: what is not as it should be, one line each.
    """

    source: str
    videos: tuple[Listed, ...] = field(repr=False)
    complete: bool = False
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[tuple[Listed, Marked]]:
        """Every interval with its video."""
        return ((video, one) for video in self.videos for one in video.intervals)

    def __len__(self) -> int:
        """How many intervals there are."""
        return sum(len(video.intervals) for video in self.videos)

    @property
    def has_emotions(self) -> bool:
        """Whether some interval says its emotion."""
        return any(one.emotion for _, one in self)

    @property
    def has_people(self) -> bool:
        """Whether it is known of every video who is seen."""
        return bool(self.videos) and all(video.person for video in self.videos)

    def changed(self, change: Callable[[Listed, Marked], Marked]) -> Listing:
        """The same with every interval changed. Args: change: (video, interval) → interval."""
        videos = (replace(v, intervals=tuple(change(v, one) for one in v.intervals)) for v in self.videos)
        return replace(self, videos=tuple(videos))

    def overlapping(self) -> list[tuple[Listed, Marked, Marked]]:
        """Intervals of one kind in one video that have frames in common."""
        return [
            (video, one, other)
            for video in self.videos
            for one, other in combinations(sorted(video.intervals, key=lambda m: m.onset), 2)
            if one.kind == other.kind and other.onset <= one.offset
        ]


def read_listing(path: Path) -> Listing:
    """Read a challenge's file, of either form; a byte order mark and other separators do no harm.

    A row with a video and nothing else says that it has no expression. Rows of blinks are passed over.

    Raises: AnnotationError: it cannot be read, is empty, or a row is not as it should be; the row is named.
    """
    there = _rows(path)
    if not there:
        raise AnnotationError(
            f"{path}: is empty. Write the header vid,onset,offset,type and a row for each interval; the header alone says that "
            "nothing was found."
        )
    columns, rows = _columns(path, there)
    videos: dict[tuple[str, str], Listed] = {}
    for number, cells in rows:
        row = dict(zip(columns, (*cells, *[""] * len(columns)), strict=False))
        one, where = _video(path, number, row), f"{path}, row {number}"
        known = videos.setdefault((one.person, one.name), replace(one, intervals=()))
        if known.fps != one.fps:
            raise AnnotationError(
                f"{where}: {one.name} has {one.fps or 0:g} frames per second here and {known.fps or 0:g} above. Correct one."
            )
        if any(
            (m.onset, m.offset, m.kind) == (o.onset, o.offset, o.kind) for m in known.intervals for o in one.intervals
        ):
            raise AnnotationError(f"{where}: {one.name} {one.intervals[0]} stands there twice. Delete one row.")
        videos[one.person, one.name] = replace(known, intervals=known.intervals + one.intervals)
    return Listing(str(path), tuple(videos.values()))


def listing_text(listing: Listing, form: Form = "kinds") -> str:
    """A challenge's file, as text. Videos without an interval have no row in it.

    Raises: AnnotationError: an interval has no emotion, in the form of emotions.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    if form == "kinds":
        table.writerow(["vid", "onset", "offset", "type"])
    for video, one in listing:
        if form == "kinds":
            table.writerow([video.name, one.onset, one.offset, _SHORT[one.kind]])
        elif one.emotion:
            table.writerow([video.person, video.name, one.onset, one.offset, one.emotion])
        else:
            raise AnnotationError(f"{listing.source}: {video.name} {one} has no emotion, which this form needs.")
    return text.getvalue()


def write_listing(path: Path, listing: Listing, form: Form = "kinds") -> None:
    """Write a challenge's file, whole or not at all. Raises AnnotationError: see `listing_text`, or it cannot be written."""
    text = listing_text(listing, form)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be written ({error.strerror}). Choose another file.") from None


def same_videos(truth: Listing, found: Listing) -> dict[int, int]:
    """Which video of the truth each found one is: place there → place in the truth. One that the truth lacks is left out.

    Names are compared without case and ending, with the person's before them where both are told.

    Raises: AnnotationError: no video in common, or two that are one.
    """
    called: dict[str, set[int]] = {}
    for place, video in enumerate(truth.videos):
        for name in video.names:
            called.setdefault(name, set()).add(place)
    same: dict[int, int] = {}
    for place, video in enumerate(found.videos):
        # A name that several have is nobody's: video a of one person, and video a of another.
        places = (called[name] for name in video.names if len(called.get(name, ())) == 1)
        if (meant := next(places, None)) is not None:
            (same[place],) = meant
    if not same and found.videos:  # a header alone says that nothing was found
        examples = (", ".join(video.name for video in which.videos[:3]) or "none" for which in (truth, found))
        raise AnnotationError(
            "{}: has no video in common with {} (there: {}; here: {}). Give the truth of these videos.".format(
                found.source, truth.source, *examples
            )
        )
    for one, other in combinations(same, 2):
        if same[one] == same[other]:
            names = " and ".join(found.videos[place].name for place in (one, other))
            raise AnnotationError(
                f"{found.source}: {names} are both {truth.videos[same[one]].name}. Give each video one name."
            )
    return same


def oddities(truth: Listing, found: Listing, same: Mapping[int, int]) -> list[str]:
    """What may be wrong with two files that can be scored all the same: one line each.

    Args: same: see `same_videos`.
    """
    pairs = [(truth.videos[there], found.videos[here]) for here, there in same.items()]
    return [*_overlaps(truth), *_overlaps(found), *_counted(truth, found, pairs), *_rates(found, truth, pairs)]


def check_rates(truth: Listing, found: Listing, same: Mapping[int, int]) -> None:
    """Raises AnnotationError where it is certain that frames are numbered at another rate: both tell theirs and differ, or a
    found interval lies past the last frame."""
    for here, there in same.items():
        given, true = found.videos[here], truth.videos[there]
        fix = "Renumber it, or give both rates: --found-fps and --truth-fps."
        if given.fps and true.fps and abs(given.fps - true.fps) > 0.01 * true.fps:
            raise AnnotationError(
                f"{found.source}: {given.name} has {given.fps:g} frames per second, and {true.fps:g} in {truth.source}. {fix}"
            )
        late = next((one for one in given.intervals if true.last is not None and one.onset > true.last), None)
        if late:
            raise AnnotationError(
                f"{found.source}: {given.name} {late} lies past its last frame, {true.last}: numbered at another frame rate? {fix}"
            )


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Rows that are not blank, with their numbers from 1."""
    try:
        if path.stat().st_size > _TOO_LARGE:
            raise AnnotationError(f"{path}: is too large for a file of intervals ({path.stat().st_size >> 20} MB).")
        text = path.read_bytes().decode("utf-8-sig")
        first = text.lstrip().partition("\n")[0]
        separator = max(",;\t", key=first.count)
        rows = [
            [cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        ]
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read ({error.strerror}). Give a CSV file.") from None
    except (UnicodeDecodeError, csv.Error):
        raise AnnotationError(f"{path}: is no CSV file of UTF-8 text. Save it as CSV (UTF-8).") from None
    return [(number, row) for number, row in enumerate(rows, 1) if any(row)]


_Rows = Sequence[tuple[int, Sequence[str]]]


def _columns(path: Path, rows: _Rows) -> tuple[tuple[str, ...], _Rows]:
    """Our words for the columns, and the rows below the header."""
    first = [cell.casefold() for cell in rows[0][1]]
    if "onset" in first:
        ours = {head: column for column, heads in _HEADS.items() for head in heads}
        columns = tuple(ours.get(head, head) for head in first)
        lacking = [_HEADS[c][0] for c in ("video", "offset") if c not in columns]
        lacking += ["type or emotion"] if not {"kind", "emotion"} & {*columns} else []
        if lacking:
            raise AnnotationError(
                f"{path}: no column {', '.join(lacking)}; there are {', '.join(first)}. Write vid,onset,offset,type as the header."
            )
        return columns, rows[1:]
    filled = max(n for _, cells in rows for n, cell in enumerate(cells, 1) if cell)  # Excel leaves empty columns behind
    if filled not in _BY_PLACE:
        raise AnnotationError(
            f"{path}: has {filled} columns and no header. Write vid,onset,offset,type with that header, or "
            "subject,video,onset,offset,emotion without one."
        )
    return _BY_PLACE[filled], rows


def _video(path: Path, number: int, row: Mapping[str, str]) -> Listed:
    """A row as a video with one interval; with none where the row names but the video, or a blink."""
    where = f"{path}, row {number}"
    name, rate = row["video"], row.get("fps", "")
    if not name:
        raise AnnotationError(f"{where}: names no video. Write its name.")
    fps = _rate(where, rate) if rate else None
    listed = Listed(name, (), row.get("person", ""), fps)
    told = [row.get(column, "") for column in ("onset", "offset", "kind", "emotion")]
    if not any(told) or row.get("kind", "").casefold() in _NO_EXPRESSION:
        return listed
    onset, offset = (_frame(where, column, row[column]) for column in ("onset", "offset"))
    if offset < onset:
        raise AnnotationError(f"{where}: offset {offset} lies before onset {onset}. Correct the row.")
    apex = _frame(where, "apex", row["apex"]) if row.get("apex") else None
    emotion = _emotion(where, row.get("emotion", ""), needed="kind" not in row)
    return replace(listed, intervals=(Marked(onset, offset, _kind(where, row.get("kind")), apex, emotion),))


def _kind(where: str, word: str | None) -> Kind:
    if word is None:
        return "micro"  # the task of emotions is about them alone
    if word.casefold() not in _WORDS:
        raise AnnotationError(
            f"{where}: type {word!r} is unknown. Write me for a micro-expression, mae for a macro-expression."
        )
    return _WORDS[word.casefold()]


def _emotion(where: str, word: str, needed: bool) -> str:
    if not word and not needed:
        return ""
    told = _SPELLINGS.get(word.casefold(), word.casefold())
    named = told if told in _CLASSES.classes else _CLASSES.of.get(told)
    if named is None:
        raise AnnotationError(f"{where}: emotion {word!r} is unknown. Write {', '.join(EMOTIONS)} or others.")
    return named


def _frame(where: str, column: str, text: str) -> int:
    number = _WHOLE.fullmatch(text)
    if not number:
        raise AnnotationError(f"{where}: {column} {text!r} is no frame number. Write a whole number.")
    return int(number[1])


def _rate(where: str, text: str) -> float:
    try:
        fps = float(text)
    except ValueError:
        fps = 0.0
    if not 0 < fps < 100_000:
        raise AnnotationError(f"{where}: fps {text!r} is no frame rate. Write frames per second.")
    return fps


def _overlaps(listing: Listing) -> list[str]:
    over = listing.overlapping()
    if not over:
        return []
    video, one, other = over[0]
    return [
        f"{listing.source}: {len(over)} {'pair' if len(over) == 1 else 'pairs'} of intervals of one kind overlap, e.g. "
        f"{video.name} {one} and {other}; each is used once, in the largest set of pairs"
    ]


_Pairs = Sequence[tuple[Listed, Listed]]


def _counted(truth: Listing, found: Listing, pairs: _Pairs) -> list[str]:
    """Whether one of them counts frames from 0 and the other from 1, as far as it can be seen."""
    fix = "if it counts frames from 0 and the truth from 1, add --shift 1"
    for true, given in pairs:
        zero = next((one for one in given.intervals if one.onset == 0), None)
        if zero and true.first == 1:
            return [
                f"{found.source}: {given.name} {zero} has frame 0, and frames of {truth.source} begin with 1: {fix}"
            ]
    met = [hit for true, given in pairs for kind in KINDS for hit in hits(*(_of(v, kind) for v in (true, given)))]
    ends = [(given.onset - true.onset, given.offset - true.offset) for true, given in met]
    for by in (-1, 1):
        if len(ends) >= 3 and ends.count((by, by)) >= 0.75 * len(ends):
            way = "before" if by < 0 else "after"
            return [
                f"{found.source}: {ends.count((by, by))} of {len(ends)} hits lie exactly one frame {way} the true ones: one of both "
                f"counts from 0, the other from 1? Then add --shift {-by}"
            ]
    return []


def _of(video: Listed, kind: str) -> list[Bounds]:
    return [one for one in video.intervals if one.kind == kind]


def _rates(found: Listing, truth: Listing, pairs: _Pairs) -> list[str]:
    """Whether the videos of one go on for several times as many frames, which another frame rate would explain."""
    ends = [[max(one.offset for one in v.intervals) for v in pair] for pair in pairs if all(v.intervals for v in pair)]
    ratios = sorted(given / true for true, given in ends if true > 0 and given > 0)
    if len(ratios) < 2:
        return []
    middle = ratios[len(ratios) // 2]
    if 0.4 <= middle <= 2.5:
        return []
    return [
        f"{found.source}: its videos end at {middle:.2g} times the frame numbers of {truth.source}: at another frame rate? Then "
        "--found-fps and --truth-fps say so"
    ]
