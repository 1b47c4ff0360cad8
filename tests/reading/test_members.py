"""Seeds, and models of one plan, averaged."""

import json

import pytest
from typer.testing import CliRunner

from tests.reading.test_compare import PEOPLE, make, prepared  # noqa: F401
from tsfmicro.app.cli import app
from tsfmicro.errors import RunError
from tsfmicro.reading.members import members

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


def test_the_order_of_runs_and_a_run_given_twice_change_nothing(make):  # noqa: F811
    one, other = make("one", 1.0), make("other", 2.0)
    once, turned, twice = (members(runs).scores.uf1 for runs in ([one, other], [other, one], [one, other] * 2))
    assert once == turned == twice


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
    told = CliRunner().invoke(app, ["evaluate", str(run), str(run), "--members", "--json"])
    assert json.loads(told.output)["members"][1]["seeds"] == 5


@pytest.mark.parametrize(
    ("words", "why"), [(["run", "run"], "--members"), (["run", "--members", "--rule", "all"], "Leave --rule out")]
)
def test_a_wrong_question_is_told(make, words, why, tmp_path):  # noqa: F811
    make("run", 1.0)
    done = CliRunner().invoke(app, ["evaluate", *(str(tmp_path / w) if w == "run" else w for w in words)])
    assert done.exit_code and why in str(done.exception)
