"""Whether a training on a CPU is faster in bfloat16: a few steps are tried, once, before a run's first training."""

from __future__ import annotations

import time

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tsfmicro.config import RunConfig
from tsfmicro.models.base import ClosedForm, Model
from tsfmicro.run.task import build_model, on_threads
from tsfmicro.train.precision import has_bfloat16, lowered

# Of a clip forwards. What does less is made of many small operations, and bfloat16 makes them no faster; it is not tried, so that
# a small model's last digits do not depend on how busy the machine is.
PARAMETERS, OPERATIONS = 1_000_000, 2e9
GAIN = 1.15  # less is not worth other last digits
_CLIPS, _ROUNDS = 2, 2
_CPU = torch.device("cpu")


def rehearsed_precision(config: RunConfig, n_classes: int, threads: int) -> str:
    """'bfloat16' or 'float32' for this model on this processor, where the settings leave it open.

    Args: threads: of one training.
    Raises: UnknownNameError, ConfigError: a model or option that cannot be.
    """
    if not (has_bfloat16(_CPU) and _is_large(config, n_classes)):
        return "float32"
    with on_threads(threads), torch.random.fork_rng():
        model = build_model(config, n_classes).train()
        best = {"float32": float("inf"), "bfloat16": float("inf")}
        for number in range(1 + _ROUNDS):  # in turns, so that both meet the same machine; the first of each warms up
            for precision in best:
                took = _step(model, precision)
                best[precision] = min(best[precision], took) if number else best[precision]
    return "bfloat16" if best["float32"] > GAIN * best["bfloat16"] else "float32"


def _is_large(config: RunConfig, n_classes: int) -> bool:
    with torch.device("meta"):
        model = build_model(config, n_classes)
        if isinstance(model, ClosedForm) or sum(p.numel() for p in model.parameters()) < PARAMETERS:
            return False
        with FlopCounterMode(display=False) as counter:
            _loss(model.train())
    return counter.get_total_flops() >= OPERATIONS * _CLIPS


def _step(model: Model, precision: str) -> float:
    """Seconds of the loss and its gradient."""
    began = time.perf_counter()
    with lowered(_CPU, precision):
        loss = _loss(model)
    loss.backward()
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - began


def _loss(model: Model) -> Tensor:
    return model.loss(model.example(_CLIPS), torch.zeros(_CLIPS, dtype=torch.int64))
