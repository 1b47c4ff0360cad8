"""Two runs side by side on the clips that both tested; a run beside a floor of its own."""

import json

import pytest

from tests.run.conftest import invent, made_clips, plan_of, prepare_made, tiny_config
from tsfmicro.errors import RunError, UnknownNameError
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.reading.compare import compare
from tsfmicro.run.folder import Plan, RunFolder
from tsfmicro.run.linear_floors import store_linear_floors
from tsfmicro.run.watch import Watch

PEOPLE = 8


@pytest.fixture
def prepared(tmp_path):
    return prepare_made(tmp_path / "cache" / "key", made_clips(people=PEOPLE))


@pytest.fixture
def make(tmp_path, prepared):
    """A finished run whose logits know so much of the truth; its folder."""

    def do(name, knowledge, folds=slice(None), classes=None, labels=None, **train):
        plan = plan_of(tiny_config(**train), prepared)
        plan = Plan(
            plan.config, classes or plan.classes, plan.labels | (labels or {}), plan.folds[folds], plan.prepared
        )
        folder = invent(RunFolder.start(tmp_path / name, plan, made_clips(people=PEOPLE), [], {}), knowledge)
        return folder.path

    return do


def test_a_run_that_knows_is_better_than_one_that_does_not(make):
    good, poor = make("good", 9), make("poor", 0, seeds=(0, 1, 2))
    found = compare(good, str(poor))
    assert found.differences["uf1"].interval.value == pytest.approx(
        found.scores[0].uf1.value - found.scores[1].uf1.value
    )
    assert found.headline().startswith("A is better than B: UF1 +")
    assert compare(poor, str(good)).headline().startswith("A is worse than B: UF1 -")
    assert found.about()[2] == "rule last, 8 people, 32 clips that both tested, 2 and 3 seeds"


def test_a_run_beside_itself_differs_in_nothing(make):
    run = make("run", 1)
    found = compare(run, str(run))
    assert (found.clips, found.unshared) == ((), (0, 0))
    assert found.headline() == "A is not shown to be better than B: UF1 +0.00 [+0.00, +0.00], p 1.000"


def test_clips_on_which_they_differ_are_listed_with_what_each_said(make):
    good, poor = make("good", 9), make("poor", 0)
    found = compare(good, str(poor))
    headings, rows = found.clips_table()
    assert headings == ["clip", "truth", "A said", "B said"]
    clip, truth, a, b = rows[0]
    assert a == f"{truth} (2 of 2 right)"
    assert b.endswith("(0 of 2 right)")
    stored = json.loads(json.dumps(found.to_dict()))
    assert stored["differing_clips"][0]["clip"] == clip
    assert stored["differing_clips"][0]["b"]["right"] == 0
    assert stored["a_minus_b"]["better"] is True


def test_only_clips_that_both_tested_count_and_the_others_are_counted(make):
    """A tests the first six of eight people, B the last six."""
    found = compare(make("a", 9, slice(0, 6)), str(make("b", 0, slice(2, 8))))
    assert found.scores[0].people == found.scores[1].people == 4
    assert found.unshared == (8, 8)
    assert found.about()[-1] == "not shared, hence left out: 8 clips that only A tested, 8 only B"


def test_a_run_beside_its_own_floors(make, prepared):
    run = make("run", 0)
    store_linear_floors(RunFolder.open(run), open_prepared(prepared), Watch())
    found = compare(run, "linear")
    assert found.names[1] == "the linear floor"
    assert found.headline().startswith("A is worse than B"), "the linear floor knows everything here"
    assert compare(run, "majority").scores[1].uar.value == pytest.approx(1 / 3)
    with pytest.raises(RunError, match=r"has no shuffled floor\. Give the command that made the run with --shuffled"):
        compare(run, "shuffled")


def test_runs_with_other_classes_are_refused(make):
    other = make("b", 0, classes=("negative", "positive", "others"))
    with pytest.raises(RunError, match=r"negative, positive, surprise, .* has negative, positive, others"):
        compare(make("a", 0), str(other))


def test_runs_with_other_labels_are_refused(make):
    other = make("b", 0, labels={"casme2/sub00/EP00": 1})
    with pytest.raises(
        RunError, match=r"1 clips have different labels, e\.g\. casme2/sub00/EP00: negative in .* positive in"
    ):
        compare(make("a", 0), str(other))


def test_runs_without_a_common_clip_are_refused(make):
    with pytest.raises(RunError, match="no clip in common"):
        compare(make("a", 0, slice(0, 4)), str(make("b", 0, slice(4, 8))))


def test_a_test_selected_rule_shows_nothing_and_is_refused(make):
    run = make("run", 0)
    with pytest.raises(RunError, match=r"oracle \(test-selected, optimistic\) cannot show"):
        compare(run, "linear", "oracle")
    with pytest.raises(UnknownNameError, match="Did you mean 'inner'"):
        compare(run, "linear", "iner")


def test_what_is_no_run_is_told_in_words(make, tmp_path):
    with pytest.raises(RunError, match="not a run folder"):
        compare(make("run", 0), str(tmp_path))
