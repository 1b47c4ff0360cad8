"""The tutorials of docs/tutorials run from top to bottom, as scripts, in small."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tsfmicro import errors, needs
from tsfmicro.data import annotated, entries, headed
from tsfmicro.models import base
from tsfmicro.prepare.products import base as products
from tsfmicro.protocols import people

TUTORIALS = Path(__file__).parents[1] / "docs" / "tutorials"
SCRIPTS = sorted(TUTORIALS.glob("*.py"))
LEAVES = {
    "score": "runs/score/scores.json",
    "compare": "runs/off-apexnet/run.json",
    "video": "movement.png",
    "extend": "runs/tinynet/run.json",
}
"""What each has made at its end."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One for all, as a reader has it: faces that one has drawn are there for the next."""
    return tmp_path_factory.mktemp("tutorial")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_tutorial_runs_to_its_end(script, folder):
    if script.stem == "video":
        pytest.importorskip("pandas", reason="pandas is not installed")
    here = os.environ | {"TUTORIAL_SMALL": "1", "MPLBACKEND": "agg"}
    done = subprocess.run([sys.executable, script], cwd=folder, env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (folder / LEAVES[script.stem]).exists()
    assert "nan" not in done.stdout.split()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_tutorial_is_a_notebook_that_begins_with_its_title_and_says_what_numbers_mean(script):
    cells = re.split(r"^# %%", script.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert not cells[0].strip() and cells[1].startswith(" [markdown]\n# # ")
    for cell in cells[1:]:
        head, _, body = cell.partition("\n")
        if head.strip() == "[markdown]":
            assert all(line.startswith("#") for line in body.strip().splitlines())
        else:
            ast.parse(body)
    told = " ".join(cells).casefold()
    assert "what the" in told or "how to read it" in told or "what it says" in told


@pytest.mark.parametrize("about", ["dataset", "model", "protocol"])
def test_what_a_page_on_extending_names_is_promised(about):
    page, api = ((TUTORIALS.parent / f"{name}.md").read_text(encoding="utf-8") for name in (f"adding-a-{about}", "api"))
    stable = api.partition("To extend the package")[2].partition("Everything else")[0]
    imported = {
        alias.name
        for block in page.split("```python\n")[1:]
        for node in ast.walk(ast.parse(block.partition("```")[0]))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tsfmicro")
        for alias in node.names
    }
    ours = {
        name for module in (base, needs, products, people, annotated, headed, entries, errors) for name in vars(module)
    }
    named = set(re.findall(r"`(?:\w+\.)*(\w+)", page)) & (ours | {"DATASETS", "PROTOCOLS"})
    assert imported and not {name for name in imported | named if f"`{name}`" not in stable}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)
def test_a_tutorial_uses_what_is_promised(script):
    page = (TUTORIALS.parent / "api.md").read_text(encoding="utf-8")
    tree = ast.parse(script.read_text(encoding="utf-8"))
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "tsfmicro"}
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("tsfmicro")
        for alias in node.names
    }
    assert all(f"`{name}`" in page for name in used | imported), sorted(used | imported)


def test_every_tutorial_stands_on_their_page():
    page = (TUTORIALS / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\((\w+)\.py\)", page)) == {script.stem for script in SCRIPTS} == set(LEAVES)
