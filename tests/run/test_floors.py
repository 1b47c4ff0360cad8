"""Floors: what a score must beat, and what must stay at chance because it learned from shuffled labels."""

import numpy as np
import pytest

from tests.run.conftest import invent, made_clips, plan_of, prepare_made, tiny_config
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.run import linear_floors, task
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.here import train_here
from tsfmicro.run.linear_floors import store_linear_floors
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.task import Job
from tsfmicro.run.watch import Task, Watch

PEOPLE = 9


@pytest.fixture
def many(tmp_path):
    """Nine people whose classes a linear model tells apart; a run on them, and its job."""
    clips = made_clips(people=PEOPLE)
    prepared = prepare_made(tmp_path / "cache" / "key", clips)
    plan = plan_of(tiny_config(seeds=(0,), epochs=3, batch_size=32), prepared)
    folder = RunFolder.start(tmp_path / "run", plan, clips, [], {})
    return folder, Job(folder.path, prepared, "cpu", threads=1)


def floors_of(many):
    folder, job = many
    invent(folder)
    store_linear_floors(folder, open_prepared(job.prepared), Watch())
    return evaluate_run(folder)


def test_a_linear_model_on_shuffled_labels_sits_at_chance(many):
    summary = floors_of(many)
    shuffled = summary.floors["shuffled-linear"]
    assert summary.floors["linear"].uar.value == 1
    assert shuffled.uar.low < 1 / 3 < shuffled.uar.high
    assert len(shuffled.seeds) == linear_floors.SHUFFLES
    assert not summary.warnings


def test_a_floor_that_gets_to_know_test_labels_is_told_in_words(many, monkeypatch):
    """The planted leak: what should be shuffled is not, as if the true labels had reached the training by another way."""
    monkeypatch.setattr(linear_floors, "shuffle_labels", lambda labels, *how: dict(labels))
    summary = floors_of(many)
    assert summary.warnings[0].startswith(
        "the shuffled linear floor lies above chance (UAR 1.00 [0.66, 1.00], chance 0.33)"
    )


def test_floors_that_are_stored_are_not_trained_again(many, monkeypatch):
    before = floors_of(many).floors
    monkeypatch.setattr(linear_floors, "answers_of_machine", lambda *args: pytest.fail("trained again"))
    assert str(floors_of(many).floors) == str(before)


def test_the_shuffled_floor_of_the_model_trains_every_fold_once_and_goes_on_where_it_was(many):
    folder, job = many
    invent(folder)
    wanted = [Task(fold.name, 0, shuffled=True) for fold in folder.plan.folds]
    assert folder.missing(shuffled=True) == wanted
    assert "shuffled" not in evaluate_run(folder).floors
    train_here(job, folder.missing(shuffled=True)[:2], 1, Watch())
    half = evaluate_run(folder)
    assert "shuffled" not in half.floors
    assert half.notes[-1:] == (
        "shuffled floor is not there: 7 of 9 trainings are not finished; run with --shuffled goes on",
    )
    train_here(job, folder.missing(shuffled=True), 1, Watch())
    whole = evaluate_run(folder)
    assert whole.floors["shuffled"].clips == 4 * PEOPLE
    assert whole.floors["shuffled"].uar.low <= 1 / 3 + 1e-9
    assert not whole.warnings
    assert whole.model.uf1 == half.model.uf1, "the scores stay as they were"


def test_the_shuffled_floor_is_the_same_training_on_the_same_clips_with_labels_dealt_out_anew(many):
    folder, _ = many
    fold = folder.plan.folds[0]
    true, shuffled = (task.given_labels(folder.plan, fold, Task(fold.name, 0, kind)) for kind in (False, True))
    assert true == {clip: folder.plan.labels[clip] for clip in fold.train}
    assert shuffled.keys() == true.keys()
    assert shuffled != true


def test_the_models_shuffled_floor_that_knows_test_labels_is_told_in_words(many):
    folder, _ = many
    invent(folder)
    invent(folder, shuffled=True)
    assert not evaluate_run(folder).warnings, "drawn logits know nothing"
    for place in (folder.path / "floors" / "shuffled").glob("*/seed-0/logits.npz"):
        with np.load(place) as stored:
            known = dict(stored)
        test = folder.plan.fold(place.parts[-3]).test
        known["test"][:, range(len(test)), [folder.plan.labels[clip] for clip in test]] += 9
        np.savez(place, **known)
    assert evaluate_run(folder).warnings[0].startswith("the shuffled floor lies above chance (UAR 1.00")
