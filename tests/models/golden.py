"""The golden numbers of other systems: weights by rule, and comparisons within the tolerances that each file states."""

import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "golden" / "zoo"


def golden(name):
    """Facts and arrays of a system; the test is skipped where they are not at hand."""
    path = FOLDER / f"{name}.json"
    if not path.exists():
        pytest.skip("the golden numbers are not here")
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return json.loads(path.read_text(encoding="utf-8")), {key: arrays[key] for key in arrays.files}


def filled(name, shape):
    """A released program's parameter or buffer, as the rule fills it."""
    draw = np.random.default_rng(zlib.crc32(name.encode()))
    if name.endswith("num_batches_tracked"):
        return torch.zeros((), dtype=torch.int64)
    if len(shape) >= 2:
        values = draw.standard_normal(shape) / np.sqrt(np.prod(shape[1:]))
    elif len(shape) == 1 and re.search(r"(running_var|weight)$", name):
        values = draw.uniform(0.5, 1.5, shape)
    else:
        values = 0.1 * draw.standard_normal(shape)
    return torch.from_numpy(np.asarray(values, np.float32))


def weights(listed):
    """All parameters and buffers of a released program, by its names. listed: [name, shape] pairs."""
    return {name: filled(name, shape) for name, shape in listed}


def drawn(low, high, shape):
    """The inputs of a golden file."""
    return torch.from_numpy(np.random.default_rng(7).uniform(low, high, shape).astype(np.float32))


def distance(ours, theirs):
    """Largest difference, as a part of the largest golden value."""
    ours = np.asarray(ours.detach() if isinstance(ours, torch.Tensor) else ours, np.float64)
    assert ours.shape == theirs.shape, f"{ours.shape} is not {theirs.shape}"
    return float(np.abs(ours - theirs).max() / max(np.abs(theirs).max(), 1e-30))


def assert_near(ours, theirs, tolerance=3e-5):
    found = distance(ours, theirs)
    assert found <= tolerance, f"{found:.1e} of the largest value, allowed {tolerance:.0e}"


def train_once(model, batch, target, **settings):
    """Training loss and the norm of each parameter's gradient, without dropout. Buffers move as in training."""
    for part in model.modules():
        if "Dropout" in type(part).__name__:
            part.p = 0.0
    model.train().zero_grad()
    loss = model.loss(batch, target) if hasattr(model, "loss") else cross_entropy(model(**batch), target)
    loss.backward()
    return float(loss.detach()), {n: p.grad.norm().item() for n, p in model.named_parameters() if p.grad is not None}


def assert_norms_near(ours, theirs):
    """|a − b| ≤ 1e-3·b + 2e-4·the largest. ours, theirs: in one order."""
    ours, theirs = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert ours.shape == theirs.shape
    off = np.abs(ours - theirs) - (1e-3 * theirs + 2e-4 * theirs.max())
    assert (off <= 0).all(), f"{int((off > 0).sum())} gradients differ, the first is number {int(off.argmax())}"
