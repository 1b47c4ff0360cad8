"""Groups of clips give what the whole batch gives."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tsfmicro.models import grouped
from tsfmicro.models.grouped import batch_norm, regrouped

CLIPS, SIDE, WIDTH = 5, 6, 4


@pytest.fixture
def maps():
    return torch.randn(CLIPS, SIDE, SIDE, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) + 3


def seasoned_norm():
    norm = nn.BatchNorm2d(WIDTH).double()
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


@pytest.mark.parametrize("gelu", [False, True])
def test_batch_norm_of_uneven_groups_is_the_library_s_of_the_batch(maps, gelu):
    torch.manual_seed(0)
    norm = seasoned_norm()
    plain = nn.BatchNorm2d(WIDTH).double()
    plain.load_state_dict(norm.state_dict())
    ours, theirs = maps.clone().requires_grad_(), maps.clone().requires_grad_()

    normed = torch.cat(batch_norm(ours.split(2), norm, gelu))
    written = plain(theirs.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    written = F.gelu(written) if gelu else written
    torch.testing.assert_close(normed, written)

    weights = torch.randn_like(written)
    (normed * weights).sum().backward(), (written * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)
    torch.testing.assert_close(norm.weight.grad, plain.weight.grad)
    torch.testing.assert_close(norm.bias.grad, plain.bias.grad)
    for name, buffer in plain.named_buffers():
        torch.testing.assert_close(norm.get_buffer(name), buffer)


def test_groups_hold_as_many_clips_as_the_bytes_allow_and_at_least_one(maps, monkeypatch):
    clip = maps[0].numel() * maps.element_size()
    for allowed, sizes in ((2 * clip, [2, 2, 1]), (clip // 2, [1] * 5), (100 * clip, [5])):
        monkeypatch.setattr(grouped, "MAP_BYTES", allowed)
        assert [len(group) for group in grouped.grouped(maps)] == sizes
        assert torch.equal(torch.cat(regrouped(maps.split(3))), maps)


def test_elsewhere_than_on_a_cpu_a_batch_stays_whole(maps, monkeypatch):
    monkeypatch.setattr(grouped, "MAP_BYTES", 1)
    assert len(grouped.grouped(maps.to("meta"))) == 1
