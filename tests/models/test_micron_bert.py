"""Micron-BERT's encoder, attention across frames and decoder give the released program's numbers; the head is ours."""

import pytest
import torch
from torch.nn.functional import mse_loss

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.autoencoder import patches_of
from tsfmicro.models.micron_bert import swapped
from tsfmicro.models.registry import MODELS, create_model, describe

FIXED = 2 * 785 * 512  # two tables of positions
HEAD = 2 * 512 + 3 * 512 + 3


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("micron_bert")
    model = create_model("micron-bert", 3)
    names = MODELS["micron-bert"].released(weights(facts["weights"]))
    assert {name for name in model.state_dict() if name not in names} == {n for n in model.state_dict() if "head" in n}
    model.load_state_dict(names, strict=False)
    return facts, arrays, model


@pytest.fixture(scope="module")
def frames():
    return drawn(-2, 2, (3, 2, 3, 224, 224))


def test_it_has_the_published_number_of_parameters_and_a_head():
    assert describe("micron-bert", 3).parameters == 27_536_064 - FIXED + HEAD


@pytest.mark.parametrize("mode", ["diagonal", "full"])
def test_it_restores_a_frame_as_the_released_program_does(released, frames, mode):
    _, arrays, model = released
    with torch.inference_mode():
        mixed, reference = model.patches(frames[0]), model.patches(frames[1])
        assert_near(mixed[:, ::56, ::4], arrays["features"])
        model.att.mode = mode
        latent, diagonal = model.att(mixed, reference)
        restored = model.restored(mixed, reference)
    assert_near(latent[:, ::56, ::4], arrays[f"{mode}_latent"])
    assert_near(diagonal[:, ::7], arrays[f"{mode}_attention"])
    assert_near(restored[:, ::56, ::16], arrays[f"{mode}_pred"])
    loss = mse_loss(restored, patches_of(frames[2], 8))
    assert float(loss) == pytest.approx(float(arrays[f"{mode}_loss"]), rel=1e-5)


def test_it_learns_to_restore_as_the_released_program_does(released, frames):
    facts, arrays, model = released
    model.att.mode = "diagonal"
    model.zero_grad()
    loss = mse_loss(model.restored(model.patches(frames[0]), model.patches(frames[1])), patches_of(frames[2], 8))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    norms = {name: weight.grad.norm().item() for name, weight in model.named_parameters() if weight.grad is not None}
    order = MODELS["micron-bert"].released(dict.fromkeys(facts["gradient_order"]))
    assert_norms_near([norms[name] for name in order], arrays["gradient_norms"])


def test_patches_are_swapped_whole():
    torch.manual_seed(0)
    mixed = swapped(torch.zeros(8, 3, 32, 32), torch.ones(8, 3, 32, 32))
    each = patches_of(mixed, 8)
    assert (each == each[..., :1]).all() and 0 < mixed.mean() < 1


def test_alone_it_first_restores_and_nothing_else():
    model = create_model("micron-bert", 3, 32, alone=4)
    model.stage = "restore"
    model.loss(model.example(2), torch.tensor([0, 1])).backward()
    learned = {name.partition(".")[0] for name, weight in model.named_parameters() if weight.grad is not None}
    assert learned == set(model.stages[0].only)


def test_what_cannot_work_is_told():
    with pytest.raises(ConfigError, match="multiple of 8"):
        create_model("micron-bert", 3, 100)
    with pytest.raises(ConfigError, match="restore is -1"):
        create_model("micron-bert", 3, restore=-1)
    with pytest.raises(ConfigError, match="alone is True"):
        create_model("micron-bert", 3, alone=True)
    with pytest.raises(UnknownNameError, match="diagonal"):
        create_model("micron-bert", 3, attention="half")
