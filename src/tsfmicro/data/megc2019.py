"""What MEGC2019's composite counts: its classes, and the clips of each dataset and class (See et al., FG 2019)."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES = ("negative", "positive", "surprise")
PUBLISHED: Mapping[str, tuple[int, int, int]] = {
    "casme2": (88, 32, 25),
    "smic": (70, 51, 43),
    "samm": (92, 26, 15),
}
PEOPLE = 68
