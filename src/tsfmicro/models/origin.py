"""Where a model comes from, and how far it is the published one: what the zoo's page says of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

Released = Callable[..., Mapping[str, Tensor]]
"""Reads a released checkpoint: `(weights, **options)`, weights by the released program's names → weights by ours."""

Fidelity = Literal["exact", "named", "ours"]
"""exact: the network, or the definition, is held to the released program's numbers; named: an approximation under its own name, which
says so, with sizes that are guessed; ours: a floor, or a variant that no paper has."""


@dataclass(frozen=True)
class Origin:
    """A model's paper and its history.

    Attributes:
        year: of the paper. title, authors, venue: as it is cited.
        source: the program whose numbers it is held to, with its licence, or "" where there is none.
        guessed: what neither paper nor program says, a line each; of an exact model what comes before its network, and its training.
        chosen: how the published score was chosen, e.g. "last epoch" or "test-selected: best epoch of each fold".
        notes: traps, a line each.
    """

    year: int
    title: str
    authors: str
    venue: str
    fidelity: Fidelity = "exact"
    source: str = ""
    guessed: tuple[str, ...] = ()
    chosen: str = ""
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return dict(self.__dict__) | {"guessed": list(self.guessed), "notes": list(self.notes)}


def renamed(
    weights: Mapping[str, Tensor], rules: Iterable[tuple[str, Any]], unused: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """Weights under other names. rules: (pattern, replacement), one after another; unused: how names begin that are left out."""
    rules, kept = tuple(rules), {}
    for name, values in weights.items():
        if name.startswith(unused):
            continue
        for pattern, replacement in rules:
            name = re.sub(pattern, replacement, name)
        kept[name] = values
    return kept
