"""The settings of a run: one YAML file, checked as a whole, all mistakes told at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tsfmicro.errors import ConfigError

USUAL_FLOW: Final = "dis"  # the method by which flow is measured where nobody says another


class Section(BaseModel):
    """Settings that belong together: an unknown one is a mistake, and nothing changes once they are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def shipped(self) -> Mapping[str, Path]:
        """Files of the package that decide what these settings make, such as weights: what is in them belongs into its key."""
        return {}


class Named(Section):
    """Something chosen by its name, with options of its own; in YAML the name alone will do."""

    name: str
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value


class DataConfig(Section):
    """Which clips, and which class each belongs to."""

    datasets: tuple[str, ...] = Field(min_length=1, description="names from `tsfmicro data list`")
    scheme: str = Field(description="label scheme, e.g. casme2-5; or action units, e.g. cd6me-12")
    exclude: Path | None = Field(None, description="CSV of clips to leave out, columns: clip, why")


class PrepareConfig(Section):
    """How faces are found and aligned. What is made of them is what the model needs."""

    size: int = Field(224, ge=16, le=1024, description="edge of the images or maps that the model looks at, pixels")
    detector: Literal["mtcnn", "haar"] = Field("mtcnn", description="haar also steps in where mtcnn finds no face")
    neighbourhood: float = Field(
        0.15 / 4,
        ge=0,
        le=0.5,
        description="widest pair: search ⌊neighbourhood·(apex−onset)⌋ frames inside onset and apex",
    )
    products: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="options of a product by its name, e.g. {flow: {method: farneback}}"
    )
    apex: Literal["annotated", "missing", "spotted"] = Field(
        "annotated",
        description="missing: it is looked for between onset and offset where a clip has none; spotted: everywhere",
    )


class ModelConfig(Named):
    """Which model, with which options."""

    name: str = Field("tsfmicro", description="a name from `tsfmicro models`")


class ProtocolConfig(Named):
    """Who is tested on what was learned from whom."""

    name: str = Field("loso", description="loso, composite, cross_dataset, leave_one_dataset_out, hde or person_kfold")


class AugmentConfig(Section):
    """One random draw for a pair's onset and apex."""

    flip: float = Field(0.5, ge=0, le=1, description="probability of a horizontal flip")
    rotate: float = Field(3.0, ge=0, le=180, description="largest rotation, degrees")
    pad: int = Field(15, ge=0, description="random crop: largest shift in each direction, pixels")

    @property
    def still(self) -> bool:
        """Whether nothing is moved."""
        return not (self.flip or self.rotate or self.pad)


