"""SRMCL gives the released networks' numbers, masked and whole, and remembers as they do."""

import numpy as np
import pytest
import torch

from tests.models.golden import assert_near, assert_norms_near, drawn, filled, golden, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import MODELS, create_model, describe

FIXED = 197 * (768 + 512)  # two tables of positions
NECK = 2 * 768  # a norm that is never used


@pytest.fixture
def released():
    facts, arrays = golden("srmcl")
    model = create_model("srmcl", 5)
    memory = torch.nn.functional.normalize(filled("memory", (5, 768)))
    model.load_state_dict(MODELS["srmcl"].released(weights(facts["weights"])) | {"memory": memory})
    return facts, arrays, model


@pytest.fixture(scope="module")
def flow():
    return drawn(-2, 2, (2, 3, 224, 224))


@pytest.fixture(scope="module")
def noise():
    draws = [np.random.default_rng(seed).uniform(0, 1, (2, 196)) for seed in (8, 9)]
    return torch.from_numpy(np.stack(draws).astype(np.float32))


def test_it_has_the_published_number_of_parameters_but_what_never_learns():
    assert describe("srmcl", 5).parameters == 26_857_989 - FIXED - NECK


def test_its_tokens_and_logits_are_the_released_program_s(released, flow):
    _, arrays, model = released
    with torch.inference_mode():
        tokens = model.eval().encoder(flow)
        assert_near(tokens[:, ::28, ::4], arrays["encoder"])
        assert_near(model.feature(tokens), arrays["feature"])
        assert_near(model(flow=flow), arrays["logits"])


def test_it_rebuilds_what_is_masked_twice_as_the_released_program_does(released, flow, noise):
    _, arrays, model = released
    with torch.inference_mode():
        tokens = model.encoder(flow)
        for number, draw in enumerate(noise, 1):
            tokens, missing = model.masked(tokens, draw)
            assert missing.sum(1).tolist() == [147, 147]
            assert_near(model.decoder(tokens)[:, ::28, ::16], arrays[f"reconstruction{number}"])
        assert_near(model.head(model.feature(tokens)), arrays["train_logits"])


def test_it_learns_and_remembers_as_the_released_program_does(released, flow, noise):
    facts, arrays, model = released
    target = torch.tensor([0, 1])
    model.train().memory_weight = 0
    loss = model.loss_of(flow, model.encoder(flow), noise, target)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    norms = {name: weight.grad.norm().item() for name, weight in model.named_parameters()}
    order = MODELS["srmcl"].released(dict.fromkeys(facts["gradient_order"]))
    assert_norms_near([norms[name] for name in order], arrays["gradient_norms"])

    model.memory_weight = 0.5
    with torch.no_grad():
        loss = model.loss_of(flow, model.encoder(flow), noise, target)
    assert float(loss) == pytest.approx(float(arrays["train_loss_memory"]), rel=1e-5)
    assert_near(model.memory, arrays["memory_after"])


def test_memory_keeps_what_was_not_shown_and_begins_with_what_is():
    model = create_model("srmcl", 3, 32).train()
    before = model.memory.clone()
    feature = torch.zeros(2, 768)
    feature[0, 0], feature[1, 1] = 2, 5
    model.remember(feature, torch.tensor([1, 1]))
    assert torch.equal(model.memory[[0, 2]], before[[0, 2]])
    assert model.memory[1, :3].tolist() == pytest.approx([0.5**0.5, 0.5**0.5, 0])


def test_alone_it_first_rebuilds_and_nothing_else():
    model = create_model("srmcl", 3, 32, alone=4)
    model.stage = "rebuild"
    model.loss(model.example(2), torch.tensor([0, 1])).backward()
    learned = {name.partition(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert learned == set(model.stages[0].only)


def test_its_picture_is_flow_and_its_length_as_an_image():
    flow = create_model("srmcl", 3, 32).inputs["flow"]
    maps = torch.zeros(1, 3, 32, 32)
    maps[0, 0, 0, 0], maps[0, 1, 0, 0] = 3, -4
    image = flow.view(maps)
    assert image[0, :, 0, 0].tolist() == pytest.approx([(1 - 0.485) / 0.229, -0.456 / 0.224, (1 - 0.406) / 0.225])


def test_what_cannot_work_is_told():
    with pytest.raises(ConfigError, match="multiple of 16"):
        create_model("srmcl", 3, 16)
    with pytest.raises(ConfigError, match="memory is -1"):
        create_model("srmcl", 3, memory=-1)
    with pytest.raises(ConfigError, match="alone is -1"):
        create_model("srmcl", 3, alone=-1)
    with pytest.raises(UnknownNameError, match="magnitude"):
        create_model("srmcl", 3, third="length")
