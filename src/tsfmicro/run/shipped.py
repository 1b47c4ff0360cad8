"""The configs that come with the package."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from tsfmicro.config import RunConfig, load_config
from tsfmicro.errors import UnknownNameError

FOLDER = Path(str(files("tsfmicro") / "configs"))


def names() -> list[str]:
    return sorted(f.stem for f in FOLDER.glob("*.yaml"))


def config(name: str, overrides: Sequence[str] = ()) -> RunConfig:
    """A config from a YAML file, or from a shipped one's name. Raises ConfigError, UnknownNameError."""
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if name not in names():
            raise UnknownNameError("config", name, names())
        path = FOLDER / f"{name}.yaml"
    return load_config(path, overrides)


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
