"""What every registered model does, whatever it is made of. A new model needs no edit here."""

import pytest
import torch
from torch.nn import functional as F

from tsfmicro.models.pretrained import from_pretrained, save_pretrained
from tsfmicro.models.registry import MODELS, create_model, describe

CLASSES = 3


@pytest.fixture(scope="module", params=MODELS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def model(name):
    torch.manual_seed(0)
    return create_model(name, CLASSES)


def images(model, clips=2):
    return {image: torch.randn(clips, 3, model.size, model.size) for image in model.inputs}


def test_it_says_in_one_line_what_it_is_and_gives_every_option_a_default(name):
    entry = MODELS[name]
    assert entry.about and all(default is not None for default in entry.options.values())


def test_it_gives_each_clip_one_score_per_class(model):
    with torch.inference_mode():
        assert model.eval()(**images(model)).shape == (2, CLASSES)


def test_when_evaluated_a_clip_does_not_depend_on_its_batch(model):
    batch = images(model.eval())
    with torch.inference_mode():
        alone = torch.cat([model(**{n: image[i : i + 1] for n, image in batch.items()}) for i in range(2)])
        torch.testing.assert_close(model(**batch), alone, atol=2e-6, rtol=1e-5)


def test_every_weight_learns(model):
    F.cross_entropy(model.train()(**images(model)), torch.tensor([0, 1])).backward()
    still = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not still


def test_its_head_looks_at_its_map_over_the_face(model):
    batch = images(model.eval())
    with torch.inference_mode():
        torch.testing.assert_close(model.head(model.features(**batch)), model(**batch))


def test_one_seed_gives_one_model(name):
    def weights():
        torch.manual_seed(7)
        return create_model(name, CLASSES).state_dict()

    one, other = weights(), weights()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_saved_and_loaded_it_says_the_same(model, tmp_path):
    save_pretrained(model.eval(), tmp_path)
    again = from_pretrained(tmp_path)
    assert all(torch.equal(tensor, again.state_dict()[key]) for key, tensor in model.state_dict().items())
    batch = images(model)
    with torch.inference_mode():
        torch.testing.assert_close(again(**batch), model(**batch), atol=2e-6, rtol=1e-5)


def test_its_size_can_be_told_without_building_it(name, model):
    description = describe(name, CLASSES)
    assert description.parameters == sum(p.numel() for p in model.parameters())
    assert 0 < description.gflop < 100
