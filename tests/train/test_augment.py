"""Flip, rotation, crop: whole batches, one draw for onset and apex."""

import pytest
import torch

from tsfmicro.config import AugmentConfig
from tsfmicro.train import augment

STILL = AugmentConfig(flip=0, rotate=0, pad=0)


def moved(images, config, seed=0):
    theta = augment.draw(len(images), images.shape[-1], config, torch.Generator().manual_seed(seed))
    return augment.apply(images, theta)


def test_nothing_to_do_changes_nothing():
    images = torch.rand(2, 3, 8, 8)
    assert torch.allclose(moved(images, STILL), images, atol=1e-6)


def test_a_certain_flip_mirrors_left_and_right():
    images = torch.rand(2, 3, 8, 8)
    assert torch.allclose(moved(images, STILL.model_copy(update={"flip": 1.0})), images.flip(-1), atol=1e-5)


def test_a_crop_shifts_by_whole_pixels_and_lets_black_in():
    images = torch.rand(64, 1, 6, 6) + 1
    cropped = moved(images, STILL.model_copy(update={"pad": 2}))
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    for was, now in zip(padded, cropped, strict=True):
        cuts = [was[:, y : y + 6, x : x + 6] for y in range(5) for x in range(5)]
        assert any(torch.allclose(now, cut, atol=1e-4) for cut in cuts)


def test_all_shifts_of_a_crop_occur():
    theta = augment.draw(2000, 10, STILL.model_copy(update={"pad": 2}), torch.Generator().manual_seed(0))
    assert sorted((theta[:, 0, 2] * 5).round().unique().tolist()) == [-2, -1, 0, 1, 2]


def test_rotations_fill_the_range_in_both_directions():
    theta = augment.draw(2000, 10, STILL.model_copy(update={"rotate": 4.0}), torch.Generator().manual_seed(0))
    degrees = torch.rad2deg(torch.atan2(theta[:, 1, 0], theta[:, 0, 0]))
    assert -4 <= degrees.min() < -3.9 and 3.9 < degrees.max() <= 4


def test_flows_of_a_sequence_move_as_each_would_alone():
    torch.manual_seed(0)
    flows = torch.randn(2, 4, 2, 9, 9)
    theta = augment.draw(2, 9, AugmentConfig(flip=0.5, rotate=10, pad=1), torch.Generator().manual_seed(0))
    each = torch.stack([augment.apply_to_flow(flow, theta) for flow in flows.unbind(1)], 1)
    assert torch.allclose(augment.apply_to_flow(flows, theta), each, atol=1e-6)


def test_flow_turns_with_the_face():
    """A face that moves to the right moves to the left once it is flipped, and down once it is turned by a quarter."""
    right = torch.zeros(1, 3, 9, 9)
    right[:, 0] = 1
    flip = torch.tensor([[[-1.0, 0, 0], [0, 1, 0]]])
    assert torch.allclose(augment.apply_to_flow(right, flip)[0, :2, 4, 4], torch.tensor([-1.0, 0]))
    quarter = torch.tensor([[[0.0, 1, 0], [-1, 0, 0]]])  # the output's lower edge is read from the input's right edge
    assert torch.allclose(augment.apply_to_flow(right, quarter)[0, :2, 4, 4], torch.tensor([0.0, 1]), atol=1e-6)


def test_a_sequence_of_flows_turns_as_each_of_them_does():
    flows = torch.randn(2, 4, 2, 9, 9, generator=torch.Generator().manual_seed(0))
    theta = augment.draw(2, 9, AugmentConfig(flip=0.5, rotate=20.0, pad=1), torch.Generator().manual_seed(1))
    together = augment.apply_to_flow(flows, theta)
    for n in range(4):
        torch.testing.assert_close(together[:, n], augment.apply_to_flow(flows[:, n], theta))


def test_flow_moves_as_the_difference_of_two_moved_images_does():
    """A spot that flows from A to B still flows from A to B in the moved picture."""
    config = AugmentConfig(flip=1.0, rotate=30.0, pad=3)
    theta = augment.draw(1, 33, config, torch.Generator().manual_seed(1))
    rows, columns = torch.meshgrid(torch.arange(33.0), torch.arange(33.0), indexing="ij")

    def spot(x, y):
        return torch.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 8)[None, None]

    def centre(image):
        return torch.stack([(image[0, 0] * columns).sum(), (image[0, 0] * rows).sum()]) / image.sum()

    before, after = augment.apply(spot(15, 16), theta), augment.apply(spot(18, 14), theta)
    flow = torch.zeros(1, 3, 33, 33)
    flow[:, 0], flow[:, 1] = 3, -2
    assert torch.allclose(augment.apply_to_flow(flow, theta)[0, :2, 16, 16], centre(after) - centre(before), atol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_one_seed_is_one_draw(seed):
    draws = [augment.draw(5, 8, AugmentConfig(), torch.Generator().manual_seed(seed)) for _ in range(2)]
    assert torch.equal(*draws)


def test_the_sampling_grid_is_affine_grids():
    theta = augment.draw(3, 8, AugmentConfig(), torch.Generator().manual_seed(0))
    expected = torch.nn.functional.affine_grid(theta, [3, 1, 8, 6], align_corners=False)
    assert torch.allclose(augment._grid(theta, 8, 6), expected, atol=1e-6)


def test_an_epoch_drawn_at_once_is_what_was_drawn_batch_by_batch():
    config, one, other = AugmentConfig(), *(torch.Generator().manual_seed(4) for _ in range(2))
    order, movements = augment.draw_epoch(7, 3, config, 32, one)
    assert torch.equal(order, torch.randperm(7, generator=other))
    assert torch.equal(movements, torch.cat([augment.draw(n, 32, config, other) for n in (3, 3, 1)]))


def test_an_epoch_can_be_given_its_order():
    given = torch.tensor([2, 0, 1])
    order, movements = augment.draw_epoch(3, 2, AugmentConfig(), 32, torch.Generator(), given)
    assert order is given and movements.shape == (3, 2, 3)
