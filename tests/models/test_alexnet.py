"""AlexNet gives the released program's numbers."""

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.alexnet import nearness
from tsfmicro.models.registry import MODELS, create_model, describe
from tsfmicro.needs import TrainingFacts

READ = MODELS["alexnet"].released


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("alexnet")
    model = create_model("alexnet", 7)
    model.load_state_dict(READ(weights(facts["weights"])))
    return facts, arrays, model.eval()


@pytest.fixture(scope="module")
def apex():
    return drawn(-2, 2, (2, 3, 224, 224))


def test_it_has_the_published_number_of_parameters():
    assert describe("alexnet", 7).parameters == 57_032_519


def test_its_maps_and_logits_are_the_released_program_s(released, apex):
    _, arrays, model = released
    with torch.inference_mode():
        for layer in (2, 5, 12):
            assert_near(adaptive_avg_pool2d(model.convolve[: layer + 1](apex), 3), arrays[f"pool{layer}"])
        assert_near(model(apex=apex), arrays["logits"])


def test_it_learns_as_the_released_program_does(released, apex):
    facts, arrays, model = released
    loss, norms = train_once(model, {"apex": apex}, torch.tensor([0, 1]))
    assert loss == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    order = READ(dict.fromkeys(facts["gradient_order"]))
    assert_norms_near([norms[name] for name in order], arrays["gradient_norms"])
    assert set(order) == set(norms)


@pytest.mark.parametrize(("balance", "wanted"), [(True, [2.0, 2 / 3, 0.0]), (False, [1.0, 1.0, 1.0])])
def test_a_class_shown_a_third_as_often_counts_three_times_as_much(balance, wanted):
    model = create_model("alexnet", 3, 63, balance=balance)
    model.begin(TrainingFacts({"a": 0, "b": 1, "c": 1, "d": 1}, {}))
    assert model.class_weight.tolist() == pytest.approx(wanted)


@pytest.mark.parametrize("frame", ["motion", "flow"])
def test_it_may_look_at_movement_and_at_63_pixels(frame):
    model = create_model("alexnet", 3, 63, frame=frame)
    assert list(model.inputs) == [frame] and model(**model.example(2)).shape == (2, 3)


def test_with_depth_it_has_a_fourth_channel_in_which_the_nearest_is_1():
    assert describe("alexnet", 7, frame="rgbd").parameters == 57_032_519 + 7_744
    model = create_model("alexnet", 3, 63, frame="rgbd")
    assert model(**model.example(2)).shape == (2, 3)
    depth = torch.tensor([[1.0, 1, 1, 1], [500, 600, 0, 550]]).view(1, 2, 1, 2, 2)
    assert nearness(depth).flatten().tolist() == pytest.approx([1, 0, 0, 0.5])
    assert not nearness(0 * depth).any()


@pytest.mark.parametrize(
    ("size", "options", "what"),
    [(62, {}, "too small"), (224, {"frame": "onset"}, "frame"), (224, {"dropout": 1}, "dropout is 1")],
)
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises((ConfigError, UnknownNameError), match=what):
        create_model("alexnet", 3, size, **options)
