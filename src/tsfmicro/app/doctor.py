"""`tsfmicro doctor`: does everything work here?"""

from __future__ import annotations

import json
import sys

import typer

from tsfmicro.app.arguments import AsJson, Cache
from tsfmicro.places import CACHE


def doctor(cache: Cache = CACHE, as_json: AsJson = False) -> None:
    """What is here, what is missing and which extra brings it, how fast this machine is, and where the cache lies."""
    from tsfmicro.about.doctor import doctor as do

    print("looking at what is here and measuring its speed: some seconds", file=sys.stderr)
    found = do(cache)
    print(json.dumps(found.to_dict(), indent=1) if as_json else "\n".join(found.lines()))
    if not found.well:
        raise typer.Exit(1)
