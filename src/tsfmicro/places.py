"""Where things lie when nobody says where."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

VARIABLE = "TSFMICRO_CACHE"
CACHE = user_cache_path("tsfmicro", appauthor=False)
OLD_CACHE = Path("~/.cache/tsfmicro")  # on every system, once


def cache_folder(given: Path) -> Path:
    """The folder that was given; for the default one the older default, where that is there."""
    old = OLD_CACHE.expanduser()
    return old if given == CACHE and old.exists() else given.expanduser()


def usual_cache() -> Path:
    """Where prepared faces are kept: what the variable TSFMICRO_CACHE says, or where the system keeps caches."""
    return cache_folder(Path(os.environ.get(VARIABLE) or CACHE))