class TrainConfig(Section):
    """How a fold is trained. The published and released settings stand in the shipped configs."""

    epochs: int = Field(50, ge=1)
    batch_size: int = Field(32, ge=1)
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="auto: bfloat16 where the GPU has it, or where it is faster on this CPU"
    )
    optimiser: Literal["adamw", "adam", "sgd", "rmsprop"] = "adamw"
    lr: float = Field(8e-4, gt=0)
    weight_decay: float = Field(0.6, ge=0)
    momentum: float = Field(0.0, ge=0, lt=1, description="of sgd and rmsprop")
    schedule: Literal["exponential", "step", "cosine", "constant"] = Field(
        "exponential", description="of the learning rate; cosine falls to 0, constant stays"
    )
    decay: float = Field(0.987, gt=0, le=1, description="the learning rate is multiplied by this after each epoch …")
    decay_epochs: int = Field(50, ge=0, description="… of the first so many (exponential), or every so many (step)")
    sampling: Literal["shuffled", "balanced"] = Field(
        "shuffled", description="balanced: each class is drawn as often as the others"
    )
    loss: Literal["cross_entropy", "balanced", "focal"] = Field(
        "cross_entropy",
        description="balanced: rare classes weigh more, by the training side's counts; focal: clips told surely weigh less",
    )
    gamma: float = Field(2.0, ge=0, description="of focal: how much less; 0 is cross-entropy")
    pair: Literal["annotated", "widest"] = Field("widest", description="training pair; testing uses the annotated one")
    augment: AugmentConfig = AugmentConfig()
    seeds: tuple[int, ...] = Field((0,), min_length=1)
    val_people: int = Field(0, ge=0, description="people of the training side held out in each fold")
    keep: Literal["last", "final", "none"] = Field(
        "last", description="weights that stay on disk: each fold's last, only the final model's of everybody, or none"
    )
    start: str | None = Field(
        None,
        description="whose weights a training begins with, all but the last layer: a shipped start's name, or a folder",
    )
    start_rates: float = Field(
        1.0,
        gt=0,
        le=1,
        description="with a start: the first layer's learning rate as a part of the last one's; between them it falls evenly",
    )
    start_answers: bool = Field(
        False,
        description="with a start that tells this run's classes: begin with its last layer, too, not with a new one",
    )
    frozen: tuple[str, ...] = Field((), description="with a start: parts that stay as they are, e.g. [spatial]")

    @model_validator(mode="after")
    def _of_a_start(self) -> TrainConfig:
        if self.start is None and (self.start_rates != 1 or self.start_answers or self.frozen):
            raise ValueError(
                "start_rates, start_answers and frozen are for trainings that begin with a start; set start, or leave them out"
            )
        return self


class RunConfig(Section):
    """Everything that decides a run's result, but the data's place on disk."""

    name: str = Field(pattern=r"^[\w.-]+$")
    data: DataConfig
    prepare: PrepareConfig = PrepareConfig()
    model: ModelConfig = ModelConfig()
    protocol: ProtocolConfig = ProtocolConfig()
    train: TrainConfig = TrainConfig()


Kind = TypeVar("Kind", bound=Section)
MOST_VALUES = 100_000  # in one file of settings
_SHOWN = 100  # characters of a wrong value


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as PyYAML reads it takes 1e-3 for text; a number is a number here."""


class _Dumper(yaml.SafeDumper):
    """Writes text in quotes that would be read as another if it were plain: a number, or with a line break of Unicode's."""


for _either in (_Loader, _Dumper):
    _either.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
        list("-+0123456789."),
    )

_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if set(text) & set("\x85\u2028\u2029") else None
    ),
)


def yaml_text(settings: Section) -> str:
    """Settings as YAML text that `parse_yaml` reads as the same."""
    return yaml.dump(settings.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def parse_yaml(text: str) -> Any:
    """YAML text as Python values, 1e-3 read as a number.

    Raises: yaml.YAMLError: it is no YAML, or so deep, or written with so many references, that it was made to wear a program out.
    """
    try:
        values = yaml.load(text, Loader=_Loader)  # noqa: S506 – it is a SafeLoader
        size = _written_out(values, {})
    except RecursionError:
        raise yaml.YAMLError("it holds itself, or is nested too deeply") from None
    if size > MOST_VALUES:
        raise yaml.YAMLError(f"its references stand for more than {MOST_VALUES:,} values")
    return values


def _written_out(value: Any, known: dict[int, int]) -> int:
    """How many values it would be without references. A few lines of references to references may stand for billions."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_written_out(part, known) for part in parts)
    return known[id(value)]


def load_config(path: Path, overrides: Sequence[str] = ()) -> RunConfig:
    """Read a run's settings.

    Args:
        path: the YAML file.
        overrides: 'train.epochs=50' and the like, applied in order.
    Raises:
        ConfigError: no such file, not YAML, or settings that cannot work; every mistake with its path, at once.
    """
    values = read_settings(path)
    for override in overrides:
        put(values, *parse_override(override))
    given = " ".join(f"--set {override}" for override in overrides)
    return check_config(values, f"{given} on {path}" if given else str(path))


def read_settings(path: Path) -> dict[str, Any]:
    """A YAML file's plain values, not yet checked. Raises ConfigError: no such file, not YAML, or empty."""
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}). Give the path of a config, or a shipped one's name."
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: holds no settings. Start from a shipped config.")
    return values


