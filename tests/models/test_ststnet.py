"""STSTNet: the published network, and many of it learning at once."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.models import ststnet_stacked
from tsfmicro.models.registry import create_model, stack
from tsfmicro.models.ststnet_stacked import in_cache, in_one_convolution, patches_of


def test_it_has_the_published_number_of_parameters():
    assert sum(p.numel() for p in create_model("ststnet", 3).parameters()) == 1683


class Published(nn.Module):
    """Written down as the paper draws it: three streams, joined."""

    def __init__(self):
        super().__init__()
        self.streams = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, n, 3, padding=2), nn.ReLU(), nn.BatchNorm2d(n), nn.MaxPool2d(3, 3, padding=1))
            for n in (3, 5, 8)
        )
        self.classify = nn.Linear(400, 3)

    def forward(self, flow):
        return self.classify(F.avg_pool2d(torch.cat([stream(flow) for stream in self.streams], 1), 2).flatten(1))


def test_three_streams_are_one_convolution_of_sixteen_filters():
    torch.manual_seed(0)
    published, model = Published(), create_model("ststnet", 3, dropout=0.0)
    with torch.no_grad():
        for kind in ("weight", "bias"):
            getattr(model.conv, kind).copy_(torch.cat([getattr(s[0], kind) for s in published.streams]))
        head = published.classify.weight.view(3, 16, 5, 5).permute(0, 2, 3, 1)  # ours has the filters last
        model.head[1].weight.copy_(head.flatten(1))
        model.head[1].bias.copy_(published.classify.bias)
    flow = torch.randn(7, 3, 28, 28)
    torch.testing.assert_close(model.train()(flow=flow), published(flow), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("size", [4, 8, 29, 30, 42])
def test_any_size_from_four_pixels_fits(size):
    assert create_model("ststnet", 5, size).eval()(flow=torch.randn(2, 3, size, size)).shape == (2, 5)


@pytest.mark.parametrize(("size", "options", "what"), [(3, {}, "too small"), (28, {"dropout": 1}, "dropout is 1")])
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises(ConfigError, match=what):
        create_model("ststnet", 3, size, **options)


def test_dropout_that_is_given_is_used_and_dropout_that_is_not_is_drawn():
    model = create_model("ststnet", 3).train()
    flow = torch.randn(4, 3, 28, 28)
    model.noise = model.draw_noise(4, torch.Generator().manual_seed(0))
    assert torch.equal(model(flow=flow), model(flow=flow))
    model.noise = None
    assert not torch.equal(model(flow=flow), model(flow=flow))
    assert torch.equal(model.eval()(flow=flow), model(flow=flow))


def test_a_patch_is_what_the_convolution_sees_at_its_place():
    flow = torch.arange(2 * 3 * 4 * 4.0).view(2, 3, 4, 4)
    patches = patches_of(flow)
    assert patches.shape == (2, 1 + 6 * 6, 28)
    assert not patches[:, 0].any() and (patches[:, 1:, -1] == 1).all()
    middle = patches[1, 1 + 6 * 3 + 2, :-1].view(3, 3, 3)  # row 3, column 2 of the map: image rows 1–3, columns 0–2
    assert torch.equal(middle, flow[1, :, 1:4, 0:3].permute(1, 2, 0))


def inputs(sign, size=28, models=3, clips=6, spread=1.0):
    generator = torch.Generator().manual_seed(0)
    flow = torch.randn(clips, 3, size, size, generator=generator) * spread
    weight = (torch.randn(models, 16, 3, 3, 3, generator=generator) / 5).requires_grad_()
    bias = (torch.randn(models, 16, generator=generator) / 5).requires_grad_()
    mine = torch.ones(models, clips, dtype=torch.bool)
    mine[0, 1] = mine[1, 4] = mine[2, 4] = False
    edge = (size + 1) // 3 + 1
    noise = (torch.rand(clips, edge, edge, 16, generator=generator) < 0.5).float()
    turned = torch.ones(models, 16) if sign == "all up" else torch.tensor([1.0, -1]).repeat(models, 8)
    return flow, weight, bias, turned, mine, noise, 0.5


@pytest.mark.parametrize("size", [28, 29])
@pytest.mark.parametrize("sign", ["all up", "some down"])
def test_clip_by_clip_in_the_cache_gives_what_one_large_convolution_gives(sign, size):
    """The maps, the sums for batch norm, and all gradients; also with an odd map, whose last row is left out."""
    everything = inputs(sign, size)
    one, other = in_cache(*everything), in_one_convolution(*everything)
    generator = torch.Generator().manual_seed(1)
    grads = [torch.randn(t.shape, generator=generator, dtype=t.dtype) for t in one]
    grads[0] *= everything[4].unsqueeze(2)  # a clip that is not a model's own has no loss
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-5)
    weights = everything[1:3]
    for a, b in zip(*(torch.autograd.grad(out, weights, grads) for out in (one, other)), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5 * b.abs().max().item(), rtol=1e-5)


def test_flat_regions_in_which_every_place_is_the_largest_count_once():
    """Maps from files are mostly one grey: equal neighbours must not multiply the gradient."""
    flow, *rest = inputs("all up")
    flat = torch.full_like(flow, 128.0)
    one, other = in_cache(flat, *rest), in_one_convolution(flat, *rest)
    for a, b in zip(*(torch.autograd.grad(out[0].sum(), rest[:2]) for out in (one, other)), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5 * b.abs().max().item())


def stacked(count=3, **options):
    torch.manual_seed(0)
    models = [create_model("ststnet", 3, **options) for _ in range(count)]
    return models, stack(models)


def test_stacked_models_keep_their_own_weights_as_views():
    models, together = stacked()
    with torch.no_grad():
        together.weights["norm.bias"][1] = 5
    assert models[1].norm.bias.eq(5).all() and not models[0].norm.bias.any()


@pytest.mark.parametrize("maps", ["in_cache", "in_one_convolution"])
@pytest.mark.parametrize("down", [False, True])
def test_stacked_models_say_and_learn_what_each_would_alone(maps, down, monkeypatch):
    """Logits, gradients and running statistics, though a clip of each is a stranger to it; float64 decides."""
    monkeypatch.setattr(ststnet_stacked, "in_cache", getattr(ststnet_stacked, maps))
    models, together = stacked()
    if down:
        with torch.no_grad():
            together.weights["norm.weight"][:, ::2] *= -1
    flow, *_, mine, _, _ = inputs("all up", spread=3.0)
    noise = models[0].draw_noise(len(flow), torch.Generator().manual_seed(2))
    target = torch.tensor([0, 1, 2, 0, 1, 2])
    alone = [create_model("ststnet", 3).double().train() for _ in models]
    for one, model in zip(alone, models, strict=True):
        one.load_state_dict(model.state_dict())
    said = together({"flow": flow}, mine, noise)
    sum(F.cross_entropy(s[m], target[m]) for s, m in zip(said, mine, strict=True)).backward()
    for place, (one, own) in enumerate(zip(alone, mine, strict=True)):
        one.noise = noise[own].double()
        its = one(flow=flow[own].double())
        F.cross_entropy(its, target[own]).backward()
        torch.testing.assert_close(said[place][own], its.float(), atol=1e-5, rtol=1e-5)
        for name, weight in one.named_parameters():
            close = {"atol": 3e-6 * max(1, weight.grad.abs().max().item()), "rtol": 1e-4}
            torch.testing.assert_close(together.weights[name].grad[place], weight.grad.float(), **close)
        for name, statistic in one.named_buffers():
            torch.testing.assert_close(together.buffers[name][place].double(), statistic.double(), atol=1e-5, rtol=1e-5)


def test_a_clip_of_the_test_person_weighs_nothing_whatever_it_holds():
    """Were it in the batch statistics, a hundredfold louder clip would change what is said of all others."""
    (_, quiet), (_, loud) = stacked(), stacked()
    flow, *_, mine, noise, _ = inputs("all up")
    louder = flow.clone()
    louder[1] *= 100  # clip 1 is no clip of model 0
    said, again = quiet({"flow": flow}, mine, noise), loud({"flow": louder}, mine, noise)
    assert torch.equal(said[0][mine[0]], again[0][mine[0]])
    assert not torch.equal(said[1][mine[1]], again[1][mine[1]])
    target = torch.tensor([0, 1, 2, 0, 1, 2])
    for model, logits in ((quiet, said), (loud, again)):
        F.cross_entropy(logits[0][mine[0]], target[mine[0]]).backward()
        assert model.weights["conv.weight"].grad[0].any() and not model.weights["conv.weight"].grad[1].any()
    for name, weight in quiet.weights.items():
        assert torch.equal(weight.grad[0], loud.weights[name].grad[0])


def test_models_that_cannot_be_stacked_say_which_can():
    with pytest.raises(ConfigError, match=r"tsfmicro-small.*only those of ststnet.*train\.together=0"):
        stack([create_model("tsfmicro-small", 3)])


def test_greys_far_from_zero_lose_no_accuracy():
    """Files hold 0…255 with 128 for no movement; a variance taken as mean of squares − mean² must survive that."""
    flow = inputs("all up", spread=8.0)[0]
    flow = (flow + 128).round().clamp(0, 255)
    (model,), together = stacked(1)
    exact = create_model("ststnet", 3).double().train()
    exact.load_state_dict(model.state_dict())
    noise = model.draw_noise(len(flow), torch.Generator().manual_seed(2))
    model.train().noise, exact.noise = noise, noise.double()
    truth, target = exact(flow=flow.double()), torch.tensor([0, 1, 2, 0, 1, 2])
    F.cross_entropy(truth, target).backward()
    right = exact.conv.weight.grad
    for said, weight in (
        (model(flow=flow), model.conv.weight),
        (together({"flow": flow}, torch.ones(1, 6, dtype=torch.bool), noise)[0], together.weights["conv.weight"]),
    ):
        (gradient,) = torch.autograd.grad(F.cross_entropy(said, target), weight)
        torch.testing.assert_close(said, truth.float(), atol=2e-5, rtol=1e-5)
        assert (gradient.view_as(right) - right).abs().max() < 1e-4 * right.abs().max()
