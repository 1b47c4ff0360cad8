"""Trainings as array jobs: with submitit's local executor, and with a sbatch of our own that runs what it is given."""

import os
import signal
import stat
import subprocess
import sys
import time

import psutil
import pytest

from tests.run.conftest import plan_of, tiny_config
from tests.run.test_here import Listener, results
from tests.waiting import alive, wait_until
from tsfmicro.errors import ConfigError, RunError, TsfmicroError
from tsfmicro.machines import on_slurm
from tsfmicro.machines.named import machines
from tsfmicro.machines.on_slurm import OnSlurm
from tsfmicro.run.here import train_here
from tsfmicro.run.watch import Watch

LOCAL = OnSlurm(cluster="local", workers=2)


def test_jobs_end_as_this_process_does_to_the_last_bit_and_every_epoch_is_told(start):
    folder, job = start()
    watch = Listener()
    LOCAL.train(job, folder.missing(), watch)
    finished, here = start("finished")
    train_here(here, finished.missing(), 1, Watch())
    assert results(folder) == results(finished)
    assert sorted(watch.epochs, key=str) == sorted(((t, e) for t in folder.plan.tasks for e in (1, 2, 3)), key=str)


@pytest.mark.slow
def test_a_job_that_is_killed_is_told_with_its_log_and_a_second_call_does_the_rest(
    start, prepared_folder, tmp_path, monkeypatch
):
    plan = plan_of(tiny_config(seeds=(0,)), prepared_folder)
    folder, job = start(plan=plan)
    go = tmp_path / "go"

    class Held(on_slurm.Share):
        """Jobs that wait until one of them is killed, so that it cannot have finished before."""

        def __call__(self):
            while not go.exists():
                time.sleep(0.05)
            super().__call__()

    class Assassin(Listener):
        """Kills one job, with what it started."""

        def note(self, text):
            super().note(text)
            # A browser that another test has opened may be a child, too.
            first = next(c for c in psutil.Process().children() if "submitit" in " ".join(c.cmdline()))
            doomed = [*first.children(recursive=True), first]
            for process in doomed:
                process.kill()
            wait_until(lambda: not any(map(alive, doomed)))
            go.touch()

    with monkeypatch.context() as held:
        held.setattr(on_slurm, "Share", Held)
        held.setattr("submitit.core.core.Job._results_timeout_s", 1)  # no shared disk is slow here to show a result
        with pytest.raises(RunError, match=r"1 of 2 jobs ended without their result.*_log\.err"):
            LOCAL.train(job, folder.missing(), Assassin())
    left = len(folder.missing())
    assert 0 < left < len(plan.tasks), "the other job's result is kept"
    watch = Listener()
    LOCAL.train(job, folder.missing(), watch)
    assert len(watch.epochs) == 3 * left


def test_a_mistake_of_the_user_is_told_in_its_own_line(start, prepared_folder):
    folder, job = start()
    (prepared_folder / "index.json").unlink()
    with pytest.raises(TsfmicroError, match=r"key: is no prepared set.*2 of 2 jobs") as told:
        LOCAL.train(job, folder.missing(), Watch())
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["partition"], "KEY=VALUE"),
        (["cluster=moon"], "slurm, or local"),
        (["time=8h"], "minutes"),
    ],
)
def test_options_that_cannot_work_are_told(options, said):
    with pytest.raises(ConfigError, match=said):
        machines("slurm", slurm=options)


def test_without_sbatch_the_login_node_is_named(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="login node"):
        machines("slurm").choose_device("auto")


