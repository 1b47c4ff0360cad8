"""The plain program beside ours, and whose weights are whose."""

import importlib.util
import re
from pathlib import Path

import torch

SPELLED_OUT = {"retention.qkv": ("retention.query", "retention.key", "retention.value")}


def load_reference():
    """The module benchmarks/reference.py, which is no part of the package."""
    file = Path(__file__).resolve().parents[2] / "benchmarks" / "reference.py"
    spec = importlib.util.spec_from_file_location("reference", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def plain_names(name):
    """Our name of a weight → the golden file's and the reference's, which keep q, k and v apart, in the order of our rows."""
    name = re.sub(r"stages\.(\d)\.blocks\.(\d)", lambda m: f"stage{int(m[1]) + 1}.block{int(m[2]) + 1}", name)
    name = re.sub(r"stages\.(\d)\.", lambda m: f"stage{int(m[1]) + 1}.", name)
    name = re.sub(r"spatial\.blocks\.(\d)", lambda m: f"spatial.block{int(m[1]) + 1}", name)
    name = re.sub(r"grow\.(\d)", lambda m: f"spatial_to_temporal.up{int(m[1]) + 1}", name)
    ours, plain = next(((o, p) for o, p in SPELLED_OUT.items() if o in name), ("", ("",)))
    return [name.replace(ours, part) for part in plain] if ours else [name]


def give_plain_weights(model, plain):
    """Load weights under the golden names, {name: tensor}, into our model."""
    weights = {
        key: torch.cat([plain[name] for name in plain_names(key)])
        for key in model.state_dict()
        if not key.endswith("num_batches_tracked")
    }
    model.load_state_dict(weights)


def plain_gradients(model):
    """The gradients of our model under the golden names."""
    return {
        name: gradient
        for key, weight in model.named_parameters()
        for name, gradient in zip(plain_names(key), weight.grad.chunk(len(plain_names(key))), strict=True)
    }
