"""One training: what it stores, what it never sees, and that a seed means one result."""

import numpy as np
import pytest
import torch
from torch import nn

from tsfmicro.config import AugmentConfig, TrainConfig
from tsfmicro.errors import RunError
from tsfmicro.models.base import Model
from tsfmicro.models.inputs import motion
from tsfmicro.train.fit import fit
from tsfmicro.train.loader import Loader

CONFIG = TrainConfig(epochs=6, batch_size=4, lr=0.01, weight_decay=0, augment=AugmentConfig(flip=0, rotate=3, pad=2))


class Small(Model):
    """One layer on the movement; it has no map over the face."""

    def __init__(self):
        super().__init__({"motion": motion(32)}, 32)
        self.layers = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.BatchNorm1d(48), nn.Linear(48, 2))

    def logits(self, motion):
        return self.layers(motion)


def trained(prepared, labels, config=CONFIG, seed=0):
    torch.manual_seed(seed)
    model = Small()
    test = [c for c in labels if c.startswith("made/s0/")]
    train = {c: label for c, label in labels.items() if c not in test}
    loader = Loader(prepared, {"motion": motion(32)}, torch.device("cpu"))
    return fit(model, loader, train, test, config, torch.Generator().manual_seed(seed)), test, model


def test_it_learns_what_moves_and_says_it_of_people_it_never_saw(prepared, labels):
    fitted, test, _ = trained(prepared, labels)
    assert fitted.losses[-1] < fitted.losses[0] / 2
    assert fitted.logits[-1].argmax(-1).tolist() == [labels[c] for c in test]


def test_logits_of_every_epoch_are_stored(prepared, labels):
    fitted, test, _ = trained(prepared, labels)
    assert fitted.logits.shape == (6, len(test), 2)
    assert fitted.losses.shape == (6,)


def test_one_seed_is_one_result_to_the_last_bit(prepared, labels):
    once, twice, other = (trained(prepared, labels, seed=s)[0].logits for s in (0, 0, 1))
    assert np.array_equal(once, twice)
    assert not np.array_equal(once, other)


def test_asking_about_more_clips_does_not_change_the_training(prepared, labels):
    """Prediction must not move batch statistics or the generator."""
    fitted, test, _ = trained(prepared, labels)
    torch.manual_seed(0)
    train = {c: label for c, label in labels.items() if c not in test}
    loader = Loader(prepared, {"motion": motion(32)}, torch.device("cpu"))
    more = fit(Small(), loader, train, list(labels), CONFIG, torch.Generator().manual_seed(0))
    where = [list(labels).index(c) for c in test]
    assert np.allclose(more.logits[:, where], fitted.logits, atol=1e-6)
    assert np.array_equal(more.losses, fitted.losses)


def test_a_last_step_that_leaves_no_numbers_is_told_though_its_loss_was_one(prepared, labels):
    with pytest.raises(RunError, match=r"no numbers after epoch 1\. Lower train\.lr"):
        trained(prepared, labels, CONFIG.model_copy(update={"epochs": 1, "batch_size": 64, "lr": 1e38}))


def test_the_learning_rate_falls_by_a_factor_and_then_stays(prepared, labels):
    """With plain weight decay alone, each step shrinks the weights by lr·decay: the shrinking shows the schedule."""
    rates = []

    class Spy(torch.optim.AdamW):
        def step(self, *args, **kwargs):
            rates.append(self.param_groups[0]["lr"])
            return super().step(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.optim, "AdamW", Spy)
        trained(prepared, labels, CONFIG.model_copy(update={"epochs": 4, "decay": 0.5, "decay_epochs": 2, "lr": 0.08}))
    assert rates[::2] == [0.08, 0.04, 0.02, 0.02]


def test_a_loss_that_is_not_a_number_stops_with_advice(prepared, labels):
    with pytest.raises(RunError, match=r"Lower train\.lr"):
        trained(prepared, labels, CONFIG.model_copy(update={"lr": 1e38}))
