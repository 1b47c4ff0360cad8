"""Hypothesis finds no fault with a machine that is slow; OpenVINO is not asked for less than its processor has; what takes
long to make is made once."""

import gc
import os

import pytest
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
    # A test's own cycles are few, and looking for them each 700 objects is a twentieth of the suite.
    gc.set_threshold(50_000, 20, 20)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, worker_id):
    """A file or folder that one of the processes that test makes for all of them, under a name that no other test gives. Nobody
    changes it."""
    from tsfmicro.files import locked

    base = tmp_path_factory.getbasetemp()
    base = (base if worker_id == "master" else base.parent) / "made-once"
    base.mkdir(exist_ok=True)

    def made(name, make):
        at, begun = base / name, base / "begun" / name
        with locked(base / f"{name}.lock", lambda: None):
            if not at.exists():
                begun.parent.mkdir(exist_ok=True)
                make(begun)
                begun.rename(at)
        return at

    return made


@pytest.fixture(scope="session")
def release_of(made_once):
    """The folder with a dataset's fake, of its full size unless rows are asked for. Nobody changes it."""
    import numpy as np

    from tsfmicro.data.registry import dataset

    def root_of(name, **asked):
        called = ", ".join([name, *(f"{key} {value}" for key, value in asked.items())])
        return made_once(called, lambda root: dataset(name).write_fake(root, np.random.default_rng(0), **asked))

    return root_of
