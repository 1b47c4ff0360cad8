"""The mark of a folder that holds people who never lived, and what they are called."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

MANIFEST = "generated.json"
DRAWN = "drawn"


def is_generated(root: Path) -> bool:
    """Whether a dataset's folder holds generated people, or what was made of them."""
    return (root / MANIFEST).exists()


def cast_of(root: Path) -> str | None:
    """Whose people a dataset's folder holds: 'drawn-7' for those of seed 7, 'drawn' where the seed is not written down;
    None for people who live."""
    if not is_generated(root):
        return None
    try:
        return drawn_with(int(json.loads((root / MANIFEST).read_text(encoding="utf-8"))["seed"]))
    except (OSError, ValueError, LookupError, TypeError):
        return DRAWN


def drawn_with(seed: int) -> str:
    """What all people of a seed are called together."""
    return f"{DRAWN}-{seed}"


def has_seen(seen: Iterable[str], person: str) -> bool:
    """Whether a person is among those that were seen.

    Args:
        seen: people, as 'casme2/sub04' or 'drawn-7/sub04', and groups of which everybody was seen, as 'casme2', 'drawn-7' or
            'drawn', which is every drawn person.
        person: as 'casme2/sub04' or 'drawn-7/sub04'.
    """
    group = person.partition("/")[0]
    known = {person, group} | ({DRAWN} if group.startswith(f"{DRAWN}-") else set())
    strangers = group == DRAWN  # of a seed that nobody wrote down: it may be any
    return any(one in known or (strangers and one.partition("/")[0].startswith(DRAWN)) for one in seen)
