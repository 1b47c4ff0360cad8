"""CAS(ME)²: 22 people, 30 frames per second, 640×480, micro- and macro-expressions in long videos (Qu et al., 2018)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from tsfmicro.data.annotated import Source
from tsfmicro.data.entries import TEXT, Entry, Flag, Kind, Odd
from tsfmicro.data.fake import FakeRow, FakeSheet, Layout, add_sheets, deal_units, fake_row
from tsfmicro.data.headed import SheetDataset
from tsfmicro.data.sheets import Table, read_tables, whole

_WIDTH = 8  # columns that a row must have; the ninth is the self-report
_VIDEO = re.compile(r"([a-z]+\d)_\d+", re.IGNORECASE)
_KINDS: Mapping[str, Kind] = {"micro-expression": "micro", "macro-expression": "macro"}

# The naming rules of the release: which folder a person and a video have. A CSV copy has lost them.
_FOLDERS = dict(enumerate((15, 16, *range(19, 28), *range(29, 39), 40), 1))
_VIDEOS: Mapping[str, str] = {
    "anger1": "0401girlcrashing",
    "anger2": "0402beatingpregnantwoman",
    "disgust1": "0101disgustingteeth",
    "disgust2": "0102eatingworms",
    "happy1": "0502funnyerrors",
    "happy2": "0503unnyfarting",
    "happy3": "0505funnyinnovations",
    "happy4": "0507climbingthewall",
    "happy5": "0508funnydunkey",
}


class CasmeSquared(SheetDataset):
    name = "casme-squared"
    title = "CAS(ME)²"
    fps = 30.0
    size = "640×480"
    gate = "casme.psych.ac.cn/casme/e3"
    release_rows = 357
    published: ClassVar = {
        "casme-squared-4": {"negative": 21, "positive": 8, "surprise": 9, "others": 19},
        "casme-squared-3": {"negative": 21, "positive": 8, "surprise": 9},
    }
    person_folder = re.compile(r"s\d{1,2}", re.IGNORECASE)
    first_frame = 1
    sheets: ClassVar = {
        "code_final": FakeSheet(
            "CAS(ME)^2code_final.xlsx",
            "CASFEcode_final",
            tuple(
                ("", what)
                for what in (
                    "subject",
                    "clip",
                    "onset",
                    "apex",
                    "offset",
                    "action_units",
                    "emotion",
                    "kind",
                    "self_report",
                )
            ),
            numbers=("subject", "onset", "apex", "offset", "action_units"),
            header=False,
        ),
    }
    layouts: ClassVar = {
        "raw": Layout("rawpic/{subject}/{clip}", "img{n:03d}.jpg", whole=True, first=1),
        "raw, cropped": Layout("rawpic_crop/{subject}/{clip}", "img{n:03d}.jpg", whole=True, first=1),
        "cropped": Layout("cropped/{subject}/{name}", "img{n}.jpg", first=1),
    }

    def refuses(self, table: Table) -> str:
        if self.beside_only(table):
            return ""
        rows = [cells for cells in table.cells if any(cells)]
        ours = [cells for cells in rows if len(cells) >= _WIDTH and cells[7].casefold() in _KINDS]
        if rows and 2 * len(ours) > len(rows):
            return ""
        return "no row has 'micro-expression' or 'macro-expression' in its eighth column" if not ours else "few rows do"

    def beside_only(self, table: Table) -> str:
        return "only the naming rules" if _folders(table) or _codes(table) else ""

    def chosen(self, tables: Sequence[Table]) -> tuple[Table, ...]:
        """The codes, and the two naming rules, of the same file where it has them."""
        rules = [table for table in tables if self.beside_only(table)]
        codes = [table for table in tables if table not in rules]
        rules.sort(key=lambda table: table.file != codes[0].file)
        rule1, rule2 = (next(filter(which, rules), None) for which in (_folders, _codes))
        return tuple(table for table in (codes[0], rule1, rule2) if table)

    def entries(self, source: Source) -> Iterable[Entry | Flag]:
        codes, *rules = source.tables
        folders = {number: name for table in rules for number, name in _folders(table).items()}
        videos = {name: code for table in rules for name, code in _codes(table).items()}
        for number, (what, rule) in enumerate(((folders, "people's folders"), (videos, "videos' folders")), 1):
            if not what:
                detail = f"the sheet 'naming rule{number}' with the {rule} is not there; the release's names are taken"
                yield Flag(codes.file.name, 0, "naming rule missing", detail)
        folders = folders or {number: f"s{folder}" for number, folder in _FOLDERS.items()}
        videos = videos or {name: folder[:4] for name, folder in _VIDEOS.items()}
        for number, cells in enumerate(codes.cells, 1):
            if any(cells):
                yield _entry(number, cells, folders, videos)

    def places(self, entry: Entry) -> Sequence[tuple[str, ...]]:
        # What follows the four digits is spelled in several ways, one of them a misprint.
        digits = re.match(r"\d+_\d{4}", entry.recording)
        return [(entry.subject, f"{digits[0]}*" if digits else entry.recording), (entry.subject, entry.name)]

    def fake_rows(self, version: str, rng: np.random.Generator) -> list[FakeRow]:
        return _fake_rows(rng)

    def write_beside(
        self, root: Path, version: str, rows: Sequence[FakeRow], rng: np.random.Generator
    ) -> tuple[Table, ...]:
        file = root / self.sheets[version].file
        rule1 = [(folder, f"s{folder}", number) for number, folder in _FOLDERS.items()]
        rule2 = [(folder[:4], name) for name, folder in _VIDEOS.items()]
        add_sheets(file, {"naming rule1": rule1, "naming rule2": rule2})
        return read_tables(file)[1:]


def _entry(number: int, cells: Sequence[str], folders: Mapping[int, str], videos: Mapping[str, str]) -> Entry | Flag:
    """What a row says of its clip; a flag where it names none."""
    subject, name, onset, apex, offset, units, emotion, kind = (*cells, *[""] * _WIDTH)[:_WIDTH]
    folder, video = folders.get(whole(subject) or 0), _VIDEO.fullmatch(name)
    if folder is None or video is None or kind.casefold() not in _KINDS:
        what = f"subject {subject!r}, name {name!r}, type {kind!r}"
        text = folder is None and video is None and whole(onset) is None
        return Flag(f"row {number}", number, TEXT if text else "row names no clip", what)
    code = videos.get(video[1].casefold(), video[1])
    film = next((film for film in _VIDEOS.values() if film.startswith(code)), code)
    odd: tuple[Odd, ...] = ()
    if whole(offset) == 0 and (whole(apex) or 0) > 0 and _KINDS[kind.casefold()] == "macro":
        odd = (("macro-expression without an offset", f"offset {offset!r}; the apex {apex} is taken"),)
        offset = apex
    return Entry(
        subject=folder,
        name=name,
        onset=onset,
        apex=apex,
        offset=offset,
        emotion=emotion,
        action_units=units,
        recording=f"{folder.lstrip('s')}_{film}",
        kind=_KINDS[kind.casefold()],
        row=number,
        odd=odd,
    )


def _folders(table: Table) -> dict[int, str]:
    """The sheet's number of each person → their folder, where a table is naming rule 1; else nothing."""
    rows = [cells[:3] for cells in table.cells if any(cells)]
    ours = {number: cells[1] for cells in rows if len(cells) == 3 and (number := whole(cells[2])) is not None}
    is_rule = len(ours) == len(rows) and all(re.fullmatch(r"s\d+", folder) for folder in ours.values())
    return ours if is_rule else {}


