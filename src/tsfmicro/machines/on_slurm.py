"""Trainings as an array job of SLURM, through submitit. Run folder and prepared faces lie on a disk that all nodes see.

The jobs are the cluster's: they go on when this process is stopped or killed, and the next call waits for them instead of
training a second time. With cluster=local they are processes of this machine, for trying, and end with this process.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Any

import numpy as np

from tsfmicro.errors import ConfigError, RunError, TsfmicroError
from tsfmicro.files import write_whole
from tsfmicro.run.environment import choose_device
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.task import Job, do_task, training_memory
from tsfmicro.run.watch import Task, Watch
from tsfmicro.workers import cores

ARRAY_TASKS = 1000  # SLURM takes no more in one array, unless its administrator says so
DEFAULTS = {"time": 240, "cpus_per_task": 1}  # minutes; submitit's own five would end most trainings
GPU_OPTIONS = {"gpus_per_node", "gpus_per_task", "gpus", "gres"}
POLL, POLL_HERE = 5.0, 0.1  # seconds between looks into the run folder
SEEN_WITHIN = 60.0  # seconds until a file that a node wrote is seen here, on a shared disk that caches


@dataclass(frozen=True)
class OnSlurm:
    """The nodes of a SLURM cluster.

    Attributes:
        options: of sbatch, with _ for -: partition, time (minutes), mem, gpus_per_node, account, qos, …
        cluster: 'slurm', or 'local' for processes of this machine in place of SLURM's jobs.
        workers: array tasks at once, at most.
    """

    options: Mapping[str, str | int] = field(default_factory=dict)
    cluster: str = "slurm"
    workers: int | None = None

    @classmethod
    def of(cls, pairs: Sequence[str], workers: int | None = None) -> OnSlurm:
        """From 'KEY=VALUE' texts. Raises ConfigError."""
        options: dict[str, str | int] = {}
        for pair in pairs:
            key, sign, value = pair.partition("=")
            if not sign or not key or not value:
                raise ConfigError(f"--slurm {pair}: write it as KEY=VALUE, e.g. partition=gpu.")
            options[key.replace("-", "_")] = int(value) if value.isdigit() else value
        for key in DEFAULTS.keys() & options.keys():
            if not isinstance(options[key], int):
                raise ConfigError(f"--slurm {key}={options[key]}: write it as a whole number (time in minutes).")
        cluster = str(options.pop("cluster", "slurm"))
        if cluster not in ("slurm", "local"):
            raise ConfigError(f"--slurm cluster={cluster}: it is slurm, or local to try without SLURM.")
        return cls(options, cluster, workers)

    def choose_device(self, name: str) -> str:
        """'auto' → 'cuda' where GPUs are asked for. Raises ConfigError: no SLURM here, or a GPU that is not asked for."""
        _import_submitit()
        if self.cluster == "local":
            return choose_device(name)
        if shutil.which("sbatch") is None:
            raise ConfigError(
                "sbatch is not found. Run this on a SLURM cluster's login node, or try --slurm cluster=local."
            )
        has_gpu = bool(GPU_OPTIONS & set(self.options))
        if name.startswith("cuda") and not has_gpu:
            raise ConfigError(f"device {name!r} needs a GPU for each job. Add --slurm gpus_per_node=1.")
        return ("cuda" if has_gpu else "cpu") if name == "auto" else name

    def threads(self, tasks: int) -> int:
        """One each: nodes differ in their cores."""
        return 1

    def train(self, job: Job, tasks: Sequence[Task], watch: Watch) -> None:
        """Wait for the jobs of an earlier call, submit what is missing, and wait until all of it is in the run folder.

        Raises: RunError: jobs ended without their result, with the log of the first; TsfmicroError: their mistake.
        """
        if not tasks:
            return
        job = replace(job, run=job.run.resolve(), prepared=job.prepared.resolve())
        jobs = _Jobs(self, job, RunFolder.open(job.run), tasks, watch)
        jobs.wait_for_earlier()
        jobs.submit_missing()


@dataclass(frozen=True)
class Share:
    """What one array task does; a task that is preempted or runs out of time is queued again by submitit and goes on."""

    job: Job
    tasks: tuple[Task, ...]

    def __call__(self) -> None:
        import cv2

        cv2.setNumThreads(1)
        folder = RunFolder.open(self.job.run)
        for task in self.tasks:
            if not folder.place(task).exists():
                do_task(self.job, task, _print)

    def checkpoint(self) -> Any:
        return _import_submitit().helpers.DelayedSubmission(self)


def _print(report: tuple[Task, int, int, float]) -> None:
    task, epoch, epochs, loss = report
    print(f"{task}: epoch {epoch} of {epochs}, loss {loss:.3f}", flush=True)


class _Jobs:
    """The jobs of one run: submitted, awaited, and found again by a later call."""

    def __init__(self, where: OnSlurm, job: Job, folder: RunFolder, tasks: Sequence[Task], watch: Watch) -> None:
        self._where, self._job, self._folder, self._watch = where, job, folder, watch
        self._untold = [task for task in tasks if self._is_missing(task)]
        self._logs = job.run / "slurm"
        self._pause = POLL_HERE if where.cluster == "local" else POLL

    def _is_missing(self, task: Task) -> bool:
        return not self._folder.place(task).exists()

    def wait_for_earlier(self) -> None:
        """Jobs that a call submitted which was stopped since."""
        ids = self._remembered()
        if ids and self._where.cluster == "slurm":
            submitit = _import_submitit()
            jobs = [submitit.SlurmJob(folder=self._logs, job_id=job_id, tasks=[0]) for job_id in ids]
            at_work = [job for job in jobs if not job.done() and job.state != "UNKNOWN"]
            if at_work:
                self._watch.note(
                    f"{len(at_work)} jobs of an earlier call are still there ({_array(at_work)}): waiting for them"
                )
                self._wait(at_work)
        self._logs.joinpath("jobs.json").unlink(missing_ok=True)

    def submit_missing(self) -> None:
        self._tell_finished()
        shares = self._shares()
        if not shares:
            return
        jobs = self._submit(shares)
        self._watch.note(f"{len(jobs)} jobs submitted ({_array(jobs)}); what they say is in {self._logs}")
        try:
            self._wait(jobs)
        except KeyboardInterrupt:
            self._watch.note(
                f"the jobs go on; the same command waits for them again. To end them: scancel {_array(jobs)}"
                if self._where.cluster == "slurm"
                else "the jobs were stopped"
            )
            raise
        finally:
            if self._where.cluster == "local":
                for job in jobs:
                    job.cancel(check=False)
        self._check(jobs, shares)
        self._logs.joinpath("jobs.json").unlink(missing_ok=True)

    def _shares(self) -> list[Share]:
        missing = [task for task in self._untold if self._is_missing(task)]
        most = ARRAY_TASKS if self._where.cluster == "slurm" else self._where.workers or cores()
        count = min(most, len(missing))
        return [Share(self._job, tuple(missing[start::count])) for start in range(count)]

    def _submit(self, shares: Sequence[Share]) -> list[Any]:
        submitit = _import_submitit()
        executor = submitit.AutoExecutor(self._logs, cluster=self._where.cluster)
        plan = self._folder.plan
        memory = (
            8 if self._job.device != "cpu" else math.ceil(training_memory(plan.config, len(plan.classes)) / 1e9) + 1
        )
        options: dict[str, Any] = {"mem": f"{memory}G", **self._where.options}
        if self._where.workers:
            options["array_parallelism"] = self._where.workers
        minutes, cpus = (options.pop(key, default) for key, default in DEFAULTS.items())
        executor.update_parameters(name=f"tsfmicro-{plan.config.name}", timeout_min=minutes, cpus_per_task=cpus)
        others = {}
        for key, value in options.items():
            try:
                executor.update_parameters(**{f"slurm_{key}": value})
            except NameError:  # submitit has no name for it, but sbatch may know it
                others[key.replace("_", "-")] = value
        executor.update_parameters(slurm_additional_parameters=others)
        try:
            jobs = list(executor.submit_array(shares))
        except submitit.core.utils.FailedJobError as refused:
            raise RunError(f"SLURM does not take the jobs: {' '.join(str(refused).split())}. Change --slurm.") from None
        write_whole(self._logs / "jobs.json", json.dumps([job.job_id for job in jobs]))
        return jobs

    def _remembered(self) -> list[str]:
        try:
            return list(json.loads((self._logs / "jobs.json").read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return []

    def _wait(self, jobs: Sequence[Any]) -> None:
        while not all(job.done() for job in jobs):
            self._tell_finished()
            time.sleep(self._pause)
        self._tell_finished()

    def _tell_finished(self) -> None:
        """Tell the watch, epoch by epoch, of the trainings whose results have come."""
        for task in sorted(self._untold, key=str):
            if not self._is_missing(task):
                self._untold.remove(task)
                with np.load(self._folder.place(task) / "logits.npz") as stored:
                    losses = stored["losses"]
                for epoch, loss in enumerate(losses, start=1):
                    self._watch.epoch(task, epoch, len(losses), float(loss))

    def _check(self, jobs: Sequence[Any], shares: Sequence[Share]) -> None:
        """Raises RunError, TsfmicroError: a job ended without what it was to do."""
        deadline = time.monotonic() + SEEN_WITHIN
        while failed := [
            job for job, share in zip(jobs, shares, strict=True) if any(map(self._is_missing, share.tasks))
        ]:
            problem = failed[0].exception()
            if problem is not None or time.monotonic() > deadline:
                break
            time.sleep(self._pause)
        self._tell_finished()
        if not failed:
            return
        count, log = f"{len(failed)} of {len(jobs)} jobs", failed[0].paths.stderr
        mistake = re.search(r"^tsfmicro\.errors\.\w+: (.+)$", str(problem), re.MULTILINE)
        if mistake:
            raise TsfmicroError(f"{mistake[1]} ({count}; see {log})")
        raise RunError(
            f"{count} ended without their result, the first is {failed[0].job_id} ({failed[0].state}); see {log}. "
            "What is finished is kept: the same command does the rest."
        )


def _array(jobs: Sequence[Any]) -> str:
    """The array's number: 123 of 123_0, 123_1 …"""
    return ", ".join(sorted({str(job.job_id).partition("_")[0] for job in jobs})[:3])


def _import_submitit() -> ModuleType:
    try:
        import submitit
    except ImportError:
        raise ConfigError("submitit is not installed. Install it with: pip install 'tsfmicro[slurm]'.") from None
    return submitit
