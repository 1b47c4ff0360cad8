"""Commands that are killed at any moment, again and again: what they leave in the end is what they leave undisturbed.

    python -m campaigns.kills --rounds 20 --seed 0
    python -m campaigns.kills --only run --seed 7 --rounds 1        # one case again: the line of a failure says which

Each round gives a command, kills it and all its processes (SIGKILL) after a random time, up to three times, and then lets it
finish. Every file that it leaves must be there, no other may be left over, and each must have the same content to the last bit
but for what is a time or a place.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import hashlib
import io
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.progress import track

from campaigns.inputs import make_material

KILLS = 3  # in a round, at most
SECONDS = 600  # of a command; longer is a hang
# Of JSON and CSV files: they differ from run to run.
TIMES = {"seconds", "took", "made", "began", "ended", "at", "training seconds"}
TIME = re.compile(rb"\| (< 1 s|[0-9.]+ (s|min|h)) (?=\|)")  # of a table to read
Words = list[str]
PROGRAM = [sys.executable, "-m", "tsfmicro.app.cli"]
CODER = [sys.executable, "-m", "campaigns.coder"]

SETTINGS = """
name: small
data: {datasets: [casme2], scheme: casme2-5}
prepare: {size: 32}
model: {name: tsfmicro-small}
train: {epochs: 3, batch_size: 8, seeds: [0, 1], augment: {pad: 2}}
"""
STUDY = """
name: pair
base: demo
set: {prepare.size: 32, train.epochs: 2, train.augment.pad: 2}
grid:
  rates:
    low: {train.lr: 1e-3}
    high: {train.lr: 5e-3}
"""
PRETRAINING = """
name: tiny
size: 28
model: {name: ststnet}
draw: {people: 1, each: 4, held_out: 1}
learn: {pairs: 24, remember: 2, repeat: 2, batch_size: 4}
"""


@dataclass(frozen=True)
class Case:
    """A command that goes on where it was stopped.

    Attributes:
        command: from the material, its output folder and its cache.
        left: which of the new folder's files count, as patterns; all of them are compared.
        program: what the words are given to; tsfmicro where none is named.
    """

    command: Callable[[Path, Path], Words]
    left: tuple[str, ...] = ("out/**/*",)
    program: tuple[str, ...] = ()

    def words(self, material: Path, new: Path) -> Words:
        """All of the command, as typed."""
        return [*(self.program or PROGRAM), *self.command(material, new)]


def _with_data(words: Words, at: Path, new: Path) -> Words:
    return [*words, "--data", f"casme2={at}/faces", "--cache", f"{new}/cache", "--workers", "2"]


CASES: dict[str, Case] = {
    "prepare": Case(lambda at, new: _with_data(["prepare", f"{at}/settings.yaml"], at, new), ("cache/**/*",)),
    "run": Case(lambda at, new: _with_data(["run", f"{at}/settings.yaml", "--out", f"{new}/out", "--final"], at, new)),
    "study": Case(lambda at, new: _with_data(["study", f"{at}/study.yaml", "--out", f"{new}/out"], at, new)),
    "report": Case(
        lambda at, new: ["report", f"{at}/run", "--out", f"{new}/out", "--cache", f"{at}/cache", "--no-maps"]
    ),
    "pretrain": Case(lambda at, new: ["pretrain", f"{at}/pretraining.yaml", "--out", f"{new}/out", "--workers", "2"]),
    "project": Case(lambda at, new: [f"{new}/out", f"{at}/video/film.mp4"], program=tuple(CODER)),
    "batch": Case(lambda at, new: ["predict", "demonstration", f"{at}/films", "--out", f"{new}/out"]),
    "faces": Case(
        lambda at, new: [
            "data",
            "synth",
            f"{new}/out",
            "--people",
            "2",
            "--clips",
            "2",
            "--fps",
            "25",
            "--workers",
            "2",
        ]
    ),
}


def prepare_material(at: Path) -> Path:
    """That of the wrong inputs, and settings of a network and of a study."""
    make_material(at)
    (at / "settings.yaml").write_text(SETTINGS, encoding="utf-8")
    (at / "study.yaml").write_text(STUDY, encoding="utf-8")
    (at / "pretraining.yaml").write_text(PRETRAINING, encoding="utf-8")
    return at


def finish(words: Words) -> tuple[float, str]:
    """Seconds that an undisturbed command takes, and what it told. Raises RuntimeError: it failed or hung."""
    began = time.monotonic()
    process = _begin(words)
    try:
        told = process.communicate(timeout=SECONDS)[0]
    except subprocess.TimeoutExpired:
        _kill(process)
        raise RuntimeError("it does not end") from None
    if process.returncode:
        raise RuntimeError(f"it ends with {process.returncode}: {told[-800:]}")
    return time.monotonic() - began, told


def kill_after(words: Words, seconds: float) -> bool:
    """Give a command and kill it after so long; whether it was still at work."""
    process = _begin(words)
    try:
        process.communicate(timeout=seconds)
        return False
    except subprocess.TimeoutExpired:
        _kill(process)
        return True


def _begin(words: Words) -> subprocess.Popen[str]:
    return subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,  # so that its workers can be killed with it
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def contents(new: Path, patterns: Sequence[str]) -> dict[str, str]:
    """Digest of each file, without times and without the folder's own name."""
    files = {f for pattern in patterns for f in new.glob(pattern) if f.is_file() and f.name != ".lock"}
    return {file.relative_to(new).as_posix(): _digest(file, new) for file in sorted(files)}


