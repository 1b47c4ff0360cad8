"""What was changed in a project, a line each in a file that only grows: a kill loses nothing, and everything can be undone."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Key = tuple[str, str]
"""A kind of thing (moment, video, file of a video, person, setting), and which one."""

Value = Mapping[str, Any] | None
"""What is known of a thing; None where it is not, or not any more, there."""

_KINDS = ("moment", "video", "file", "person", "setting")


@dataclass(frozen=True)
class Change:
    """Something that a coder did.

    Attributes:
        number: from 1, of its line. at: when, in UTC. coder: who; what: in words.
        now, before: each thing that it touched as it was after and before.
        undoable: whether undoing reaches it. What the program learns, such as a video's length, is no coder's doing.
    """

    number: int
    at: str
    coder: str
    what: str
    now: Mapping[Key, Value]
    before: Mapping[Key, Value]
    undoable: bool = True

    def record(self) -> dict[str, Any]:
        """As a line."""
        plain = {name: [[*key, value] for key, value in of.items()] for name, of in _sides(self)}
        more = {} if self.undoable else {"undoable": False}
        return {"n": self.number, "at": self.at, "coder": self.coder, "what": self.what, **plain, **more}


def _sides(change: Change) -> tuple[tuple[str, Mapping[Key, Value]], ...]:
    return ("now", change.now), ("before", change.before)


@dataclass
class History:
    """All changes, and what they led to.

    Attributes:
        path: the file; it need not be there yet.
        state: every thing that is there.
        notes: what of the file could not be read, a line each.
        tables: what the project's table was known by after the last two lines.
    """

    path: Path
    state: dict[Key, Mapping[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    number: int = 0
    _done: list[Change] = field(default_factory=list)
    _undone: list[Change] = field(default_factory=list)
    _torn: bool = False  # the file's last line has no end

    @classmethod
    def open(cls, path: Path) -> History:
        """Read a file. A line that is damaged is left out and told; the file stays as it is."""
        history = cls(path)
        content = path.read_bytes() if path.exists() else b""
        history._torn = bool(content) and not content.endswith(b"\n")
        lines = content.split(b"\n")
        damaged = []
        for place, line in enumerate(lines, 1):
            if line.strip() and not history._replayed(line):
                damaged.append(place)
        if history._torn and damaged[-1:] == [len(lines)]:
            damaged.pop()
            history.notes.append("the last change was cut short when the program was ended, and is left out")
        if damaged:
            shown = ", ".join(map(str, damaged[:5])) + (", …" if len(damaged) > 5 else "")
            history.notes.append(
                f"{path.name} is damaged in line {shown}: what stood there is left out, all else is kept"
            )
        return history

    @property
    def undoes(self) -> str:
        """What undoing would undo, in words; empty where there is nothing."""
        return self._done[-1].what if self._done else ""

    @property
    def redoes(self) -> str:
        """What redoing would do again, in words."""
        return self._undone[-1].what if self._undone else ""

    def planned(self, what: str, coder: str, now: Mapping[Key, Value], undoable: bool = True) -> Change:
        """A change of what is there, which is not made yet."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        before = {key: self.state.get(key) for key in now}
        return Change(self.number + 1, at, coder, what, now, before, undoable)

    def undoing(self) -> Change | None:
        """The change that takes back the last one; None where there is nothing to undo."""
        return self._reversed(self._done, "undo")

    def redoing(self) -> Change | None:
        """The change that makes what was undone last again."""
        return self._reversed(self._undone, "redo")

    def _reversed(self, of: list[Change], how: str) -> Change | None:
        if not of:
            return None
        last = of[-1]
        now = last.before if how == "undo" else last.now
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        before = {key: self.state.get(key) for key in now}
        return Change(self.number + 1, at, how, last.what, now, before)

    def after(self, change: Change) -> dict[Key, Mapping[str, Any]]:
        """What would be there after a change."""
        state = dict(self.state)
        _put(state, change.now)
        return state

    def do(self, change: Change, codes: str, how: str = "") -> None:
        """Write a change down, and make it.

        Args: codes: what the table is known by after it; how: 'undo' or 'redo' for a change that `undoing` or `redoing` gave.
        Raises: OSError: it cannot be written; then nothing was changed.
        """
        record = {"n": change.number, "at": change.at, how: 1} if how else change.record()
        line = json.dumps({**record, "codes": codes}, ensure_ascii=False, separators=(",", ":"))
        size = self.path.stat().st_size if self.path.exists() else 0
        try:
            with self.path.open("ab") as stream:
                stream.write((b"\n" if self._torn else b"") + line.encode("utf-8", "replace") + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except OSError:
            with suppress(OSError):  # what of the line is there would come back as a change that nobody saw
                os.truncate(self.path, size)
            raise
        self._torn = False
        self._made(change, codes, how)

    def _made(self, change: Change, codes: str, how: str) -> None:
        _put(self.state, change.now)
        self.number = change.number
        self.tables = [*self.tables[-1:], codes]
        if how == "undo":
            self._undone.append(self._done.pop())
        elif how == "redo":
            self._done.append(self._undone.pop())
        elif change.undoable:
            self._done.append(change)
            self._undone.clear()

    def _replayed(self, line: bytes) -> bool:
        """Make the change of a line; False where it is damaged."""
        try:
            record = json.loads(line)
            how = next((h for h in ("undo", "redo") if h in record), "")
            change = {"undo": self.undoing, "redo": self.redoing, "": lambda: _change(record)}[how]()
            if change is None:
                return False
            self._made(change, str(record.get("codes", "")), how)
            self.number = max(self.number, int(record["n"]))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return False
        return True


def _change(record: Mapping[str, Any]) -> Change:
    now, before = ({(str(k), str(n)): v for k, n, v in _things(record[side])} for side in ("now", "before"))
    at, coder, what = (str(record[name]) for name in ("at", "coder", "what"))
    return Change(int(record["n"]), at, coder, what, now, before, record.get("undoable", True) is True)


def _things(of: Iterable[Any]) -> Iterable[tuple[str, str, Value]]:
    for kind, name, value in of:
        if kind not in _KINDS or not (value is None or isinstance(value, dict)):
            raise ValueError(f"no thing: {kind!r} {name!r}")
        yield kind, name, value


def _put(state: dict[Key, Mapping[str, Any]], now: Mapping[Key, Value]) -> None:
    for key, value in now.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def is_name(text: str) -> bool:
    """Whether a text can name a moment."""
    return re.fullmatch(r"[A-Za-z0-9-]{1,40}", text) is not None
