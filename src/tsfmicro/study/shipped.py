"""The configs that come with the package."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from tsfmicro.config import RunConfig, load_config
from tsfmicro.errors import ConfigError, UnknownNameError

FOLDER = Path(str(files("tsfmicro") / "configs"))


def names() -> list[str]:
    """Names of the configs of one run; those of the rivals begin with zoo/."""
    return sorted(
        f.relative_to(FOLDER).with_suffix("").as_posix()
        for f in (*FOLDER.glob("*.yaml"), *FOLDER.glob("zoo/*.yaml"))
        if not f.stem.endswith("-study")
    )


def study_names() -> list[str]:
    """Names of the studies, such as 'paper/ablation-released'."""
    runs = set(names())
    found = (f.relative_to(FOLDER).with_suffix("").as_posix() for f in FOLDER.rglob("*.yaml"))
    return sorted(name for name in found if name not in runs and not name.startswith("pretrain/"))


def config(name: str, overrides: Sequence[str] = ()) -> RunConfig:
    """A config from a YAML file, or from a shipped one's name. Raises ConfigError, UnknownNameError."""
    return load_config(config_path(name), overrides)


def config_path(name: str) -> Path:
    """Where a config is, by its file or its shipped name. Raises ConfigError: it is a study; UnknownNameError."""
    if name in study_names():
        raise ConfigError(f"{name} is a study of several runs. Use `tsfmicro study {name}`.")
    return _path("config", name, names())


def study_path(name: str) -> Path:
    """Where a study is, by its file or its shipped name. Raises ConfigError: it is one run; UnknownNameError."""
    if name in names():
        raise ConfigError(f"{name} is a config of one run. Use `tsfmicro run {name}`.")
    return _path("study", name, study_names())


def _path(kind: str, name: str, known: Sequence[str]) -> Path:
    if name.endswith((".yaml", ".yml")):
        return Path(name)
    if name not in known:
        listed = "`tsfmicro configs` lists those that come along; the name of a file of yours ends in .yaml."
        raise UnknownNameError(kind, name, known, listed=listed)
    return FOLDER / f"{name}.yaml"


def configs_table() -> tuple[list[str], list[list[str]]]:
    """Headings and rows for `tsfmicro configs`."""
    rows = []
    for name in names():
        c = config(name)
        options = " ".join(f"{k}={v}" for k, v in c.model.options.items())
        rows.append(
            [
                name,
                ", ".join(c.data.datasets),
                c.data.scheme,
                f"{c.model.name} {options}".strip(),
                str(c.train.epochs),
                str(len(c.train.seeds)),
            ]
        )
    return ["config", "datasets", "labels", "model", "epochs", "seeds"], rows
