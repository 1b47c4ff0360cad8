"""Folds trained at once: each ends as it would alone, and nobody's test person teaches anybody."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.train.conftest import prepared_set
from tsfmicro.config import AugmentConfig, TrainConfig
from tsfmicro.errors import RunError
from tsfmicro.models.registry import create_model, stack
from tsfmicro.models.ststnet_stacked import StackedSTSTNet
from tsfmicro.train.loader import Loader
from tsfmicro.train.together import Alone, Share, fit_together

PEOPLE, EPOCHS = 4, 5
CONFIG = TrainConfig(
    epochs=EPOCHS, batch_size=7, lr=1e-3, weight_decay=0.1, pair="annotated", augment=AugmentConfig(flip=0.5, pad=1)
)


@pytest.fixture(scope="module")
def flowing():
    return prepared_set(people=PEOPLE, clips=5, flow=True)


@pytest.fixture(scope="module")
def labels(flowing):
    return {clip.id: n % 2 for n, clip in enumerate(flowing.clips)}


@pytest.fixture(scope="module")
def shares(labels):
    """A fold for each person; the next one is held out for validation."""
    people = [f"made/s{n}/" for n in range(PEOPLE)]
    folds = [(person, people[n - 1]) for n, person in enumerate(people)]
    return [
        Share({c: n for c, n in labels.items() if not c.startswith(held)}, [c for c in labels if c.startswith(held)])
        for held in folds
    ]


def new_model(fold):
    torch.manual_seed(fold)
    return create_model("ststnet", 2, 32)


def train(flowing, labels, shares, config=CONFIG, join=stack, only=None):
    """All folds at once, or one alone; what each leaves behind, and its model."""
    folds = range(len(shares)) if only is None else [only]
    models = [new_model(fold) for fold in folds]
    learners = join(models) if only is None else Alone(models[0])
    loader = Loader(flowing, ("flow",), torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)
    return fit_together(learners, loader, [shares[f] for f in folds], list(labels), config, generator), models


@pytest.fixture(scope="module")
def alone(flowing, labels, shares):
    results = [train(flowing, labels, shares, only=fold) for fold in range(PEOPLE)]
    return [fitted[0] for fitted, _ in results], [models[0] for _, models in results]


def largest_difference(one, other):
    """Of losses, logits and weights of all folds."""
    numbers = [
        [np.concatenate([f.losses, f.logits.ravel(), *(w.detach().numpy().ravel() for w in m.state_dict().values())])]
        for fitted, models in (one, other)
        for f, m in zip(fitted, models, strict=True)
    ]
    half = len(numbers) // 2
    return max(np.abs(a[0] - b[0]).max() for a, b in zip(numbers[:half], numbers[half:], strict=True))


def test_folds_at_once_end_as_each_alone(flowing, labels, shares, alone):
    difference = largest_difference(train(flowing, labels, shares), alone)
    assert difference < 2e-4, f"losses, logits or weights differ by up to {difference:.1e}"


def test_alone_is_the_loop_that_anybody_would_write(flowing, labels, shares, alone):
    """The shared order and noise are drawn for all clips; each batch is then cut down to the fold's own."""
    model, share, generator = new_model(1).train(), shares[1], torch.Generator().manual_seed(0)
    loader = Loader(flowing, ("flow",), torch.device("cpu"))
    optimiser = torch.optim.AdamW(model.parameters(), lr=CONFIG.lr, weight_decay=CONFIG.weight_decay, fused=True)
    clips = sorted(labels)
    for epoch in range(EPOCHS):
        optimiser.param_groups[0]["lr"] = CONFIG.lr * CONFIG.decay**epoch
        for chosen in torch.randperm(len(clips), generator=generator).split(CONFIG.batch_size):
            ids = [clips[n] for n in chosen]
            flow = loader.batch(ids, "annotated", CONFIG.augment, generator)["flow"]
            noise = model.draw_noise(len(ids), generator)
            own = [n for n, clip in enumerate(ids) if clip in share.labels]
            model.noise = noise[own]
            loss = cross_entropy(model(flow=flow[own]), torch.tensor([share.labels[ids[n]] for n in own]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    for name, value in alone[1][1].state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[name], atol=1e-6, rtol=1e-5)


class LeavesStrangersInTheStatistics(StackedSTSTNet):
    """The mistake that sharing a batch invites."""

    def __call__(self, images, mine, noise):
        return super().__call__(images, torch.ones_like(mine), noise)


def test_a_test_person_left_in_the_batch_statistics_is_caught(flowing, labels, shares, alone):
    leaked = train(flowing, labels, shares, join=LeavesStrangersInTheStatistics)
    assert largest_difference(leaked, alone) > 0.01


def test_a_test_person_left_in_the_loss_is_caught(flowing, labels, shares, alone):
    leaking = [Share(labels, share.others) for share in shares]
    assert largest_difference(train(flowing, labels, leaking), alone) > 0.01


def test_one_seed_is_one_result_to_the_last_bit(flowing, labels, shares):
    assert largest_difference(*(train(flowing, labels, shares) for _ in range(2))) == 0


def test_a_fold_does_not_change_with_the_folds_beside_it(flowing, labels, shares):
    """Order, augmentation and dropout hang on the run's clips; only the rounding of larger products may differ."""
    few, many = train(flowing, labels, shares[:2]), train(flowing, labels, shares)
    assert largest_difference(few, (many[0][:2], many[1][:2])) < 1e-4


def test_a_batch_without_a_clip_of_a_fold_moves_its_weights_by_momentum_alone(flowing, labels, shares):
    """With one clip a batch, every fold meets batches of strangers; both ways of training agree on what happens then."""
    config = CONFIG.model_copy(update={"batch_size": 1, "epochs": 2})
    at_once = train(flowing, labels, shares, config)
    each = [train(flowing, labels, shares, config, only=fold) for fold in range(PEOPLE)]
    difference = largest_difference(at_once, ([f[0] for f, _ in each], [m[0] for _, m in each]))
    assert difference < 2e-4


def test_a_loss_that_is_not_a_number_stops_with_advice(flowing, labels, shares):
    with pytest.raises(RunError, match=r"Lower train\.lr"):
        train(flowing, labels, shares, CONFIG.model_copy(update={"lr": 1e38}))
