"""What may go wrong around a whole run on one machine: no result is lost, none is counted twice, one clear line is told."""

import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.run.conftest import made_clips, plan_of, tiny_config
from tests.run.test_here import Listener, results
from tsfmicro.config import check_config
from tsfmicro.data.registry import dataset
from tsfmicro.errors import ConfigError, RunError, TsfmicroError
from tsfmicro.files import locked
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.run import experiment
from tsfmicro.run.environment import environment
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.here import Here, train_here
from tsfmicro.run.task import Trained, keep
from tsfmicro.run.watch import Task, Watch

CONFIG = tiny_config(epochs=1, seeds=(0,))


@pytest.fixture
def run(tmp_path, prepared_folder, monkeypatch):
    """The whole story from prepared faces on, as `tsfmicro run` tells it; returns the watch and the run folder."""

    def whole(out="run", config=CONFIG, clips=None, workers=1):
        prepared = open_prepared(prepared_folder)
        clips = tuple(clips or prepared.clips)
        chosen = replace(prepared, clips=clips, rows=np.array(prepared.rows_of(c.id for c in clips)))
        monkeypatch.setattr(experiment, "read_clips", lambda *of: (made_clips(), {}))
        monkeypatch.setattr(experiment, "prepare_clips", lambda *of: chosen)
        watch = Listener()
        experiment.run(config, {}, tmp_path / out, prepared_folder.parent, "cpu", workers, watch)
        return watch, RunFolder.open(tmp_path / out)

    return whole


def test_a_run_folder_where_another_process_is_at_work_is_left_alone(run, tmp_path):
    _, folder = run()
    with (
        locked(folder.path / ".lock", on_wait=pytest.fail),
        pytest.raises(RunError, match="another process is running"),
    ):
        run()


def test_two_that_begin_in_one_new_folder_do_not_both_write_there(run, tmp_path):
    """The other has the lock and has not written its plan yet."""
    (tmp_path / "run").mkdir()
    with (
        locked(tmp_path / "run" / ".lock", on_wait=pytest.fail),
        pytest.raises(RunError, match="another process is running"),
    ):
        run()
    assert [file.name for file in (tmp_path / "run").iterdir()] == [".lock"]


