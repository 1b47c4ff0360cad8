"""The one import rule: a room imports the hall and itself; houses string rooms together, each knowing those below it."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import tsfmicro

HOUSE = Path(tsfmicro.__file__).parent
ROOMS = {p.name for p in HOUSE.iterdir() if (p / "__init__.py").exists()}
FILES = sorted(HOUSE.rglob("*.py"))


@cache
def imported(file):
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import; write the whole name"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def rooms_entered_by(file):
    parts = (name.split(".") for name in imported(file))
    return {p[1] for p in parts if p[0] == "tsfmicro" and len(p) > 1 and p[1] in ROOMS}


# Who strings rooms together, and which of the others each may know: run is below them all, app above them all.
HOUSES = {
    "run": set(),
    "machines": {"run"},
    "pretrain": {"run"},
    "reading": {"run"},
    "use": {"run"},
    "study": {"run"},
    "desk": set(),
    "about": {"run", "study", "use"},
    "api": {"run", "reading", "use", "study", "desk"},
}


def may_enter(room):
    if room == "app":
        return {"app", *HOUSES}
    if room in HOUSES:
        return ROOMS - {*HOUSES, "app"} | {room} | HOUSES[room]
    return {room} if room else set()  # the hall enters no room


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(HOUSE)))
def test_a_room_imports_only_the_hall_and_itself(file):
    room = file.relative_to(HOUSE).parts[0] if file.parent != HOUSE else None
    strange = rooms_entered_by(file) - may_enter(room)
    if file.name == "__init__.py" and file.parent == HOUSE:
        strange -= {"api", "models", "use"}  # the front door: names it lends, loaded on first use
    if file == HOUSE / "__main__.py":
        strange -= {"app"}  # the same door for `python -m tsfmicro`
    assert not strange, f"{file.relative_to(HOUSE)} enters {sorted(strange)}; pass in what it needs"


def test_nothing_that_cannot_be_installed_everywhere_is_imported():
    heavy = {"torchvision", "timm", "facenet_pytorch"}
    assert not {name.split(".")[0] for file in FILES for name in imported(file)} & heavy


def test_what_only_scores_does_not_wait_for_torch():
    names = ", ".join(f"tsfmicro.reading.{name}" for name in ("compare", "audit"))
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
