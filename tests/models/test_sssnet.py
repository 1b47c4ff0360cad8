"""SSSNet gives the released program's numbers."""

import pytest
import torch

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError
from tsfmicro.models.registry import MODELS, create_model


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("sssnet")
    model = create_model("sssnet", 3)
    names = MODELS["sssnet"].released(weights(facts["weights"]))
    model.load_state_dict(names, strict=False)
    return facts, arrays, model.eval(), list(MODELS["sssnet"].released(dict.fromkeys(facts["gradient_order"])))


def test_it_has_the_published_number_of_parameters():
    assert sum(p.numel() for p in create_model("sssnet", 3).parameters()) == 1_349_251


def test_its_maps_and_logits_are_the_released_program_s(released):
    _, arrays, model, _ = released
    flow = drawn(0, 1, (2, 3, 64, 64))
    with torch.inference_mode():
        first = model.conv1(flow)
        assert_near(torch.nn.functional.adaptive_avg_pool2d(first, 8), arrays["norm1"])
        assert_near(model.features(flow=flow).permute(0, 3, 1, 2), arrays["norm2"])
        assert_near(model(flow=flow), arrays["logits"])


def test_it_learns_as_the_released_program_does(released):
    _, arrays, model, order = released
    loss, norms = train_once(model, {"flow": drawn(0, 1, (2, 3, 64, 64))}, torch.tensor([0, 1]))
    assert loss == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    assert_norms_near([norms[name] for name in order], arrays["gradient_norms"])


@pytest.mark.parametrize(("size", "options", "what"), [(19, {}, "too small"), (64, {"dropout": 1}, "dropout is 1")])
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises(ConfigError, match=what):
        create_model("sssnet", 3, size, **options)
