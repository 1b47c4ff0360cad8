"""OFF-ApexNet gives the numbers of the two programs that rebuilt it."""

import pytest
import torch

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import MODELS, create_model

READ = MODELS["off-apexnet"].released
SINGLE = {"variant": "single", "conv_activation": "relu"}
FLOW = drawn(-1, 1, (2, 2, 28, 28))


def released(listed="weights", **options):
    facts, arrays = golden("off_apexnet")
    model = create_model("off-apexnet", 3, **options)
    model.load_state_dict(READ(weights(facts[listed])))
    return facts, arrays, model.eval()


@pytest.mark.parametrize(("options", "count"), [({}, 2_664_475), (SINGLE, 807_909)])
def test_it_has_the_published_number_of_parameters(options, count):
    assert sum(p.numel() for p in create_model("off-apexnet", 3, **options).parameters()) == count


def test_two_streams_give_the_released_program_s_maps_and_logits():
    _, arrays, model = released(conv_activation="none")
    with torch.inference_mode():
        assert_near(model.horizontal(FLOW[:, :1]), arrays["u"])
        assert_near(model.vertical(FLOW[:, 1:]), arrays["v"])
        assert_near(model(flow=FLOW), arrays["logits"])


def test_with_relu_it_gives_the_same_weights_other_logits():
    _, arrays, model = released(conv_activation="relu")
    with torch.inference_mode():
        assert_near(model(flow=FLOW), arrays["logits_relu"])


def test_one_stream_gives_the_released_program_s_map_and_logits():
    _, arrays, model = released("weights_meb", **SINGLE)
    with torch.inference_mode():
        assert_near(model.both[:4](FLOW), arrays["meb_conv2"])
        assert_near(model(flow=FLOW), arrays["meb_logits"])


@pytest.mark.parametrize(
    ("suffix", "prefix", "options"), [("", "", {"conv_activation": "none"}), ("_meb", "meb_", SINGLE)]
)
def test_it_learns_as_the_released_programs_do(suffix, prefix, options):
    facts, arrays, model = released(f"weights{suffix}", **options)
    loss, norms = train_once(model, {"flow": FLOW}, torch.tensor([0, 1]))
    assert loss == pytest.approx(float(arrays[f"{prefix}train_loss"]), rel=1e-5)
    order = READ(dict.fromkeys(facts[f"gradient_order{suffix}"]))
    assert_norms_near([norms[name] for name in order], arrays[f"{prefix}gradient_norms"])
    assert set(order) == set(norms)


def test_strain_is_left_out_and_each_direction_runs_from_0_to_1():
    flow = torch.randn(2, 3, 28, 28)
    view = create_model("off-apexnet", 3).inputs["flow"].view(flow)
    assert view.amin((2, 3)).tolist() == [[0, 0]] * 2 and view.amax((2, 3)).tolist() == [[1, 1]] * 2
    assert (create_model("off-apexnet", 3, values="px").inputs["flow"].view(flow) == flow[:, :2]).all()


@pytest.mark.parametrize(
    ("size", "options", "what"),
    [
        (3, {}, "too small"),
        (28, {"dropout": 1}, "dropout is 1"),
        (28, {"variant": "tow"}, "two"),
        (28, {"conv_activation": "rule"}, "relu"),
        (28, {"values": "pixels"}, "px"),
    ],
)
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises((ConfigError, UnknownNameError), match=what):
        create_model("off-apexnet", 3, size, **options)
