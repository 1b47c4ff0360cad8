"""Trainings in this process and in several; killed ones; the same result whoever does it."""

import signal
import subprocess
import sys
from multiprocessing import active_children

import numpy as np
import pytest

from tests.run.conftest import plan_of, tiny_config
from tsfmicro.errors import TsfmicroError
from tsfmicro.run.environment import free_in_group
from tsfmicro.run.here import train_here
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.task import training_memory
from tsfmicro.run.watch import Watch


class Recorder(Watch):
    def __init__(self):
        self.epochs = []

    def epoch(self, task, epoch, epochs, loss):
        self.epochs.append((task, epoch))


class Listener(Recorder):
    def __init__(self):
        super().__init__()
        self.notes = []

    def note(self, text):
        self.notes.append(text)


def results(folder):
    """Everything that a run's score hangs on, byte for byte."""
    arrays = {task: np.load(folder.place(task) / "logits.npz")["test"] for task in folder.plan.tasks}
    weights = {task: (folder.place(task) / "model.safetensors").read_bytes() for task in folder.plan.tasks}
    return {task: (arrays[task].tobytes(), weights[task]) for task in folder.plan.tasks}


@pytest.fixture
def finished(start):
    folder, job = start("finished")
    train_here(job, folder.missing(), 1, Watch())
    return folder


def test_every_training_reports_every_epoch(start):
    folder, job = start()
    watch = Recorder()
    train_here(job, folder.missing(), 1, watch)
    assert sorted(watch.epochs, key=str) == sorted(((t, e) for t in folder.plan.tasks for e in (1, 2, 3)), key=str)
    assert not folder.missing()


def test_two_workers_end_as_one_does_to_the_last_bit_and_report_too(start, finished):
    folder, job = start()
    watch = Recorder()
    train_here(job, folder.missing(), 2, watch)
    assert results(folder) == results(finished)
    assert len(watch.epochs) == 3 * len(folder.plan.tasks)


def test_a_killed_run_goes_on_at_the_next_fold_and_ends_as_if_nothing_had_happened(start, finished):
    folder, job = start()
    program = (
        "import sys, pathlib, time\n"
        "from tsfmicro.run.here import train_here\n"
        "from tsfmicro.run.folder import RunFolder\n"
        "from tsfmicro.run.task import Job\n"
        "from tsfmicro.run.watch import Watch\n"
        "run, prepared = map(pathlib.Path, sys.argv[1:])\n"
        "folder = RunFolder.open(run)\n"
        "class StaysAfterTwo(Watch):\n"
        "    def epoch(self, *args):\n"
        "        while len(folder.missing()) <= len(folder.plan.tasks) - 2:\n"
        "            print('two are kept', flush=True)\n"
        "            time.sleep(1)\n"
        "train_here(Job(run, prepared, 'cpu', 1), folder.missing(), 1, StaysAfterTwo())\n"
    )
    words = [sys.executable, "-c", program, str(job.run), str(job.prepared)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert child.stdout.readline() == "two are kept\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    left = len(folder.missing())
    assert 0 < left <= len(folder.plan.tasks) - 2, "killed in the middle"
    watch = Recorder()
    train_here(job, folder.missing(), 1, watch)
    assert len(watch.epochs) == 3 * left, "what was finished is not trained again"
    assert results(folder) == results(finished)


def test_a_process_that_trains_does_not_load_torch_s_compiler(start):
    folder, job = start()
    program = (
        "import sys, pathlib\n"
        "from tsfmicro.run.folder import RunFolder\n"
        "from tsfmicro.run.task import Job, do_task, plan_of_model\n"
        "run, prepared = map(pathlib.Path, sys.argv[1:])\n"
        "plan = RunFolder.open(run).plan\n"
        "plan_of_model(plan.config, 3)\n"
        "do_task(Job(run, prepared, 'cpu', 1), plan.tasks[0], lambda *told: None)\n"
        "print('torch' in sys.modules, 'torch._dynamo' in sys.modules)\n"
    )
    words = [sys.executable, "-c", program, str(job.run), str(job.prepared)]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "True False\n"
    assert folder.place(folder.plan.tasks[0]).exists()


def test_a_worker_that_is_killed_is_told_in_words_and_loses_nothing(start, prepared_folder):
    # So many epochs that no worker has finished when the report of its first one is read here.
    folder, job = start(plan=plan_of(tiny_config(epochs=20, seeds=(0,)), prepared_folder))

    class Assassin(Watch):
        def epoch(self, task, epoch, epochs, loss):
            for worker in active_children():
                worker.kill()

    with pytest.raises(TsfmicroError, match=r"casme2-sub0., seed .*: the process at work on it died"):
        train_here(job, folder.missing(), 2, Assassin())
    train_here(job, folder.missing(), 1, Watch())
    assert evaluate_run(folder).model.clips == 12


def test_a_containers_or_jobs_memory_limit_counts_and_cached_files_do_not(tmp_path):
    own, job = tmp_path / "cgroup", tmp_path / "root" / "slurm" / "job_7"
    step = job / "step_0"
    step.mkdir(parents=True)
    own.write_text("0::/slurm/job_7/step_0\n")
    (step / "memory.max").write_text("max\n")
    (job / "memory.max").write_text("8000\n")
    (job / "memory.stat").write_text("anon 3000\nfile 4000\n")
    assert free_in_group(own, tmp_path / "root") == 5000
    own.write_text("0::/\n")
    assert free_in_group(own, tmp_path / "root") == float("inf")


def test_the_memory_of_a_training_grows_with_its_batch(plan):
    config = plan.config
    larger = config.model_copy(update={"train": config.train.model_copy(update={"batch_size": 64})})
    assert training_memory(larger, 3) > training_memory(config, 3) > 0


def test_the_memory_of_a_training_counts_what_only_its_loss_computes(plan):
    def needed(**options):
        model = plan.config.model.model_copy(update={"name": "micron-bert", "options": options})
        config = plan.config.model_copy(update={"model": model})
        return training_memory(config.model_copy(update={"prepare": config.prepare.model_copy(update={"size": 32})}), 3)

    assert needed(restore=1.0) > 1.2 * needed(restore=0.0)
