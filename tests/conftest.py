"""Hypothesis finds no fault with a machine that is slow; OpenVINO is not asked for less than its processor has."""

import gc
import os

from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

# OpenVINO crashes where oneDNN is told of fewer instructions than the processor has (`make test-plain`): torch, which reads
# the switch at its first use of oneDNN, has it by then.
if "ONEDNN_MAX_CPU_ISA" in os.environ:
    import torch

    torch.ones(1).to_mkldnn()
    del os.environ["ONEDNN_MAX_CPU_ISA"]


def pytest_xdist_auto_num_workers():
    """One more than there are cores: tests of browsers and other processes wait for much of their time."""
    return (os.cpu_count() or 1) + 1


# What collecting makes lives as long as the process: looked through again and again for what may be freed, it costs seconds.
gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()
