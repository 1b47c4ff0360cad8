"""What a run ran on, and how many trainings go on at once."""

from types import SimpleNamespace

import pytest
import torch

from tsfmicro.errors import ConfigError
from tsfmicro.run import environment as chosen
from tsfmicro.run.environment import choose_device, choose_precision, choose_workers, environment

GB = 1e9


@pytest.fixture
def machine(monkeypatch):
    """Eight cores, 16 GB of memory free, 40 GB of the GPU's."""
    monkeypatch.setattr(chosen, "cores", lambda: 8)
    monkeypatch.setattr(chosen, "_free_memory", lambda: 16 * GB)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (40 * GB, 48 * GB))


@pytest.mark.parametrize("device, tasks, each, expected", [
    ("cpu", 26, 1 * GB, 8),  # cores
    ("cpu", 5, 1 * GB, 5),  # trainings
    ("cpu", 26, 4 * GB, 3),  # memory, of which a fifth is left free
    ("cpu", 26, 99 * GB, 1),  # one is always tried
    ("cuda", 26, 13 * GB, 2),  # the GPU's memory
    ("cuda:1", 26, 1 * GB, 3),  # more would only wait for one another
    ("cuda", 2, 1 * GB, 2),
    ("cuda", 26, 60 * GB, 1),
    ("mps", 26, 1 * GB, 1),
])  # fmt: skip
def test_as_many_trainings_at_once_as_cores_and_memory_allow_and_a_few_on_a_gpu(machine, device, tasks, each, expected):
    assert choose_workers(device, tasks, each) == expected


def test_on_a_system_without_proc_the_free_memory_counts_too(monkeypatch):
    """macOS and Windows: psutil asks them in their own way."""
    opened = open

    def open_all_but_proc(path, *arguments, **named):
        if str(path).startswith("/proc"):
            raise FileNotFoundError(path)
        return opened(path, *arguments, **named)

    monkeypatch.setattr("builtins.open", open_all_but_proc)
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=5 * GB))
    monkeypatch.setattr(chosen, "cores", lambda: 8)
    monkeypatch.setattr(chosen, "free_in_group", lambda: float("inf"))
    assert choose_workers("cpu", 26, 1 * GB) == 4


def test_a_device_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(ConfigError, match="'gpu' is not there; this machine has cpu"):
        choose_device("gpu")


def test_the_run_says_which_precision_auto_has_become():
    assert environment("cpu", 1, choose_precision("cpu", "auto"))["precision"] == "float32"
