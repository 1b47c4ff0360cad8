"""What training offers for rare classes: losses that weigh, and what they know."""

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.train.test_fit import CONFIG, trained
from tsfmicro.config import TrainConfig
from tsfmicro.losses import balanced, balanced_units, binary, focal, weighted
from tsfmicro.train.step import criterion

CPU = torch.device("cpu")
LOGITS = torch.tensor([[2.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
TARGET = torch.tensor([0, 0, 1])


def with_(**settings):
    return CONFIG.model_copy(update=settings)


def test_balanced_weights_make_each_class_count_alike_and_average_one_over_the_clips():
    labels = [0, 0, 0, 0, 0, 0, 2, 2]
    weights = balanced(labels, 4)
    assert weights.tolist() == pytest.approx([8 / (2 * 6), 0, 8 / (2 * 2), 0])
    assert weights[labels].mean() == pytest.approx(1)


def test_a_weighted_loss_is_the_mean_over_clips_of_weight_times_cross_entropy():
    weights = torch.tensor([0.75, 1.5])
    each = [math.log(1 + math.exp(-2)), math.log(1 + math.exp(1)), math.log(2)]
    by_hand = (0.75 * each[0] + 0.75 * each[1] + 1.5 * each[2]) / 3
    assert float(weighted(LOGITS, TARGET, weights)) == pytest.approx(by_hand)


def test_a_batch_of_a_rare_class_alone_weighs_more_than_one_of_a_frequent_class():
    weights, alike = torch.tensor([0.5, 2.0]), torch.zeros(2, 2)
    frequent, rare = (float(weighted(alike, torch.tensor([n, n]), weights)) for n in (0, 1))
    assert rare == pytest.approx(4 * frequent)


def test_focal_loss_makes_little_of_what_is_told_surely():
    sure, unsure = torch.tensor([[4.0, 0.0]]), torch.tensor([[0.0, 0.0]])
    right = torch.tensor([0])
    p = 1 / (1 + math.exp(-4))
    assert float(focal(sure, right, 2.0)) == pytest.approx(-((1 - p) ** 2) * math.log(p), rel=1e-4)
    assert float(focal(unsure, right, 2.0)) == pytest.approx(0.25 * math.log(2))


def test_focal_loss_with_gamma_nought_is_cross_entropy():
    assert float(focal(LOGITS, TARGET, 0.0)) == pytest.approx(float(cross_entropy(LOGITS, TARGET)))


def test_weights_are_of_the_training_side_alone():
    known = criterion(TrainConfig(loss="balanced"), torch.tensor([0, 0, 0, 1]), CPU)
    assert known.keywords["weights"].tolist() == pytest.approx([4 / 6, 2])


def test_action_units_fall_by_binary_cross_entropy_each_weighed_by_its_own_counts():
    target = torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0], [0.0, 1.0]])
    logits = torch.zeros(4, 2)
    assert float(binary(logits, target)) == pytest.approx(math.log(2))
    weights = balanced_units(target)
    assert weights.tolist() == [pytest.approx([4 / 6, 4 / 6]), pytest.approx([2, 2])]
    assert float(binary(logits, target, weights)) == pytest.approx(math.log(2)), "the weights average 1"
    assert float(binary(logits, target, gamma=2.0)) == pytest.approx(0.25 * math.log(2))


def test_without_a_setting_the_models_own_loss_falls():
    assert criterion(TrainConfig(), torch.tensor([0, 1]), CPU) is None


@pytest.mark.parametrize("loss", ["balanced", "focal"])
def test_each_loss_learns_and_ends_elsewhere_than_cross_entropy(prepared, labels, loss):
    rare = {clip: 1 if clip.endswith("/c3") else 0 for clip in labels}
    *_, one = trained(prepared, rare, CONFIG)
    fitted, _, other = trained(prepared, rare, with_(loss=loss))
    assert fitted.losses[-1] < fitted.losses[0]
    assert not torch.equal(one.layers[3].weight, other.layers[3].weight)
