"""STRCN-G gives the numbers of a transcription of the released program."""

import pytest
import torch

from tests.models.golden import assert_near, drawn, golden, weights
from tsfmicro.errors import ConfigError
from tsfmicro.models.registry import MODELS, create_model, describe


@pytest.mark.parametrize(("classes", "parameters"), [(3, 14_963_203), (5, 14_964_229)])
def test_it_has_the_published_number_of_parameters(classes, parameters):
    assert describe("strcn", classes, 64).parameters == parameters


def test_its_logits_are_the_transcription_s():
    facts, arrays = golden("strcn_small")
    model = create_model("strcn", 3, maps=16)
    model.load_state_dict(MODELS["strcn"].released(weights(facts["weights"])), strict=False)
    with torch.inference_mode():
        maps = model.eval().features(flow=drawn(-2, 2, (2, 2, 300, 245)))
        assert maps.shape == (2, 4, 3, 16)
        assert_near(model.head(maps), arrays["logits"], facts["tolerance"])


def test_its_first_convolution_hardly_learns_and_sees_no_strain():
    def gradient(**options):
        torch.manual_seed(0)
        model = create_model("strcn", 3, 64, maps=4, **options)
        model.loss({"flow": model.example(4, torch.Generator().manual_seed(0))["flow"]}, torch.arange(4) % 3).backward()
        return model.first.conv.weight.grad

    torch.testing.assert_close(gradient(), 1e-4 * gradient(first_rate=1))
    assert create_model("strcn", 3, 64, maps=4).inputs["flow"].view(torch.rand(1, 3, 64, 64)).shape == (1, 2, 64, 64)


@pytest.mark.parametrize(
    ("size", "options", "what"),
    [(63, {}, "too small"), (64, {"maps": 0}, "maps is 0"), (64, {"first_rate": 0}, "first_rate is 0")],
)
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises(ConfigError, match=what):
        create_model("strcn", 3, size, **options)
