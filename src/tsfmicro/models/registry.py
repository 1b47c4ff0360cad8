"""All models by name. A file in this folder that decorates a builder with `@register` is all a new model needs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tsfmicro.errors import ConfigError, UnknownNameError, check_free
from tsfmicro.models.base import Model
from tsfmicro.models.origin import Origin, Released
from tsfmicro.models.unreproducible import UNREPRODUCIBLE

Builder = Callable[..., Model]  # (num_classes, size, *, option=default, …) -> Model
MOST_CLASSES = 1000  # more are a slip, whose weights would fill the memory
_ALLOCATOR = "DefaultCPUAllocator"  # torch has no error of its own for a full memory, and words it by system
LARGEST = 2**16  # of whole numbers among the options; torch raises this or that at larger ones, or never ends


@dataclass(frozen=True)
class Entry:
    """A model that `create_model` can build.

    Attributes:
        size: edge of the images it was made for, pixels.
        about: one line.
        options: name → default.
        origin: its paper, and how far it is the published model; None for one that has not been described.
        released: reads a released checkpoint; None where there is none.
    """

    name: str
    build: Builder
    size: int
    about: str
    options: Mapping[str, Any]
    origin: Origin | None = None
    released: Released | None = None


@dataclass(frozen=True)
class Description:
    """What a model looks at, in words, and costs: parameters, and 10⁹ floating-point operations to look at one clip (a
    multiply-add is two)."""

    inputs: tuple[str, ...]
    parameters: int
    gflop: float


MODELS: dict[str, Entry] = {}


def register(
    name: str, *, size: int, origin: Origin | None = None, released: Released | None = None
) -> Callable[[Builder], Builder]:
    """Decorate a builder `(num_classes, size, *, options…)`; its docstring's first line says what the model is."""

    def keep(build: Builder) -> Builder:
        check_free("model", name, MODELS[name].build if name in MODELS else None, build)
        parameters = inspect.signature(build).parameters.values()
        options = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        MODELS[name] = Entry(
            name, build, size, (inspect.getdoc(build) or "").partition("\n")[0], options, origin, released
        )
        return build

    return keep


def create_model(name: str, num_classes: int, size: int | None = None, **options: Any) -> Model:
    """Build a model with new weights, drawn from torch's default generator (seed it with `torch.manual_seed`).

    Args:
        name: a key of MODELS.
        num_classes: emotions to tell apart.
        size: edge of the images, pixels; by default the one the model was made for.
        options: the model's own, e.g. variant="late".
    Raises:
        UnknownNameError: no such model or option.
        ConfigError: a size or an option's value that cannot work, a model that is larger than the memory, or one that is not whole.
    """
    entry = entry_of(name)
    for option in options:
        if option not in entry.options:
            raise UnknownNameError(f"option of model {name}", option, entry.options)
    _check_kinds(entry, options)
    if not isinstance(num_classes, int) or not 1 <= num_classes <= MOST_CLASSES:
        raise ConfigError(
            f"model {name}: num_classes is {num_classes!r}; give the number of emotions, 1 to {MOST_CLASSES}."
        )
    size = entry.size if size is None else size
    try:
        model = entry.build(num_classes, size, **options)
    except (MemoryError, RuntimeError) as problem:
        if not isinstance(problem, MemoryError) and _ALLOCATOR not in str(problem):
            raise
        raise ConfigError(
            f"model {name} of {size} pixels with {options} does not fit into the memory. Make it smaller."
        ) from None
    _check_whole(name, model)
    model.recipe = {"name": name, "num_classes": num_classes, "size": size, "options": options}
    return model


def _check_whole(name: str, model: object) -> None:
    """Raises ConfigError: what a builder made is no model, or has nothing to answer with."""
    if not isinstance(model, Model):
        raise ConfigError(f"model {name}: its builder gives {type(model).__name__}. Return a Model.")
    if type(model).logits is Model.logits and not (model.has_map and hasattr(model, "head")):
        lacks = "head" if model.has_map else "features"
        raise ConfigError(
            f"model {name}: {type(model).__name__} has no {lacks}. Give it features and a head, or logits instead."
        )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


KINDS: Mapping[str, tuple[str, Callable[[Any], bool]]] = {
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int": ("a whole number", _whole),
    "float": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
}
"""What an option may be, by how its builder writes it: in words, and whether a value is that."""


def _check_kinds(entry: Entry, options: Mapping[str, Any]) -> None:
    """Raises ConfigError: an option's value is of another kind than its builder takes, which alone knows what values can work, or larger
    than any size."""
    parameters = inspect.signature(entry.build).parameters
    for option, value in options.items():
        kind = parameters[option].annotation  # a text only where its module postpones annotations
        words, fits = KINDS.get(kind.__name__ if isinstance(kind, type) else str(kind), ("", lambda value: True))
        if not fits(value):
            raise ConfigError(f"{entry.name}: {option} is {value!r}; give {words}.")
        for one in value if isinstance(value, list | tuple) else (value,):
            if _whole(one) and abs(one) > LARGEST:
                raise ConfigError(f"{entry.name}: {option} is {value!r}; give {LARGEST} at most.")


def describe(name: str, num_classes: int = 5, size: int | None = None, **options: Any) -> Description:
    """What a model looks at and costs, without giving it memory. Raises as `create_model` does."""
    with torch.device("meta"):
        model = create_model(name, num_classes, size, **options).eval()
        # The fused attention kernels are not in the counter's table; the plain one is made of products that are.
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
            model(**model.example(1))
    inputs = tuple(dict.fromkeys(str(one) for one in model.needs))
    return Description(inputs, sum(p.numel() for p in model.parameters()), counter.get_total_flops() / 1e9)


def entry_of(name: str) -> Entry:
    """The model of that name. Raises UnknownNameError, which says of a published system why it is not there."""
    if name in MODELS:
        return MODELS[name]
    plain = str(name).lower()
    if f"{plain}-approx" in MODELS:
        raise UnknownNameError(
            "model", name, MODELS, f"There is only an approximation of it, with guessed sizes: '{plain}-approx'."
        )
    if plain in UNREPRODUCIBLE:
        raise UnknownNameError("model", name, MODELS, f"It cannot be rebuilt: {UNREPRODUCIBLE[plain].why}.")
    raise UnknownNameError("model", name, MODELS)


for _module in pkgutil.iter_modules([str(Path(__file__).parent)]):
    importlib.import_module(f"tsfmicro.models.{_module.name}")
