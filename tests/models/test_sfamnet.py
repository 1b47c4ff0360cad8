"""SFAMNet gives the released program's numbers."""

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import MODELS, create_model
from tsfmicro.models.sfamnet import cut
from tsfmicro.needs import TrainingFacts

READ = MODELS["sfamnet"].released
FLOW = drawn(-1, 1, (3, 2, 1, 42, 42)).squeeze(2).transpose(0, 1)


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("sfamnet")
    model = create_model("sfamnet", 4, boxes="none", spotting=True, jitter=0.0)
    model.load_state_dict(READ(weights(facts["weights"]), spotting=True))
    return facts, arrays, model.eval()


@pytest.mark.parametrize(("emotions", "count"), [(4, 7_207), (7, 8_386)])
def test_it_has_the_published_number_of_used_parameters(emotions, count):
    assert sum(p.numel() for p in create_model("sfamnet", emotions, spotting=True).parameters()) == count


def test_its_maps_and_logits_are_the_released_program_s(released):
    _, arrays, model = released
    with torch.inference_mode():
        for i, stream in enumerate(model.sees):
            assert_near(adaptive_avg_pool2d(stream(FLOW[:, i : i + 1]), 14), arrays[f"stream{i + 1}"])
        features = model.features(flow=FLOW)
        maps = features.permute(0, 3, 1, 2)
        assert_near(model.spotting.conv(maps), arrays["conv_spot"])
        assert_near(model.head.conv(maps), arrays["conv_recog"])
        assert_near(model.spot(flow=FLOW), arrays["spot"])
        assert_near(model.head.all(features), arrays["logits"])


def test_with_depth_as_its_third_map_it_says_what_the_released_program_says(released):
    facts, arrays, _ = released
    deep = create_model("sfamnet", 4, third="depth", boxes="none", spotting=True, jitter=0.0).eval()
    deep.load_state_dict(READ(weights(facts["weights"]), spotting=True))
    with torch.inference_mode():
        assert_near(deep.head.all(deep.features(flow=FLOW[:, :2], depth=FLOW[:, 2:])), arrays["logits"])


def test_depth_changes_from_0_to_1_and_not_where_it_was_not_measured():
    pair = torch.tensor([[600.0, 600, 600, 0], [598, 600, 606, 500]]).view(1, 2, 1, 2, 2)
    view = create_model("sfamnet", 3, third="depth").inputs["depth"].view
    assert view(pair).flatten().tolist() == pytest.approx([0, 0.25, 1, 0.25])


def test_it_learns_as_the_released_program_does(released):
    facts, arrays, model = released
    model.class_weight.copy_(torch.tensor([1.0, 2, 1, 1, 0]))
    wanted = model.loss
    model.loss = lambda batch, target: wanted(batch, target, torch.tensor([1.0, 0]))
    loss, norms = train_once(model, {"flow": FLOW}, torch.tensor([0, 1]))
    del model.loss
    assert loss == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    order = READ(dict.fromkeys(facts["gradient_order"]), spotting=True)
    assert_norms_near([norms[name] for name in order], arrays["gradient_norms"])
    assert set(order) == set(norms)


def test_neutral_is_never_the_answer_and_recognition_alone_reads_the_same_weights():
    facts, arrays = golden("sfamnet")
    alone = create_model("sfamnet", 4, boxes="none").eval()
    alone.load_state_dict(READ(weights(facts["weights"])))
    with torch.inference_mode():
        assert_near(alone(flow=FLOW), arrays["logits"][:, :4])
    with pytest.raises(ConfigError, match="spotting=True"):
        alone.spot(flow=FLOW)


def test_both_heads_learn_when_nothing_says_what_is_to_be_spotted():
    torch.manual_seed(0)
    model = create_model("sfamnet", 3, spotting=True).train()
    model.begin(TrainingFacts({"a": 0, "b": 1, "c": 1, "d": 2}, {}))
    assert model.class_weight.tolist() == pytest.approx([4 / 3, 2 / 3, 4 / 3, 0])
    model.loss(model.example(2), torch.tensor([0, 3])).backward()
    assert all(weight.grad.any() for weight in model.parameters())


def test_gates_that_start_open_have_no_negative_bias():
    def biases(gates):
        torch.manual_seed(1)
        model = create_model("sfamnet", 3, gates=gates)
        return torch.cat([stream.channels[0].bias for stream in model.sees])

    assert (biases("open") == biases("released").abs()).all() and (biases("released") < 0).any()


def test_training_makes_all_maps_of_a_clip_stronger_or_weaker_by_a_tenth_at_most():
    model = create_model("sfamnet", 3)
    ones = torch.ones(500, 3, 42, 42)
    factors = model.train().jittered(ones)
    assert (factors == factors[:, :1, :1, :1]).all()
    assert factors.min() == pytest.approx(0.9) and factors.max() == pytest.approx(1.1)
    assert (model.eval().jittered(ones) == ones).all()


def test_it_sees_the_brows_and_eyes_above_the_mouth():
    face, points = torch.zeros(1, 3, 128, 128), torch.full((1, 68, 2), 64.0)
    points[:, 17:27, 1], points[:, 36:48, 1], points[:, 48:, 1] = 30, 40, 90
    points[:, 17, 0], points[:, 26, 0] = 20, 100
    face[:, :, 18:52, 8:112] = 1  # 12 pixels around brows and eyes
    face[:, :, 78:102, 52:76] = 2  # and around the mouth
    seen = create_model("sfamnet", 3).mosaic(face, points)
    assert seen.shape == (1, 3, 42, 42)
    assert (seen[:, :, :21] - 1).abs().max() < 1e-4 and (seen[:, :, 21:] - 2).abs().max() < 1e-4


def test_a_box_is_shrunk_as_pictures_are():
    maps = torch.rand(2, 3, 40, 50)
    points = torch.tensor([[[15.0, 14], [30, 20]], [[-9, -9], [60, 60]]])  # the second box is the whole map
    shrunk = cut(maps, points, (21, 42))
    for one, box in ((0, maps[:1, :, 2:32, 3:42]), (1, maps[1:])):
        wanted = torch.nn.functional.interpolate(box, (21, 42), mode="bilinear")
        torch.testing.assert_close(shrunk[one : one + 1], wanted, atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    ("size", "options", "what"),
    [
        (4, {}, "6 or more"),
        (43, {}, "even"),
        (42, {"jitter": 1}, "jitter is 1"),
        (42, {"boxes": "x"}, "boxes"),
        (42, {"third": "x"}, "third"),
        (42, {"gates": "x"}, "gates"),
    ],
)
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises((ConfigError, UnknownNameError), match=what):
        create_model("sfamnet", 3, size, **options)