def _codes(table: Table) -> dict[str, str]:
    """A video's name → the four digits of its folder, where a table is naming rule 2; else nothing."""
    rows = [cells[:2] for cells in table.cells if any(cells)]
    ours = {
        cells[1].casefold(): f"{whole(cells[0]) or 0:04d}" for cells in rows if len(cells) == 2 and not any(cells[2:])
    }
    is_rule = len(ours) == len(rows) and all(re.fullmatch(r"[a-z]+\d", name) for name in ours)
    return ours if is_rule else {}


_MACRO = {"positive": 116, "negative": 105, "others": 63, "surprise": 16}
_MICRO = {"negative": 21, "others": 19, "surprise": 9, "positive": 8}
# Clips of each person with micro-expressions, and the videos that they are in: 57 in 33.
_MICRO_OF = {
    1: (2, 2), 2: (8, 4), 3: (1, 1), 7: (3, 2), 8: (8, 3), 9: (4, 3), 11: (11, 4),
    12: (1, 1), 13: (2, 2), 14: (6, 3), 15: (6, 3), 18: (2, 2), 20: (2, 2), 21: (1, 1),
}  # fmt: skip
# Macro-expressions whose numbers cannot be true: person, video and number in it, frames.
_ODD = (
    (11, "disgust1", 5, (1221, 1230, 1224), "negative"),
    (14, "happy2", 1, (2169, 2203, 2202), "positive"),
    (15, "anger1", 12, (2407, 2455, 2451), "negative"),
    (17, "anger1", 1, (1763, 0, 1787), "negative"),
)
_PAIRS, _NO_OFFSET = 95, 44
_REPORTED_MACRO = {
    "happiness": 131, "disgust": 58, "anger": 47, "surprise": 26, "fear": 17, "sadness": 8,
    "helpless": 4, "pain": 3, "confused": 3, "sympathy": 2, "happyiness": 1,
}  # fmt: skip
_REPORTED_MICRO = {
    "happiness": 15, "disgust": 16, "anger": 8, "surprise": 10, "fear": 4, "sadness": 1, "helpless": 1, "pain": 2,
}  # fmt: skip
_MICRO_UNITS = {4: 20, 2: 12, 1: 10, 12: 7, 6: 7, 7: 6, 45: 6, 24: 4}


