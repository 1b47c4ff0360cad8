"""Weights that the user has fetched: read without running anything that a file may hold."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tsfmicro.errors import WeightsError


def read_weights(file: Path, what: str) -> dict[str, Any]:
    """Name → tensor of a released checkpoint, without the wrappings that training programs leave around it.

    Args: file: .safetensors, or torch's own format, which is read as plain tensors alone. what: whose weights, in words.
    Raises: WeightsError: there is no such file, or it holds something else than tensors.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not file.is_file():
        raise WeightsError(f"{file}: no such file. Give the weights of {what}, or choose a method that needs none.")
    try:
        found: Any = (
            load_file(file)
            if file.suffix == ".safetensors"
            else torch.load(file, map_location="cpu", weights_only=True)
        )
    except (OSError, SafetensorError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as problem:
        raise WeightsError(
            f"{file}: cannot be read as plain tensors ({' '.join(str(problem).split())[:120]}). Fetch it again, or convert"
            " it with safetensors.torch.save_file."
        ) from None
    found = found.get("state_dict", found) if isinstance(found, dict) else {}
    weights = {name.removeprefix("module."): value for name, value in found.items() if isinstance(value, torch.Tensor)}
    if not weights:
        raise WeightsError(f"{file}: holds no tensors by name. Give the weights of {what}.")
    return weights


def give_weights(network: Any, weights: Mapping[str, Any], file: Path, what: str, unused: tuple[str, ...] = ()) -> None:
    """Load weights that must fit, but for those whose names begin as `unused` ones do. Raises WeightsError."""
    kept = {name: value for name, value in weights.items() if not name.startswith(unused or ("\0",))}
    wanted = {name: value for name, value in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    wrong = [f"{name} is missing" for name in wanted if name not in kept]
    wrong += [
        f"{name} is {tuple(kept[name].shape)} but must be {tuple(wanted[name].shape)}"
        for name in wanted
        if name in kept and kept[name].shape != wanted[name].shape
    ]
    wrong += [f"{name} is not part of it" for name in kept if name not in network.state_dict()]
    if wrong:
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        raise WeightsError(f"{file}: does not fit {what}: {wrong[0]}{more}. Give the weights of that network.")
    network.load_state_dict(kept, strict=False)
