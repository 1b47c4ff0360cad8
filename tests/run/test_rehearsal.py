"""train.precision=auto on a CPU: large models try both precisions once, and a run goes on in the one it began with."""

import pytest

from tests.run.conftest import tiny_config
from tests.run.test_faults import run  # noqa: F401
from tsfmicro.config import check_config
from tsfmicro.run import experiment, rehearsal

LARGE = {"name": "tsfmicro", "options": {}}


def config_of(model, size=224):
    return check_config({**tiny_config().model_dump(), "model": model, "prepare": {"size": size}}, "tiny.yaml")


@pytest.fixture
def steps(monkeypatch):
    """Seconds that a step takes in each precision; which were tried is written down."""
    seconds, tried = {"float32": 1.0, "bfloat16": 0.5}, []
    monkeypatch.setattr(rehearsal, "has_bfloat16", lambda device: True)
    monkeypatch.setattr(rehearsal, "_step", lambda model, precision: tried.append(precision) or seconds[precision])
    return seconds, tried


@pytest.mark.parametrize(("bfloat16", "chosen"), [(0.5, "bfloat16"), (0.95, "float32"), (2.0, "float32")])
def test_a_large_model_learns_in_bfloat16_where_that_is_clearly_faster(steps, bfloat16, chosen):
    seconds, tried = steps
    seconds["bfloat16"] = bfloat16
    assert rehearsal.rehearsed_precision(config_of(LARGE), 3, threads=1) == chosen
    assert tried == ["float32", "bfloat16"] * 3


@pytest.mark.parametrize(("model", "size"), [("tsfmicro-small", 64), ("linear", 64), ("ststnet", 28)])
def test_a_small_model_is_not_tried(steps, model, size):
    assert rehearsal.rehearsed_precision(config_of({"name": model}, size), 3, threads=1) == "float32"
    assert not steps[1]


def test_nothing_is_tried_on_a_processor_without_bfloat16(steps, monkeypatch):
    monkeypatch.setattr(rehearsal, "has_bfloat16", lambda device: False)
    assert rehearsal.rehearsed_precision(config_of(LARGE), 3, threads=1) == "float32"
    assert not steps[1]


def test_a_step_of_each_takes_time_and_leaves_no_gradient():
    model = rehearsal.build_model(config_of(tiny_config().model.model_dump(), 32), 3).train()
    assert all(rehearsal._step(model, precision) > 0 for precision in ("float32", "bfloat16"))
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_run_goes_on_in_the_precision_it_began_with(run, monkeypatch):  # noqa: F811
    asked = []
    monkeypatch.setattr(experiment, "rehearsed_precision", lambda *of: asked.append(of) or "bfloat16")
    config = tiny_config(epochs=1, seeds=(0,))
    _, whole = run("whole", config)
    first = whole.outcome(whole.plan.tasks[0]).test.values
    place = whole.place(whole.plan.tasks[0])
    (place / "logits.npz").unlink()
    place.rename(place.with_name("gone"))
    _, again = run("whole", config)
    assert len(asked) == 1, "it is tried once"
    assert again.environment["precision"] == "bfloat16"
    assert (again.outcome(again.plan.tasks[0]).test.values == first).all()
    _, other = run("single", tiny_config(epochs=1, seeds=(0,), precision="float32"))
    assert len(asked) == 1 and other.environment["precision"] == "float32"
    assert (other.outcome(other.plan.tasks[0]).test.values != first).any()
