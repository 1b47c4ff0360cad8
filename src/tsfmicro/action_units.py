"""Action units as the sheets write them: '15A+17', '(R6 or R12)+R15', 'ref(7B)+43', 'AUR2+12(k)', 'LAD39', '12L', '7(B/C)', 'null'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from tsfmicro.types import ActionUnit, ActionUnits

# AU, AD (a descriptor, e.g. of the jaw) and M (of the head) are words for what the number says already.
_UNIT = re.compile(
    r"""(?: (?<![a-z])                             # not the last letter of a word, as in 'or12'
            (?:au|ad|m)? \s? (?P<side>[lratb])? (?:au|ad|m)? \s? )?
        (?<![0-9.]) (?P<number>[0-9]{1,2}) (?! [0-9] | \s?x\b )    # '2x' says how often
        (?: (?P<intensity>[a-e])(?![a-z])
          | \( (?P<bracketed>[a-e]) (?: \s?/\s?[a-e] )? \)        # of a range, the lower one
          | (?P<behind>[lr])(?![a-z0-9]) )?""",
    re.IGNORECASE | re.VERBOSE,
)
_LOST = re.compile(r"loses[^)]*", re.IGNORECASE)
_STATIC = re.compile(r"\s*\(k\)", re.IGNORECASE)  # behind it
# One of several, asked, only referred to, lost, or static.
_DOUBT = re.compile(r"or|\?|ref|loses|\(k\)|/\s*[lratb]?[0-9]", re.IGNORECASE)


@lru_cache(1 << 14)  # cells repeat
def parse_action_units(text: str) -> ActionUnits:
    """Action units of one cell. Never raises: what is no unit is left out, and the text is kept as it was.

    A unit is certain unless its term says otherwise: 'or', '?', 'ref(…)', 'loses', or '(k)', which marks a static one. Lost and static
    ones do not move.
    """
    units = tuple(
        ActionUnit(
            number=int(unit["number"]),
            side=(unit["side"] or unit["behind"] or "").upper(),
            intensity=(unit["intensity"] or unit["bracketed"] or "").upper(),
            certain=not _DOUBT.search(term),
            moves=not _STATIC.match(term, unit.end())
            and not any(lost.start() < unit.start() < lost.end() for lost in _LOST.finditer(term)),
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
