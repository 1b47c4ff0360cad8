"""STSTNet is the published network."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.models.registry import create_model


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


def test_greys_far_from_zero_lose_no_accuracy():
    """Files hold 0…255 with 128 for no movement; a variance taken as mean of squares − mean² must survive that."""
    generator = torch.Generator().manual_seed(0)
    flow = (torch.randn(6, 3, 28, 28, generator=generator) * 8 + 128).round().clamp(0, 255)
    torch.manual_seed(0)
    model = create_model("ststnet", 3, dropout=0.0).train()
    exact = create_model("ststnet", 3, dropout=0.0).double().train()
    exact.load_state_dict(model.state_dict())
    target = torch.tensor([0, 1, 2, 0, 1, 2])
    truth, said = exact(flow=flow.double()), model(flow=flow)
    F.cross_entropy(truth, target).backward()
    F.cross_entropy(said, target).backward()
    right = exact.conv.weight.grad
    torch.testing.assert_close(said, truth.float(), atol=2e-5, rtol=1e-5)
    assert (model.conv.weight.grad - right).abs().max() < 1e-4 * right.abs().max()
