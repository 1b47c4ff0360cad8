"""Trainings on a Ray cluster: the faces travel once to each node, the results come back and are kept here.

Only this process writes into the run folder, so the nodes need no disk in common and no result can be there twice. A
training whose process or node is lost is given out again; a mistake of the user is not, it is told in one line.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from types import ModuleType
from typing import Any

from tsfmicro.errors import ConfigError, RunError, TsfmicroError
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.run.environment import choose_device
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.task import Job, Tell, Trained, keep, train_task, training_memory
from tsfmicro.run.watch import Task, Watch
from tsfmicro.workers import cores

TRIES = 3  # of one training, when its process or node is lost each time
PACKAGES = ("tsfmicro", "torch", "numpy")  # a training's numbers hang on these
REACHED_WITHIN, ANSWERED_WITHIN = 5.0, 30.0  # seconds; Ray itself would try for minutes
REPORTS_EVERY = 0.25  # seconds


@dataclass(frozen=True)
class OnRay:
    """The nodes of a Ray cluster, or Ray started on this machine.

    Attributes:
        address: HOST:PORT of the head node, 'auto' for the cluster that this machine is in, None to start Ray here.
        gpus: part of a GPU that one training takes; at 0.25 four share one.
        workers: trainings at once, at most; by default as many as the nodes hold.
    """

    address: str | None = None
    gpus: float = 0.25
    workers: int | None = None

    def choose_device(self, name: str) -> str:
        """'auto' → 'cuda' where a node has a GPU. Raises ConfigError: no Ray, no cluster, no such device."""
        _import_ray()
        if self.address is None:
            return choose_device(name)
        gpus = sum(node.get("GPU", 0) for node in _ask_nodes(self.address))
        if name.startswith("cuda") and not gpus:
            raise ConfigError(f"device {name!r} is not there; no node of the Ray cluster at {self.address} has a GPU.")
        return "cuda" if name.startswith("cuda") or (name == "auto" and gpus) else "cpu" if name == "auto" else name

    def threads(self, tasks: int) -> int:
        """One each: nodes differ in their cores."""
        return 1

    def train(self, job: Job, tasks: Sequence[Task], watch: Watch) -> None:
        """Do these trainings on the nodes, and keep each result in the run folder as it comes.

        Raises:
            TsfmicroError: a mistake of the user, wherever it was found; another version on a node.
            RunError: a training was lost again and again.
        """
        if not tasks:
            return
        folder = RunFolder.open(job.run)
        with _connected(self.address) as ray:
            needs = self._needs(ray, job, folder)
            crew = _Crew(ray, job, folder, tasks, needs, watch)
            for trained in crew.results(self.workers or len(tasks)):
                keep(folder, trained)

    def _needs(self, ray: ModuleType, job: Job, folder: RunFolder) -> dict[str, float]:
        """What a node must have free for one training. Raises ConfigError: no node is large enough."""
        plan = folder.plan
        needs = {"CPU": float(job.threads)}
        if job.device.startswith("cuda"):
            needs["GPU"] = self.gpus
        else:
            needs["memory"] = float(int(training_memory(plan.config, len(plan.classes))))
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(all(node.get(what, 0) >= much for what, much in needs.items()) for node in nodes):
            wanted = ", ".join(
                f"{much / 1e9:.1f} GB" if what == "memory" else f"{much:g} {what}" for what, much in needs.items()
            )
            raise ConfigError(
                f"no node of the Ray cluster has {wanted}, which one training needs. "
                "Choose a smaller train.batch_size or --gpus-per-training, or add a node."
            )
        return needs


class _Crew:
    """Trainings on their way: handed out, reported, and handed out again when they are lost."""

    def __init__(
        self,
        ray: ModuleType,
        job: Job,
        folder: RunFolder,
        tasks: Sequence[Task],
        needs: Mapping[str, float],
        watch: Watch,
    ) -> None:
        from ray.util.queue import Queue
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        # The reports wait on this process's node: no other node's end takes them along.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._reports = Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        shipped = (folder.plan, tuple(tasks), job.device, job.threads, job.precision)
        # In a list, so that nothing is unpacked at the node before it has compared versions.
        self._shipment = [ray.put(shipped), ray.put(open_prepared(job.prepared, check=False)), self._reports]
        self._train = ray.remote(_train_by_value()).options(
            num_cpus=needs["CPU"],
            num_gpus=needs.get("GPU", 0),
            memory=needs.get("memory"),
            max_retries=0,  # lost ones are handed out again here, where they can be counted and told
        )
        self._ray, self._tasks, self._watch = ray, tasks, watch
        self._versions = {name: _public(version(name)) for name in PACKAGES}
        self._told: dict[Task, int] = {}

    def results(self, at_once: int) -> Iterator[Trained]:
        """What the trainings leave behind, as it comes."""
        waiting, losses = deque(range(len(self._tasks))), Counter[int]()
        running: dict[Any, int] = {}
        while waiting or running:
            while waiting and len(running) < at_once:
                number = waiting.popleft()
                running[self._train.remote(self._versions, self._shipment, number)] = number
            ready, _ = self._ray.wait(list(running), timeout=REPORTS_EVERY)
            for reference in ready:
                number = running.pop(reference)
                outcome = self._outcome(reference)
                self._pass_reports_on()
                if isinstance(outcome, _Lost):
                    losses[number] += 1
                    self._tell_loss(self._tasks[number], outcome, losses[number])
                    waiting.append(number)
                else:
                    yield outcome
            self._pass_reports_on()

    def _outcome(self, reference: Any) -> Trained | _Lost:
        from ray.exceptions import RayError, RayTaskError

        try:
            outcome = self._ray.get(reference)
        except RayTaskError as failed:
            if isinstance(failed.cause, RayError):  # e.g. the faces did not arrive
                return _Lost(type(failed.cause).__name__)
            raise
        except RayError as lost:
            return _Lost(type(lost).__name__)
        if isinstance(outcome, str):
            raise TsfmicroError(outcome)
        return outcome

    def _tell_loss(self, task: Task, lost: _Lost, times: int) -> None:
        if times == TRIES:
            raise RunError(
                f"{task}: the process or node at work on it died {times} times ({lost.why}), perhaps for want of memory. "
                "What is finished is kept: the same command goes on from there."
            )
        self._watch.note(f"{task}: the process or node at work on it died ({lost.why}); it is trained again")

    def _pass_reports_on(self) -> None:
        """Tell the watch what is new: a training that is done again reports its first epochs a second time."""
        for task, epoch, epochs, loss in self._reports.get_nowait_batch(self._reports.qsize()):
            if epoch > self._told.get(task, 0):
                self._told[task] = epoch
                self._watch.epoch(task, epoch, epochs, loss)


@dataclass(frozen=True)
class _Lost:
    why: str


def _train_by_value() -> Callable[..., Any]:
    """The function that a node runs. Being made here, it travels as it is and is not looked up in the node's package:
    so a node that lacks the package, or has another version, can say so.
    """

    def train(versions: dict[str, str], shipment: list[Any], number: int) -> Any:
        import socket
        from importlib.metadata import PackageNotFoundError, version

        def there(name: str) -> str:
            try:
                return version(name).partition("+")[0]
            except PackageNotFoundError:
                return "none"

        other = [
            f"{name} {there(name)} instead of {wanted}" for name, wanted in versions.items() if there(name) != wanted
        ]
        if other:
            return f"node {socket.gethostname()} has {', '.join(other)}. Install the same versions on every node."

        from tsfmicro.machines.on_ray import train_shipped

        return train_shipped(number, *shipment)

    return train


def train_shipped(number: int, shipped: Any, prepared: Any, reports: Any) -> Trained | str:
    """At a node: do one of the trainings that were shipped. A mistake of the user comes back as its one line."""
    import cv2
    import ray

    cv2.setNumThreads(1)
    plan, tasks, device, threads, precision = ray.get(shipped)
    faces = ray.get(prepared)  # a view of the node's shared memory, whatever the number of trainings there
    try:
        return train_task(plan, faces, tasks[number], device, threads, _reporting(reports), precision=precision)
    except TsfmicroError as mistake:
        return str(mistake)


def _reporting(reports: Any) -> Tell:
    """Reports sent a few at a time: an epoch may last a hundredth of a second."""
    waiting: list[tuple[Task, int, int, float]] = []
    sent = time.monotonic()

    def tell(report: tuple[Task, int, int, float]) -> None:
        nonlocal sent
        waiting.append(report)
        _, epoch, epochs, _ = report
        if epoch == epochs or time.monotonic() - sent > REPORTS_EVERY:
            reports.put_nowait_batch(waiting)
            waiting.clear()
            sent = time.monotonic()

    return tell


def _public(number: str) -> str:
    """2.9.0+cpu → 2.9.0: the driver may run where there is no GPU."""
    return number.partition("+")[0]


def _import_ray() -> ModuleType:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that somebody trains here
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise ConfigError("Ray is not installed. Install it with: pip install 'tsfmicro[ray]'.") from None
    return ray


@contextmanager
def _connected(address: str | None) -> Iterator[ModuleType]:
    """Ray, while the trainings run. What was started here ends here; of a cluster, only our trainings end."""
    ray = _import_ray()
    here = {"address": "local", "num_cpus": cores(), "include_dashboard": False}
    try:
        ray.init(**(here if address is None else {"address": address}), log_to_driver=False, logging_level="ERROR")
    except Exception as problem:  # what may go wrong at its start has no common class
        raise RunError(f"Ray cannot be used: {' '.join(str(problem).split())[:300].rstrip('.')}.") from None
    try:
        with _ended_as_by_ctrl_c():
            yield ray
    except ray.exceptions.RayTaskError:  # a mistake of ours, with its traceback
        raise
    except ray.exceptions.RayError as problem:  # e.g. the faces do not fit into the shared memory of this machine
        told = str(problem).strip().splitlines() or [type(problem).__name__]
        raise RunError(f"Ray: {told[0]} What is finished is kept: the same command goes on from there.") from None
    finally:
        ray.shutdown()


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """A batch system's or a container's "end now" (SIGTERM) ends as Ctrl-C does: Ray's own answer to it is a crash."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _ask_nodes(address: str) -> list[dict[str, float]]:
    """Resources of each node of a cluster. Raises ConfigError: no cluster answers there.

    Another process asks, since Ray tries for minutes and may then end the process that asked.
    """
    _knock(address)
    program = (
        "import json, ray, sys\n"
        "try:\n"
        "    ray.init(address=sys.argv[1], log_to_driver=False, logging_level='CRITICAL')\n"
        "    print(json.dumps([n['Resources'] for n in ray.nodes() if n['Alive']]))\n"
        "except Exception as error:\n"
        "    print(json.dumps(str(error)))\n"
    )
    try:
        asked = subprocess.run(
            [sys.executable, "-c", program, address],
            capture_output=True,
            text=True,
            timeout=ANSWERED_WITHIN,
            check=False,
        )
        answer = json.loads(asked.stdout.splitlines()[-1])
    except (subprocess.TimeoutExpired, ValueError, IndexError):
        answer = "it does not speak Ray, or is not well"
    if isinstance(answer, str):
        raise ConfigError(f"Ray at {address} does not answer: {' '.join(answer.split())[:300].rstrip('.')}. {_HOW}")
    return list(answer)


def _knock(address: str) -> None:
    """Raises ConfigError: nothing listens at HOST:PORT."""
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or not host or "://" in host or not port.isdigit():
        raise ConfigError(f"--address {address}: write it as HOST:PORT of the head node, or auto.")
    try:
        socket.create_connection((host, int(port)), REACHED_WITHIN).close()
    except OSError as problem:
        raise ConfigError(f"Ray at {address} cannot be reached ({problem.strerror or problem}). {_HOW}") from None


_HOW = "Start it with `ray start --head` there, run this on one of its nodes, and give --address HOST:PORT."