SBATCH = """#!{python}
import os, re, subprocess, sys
text = open(sys.argv[1]).read()
spool = {spool!r}
open(spool + "/script", "w").write(text)
if "partition=moon" in text:
    sys.exit("sbatch: error: invalid partition specified: moon")
last = int(re.search(r"array=0-(\\d+)", text)[1])
for n in range(last + 1):
    known = dict(SLURM_JOB_ID=str(70 + n), SLURM_ARRAY_JOB_ID="70", SLURM_ARRAY_TASK_ID=str(n), SLURM_NTASKS="1",
                 SLURM_JOB_NUM_NODES="1", SLURM_NODEID="0", SLURM_PROCID="0", SLURM_LOCALID="0", SLURM_JOB_NODELIST="here")
    log = open(spool + f"/{{n}}.log", "w")
    subprocess.Popen(["bash", sys.argv[1]], env=os.environ | known, stdout=log, stderr=log, start_new_session=True)
print("Submitted batch job 70")
"""
SRUN = """#!/bin/bash
until [[ -f {spool}/go ]]; do sleep 0.1; done
while [[ $1 != *python* ]]; do shift; done
"$@"; echo $? > {spool}/ended-$SLURM_ARRAY_TASK_ID
"""
SACCT = """#!/bin/bash
echo "JobID|State|NodeList"
for n in 0 1 2; do
  if [[ -f {spool}/ended-$n ]]; then echo "70_$n|COMPLETED|here"; else echo "70_$n|RUNNING|here"; fi
done
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """sbatch, srun and sacct that know one job array, number 70, and run it on this machine."""
    spool, programs = tmp_path / "spool", tmp_path / "bin"
    spool.mkdir()
    (spool / "go").touch()  # jobs wait for it
    programs.mkdir()
    for name, text in (("sbatch", SBATCH), ("srun", SRUN), ("sacct", SACCT)):
        program = programs / name
        program.write_text(text.format(python=sys.executable, spool=str(spool)))
        program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr("tsfmicro.machines.on_slurm.POLL", 0.1)
    return spool


def test_the_job_script_carries_the_users_options_and_what_a_training_needs(slurm, start, prepared_folder):
    plan = plan_of(tiny_config(seeds=(0,)), prepared_folder)
    folder, job = start(plan=plan)
    options = ["partition=gpu", "time=30", "licenses=matlab", "account=faces"]
    machines("slurm", workers=2, slurm=options).train(job, folder.missing(), Watch())
    script = (slurm / "script").read_text()
    for line in (
        "partition=gpu",
        "time=30",
        "licenses=matlab",
        "account=faces",
        "array=0-2%2",
        "cpus-per-task=1",
        "mem=2G",
    ):
        assert f"#SBATCH --{line}\n" in script
    assert not folder.missing()


@pytest.mark.slow
def test_jobs_outlive_their_driver_and_the_next_call_waits_for_them(slurm, start, prepared_folder):
    plan = plan_of(tiny_config(seeds=(0,)), prepared_folder)
    folder, job = start(plan=plan)
    program = (
        "import sys, pathlib\n"
        "from tsfmicro.machines.on_slurm import OnSlurm\n"
        "from tsfmicro.run.folder import RunFolder\n"
        "from tsfmicro.run.task import Job\n"
        "from tsfmicro.run.watch import Watch\n"
        "run, prepared = map(pathlib.Path, sys.argv[1:3])\n"
        "OnSlurm().train(Job(run, prepared, 'cpu', 1), RunFolder.open(run).missing(), Watch())\n"
    )
    (slurm / "go").unlink()  # no job can end before its driver is killed
    driver = subprocess.Popen([sys.executable, "-c", program, str(job.run), str(job.prepared)])
    remembered = folder.path / "slurm" / "jobs.json"
    wait_until(remembered.exists)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert folder.missing()
    (slurm / "script").unlink()

    class Starter(Listener):
        def note(self, text):
            super().note(text)
            (slurm / "go").touch()

    watch = Starter()
    OnSlurm().train(job, folder.missing(), watch)
    assert not folder.missing()
    assert "3 jobs of an earlier call are still there (70)" in watch.notes[0]
    assert not (slurm / "script").exists(), "nothing is submitted a second time"
    assert not remembered.exists()


def test_what_sbatch_refuses_is_told_in_one_line(slurm, start):
    folder, job = start()
    with pytest.raises(RunError, match="invalid partition specified: moon") as told:
        machines("slurm", slurm=["partition=moon"]).train(job, folder.missing(), Watch())
    assert "\n" not in str(told.value)


def test_a_gpu_is_trained_on_where_one_is_asked_for(slurm):
    assert machines("slurm", slurm=["gpus-per-node=1"]).choose_device("auto") == "cuda"
    assert machines("slurm").choose_device("auto") == "cpu"
    with pytest.raises(ConfigError, match="gpus_per_node=1"):
        machines("slurm").choose_device("cuda")
