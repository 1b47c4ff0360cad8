"""CausalNet's network gives the released program's numbers."""

import pytest
import torch

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.causalnet import direction_map
from tsfmicro.models.registry import MODELS, create_model, describe

READ = MODELS["causalnet"].released
SMALL = {"width": 8, "blocks": (1, 1, 2)}
MAPS = ("flow_before", "flow_after", "direction_before", "direction_after")
NEVER_LEARN = 2 * sum(2 * n * width * inner for n, width, inner in ((3, 256, 255), (3, 512, 510), (9, 1024, 1020)))


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("causalnet")
    model = create_model("causalnet", 3, crops="none")
    # The weights are taken as they are, not copied: they are a gigabyte.
    model.load_state_dict(READ(weights(facts["weights"])), assign=True)
    mosaics = drawn(0, 255, (2, 4, 3, 28, 28)).unbind(1)
    return facts, arrays, model.eval(), dict(zip(MAPS, mosaics, strict=True))


def test_it_has_the_published_number_of_parameters_without_queries_and_keys_that_never_learn():
    assert describe("causalnet", 3).parameters == 276_590_089 - NEVER_LEARN


@pytest.mark.slow
def test_its_maps_and_logits_are_the_released_program_s(released):
    _, arrays, model, batch = released
    seen = {}
    model.cross[-1].register_forward_hook(lambda _, given, made: seen.update(cross=torch.stack(made)))
    model.causal.register_forward_hook(lambda _, given, made: seen.update(cab=made))
    encoders = (model.flows, model.flows, model.directions, model.directions)
    with torch.inference_mode():
        for name, encoder, mosaic in zip(
            ("flow0", "flow1", "position2", "position3"), encoders, batch.values(), strict=True
        ):
            assert_near(encoder(mosaic).permute(0, 3, 1, 2), arrays[name])
        assert_near(model(**batch), arrays["logits"])
    assert_near(seen["cross"].mT.unflatten(-1, (2, 2)), arrays["cross"])
    assert_near(seen["cab"], arrays["cab"])


@pytest.mark.slow
def test_it_learns_as_the_released_program_does(released):
    facts, arrays, model, batch = released
    loss, norms = train_once(model, batch, torch.tensor([0, 1]))
    # As near as the logits: rounding grows through nine layers without a norm, and is 7e-6 here.
    assert loss == pytest.approx(float(arrays["train_loss"]), rel=3e-5)
    given = dict(facts["weights"])
    ours = [READ({name: torch.empty(given[name])}) for name in facts["gradient_order"]]
    assert_norms_near([norms[name] for one in ours for name in one], arrays["gradient_norms"])
    assert {name for one in ours for name in one} == set(norms)


def test_a_place_hears_nothing_of_the_one_across():
    attend = create_model("causalnet", 3, **SMALL).causal.attend
    x = torch.randn(1, 4, 8)
    other = x.clone()
    other[0, 3] += 1
    moved = (attend(x, x) - attend(x, other)).abs().sum(-1)[0] > 1e-6
    assert moved.tolist() == [False, True, True, True]


def test_gamma_is_how_much_less_a_masked_place_takes_from_the_others():
    """With equal scores of 0 a place shares 1 among three of 0 and one of −4γ, of which nothing is kept."""
    attend = create_model("causalnet", 3, **SMALL, gamma=0.25).causal.attend
    for part in (attend.query, attend.keyvalue, attend.out):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.zeros_(part.bias)
    torch.nn.init.ones_(attend.keyvalue.bias)
    torch.nn.init.eye_(attend.out.weight)
    shared = attend(torch.zeros(1, 4, 8), torch.zeros(1, 4, 8))[0, 0]
    assert shared.tolist() == pytest.approx([3 / (3 + torch.e**-1)] * 8)


def test_direction_is_drawn_as_a_hue_whatever_the_distance():
    right, down, left = (torch.tensor([x, y, 0.0]).view(1, 3, 1, 1) for x, y in ((2.0, 0.0), (0.0, 0.1), (-3.0, 0.0)))
    blue_green_red = [direction_map(flow, "hue").flatten().tolist() for flow in (right, down, left)]
    assert blue_green_red[0] == [0, 0, 255]
    assert blue_green_red[1] == pytest.approx([0, 255, 127.5], abs=1e-3)  # between yellow and green
    assert blue_green_red[2] == pytest.approx([255, 255, 0], abs=1e-3)


def test_direction_is_drawn_as_vectors_of_one_length_and_how_far_they_go():
    flow = torch.tensor([[[[3.0, 0.0]], [[4.0, 0.0]], [[9.0, 9.0]]]])
    across, down, far = direction_map(flow, "vectors")[0, :, 0]
    assert across.tolist() == pytest.approx([204, 127.5]) and down.tolist() == pytest.approx([229.5, 127.5])
    assert far.tolist() == [255, 0]


def test_the_attention_between_directions_is_as_deep_as_the_last_level_or_as_told():
    assert len(create_model("causalnet", 3, **SMALL).cross) == 2
    assert len(create_model("causalnet", 3, **SMALL, layers=5).cross) == 5


def test_with_crops_at_each_face_s_own_places_it_looks_at_landmarks():
    model = create_model("causalnet", 3, **SMALL, crops="upright").eval()
    batch = model.example(2)
    assert [str(need) for need in model.needs] == ["flow 28×28", "fall 28×28", "landmarks 28×28"]
    moved = batch | {"points": batch["points"] + 20}
    assert not torch.equal(model(**batch), model(**moved))


@pytest.mark.parametrize(
    ("size", "options", "what"),
    [
        (30, {}, "30 × 30 cannot"),
        (28, {"crops": "released?"}, "released"),
        (28, {"direction": "hues"}, "hue"),
        (28, {"width": 12}, "width of 12"),
        (28, {"blocks": (3, 3)}, "blocks is"),
        (28, {"gamma": -1}, "gamma is -1"),
        (28, {"layers": 1.5}, "layers is 1.5"),
    ],
)
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises((ConfigError, UnknownNameError), match=what):
        create_model("causalnet", 3, size, **options)
