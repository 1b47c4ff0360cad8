"""Trained models as a folder: model.safetensors and config.json, here or on the Hugging Face hub.

The hub's own mixin wants a class whose constructor's arguments are the config. Our models are built by name, so
what it would add is these few lines; a saved folder is laid out as the hub expects it all the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from tsfmicro.card import Card
from tsfmicro.errors import ConfigError, WeightsError
from tsfmicro.files import write_whole
from tsfmicro.models.base import Model
from tsfmicro.models.registry import create_model

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
FORMAT = 1  # of config.json with its card; one that says none is of 1
HUB = "hf:/"  # never owner/name alone: a folder looks like that too, and a slip must not load a stranger's weights
_ADDRESS = "hf://owner/name for a repository on the Hugging Face hub"
_SHOWN = 3  # of the mistakes in a file, told in one line
# What we, or torch, raise at sizes that cannot be, one or another.
_CANNOT_BE_BUILT = (ConfigError, TypeError, ValueError, OverflowError, RuntimeError)


def save_pretrained(model: Model, folder: str | Path) -> None:
    """Write a model that `create_model` built: its weights, and the recipe to build it again."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    written = safetensors.torch.save(weights, metadata={"format": "pt"})
    write_whole(folder / WEIGHTS, written)
    about = {"weights_sha256": sha256(written).hexdigest(), "classes": model.classes} | (
        {"card": model.card.to_dict()} if model.card else {}
    )
    write_whole(folder / CONFIG, json.dumps({"format": FORMAT, **model.recipe, **about}, indent=2) + "\n")


def from_pretrained(place: str | Path) -> Model:
    """The model saved at `place`, in eval mode on the CPU.

    Args:
        place: a folder, or a repository on the Hugging Face hub as "hf://owner/name" (needs `huggingface_hub`).
    Raises:
        WeightsError: the folder or a file is missing or damaged, or the weights do not fit the config.
        UnknownNameError: the config names a model or option that does not exist here.
    """
    folder = Path(place) if Path(place).is_dir() else _fetch(str(place))
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        recipe = {key: config[key] for key in ("name", "num_classes", "size")} | dict(config["options"])
        written = config.get("format", FORMAT)
    except FileNotFoundError:
        raise WeightsError(
            f"{place}: holds no model ({CONFIG} is missing). Give the folder of a saved model, or of a run (with run.json)."
        ) from None
    except OSError as problem:
        raise WeightsError(f"{folder / CONFIG}: cannot be read ({problem.strerror}). Save the model again.") from None
    except (ValueError, KeyError, TypeError) as problem:
        raise WeightsError(
            f"{folder / CONFIG}: is not the config of a saved model ({' '.join(str(problem).split())})."
        ) from None
    if written != FORMAT:
        raise WeightsError(
            f"{folder / CONFIG}: is of format {written}, this version reads {FORMAT}. Use the version that saved it."
        )
    try:
        model = create_model(**recipe)
    except _CANNOT_BE_BUILT as problem:
        raise WeightsError(
            f"{folder / CONFIG}: no model can be built as it says ({str(problem).partition(chr(10))[0]}). Save the model again."
        ) from None
    model.classes = _classes(config, folder)
    model.card = Card.from_dict(config["card"], str(folder / CONFIG)) if "card" in config else None
    load_weights(model, folder / WEIGHTS)
    _check_whole(folder, config.get("weights_sha256"))
    return model.eval()


