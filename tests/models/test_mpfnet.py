"""MPFNet, approximated: three stages, episodes within a batch, and prototypes of the training side alone."""

import numpy as np
import pytest
import torch
from pytest import approx
from torch.nn.functional import normalize

from tsfmicro.config import AugmentConfig, TrainConfig
from tsfmicro.errors import ConfigError
from tsfmicro.models.mpfnet import Attention, anew, scaled, triplets
from tsfmicro.models.registry import create_model
from tsfmicro.needs import Stored, TrainingFacts
from tsfmicro.prepared import PreparedSet
from tsfmicro.train.fit import fit
from tsfmicro.train.loader import Loader
from tsfmicro.types import Clip, Frames

SMALL = {"steps": 2, "levels": 2, "width": 2, "squeeze": 2, "embedding": 3}


def small(**options):
    torch.manual_seed(0)
    return create_model("mpfnet-approx", 3, 16, **SMALL | options)


def steps(model, clips):
    return model.example(clips, torch.Generator().manual_seed(1))["maps"]


def test_its_stages_are_the_published_ones():
    stages = small(epochs=(60, 80, 10)).stages
    assert [(s.name, s.epochs, s.lr, s.only) for s in stages] == [
        ("gfe", 60, 0.01, ("gfe",)),
        ("afe", 80, 0.001, ("afe", "classify")),
        ("meta", 10, 0.05, ("gfe", "afe")),
    ]
    assert all(s.optimiser == "sgd" and s.momentum == 0.9 for s in stages)


def test_each_stage_teaches_its_own_part():
    model, target = small(), torch.tensor([0, 0, 1, 1])
    model.begin(TrainingFacts({f"{n}": n % 2 for n in range(12)}, {}))
    parts = {"gfe": model.gfe, "afe": model.afe, "classify": model.classify}
    for stage in model.stages:
        model.stage = stage.name
        model.train().zero_grad()
        model.loss({"maps": steps(model, 4)}, target).backward()
        learned = {name for name, part in parts.items() if all(p.grad is not None for p in part.parameters())}
        assert learned == set(stage.only)


def test_triplets_are_what_one_works_out_by_hand():
    """Two of a class at 0 and 1, one of another at 3: apart by 1, 3 and 2."""
    places, target = torch.tensor([[0.0], [1.0], [3.0]]), torch.tensor([0, 0, 1])
    assert triplets(places, target, 2.0, squared=False) == approx((0 + 1) / 2)
    assert triplets(places, target, 4.0, squared=True) == approx((0 + 1) / 2)
    assert triplets(places, torch.tensor([0, 1, 2]), 1.0, squared=True) == 0


def test_an_episode_asks_about_the_last_clip_of_a_class_against_the_mean_of_those_before_it(monkeypatch):
    model = small(shots=2, gamma=0.5)
    model.stage = "meta"
    one, other = torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(2))
    monkeypatch.setattr(model, "embedded", lambda steps: [one, other])
    target = torch.tensor([0, 0, 1, 0, 1, 0, 2, 2])
    loss = model.loss({"maps": steps(model, 8)}, target)
    supports, queries = ([1, 3], [2], [6]), (5, 4, 7)
    alike = torch.zeros(3, 3)
    for weight, its in ((1, one), (0.5, other)):
        prototypes = torch.stack([its[list(places)].mean(0) for places in supports])
        alike += weight * normalize(its[list(queries)]) @ normalize(prototypes).T
    assert loss == approx(-alike.log_softmax(1).diag().mean().item(), abs=1e-5)


def test_a_clip_that_was_drawn_twice_is_not_compared_with_itself():
    maps = torch.randn(3, 2, 5, 16, 16)
    assert anew(maps[[0, 1, 0, 2, 1]]).tolist() == [True, True, False, True, False]
    model = small(shots=1)
    model.stage = "meta"
    twice = steps(model, 1).expand(2, -1, -1, -1, -1, -1)
    assert model.train().loss({"maps": twice}, torch.tensor([0, 0])) == 0


def test_a_class_of_too_few_clips_is_in_no_episode_but_has_a_prototype(monkeypatch):
    model = small(shots=2)
    model.begin(TrainingFacts({f"{n}": c for n, c in enumerate([0, 0, 0, 1, 1, 1, 2, 2])}, {}))
    model.stage = "meta"
    before = model.prototypes.clone()
    monkeypatch.setattr(model, "likeness", lambda embedded, prototypes: torch.zeros(len(embedded[0]), 3))
    loss = model.train().loss({"maps": steps(model, 6)}, torch.tensor([0, 1, 0, 1, 2, 2]))
    assert loss.item() == approx(np.log(2)), "the choice is between two"
    assert (model.prototypes != before).all()


def test_a_class_that_nobody_on_the_training_side_showed_is_never_answered():
    model = small(shots=1)
    model.begin(TrainingFacts({f"{n}": n % 2 for n in range(4)}, {}))
    said = model.eval()(maps=steps(model, 2))
    assert said[:, 2].isinf().all() and said[:, :2].isfinite().all()


