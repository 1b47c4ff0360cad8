"""Seeds, and models of one plan, averaged."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.reading.test_compare import PEOPLE, make, prepared  # noqa: F401
from tests.run.conftest import plan_of, tiny_config
from tsfmicro.app.cli import app
from tsfmicro.errors import CacheError, RunError, WeightsError
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.reading import members as module
from tsfmicro.reading.members import members
from tsfmicro.run.here import train_here
from tsfmicro.run.trained import fold_model
from tsfmicro.run.watch import Task, Watch
from tsfmicro.train.loader import Loader

SEEDS = tuple(range(5))


def test_the_average_of_seeds_that_know_a_little_knows_more_than_each(make):  # noqa: F811
    found = members([make("run", 1.0, seeds=SEEDS)])
    assert found.scores.uf1.value > found.alone[0].uf1.value + 0.1
    assert found.versus_alone["uf1"].better
    assert found.versus_alone["uf1"].interval.value == pytest.approx(found.scores.uf1.value - found.alone[0].uf1.value)
    assert found.scores.clips == 4 * PEOPLE and found.scores.seeds == (0,)


def test_runs_are_averaged_whatever_the_size_of_their_logits(make):  # noqa: F811
    good, poor = make("good", 9.0), make("poor", 0.0)
    found = members([good, poor])
    assert found.seeds == (2, 2)
    assert found.alone[1].uf1.value < found.scores.uf1.value
    assert found.table()[1][0][0] == "4 members averaged"


def test_the_order_of_runs_changes_nothing_and_a_run_given_twice_is_refused(make):  # noqa: F811
    one, other = make("one", 1.0), make("other", 2.0)
    once, turned = (members(runs).scores.uf1 for runs in ([one, other], [other, one]))
    assert once == turned
    with pytest.raises(RunError, match=r"one: is given twice, and would count twice"):
        members([one, other, one])


def test_what_cannot_be_averaged_is_told(make):  # noqa: F811
    run = make("run", 1.0, seeds=(0,))
    with pytest.raises(RunError, match=r"is one training.*train\.seeds"):
        members([run])
    with pytest.raises(RunError, match="did not test the same clips"):
        members([run, make("fewer", 1.0, folds=slice(1, None))])
    labels = {"casme2/sub00/EP00": 1}
    with pytest.raises(RunError, match="the same labels"):
        members([run, make("otherwise", 1.0, labels=labels)])


def test_the_command_says_what_may_be_said(make):  # noqa: F811
    run = make("run", 1.0, seeds=SEEDS)
    shown = CliRunner().invoke(app, ["evaluate", str(run), "--members"])
    assert shown.exit_code == 0 and "5 members averaged" in shown.output and "better than its members" in shown.output
    told = CliRunner().invoke(app, ["evaluate", str(run), str(make("other", 1.0, seeds=SEEDS)), "--members", "--json"])
    assert json.loads(told.output)["members"][1]["seeds"] == 5


@pytest.fixture
def taught(start, prepared_folder):
    """A run of one epoch and one seed, trained; its prepared faces lie in `cache` beside it."""
    folder, job = start("late", plan_of(tiny_config(epochs=1, seeds=[0]), prepared_folder))
    train_here(job, folder.missing(), 1, Watch())
    return folder


def test_a_training_asked_of_mirrored_clips_too_answers_with_the_mean_of_both(taught, prepared_folder, tmp_path):
    fold = taught.plan.folds[0]
    model = fold_model(taught, Task(fold.name, 0))
    batch = Loader(open_prepared(prepared_folder), model.inputs, torch.device("cpu")).batch(fold.test, "annotated")
    with torch.inference_mode():
        straight, turned = model(**batch), model(**{name: values.flip(-1) for name, values in batch.items()})
    assert not torch.allclose(straight, turned, atol=1e-4), "the classes of this run differ between left and right"
    (both,) = module._both(taught, [module._last(taught, 0)], tmp_path / "nowhere", "cpu", Watch())
    rows = [both.clips.index(clip) for clip in fold.test]
    np.testing.assert_allclose(both.values[0, rows], (straight + turned).numpy() / 2, atol=1e-4)


def test_one_training_may_be_asked_of_mirrored_clips_and_is_compared_with_itself(taught):
    shown = CliRunner().invoke(app, ["evaluate", str(taught.path), "--mirror"])
    assert shown.exit_code == 0 and "one training, mirrored too" in shown.output
    told = json.loads(CliRunner().invoke(app, ["evaluate", str(taught.path), "--mirror", "--json"]).stdout)
    assert told["mirrored"] and told["minus_unmirrored"]["uf1"]["value"] == pytest.approx(
        told["uf1"]["value"]
        - json.loads(CliRunner().invoke(app, ["evaluate", str(taught.path), "--json"]).stdout)["uf1"]["value"]
    )


def test_mirrored_clips_need_faces_and_weights(taught, tmp_path):
    (tmp_path / "cache").rename(tmp_path / "elsewhere")
    with pytest.raises(CacheError, match="--cache"):
        members([taught.path], tmp_path / "nowhere")
    assert members([taught.path], tmp_path / "elsewhere").mirrored
    (taught.place(Task(taught.plan.folds[0].name, 0)) / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be read"):
        members([taught.path], tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["run", "run"], "--members"),
        (["run", "run", "--mirror"], "--members"),
        (["run", "--members", "--rule", "all"], "Leave --rule out"),
        (["run", "--mirror", "--rule", "all"], "Leave --rule out"),
    ],
)
def test_a_wrong_question_is_told(make, words, why, tmp_path):  # noqa: F811
    make("run", 1.0)
    done = CliRunner().invoke(app, ["evaluate", *(str(tmp_path / w) if w == "run" else w for w in words)])
    assert done.exit_code and why in str(done.exception)


def test_a_mirror_is_compared_with_the_same_members_without_one(start, prepared_folder):
    folder, job = start("two", plan_of(tiny_config(epochs=1, seeds=[0, 1]), prepared_folder))
    train_here(job, folder.missing(), 1, Watch())
    plain, mirrored = members([folder.path]), members([folder.path], folder.path.parent / "cache")
    gain = mirrored.to_dict()["minus_unmirrored"]["uf1"]["value"]
    assert gain == pytest.approx(mirrored.scores.uf1.value - plain.scores.uf1.value)
    assert "the same without a mirror" in mirrored.lines()[0] and "its members" in plain.lines()[0]
    assert "minus_unmirrored" in mirrored.to_dict() and "minus_members" in plain.to_dict()
