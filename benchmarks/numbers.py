"""The runs whose scores README and docs tell, kept small, so that a test makes those scores again.

    python -m benchmarks.numbers keep tests/numbers/zoo.tar.xz quick/*      # run folders
    python -m benchmarks.numbers zoo quick                                  # the zoo's table of runs that are all there

Kept is what scoring reads: settings, clips, folds, floors, and logits. Of each training only the epochs that some rule takes are
kept, which gives the same scores; weights, pictures and records are not. docs/numbers.md says which command made which run.
"""

from __future__ import annotations

import io
import json
import os
import tarfile
import tempfile
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tsfmicro.evaluate.select import inner, last, oracle, released
from tsfmicro.reading.compare import compare
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.summary import ALL, leak_of, summarise
from tsfmicro.study.beside import Facts, Line, page
from tsfmicro.study.grid import Member

PLAN = ("config.yaml", "clips.csv", "skipped.csv", "folds.json")
RULES = (last, oracle, released)


def keep(run: Path, out: Path) -> None:
    """A run folder's part that scoring reads. Raises AssertionError: it would be scored otherwise."""
    folder = RunFolder.open(run)
    tasks = [(task, folder.outcome(task)) for task in folder.plan.tasks]
    if not folder.missing(shuffled=True):
        tasks += [(task, folder.outcome(task)) for task in folder.plan.tasks_of(shuffled=True)]
    chosen = []
    for _, outcome in tasks:
        rules = (*RULES, inner) if outcome.val.clips else RULES
        chosen.append(sorted({epoch for rule in rules for epoch in rule(outcome, folder.plan.labels)}))
    epochs = max(map(len, chosen))
    out.mkdir(parents=True)
    for name in (*PLAN, *(f.name for f in run.glob("floor-*.npy"))):
        (out / name).write_bytes((run / name).read_bytes())
    known = json.loads((run / "run.json").read_text(encoding="utf-8")) | {"epochs": epochs}
    (out / "run.json").write_text(json.dumps(known, indent=1), encoding="utf-8")
    kept = RunFolder.open(out)
    for (task, outcome), few in zip(tasks, chosen, strict=True):
        few = [few[0]] * (
            epochs - len(few)
        ) + few  # of equally good epochs the latest counts, so the first may stand twice
        place = kept.place(task)
        place.mkdir(parents=True)
        np.savez(place / "logits.npz", test=outcome.test.values[few], val=outcome.val.values[few])
    for rule in ("last", ALL):
        assert summarise(kept, rule).to_dict() == summarise(folder, rule).to_dict(), f"{run}: scored otherwise"


def pack(runs: Sequence[Path], archive: Path) -> None:
    """Several runs, under the names that they have below their common folder; the same runs give the same bytes."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    common = os.path.commonpath([run.absolute().parent for run in runs])
    with tempfile.TemporaryDirectory() as room, tarfile.open(archive, "w:xz", preset=9) as whole:
        for run in runs:
            keep(run, Path(room) / run.absolute().relative_to(common))
        for file in sorted(f for f in Path(room).rglob("*") if f.is_file()):
            about = tarfile.TarInfo(file.relative_to(room).as_posix())
            about.size = file.stat().st_size
            whole.addfile(about, io.BytesIO(file.read_bytes()))


def lines_of(quick: Path, against: str = "tsfmicro") -> Iterator[Line]:
    """What `tsfmicro study` says of each run of a folder that is finished: kept ones do not know what they cost."""
    for run in sorted(file.parent for file in quick.glob("*/run.json")):
        folder = RunFolder.open(run)
        facts = Facts(leak_of(folder)["uf1"], 0, folder.plan.epochs, None, bool(folder.environment.get("generated")))
        other = None if run.name == against else compare(run, f"{quick / against}").differences["uf1"]
        yield Line(Member(run.name, folder.plan.config, against), summarise(folder), facts, other)  # type: ignore[arg-type]


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["keep", "zoo"])
    parser.add_argument("place", type=Path)
    parser.add_argument("runs", type=Path, nargs="*")
    given = parser.parse_args()
    if given.what == "keep":
        pack(given.runs, given.place)
    else:
        print(page("quick", list(lines_of(given.place))))


if __name__ == "__main__":
    main()
