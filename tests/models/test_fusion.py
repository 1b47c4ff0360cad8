"""The six variants: what each looks at, and that each is the plain program's, gradients too."""

from functools import cache
from itertools import product

import pytest
import torch
from torch.nn import functional as F

from tests.models.conftest import give_plain_weights, load_reference, plain_gradients
from tsfmicro.models import grouped
from tsfmicro.models.fusion import VARIANTS
from tsfmicro.models.registry import create_model

NARROW = {"widths": (8, 16, 24, 32), "stem": (4, 4, 8, 8), "spatial_width": 32, "head_width": 24, "drop_path": 0.0}
SIZE = 64
LABELS = torch.tensor([0, 2, 1])


@pytest.fixture(autouse=True)
def exact():
    """64 bits, so that what differs is the mathematics and not the rounding; the goldens test 32 bits."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def images():
    generator = torch.Generator().manual_seed(1)
    onset, apex = torch.randn(2, len(LABELS), 3, SIZE, SIZE, generator=generator)
    return {"onset": onset, "apex": apex, "motion": apex - onset, "flow": torch.randn(onset.shape, generator=generator)}


def call(model):
    return model(**{name: image for name, image in images().items() if name in model.inputs})


def plain_one(**options):
    """The plain program with random weights, none of them at its first value."""
    torch.manual_seed(0)
    plain = load_reference().Reference(3, SIZE, **NARROW, **options)
    for name, tensor in plain.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.rand_like(tensor) if name.endswith("var") else 0.3 * torch.randn_like(tensor)
            tensor.add_(noise)
    return plain


def ours_with(weights, **options):
    ours = create_model("tsfmicro", 3, SIZE, **NARROW, **options)
    give_plain_weights(ours, weights)
    return ours


@cache
def written(training, **options):
    """The plain program's weights, its logits, and its gradients by name."""
    plain = plain_one(**options).train(training)
    weights = {name: tensor.clone() for name, tensor in plain.state_dict().items()}
    logits = plain(images()["motion"], images()["onset"])
    F.cross_entropy(logits, LABELS).backward()
    return weights, logits.detach(), {name: weight.grad for name, weight in plain.named_parameters()}


CHOICES = [
    *({"variant": v, "tokens": t, "retention": r} for v, t, r in product(VARIANTS, ("thumbnail", "patches"), ("manhattan", "causal"))),
    {"variant": "temporal_to_spatial", "join": "after"},
]  # fmt: skip


# By day each choice meets both ways to train and both to group, at night all four together.
WAYS = [
    pytest.param(
        options, training, together, marks=pytest.mark.slow if (n + training + together) % 2 else (),
        id="-".join((*options.values(), "train" if training else "eval", "together" if together else "clip by clip")),
    )
    for n, options in enumerate(CHOICES) for training in (False, True) for together in (False, True)
]  # fmt: skip


@pytest.mark.parametrize(("options", "training", "together"), WAYS)
def test_logits_and_gradients_are_the_plain_program_s(options, training, together, monkeypatch):
    monkeypatch.setattr(grouped, "MAP_BYTES", 2**60 if together else 1)
    weights, plain_logits, gradients = written(training, **options)
    ours = ours_with(weights, **options).train(training)
    logits = call(ours)
    torch.testing.assert_close(logits.detach(), plain_logits)
    F.cross_entropy(logits, LABELS).backward()
    said = plain_gradients(ours)
    assert said.keys() == gradients.keys()
    for name, gradient in gradients.items():
        torch.testing.assert_close(said[name], gradient, msg=lambda difference, name=name: f"{name}: {difference}")


@pytest.mark.parametrize(
    ("options", "inputs"),
    [
        ({"variant": "late"}, ("motion", "onset")),
        ({"variant": "temporal"}, ("motion",)),
        ({"variant": "spatial"}, ("onset",)),
        ({"variant": "spatial", "frame": "apex"}, ("apex",)),
        ({"variant": "late", "motion": "flow"}, ("flow", "onset")),
        ({"variant": "early", "motion": "flow", "frame": "apex"}, ("flow", "apex")),
    ],
)
def test_a_variant_names_the_images_it_looks_at(options, inputs):
    model = create_model("tsfmicro", 3, SIZE, **NARROW, **options)
    assert tuple(model.inputs) == inputs
    assert call(model).shape == (3, 3)


def test_a_batch_statistic_moves_as_in_the_plain_program():
    plain = plain_one(variant="late")
    ours = ours_with(plain.state_dict(), variant="late")
    call(ours.train()), plain.train()(images()["motion"], images()["onset"])
    torch.testing.assert_close(ours.head.norm.running_var, plain.head["norm"].running_var)
    torch.testing.assert_close(ours.temporal.stem[0].norm.running_mean, plain.temporal.stem[0]["norm"].running_mean)