def test_a_training_side_without_an_episode_is_told():
    with pytest.raises(ConfigError, match=r"fewer than two classes have 6 training clips.*Lower model.options.shots"):
        small(shots=5).begin(TrainingFacts({f"{n}": int(n > 5) for n in range(11)}, {}))


def test_prototypes_are_running_means_of_clips_as_they_look_when_tested():
    model = small(memory=0.5)
    maps = steps(model, 4)
    model.train()
    for _ in range(3):
        model.remember(maps[:, 0], torch.tensor([0, 0, 1, 1]))
        assert model.gfe.training and model.afe.training
    with torch.no_grad():
        embedded = model.eval().embedded(maps[:, 0])
    for kept, its in zip(model.prototypes, embedded, strict=True):
        torch.testing.assert_close(kept[:2], its.view(2, 2, 3).mean(1))
    assert model.updates.tolist() == [3, 3, 0]
    model.remember(maps[:, 0], torch.tensor([1, 1, 1, 1]))
    for kept, its in zip(model.prototypes, embedded, strict=True):
        torch.testing.assert_close(kept[1], (its[2:].mean(0) + its.mean(0)) / 2)


def test_copies_are_drawn_from_those_prepared_or_multiplied():
    pictures, maps = small(), small(copies="maps", factor=3.0)
    assert pictures.inputs["maps"].shape == (2, 2, 5, 16, 16) and maps.inputs["maps"].shape == (1, 2, 5, 16, 16)
    made, filmed = steps(pictures, 40), steps(maps, 40)
    filmed[:, :, :, 3:] = 0
    copies = {
        name: [sum(torch.equal(a, b) for a, b in zip(seen, scaled(level), strict=True)) for level in of_levels]
        for name, seen, of_levels in (
            ("pictures", pictures.magnified(made), made.unbind(1)),
            ("maps", maps.magnified(filmed), (filmed[:, 0],)),
        )
    }
    assert sum(copies["pictures"]) == 40 and min(copies["pictures"]) > 5
    assert 5 < copies["maps"][0] < 35, "some are as filmed"


def test_maps_go_from_0_to_1_and_multiplied_differences_are_marked_anew():
    step = torch.zeros(1, 1, 5, 2, 2)
    step[0, 0, 0] = torch.tensor([[-30.0, 0], [3, 15]])
    step[0, 0, 2] = torch.tensor([[1.0, 2], [3, 2]])
    step[0, 0, 3, 0, 0] = 0.1
    seen = scaled(step)[0, :, 0]
    assert seen[0].flatten().tolist() == approx([0, 0.5, 0.6, 1])
    assert seen[2].flatten().tolist() == approx([0, 0.5, 1, 0.5])
    assert seen[3, 0, 0] == approx(0.1) and not seen[4].any()
    twice = scaled(step, torch.tensor([2.0]))[0, :, 0]
    assert twice[0, 1, 0] == approx(0.7) and twice[4].flatten().tolist() == [1, 0, 0, 0]


def test_attention_weighs_times_rows_and_columns():
    torch.manual_seed(0)
    look, maps = Attention(8, 2).eval(), torch.rand(2, 8, 3, 4, 5) + 0.1
    gates = (look(maps) / maps).log()
    apart = gates - gates[:, :, :1, :1, :1]
    parts = apart[:, :, :, :1, :1] + apart[:, :, :1, :, :1] + apart[:, :, :1, :1, :]
    torch.testing.assert_close(apart, parts, atol=1e-5, rtol=1e-4)


def trained(epochs, others=0):
    """A model trained on twelve clips whose class is the direction in which they move, and what it says of four others."""
    model = small(width=4, embedding=8, shots=2, copies="maps", epochs=epochs)
    drawn = np.random.default_rng(0)
    maps = drawn.normal(0, 0.2, (16, 1, 2, 5, 16, 16)).astype(np.float16)
    for n in range(12):
        maps[n, ..., n % 3 // 2, 4:12, 4:12] += (8, -8, 8)[n % 3]
    maps[12:] = others
    clips = tuple(Clip("made", f"s{n}", "c", Frames(None, {}), 1, 2, 3, 200, "surprise") for n in range(16))
    stored = Stored({"clip": maps}, "px", "flow")
    prepared = PreparedSet("k", clips, np.arange(16), {model.inputs["maps"].need.stored: stored})
    config = TrainConfig(epochs=1, batch_size=12, augment=AugmentConfig(flip=0, rotate=0, pad=0))
    labels = {clip.id: n % 3 for n, clip in enumerate(clips[:12])}
    loader = Loader(prepared, model.inputs, torch.device("cpu"))
    torch.manual_seed(0)
    fitted = fit(model, loader, labels, [c.id for c in clips[12:]], config, torch.Generator().manual_seed(0))
    model.eval()
    right = np.mean([model(**loader.batch([c], "annotated")).argmax().item() == label for c, label in labels.items()])
    return model, fitted, right


def test_it_learns():
    _, fitted, right = trained((10, 20, 60))
    assert fitted.logits.shape == (90, 4, 3) and np.isfinite(fitted.losses).all()
    assert right > 0.8


def test_whom_it_is_tested_on_is_in_no_prototype():
    one, other = (trained((1, 1, 3), others)[0] for others in (0, 9))
    assert torch.equal(one.prototypes, other.prototypes)
