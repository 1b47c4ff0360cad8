"""What a run ran on: device, processes, versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from tsfmicro.errors import ConfigError
from tsfmicro.workers import cores

_PACKAGES = ("tsfmicro", "torch", "numpy", "opencv-python-headless", "scikit-learn")

# Processes take turns on a GPU, each in the gaps of the others, and a recorded step leaves few gaps. Not measured yet.
ON_A_GPU = 3


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
    """As many trainings at once as there are cores and memory for; on a GPU its memory counts, and few are enough.

    Args: memory_per_task: bytes.
    """
    if device == "mps":
        return 1
    if device == "cpu":
        free, most = _free_memory(), cores()
    else:
        free, most = _free_gpu_memory(device), min(cores(), ON_A_GPU)
    return max(1, min(most, tasks, int(free * 0.8 / memory_per_task)))


def choose_precision(device: str, wanted: str) -> str:
    """'float32' or 'bfloat16'; as wanted where the GPU is another machine's, which then chooses.

    Raises: ConfigError: bfloat16 is wanted on a GPU without it.
    """
    import torch

    from tsfmicro.train.precision import precision_on

    return wanted if is_elsewhere(device) else precision_on(torch.device(device), wanted)


def settled_precision(begun: Mapping[str, Any], device: str) -> str:
    """The precision that a run on a CPU goes on with, since it decides the last bits; 'auto' where it was not begun on one.

    Args: begun: the run's environment. device: where it goes on.
    """
    known = begun.get("precision")
    return str(known) if device == begun.get("device") == "cpu" and known in ("float32", "bfloat16") else "auto"


def computed_on(device: str, wanted: str) -> dict[str, str]:
    """The device a training runs on and the precision it computes in, asked where it runs."""
    return {"device": _called(device), "precision": choose_precision(device, wanted)}


def environment(device: str, threads: int, precision: str = "float32") -> dict[str, Any]:
    """Versions and machine, for the run folder."""
    import torch

    return {
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),  # others round otherwise
        "cores": cores(),
        "device": _called(device),
        "threads": threads,
        "precision": precision,
        "packages": {name: version(name) for name in _PACKAGES},
    }


def _called(device: str) -> str:
    import torch

    return device if device in ("cpu", "mps") or is_elsewhere(device) else torch.cuda.get_device_name(device)


def is_elsewhere(device: str) -> bool:
    """Whether a GPU is meant that this machine does not have: a cluster's, seen from where the run was started."""
    import torch

    return device.startswith("cuda") and not torch.cuda.is_available()


def _free_memory() -> float:
    """Bytes that this machine has, and this process's control groups allow."""
    return min(float(psutil.virtual_memory().available), free_in_group())


def free_in_group(own: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> float:
    """Bytes that this process's control groups still allow: containers and the jobs of a batch system have such a limit.

    Cached files are not counted as used, since the system drops them when memory is wanted.

    Args: own: which group this process is in; root: where the groups are.
    """
    try:
        group = next(line[3:] for line in own.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return float("inf")
    inner = root / group.strip("/")
    levels = [level for level in (inner, *inner.parents) if level.is_relative_to(root)]
    return min(map(_free_at, levels), default=float("inf"))


def _free_at(level: Path) -> float:
    try:
        limit = int((level / "memory.max").read_text())  # a group without a limit says "max"
        lines = (level / "memory.stat").read_text().splitlines()
        return float(limit - next(int(line.split()[1]) for line in lines if line.startswith("anon ")))
    except (OSError, ValueError, StopIteration):
        return float("inf")


def _free_gpu_memory(device: str) -> float:
    """Bytes."""
    import torch

    return float(torch.cuda.mem_get_info(device)[0])


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:  # noqa: PTH123
            return next(line.split(":", 1)[1].strip() for line in stream if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
