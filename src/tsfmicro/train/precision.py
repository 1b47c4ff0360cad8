"""Which numbers a training computes with: float32, or bfloat16 where a GPU has units for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from tsfmicro.errors import ConfigError


def precision_on(device: torch.device, wanted: str) -> str:
    """'float32' or 'bfloat16'.

    Args: wanted: one of these, or 'auto': bfloat16 on a CUDA GPU that computes in it, float32 everywhere else.
    Raises: ConfigError: bfloat16 is wanted on a CUDA GPU that only emulates it.
    """
    has_units = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    if wanted == "auto":
        return "bfloat16" if has_units else "float32"
    if wanted == "bfloat16" and device.type == "cuda" and not has_units:
        raise ConfigError("this GPU does not compute in bfloat16. Set train.precision=float32.")
    return wanted


def lowered(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Products and convolutions in this precision; weights, sums of norms and softmax stay in float32."""
    if precision == "float32":
        return nullcontext()
    # Each weight is used once in a step, so that keeping its rounded copy buys nothing; and a recorded graph must make it.
    return torch.autocast(device.type, torch.bfloat16, cache_enabled=False)


@contextmanager
def at_work(device: torch.device) -> Iterator[None]:
    """A GPU's libraries as a training wants them: float32 means float32 and not TF32, and cuDNN tries its kernels once for
    each shape and keeps the fastest. As they were before on leaving.
    """
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device), torch.backends.cudnn.flags(enabled=True, benchmark=True, allow_tf32=False):
        yield
