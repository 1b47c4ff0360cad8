"""Which numbers a training computes with: float32, or bfloat16 where the GPU or the processor has units for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from tsfmicro.errors import ConfigError


def precision_on(device: torch.device, wanted: str) -> str:
    """'float32' or 'bfloat16'.

    Args: wanted: one of these, or 'auto': bfloat16 on a CUDA GPU that computes in it, float32 everywhere else (a run on a CPU has
        tried which is faster before, and says so).
    Raises: ConfigError: bfloat16 is wanted on a CUDA GPU that only emulates it.
    """
    if wanted == "auto":
        return "bfloat16" if device.type == "cuda" and has_bfloat16(device) else "float32"
    if wanted == "bfloat16" and device.type == "cuda" and not has_bfloat16(device):
        raise ConfigError("this GPU does not compute in bfloat16. Set train.precision=float32.")
    return wanted


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device has units for bfloat16, and not only a program that does without."""
    if device.type == "cpu":
        asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # not public, and new in torch 2.6
        return any(getattr(torch.cpu, name, bool)() for name in asked)
    return device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)


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