def _digest(file: Path, new: Path) -> str:
    whole = file.read_bytes()
    if file.suffix in (".json", ".jsonl"):
        with contextlib.suppress(ValueError):
            lines = whole.splitlines() if file.suffix == ".jsonl" else [whole]
            whole = b"\n".join(json.dumps(_without_times(json.loads(line)), sort_keys=True).encode() for line in lines)
    elif file.suffix == ".csv":
        rows = list(csv.reader(io.StringIO(whole.decode(errors="replace"))))
        kept = [n for n, name in enumerate(rows[0]) if name not in TIMES] if rows else []
        whole = json.dumps([[row[n] for n in kept if n < len(row)] for row in rows]).encode()
    elif file.suffix == ".md":
        whole = TIME.sub(b"", whole)
    return hashlib.sha256(whole.replace(str(new).encode(), b"")).hexdigest()


def _without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_times(one) for key, one in value.items() if key not in TIMES}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


def rounds(
    material: Path, room: Path, seeds: Sequence[int], only: str | None = None
) -> Iterator[tuple[int, str, str | None]]:
    """Each: the seed, what was done, what is wrong (None: nothing)."""
    whole: dict[str, tuple[float, dict[str, str]]] = {}
    for seed in seeds:
        dice = random.Random(seed)
        name = only or dice.choice(list(CASES))
        case = CASES[name]
        if name not in whole:
            new = room / f"whole-{name}"
            new.mkdir()
            whole[name] = finish(case.words(material, new))[0], contents(new, case.left)
        seconds, expected = whole[name]
        new = room / f"{seed}"
        new.mkdir()
        moments = [dice.uniform(0, seconds) for _ in range(dice.randint(1, KILLS))]
        killed = [kill_after(case.words(material, new), moment) for moment in moments]
        what = f"{name}, killed after " + ", ".join(
            f"{m:.1f} s{'' if k else ' (had ended)'}" for m, k in zip(moments, killed, strict=True)
        )
        try:
            finish(case.words(material, new))
            yield seed, what, _difference(expected, contents(new, case.left))
        except RuntimeError as problem:
            yield seed, what, str(problem)
        shutil.rmtree(new, ignore_errors=True)


def _difference(expected: dict[str, str], found: dict[str, str]) -> str | None:
    for what, names in (
        ("missing", expected.keys() - found.keys()),
        ("left over", found.keys() - expected.keys()),
        ("another content", {name for name in expected.keys() & found.keys() if expected[name] != found[name]}),
    ):
        if names:
            return f"{what}: {', '.join(sorted(names)[:5])}{' …' if len(names) > 5 else ''}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the first round; each has the next one")
    parser.add_argument("--only", choices=list(CASES))
    arguments = parser.parse_args()
    faults = 0
    with tempfile.TemporaryDirectory() as room:
        material = prepare_material(Path(room) / "material")
        seeds = range(arguments.seed, arguments.seed + arguments.rounds)
        for seed, what, fault in track(rounds(material, Path(room), seeds, arguments.only), "kills", len(seeds)):
            faults += fault is not None
            print(f"--seed {seed}: {what}: {fault or 'the same'}", flush=True)
    print(f"{arguments.rounds} rounds: {faults} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
