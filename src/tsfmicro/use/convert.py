"""A released checkpoint as a saved model of ours, read without running anything that is in it."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tsfmicro.errors import ConfigError, UnknownNameError, WeightsError
from tsfmicro.models.base import Model
from tsfmicro.models.pretrained import fit_weights, save_pretrained
from tsfmicro.models.registry import MODELS, create_model

NESTED = (
    "state_dict",
    "model_state_dict",
    "model",
    "net",
    "weights",
)  # under which programs keep the weights in a dict


def convert(
    name: str, weights: Path, out: Path, classes: Sequence[str], size: int | None = None, **options: Any
) -> Model:
    """Read a released program's weights, and save them as `from_pretrained` reads them.

    Args:
        name: of the model. weights: a .pth, .pt or .safetensors file. out: the folder to write.
        classes: class names in the order of the released program's outputs.
        size, options: of the model.
    Raises:
        UnknownNameError, ConfigError: no such model, none that has a released program, or options that cannot be.
        WeightsError: the file cannot be read, holds code, or does not fit.
    """
    if name not in MODELS:
        raise UnknownNameError("model", name, MODELS)
    released = MODELS[name].released
    if released is None:
        able = ", ".join(entry.name for entry in MODELS.values() if entry.released)
        raise ConfigError(f"no released checkpoint of {name} is known; there are maps for {able}.")
    if not classes:
        raise ConfigError("give the class names in the order of the released program's outputs: --classes A,B,C.")
    model = create_model(name, len(classes), size, **options)
    try:
        ours = dict(released(read_state(weights), **options))
    except (KeyError, IndexError, ValueError, RuntimeError):
        raise WeightsError(
            f"{weights}: is not a checkpoint of the released {name}. "
            "Give its own weights, and the options that they were trained with."
        ) from None
    known = {key: tensor for key, tensor in ours.items() if not key.endswith("num_batches_tracked")}
    fit_weights(model, known, weights)
    model.classes = tuple(classes)
    save_pretrained(model.eval(), out)
    return model


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a checkpoint by their names; nothing in it is run. Raises WeightsError."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # how a file was pickled
            values = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as problem:
        raise WeightsError(f"{path}: cannot be read ({problem.strerror or problem}).") from None
    except pickle.UnpicklingError:
        raise WeightsError(
            f"{path}: is no checkpoint, or holds code besides weights and is not read for safety. "
            "Save its state_dict alone, where you trust it."
        ) from None
    except Exception:  # whatever a damaged file may raise
        raise WeightsError(f"{path}: is not a checkpoint, or a damaged one. Copy it again.") from None
    while isinstance(values, Mapping) and (inner := next((values[n] for n in NESTED if n in values), None)) is not None:
        values = inner
    if not isinstance(values, Mapping) or not all(isinstance(one, Tensor) for one in values.values()) or not values:
        raise WeightsError(f"{path}: holds no weights by name. Give a state_dict.")
    return {str(name).removeprefix("module."): tensor for name, tensor in values.items()}
