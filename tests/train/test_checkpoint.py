"""The state of a training that is taken up again."""

import pytest
import torch

from tsfmicro.train.checkpoint import InFile, State


def stored(path, **values):
    torch.save({"plan": "this one", "losses": [0.5], "captured": {}, "logits": [torch.zeros(2, 3)]} | values, path)
    return InFile(path, "this one").load()


def test_the_seconds_of_all_programs_that_had_a_part_are_counted(tmp_path):
    state = stored(tmp_path / "state.pt", seconds=100.0)
    assert state.seconds >= 100
    assert 0 <= State().seconds < state.seconds


def test_what_an_earlier_version_kept_is_gone_on_with_though_it_does_not_say_how_long_it_took(tmp_path):
    state = stored(tmp_path / "state.pt")
    assert (state.epochs, state.losses, state.seconds) == (1, [0.5], None)


@pytest.mark.parametrize("plan", ["another", None])
def test_what_another_plan_left_is_not_gone_on_with(tmp_path, plan):
    assert stored(tmp_path / "state.pt", plan=plan) is None
