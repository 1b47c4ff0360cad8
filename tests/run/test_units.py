"""A run of action units, from labels to scores, an audit and a comparison; noise faces in which units brighten the apex."""

import csv
import json

import numpy as np
import pytest

from tests.run.conftest import SETTINGS
from tests.study.test_study import data  # noqa: F401
from tsfmicro.app.screens import show_summary
from tsfmicro.config import check_config
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.labels import SCHEMES, units_shown
from tsfmicro.reading.audit import audit
from tsfmicro.reading.compare import compare
from tsfmicro.reading.gather import gather
from tsfmicro.run.experiment import check_names, run
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.trained import fold_model
from tsfmicro.run.watch import Watch
from tsfmicro.study.grid import Member
from tsfmicro.study.study import check
from tsfmicro.types import ActionUnit, ActionUnits, Clip, Frames

SCHEME = "samm-au4"


def units_config(**changes):
    values = {
        **SETTINGS,
        "name": "units",
        "data": {"datasets": ["casme2", "samm"], "scheme": SCHEME},
        "protocol": "leave_one_dataset_out",
        "train": {**SETTINGS["train"], "epochs": 2},
    }
    return check_config({**values, **changes}, "units")


@pytest.fixture(scope="module")
def done(data, tmp_path_factory):  # noqa: F811
    roots, cache = data
    out = tmp_path_factory.mktemp("units") / "run"
    return out, run(units_config(), roots, out, cache, "cpu", 1)


def clip(units, name="EP01"):
    shown = ActionUnits("", tuple(ActionUnit(n) for n in units))
    return Clip("casme2", "sub01", name, Frames(None, {}), 1, 2, 3, 200, "whatever", shown)


def test_a_label_is_the_set_of_units_a_clip_shows_sides_and_other_units_dropped():
    scheme = SCHEMES["cd6me-12"]
    label = scheme.label_of(clip((4, 12, 24, 12)))
    assert [scheme.classes[n] for n in scheme.classes_in(label)] == ["AU4", "AU12"]
    assert scheme.label_of(clip((24,))) == 0 and not scheme.classes_in(0)
    assert units_shown([label, 0], 12).sum(1).tolist() == [2, 0]


def test_a_clip_without_annotated_units_is_left_out_with_the_reason():
    scheme = SCHEMES["cd6me-12"]
    assert scheme.label_of(clip(())) is None
    assert scheme.why_left_out(clip(())) == "no action unit is annotated"
    assert scheme.why_left_out(clip((24,))) is None


def test_logits_are_stored_for_each_unit_and_labels_are_read_back(done):
    out, _ = done
    folder = RunFolder.open(out)
    assert folder.logits(0).values.shape == (2, len(folder.plan.tested), 4)
    rows = list(csv.DictReader((out / "clips.csv").open()))
    assert {name for row in rows for name in row["class"].split("+")} <= {"AU2", "AU4", "AU7", "AU12", "none"}
    assert any("+" in row["class"] for row in rows)
    (row,) = [row for row in rows if "+" in row["class"]][:1]
    shown = [folder.plan.classes[n] for n in folder.plan.scheme.classes_in(folder.plan.labels[row["clip"]])]
    assert shown == row["class"].split("+")


def test_scores_stand_beside_the_constant_answer_and_linear_machines(done, capsys):
    out, summary = done
    assert set(summary.floors) == {"constant", "linear"} and set(summary.by_dataset) <= {"casme2", "samm"}
    labels = RunFolder.open(out).plan.tested
    shares = units_shown(labels.values(), 4).mean(0)
    assert summary.floors["constant"].f1.value == pytest.approx(np.mean(2 * shares / (1 + shares)))
    stored = json.loads((out / "scores.json").read_text())
    assert stored["mean_binary_f1"]["value"] == summary.model.f1.value and "uf1" not in stored
    show_summary(summary, out)
    said = capsys.readouterr().out
    assert "binary F1: AU2" in said and "constant floor" in said and "for classes" in said
    assert (out / "confusion.png").exists() and (out / "clips.png").exists()


def test_it_is_audited_compared_and_scored_under_every_rule(done):
    out, summary = done
    assert not [problem for found in audit(out).checks for problem in found.problems]
    found = compare(out, "constant")
    assert list(found.differences) == ["f1", "macro_f1"] and "mean binary F1" in found.headline()
    assert found.to_dict()["a"]["f1"]["value"] == summary.model.f1.value
    rules = evaluate_run(RunFolder.open(out), "all")
    assert [s.rule.name for s in rules.scores] == ["last", "oracle"] and set(rules.leak) == {"f1", "macro_f1"}
    with pytest.raises(RunError, match="last, inner and oracle"):
        evaluate_run(RunFolder.open(out), "released")
    evaluate_run(RunFolder.open(out))


def test_what_is_for_classes_says_so_in_one_line(done, data, tmp_path):  # noqa: F811
    out, _ = done
    folder = RunFolder.open(out)
    with pytest.raises(RunError, match="a report is for classes"):
        gather(folder, "r", "r", [], "cpu", Watch())
    with pytest.raises(RunError, match="is for classes"):
        fold_model(folder, folder.plan.tasks[0])
    for asked in ({"shuffled": True}, {"final": True}):
        with pytest.raises(ConfigError, match="is for classes"):
            run(units_config(), data[0], tmp_path / "run", data[1], "cpu", 1, **asked)
    with pytest.raises(ConfigError, match="tells action units"):
        check("mine", [Member("units", units_config())], data[0], Watch())


@pytest.mark.parametrize("model", ["linear", "sfamnet"])
def test_a_model_that_answers_with_one_class_is_refused(model):
    with pytest.raises(ConfigError, match="answers with one class"):
        check_names(units_config(model=model, prepare={"size": 128}))


@pytest.mark.parametrize("loss", ["balanced", "focal"])
def test_rare_units_may_weigh_more(done, data, tmp_path, loss):  # noqa: F811
    roots, cache = data
    settings = {**SETTINGS["train"], "epochs": 1, "seeds": [0], "loss": loss}
    summary = run(units_config(train=settings), roots, tmp_path / "run", cache, "cpu", 1)
    assert 0 <= summary.model.f1.value <= 1
