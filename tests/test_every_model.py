"""What every registered model does, whatever it is made of. A new model needs no edit here."""

import pytest
import torch

from tests.doubles import DOUBLES, register_doubles
from tests.narrow import NARROW
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models import registry
from tsfmicro.models.base import ClosedForm
from tsfmicro.models.pretrained import from_pretrained, save_pretrained
from tsfmicro.models.registry import MODELS, create_model, describe

CLASSES = 3
FORMS = [pytest.param((name, NARROW.get(name, {})), id=name) for name in [*MODELS, *DOUBLES]]
AS_MADE = [pytest.param((name, {}), id=f"{name}-as-made", marks=pytest.mark.slow) for name in NARROW]


@pytest.fixture(scope="module", params=FORMS + AS_MADE)
def form(request):
    """Name and options of every registered model, and of one double of each kind to come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "MODELS", dict(registry.MODELS))
        register_doubles(registry.register)
        yield request.param


@pytest.fixture(scope="module")
def name(form):
    return form[0]


@pytest.fixture(scope="module")
def model(form):
    torch.manual_seed(0)
    return create_model(form[0], CLASSES, **form[1])


def images(model, clips=2):
    return model.example(clips)


def test_it_says_in_one_line_what_it_is_and_gives_every_option_a_default(name):
    entry = registry.MODELS[name]
    assert entry.about and all(default is not None for default in entry.options.values())


def test_an_option_of_another_kind_is_told_in_a_line_with_its_name(name):
    for option in registry.MODELS[name].options:
        with pytest.raises((ConfigError, UnknownNameError), match=option):
            create_model(name, CLASSES, **{option: {"not": "an option"}})


def test_it_gives_each_clip_one_score_per_class(model):
    with torch.inference_mode():
        assert model.eval()(**images(model)).shape == (2, CLASSES)


def test_when_evaluated_a_clip_does_not_depend_on_its_batch(model):
    batch = images(model.eval())
    with torch.inference_mode():
        alone = torch.cat([model(**{n: image[i : i + 1] for n, image in batch.items()}) for i in range(2)])
        torch.testing.assert_close(model(**batch), alone, atol=2e-6, rtol=1e-5)


def test_every_weight_learns(model):
    if isinstance(model, ClosedForm):
        learned = solved(model)
        assert any(buffer.any() for buffer in learned.buffers())
        return
    model.train().loss(images(model), torch.tensor([0, 1])).backward()
    still = [name for name, weight in model.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert not still


def solved(model, clips=6):
    described = model.describe(**model.example(clips, torch.Generator().manual_seed(0)))
    model.solve(described, torch.arange(clips) % CLASSES)
    return model


def test_a_system_in_closed_form_knows_the_clips_it_learned_from(model):
    if not isinstance(model, ClosedForm):
        return
    learned = solved(model)
    said = learned.eval()(**model.example(6, torch.Generator().manual_seed(0)))
    assert said.argmax(-1).tolist() == [0, 1, 2, 0, 1, 2]


def test_its_head_looks_at_its_map_over_the_face(model):
    if not model.has_map:
        with pytest.raises(NotImplementedError):
            model.features(**images(model))
        return
    batch = images(model.eval())
    with torch.inference_mode():
        torch.testing.assert_close(model.head(model.features(**batch)), model(**batch))


def test_one_seed_gives_one_model(form):
    def weights():
        torch.manual_seed(7)
        return create_model(form[0], CLASSES, **form[1]).state_dict()

    one, other = weights(), weights()
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_saved_and_loaded_it_says_the_same(model, tmp_path):
    save_pretrained(model.eval(), tmp_path)
    again = from_pretrained(tmp_path)
    assert all(torch.equal(tensor, again.state_dict()[key]) for key, tensor in model.state_dict().items())
    batch = images(model)
    with torch.inference_mode():
        torch.testing.assert_close(again(**batch), model(**batch), atol=2e-6, rtol=1e-5)


def test_its_size_can_be_told_without_building_it(form, model):
    description = describe(form[0], CLASSES, **form[1])
    assert description.parameters == sum(p.numel() for p in model.parameters())
    assert 0 <= description.gflop < 100
