"""Trainings on a real Ray cluster: two nodes, each a set of processes of its own, on this machine."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.run.conftest import plan_of, tiny_config
from tests.run.test_machines import Recorder, results
from tsfmicro.run.machines import train_here
from tsfmicro.run.on_ray import OnRay
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.watch import Watch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Ray's clusters for tests run on Linux")

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
LONG = 15  # epochs; so many that no training has finished when its first report is read


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    nodes.add_node(**NODE)
    yield nodes
    nodes.shutdown()


class Listener(Recorder):
    """Hears every report and note, and does something at the first report."""

    def __init__(self, at_first=lambda: None):
        super().__init__()
        self.notes, self.at_first = [], at_first

    def note(self, text):
        self.notes.append(text)

    def epoch(self, *report):
        super().epoch(*report)
        if len(self.epochs) == 1:
            self.at_first()


@pytest.fixture
def finished(start, plan):
    """What one machine makes of the same plan."""

    def run(plan=plan):
        folder, job = start("finished", plan)
        train_here(job, folder.missing_groups(), 1, Watch())
        return folder

    return run


def test_two_nodes_end_as_one_machine_does_to_the_last_bit_and_every_epoch_is_reported_once(cluster, start, finished):
    folder, job = start()
    watch = Listener()
    OnRay(cluster.address).train(job, folder.missing_groups(), watch)
    assert results(folder) == results(finished())
    assert sorted(watch.epochs, key=str) == sorted(((t, e) for t in folder.plan.tasks for e in (1, 2, 3)), key=str)


def test_a_node_that_is_killed_loses_nothing_and_counts_nothing_twice(cluster, start, finished, prepared_folder):
    plan = plan_of(tiny_config(epochs=LONG, seeds=(0,)), prepared_folder)
    folder, job = start(plan=plan)
    doomed = next(iter(cluster.worker_nodes))
    watch = Listener(at_first=lambda: cluster.remove_node(doomed, allow_graceful=False))
    try:
        OnRay(cluster.address).train(job, folder.missing_groups(), watch)
    finally:
        cluster.add_node(**NODE)
    assert any("died" in note and "trained again" in note for note in watch.notes)
    assert len(watch.epochs) == len(set(watch.epochs)) == LONG * len(plan.tasks)
    assert results(folder) == results(finished(plan))
    assert evaluate_run(folder).model.clips == 12


def test_a_driver_that_is_killed_is_started_again_and_does_only_what_is_missing(
    cluster, start, finished, prepared_folder
):
    plan = plan_of(tiny_config(epochs=LONG, seeds=(0,)), prepared_folder)
    folder, job = start(plan=plan)
    driver = start_driver(cluster.address, job)
    wait_until(lambda: len(folder.missing()) < len(plan.tasks))
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    left = len(folder.missing())
    assert 0 < left < len(plan.tasks), "killed in the middle"
    watch = Listener()
    OnRay(cluster.address).train(job, folder.missing_groups(), watch)
    assert len(watch.epochs) == LONG * left, "what was finished is not trained again"
    assert results(folder) == results(finished(plan))


def test_ctrl_c_ends_at_once_and_nothing_that_was_started_here_goes_on(start, prepared_folder):
    plan = plan_of(tiny_config(epochs=100_000), prepared_folder)
    _, job = start(plan=plan)
    driver = start_driver(None, job)
    assert driver.stdout.readline().strip() == "training"
    started = children(driver.pid)
    assert started
    driver.send_signal(signal.SIGINT)
    assert driver.wait(timeout=60) != 0
    wait_until(lambda: not any(map(alive, started)))


def start_driver(address, job):
    program = (
        "import sys, pathlib\n"
        "from tsfmicro.run.on_ray import OnRay\n"
        "from tsfmicro.run.folder import RunFolder\n"
        "from tsfmicro.run.task import Job\n"
        "from tsfmicro.run.watch import Watch\n"
        "class Aloud(Watch):\n"
        "    def epoch(self, *args):\n"
        "        print('training', flush=True)\n"
        "run, prepared = map(pathlib.Path, sys.argv[1:3])\n"
        "where = OnRay(sys.argv[3] or None, workers=2)\n"
        "where.train(Job(run, prepared, 'cpu', 1), RunFolder.open(run).missing_groups(), Aloud())\n"
    )
    words = [sys.executable, "-c", program, str(job.run), str(job.prepared), address or ""]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def wait_until(holds):
    deadline = time.monotonic() + 60
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert holds()


def children(pid):
    """All processes that this one started, and those that they started."""
    return psutil.Process(pid).children(recursive=True)


def alive(process):
    return process.is_running() and process.status() != "zombie"
