"""Scoring a finished run from what it stored."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.run.conftest import invent, made_clips, plan_of, tiny_config
from tsfmicro.errors import RunError
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.run.folder import Plan, RunFolder
from tsfmicro.run.linear_floors import store_linear_floors
from tsfmicro.run.summary import Summary, evaluate_run, leak_of, stored_of, summarise
from tsfmicro.run.watch import Watch
from tsfmicro.types import Fold, dataset_of


@pytest.fixture
def finish(start, prepared_folder):
    """A run with drawn logits, and its linear floors; returns the run folder."""

    def do(name="run", plan=None):
        folder = invent((start(name, plan) if plan else start(name))[0])
        store_linear_floors(folder, open_prepared(prepared_folder), Watch())
        return folder

    return do


@pytest.fixture
def with_validation(finish, prepared_folder):
    """Three folds: one person trains, one validates, one is tested."""
    plan = plan_of(tiny_config(val_people=1), prepared_folder)
    people = [f.test for f in plan.folds]
    folds = tuple(Fold(f.name, people[n - 1], people[n], people[n - 2]) for n, f in enumerate(plan.folds))
    return finish("validated", type(plan)(plan.config, plan.classes, plan.labels, folds, plan.prepared))


def test_scores_stand_beside_their_floors(finish):
    summary = evaluate_run(finish())
    assert list(summary.floors) == ["majority", "linear", "shuffled-linear"]
    assert summary.floors["linear"].uf1.value == 1, "the made classes differ by brightness alone"
    assert summary.floors["majority"].uar.value == pytest.approx(1 / 3)
    assert summary.model.seeds == (0, 1)
    assert summary.skipped == 1
    assert "3 people, 12 clips, 2 seeds, rule last, majority floor" in summary.line()


def test_scores_json_holds_what_was_printed(finish):
    folder = finish()
    summary = evaluate_run(folder)
    stored = json.loads((folder.path / "scores.json").read_text())
    assert stored == summary.to_dict()
    assert stored["uf1"]["value"] == summary.model.uf1.value
    assert stored["rule"] == "last"
    assert stored["floors"]["linear"]["people"] == 3


def test_all_rules_stand_side_by_side_with_the_leak(with_validation):
    summary = evaluate_run(with_validation, "all")
    assert [s.rule.name for s in summary.scores] == ["last", "inner", "oracle", "released"]
    last, _, oracle, released = summary.scores
    assert summary.leak["acc"].value == pytest.approx(oracle.acc.value - last.acc.value) != 0
    assert summary.leak["acc"].low <= summary.leak["acc"].value <= summary.leak["acc"].high
    assert released.acc == oracle.acc
    headings, rows = summary.table()
    assert headings == ["tiny", "UF1", "UAR", "ACC"]
    assert [row[0] for row in rows] == [
        "rule last",
        "rule inner",
        "rule oracle (test-selected, optimistic)",
        "rule released (test-selected, optimistic; its UAR is macro precision)",
        "leak: oracle − last",
        "majority floor",
        "linear floor",
        "shuffled linear floor",
    ]
    assert [row[0] for row in summary.class_table()[1]] == [row[0] for row in rows[:4]]


def test_scores_json_holds_the_rules_that_were_asked_for(with_validation):
    evaluate_run(with_validation, "all")
    stored = json.loads((with_validation.path / "scores.json").read_text())
    assert list(stored["rules"]) == ["last", "inner", "oracle", "released"]
    assert stored["rules"]["oracle"]["rule"] == "oracle (test-selected, optimistic)"
    assert [said["test_selected"] for said in stored["rules"].values()] == [False, False, True, True]
    assert stored["rules"]["released"]["uar_is"] == "macro precision"
    assert stored["rule"] == "last", "the scores on top are honest"


@pytest.mark.parametrize("rule", ["oracle", "released"])
def test_a_test_selected_rule_brings_last_with_it_and_stands_below(finish, rule):
    folder = finish()
    summary = evaluate_run(folder, rule)
    assert [s.rule.name for s in summary.scores] == ["last", rule]
    assert "rule last" in summary.line()
    assert list(json.loads((folder.path / "scores.json").read_text())["rules"]) == ["last", rule]
    with pytest.raises(RunError, match="never shown without rule last"):
        Summary("tiny", summary.scores[1:], {}, None, None, 0)


def test_without_validation_people_inner_says_how_to_get_them_and_all_shows_the_others(finish):
    folder = finish()
    with pytest.raises(RunError, match=r"--set train\.val_people=3"):
        evaluate_run(folder, "inner")
    summary = evaluate_run(folder, "all")
    assert [s.rule.name for s in summary.scores] == ["last", "oracle", "released"]
    assert "rule inner is not there" in summary.notes[0]


def test_a_run_says_whether_it_is_better_than_the_linear_floor(finish):
    """Three people: swapping them can be done in eight ways only, so nothing can be shown, however high the score."""
    folder = finish()
    summary = evaluate_run(folder)
    assert summary.versus_line().startswith("not shown to be better than the linear floor: UF1 ")
    stored = json.loads((folder.path / "scores.json").read_text())["versus_linear_floor"]
    assert stored["better"] is False
    assert stored["uf1"]["p"] >= 1 / 8
    assert stored["uf1"]["value"] == pytest.approx(summary.model.uf1.value - 1)


def test_a_run_that_may_only_be_read_is_scored_and_nothing_is_kept_there(finish, monkeypatch):
    folder = finish()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    summary = evaluate_run(folder)
    assert summary.notes[-1] == f"scores.json is not kept: {folder.path} may not be written into"
    assert summary.line() == summarise(folder).line()
    assert not (folder.path / "scores.json").exists()


def test_scoring_needs_no_images(finish, prepared_folder):
    folder = finish()
    before = evaluate_run(folder).to_dict()
    for file in prepared_folder.iterdir():
        file.unlink()
    assert evaluate_run(folder).to_dict() == before


def test_clips_that_are_only_trained_on_are_not_scored(finish, prepared_folder):
    plan = plan_of(tiny_config(seeds=(0,)), prepared_folder)
    plan = type(plan)(plan.config, plan.classes, plan.labels, plan.folds[:2], plan.prepared)
    summary = evaluate_run(finish("few", plan))
    assert {s.clips for s in [summary.model, *summary.floors.values()]} == {8}


def test_several_datasets_are_scored_together_and_each_alone(start, prepared_folder):
    """Class surprise of one person is taken away, so that this person's dataset cannot be scored alone."""
    plan = plan_of(tiny_config(seeds=(0,)), prepared_folder)
    other = {
        clip: clip.replace("casme2/sub02", "samm/sub02").replace("casme2/sub01", "casme3/sub01") for clip in plan.labels
    }
    labels = {other[clip]: label for clip, label in plan.labels.items()} | {"samm/sub02/EP02": 0}
    folds = tuple(Fold(f.name, tuple(map(other.get, f.train)), tuple(map(other.get, f.test))) for f in plan.folds)
    clips = [replace(c, dataset=dataset_of(other[c.id])) for c in made_clips()]
    plan = Plan(plan.config, plan.classes, labels, folds, plan.prepared)
    summary = evaluate_run(invent(RunFolder.start(prepared_folder.parent / "composite", plan, clips, [], {})))
    assert summary.model.clips == 12
    assert {name: scores.clips for name, scores in summary.by_dataset.items()} == {"casme2": 4, "casme3": 4}
    assert [row[0] for row in summary.table()[1]][:4] == [
        "rule last",
        "rule last, casme2 alone",
        "rule last, casme3 alone",
        "rule last, mean of those",
    ]
    one, two = (scores.uar.value for scores in summary.by_dataset.values())
    assert summary.to_dict()["mean_of_datasets"]["uar"] == (one + two) / 2
    assert summary.notes == (
        "samm alone is not scored: no clip of class surprise was tested, so UF1 and UAR do not exist. Choose another label scheme.",
        "linear floor is not there: the command that made the run makes it",
        "shuffled linear floor is not there: the command that made the run makes it",
    )