def test_nothing_is_written_into_a_folder_of_something_else(run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.docx").write_text("years of work")
    with pytest.raises(RunError, match=r"holds thesis\.docx"):
        run()
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["thesis.docx"]


def test_a_run_folder_that_is_a_file_is_told(run, tmp_path):
    (tmp_path / "run").write_text("a file")
    with pytest.raises(RunError, match=r"run: cannot be a run folder"):
        run()


def test_what_a_folder_cannot_hold_is_told_before_anything_is_read(run, tmp_path, monkeypatch):
    run()
    (tmp_path / "file").write_text("a file")
    monkeypatch.setattr(experiment, "read_clips", pytest.fail)
    for out, line in (
        (tmp_path / "file" / "below", "cannot be a run folder"),
        (tmp_path / "run", "train.epochs 1 → 2"),
    ):
        with pytest.raises(RunError, match=line):
            experiment.run(tiny_config(epochs=2, seeds=(0,)), {}, out, tmp_path, "cpu", 1, Watch())


def test_a_folder_of_something_else_is_told_before_anything_is_read(tmp_path, monkeypatch):
    (tmp_path / "thesis.docx").write_text("years of work")
    monkeypatch.setattr(experiment, "read_clips", pytest.fail)
    with pytest.raises(RunError, match=r"holds thesis\.docx"):
        experiment.run(CONFIG, {}, tmp_path, tmp_path / "cache", "cpu", 1, Watch())


def test_rows_that_make_no_clip_are_named_and_macro_expressions_are_none_of_them(tmp_path):
    roots = {name: tmp_path / name for name in ("samm-lv", "casme2")}
    for name, root in roots.items():
        dataset(name).write_fake(root, np.random.default_rng(0))
    config = check_config({"name": "x", "data": {"datasets": list(roots), "scheme": "all-3"}}, "x")
    clips, dropped = experiment.read_clips(config, roots, Watch())
    readings = [dataset(name).read(root) for name, root in roots.items()]
    there = {clip.id for reading in readings for clip in (*reading.clips, *reading.macro)}
    assert clips and not there & dropped.keys()
    gone = {flag.clip for reading in readings for flag in reading.flags if flag.row and flag.clip not in there}
    assert len(dropped) == len(gone) and all(name.split("/")[0].split(",")[0] in roots for name in dropped)


def test_an_emotion_that_the_scheme_does_not_know_is_told_with_its_clips_before_preparation(run, monkeypatch):
    clips = [replace(clip, emotion="joyy") if n in (1, 3) else clip for n, clip in enumerate(made_clips())]
    with pytest.raises(TsfmicroError) as told:
        monkeypatch.setattr(experiment, "prepare_clips", pytest.fail)
        monkeypatch.setattr(experiment, "read_clips", lambda *of: (clips, {}))
        experiment.run(CONFIG, {}, Path("nowhere"), Path("cache"), "cpu", 1, Watch())
    assert str(told.value).startswith(f"{clips[1].id} and 1 more clip: ") and "'joyy'" in str(told.value)


def test_the_lock_of_a_process_that_was_killed_holds_nobody_up(run, tmp_path):
    (tmp_path / "run").mkdir()
    program = (
        "import sys, pathlib, time\nfrom tsfmicro.files import locked\n"
        "with locked(pathlib.Path(sys.argv[1]), lambda: None):\n    print('held', flush=True)\n    time.sleep(600)\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "run" / ".lock")]
    holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    _, folder = run()
    assert not folder.missing()


def test_a_fold_whose_result_was_damaged_is_named_and_trained_again_once_it_is_deleted(run):
    _, folder = run()
    before, place = results(folder), folder.place(Task("casme2-sub01", 0))
    (place / "logits.npz").write_bytes(b"PK half of it")
    with pytest.raises(
        RunError, match=r"casme2-sub01.seed-0: is damaged .* Delete that folder and run the same command"
    ):
        run()
    shutil.rmtree(place)
    watch, _ = run()
    assert {task.fold for task, _ in watch.epochs} == {"casme2-sub01"}
    assert results(folder) == before


def test_a_result_from_another_run_is_not_scored_as_this_ones(run):
    _, short = run()
    _, long = run("long", tiny_config(epochs=2, seeds=(0,)))
    task = short.plan.tasks[0]
    shutil.rmtree(short.place(task))
    shutil.copytree(long.place(task), short.place(task))
    with pytest.raises(RunError, match=r"is damaged \(logits of shape \(2, 4, 3\) instead of \(1, 4, 3\), float32\)"):
        run()


def test_logits_that_are_no_numbers_are_not_scored(run):
    _, folder = run()
    file = folder.place(folder.plan.tasks[0]) / "logits.npz"
    with np.load(file) as stored:
        kept = dict(stored)
    kept["test"][-1, 0, 1] = np.nan
    np.savez(file, **kept)
    with pytest.raises(RunError, match=r"some logits are no numbers: the training diverged"):
        run()


def test_folds_that_name_a_clip_without_a_label_are_told_when_the_folder_is_opened(run):
    _, folder = run()
    folds = json.loads((folder.path / "folds.json").read_text())
    folds[0]["train"].append("casme2/sub07/EP01")
    (folder.path / "folds.json").write_text(json.dumps(folds))
    with pytest.raises(RunError, match=r"damaged \(folds\.json names casme2/sub07/EP01, clips\.csv does not\)"):
        RunFolder.open(folder.path)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_clip_of_the_plan_that_is_not_prepared_is_told_in_one_line(start, plan, workers):
    unknown = "casme2/sub07/EP01"
    folds = tuple(replace(fold, train=(*fold.train, unknown)) for fold in plan.folds)
    folder, job = start(plan=replace(plan, folds=folds, labels={**plan.labels, unknown: 0}))
    with (folder.path / "clips.csv").open("a") as table:
        table.write(f"{unknown},casme2/sub07,negative\n")
    with pytest.raises(TsfmicroError, match=f"clip {unknown} is not in prepared set key"):
        train_here(job, folder.missing(), workers, Watch())
    assert len(folder.missing()) == len(folder.plan.tasks)


def test_faces_that_were_prepared_anew_do_not_go_on_in_an_old_run(start, plan):
    start()
    with pytest.raises(RunError, match=r"other settings: the prepared faces \(clips or images changed\)"):
        start(plan=replace(plan, prepared="other"))


def test_a_class_that_one_training_side_lacks_is_told_and_the_fold_is_trained(run):
    """Only sub02 is surprised: the fold that tests her learns from nobody who is."""
    clips = [c for c in made_clips() if c.subject == "sub02" or c.emotion != "surprise"]
    watch, folder = run(clips=clips)
    assert any("casme2-sub02" in note and "surprise" in note for note in watch.notes)
    assert not folder.missing()


def test_a_training_side_with_a_single_class_is_refused_before_anything_is_trained(run, tmp_path):
    clips = [c for c in made_clips() if (c.emotion == "happiness") == (c.subject != "sub02")]
    with pytest.raises(ConfigError, match=r"fold casme2-sub02: .* nothing to tell apart"):
        run(clips=clips)
    assert not (tmp_path / "run").exists()


def test_a_disk_that_fills_loses_the_fold_at_hand_and_no_other(start, monkeypatch, prepared_folder):
    folder, job = start(plan=plan_of(CONFIG, prepared_folder))
    first, *others = folder.missing()
    Here(1).train(job, [first], Watch())
    before = (folder.place(first) / "logits.npz").read_bytes()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("numpy.savez", full)
        with pytest.raises(RunError, match=r"cannot be written \(No space left on device\)\. Make room"):
            Here(1).train(job, others, Watch())
    assert len(folder.missing()) == len(others) and not folder.halves()
    Here(1).train(job, folder.missing(), Watch())
    assert not folder.missing()
    assert (folder.place(first) / "logits.npz").read_bytes() == before


def test_the_same_result_from_two_machines_is_kept_once_and_the_first_stays(start, monkeypatch, prepared_folder):
    """Between the look whether a result is there and the writing, another machine may have put it there."""
    folder, job = start(plan=plan_of(CONFIG, prepared_folder))
    Here(1).train(job, folder.missing(), Watch())
    task = folder.plan.tasks[0]
    before = (folder.place(task) / "logits.npz").read_bytes()
    late = Trained(task, {}, folder.outcome(task).test.values + 1, [0.0], {})
    keep(folder, late)
    folder.save(task, folder.plan.fold(task.fold), late.labels, late.logits, late.losses, late.weights)
    assert (folder.place(task) / "logits.npz").read_bytes() == before
    assert not folder.halves()


def test_a_run_folder_goes_on_where_it_was_copied_to(run, tmp_path):
    _, folder = run()
    shutil.rmtree(folder.place(folder.plan.tasks[0]))
    shutil.copytree(folder.path, tmp_path / "elsewhere", ignore=shutil.ignore_patterns(".lock"))
    watch, moved = run("elsewhere")
    assert len(watch.epochs) == 1
    assert not moved.missing()


@pytest.mark.parametrize("workers", [1, 2])
def test_run_json_says_what_trainings_computed_in_and_not_what_the_machine_would_that_began_the_run(
    run, monkeypatch, workers
):
    """A run that was begun where there is a GPU and trained where there is none, on a cluster or after a copy."""
    there = {"device": "NVIDIA H100", "precision": "bfloat16"}
    monkeypatch.setattr(experiment, "environment", lambda *others: environment(*others) | there)
    _, folder = run(workers=workers)
    assert folder.environment["precision"] == "float32"


def test_where_trainings_differ_run_json_says_both(run):
    _, folder = run()
    before = dict(folder.environment)
    received = folder.place(folder.plan.tasks[0]) / "received.json"
    known = json.loads(received.read_text())
    received.write_text(json.dumps(known | {"on": {"device": "NVIDIA H100", "precision": "bfloat16"}}))
    _, folder = run()
    assert folder.environment == before | {"device": "NVIDIA H100, cpu", "precision": "bfloat16, float32"}
