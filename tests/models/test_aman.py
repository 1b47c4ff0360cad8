"""AMAN gives the released program's numbers."""

import pytest
import torch

from tests.models.golden import assert_near, distance, drawn, golden, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import MODELS, create_model


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("aman")
    model = create_model("aman", 5, frames=2, levels=3)
    names = MODELS["aman"].released(weights([*facts["weights"], *facts["weights_front"]]))
    model.load_state_dict(names)
    return facts, arrays, model.eval()


def test_it_has_the_published_number_of_parameters_that_learn_and_a_frozen_front():
    model = create_model("aman", 5)
    assert sum(p.numel() for p in model.parameters()) == 8_397_319
    still = {
        name: b for name, b in model.front.named_buffers() if not name.rpartition(".")[2].startswith(("run", "num"))
    }
    assert sum(b.numel() for b in still.values()) == 2_782_784


def test_its_logits_are_the_released_program_s(released):
    facts, arrays, model = released
    with torch.inference_mode():
        logits = model.head(model.attend(drawn(0, 1, (2, 3, 4, 256, 14, 14))))
        assert_near(logits, arrays["logits"], facts["tolerance"]["logits"])
        images = drawn(-2, 2, (2, 2, 3, 3, 64, 64))
        assert_near(model(copies=images), arrays["logits_from_images"], facts["tolerance"]["logits_from_images"])
        seen = model.front(images.flatten(0, 2)).unflatten(0, (2, 2, 3))[:, :, :, ::16]
        assert_near(seen, arrays["front_features"].astype("float32"), facts["tolerance"]["front_features"])


def test_the_front_does_not_move_in_training():
    torch.manual_seed(0)
    model = create_model("aman", 3, 32, frames=2, levels=2).train()
    before = {name: values.clone() for name, values in model.front.state_dict().items()}
    model.loss(model.example(2), torch.tensor([0, 1])).backward()
    assert all(torch.equal(values, before[name]) for name, values in model.front.state_dict().items())


def test_statistics_of_each_copy_are_those_of_the_clips_alone():
    torch.manual_seed(0)
    each = create_model("aman", 3, 32, frames=1, levels=2).train()
    seen = torch.randn(4, 1, 2, 256, 2, 2)
    one = each.layer4(seen[:, 0, 1])
    assert distance(each.last_layer(seen)[:, 0, 1], one.detach().numpy()) < 1e-5
    each.statistics = "joint"
    assert distance(each.last_layer(seen)[:, 0, 1], one.detach().numpy()) > 1e-2


def test_of_a_resnet_it_takes_the_front():
    given = {
        "module.conv1.weight": torch.zeros(1),
        "module.layer4.0.bn1.bias": torch.zeros(1),
        "fc.bias": torch.zeros(1),
    }
    assert list(MODELS["aman"].released(given)) == ["front.conv1.weight"]


def test_what_cannot_work_is_told():
    with pytest.raises(ConfigError, match="too small"):
        create_model("aman", 3, 16)
    with pytest.raises(ConfigError, match="frames is 0"):
        create_model("aman", 3, frames=0)
    with pytest.raises(UnknownNameError, match="each"):
        create_model("aman", 3, statistics="all")
