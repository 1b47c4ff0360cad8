"""Where trainings run: in this process, or in several on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from typing import Any

from tsfmicro.errors import RunError
from tsfmicro.run.task import Job, train_task
from tsfmicro.run.watch import Task, Watch


def train_here(job: Job, tasks: Sequence[Task], workers: int, watch: Watch) -> None:
    """Do all trainings on this machine. What is finished is on disk, whatever happens to the rest.

    Raises: RunError: a worker died.
    """
    if workers <= 1 or len(tasks) <= 1:
        for task in tasks:
            train_task(job, task, lambda epoch, epochs, loss, task=task: watch.epoch(task, epoch, epochs, loss))  # type: ignore[misc]
        return
    context = get_context("spawn")
    events = context.SimpleQueue()
    with _passive_threads(), _relay(events, watch):
        pool = ProcessPoolExecutor(min(workers, len(tasks)), context, initializer=_start_worker, initargs=(events,))
        try:
            waiting = {pool.submit(_work, job, task) for task in tasks}
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
            pool.shutdown()
        except BrokenProcessPool:
            raise RunError(
                f"{job.run}: a training process died, perhaps for want of memory. Finished folds are kept: "
                "run the same command again, with fewer --workers."
            ) from None
        except BaseException:
            for process in list(pool._processes.values()):  # a stopped run must not train on unseen
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


_events: Any = None  # in a worker: the way back to the process that shows progress


def _start_worker(events: Any) -> None:
    global _events
    _events = events
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which ends the workers


def _work(job: Job, task: Task) -> None:
    train_task(job, task, lambda epoch, epochs, loss: _events.put((task, epoch, epochs, loss)))


@contextlib.contextmanager
def _relay(events: Any, watch: Watch) -> Iterator[None]:
    """Pass what workers report to the watch, in a thread, until the work is over."""

    def relay() -> None:
        while (event := events.get()) is not None:
            watch.epoch(*event)

    thread = threading.Thread(target=relay, daemon=True)
    thread.start()
    try:
        yield
    finally:
        events.put(None)
        thread.join(timeout=5)


@contextlib.contextmanager
def _passive_threads() -> Iterator[None]:
    """Workers inherit this: idle OpenMP threads that spin take the core from a neighbour that works."""
    before = os.environ.get("OMP_WAIT_POLICY")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_WAIT_POLICY"]
