"""What a pretraining does: one YAML file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from tsfmicro.config import (
    USUAL_FLOW,
    AugmentConfig,
    ModelConfig,
    Section,
    check_section,
    parse_override,
    put,
    read_settings,
)
from tsfmicro.errors import ConfigError, UnknownNameError

FOLDER = Path(str(files("tsfmicro") / "configs" / "pretrain"))


class DrawConfig(Section):
    """Whom it learns from."""

    seed: int = Field(1000, ge=0, description="another seed draws other people; never one of people who are tested")
    people: int = Field(4, ge=1, description="people of a block; every block has others")
    each: int = Field(8, ge=1, description="pairs of each of them")
    flow: Literal["dis", "farneback", "drawn", "true"] = Field(
        USUAL_FLOW, description="for models that look at flow: measured as in clips, or what really moved"
    )
    greys: bool = Field(
        False,
        description="flow as ready-made maps have it, each channel from its least to its most as 0 to 255: for runs on these",
    )
    breadth: dict[str, float] = Field(
        default_factory=dict,
        description="how far people, pictures and movements spread, e.g. {camera: 0.5}; 1 where not said",
    )
    held_out: int = Field(8, ge=1, description="blocks of people who are only asked about")


class TargetsConfig(Section):
    """What it learns, and how much each weighs; 0 for not at all."""

    scheme: str = Field("casme2-5", description="label scheme of the emotions, as far as drawn people show them")
    emotion: float = Field(1.0, ge=0, description="cross-entropy")
    units: float = Field(1.0, ge=0, description="which action units are there: binary cross-entropy")
    intensity: float = Field(0.3, ge=0, description="how strong each is: mean squared error")
    motion: float = Field(
        0.3, ge=0, description="where each place goes, for models with a map: mean absolute error, pixels"
    )

    @model_validator(mode="after")
    def _something(self) -> TargetsConfig:
        if not (self.emotion or self.units or self.intensity or self.motion):
            raise ValueError("every weight is 0, so there is nothing to learn")
        return self


class LearnConfig(Section):
    """How it learns."""

    pairs: int = Field(20_000, ge=1, description="drawn pairs in all; --pairs and --minutes say otherwise")
    remember: int = Field(
        32, ge=1, description="the latest so many blocks are learned from, mixed; the others are forgotten"
    )
    repeat: int = Field(4, ge=1, description="pairs learned from for each that is drawn, augmented anew each time")
    batch_size: int = Field(32, ge=2)
    lr: float = Field(2e-3, gt=0, description="largest; it rises over the first twentieth and falls to 0 as a cosine")
    weight_decay: float = Field(0.05, ge=0)
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="of products and convolutions; bfloat16 takes half the time where the processor has it"
    )
    augment: AugmentConfig = AugmentConfig(flip=0.5, rotate=5.0, pad=4)


class PretrainConfig(Section):
    """Everything that decides what comes of a pretraining."""

    name: str = Field(pattern=r"^[\w.-]+$")
    size: int = Field(64, ge=16, le=1024, description="edge of the images or maps that the model looks at, pixels")
    model: ModelConfig
    half: bool = Field(
        False,
        description="keep the weights as numbers of 16 bits: half the file, and a run begins with what they say exactly",
    )
    draw: DrawConfig = DrawConfig()
    targets: TargetsConfig = TargetsConfig()
    learn: LearnConfig = LearnConfig()


def names() -> list[str]:
    """The shipped ones."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def settings(name: str, overrides: Sequence[str] = (), more: dict[str, Any] | None = None) -> PretrainConfig:
    """A pretraining's settings, from a YAML file or a shipped one's name.

    Args: overrides: 'learn.lr=1e-3' and the like; more: the same by key, over them.
    Raises: ConfigError: every mistake at once; UnknownNameError.
    """
    is_file = name.endswith((".yaml", ".yml"))
    if not is_file and name not in names():
        raise UnknownNameError("pretraining", name, names())
    values = read_settings(Path(name) if is_file else FOLDER / f"{name}.yaml")
    if "data" in values or "protocol" in values:
        raise ConfigError(
            f"{name}: is the config of a run. Use `tsfmicro run`, or give a pretraining: {', '.join(names())}."
        )
    for override in overrides:
        put(values, *parse_override(override))
    for key, value in (more or {}).items():
        put(values, key, value)
    return check_section(PretrainConfig, values, name)


def pretrainings_table() -> tuple[list[str], list[list[str]]]:
    """Headings and rows of the shipped ones, for `tsfmicro configs`."""
    rows = []
    for name in names():
        c = settings(name)
        options = " ".join(f"{k}={v}" for k, v in c.model.options.items())
        learned = [one for one in ("emotion", "units", "intensity", "motion") if getattr(c.targets, one)]
        rows.append([name, f"{c.model.name} {options}".strip(), str(c.size), ", ".join(learned), str(c.learn.pairs)])
    return ["pretraining", "model", "size", "learns", "pairs"], rows
