"""HTNet gives the released program's numbers."""

import pytest
import torch

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.htnet import Attention, greys
from tsfmicro.models.registry import MODELS, create_model, describe

READ = MODELS["htnet"].released
SMALL = {"width": 6, "blocks": (1, 1, 1)}
MOSAIC = drawn(0, 255, (2, 3, 28, 28))
EYES_NOSE_MOUTH = torch.tensor([[[9.9, 8.2], [19.1, 8], [14, 13], [10, 18], [18, 18]]])


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("htnet")
    with torch.device("meta"):
        model = create_model("htnet", 3, crops="none")
    model.load_state_dict(READ(weights(facts["weights"])), assign=True)
    return facts, arrays, model.eval()


def test_it_has_the_published_number_of_parameters_without_queries_keys_and_a_position_that_never_learn():
    assert describe("htnet", 3).parameters == 139_582_982 - 22_195_200 - 1


def test_its_maps_and_logits_are_the_released_program_s(released):
    _, arrays, model = released
    with torch.inference_mode():
        maps = model.encoder.embed(MOSAIC)
        assert_near(maps, arrays["embed"])
        for i in range(2):
            maps = model.encoder.between[i](model.encoder.levels[i](maps.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)
            assert_near(maps, arrays[f"level{i + 1}"])
        features = model.features(flow=MOSAIC)
        # Less by the position weight of the last level, which the norm behind it takes away.
        assert_near(centred(features.permute(0, 3, 1, 2)), centred(torch.from_numpy(arrays["level3"])).numpy())
        assert_near(model(flow=MOSAIC), arrays["logits"])


def centred(maps):
    return maps - maps.mean(1, keepdim=True)


def test_it_learns_as_the_released_program_does(released):
    facts, arrays, model = released
    loss, norms = train_once(model, {"flow": MOSAIC}, torch.tensor([0, 1]))
    assert loss == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    given = dict(facts["weights"])
    ours = [READ({name: torch.empty(given[name])}) for name in facts["gradient_order"]]
    assert_norms_near(
        [norms[next(iter(one))] if one else 0.0 for one in ours],
        arrays["gradient_norms"],
    )
    assert {name for one in ours for name in one} == set(norms)


def test_with_more_tokens_it_attends_and_a_checkpoint_keeps_its_queries_and_keys():
    torch.manual_seed(0)
    model = create_model("htnet", 3, 56, tokens=8, **SMALL)
    assert model.encoder.levels[0].blocks[0].attend[1].look.weight.shape == (18, 6)
    model.loss(model.example(2), torch.tensor([0, 1])).backward()
    assert all(weight.grad.any() for weight in model.parameters())
    qkv = "layers.0.0.layers.0.0.fn.to_qkv.weight"
    read = READ({"layers.0.0.pos_emb": torch.zeros(4), qkv: torch.zeros(18, 6, 1, 1)})
    assert read["encoder.levels.0.blocks.0.attend.1.look.weight"].shape == (18, 6)


def test_a_token_attends_to_the_tokens_of_its_own_piece_alone():
    model = create_model("htnet", 3, 8, tokens=8, crops="none", **SMALL).eval()
    maps = torch.randn(1, 8, 8, 6)
    other = maps.clone()
    other[0, 0, 0] += torch.randn(6)
    moved = (model.encoder.levels[0](maps) - model.encoder.levels[0](other)).abs().sum(-1)[0] > 1e-6
    assert moved[:2, :2].all() and moved.sum() == 4


def test_attention_is_what_softmax_of_products_gives():
    torch.manual_seed(0)
    attention = Attention(6, 3, tokens=4)
    x = torch.randn(4, 6)
    query, key, value = (part.unflatten(1, (3, 2)).transpose(0, 1) for part in attention.look(x).chunk(3, 1))
    each = (query @ key.mT / 2**0.5).softmax(-1) @ value  # (heads, tokens, 2)
    torch.testing.assert_close(attention(x[None])[0], attention.out(each.transpose(0, 1).flatten(1)))


def where_crops_come_from(crops, points):
    """Rows and columns of the corners of the four crops, in the order of the mosaic."""
    flow = torch.arange(28.0).expand(1, 1, 28, 28)
    flow = torch.cat([flow.mT, flow, flow], 1)  # row, column
    mosaic = create_model("htnet", 3, crops=crops, **SMALL).mosaic(flow, points)
    return [mosaic[0, :2, row, column].tolist() for row in (0, 14) for column in (0, 14)]


def test_upright_crops_are_centred_on_eyes_above_mouth_corners():
    # x 9.9 → column 9, y 8.2 → row 8; a crop begins 7 pixels before
    assert where_crops_come_from("upright", EYES_NOSE_MOUTH) == [[1, 2], [1, 12], [11, 3], [11, 11]]


def test_released_crops_take_x_for_the_row_which_lays_the_left_mouth_corner_beside_the_left_eye():
    assert where_crops_come_from("released", EYES_NOSE_MOUTH) == [[2, 1], [12, 1], [3, 11], [11, 11]]


def test_constant_crops_are_those_of_the_released_program_and_no_crop_leaves_the_map():
    assert where_crops_come_from("constants", None) == [[2, 4], [14, 3], [3, 14], [13, 14]]
    outside = torch.tensor([[[-3.0, 40], [0, 0], [0, 0], [40, 40], [27, 0]]])
    assert where_crops_come_from("upright", outside) == [[14, 0], [0, 0], [14, 14], [0, 14]]


def test_the_map_is_seen_as_greys_strain_first():
    flow = torch.stack([torch.tensor([[low, high]]) for low, high in ((-1.0, 1.0), (2.0, 2.0), (0.0, 5.0))])[None]
    assert greys(flow).tolist() == [[[[0, 255]], [[0, 0]], [[0, 255]]]]
    flow[0, 0] = torch.tensor([[1.0, -1.0]])
    assert greys(flow)[0, 2].tolist() == [[255, 0]]


@pytest.mark.parametrize(
    ("size", "options", "what"),
    [
        (28, {"crops": "uprigth"}, "upright"),
        (28, {"tokens": 8}, "28 × 28 cannot"),
        (28, {"tokens": 7}, "tokens is 7"),
        (28, {"width": 2}, "width is 2"),
        (28, {"blocks": (2, 2)}, "blocks is .*; give 3 whole numbers"),
    ],
)
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises((ConfigError, UnknownNameError), match=what):
        create_model("htnet", 3, size, **options)
