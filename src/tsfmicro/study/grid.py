"""The runs that a study's YAML file stands for.

name: ablation
base: casme2-5-released                       # a shipped config, a file beside this one, or the settings themselves
set: {train.seeds: [0, 1]}                    # what every run changes
grid:                                         # every combination is a run
  train.lr: [1e-3, 8e-4]                      # a setting and its values
  variant:                                    # or labels, each with the settings it changes
    late: {model.options.variant: late}
    apex only: {model.options.variant: spatial, model.options.frame: apex}
like: paper/table-4                           # also the runs that another study, or a file beside this one, names
runs:                                         # runs by name, alone or each with the whole grid
  small: {base: demo, train.epochs: 20, when: {late: {train.epochs: 30}}}    # when: what it changes under a label of the grid
against: {variant: late}                      # each run is compared with that run which differs from it in this alone
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from tsfmicro.config import RunConfig, Section, check_config, check_section, put, read_settings
from tsfmicro.errors import ConfigError, TsfmicroError
from tsfmicro.study import shipped

Overrides = Mapping[str, Any]
Base = str | dict[str, Any]
WHEN = "when"


class Study(Section):
    """A study file as it is written."""

    name: str = Field(pattern=r"^[\w.-]+$")
    base: Base | None = None
    set: dict[str, Any] = Field(default_factory=dict)
    grid: dict[str, list[Any] | dict[str, dict[str, Any]]] = Field(default_factory=dict)
    like: str | None = None
    runs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    against: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whens(self) -> Study:
        """What a run changes is under labels that there are; a study that takes runs over may have others."""
        known = [label for key, values in self.grid.items() for label, _ in _labelled(key, values)]
        for name, run in self.runs.items():
            when = run.get(WHEN, {})
            if not isinstance(when, dict) or not all(isinstance(changes, dict) for changes in when.values()):
                raise ValueError(f"runs.{name}.{WHEN} is {when!r}; write {{label: {{setting: value}}}}")
            if strange := [label for label in when if label not in known]:
                raise ValueError(
                    f"runs.{name}.{WHEN}: {strange[0]} is no label of the grid (there are {', '.join(known) or 'none'})"
                )
        return self


@dataclass(frozen=True)
class Member:
    """One run of a study. Its name is that of its folder; it is compared with the run `against`, where there is one."""

    name: str
    config: RunConfig
    against: str = ""


class Mistakes:
    """What is wrong with a study, each mistake once with the runs that make it."""

    def __init__(self) -> None:
        self._runs: dict[str, list[str]] = {}

    def add(self, mistake: TsfmicroError | str, run: str = "") -> None:
        self._runs.setdefault(str(mistake).rstrip("."), []).append(run)

    def tell(self, where: str, total: int) -> None:
        """Raises ConfigError with all of them in one line, if there are any."""
        if self._runs:
            raise ConfigError(f"{where}: {'; '.join(self._line(m, runs, total) for m, runs in self._runs.items())}.")

    @staticmethod
    def _line(mistake: str, runs: Sequence[str], total: int) -> str:
        named = [run for run in runs if run]
        if not named or len(named) == total:
            return mistake
        return f"{mistake} [{', '.join(named[:3])}{f' and {len(named) - 3} more' * (len(named) > 3)}]"


def read_study(name: str, overrides: Overrides, only: Sequence[str] = ()) -> tuple[str, list[Member]]:
    """A study's name and its runs.

    Args:
        name: a YAML file, or a shipped study's name.
        overrides: settings that every run gets, over all others.
        only: patterns such as 'casme2-*'; only runs that match one are wanted.
    Raises:
        ConfigError: every mistake of all runs at once.
        UnknownNameError: no shipped study has that name.
    """
    path = shipped.study_path(name)
    study = _study(path)
    mistakes, members = Mistakes(), []
    combinations = list(_combinations(study, mistakes))
    wanted = [c for c in combinations if not only or any(fnmatchcase(c[0], pattern) for pattern in only)]
    for run, count in Counter(run for run, *_ in combinations).items():
        if count > 1:
            mistakes.add(
                f"{count} runs are called {run!r}: give the values labels, as in {{label: {{setting: value}}}}"
            )
    if combinations and not wanted:
        names = ", ".join(run for run, *_ in combinations)
        mistakes.add(f"no run matches --only {' '.join(only)} (there are {names})")
    for run, changes, against in wanted:
        try:
            members.append(Member(run, _config(run, study, [study.set, *changes, overrides], path), against))
        except TsfmicroError as mistake:
            mistakes.add(str(mistake).removeprefix(f"{run}: "), run)
    mistakes.tell(str(path), len(wanted))
    return study.name, members


def _study(path: Path) -> Study:
    """A study's file, with the runs of the study that it is like. Raises ConfigError, UnknownNameError."""
    study = check_section(Study, read_settings(path), str(path))
    if study.like is None:
        return study
    like = path.parent / study.like if study.like.endswith((".yaml", ".yml")) else shipped.study_path(study.like)
    other = check_section(Study, read_settings(like), str(like))
    return study.model_copy(update={"runs": other.runs | study.runs})


