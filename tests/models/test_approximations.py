"""Approximations: they cannot be mistaken for the published systems, and each guess can be changed."""

from functools import cache

import numpy as np
import pytest
import torch

from tsfmicro.errors import ConfigError, TsfmicroError, UnknownNameError
from tsfmicro.models.atm_gcn import sinusoids
from tsfmicro.models.base import ClosedForm
from tsfmicro.models.frl_dgt import likeness, warp
from tsfmicro.models.mersiamc3d import contrast, key_frames
from tsfmicro.models.regions import cut_out, places
from tsfmicro.models.registry import MODELS, create_model
from tsfmicro.models.unreproducible import UNREPRODUCIBLE
from tsfmicro.needs import TrainingFacts
from tsfmicro.study import shipped

NAMED = [name for name, entry in MODELS.items() if name.endswith("-approx")]
SIZE = 48

MACHINE = {"kernel": ("rbf", "cubic"), "c": (1e-5, -1), "standardise": (False, "no")}

# model → option → (another value, a value that cannot work); quick networks to compare in `SMALL`.
OTHERWISE = {
    "atm-gcn-approx": {
        "frames": (5, 0),
        "widths": ((8, 8, 8, 32), (8, 8)),
        "layers": (1, 0),
        "neighbours": (1, -1),
        "inner": (8, 0),
        "forgetting": (0.1, 1),
        "heads": (2, 3),
        "encoding": ("none", "sine"),
    },
    "mersiamc3d-approx": {
        "candidates": (9, 1),
        "keys": (4, 1),
        "choose": ("even", "evenly"),
        "look": ("frames", "flow"),
        "widths": ((4, 4, 4, 4, 8), (4, 4)),
        "embedding": (8, 0),
        "dropout": (0.0, 1),
        "margin": (0.5, -1),
        "frozen": (1, -1),
        "gamma": (0.0, -1),
        "epochs": ((3, 4), (1,)),
    },
    "c3dbed-approx": {
        "look": ("frames", "flow"),
        "patch": (8, 3),
        "widths": ((4, 4, 8), (4,)),
        "width": (16, 0),
        "layers": (1, 0),
        "heads": (4, 3),
        "centre": (0.0, -1),
    },
    "frl-dgt-approx": {
        "unet": ((4, 4, 4, 6), (4,)),
        "reach": (2.0, 0),
        "rebuild": (0.0, -1),
        "box": (0.4, 1),
        "crop": (16, 4),
        "width": (16, 2),
        "heads": (4, 3),
        "layers": (2, 0),
    },
    "rrrn-approx": {
        "look": ("difference", "frames"),
        "widths": ((4, 4, 6), (4,)),
        "box": (0.3, 1),
        "crop": (16, 4),
        "layers": (1, 0),
    },
    "state-lstm-approx": {
        "widths": ((4, 4, 6), (4,)),
        "width": (6, 0),
        "layers": (1, 0),
        "state": (0.5, -1),
        "centre": (0.0, -1),
        "epochs": ((3, 4), (1,)),
    },
    "mpfnet-approx": {
        "steps": (4, 0),
        "between": ("blend", "none"),
        "copies": ("maps", "flows"),
        "levels": (4, 0),
        "factor": (5.0, 1),
        "width": (3, 0),
        "norm": (False, "no"),
        "squeeze": (4, 0),
        "embedding": (6, 0),
        "margin": (2.0, -1),
        "distance": ("plain", "far"),
        "shots": (2, 0),
        "gamma": (0.1, -1),
        "memory": (0.5, 1),
        "epochs": ((3, 4, 5), (1, 2)),
    },
    "stlbp-ip-approx": {
        "frames": (5, 2),
        "motion": ("sparse", "apex"),
        "blocks": (3, 6),
        "sampling": ("bilinear", "cubic"),
        **MACHINE,
    },
    "tics-approx": {
        "frames": (11, 4),
        "pixels": (50, 0),
        "regions": ("mdmo", "16"),
        "blocks": (3, 0),
        "radius": (2, 0),
        "radius_t": (3, 0),
        "sampling": ("bilinear", "cubic"),
        **MACHINE,
    },
}
SMALL = {
    "atm-gcn-approx": {"frames": 6, "widths": (8, 8, 8, 16), "inner": 4},
    "mersiamc3d-approx": {"candidates": 12, "keys": 6, "widths": (4, 4, 4, 4, 6), "embedding": 4},
    "c3dbed-approx": {"widths": (4, 4, 4), "width": 8, "layers": 2, "heads": 2},
    "frl-dgt-approx": {"unet": (4, 4, 4, 4), "width": 8, "heads": 2},
    "rrrn-approx": {"widths": (4, 4, 4), "crop": 24},
    "state-lstm-approx": {"widths": (4, 4, 4), "width": 4},
    "mpfnet-approx": {"steps": 5, "levels": 3, "width": 2, "squeeze": 2, "embedding": 4},
    "stlbp-ip-approx": {"blocks": 2},
    "tics-approx": {"regions": "grid", "blocks": 2},
}


