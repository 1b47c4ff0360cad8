"""What the benchmarks share: rows of the table, fresh processes that take turns, the shortest of many steps."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

Case = TypeVar("Case")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        what: was measured.
        unit: of ours and reference, e.g. 'ms'; less is better.
        ours, reference: medians.
        ratio: reference / ours; low, high: its range over the rounds.
    """

    what: str
    unit: str
    ours: float
    reference: float
    ratio: float
    low: float
    high: float


def compared(what: str, unit: str, ours: Sequence[float], reference: Sequence[float]) -> Row:
    """A row from times of ours and of the reference, one of each per round."""
    ratios = [theirs / mine for mine, theirs in zip(ours, reference, strict=True)]
    mine, theirs = statistics.median(ours), statistics.median(reference)
    return Row(what, unit, mine, theirs, theirs / mine, min(ratios), max(ratios))


def program(rows: Callable[[], list[Row]]) -> None:
    """What `python -m benchmarks.NAME` does: the rows as lines, or as JSON with --json."""
    if "--json" in sys.argv[1:]:
        print_json(rows())
        return
    for row in rows():
        print(
            f"{row.what}: {row.ours:.4g} {row.unit}, reference {row.reference:.4g} {row.unit}, "
            f"{row.ratio:.2f}× ({row.low:.2f}–{row.high:.2f})"
        )


def print_json(rows: Sequence[Row]) -> None:
    print(json.dumps([asdict(row) for row in rows]))


def best_of(step: Callable[[], object], seconds: float) -> float:
    """The shortest step in about so many seconds, after one that warms up; seconds."""
    step()
    times: list[float] = []
    while len(times) < 3 or sum(times) < seconds:
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return min(times)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_fresh_process(module: str, *words: object) -> Any:
    """What `python -m module words` prints, as JSON."""
    done = subprocess.run([sys.executable, "-m", module, *map(str, words)], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def alternate(cases: Sequence[Case], measure: Callable[[Case], Any], rounds: int) -> dict[Case, list[Any]]:
    """Each case measured `rounds` times, all of them in turn, so that all meet the same machine."""
    results: dict[Case, list[Any]] = {case: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            results[case].append(measure(case))
    return results
