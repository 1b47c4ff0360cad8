"""What a run keeps: weights or none, its threads, the state of a training that takes long."""

import pytest

from tests.run.conftest import plan_of, tiny_config
from tsfmicro.errors import RunError
from tsfmicro.reading.audit import audit
from tsfmicro.run.here import Here, train_here
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.trained import fold_model
from tsfmicro.run.watch import Watch
from tsfmicro.train import checkpoint
from tsfmicro.use.recognise import FoldModels
from tsfmicro.workers import cores


@pytest.mark.parametrize("keep", ["final", "none"])
def test_weights_that_are_not_to_be_kept_are_not_there_and_all_else_is(start, prepared_folder, keep):
    folder, job = start(plan=plan_of(tiny_config(keep=keep, seeds=[0]), prepared_folder))
    train_here(job, folder.missing(), 1, Watch())
    assert not list(folder.path.rglob("*.safetensors"))
    evaluate_run(folder)
    assert not [check for check in audit(folder.path).checks if check.problems]
    with pytest.raises(RunError, match=rf"weights were not kept \(train.keep={keep}\)"):
        fold_model(folder, folder.plan.tasks[0])


def test_few_trainings_share_the_cores_and_many_have_one_each():
    assert Here().threads(1) == cores()
    assert Here().threads(1000) == 1


def test_the_models_of_a_run_are_read_when_they_are_asked_and_kept_while_they_are_small(start, monkeypatch):
    folder, job = start()
    train_here(job, folder.missing(), 1, Watch())
    tasks, read = folder.plan.tasks, []
    monkeypatch.setattr("tsfmicro.use.recognise.fold_model", lambda *of: read.append(of) or fold_model(*of))
    small = FoldModels(folder, tasks)
    assert not read
    assert len(list(small)) == len(list(small)) == len(tasks) == len(read)
    large = FoldModels(folder, tasks, room=1)
    assert len(list(large)) == len(tasks) and len(large._kept) == 0


def test_a_state_of_another_plan_or_a_damaged_one_is_passed_over(start, prepared_folder, monkeypatch):
    """The training begins anew, and ends as it would have."""
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    folder, job = start("one")
    task = folder.plan.tasks[0]
    path = folder.checkpoint(task).path
    path.parent.mkdir()
    path.write_bytes(b"half of a file")
    train_here(job, folder.missing(), 1, Watch())
    other, job = start("other", plan=plan_of(tiny_config(lr=0.02), prepared_folder))
    assert other.checkpoint(task).load() is None
    again, job = start("again")
    train_here(job, again.missing(), 1, Watch())
    assert (folder.outcome(task).test.values == again.outcome(task).test.values).all()
