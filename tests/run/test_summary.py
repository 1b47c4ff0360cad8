"""Scoring a finished run from what it stored."""

import json

import numpy as np
import pytest

from tsfmicro.errors import RunError
from tsfmicro.models.linear import linear
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.run.machines import train_here
from tsfmicro.run.summary import evaluate_run, store_floor
from tsfmicro.run.watch import Watch


@pytest.fixture
def scored(start, prepared_folder):
    folder, job = start()
    train_here(job, folder.missing_groups(), 1, Watch())
    plan = folder.plan
    store_floor(folder, "linear", linear(open_prepared(prepared_folder), plan.folds, plan.labels, len(plan.classes)))
    return folder


def test_scores_stand_beside_their_floors(scored):
    summary = evaluate_run(scored)
    assert set(summary.floors) == {"majority", "linear"}
    assert summary.floors["linear"].uf1.value == 1, "the made classes differ by brightness alone"
    assert summary.floors["majority"].uar.value == pytest.approx(1 / 3)
    assert summary.model.seeds == (0, 1)
    assert summary.skipped == 1
    assert "3 people, 12 clips, 2 seeds, rule last, majority floor" in summary.line()


def test_scores_json_holds_what_was_printed(scored):
    summary = evaluate_run(scored)
    stored = json.loads((scored.path / "scores.json").read_text())
    assert stored["uf1"]["value"] == summary.model.uf1.value
    assert stored["rule"] == "last"
    assert stored["floors"]["linear"]["people"] == 3


def test_scoring_needs_no_images(scored, prepared_folder):
    before = evaluate_run(scored).to_dict()
    for file in prepared_folder.iterdir():
        file.unlink()
    assert evaluate_run(scored).to_dict() == before


def test_a_damaged_floor_is_named(scored):
    np.save(scored.path / "floor-linear.npy", np.zeros(3))
    with pytest.raises(Exception, match="logits of fold all"):
        evaluate_run(scored)
    (scored.path / "floor-linear.npy").write_bytes(b"half")
    with pytest.raises(RunError, match=r"floor-linear\.npy: is damaged"):
        evaluate_run(scored)