def check_config(values: Mapping[str, Any], where: str) -> RunConfig:
    """A run's settings from plain values. Raises ConfigError that names every mistake at once."""
    return check_section(RunConfig, values, where)


def check_section(section: type[Kind], values: Mapping[str, Any], where: str) -> Kind:
    """Settings of a kind from plain values. Raises ConfigError that names every mistake at once."""
    try:
        return section.model_validate(values)
    except ValidationError as invalid:
        mistakes = "; ".join(_mistake(section, e) for e in invalid.errors())
        raise ConfigError(f"{where}: {mistakes}.") from None


def put(values: dict[str, Any], key: str, value: Any) -> None:
    """Put a value at 'train.epochs' and the like. Raises ConfigError: a part of the path is a value."""
    *path, last = key.split(".")
    for part in path:
        inner = values.setdefault(part, {})
        if isinstance(inner, str) and part in ("model", "protocol"):  # a name that stands for its section
            inner = values[part] = {"name": inner}
        if not isinstance(inner, dict):
            raise ConfigError(f"{key}: {part} is a value, not a section.")
        values = inner
    values[last] = value


def parse_override(
    text: str, said: str = "--set", like: str = "section.key=value, e.g. train.epochs=50"
) -> tuple[str, Any]:
    """'train.epochs=50' as key and value. Args: said, like: the option that it was given to, and how that is written. Raises ConfigError."""
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise ConfigError(f"{said} {text}: write it as {like}.")
    try:
        return key, parse_yaml(value)
    except yaml.YAMLError:
        raise ConfigError(f"{said} {text}: {value!r} is not a YAML value.") from None


GONE = {
    "prepare.flow": "a model's own needs decide what is prepared; delete it",
    "train.together": "each fold is trained by itself now; delete it",
}
"""Settings of earlier versions, and what to do about them. In the folder of a run that has them they are passed over."""


def without_gone(values: Mapping[str, Any]) -> dict[str, Any]:
    """A run's plain values as an earlier version wrote them, without the settings that are gone."""
    kept = {name: dict(inner) if isinstance(inner, Mapping) else inner for name, inner in values.items()}
    for path in GONE:
        section, name = path.split(".")
        if isinstance(kept.get(section), dict):
            kept[section].pop(name, None)
    return kept


def _mistake(section: type[Section], error: Any) -> str:
    path = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden" and path in GONE:
        return f"{path}: no such setting any more ({GONE[path]})"
    if error["type"] == "extra_forbidden":
        known = _keys(section, error["loc"][:-1])
        near = difflib.get_close_matches(str(error["loc"][-1]), known, n=1)
        near = near or [one for one in _all_below(section) if one.endswith(f".{error['loc'][-1]}")]
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known) or 'none'}"
        return f"{path}: no such setting ({hint})"
    if error["type"] == "value_error":  # raised by a check of ours, which says it all
        return f"{path}: {error['ctx']['error']}" if path else str(error["ctx"]["error"])
    if error["type"] == "missing":
        return f"{path}: is missing"
    wrong = repr(error["input"])
    wrong = wrong if len(wrong) <= _SHOWN else f"{wrong[:_SHOWN]}…"
    return f"{path}: {error['msg'][0].lower()}{error['msg'][1:]} (it is {wrong})"


def _all_below(section: type[BaseModel]) -> Iterator[str]:
    """train.epochs and the like: every setting within a section of this one."""
    for name, field in section.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from (f"{name}.{inner}" for inner in (*field.annotation.model_fields, *_all_below(field.annotation)))


def _keys(section: type[BaseModel], path: Sequence[Any]) -> list[str]:
    for part in path:
        inner = section.model_fields[part].annotation
        assert isinstance(inner, type) and issubclass(inner, BaseModel)
        section = inner
    return list(section.model_fields)
