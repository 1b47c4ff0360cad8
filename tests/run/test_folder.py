"""A run on disk: whole or not there, and never taken for another."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.run.conftest import plan_of, tiny_config
from tsfmicro.errors import RunError
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.watch import Task


def save(folder, task):
    fold = next(f for f in folder.plan.folds if f.name == task.fold)
    logits = np.zeros((3, len(fold.test), 3), np.float32)
    labels = {clip: folder.plan.labels[clip] for clip in fold.train}
    folder.save(task, fold, labels, logits, np.zeros(3), {})


def test_a_plan_read_back_is_the_plan_that_was_written(start, plan):
    folder, _ = start()
    read = RunFolder.open(folder.path).plan
    assert replace(read, trained_for=None, written=None) == plan
    assert (read.digest, read.epochs) == (plan.digest, plan.epochs)


def test_the_same_settings_go_on_in_the_same_folder(start):
    folder, _ = start()
    first = folder.plan.tasks[0]
    save(folder, first)
    again, _ = start()
    assert first not in again.missing()
    assert len(again.missing()) == len(folder.plan.tasks) - 1


def test_other_settings_are_refused_and_named(start, prepared_folder):
    start()
    with pytest.raises(RunError, match=r"train\.epochs 3 → 9"):
        start(plan=plan_of(tiny_config(epochs=9), prepared_folder))


def test_a_folder_with_something_else_in_it_is_left_alone(start, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.docx").write_text("years of work")
    with pytest.raises(RunError, match=r"holds thesis\.docx"):
        start()


def test_a_start_that_was_killed_before_the_plan_was_whole_is_begun_again(start):
    folder, _ = start()
    (folder.path / "run.json").unlink()
    start()
    assert RunFolder.open(folder.path).missing()


def test_a_half_written_fold_is_not_taken_for_a_finished_one(start, monkeypatch):
    folder, _ = start()
    task = folder.plan.tasks[0]

    def full_disk(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full_disk)
    with pytest.raises(RunError, match=r"seed-0: cannot be written \(No space left on device\)"):
        save(folder, task)
    assert task in folder.missing()
    assert not list(folder.path.rglob("*.part"))


def test_what_a_killed_training_left_is_removed(start):
    folder, _ = start()
    half = folder.path / "folds" / "casme2-sub00" / ".seed-0.123.part"
    half.mkdir(parents=True)
    folder.clear_halves()
    assert not half.exists()
    assert len(folder.missing()) == len(folder.plan.tasks)


def test_an_unfinished_run_cannot_be_scored(start):
    folder, _ = start()
    save(folder, Task("casme2-sub00", 0))
    with pytest.raises(RunError, match="5 of 6 trainings are not finished"):
        folder.logits(0)


def test_damaged_logits_are_named(start):
    folder, _ = start()
    for task in folder.plan.tasks:
        save(folder, task)
    place = folder.place(folder.plan.tasks[0]) / "logits.npz"
    place.write_bytes(place.read_bytes()[:100])
    with pytest.raises(RunError, match=r"casme2-sub00.seed-0.*is damaged"):
        folder.logits(0)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("run.json", "{", "damaged"),
        ("run.json", json.dumps({"format": 99}), "format 99"),
        ("clips.csv", "clip,class\ncasme2/sub00/EP00,joy\n", "damaged"),
        ("config.yaml", "name: tiny\nmodle: {}\n", "modle"),
        (
            "config.yaml",
            "{name: t, data: {datasets: [casme2], scheme: casme2-3}, train: {start: n}}",
            r"config\.yaml: is damaged",
        ),
        ("folds.json", None, "folds.json is missing"),
    ],
)
def test_a_damaged_run_folder_is_told_in_words(start, file, text, said):
    folder, _ = start()
    if text is None:
        (folder.path / file).unlink()
    else:
        (folder.path / file).write_text(text)
    with pytest.raises(RunError, match=said):
        RunFolder.open(folder.path)


def test_a_folder_that_is_no_run_is_told_in_words(tmp_path):
    with pytest.raises(RunError, match=r"not a run folder: run\.json is missing"):
        RunFolder.open(tmp_path)
    with pytest.raises(RunError, match=r"not a run folder: run\.json is missing"):
        RunFolder.open(tmp_path / ("x" * 300))


def test_clips_that_were_left_out_are_listed(start):
    folder, _ = start()
    assert (folder.path / "skipped.csv").read_text() == "clip,why\ncasme2/sub09/EP1,no face found\n"
