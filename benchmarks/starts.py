"""What a start gives, on several sets of people: the table of docs/pretraining.md.

    python -m benchmarks.starts OUT faces=FOLDER drawn-101=FOLDER drawn-102=FOLDER

Each folder is in CASME II's layout. The shipped study starts-study runs on each, and goes on where it was stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from tsfmicro.app.screens import Screen
from tsfmicro.files import markdown_text
from tsfmicro.places import usual_cache
from tsfmicro.study.study import Row, study

STUDY = "starts-study"
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
    for run, started in rows.items():
        system = run.removesuffix("-started")
        scratch = rows.get(f"{system}-scratch")
        if system == run or started.summary is None or scratch is None or scratch.summary is None:
            continue
        cells = [str(row.summary.model.uf1) for row in (scratch, started) if row.summary]
        floor = started.summary.floors["linear"].uf1
        linear = started.summary.versus_linear
        gains = [of["uf1"] if of else None for of in (started.versus, linear)]
        tests = [cell for g in gains for cell in ([f"{g.interval:+}", g.shown_p] if g else ["", ""])]
        yield [name, system, *cells, str(floor), *tests]


def main() -> None:
    out, sets = Path(sys.argv[1]), dict(word.split("=", 1) for word in sys.argv[2:])
    with Screen() as screen:
        tables = {
            name: study(STUDY, {"casme2": Path(root)}, out / name, usual_cache(), device="cpu", watch=screen)
            for name, root in sets.items()
        }
    rows = [
        line for name, table in tables.items() for line in lines(name, {row.member.name: row for row in table.rows})
    ]
    print(markdown_text(HEADS, rows))


if __name__ == "__main__":
    main()
