"""Action units as the sheets write them: '15A+17', '(R6 or R12)+R15', 'ref(7B)+43', 'R14+17+soft focus', '1,2，4(k)', 'null'."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tsfmicro.types import ActionUnit, ActionUnits

_UNIT = re.compile(
    r"""(?: (?<![a-z]) (?P<side>[lratb]) \s? )?    # not the last letter of a word, as in 'or12'
        (?<![0-9.]) (?P<number>[0-9]{1,2}) (?![0-9])
        (?P<intensity>[a-e](?![a-z]))?""",
    re.IGNORECASE | re.VERBOSE,
)
# One of several, asked, only referred to, or static: (k).
_DOUBT = re.compile(r"or|\?|ref|\(k\)|/\s*[lratb]?[0-9]", re.IGNORECASE)


def parse_action_units(text: str) -> ActionUnits:
    """Action units of one cell. Never raises: what is no unit is left out, and the text is kept as it was.

    A unit is certain unless its term says otherwise: 'or', '?', 'ref(…)', or '(k)', which marks a static one.
    """
    units = tuple(
        ActionUnit(
            number=int(unit["number"]),
            side=(unit["side"] or "").upper(),
            intensity=(unit["intensity"] or "").upper(),
            certain=not _DOUBT.search(term),
        )
        for term in _terms(text)
        for unit in _UNIT.finditer(term)
    )
    return ActionUnits(text, units)


def _terms(text: str) -> Iterator[str]:
    """What stands between the plus signs and commas, brackets kept whole."""
    depth = start = 0
    for i, letter in enumerate(text):
        if letter == "(":
            depth += 1
        elif letter == ")":
            depth = max(0, depth - 1)
        elif letter in "+,，、;" and depth == 0:
            yield text[start:i]
            start = i + 1
    yield text[start:]
