"""How a training goes: optimisers, schedules, sampling, stages, and what a model is told of its training side."""

import numpy as np
import pytest
import torch

from tests.train.test_fit import CONFIG, Small, trained
from tsfmicro.config import TrainConfig
from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Model
from tsfmicro.models.inputs import motion
from tsfmicro.needs import Stage
from tsfmicro.train.fit import check_stages, epochs_of, fit, rate
from tsfmicro.train.loader import Loader
from tsfmicro.train.order import epoch_order, order_of_steps

CPU = torch.device("cpu")


def with_(**settings):
    return CONFIG.model_copy(update=settings)


@pytest.mark.parametrize("optimiser", ["adamw", "adam", "sgd", "rmsprop"])
def test_every_optimiser_learns(prepared, labels, optimiser):
    fitted, _, _ = trained(prepared, labels, with_(optimiser=optimiser, momentum=0.5, epochs=8, lr=0.01))
    assert fitted.losses[-1] < fitted.losses[0]


def test_sgd_is_what_it_says_a_step_against_the_gradient(prepared, labels):
    _, _, one = trained(prepared, labels, with_(optimiser="sgd", epochs=1, lr=0.0001, batch_size=99))
    _, _, two = trained(prepared, labels, with_(optimiser="sgd", epochs=1, lr=0.0002, batch_size=99))
    torch.manual_seed(0)
    start = Small().layers[3].weight
    moved = [model.layers[3].weight - start for model in (one, two)]
    torch.testing.assert_close(moved[1], 2 * moved[0], rtol=1e-3, atol=1e-9)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("exponential", [1, 0.5, 0.25, 0.25, 0.25, 0.25]),
        ("step", [1, 1, 0.5, 0.5, 0.25, 0.25]),
        ("constant", [1] * 6),
        ("cosine", [1, 0.933, 0.75, 0.5, 0.25, 0.067]),
    ],
)
def test_the_learning_rate_of_each_epoch(schedule, rates):
    config = with_(lr=1.0, schedule=schedule, decay=0.5, decay_epochs=2)
    assert [rate(config, epoch, 6) for epoch in range(6)] == pytest.approx(rates, abs=1e-3)


def test_balanced_sampling_draws_a_rare_class_as_often_as_a_frequent_one():
    target = torch.tensor([0] * 95 + [1] * 5)
    drawn = epoch_order(target.repeat(20), with_(sampling="balanced"), torch.Generator().manual_seed(0))
    assert target.repeat(20)[drawn].float().mean() == pytest.approx(0.5, abs=0.04)
    shuffled = epoch_order(target, with_(sampling="shuffled"), torch.Generator().manual_seed(0))
    assert sorted(shuffled.tolist()) == list(range(100))


def test_steps_are_full_batches_and_each_clip_comes_before_any_comes_again():
    order = order_of_steps(5, torch.zeros(7), with_(batch_size=3), torch.Generator().manual_seed(0))
    assert len(order) == 15 and sorted(order[:7].tolist()) == sorted(order[7:14].tolist()) == list(range(7))


class Staged(Small):
    stages = (Stage("head", steps=2, only=("layers.3",), lr=0.1), Stage("all", epochs=3))

    def __init__(self):
        super().__init__()
        self.seen = []

    def loss(self, batch, target):
        self.seen.append((self.stage, self.layers[2].weight.requires_grad))
        return super().loss(batch, target)


def test_stages_follow_each_other_and_only_what_they_name_learns(prepared, labels):
    torch.manual_seed(0)
    model = Staged()
    loader = Loader(prepared, model.inputs, CPU)
    fitted = fit(model, loader, labels, list(labels), CONFIG, torch.Generator().manual_seed(0))
    assert model.seen == [("head", False)] * 2 + [("all", True)] * 9  # three epochs of three batches
    assert len(fitted.losses) == epochs_of(model.stages, CONFIG) == 4
    assert fitted.logits.shape == (4, len(labels), 2)


def test_a_stage_that_names_no_parameter_is_told(prepared, labels):
    model = Small()
    model.stages = (Stage(only=("nothing",)),)
    with pytest.raises(ConfigError, match="no parameter's name begins with nothing"):
        fit(model, Loader(prepared, model.inputs, CPU), labels, [], CONFIG, torch.Generator())


class Curious(Model):
    """It writes down what it is told."""

    def __init__(self):
        super().__init__({"motion": motion(32)}, 32)
        self.layers = Small().layers

    def begin(self, known):
        self.known = known

    def logits(self, motion):
        return self.layers(motion)


def test_a_model_is_told_labels_and_action_units_of_training_clips_and_of_no_other(prepared, labels):
    train = {clip: label for clip, label in labels.items() if not clip.startswith("made/s0/")}
    model = Curious()
    fit(model, Loader(prepared, model.inputs, CPU), train, list(labels), CONFIG, torch.Generator(), classes=("a", "b"))
    assert model.known.labels == train and set(model.known.action_units) == set(train)
    assert model.known.classes == ("a", "b")
    assert np.isfinite(model.layers[3].weight.detach().numpy()).all()


@pytest.mark.parametrize(
    ("stage", "line"),
    [
        (Stage("a", optimiser="sgdd"), "model mine, stage 'a': optimiser: .*'sgdd'"),
        (Stage("a", schedule="cosin"), "schedule: .*'cosin'"),
        (Stage("a", sampling="balancd"), "sampling: .*'balancd'"),
        (Stage("a", lr=-1.0), "lr: "),
        (Stage("a", epochs=0), "epochs is 0; give a whole number"),
        (Stage("a", epochs=2.5), "epochs is 2.5"),
        (Stage("a", steps=0), "steps is 0"),
    ],
)
def test_a_stage_that_cannot_be_is_told_before_anything_is_trained(stage, line):
    with pytest.raises(ConfigError, match=line):
        check_stages("mine", (Stage(), stage), TrainConfig())
    check_stages("mine", (Stage(optimiser="sgd", epochs=2), Stage(steps=3)), TrainConfig())
