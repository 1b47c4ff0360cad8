"""What a start gives, on several sets of people: the table of docs/pretraining-results.md.

    python -m benchmarks.starts OUT faces=FOLDER drawn-101=FOLDER drawn-102=FOLDER [--only PATTERN …] [--study NAME]

Each folder is in CASME II's layout. The shipped study starts-study, or another one, runs on each, and goes on where it was stopped;
what is finished is in the table. --only: runs of such names, e.g. 'ststnet-*'.
"""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path

from tsfmicro.app.screens import Screen
from tsfmicro.files import markdown_text
from tsfmicro.places import usual_cache
from tsfmicro.study.study import Row, study

HEADS = [
    "people",
    "network",
    "from scratch",
    "started",
    "linear floor",
    "started − scratch",
    "p",
    "started − linear",
    "p",
]


def lines(name: str, rows: dict[str, Row]) -> Iterator[list[str]]:
    """A line for each network that was trained from scratch; its cells of a start are empty where none was asked."""
    for run, scratch in rows.items():
        system = run.removesuffix("-scratch")
        if system == run or scratch.summary is None:
            continue
        started = rows.get(f"{system}-started")
        begun = started.summary if started else None
        versus = started.versus if started else None
        gains = [of["uf1"] if of else None for of in (versus, begun.versus_linear if begun else None)]
        tests = [cell for g in gains for cell in ([f"{g.interval:+}", g.shown_p] if g else ["", ""])]
        reached = [str(scratch.summary.model.uf1), str(begun.model.uf1) if begun else ""]
        yield [name, system, *reached, str(scratch.summary.floors["linear"].uf1), *tests]


def main() -> None:
    parser = ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("sets", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--study", default="starts-study")
    given = parser.parse_args()
    rows = []
    with Screen() as screen:
        for name, _, root in (one.partition("=") for one in given.sets):
            roots = {"casme2": Path(root)}
            cache = usual_cache()
            table = study(given.study, roots, given.out / name, cache, only=given.only, device="cpu", watch=screen)
            rows += lines(name, {row.member.name: row for row in table.rows})
    print(markdown_text(HEADS, rows))


if __name__ == "__main__":
    main()