def _combinations(study: Study, mistakes: Mistakes) -> Iterator[tuple[str, list[Overrides], str]]:
    """Every run's name, its changes, and the name of the run it is compared with, in the file's order."""
    axes = {"runs": list(study.runs.items())} if study.runs else {}
    for key, values in study.grid.items():
        axes[key] = _labelled(key, values)
        if not values:
            mistakes.add(f"grid.{key}: has no values")
    if not axes:
        mistakes.add("has neither grid nor runs. Name what is to differ from run to run")
        return
    for key, label in study.against.items():
        known = [name for name, _ in axes.get(key, [])]
        if label not in known:
            where = f"{key} has {', '.join(known)}" if known else f"there are {', '.join(axes)}"
            mistakes.add(f"against.{key}: {label} is nothing that differs here ({where})")
    for combination in itertools.product(*axes.values()):
        labels = dict(zip(axes, (label for label, _ in combination), strict=True))
        name, other = _joined(labels), _joined(labels | study.against)
        run = study.runs.get(labels.get("runs", ""), {})
        under = [
            changes for label, changes in run.get(WHEN, {}).items() if label in [labels[key] for key in study.grid]
        ]
        yield name, [*(changes for _, changes in combination), *under], other if other != name else ""


def _labelled(key: str, values: list[Any] | dict[str, dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """The labels of one axis of the grid, each with the settings it changes."""
    return (
        list(values.items()) if isinstance(values, dict) else [(_label(key, value), {key: value}) for value in values]
    )


def _joined(labels: Mapping[str, str]) -> str:
    return _slug("-".join(labels.values()))


def _label(key: str, value: Any) -> str:
    """What a value is called in its run's name: itself if it is words, else with its setting."""
    if key == "base":
        return Path(value).stem if isinstance(value, str) else str(value.get("name", "inline"))
    words = _words(value)
    is_number = not words or re.fullmatch(r"[\d.e+-]+|True|False|None", words[0])
    return "-".join([key.rpartition(".")[2], *words] if is_number else words)


def _words(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [word for inner in value.values() for word in _words(inner)]
    if isinstance(value, list):
        return [word for inner in value for word in _words(inner)]
    return [str(value)]


def _slug(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text).strip("-.")


def _config(run: str, study: Study, changes: Sequence[Overrides], path: Path) -> RunConfig:
    base = next((c["base"] for c in reversed(changes) if "base" in c), study.base)
    if base is None:
        raise ConfigError("base is missing: name a config to start from")
    values = deepcopy(base) if isinstance(base, dict) else read_settings(_base_path(base, path))
    for change in changes:
        for key, value in _flat({k: v for k, v in change.items() if k not in ("base", WHEN)}):
            put(values, key, deepcopy(value))
    return check_config(values | {"name": run}, run)


def _base_path(base: str, study: Path) -> Path:
    return study.parent / base if base.endswith((".yaml", ".yml")) else shipped.config_path(base)


def _flat(changes: Overrides, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """{train: {epochs: 3}} as train.epochs: a section that is written out changes what it names and no more."""
    for key, value in changes.items():
        if isinstance(value, dict) and "name" not in value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def studies_table() -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the shipped studies, for `tsfmicro configs`."""
    rows = []
    for name in shipped.study_names():
        _, members = read_study(name, {})
        datasets = dict.fromkeys(d for m in members for d in m.config.data.datasets)
        schemes = dict.fromkeys(m.config.data.scheme for m in members)
        trained = sum(len(m.config.train.seeds) for m in members)
        rows.append([name, ", ".join(datasets), ", ".join(schemes), str(len(members)), str(trained)])
    return ["study", "datasets", "labels", "runs", "runs × seeds"], rows
