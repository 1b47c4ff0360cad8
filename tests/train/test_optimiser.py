"""Our optimisers are torch's, to the last bit."""

import pytest
import torch
from torch.nn.functional import cross_entropy

from tsfmicro.train.optimiser import plain

KINDS = {
    "adamw": (torch.optim.AdamW, {"fused": True, "weight_decay": 0.1}),
    "adam": (torch.optim.Adam, {"fused": True}),
    "sgd": (torch.optim.SGD, {"fused": True, "momentum": 0.9}),
    "rmsprop": (torch.optim.RMSprop, {"momentum": 0.9}),
}


def learned(kind, options):
    """Weights after six steps; the fourth begins with the optimiser's state, saved and loaded."""
    torch.manual_seed(0)
    layer, images, labels = torch.nn.Linear(5, 3), torch.randn(8, 5), torch.arange(8) % 3
    optimiser = kind(layer.parameters(), lr=0.01, **options)
    for step in range(6):
        if step == 3:
            state = optimiser.state_dict()
            optimiser = kind(layer.parameters(), lr=0.01, **options)
            optimiser.load_state_dict(state)
        optimiser.zero_grad()
        cross_entropy(layer(images), labels).backward()
        optimiser.step()
    return layer.weight.detach()


@pytest.mark.parametrize("name", KINDS)
def test_each_does_what_torch_s_does(name):
    kind, options = KINDS[name]
    assert torch.equal(learned(plain(kind), options), learned(kind, options))