def small(name, **options):
    torch.manual_seed(0)
    return create_model(name, 3, SIZE, **SMALL[name] | options)


def known(model):
    """What can be seen of a model: sizes of its weights, stages, inputs, what it says and what it wants to be."""
    shapes = {key: tuple(weight.shape) for key, weight in model.state_dict().items()}
    batch = model.example(7, torch.Generator().manual_seed(0))
    target = torch.tensor([0, 1, 0, 2, 0, 0, 1])
    if isinstance(model, ClosedForm):
        model.see([batch])
        model.solve(model.describe(**batch), target)
    losses = []
    with torch.no_grad():
        for name in ("", *(stage.name for stage in 3 * model.stages)):  # running means differ from the third on
            model.stage = name
            torch.manual_seed(1)
            losses.append(float(model.train().loss(batch, target)))
        said = model.eval()(**batch)
    shown = [(need, *(tuple(x.shape) for x in batch.values())) for need in model.needs]
    return shapes, model.stages, shown, said.flatten().tolist(), losses


@cache
def known_as_guessed(name):
    return known(small(name))


def test_there_are_all_of_them():
    assert set(NAMED) == set(OTHERWISE) == set(SMALL)


@pytest.mark.parametrize("name", NAMED)
def test_an_approximation_says_that_it_is_one_and_lists_what_was_guessed(name):
    entry = MODELS[name]
    assert entry.origin.fidelity == "named" and entry.origin.guessed and not entry.origin.source
    assert "approximated" in entry.about
    assert set(OTHERWISE[name]) == set(entry.options), "each guess is an option, and each option is tried here"
    said = " ".join(entry.origin.guessed)
    assert not [option for option in entry.options if f"{option}:" not in said and option != "dropout"]


@pytest.mark.parametrize("name", NAMED)
def test_the_published_name_is_answered_with_the_approximation_s_in_one_line(name):
    published = name.removesuffix("-approx")
    for asked in (published, published.upper()):
        with pytest.raises(UnknownNameError) as error:
            create_model(asked, 3)
        assert str(error.value) == (
            f"unknown model '{asked}'. There is only an approximation of it, with guessed sizes: '{name}'."
        )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "option"), [(n, o) for n in OTHERWISE for o in OTHERWISE[n]])
def test_each_guess_is_an_option_that_changes_the_network_and_refuses_what_cannot_work(name, option):
    other, wrong = OTHERWISE[name][option]
    assert known_as_guessed(name) != known(small(name, **{option: other}))
    with pytest.raises(TsfmicroError) as error:
        small(name, **{option: wrong})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", NAMED)
def test_images_that_are_too_small_are_told(name):
    with pytest.raises(ConfigError, match="too small"):
        create_model(name, 3, 4)


@pytest.mark.parametrize("name", NAMED)
def test_its_config_names_it(name):
    assert shipped.config(f"zoo/{name}").model.name == name


