"""The benchmarks of a checkout, all of them as one table of ratios. benchmarks/__init__.py says what a benchmark is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import tsfmicro
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.run.environment import environment
from tsfmicro.run.watch import Watch
from tsfmicro.workers import cores

CHECKOUT = Path(tsfmicro.__file__).parents[2]


@dataclass(frozen=True)
class Ratio:
    """One line of the table: `benchmarks.shared.Row`, and which benchmark it comes from.

    Attributes:
        ours, reference: medians, in `unit`; less is better.
        ratio: reference / ours; low, high: its range over the rounds.
    """

    benchmark: str
    what: str
    unit: str
    ours: float
    reference: float
    ratio: float
    low: float
    high: float


@dataclass(frozen=True)
class Bench:
    """All ratios, where they were measured, and what could not be: (benchmark, why)."""

    ratios: tuple[Ratio, ...]
    environment: dict[str, Any]
    failed: tuple[tuple[str, str], ...]

    def table(self) -> tuple[list[str], list[list[str]]]:
        headings = ["benchmark", "what", "ours", "reference", "unit", "ratio", "range"]
        rows = [
            [
                r.benchmark,
                r.what,
                _short(r.ours),
                _short(r.reference),
                r.unit,
                f"{r.ratio:.2f}",
                f"{r.low:.2f}–{r.high:.2f}",
            ]
            for r in self.ratios
        ]
        return headings, rows

    def machine(self) -> str:
        """Processor and versions, one line."""
        e = self.environment
        versions = ", ".join(f"{name} {number}" for name, number in e["packages"].items())
        return f"{e['processor']}, {e['cores']} cores, {e['system']}; Python {e['python']}, {versions}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def bench(only: Sequence[str] = (), watch: Watch | None = None, checkout: Path = CHECKOUT) -> Bench:
    """Run benchmarks one after the other, each in a fresh process; one that fails does not keep the others from running.

    Args: only: their names; by default all.
    Raises:
        ConfigError: the benchmarks are not there, since tsfmicro was installed without its checkout.
        UnknownNameError: no such benchmark.
    """
    watch = watch or Watch()
    names = benchmarks(checkout)
    for name in only:
        if name not in names:
            raise UnknownNameError("benchmark", name, names)
    chosen = [name for name in names if not only or name in only]
    ratios: list[Ratio] = []
    failed: list[tuple[str, str]] = []
    for done, name in enumerate(chosen):
        watch.progress("benchmarks", done, len(chosen), name)
        try:
            ratios += _rows(name, checkout)
        except _Failed as why:
            failed.append((name, str(why)))
            watch.note(f"{name}: {why}")
    watch.progress("benchmarks", len(chosen), len(chosen))
    machine = environment("cpu", threads=cores())
    return Bench(tuple(ratios), machine | {"packages": machine["packages"] | _versions()}, tuple(failed))


def benchmarks(checkout: Path = CHECKOUT) -> list[str]:
    """Names of the benchmarks that give rows. Raises ConfigError: the folder is not there."""
    files = sorted((checkout / "benchmarks").glob("*.py"))
    if not files:
        raise ConfigError(
            "the benchmarks are not installed with the package. Run `tsfmicro bench` from a checkout: pip install -e CHECKOUT."
        )
    return [file.stem for file in files if re.search(r"^def rows\(", file.read_text(encoding="utf-8"), re.MULTILINE)]


class _Failed(Exception):
    """A benchmark ended without rows; the message is its last line."""


def _rows(name: str, checkout: Path) -> list[Ratio]:
    done = subprocess.run(
        [sys.executable, "-m", f"benchmarks.{name}", "--json"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    said = done.stdout.strip().splitlines()
    if done.returncode or not said:
        raise _Failed((done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    try:
        return [Ratio(name, **row) for row in json.loads(said[-1])]
    except (ValueError, TypeError) as problem:
        raise _Failed(f"its rows cannot be read ({problem})") from None


def _short(value: float) -> str:
    """0.12, 1.23, 12.3, 123."""
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f}"


def _versions() -> dict[str, str]:
    """Of the runtimes that are installed."""
    found = {}
    for package in ("onnxruntime", "openvino"):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
