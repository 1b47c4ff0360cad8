"""MMNet gives the released program's numbers."""

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import MODELS, create_model, describe


def build(facts, **options):
    model = create_model("mmnet", 5, **options)
    model.load_state_dict(MODELS["mmnet"].released(weights(facts["weights"])))
    return model.eval()


@pytest.fixture(scope="module")
def released():
    return golden("mmnet")


@pytest.fixture(scope="module")
def batch():
    onset, apex = drawn(-2, 2, (2, 2, 3, 224, 224))
    return {"motion": apex - onset, "onset": onset}


@pytest.mark.parametrize(("form", "classes", "parameters"), [("5-class", 5, 9_438_841), ("3-class", 3, 9_241_719)])
def test_it_has_the_published_number_of_parameters_that_are_used(form, classes, parameters):
    assert describe("mmnet", classes, form=form).parameters == parameters


def test_its_maps_and_logits_are_the_released_program_s(released, batch):
    facts, arrays = released
    model = build(facts)
    with torch.inference_mode():
        x, carried = model.temporal.stem(batch["motion"]), None
        assert_near(adaptive_avg_pool2d(x, 4), arrays["stem"])
        x = model.temporal.narrow(x)
        for number, block in enumerate(model.temporal.blocks, 1):
            x, carried = block(x, carried)
            assert_near(adaptive_avg_pool2d(x, 4), arrays[f"block{number}"])
            assert_near(adaptive_avg_pool2d(carried, 14), arrays[f"attention{number}"])
        assert_near(model.spatial(batch["onset"]).flatten(1, 2)[:, ::14], arrays["position"])
        assert_near(model(**batch), arrays["logits"])


def test_an_antialiased_thumbnail_gives_other_logits_which_are_known_too(released, batch):
    facts, arrays = released
    with torch.inference_mode():
        assert_near(build(facts, resize="antialias")(**batch), arrays["logits_antialias"])


def test_it_learns_as_the_released_program_does(released, batch):
    facts, arrays = released
    loss, norms = train_once(build(facts), batch, torch.tensor([0, 1]))
    assert loss == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    order = MODELS["mmnet"].released(dict.fromkeys(facts["gradient_order"]))
    assert_norms_near([norms[name] for name in order], arrays["gradient_norms"])


def test_what_cannot_work_is_told():
    with pytest.raises(ConfigError, match="multiple of 16"):
        create_model("mmnet", 3, 100)
    with pytest.raises(UnknownNameError, match="5-class"):
        create_model("mmnet", 3, form="4-class")


def test_attention_that_begins_open_lets_through_what_moves_and_changes_nothing_else():
    def begun(attention):
        torch.manual_seed(0)
        return create_model("mmnet", 5, 32, attention=attention).train()

    shut, opened = begun("released"), begun("open")
    theirs = opened.state_dict()
    changed = [name for name, value in shut.state_dict().items() if not torch.equal(value, theirs[name])]
    assert changed == [f"temporal.blocks.{n}.attention.1.bias" for n in range(4)]
    moved = torch.rand(4, 3, 32, 32)
    with torch.no_grad():
        assert opened.temporal(moved).mean() > 4 * shut.temporal(moved).mean()
    with pytest.raises(UnknownNameError, match="released"):
        create_model("mmnet", 3, attention="shut")
