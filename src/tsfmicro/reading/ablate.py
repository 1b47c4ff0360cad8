"""`tsfmicro run … --ablate start`: the same folds once more without the start, and what the start gave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tsfmicro.config import RunConfig
from tsfmicro.errors import ConfigError
from tsfmicro.files import write_whole
from tsfmicro.reading.compare import Comparison, compare
from tsfmicro.run.watch import Watch

if TYPE_CHECKING:
    from tsfmicro.run.here import Machines

PARTS = ("start",)
WITHOUT, FILE = "without-start", "ablation.json"


def check_ablation(part: str | None, config: RunConfig) -> None:
    """Told before anything is trained. Raises ConfigError: it cannot be left out of this run."""
    if part is not None and part not in PARTS:
        raise ConfigError(f"--ablate {part}: can be {' or '.join(PARTS)}.")
    if part is not None and config.train.start is None:
        raise ConfigError("--ablate start: this run begins with no start. Set train.start, or leave --ablate out.")


def without_start(config: RunConfig) -> RunConfig:
    """The same settings from new weights, of which all learn alike."""
    plain = config.train.model_copy(update={"start": None, "start_rates": 1.0, "start_answers": False, "frozen": ()})
    return config.model_copy(update={"train": plain})


def ablate_start(
    out: Path,
    config: RunConfig,
    roots: Mapping[str, Path],
    cache: Path,
    device: str,
    workers: int | None,
    watch: Watch,
    machines: Machines | None = None,
) -> Comparison:
    """Train the folds of a finished run from scratch in <out>/without-start, and compare; stored in <out>/ablation.json.

    Args: out: the run with its start; the others as of `run`.
    Returns: A is the run with its start, B the one without.
    """
    from tsfmicro.run.experiment import run

    run(without_start(config), roots, out / WITHOUT, cache, device, workers, watch, machines=machines)
    found = compare(out, str(out / WITHOUT))
    write_whole(out / FILE, json.dumps(plain_gain(found, config), indent=1))
    return found


def plain_gain(found: Comparison, config: RunConfig) -> dict[str, Any]:
    """What ablation.json holds. Args: config: of the run with its start."""
    return {"ablated": "start", "start": config.train.start, **found.to_dict()}
