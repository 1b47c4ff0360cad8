"""What an audit proves of a finished run: each violation is planted here, and seen."""

import csv
import json

import numpy as np
import pytest

from tests.run.conftest import invent, plan_of, tiny_config
from tsfmicro.errors import RunError
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.reading.audit import audit
from tsfmicro.run.final import make_final
from tsfmicro.run.folder import labels_digest
from tsfmicro.run.here import train_here
from tsfmicro.run.linear_floors import store_linear_floors
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.watch import Task, Watch


@pytest.fixture
def run(start, prepared_folder):
    """A finished and scored run with invented logits; its folder."""
    folder = invent(start()[0])
    store_linear_floors(folder, open_prepared(prepared_folder), Watch())
    evaluate_run(folder)
    return folder


def problems(folder):
    """Of all failed checks, as one text."""
    found = audit(folder.path)
    assert not found.passed
    assert found.lines()[-1].endswith("checks failed")
    return "\n".join(line for line in found.lines() if line.startswith("✗"))


def edit_json(path, change):
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def edit_clips(folder, change):
    path = folder.path / "clips.csv"
    with path.open(newline="") as stream:
        rows = list(csv.reader(stream))
    change(rows)
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def edit_logits(folder, change, task=None):
    path = folder.place(task or folder.plan.tasks[0]) / "logits.npz"
    with np.load(path) as stored:
        arrays = dict(stored)
    change(arrays)
    np.savez(path, **arrays)


def test_a_run_that_was_trained_by_the_program_passes_every_check(start, prepared_folder):
    folder, job = start(plan=plan_of(tiny_config(seeds=(0,), epochs=1), prepared_folder))
    train_here(job, folder.missing(), 1, Watch())
    train_here(job, folder.missing(shuffled=True), 1, Watch())
    store_linear_floors(folder, open_prepared(prepared_folder), Watch())
    evaluate_run(folder, "all")
    found = audit(folder.path)
    assert found.passed, found.lines()
    assert found.lines() == [
        "✓ clips and people of all datasets have ids of their own (12 clips, 3 people, 1 dataset)",
        "✓ no person is on two sides of a fold (3 folds)",
        "✓ every clip is tested once (12 clips)",
        "✓ the plan is the one that was begun, and every training's (6 trainings)",
        "✓ each training got the labels of its training side, and no other (6 trainings)",
        "✓ every clip was answered in every epoch (6 trainings)",
        "✓ nothing is missing, half-written or left over (all files)",
        "✓ scores.json is what the logits give (rule last, oracle, released; computed again)",
        "✓ models that learned from shuffled labels sit at chance (shuffled-linear, shuffled)",
        f"{folder.path}: all checks passed",
    ]
    assert json.loads(json.dumps(found.to_dict()))["passed"] is True


def test_a_person_on_both_sides_of_a_fold(run):
    edit_json(run.path / "folds.json", lambda folds: folds[0]["train"].append(folds[0]["test"].pop()))
    said = problems(run)
    assert "✗ no person is on two sides of a fold: casme2/sub00 is in train and test of fold casme2-sub00" in said
    assert "casme2/sub00/EP03 is never tested" in said


def test_a_clip_that_is_tested_twice(run):
    edit_json(run.path / "folds.json", lambda folds: folds[1]["test"].append(folds[2]["test"][0]))
    assert "✗ every clip is tested once: casme2/sub02/EP00 is tested 2 times" in problems(run)


def test_a_clip_that_is_never_tested(run):
    edit_json(run.path / "folds.json", lambda folds: folds.pop())
    assert "casme2/sub02/EP00 is never tested" in problems(run)


def test_two_clips_with_one_id(run):
    edit_clips(run, lambda rows: rows.append(rows[1]))
    assert "✗ clips and people of all datasets have ids of their own: casme2/sub00/EP00 is there 2 times" in problems(
        run
    )


def test_a_clip_of_a_dataset_that_is_not_of_this_run(run):
    edit_clips(run, lambda rows: rows[1].__setitem__(0, "samm/sub00/EP00"))
    assert "samm/sub00/EP00 is of no dataset of this run (casme2)" in problems(run)


def test_a_clip_beside_another_person(run):
    edit_clips(run, lambda rows: rows[1].__setitem__(1, "casme2/sub01"))
    assert "casme2/sub00/EP00 stands beside the person casme2/sub01" in problems(run)


def test_a_label_that_was_changed_after_training(run):
    edit_clips(run, lambda rows: rows[1].__setitem__(2, "surprise"))
    said = problems(run)
    assert "settings, labels or folds were changed after the run began" in said
    assert "casme2-sub01, seed 0 learned from other labels than those in clips.csv" in said
    assert "✗ scores.json is what the logits give" in said


def test_a_setting_that_was_changed_after_training(run):
    path = run.path / "config.yaml"
    path.write_text(path.read_text().replace("lr: 0.01", "lr: 0.02"))
    said = problems(run)
    assert "settings, labels or folds were changed after the run began" in said
    assert "casme2-sub00, seed 0 was trained under another plan" in said


