"""`tsfmicro audit`: what a finished run's folder proves about its scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tsfmicro.app.arguments import AsJson


def audit(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")],
    as_json: AsJson = False,
) -> None:
    """Check a finished run: who was on which side, what was learned from, and whether the scores are what the logits give."""
    from tsfmicro.reading.audit import audit as do

    found = do(run)
    print(json.dumps(found.to_dict(), indent=1) if as_json else "\n".join(found.lines()))
    if not found.passed:
        raise typer.Exit(1)
