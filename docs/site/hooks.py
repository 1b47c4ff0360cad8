"""What the site adds to the pages of docs/: the files beside them, tutorials as pages, and a reference made from the package itself."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

import typer
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pydantic import BaseModel

import tsfmicro
from tsfmicro.app.cli import app
from tsfmicro.config import RunConfig
from tsfmicro.files import markdown_text
from tsfmicro.places import usual_cache
from tsfmicro.study.grid import studies_table
from tsfmicro.study.shipped import configs_table

ROOT = Path(__file__).parents[2]
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "reference/contributing.md",
    "CHANGELOG.md": "reference/changes.md",
    "SECURITY.md": "reference/security.md",
    "CITATION.cff": "CITATION.cff",
    "LICENSE": "LICENSE.txt",
}
"""Files of the repository outside docs/, and where they stand on the site."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that no file of docs/ is."""
    made = {to: (ROOT / name).read_text(encoding="utf-8") for name, to in BESIDE.items()}
    made |= {
        "reference/commands.md": commands_page(),
        "reference/configs.md": configs_page(),
        "reference/python.md": python_page(),
    }
    for file in sorted((ROOT / "docs" / "tutorials").glob("*.py")):
        made[f"tutorials/{file.stem}.md"] = tutorial_page(file.read_text(encoding="utf-8"), file.name)
    for name, content in made.items():
        files.append(File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as the repository has them become the site's; to what is not on the site, the words alone are left."""
    was = {to: name for name, to in BESIDE.items()}
    here = was.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    parts = re.split(r"(^```.*?^```)", markdown, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if n % 2 else _relinked(part, here, page.file.src_uri, files) for n, part in enumerate(parts))


def _relinked(text: str, here: str, page: str, files: Files) -> str:
    def new(found: re.Match[str]) -> str:
        label, target = found.groups()
        path, sign, anchor = target.partition("#")
        if not path or "://" in path or path.startswith("mailto:"):
            return found.group()
        meant = posixpath.normpath(posixpath.join(posixpath.dirname(here), path))
        on_site = BESIDE.get(meant, meant.removeprefix("docs/"))
        if re.fullmatch(r"tutorials/\w+\.py", on_site) and not label.startswith("download"):
            on_site = on_site.removesuffix(".py") + ".md"
        if files.get_file_from_path(on_site) is None:
            return label
        return f"[{label}]({os.path.relpath(on_site, posixpath.dirname(page) or '.')}{sign}{anchor})"

    return re.sub(r"(?<!`)\[((?:!\[[^]]*\]\([^)]*\)|[^]])*)\]\(([^)\s]+)\)", new, text)


def tutorial_page(source: str, name: str) -> str:
    """A script in percent format as a page: cells of Markdown as they are, others as code."""
    parts = []
    for cell in re.split(r"^# %%", source, flags=re.MULTILINE)[1:]:
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            parts.append("\n".join(line.removeprefix("#").removeprefix(" ") for line in body.splitlines()))
        elif body.strip():
            parts.append(f"```python\n{body.strip()}\n```")
    title, _, rest = "\n\n".join(parts).strip().partition("\n")
    return f"{title}\n\nThis page is a script, [download {name}]({name}), and a notebook to editors that know `# %%`.\n{rest}\n"


def commands_page() -> str:
    """Every command with its arguments and options, from what `--help` says."""
    parts = [
        "# Commands",
        "What `tsfmicro COMMAND --help` says, of every command.",
        _one(typer.main.get_command(app), "tsfmicro", 2),
    ]
    return "\n\n".join(parts) + "\n"


def _one(command: Any, name: str, level: int) -> str:
    """A command and those below it, as typer describes them."""
    context = command.context_class(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"{'#' * level} {name}", (command.help or "").strip(), f"```\n{name} {usage}\n```"]
    records = [one.get_help_record(context) for one in command.params]
    rows = [[f"`{what}`", _cell(meaning)] for what, meaning in filter(None, records)]
    if rows:
        parts.append(markdown_text(["", ""], rows))
    for below in sorted(getattr(command, "commands", {})):
        parts.append(_one(command.commands[below], f"{name} {below}", min(level + 1, 3)))
    return "\n\n".join(part for part in parts if part)


def _cell(text: str) -> str:
    """Words of `--help` as a cell of a table, on whoever's machine."""
    return text.replace(str(usual_cache()), "where the system keeps caches").replace("|", "\\|").replace("[", "\\[")


def configs_page() -> str:
    """All settings with what they may be, and the shipped configs."""
    headings, rows = configs_table()
    studies, of_studies = studies_table()
    return "\n\n".join(
        [
            "# Settings and configs",
            "Every setting of a run, as it stands in a YAML file or behind `--set`, e.g. `--set train.epochs=50`. What an option of a "
            "model is, `tsfmicro models NAME` says.",
            markdown_text(["setting", "may be", "default", "meaning"], _settings(RunConfig, "")),
            "## Configs",
            "`tsfmicro run CONFIG` takes one of these names, or a file of your own.",
            markdown_text(headings, [[f"`{row[0]}`", *(cell.replace("|", "\\|") for cell in row[1:])] for row in rows]),
            "## Studies",
            "`tsfmicro study STUDY` does all runs of one.",
            markdown_text(studies, [[f"`{row[0]}`", *(str(cell) for cell in row[1:])] for row in of_studies]),
        ]
    )


def _settings(section: type[BaseModel], before: str) -> list[list[str]]:
    rows = []
    for name, setting in section.model_fields.items():
        kind = setting.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            rows += _settings(kind, f"{before}{name}.")
            continue
        default = "needed" if setting.is_required() else f"`{setting.get_default(call_default_factory=True)}`"
        rows.append([f"`{before}{name}`", f"`{_kind(kind)}`", default, setting.description or ""])
    return rows


def _kind(kind: Any) -> str:
    """'Literal['a', 'b']' → 'a', 'b'; 'Path | None' → 'Path or None', for a cell of a table."""
    text = re.sub(r"(typing|pathlib)\.|<class '|'>", "", str(kind))
    return re.sub(r"^Literal\[(.*)\]$", r"\1", text).replace(" | ", " or ")


def python_page() -> str:
    """Every name of `tsfmicro.__all__`, from its docstring."""
    parts = ["# Functions and classes", "What [the Python API](../api.md) promises, as the docstrings tell it."]
    for name in tsfmicro.__all__:
        one = getattr(tsfmicro, name)
        parts += [f"## {name}", f"::: {one.__module__}.{one.__qualname__}"]
    return "\n\n".join(parts) + "\n"