def test_a_training_that_saw_labels_of_its_test_clips(run):
    """The leak itself, planted in the code: `fit` is handed one test clip too, as the training's record then tells."""
    task = run.plan.tasks[0]
    fold = run.plan.fold(task.fold)
    labels = {clip: run.plan.labels[clip] for clip in (*fold.train, fold.test[0])}
    record = {"clips": sorted(labels), "labels": labels_digest(labels)}
    edit_json(run.place(task) / "received.json", lambda received: received.update(record))
    assert "casme2-sub00, seed 0 learned from 1 of its test clips, e.g. casme2/sub00/EP00" in problems(run)


def test_the_record_of_a_training_is_of_what_fit_received(start, monkeypatch):
    """A bug in run/task.py that hands test labels to `fit` is caught in a run that was really trained."""
    from tsfmicro.run import task as task_module

    def leaky(plan, fold, task):
        return {clip: plan.labels[clip] for clip in (*fold.train, fold.test[0])}

    folder, job = start()
    with monkeypatch.context() as patch:
        patch.setattr(task_module, "given_labels", leaky)
        train_here(job, folder.missing()[:1], 1, Watch())
    assert "casme2-sub00, seed 0 learned from 1 of its test clips" in problems(folder)


def test_a_training_on_true_labels_that_calls_itself_shuffled(run):
    invent(run, shuffled=True)
    task = Task("casme2-sub00", 0, shuffled=True)
    true = {clip: run.plan.labels[clip] for clip in run.plan.fold(task.fold).train}
    edit_json(run.place(task) / "received.json", lambda received: received.update(labels=labels_digest(true)))
    assert "casme2-sub00, seed 0, shuffled labels learned from other labels" in problems(run)


def test_a_training_without_a_record(run):
    (run.place(run.plan.tasks[0]) / "received.json").unlink()
    assert "casme2-sub00, seed 0 has no readable received.json" in problems(run)


def test_logits_of_too_few_clips_or_epochs_and_logits_that_are_no_numbers(run):
    tasks = run.plan.tasks
    edit_logits(run, lambda arrays: arrays.update(test=arrays["test"][:, :3]), tasks[0])
    edit_logits(run, lambda arrays: arrays.update(test=arrays["test"][:2]), tasks[1])
    edit_logits(run, lambda arrays: arrays["test"].__setitem__((0, 0, 0), np.nan), tasks[2])
    said = problems(run)
    assert "casme2-sub00, seed 0: test logits are (3, 3, 3), not (3, 4, 3)" in said
    assert "casme2-sub01, seed 0: test logits are (2, 4, 3), not (3, 4, 3)" in said
    assert "casme2-sub02, seed 0: some test logits are no numbers" in said


def test_logits_that_were_changed_after_scoring(run):
    edit_logits(run, lambda arrays: arrays.update(test=-arrays["test"]))
    assert "comes from the logits" in problems(run)


def test_a_score_that_was_changed_by_hand(run):
    edit_json(run.path / "scores.json", lambda scores: scores["uf1"].update(value=0.99))
    said = problems(run)
    assert said.count("✗") == 1
    assert "✗ scores.json is what the logits give: uf1.value is 0.99, but 0." in said


def test_scores_that_are_missing_or_damaged(run):
    (run.path / "scores.json").write_text("{")
    assert "scores.json is damaged" in problems(run)
    (run.path / "scores.json").unlink()
    assert "scores.json is missing; `tsfmicro evaluate` writes it" in problems(run)


def test_an_unfinished_run(start):
    folder, _ = start()
    said = problems(folder)
    assert "6 of 6 trainings are not finished" in said
    assert "scores.json is missing" in said


def test_what_is_half_written_left_over_or_cut_short(run):
    (run.path / "folds" / "casme2-sub00" / ".seed-0.77.part").mkdir()
    (run.path / "folds" / "casme2-sub00" / "seed-9").mkdir()
    weights = run.place(run.plan.tasks[1]) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:20])
    check = next(c for c in audit(run.path).checks if c.claim.startswith("nothing is missing"))
    assert check.problems[0] == "folds/casme2-sub00/.seed-0.77.part was not written to its end"
    assert check.problems[1] == "folds/casme2-sub00/seed-9 is of no training of this run"
    assert check.problems[2].startswith("casme2-sub01, seed 0: model.safetensors is damaged")


def test_a_final_model_that_was_cut_short(run, prepared_folder):
    final = make_final(run, open_prepared(prepared_folder), evaluate_run(run), "cpu", Watch())
    assert audit(run.path).passed
    weights = final / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-40])
    assert "the final model:" in problems(run) and "cut short" in problems(run)


def test_what_is_no_run_folder_or_cannot_be_read_is_told_in_words(run, tmp_path):
    with pytest.raises(RunError, match=r"is not a run folder: clips\.csv is missing"):
        audit(tmp_path)
    (run.path / "folds.json").write_text("{")
    with pytest.raises(RunError, match="damaged"):
        audit(run.path)


def test_the_exit_status_tells_a_program_whether_the_run_passed(run, monkeypatch, capsys):
    import sys

    from tsfmicro.app import cli

    monkeypatch.setattr(sys, "argv", ["tsfmicro", "audit", str(run.path), "--json"])
    with pytest.raises(SystemExit) as passed:
        cli.main()
    assert not passed.value.code
    assert json.loads(capsys.readouterr().out)["passed"] is True
    edit_json(run.path / "scores.json", lambda scores: scores["uf1"].update(value=0.99))
    with pytest.raises(SystemExit) as failed:
        cli.main()
    assert failed.value.code == 1
    assert json.loads(capsys.readouterr().out)["passed"] is False
