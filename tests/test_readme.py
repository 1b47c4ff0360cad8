"""What the README and the docs say can be typed, can be typed."""

import re
from pathlib import Path

import pytest
import typer

from tsfmicro.app.cli import app
from tsfmicro.config import RunConfig
from tsfmicro.study import shipped

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = typer.main.get_command(app).commands


def typed(page):
    """Every `tsfmicro …` in code on a page, without what follows on the line as a comment."""
    text = page.read_text(encoding="utf-8")
    inline = re.findall(r"`(tsfmicro [^`]+)`", text)
    blocks = re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)
    lines = [line.split("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [part.split()[1:] for line in [*inline, *lines] if line.startswith("tsfmicro ") for part in [line]]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_command_and_option_on_a_page_exists(page):
    for words in typed(page):
        command = COMMANDS.get(words[0])
        assert command or words[0].startswith("-"), f"{page.name}: tsfmicro {words[0]}"
        if hasattr(command, "commands") and len(words) > 1 and not words[1].startswith("["):
            command = command.commands[words[1].rstrip(",")]
        options = {o for p in getattr(command, "params", []) for o in (*p.opts, *p.secondary_opts)} | {"--help"}
        for option in re.findall(r"(?<!\S)\[?(--[a-z0-9-]+)", " ".join(words)):
            assert option in options, f"{page.name}: tsfmicro {' '.join(words)} has no {option}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_setting_on_a_page_exists(page):
    for key in re.findall(r"--set ([\w.]+)=", page.read_text(encoding="utf-8")):
        section = RunConfig
        for part in key.split("."):
            if section is dict or ".options." in key:
                break
            assert part in section.model_fields, f"{page.name}: no setting {key}"
            section = section.model_fields[part].annotation


def test_configs_named_in_the_readme_are_shipped():
    named = re.findall(r"tsfmicro run (\w[\w-]+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert set(named) - {"CONFIG"} <= set(shipped.names())


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_between_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_make_targets_named_in_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(
        re.findall(r"make (demo|test|check|bench|install)\b", (ROOT / "README.md").read_text(encoding="utf-8"))
    ):
        assert f"\n{target}:" in makefile