def _fake_rows(rng: np.random.Generator) -> list[FakeRow]:
    """57 micro- and 300 macro-expressions of 22 people in 95 videos, invented but for the counts and the odd rows."""
    videos = _fake_videos()
    taken = defaultdict(set, {(person, video): {number} for person, video, number, _, _ in _ODD})
    micro = [
        (person, videos[person][i % of]) for person, (count, of) in _MICRO_OF.items() for i in range(count)
    ]  # in the first videos of a person
    pairs = [(person, video) for person, of in videos.items() for video in of]
    macro = [pairs[i % len(pairs)] for i in range(sum(_MACRO.values()) - len(_ODD))]
    left = _MACRO | {e: _MACRO[e] - sum(odd[4] == e for odd in _ODD) for e in ("negative", "positive")}
    units = [*("+".join(map(str, u)) for u in deal_units(_MICRO_UNITS, 54, rng)), "NULL", "null", "null"]
    some = ["12", "6+12", "10or11", "4,24,6+12+15", "4+7", "39", "74", "80", "L14"]
    rows = [
        fake_row(str(person), f"{video}_{number}", emotion, frames, "4", kind="macro-expression", self_report="anger")
        for person, video, number, frames, emotion in _ODD
    ]
    for kind, places, emotions, reported, said in (
        ("micro", micro, _shuffled(_MICRO, rng), _shuffled(_REPORTED_MICRO, rng), rng.permutation(units).tolist()),
        (
            "macro",
            macro,
            _shuffled(left, rng),
            _shuffled(_REPORTED_MACRO | {"anger": _REPORTED_MACRO["anger"] - len(_ODD)}, rng),
            ["NULL"] * 3 + ["null"] * 5 + rng.choice(some, len(macro) - 8).tolist(),
        ),
    ):
        for i, (person, video) in enumerate(places):
            number = min(set(range(1, 99)) - taken[person, video])
            taken[person, video].add(number)
            onset = 90 * number + int(rng.integers(0, 20))
            length = int(rng.integers(9, 18)) if kind == "micro" else int(rng.integers(18, 60))
            apex = onset + int(rng.integers(3, length - 2))
            no_offset = kind == "macro" and i < _NO_OFFSET
            offset = 0 if no_offset else onset + length - 1
            frames = (onset, apex, offset)
            own = {"kind": f"{kind}-expression", "self_report": reported[i]}
            rows.append(fake_row(str(person), f"{video}_{number}", emotions[i], frames, said[i], **own))
    return sorted(rows, key=lambda row: (int(row.subject), row.clip))


def _fake_videos() -> dict[int, list[str]]:
    """The videos of each person, 95 in all, those of the odd rows among them."""
    codes = list(_VIDEOS)
    each, more = divmod(_PAIRS, len(_FOLDERS))
    videos = {}
    for person in _FOLDERS:
        needed = [video for odd, video, *_ in _ODD if odd == person]
        others = [codes[(person + 2 * i) % len(codes)] for i in range(len(codes))]
        videos[person] = [*needed, *(code for code in others if code not in needed)][: each + (person <= more)]
    return videos


def _shuffled(counts: Mapping[str, int], rng: np.random.Generator) -> list[str]:
    named: list[str] = rng.permutation([name for name, count in counts.items() for _ in range(count)]).tolist()
    return named