def _classes(config: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """Their names; none where the model was saved without. Raises WeightsError: they cannot be those of its answers."""
    named = config.get("classes", [])
    known = isinstance(named, list) and all(isinstance(one, str) for one in named)
    if not known or (named and (len(set(named)) != len(named) or len(named) != config["num_classes"])):
        raise WeightsError(
            f"{folder / CONFIG}: classes must be {config['num_classes']} different names, one for each answer of the model."
        )
    return tuple(named)


def _check_whole(folder: Path, saved: object) -> None:
    """Raises WeightsError: the weights are others than those that were saved; nothing else in the file would show a lost block."""
    if saved is not None and saved != sha256((folder / WEIGHTS).read_bytes()).hexdigest():
        raise WeightsError(
            f"{folder / WEIGHTS}: is not the file that was saved with its {CONFIG}: damaged, or exchanged. Copy the folder again; "
            "if you exchanged the weights, delete weights_sha256 there."
        )


def load_weights(model: torch.nn.Module, file: Path) -> None:
    """Give a model the weights in a safetensors file; all of them, or none and an error.

    Raises:
        WeightsError: no such file, not safetensors, or weights that do not fit: which, and their shapes.
    """
    try:
        weights = safetensors.torch.load_file(file)
    except OSError as problem:
        raise WeightsError(f"{file}: cannot be read ({problem.strerror or problem}).") from None
    except SafetensorError as problem:
        raise WeightsError(
            f"{file}: is not a safetensors file, or cut short ({problem}). Copy it again, or save the model again."
        ) from None
    fit_weights(model, weights, file)


def fit_weights(model: torch.nn.Module, weights: Mapping[str, Tensor], file: Path | str) -> None:
    """Give a model weights by their names; all of them, or none and an error. What `lacking` leaves out may be missing.

    Args: file: where they come from, for the message. Raises: WeightsError: which do not fit, and their shapes.
    """
    for name in getattr(model, "grows", ()):  # a machine's vectors: how many there are, the weights say
        if name in weights:
            model.get_buffer(name).data = torch.empty_like(weights[name])
    mistakes = _mistakes(weights, model.state_dict(), lacking(model, weights))
    if mistakes:
        more = f"; and {len(mistakes) - _SHOWN} more" if len(mistakes) > _SHOWN else ""
        raise WeightsError(
            f"{file}: does not fit {type(model).__name__}: {'; '.join(mistakes[:_SHOWN])}{more}. Build the model"
            " with the options it was trained with."
        )
    model.load_state_dict(weights, strict=False)  # what may be missing was looked at above


def lacking(model: torch.nn.Module, weights: Mapping[str, Tensor]) -> list[str]:
    """What these weights do not hold of a model, but for counters of batches and what each training sets itself."""
    spared = getattr(model, "set_by_training", ())
    return [
        name
        for name in model.state_dict()
        if name not in weights and name not in spared and not name.endswith("num_batches_tracked")
    ]


def of_the_classes(model: Model) -> set[str]:
    """Names of the weights that hang on how many classes there are: the last layer, and what else a model has for each class."""
    made = dict(model.recipe)
    with torch.device("meta"):
        one, other = (
            create_model(made["name"], made["num_classes"] + more, made["size"], **made["options"]).state_dict()
            for more in (0, 1)
        )
    return {name for name in one if one[name].shape != other[name].shape}


def fit_start(model: Model, weights: Mapping[str, Tensor], file: Path, answers: Sequence[int] = ()) -> None:
    """Give a new model weights that were learned elsewhere, all but those that hang on its classes.

    Args:
        file: where they come from, for the message.
        answers: which of the answers learned there each class of the model begins with; none to leave them new.
    Raises: WeightsError: which do not fit, and their shapes.
    """
    new = of_the_classes(model)
    own = model.state_dict()
    known = {name: values for name, values in weights.items() if name not in new}
    of_classes = {n: weights[n][list(answers)] if answers and n in weights else own[n] for n in new}
    fit_weights(model, known | of_classes, file)


def _mistakes(weights: Mapping[str, Tensor], needed: Mapping[str, Tensor], missing: Sequence[str]) -> list[str]:
    return (
        [
            f"{name} is {tuple(weights[name].shape)} but must be {tuple(needed[name].shape)}"
            for name in needed
            if name in weights and weights[name].shape != needed[name].shape
        ]
        + [f"{name} is missing" for name in missing]
        + [f"{name} is not part of it" for name in weights if name not in needed]
    )


def _fetch(place: str) -> Path:
    """A local copy of a repository on the hub."""
    address = Path(place).as_posix()  # hf:/owner/name, whether it came as text or as a Path
    if not address.startswith(HUB):
        raise WeightsError(f"{place}: no such folder. Give a model's folder, or {_ADDRESS}.")
    repository = address.removeprefix(HUB)
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository):
        raise WeightsError(f"{place}: is no repository. Write {_ADDRESS}.")
    try:
        from huggingface_hub import snapshot_download  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        raise WeightsError(f"{place}: needs huggingface_hub. Run: pip install 'tsfmicro[hub]'.") from None
    try:
        return Path(snapshot_download(repository, allow_patterns=[WEIGHTS, CONFIG]))
    except Exception as problem:  # the hub's client raises its own, its transport's and the system's errors
        raise WeightsError(f"{place}: the hub did not give it ({' '.join(str(problem).split())}).") from problem