@pytest.mark.parametrize("name", UNREPRODUCIBLE)
def test_what_cannot_be_rebuilt_is_told_with_the_reason(name):
    with pytest.raises(UnknownNameError, match="It cannot be rebuilt: ") as error:
        create_model(name, 3)
    assert "\n" not in str(error.value) and name not in MODELS


def test_atm_gcn_s_onset_is_no_node_and_nothing_moves_in_a_still_clip():
    model = small("atm-gcn-approx", encoding="none").eval()
    one, other = torch.randn(1, 1, 3, SIZE, SIZE), torch.randn(1, 1, 3, SIZE, SIZE)
    with torch.no_grad():
        still = [model(frames=face.expand(-1, 7, -1, -1, -1)) for face in (one, other)]
    torch.testing.assert_close(*still)


def test_atm_gcn_s_frames_have_edges_to_their_neighbours_and_to_the_global_node():
    apart = small("atm-gcn-approx", neighbours=1).apart
    assert apart.shape == (7, 7)
    assert (~apart[0]).nonzero().flatten().tolist() == [0, 1, 6]
    assert not apart[6].any() and not apart[:, 6].any()


def test_mersiamc3d_learns_pairs_with_another_part_than_classes():
    model = small("mersiamc3d-approx", epochs=(50, 60))
    pairs, classes = model.stages
    assert (pairs.name, pairs.epochs, pairs.only) == ("pairs", 50, ("trunk", "embed"))
    assert (classes.epochs, classes.only) == (60, ("trunk.3.", "trunk.4.", "classify"))
    batch, target = model.example(4), torch.tensor([0, 0, 1, 1])
    for stage, learns, rests in (("pairs", model.embed, model.classify), ("classes", model.classify, model.embed)):
        model.stage = stage
        model.zero_grad()
        model.loss(batch, target).backward()
        assert all(p.grad is not None for p in learns.parameters())
        assert all(p.grad is None for p in rests.parameters())


def test_mersiamc3d_weighs_classes_by_how_rare_they_are():
    model = small("mersiamc3d-approx")
    model.begin(TrainingFacts({"a": 0, "b": 0, "c": 0, "d": 1}, {}))
    assert model.weights.tolist() == pytest.approx([0.5, 1.5, 0])


def test_mersiamc3d_s_key_frames_are_dense_where_the_clip_moves():
    frames = torch.tensor([0.0, 0, 0, 0, 5, 5, 0, 0]).view(1, 8, 1, 1, 1)
    marked = torch.arange(8.0).view(1, 8, 1, 1, 1)
    assert key_frames(marked, frames, 5).flatten().tolist() == [0, 4, 4, 5, 5]


@pytest.mark.parametrize("apex", range(1, 31))
def test_mersiamc3d_s_key_frames_are_onset_and_apex_among_others_in_their_order(apex):
    motion = torch.cat([torch.linspace(0, 1, apex + 1), torch.linspace(1, 0, 32 - apex)[1:]]).view(1, 32, 1, 1, 1)
    places = key_frames(torch.arange(32.0).view(1, 32, 1, 1, 1), motion, 11).flatten().tolist()
    assert places[0] == 0 and apex in places and places == sorted(places)


def test_atm_gcn_s_code_of_the_first_frame_after_the_onset_is_not_the_onset_s():
    code = sinusoids(16, 8)
    assert code[:, 0].numpy() == pytest.approx(np.sin(np.arange(1, 17)), abs=1e-5)


def test_mersiamc3d_s_pairs_of_one_class_weigh_as_much_as_those_of_two():
    east, north = torch.tensor([1.0, 0]), torch.tensor([0, 1.0])
    near = contrast(torch.stack([east, north]), torch.tensor([0, 0]), 1.0)
    assert near == pytest.approx((2**0.5) ** 2 / 2)
    far = contrast(torch.stack([east, east]), torch.tensor([0, 1]), 1.0)
    assert far == pytest.approx(1 / 2, abs=1e-2)
    assert contrast(east[None], torch.tensor([0]), 1.0) == 0


