"""Ways in which a file on somebody's disk can be wrong."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path, random.Random], None]

TEXT = {".json", ".yaml", ".csv", ".txt", ".eaf", ".textgrid", ".jsonl"}
ODD = (
    "",
    " ",
    "-1",
    "0",
    "nan",
    "inf",
    "1e999",
    "9" * 40,
    "\u202e\u0000x",
    "../../etc/passwd",
    "=1+1",
    "é" * 300,
    "null",
    "[]",
    "{}",
    "'",
)
VALUES = (None, True, -1, 0, 1e308, float("nan"), "", "x" * 5000, [], {}, [[]], {"a": {}}, "../..", "\u0000", 2**70)


def cut_off(file: Path, dice: random.Random) -> None:
    """As after a full disk."""
    whole = file.read_bytes()
    file.write_bytes(whole[: dice.randrange(len(whole)) if whole else 0])


def emptied(file: Path, dice: random.Random) -> None:
    file.write_bytes(b"")


def gone(file: Path, dice: random.Random) -> None:
    file.unlink()


def a_folder(file: Path, dice: random.Random) -> None:
    file.unlink()
    file.mkdir()


def bytes_flipped(file: Path, dice: random.Random) -> None:
    """As from a bad cable."""
    whole = bytearray(file.read_bytes())
    for _ in range(dice.choice((1, 1, 3, 30))):
        if whole:
            whole[dice.randrange(len(whole))] ^= 1 << dice.randrange(8)
    file.write_bytes(whole)


def zeros_within(file: Path, dice: random.Random) -> None:
    """As after a crash, when a file's length was written and its blocks were not."""
    whole = bytearray(file.read_bytes())
    start = dice.randrange(max(1, len(whole)))
    end = min(len(whole), start + dice.choice((16, 512, 4096)))
    whole[start:end] = bytes(end - start)
    file.write_bytes(whole)


def something_else(file: Path, dice: random.Random) -> None:
    """Another kind of file under that name."""
    file.write_bytes(
        dice.choice(
            (
                b"\x89PNG\r\n\x1a\n" + bytes(40),
                b"PK\x03\x04" + bytes(40),
                b"<html></html>",
                b"\xff\xfe\x00\x00",
                b"{",
                b"[1",
                b"%PDF-1.4",
            )
        )
    )


def a_link_to_itself(file: Path, dice: random.Random) -> None:
    file.unlink()
    file.symlink_to(file.name)


def text_replaced(file: Path, dice: random.Random) -> None:
    """A cell, number or word that should not be there."""
    text = file.read_text(encoding="utf-8", errors="replace")
    words = [m.span() for m in re.finditer(r"[\w.+-]+", text)]
    if words:
        start, end = dice.choice(words)
        text = text[:start] + dice.choice(ODD) + text[end:]
    file.write_text(text, encoding="utf-8")


def a_line_less_or_twice(file: Path, dice: random.Random) -> None:
    lines = file.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
    if lines:
        n = dice.randrange(len(lines))
        lines[n : n + 1] = dice.choice(([], [lines[n]] * 2))
    file.write_text("".join(lines), encoding="utf-8")


def another_encoding(file: Path, dice: random.Random) -> None:
    text = file.read_text(encoding="utf-8", errors="replace")
    file.write_bytes(text.encode(dice.choice(("utf-16", "utf-8-sig", "utf-32", "cp500")), errors="replace"))


def json_changed(file: Path, dice: random.Random) -> None:
    """A value of another kind somewhere, a key missing or new."""
    try:
        whole = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return text_replaced(file, dice)
    places: list[tuple[dict | list, str | int]] = []

    def walk(at: object) -> None:
        for key, value in at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ():
            places.append((at, key))  # type: ignore[arg-type]
            walk(value)

    walk(whole)
    if places:
        at, key = dice.choice(places)
        if dice.random() < 0.2:
            del at[key]  # type: ignore[arg-type]
        else:
            at[key] = dice.choice(VALUES)  # type: ignore[index]
    file.write_text(json.dumps(whole), encoding="utf-8")
    return None


BYTES: tuple[Damage, ...] = (
    cut_off,
    emptied,
    gone,
    a_folder,
    bytes_flipped,
    zeros_within,
    something_else,
    a_link_to_itself,
)
WORDS: tuple[Damage, ...] = (text_replaced, a_line_less_or_twice, another_encoding)


BY_HAND = {way.__name__ for way in (*WORDS, json_changed)}
"""What somebody might have meant: a file of text that still reads as one."""


def damage(file: Path, dice: random.Random) -> str:
    """Spoil a file; says how."""
    ways = BYTES
    if file.suffix.lower() in TEXT:
        ways += WORDS + ((json_changed,) * 3 if file.suffix == ".json" else ())
    way = dice.choice(ways)
    way(file, dice)
    return way.__name__
