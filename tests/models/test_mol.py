"""MOL gives the released program's numbers."""

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.mol import MOL, correlation, standardised
from tsfmicro.models.registry import MODELS, create_model, describe

READ = MODELS["mol"].released
UNUSED = 2 * (
    898 + 4 * 64 * 16 + 4 * 64 * 16
)  # a part of each set of whole convolutions, and half of its taps and positions
SMALL = {"size": 64, "flow": 0}


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("mol")
    with torch.device("meta"):
        model = create_model("mol", 5, dropout=0)
    model.load_state_dict(READ(weights(facts["weights"])), assign=True)
    for part in model.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.num_batches_tracked = torch.tensor(0)
    return facts, arrays, model.eval(), drawn(-1, 1, (2, 1, 8, 128, 128))[:, 0]


def test_it_has_the_published_number_of_parameters_without_those_it_never_uses():
    assert describe("mol", 5).parameters == 44_105_379 - UNUSED


def test_its_maps_logits_flows_and_landmarks_are_the_released_program_s(released):
    _, arrays, model, frames = released
    with torch.inference_mode():
        stack = model.stack(frames[:, :1])
        whole = model.wholes[0](stack)
        assert_near(stack[:, ::4, ::2, ::2], arrays["stack"])
        assert_near(whole[:, ::4, ::2, ::2], arrays["fcc1"])
        assert_near(model.relations[0](whole).flatten(2)[:, ::4, ::8], arrays["ccc1"])
        # These arrays were made with the first frame's stack handed on for all frames; the training below has each its own.
        before, after = model.maps(frames[:, :1].expand(-1, 8, -1, -1))
        assert_near(model.head(model.over(before, after)), arrays["logits"])
        assert_near(model.landmarks(after).flatten(2).mT, arrays["landmarks"])
        assert_near(adaptive_avg_pool2d(model.flows(frames, before, after).flatten(0, 1), 8), arrays["flow"])


def test_it_learns_as_the_released_program_does(released):
    facts, arrays, model, frames = released
    model.train().zero_grad()
    before, after = model.maps(frames)
    told = (model.flows(frames, before, after), model.landmarks(after))
    loss = cross_entropy(model.head(model.over(before, after)), torch.tensor([0, 1]))
    loss = loss + sum(each.square().mean() for each in told)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    norms = {name: weight.grad.norm().item() for name, weight in model.named_parameters()}
    given = dict(facts["weights"])
    order = [name for each in facts["gradient_order"] for name in READ({each: torch.empty(given[each])})]
    assert set(order) == set(norms)
    assert_norms_near([norms[name] for name in order], arrays["gradient_norms"])


def test_it_is_asked_with_frames_alone_and_learns_from_flows_and_landmarks_too():
    model = create_model("mol", 3, 64)
    assert model.expects == ("frames",)
    assert [str(need) for need in model.needs] == [
        "frames 64×64 (count=8)",
        "between 64×64 (count=8)",
        "landmarks68 64×64 (count=8, frames=True)",
    ]
    batch = model.eval().example(2)
    with torch.inference_mode():
        assert torch.equal(model(**batch), model(frames=batch["frames"]))


def test_to_tell_a_class_neither_flow_nor_landmarks_are_told():
    model = create_model("mol", 3, 64).eval()
    for part in (model.flow, model.points):
        part.register_forward_hook(lambda *_: pytest.fail("not needed for the class"))
    model(**model.example(1))


def test_a_part_of_no_weight_is_not_built_and_asks_for_no_target():
    model = create_model("mol", 3, 64, flow=0, points=0)
    assert [str(need) for need in model.needs] == ["frames 64×64 (count=8)"]
    assert sum(p.numel() for p in model.parameters()) < 1_100_000
    batch = model.eval().example(2)
    target = torch.tensor([0, 1])
    with torch.no_grad():
        torch.testing.assert_close(model.loss(batch, target), cross_entropy(model(**batch), target))


def test_the_loss_of_flow_is_a_seventh_of_the_mean_square_and_counts_ten_times():
    model = create_model("mol", 3, 64, points=0).eval()
    batch, target = model.example(1), torch.tensor([1])
    with torch.no_grad():
        batch["flows"] = model.flows(batch["frames"], *model.maps(batch["frames"]))
        right = model.loss(batch, target)
        off = model.loss(batch | {"flows": batch["flows"] + 2}, target)
    assert float(off - right) == pytest.approx(10 * 4 / 7, rel=1e-4)


def test_landmarks_are_off_in_distances_between_the_eyes():
    """All 68 points 3 pixels to the right, eyes 30 apart, in 7 frames: 7 · 3 / 30."""
    points = torch.zeros(1, 7, 68, 2)
    points[:, :, 42:48, 0] = 30
    told = points + torch.tensor([3.0, 0])
    assert float(MOL.off_points(told, points)) == pytest.approx(7 * 3 / 30)


def test_as_released_it_falls_asleep_after_the_first_epochs():
    model = create_model("mol", 3, **SMALL, mode="released", awake=2)
    assert [(stage.name, stage.epochs) for stage in model.stages] == [("awake", 2), ("asleep", None)]
    model.stage = "awake"
    assert model.train().training
    model.stage = "asleep"
    assert not model.train().training and not any(part.training for part in model.modules())


def test_correlation_is_the_mean_product_at_each_shift_and_zero_outside():
    one, other = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    found = correlation(one, other).unflatten(1, (21, 21))
    assert float(found[1, 10, 10, 2, 3]) == pytest.approx(float((one[1, :, 2, 3] * other[1, :, 2, 3]).mean()), abs=1e-6)
    two_up_and_two_left = (one[1, :, 2, 3] * other[1, :, 0, 1]).mean()
    assert float(found[1, 9, 9, 2, 3]) == pytest.approx(float(two_up_and_two_left), abs=1e-6)
    assert not found[:, 8, 10].any() and not found[:, :, 0].any()


def test_frames_of_a_clip_are_scaled_together():
    light = torch.tensor([0.0, 10.0]).view(1, 2, 1, 1, 1).expand(1, 2, 3, 1, 1)
    assert standardised(light).flatten().tolist() == pytest.approx([-1, 1])


@pytest.mark.parametrize(
    ("size", "options", "what"),
    [
        (100, {}, "100 × 100 cannot"),
        (64, {"mode": "release"}, "released"),
        (64, {"awake": 0}, "awake is 0"),
        (64, {"flow": -1}, "flow is -1"),
        (64, {"dropout": 1}, "dropout is 1"),
    ],
)
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises((ConfigError, UnknownNameError), match=what):
        create_model("mol", 3, size, **options)