def test_a_damaged_floor_is_named(finish):
    folder = finish()
    np.save(folder.path / "floor-linear.npy", np.zeros(3))
    with pytest.raises(RunError, match=r"floor-linear\.npy: is damaged"):
        evaluate_run(folder)
    (folder.path / "floor-linear.npy").write_bytes(b"half")
    with pytest.raises(RunError, match=r"floor-linear\.npy: is damaged"):
        evaluate_run(folder)


def test_damage_within_a_floor_is_told_and_one_of_an_earlier_version_is_read(finish):
    folder = finish()
    file = folder.path / "floor-linear.npy"
    before = evaluate_run(folder).table()
    whole = file.read_bytes()
    for damaged in (whole[:-30] + bytes(8) + whole[-22:], whole[:-1], whole + b"more"):
        file.write_bytes(damaged)
        with pytest.raises(RunError, match=r"floor-linear\.npy: is damaged \(its bytes .*Delete it and run the same"):
            evaluate_run(folder)
    np.save(file, np.load(file))
    assert evaluate_run(folder).table() == before


def test_a_leak_and_a_score_of_one_reading_are_those_of_two(finish):
    folder = finish()
    stored = stored_of(folder)
    assert summarise(folder, "last", stored).to_dict() == summarise(folder).to_dict()
    assert leak_of(folder, stored) == leak_of(folder)
