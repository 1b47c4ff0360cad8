"""The main sheet of CAS(ME)³, part A: every expression of its videos, and how a fake of it is written."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import numpy as np

from tsfmicro.data.entries import Entry
from tsfmicro.data.fake import FakeRow, add_sheets
from tsfmicro.data.sheets import COLUMNS, Row, Table, read_tables

FILE = "CAS(ME)3_part_A_v2.xls"
MAIN_COLUMNS = {name: heads for name, heads in COLUMNS.items() if name != "emotion"} | {"kind": ("expressiontype",)}
_HEAD = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Expression type", "Objective class")
_PEOPLE, _VIDEOS, _MICRO, _MACRO = 98, 956, 860, 3346
_BLINKS, _BLINKERS = 841, 13

# Micro-expressions that the other sheet has wrong: subject, video and onset there; onset, apex and offset here.
_RIGHT = {
    ("spNO.149", "d", "112"): ("112", "160", "358"),
    ("spNO.216", "d", "3647"): ("2647", "2668", "2694"),
    ("spNO.40", "e", "1812"): ("1812", "1824", "1845"),
    ("spNO.40", "e", "2327"): ("2327", "2363", "2403"),
}
_ODD = ("spNO.215", "l", "0", "357", "750")  # a macro-expression that begins before the first frame, which is number 1


def main_entry(subject: str | None, name: str, row: Row) -> Entry | str:
    """What a row says, or why it names no expression. Args: subject, name: as clip ids have them."""
    kind = row["kind"].casefold()
    if subject is None or not row["clip"] or not kind.startswith(("micro", "macro")):
        return f"subject {row['subject']!r}, filename {row['clip']!r}, expression type {row['kind']!r}"
    return Entry(
        subject,
        name,
        row["onset"],
        row["apex"],
        row["offset"],
        action_units=row["action_units"],
        recording=row["clip"],
        kind="micro" if kind.startswith("micro") else "macro",
    )


def write_main_sheet(root: Path, micro: Sequence[FakeRow], rng: np.random.Generator) -> tuple[Table, ...]:
    """4206 rows: the micro-expressions, right where their own sheet is wrong, and 3346 macro-expressions of 98 people. Fewer of
    all where there are fewer micro-expressions."""
    share = len(micro) / _MICRO
    rows = []
    for row in micro:
        frames = _RIGHT.get((row.subject, row.clip, row.onset), (row.onset, row.apex, row.offset))
        rows.append((row.subject, row.clip, *frames, row.action_units, "Micro-expression", "IV"))
    videos = sorted({(row.subject, row.clip) for row in micro} | {_ODD[:2]})
    people = {person for person, _ in videos}
    people |= set(
        [f"spNO.{n}" for n in range(1, 218) if f"spNO.{n}" not in people][
            : max(0, round(_PEOPLE * share) - len(people))
        ]
    )
    lower = {(person, video.casefold()) for person, video in videos}
    more = [(p, v) for v in "abcdefghijklm" for p in sorted(people) if (p, v) not in lower]
    videos += more[: max(0, round(_VIDEOS * share) - len(videos))]
    for i, (person, video) in enumerate(islice(cycle(videos), round(_MACRO * share) - 1)):
        onset = 10_000 + 200 * (i // len(videos)) + int(rng.integers(0, 20))
        apex, offset = onset + int(rng.integers(5, 30)), onset + int(rng.integers(30, 90))
        rows.append((person, video, str(onset), str(apex), str(offset), "4+7", "Macro-expression", "VII"))
    rows.append((*_ODD, "12", "Macro-expression", "III"))
    blinkers = sorted(people)[:_BLINKERS]
    blinks = [(blinkers[i % _BLINKERS], "a", str(10 * i + 10), str(10 * i + 14)) for i in range(_BLINKS)]
    blink_head = ("Subject", "Filename", "Onset", "Offset")
    add_sheets(root / FILE, {"AU+Emotion": [_HEAD, *rows], "eye blink": [blink_head, *blinks]})
    return read_tables(root / FILE)[:1]
