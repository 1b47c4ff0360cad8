"""What the README and the docs say can be typed, can be typed."""

import ast
import builtins
import re
from pathlib import Path

import pytest
import typer

from tsfmicro.app.cli import app
from tsfmicro.config import AugmentConfig, RunConfig
from tsfmicro.data.registry import DATASETS
from tsfmicro.models.registry import MODELS
from tsfmicro.study import shipped

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = typer.main.get_command(app).commands


def typed(page, program="tsfmicro"):
    """Every `tsfmicro …` in code on a page, without what follows on the line as a comment."""
    text = page.read_text(encoding="utf-8")
    inline = re.findall(rf"`({program} [^`]+)`", text)
    blocks = re.findall(r"```(?:sh)?\n(.*?)```", text, flags=re.DOTALL)
    blocks += re.findall(r"(?<=\n\n)((?:    .+\n)+)", text)  # indented
    lines = [re.split(r" # |\s{3,}", line.strip())[0] for block in blocks for line in block.splitlines()]
    lines = [line.removeprefix("docker run … ").removeprefix(".venv/bin/") for line in lines]
    return [line.split()[1:] for line in [*inline, *lines] if line.startswith(f"{program} ")]


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
def test_python_on_a_page_imports_what_it_uses(page):
    known = {*dir(builtins), "onset", "apex", "motion"}  # arrays that the reader has
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        nodes = list(ast.walk(ast.parse(block)))
        known |= {(a.asname or a.name) for n in nodes if isinstance(n, ast.Import | ast.ImportFrom) for a in n.names}
        known |= {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler) and n.name}
        known |= {n.arg for n in nodes if isinstance(n, ast.arg)}
        known |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        assert {n.id for n in nodes if isinstance(n, ast.Name)} <= known


def test_every_option_is_on_some_page():
    said = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    inner = [command for one in COMMANDS.values() for command in getattr(one, "commands", {}).values()]
    unsaid = [
        (command.name, option.opts)
        for command in (*COMMANDS.values(), *inner)
        for option in command.params
        if option.opts[-1].startswith("--")
        and not any(re.search(rf"{name}(?![\w-])", said) for name in (*option.opts, *option.secondary_opts))
    ]
    assert not unsaid


def test_every_setting_is_in_the_user_guides_table():
    guide = (ROOT / "docs" / "user-guide.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`(?:data|prepare|model|protocol|train)[^|]*) \|", guide, flags=re.MULTILINE)
    told = set()
    for row in rows:
        named = re.findall(r"`([\w.]+)`", row)
        section = named[0].rpartition(".")[0]
        told |= {name if "." in name or not section else f"{section}.{name}" for name in named}
    sections = {name: field.annotation for name, field in RunConfig.model_fields.items() if name != "name"}
    settings = {f"{name}.{inner}" for name, section in sections.items() for inner in section.model_fields}
    settings -= {"train.augment"}
    settings |= {f"train.augment.{inner}" for inner in AugmentConfig.model_fields}
    assert settings <= told, sorted(settings - told)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_setting_on_a_page_exists(page):
    for key in re.findall(r"--set ([\w.]+)=", page.read_text(encoding="utf-8")):
        section = RunConfig
        for part in key.split("."):
            if section is dict or ".options." in key:
                break
            assert part in section.model_fields, f"{page.name}: no setting {key}"
            section = section.model_fields[part].annotation


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_config_study_model_dataset_and_protocol_named_on_a_page_exists(page):
    known = {
        "run": {*shipped.names(), "CONFIG"},
        "matrix": {*shipped.names(), "CONFIG"},
        "prepare": {*shipped.names(), "CONFIG"},
        "study": {*shipped.study_names(), "STUDY"},
        "models": {*MODELS, "NAME"},
        "spot-dataset": {*DATASETS, "NAME"},
        "data check": {*DATASETS, "NAME", "mydata", "meview"},
    }
    for words in typed(page):
        for command, names in known.items():
            first = " ".join(words).removeprefix(f"{command} ").split()[:1]
            if " ".join(words).startswith(f"{command} ") and re.fullmatch(r"[\w./-]+", first[0]):
                assert first[0] in names or first[0].startswith("-") or first[0].endswith((".yaml", ".yml")), (
                    f"{page.name}: tsfmicro {' '.join(words)}"
                )
        for name in re.findall(r"--data (\S+?)=", " ".join(words)):
            assert name in {*DATASETS, "NAME", "A", "B"}, f"{page.name}: tsfmicro {' '.join(words)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_between_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_make_target_on_a_page_exists(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    for words in typed(page, "make"):
        named = [word.rstrip(".,") for word in words if "=" not in word]
        assert named[0] in targets, f"{page.name}: make {' '.join(words)}"
