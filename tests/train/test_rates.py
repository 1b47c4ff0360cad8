"""Layer-wise learning rates: the last layer's is the run's, the first one's a part of it."""

import pytest
import torch

from tsfmicro.models.registry import create_model
from tsfmicro.train.optimiser import distances, rated


def test_layers_are_counted_from_the_answer_whatever_the_order_of_their_names():
    far = distances(create_model("ststnet", 3, 28))
    assert (far["head.1.weight"], far["head.1.bias"]) == (0, 0)
    assert (far["norm.weight"], far["conv.weight"]) == (1, 2)


def test_streams_that_lie_side_by_side_are_counted_each_by_itself():
    far = distances(create_model("tsfmicro-small", 3, 32))
    assert far["spatial.norm.weight"] == far["head.project.weight"] + 1, "not beyond the whole other stream"
    assert max(value for name, value in far.items() if name.startswith("spatial")) < max(far.values())
    assert far["head.classify.weight"] == 0


def test_rates_fall_evenly_from_the_last_layer_to_the_first():
    model = create_model("ststnet", 3, 28)
    names = {id(p): name for name, p in model.named_parameters()}
    parts = {names[id(p)]: g["part"] for g in rated(model, list(model.parameters()), 0.01) for p in g["params"]}
    assert parts["head.1.weight"] == 1
    assert parts["norm.bias"] == pytest.approx(0.1)
    assert parts["conv.weight"] == pytest.approx(0.01)


def test_one_rate_for_all_is_one_group_as_it_was():
    (group,) = rated(torch.nn.Linear(2, 2), [], 1.0)
    assert group == {"params": []}
