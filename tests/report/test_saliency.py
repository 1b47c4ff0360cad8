"""Features and heat maps from inside a model, checked against the formulas written out."""

import pytest
import torch
from torch import nn

from tests.narrow import NARROW
from tsfmicro.errors import ShapeError, TsfmicroError
from tsfmicro.models.registry import MODELS, create_model
from tsfmicro.report import saliency
from tsfmicro.report.saliency import before_classifier, grad_cam

SMALL = {"widths": [8, 8, 8, 8], "stem": [4, 4, 8, 8], "spatial_width": 8, "head_width": 8}


def tiny(**options):
    torch.manual_seed(0)
    return create_model("tsfmicro", 3, size=32, **{**SMALL, **options}).eval()


def images_of(model, clips=2):
    return model.example(clips, torch.Generator().manual_seed(1))


def test_features_are_the_mean_over_places_after_the_heads_swish():
    model = tiny()
    images = images_of(model)
    features = before_classifier(model, images)
    head = model.head
    with torch.no_grad():
        places = head.norm(head.project(model.features(**images)).flatten(0, 2)).view(2, 2, 2, 8)
        swished = places * places.sigmoid()
        torch.testing.assert_close(features, swished.mean((1, 2)))
        torch.testing.assert_close(head.classify(features), model(**images))


def test_a_model_without_a_last_linear_layer_is_told_in_words():
    class Ends(nn.Module):
        def forward(self, motion):
            return motion.mean((2, 3))

    with pytest.raises(ShapeError, match=r"Ends: its last linear layer does not take one vector"):
        before_classifier(Ends(), {"motion": torch.zeros(2, 3, 4, 4)})


@pytest.mark.parametrize("name", MODELS)
def test_every_registered_model_has_features(name):
    model = create_model(name, 3, **NARROW.get(name, {})).eval()
    features = before_classifier(model, images_of(model))
    assert features.shape[0] == 2 and features.ndim == 2


def test_heat_maps_are_gradient_weighted_sums_of_channels():
    model = tiny()
    images, answers = images_of(model), torch.tensor([0, 2])
    maps = grad_cam(model, model.streams(), images, answers)
    joined = model.features(**images).detach().requires_grad_()
    model.head(joined)[[0, 1], answers].sum().backward()
    weights = joined.grad.mean((1, 2), keepdim=True)  # (N, 1, 1, D)
    expected = (weights * joined).sum(-1).clamp(min=0).detach()
    torch.testing.assert_close(maps["joined"], expected)
    how = model.temporal(images["motion"]).detach()
    torch.testing.assert_close(maps["temporal"], (weights * how).sum(-1).clamp(min=0))  # they are added: one gradient


@pytest.mark.parametrize(
    ("variant", "parts"),
    [
        ("late", {"temporal", "spatial", "joined"}),
        ("temporal", {"joined"}),
        ("spatial", {"joined"}),
        ("early", {"joined"}),
        ("temporal_to_spatial", {"temporal", "joined"}),
        ("spatial_to_temporal", {"spatial", "joined"}),
    ],
)
def test_a_stream_has_a_map_where_it_is_not_already_the_joined_one(variant, parts):
    model = tiny(variant=variant)
    maps = grad_cam(model, model.streams(), images_of(model), torch.tensor([0, 1]))
    assert set(maps) == parts
    assert all(m.shape == (2, 2, 2) and (m >= 0).all() for m in maps.values())


def test_looking_inside_changes_nothing():
    model = tiny()
    images = images_of(model)
    with torch.no_grad():
        before = model(**images)
    grad_cam(model, model.streams(), images, torch.tensor([0, 1]))
    before_classifier(model, images)
    with torch.no_grad():
        assert torch.equal(model(**images), before)
    assert not model.head._forward_pre_hooks and not model.temporal._forward_hooks


def test_without_captum_one_line_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(saliency, "find_spec", lambda name: None)
    model = tiny()
    with pytest.raises(TsfmicroError, match=r"need captum, which is not installed.*tsfmicro\[explain\]"):
        grad_cam(model, {}, images_of(model), torch.tensor([0, 1]))