def test_c3dbed_s_tokens_are_patches_and_one_for_the_class():
    model = small("c3dbed-approx")
    assert model.places.shape == (1, 1 + 3 * 3, 8)
    pictures = torch.zeros(1, 3, 3, SIZE, SIZE)
    pictures[..., 16:32, 32:48] = 1
    seen = []
    model.embed.register_forward_hook(lambda _, given, __: seen.append(given[0].flatten(1).mean(1)))
    model.eval()(pictures=pictures)
    assert seen[0].tolist() == [0, 0, 0, 0, 0, 1, 0, 0, 0], "the second row's last patch"


def test_c3dbed_looks_at_onset_apex_and_their_difference():
    pair = torch.tensor([1.0, 3.0]).view(1, 2, 1, 1, 1)
    assert small("c3dbed-approx").inputs["pictures"].view(pair).flatten().tolist() == [1, 3, 2]


def test_frl_dgt_s_regions_follow_the_landmarks():
    """The nose is cut out where it is, in a box whose edge is a share of the face's."""
    image = torch.arange(16.0).view(1, 1, 1, 16).expand(1, 1, 16, 16)
    points = torch.tensor([[[4.0, 5], [11, 5], [9.5, 8], [5, 11], [10, 11]]])
    cut = cut_out(image, places(("nose", "mouth")) @ points, share=4 / 16, edge=4)
    assert cut.shape == (1, 2, 1, 4, 4)
    assert cut[0, 0, 0, 0].tolist() == pytest.approx([8, 9, 10, 11])
    assert cut[0, 1, 0, 0].mean() == pytest.approx(7.5)


def test_frl_dgt_moves_the_onset_to_the_apex():
    onset = torch.arange(6.0).expand(1, 1, 4, 6)
    moved = torch.zeros(1, 2, 4, 6)
    moved[:, 0] = 1
    assert warp(onset, moved)[0, 0, 0].tolist() == pytest.approx([1, 2, 3, 4, 5, 5])
    image = torch.randn(2, 3, 16, 16)
    assert likeness(image, image) == pytest.approx(1)
    assert likeness(image, torch.randn(2, 3, 16, 16)) < 0.5


def test_frl_dgt_teaches_the_displacement_beside_the_classes():
    model = small("frl-dgt-approx")
    batch = model.example(2)
    assert model.displacement(batch["pair"]).abs().max() <= 8
    pair = batch["pair"][:, :1].expand(-1, 2, -1, -1, -1)
    target = torch.tensor([0, 1])
    with torch.no_grad():
        with_it = small("frl-dgt-approx").loss({**batch, "pair": pair}, target)
        without = small("frl-dgt-approx", rebuild=0.0).loss({**batch, "pair": pair}, target)
    assert with_it > without


def test_rrrn_s_attention_is_of_each_region_and_its_graph_of_all():
    model = small("rrrn-approx").eval()
    seen = []
    model.backbone.register_forward_hook(lambda _, given, __: seen.append(given[0].shape))
    model(**model.example(2))
    assert seen == [(2 * 6, 3, 24, 24)], "the whole face and five regions"


def test_state_lstm_learns_frames_then_their_order():
    model = small("state-lstm-approx", epochs=(5, 6))
    assert [(s.name, s.epochs) for s in model.stages] == [("frames", 5), ("sequence", 6)]
    batch, target = model.example(3), torch.tensor([0, 0, 1])
    for stage, learns, rests in (
        ("frames", model.say_state, model.remember),
        ("sequence", model.remember, model.say_state),
    ):
        model.stage = stage
        model.zero_grad()
        model.loss(batch, target).backward()
        assert all(p.grad is not None for p in learns.parameters())
        assert all(p.grad is None for p in rests.parameters())


def test_state_lstm_sees_movement_alone():
    frames = torch.rand(1, 5, 3, 8, 8) * 255
    seen = small("state-lstm-approx").inputs["states"].view(frames)
    assert not seen[:, 0].any() and seen.shape == (1, 5, 1, 8, 8) and seen.abs().max() <= 1
