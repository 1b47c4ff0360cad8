"""Trainings on a real Ray cluster: two nodes, each a set of processes of its own, on this machine."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from dataclasses import replace

import psutil
import pytest

from tests.run.conftest import plan_of, tiny_config
from tests.run.test_here import Listener, results
from tests.waiting import PATIENCE, alive, wait_until
from tsfmicro.errors import ConfigError, RunError, TsfmicroError
from tsfmicro.machines import on_ray
from tsfmicro.machines.named import machines
from tsfmicro.machines.on_ray import OnRay
from tsfmicro.run.here import train_here
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.watch import Watch

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Ray's clusters for tests run on Linux")

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
PATIENT = {  # Ray gives up on processes and nodes after seconds that a busy machine may need
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_worker_register_timeout_seconds": str(PATIENCE),
    "RAY_health_check_failure_threshold": "100",
    "RAY_worker_niceness": "0",  # else trainings wait until the other tests leave a core
}


@pytest.fixture(scope="module", autouse=True)
def patient():
    before = dict(os.environ)
    os.environ.update(PATIENT)
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as room,
    ):
        patch.setattr(on_ray, "ANSWERED_WITHIN", PATIENCE)
        os.environ["RAY_TMPDIR"] = room  # else its logs stay; pytest's own folder is too deep for its sockets
        yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="module")
def cluster(patient):
    from ray.cluster_utils import Cluster

    nodes = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
    nodes.add_node(**NODE)
    yield nodes
    nodes.shutdown()


@pytest.fixture
def finished(start, plan):
    """What one machine makes of the same plan."""

    def run(plan=plan):
        folder, job = start("finished", plan)
        train_here(job, folder.missing(), 1, Watch())
        return folder

    return run


def test_two_nodes_end_as_one_machine_does_to_the_last_bit_and_every_epoch_is_reported_once(cluster, start, finished):
    folder, job = start()
    watch = Listener()
    OnRay(cluster.address).train(job, folder.missing(), watch)
    assert results(folder) == results(finished())
    assert sorted(watch.epochs, key=str) == sorted(((t, e) for t in folder.plan.tasks for e in (1, 2, 3)), key=str)


@pytest.mark.slow
def test_a_node_that_is_killed_loses_nothing_and_counts_nothing_twice(
    cluster, start, finished, prepared_folder, tmp_path, monkeypatch
):
    plan = plan_of(tiny_config(seeds=(0,)), prepared_folder)
    folder, job = start(plan=plan)
    doomed, here, made_by_value = next(iter(cluster.worker_nodes)), tmp_path / "nodes", on_ray._train_by_value
    here.mkdir()

    def held():
        """Trainings that say where they are and wait until the node is gone, so that none can have finished there."""
        train = made_by_value()

        def wait_and_train(*work):
            import time

            import ray

            (here / ray.get_runtime_context().get_node_id()).touch()
            while not (here / "go").exists():
                time.sleep(0.05)
            return train(*work)

        return wait_and_train

    def kill():
        wait_until((here / doomed.node_id).exists)
        cluster.remove_node(doomed, allow_graceful=False)
        (here / "go").touch()

    monkeypatch.setattr(on_ray, "_train_by_value", held)
    watch, assassin = Listener(), threading.Thread(target=kill)
    assassin.start()
    try:
        OnRay(cluster.address).train(job, folder.missing(), watch)
    finally:
        assassin.join()
        cluster.add_node(**NODE)
    assert any("died" in note and "trained again" in note for note in watch.notes)
    assert len(watch.epochs) == len(set(watch.epochs)) == 3 * len(plan.tasks)
    assert results(folder) == results(finished(plan))
    assert evaluate_run(folder).model.clips == 12


@pytest.mark.slow
def test_a_driver_that_is_killed_is_started_again_and_does_only_what_is_missing(
    cluster, start, finished, prepared_folder
):
    plan = plan_of(tiny_config(seeds=(0,)), prepared_folder)
    folder, job = start(plan=plan)
    driver = start_driver(cluster.address, job, stays_at_the_first_report_after_a_result=True)
    assert "kept\n" in driver.stdout
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    left = len(folder.missing())
    assert 0 < left < len(plan.tasks), "killed in the middle"
    watch = Listener()
    OnRay(cluster.address).train(job, folder.missing(), watch)
    assert len(watch.epochs) == 3 * left, "what was finished is not trained again"
    assert results(folder) == results(finished(plan))


def press_ctrl_c(driver):
    """As often as it takes, as a person would: a library may swallow one that comes inside a callback."""
    for _ in range(30):
        driver.send_signal(signal.SIGINT)
        try:
            driver.wait(timeout=40)
            return
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("Ctrl-C does not end it")


@pytest.mark.slow
def test_ctrl_c_ends_it_and_nothing_that_was_started_here_goes_on(start, prepared_folder):
    _, job = start(plan=plan_of(tiny_config(epochs=100_000), prepared_folder))
    for _ in range(9):  # Ray gives up on itself where it has not started in half a minute, as on a busy machine
        driver = start_driver(None, job)
        if driver.stdout.readline() == "training\n":
            break
    started = children(driver.pid)
    assert started
    press_ctrl_c(driver)
    wait_until(lambda: not any(map(alive, started)))


@pytest.mark.slow
def test_a_batch_system_that_ends_the_driver_ends_it_as_ctrl_c_does(cluster, start, prepared_folder):
    _, job = start(plan=plan_of(tiny_config(epochs=100_000), prepared_folder))
    driver = start_driver(cluster.address, job)
    assert driver.stdout.readline().strip() == "training"
    driver.send_signal(signal.SIGTERM)
    assert driver.wait(timeout=PATIENCE) == -signal.SIGINT, "what Python makes of Ctrl-C, and no crash"


def test_a_process_that_dies_again_and_again_is_told_in_words(cluster, start, monkeypatch):
    def dying():
        def train(*work):
            import os

            os._exit(1)

        return train

    monkeypatch.setattr(on_ray, "_train_by_value", dying)
    folder, job = start()
    watch = Listener()
    with pytest.raises(RunError, match=r"casme2-sub0., seed .: the process or node at work on it died 3 times"):
        OnRay(cluster.address).train(job, folder.missing()[:1], watch)
    assert len(watch.notes) == 2


def test_a_clip_that_was_not_prepared_is_told_in_one_line_and_not_tried_again(cluster, start, plan):
    unknown = "casme2/sub07/EP01"
    fold = replace(plan.folds[0], train=(*plan.folds[0].train, unknown))
    folder, job = start(plan=replace(plan, folds=(fold,), labels={**plan.labels, unknown: 0}))
    with (folder.path / "clips.csv").open("a") as table:
        table.write(f"{unknown},casme2/sub07,negative\n")
    watch = Listener()
    with pytest.raises(TsfmicroError, match=f"^clip {unknown} is not in prepared set key"):
        OnRay(cluster.address).train(job, folder.missing(), watch)
    assert not watch.notes


def test_a_node_with_another_version_says_so(cluster, start, monkeypatch):
    monkeypatch.setattr(on_ray, "version", lambda name: "9.9+cpu")
    folder, job = start()
    with pytest.raises(TsfmicroError, match=r"^node .* has tsfmicro \S+ instead of 9\.9, torch .*the same versions"):
        OnRay(cluster.address).train(job, folder.missing(), Watch())


def test_a_ray_that_does_not_start_in_time_is_told_in_one_line(start, monkeypatch):
    import ray

    def give_up(**options):
        raise Exception("The current node timed out during startup.")

    monkeypatch.setattr(ray, "init", give_up)
    folder, job = start()
    with pytest.raises(RunError, match=r"Ray cannot be used: The current node timed out during startup\.$"):
        OnRay().train(job, folder.missing(), Watch())


def test_what_no_node_holds_is_told_at_once(cluster, start, monkeypatch):
    with pytest.raises(ConfigError, match=r"no node of the Ray cluster at .* has a GPU"):
        OnRay(cluster.address).choose_device("cuda")
    assert OnRay(cluster.address).choose_device("auto") == "cpu"
    monkeypatch.setattr(on_ray, "training_memory", lambda *of: 1e15)
    folder, job = start()
    with pytest.raises(ConfigError, match=r"no node of the Ray cluster has 1 CPU, 1000000\.0 GB"):
        OnRay(cluster.address).train(job, folder.missing(), Watch())


def test_an_address_where_nothing_or_something_else_answers_is_told_in_one_line(monkeypatch):
    monkeypatch.setattr(on_ray, "ANSWERED_WITHIN", 3)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"Ray at {address} cannot be reached"):
            OnRay(address).choose_device("auto")
        silent.listen()
        with pytest.raises(ConfigError, match=f"Ray at {address} does not answer"):
            OnRay(address).choose_device("auto")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "ray", "address": "10.0.0.1"}, "HOST:PORT"),
        ({"name": "ray", "address": "ray://10.0.0.1:10001"}, "HOST:PORT"),
        ({"name": "here", "address": "10.0.0.1:6379"}, "--address goes with --machines ray"),
        ({"name": "slurm", "gpus": 0.5}, "--gpus-per-training goes with --machines ray"),
        ({"name": "ray", "slurm": ["time=3"]}, "--slurm goes with --machines slurm"),
        ({"name": "rya"}, "Did you mean 'ray'"),
    ],
)
def test_options_that_do_not_fit_are_told(given, said):
    with pytest.raises(TsfmicroError, match=said):
        machines(**given).choose_device("auto")


def start_driver(address, job, stays_at_the_first_report_after_a_result=False):
    program = (
        "import signal, sys, pathlib, time\n"
        # What a shell starts in the background is deaf to Ctrl-C, and so would be the driver.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from tsfmicro.machines.on_ray import OnRay\n"
        "from tsfmicro.run.folder import RunFolder\n"
        "from tsfmicro.run.task import Job\n"
        "from tsfmicro.run.watch import Watch\n"
        "run, prepared = map(pathlib.Path, sys.argv[1:3])\n"
        "folder, stays = RunFolder.open(run), sys.argv[4] == 'True'\n"
        "class Aloud(Watch):\n"
        "    def epoch(self, *args):\n"
        "        print('training', flush=True)\n"
        "        while stays and len(folder.missing()) < len(folder.plan.tasks):\n"
        "            print('kept', flush=True)\n"
        "            time.sleep(1)\n"
        "where = OnRay(sys.argv[3] or None, workers=2)\n"
        "where.train(Job(run, prepared, 'cpu', 1), folder.missing(), Aloud())\n"
    )
    stays = str(stays_at_the_first_report_after_a_result)
    words = [sys.executable, "-c", program, str(job.run), str(job.prepared), address or "", stays]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def children(pid):
    """All processes that this one started, and those that they started."""
    return psutil.Process(pid).children(recursive=True)
