"""AU-GCN gives the numbers of the authors' program, and of its re-implementation."""

import zlib

import numpy as np
import pytest
import torch

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models import au_gcn
from tsfmicro.models.au_gcn import adjacency, patches, together
from tsfmicro.models.registry import MODELS, create_model
from tsfmicro.needs import TrainingFacts
from tsfmicro.types import ActionUnit, ActionUnits

PATCHES = drawn(0, 1, (2, 30, 7, 7))


@pytest.fixture
def built(monkeypatch):
    """A form with the golden weights, looking at the golden patches, and the order of the golden gradients."""
    monkeypatch.setattr(au_gcn, "patches", lambda change, points: PATCHES)
    facts, arrays = golden("au_gcn")
    drawn = np.random.default_rng(zlib.crc32(b"adjacency")).uniform(0, 1, (9, 9)).astype(np.float32)
    np.fill_diagonal(drawn, 0)
    shared = torch.from_numpy(np.where(drawn < 0.5, 0, drawn).astype(np.float32))

    def build(form, classes, depth="released"):
        end = "_remade" if form == "remade" else ""
        read = MODELS["au-gcn"].released
        model = create_model("au-gcn", classes, form=form, depth=depth)
        given = weights(facts[f"weights{end}"]) | ({} if end else {"A": shared + torch.eye(9)})
        lacking = model.load_state_dict(read(given, depth=depth), strict=False)
        assert set(lacking.missing_keys) <= {"units.adjacency"} and not lacking.unexpected_keys
        if end:
            model.units.adjacency.copy_(adjacency(shared, form))
        order = list(read(dict.fromkeys(facts[f"gradient_order{end}"]), depth=depth))
        return arrays, model.eval(), model.example(2), order

    return build


@pytest.mark.parametrize(
    ("options", "classes", "parameters"),
    [
        ({"depth": "published"}, 3, 1_046_669 - 81),  # the authors' A is a parameter, and does not learn
        ({"depth": "released"}, 3, 666_538),
        ({"form": "remade"}, 5, 1_047_196),
    ],
)
def test_it_has_the_published_number_of_parameters(options, classes, parameters):
    assert sum(p.numel() for p in create_model("au-gcn", classes, **options).parameters()) == parameters


def test_it_gives_the_authors_numbers(built):
    arrays, model, batch, _ = built("authors", 3)
    with torch.inference_mode():
        brows, mouth = model.look(PATCHES).split((10, 20), 1)
        assert_near(model.brows.layers(brows), arrays["eyebrow"])
        assert_near(model.mouth.layers(mouth), arrays["mouth"])
        assert_near(model.units(), arrays["gcn"])
        assert_near(model.norm(model.shown(PATCHES)), arrays["norm9"])
        assert_near(model.logits(**batch).log_softmax(1), arrays["logprob"])


def test_chained_it_gives_what_the_authors_layers_would(built):
    arrays, model, batch, _ = built("authors", 3, depth="published")
    with torch.inference_mode():
        # These golden numbers were made after the training step, which had moved the batch norm's statistics once.
        model.look.train()(PATCHES)
        model.look.eval()
        assert_near(model.logits(**batch).log_softmax(1), arrays["logprob_chained"])


def test_remade_it_gives_the_re_implementation_s_numbers(built):
    arrays, model, batch, _ = built("remade", 5)
    with torch.inference_mode():
        brows, mouth = model.look(PATCHES).split((10, 20), 1)
        assert_near(model.brows(brows), arrays["remade_eyebrow"])
        assert_near(model.mouth(mouth), arrays["remade_mouth"])
        assert_near(model.units.adjacency, arrays["remade_adjacency"])
        assert_near(model.logits(**batch), arrays["remade_logits"])


@pytest.mark.parametrize(("form", "classes", "named"), [("authors", 3, ""), ("remade", 5, "remade_")])
def test_it_learns_as_the_programs_do(built, form, classes, named):
    arrays, model, batch, order = built(form, classes)
    loss, norms = train_once(model, batch, torch.tensor([0, 1]))
    assert loss == pytest.approx(float(arrays[f"{named}train_loss"]), rel=1e-5)
    assert_norms_near([norms[name] for name in order], arrays[f"{named}gradient_norms"])


def test_units_are_counted_together_on_the_training_side():
    shown = torch.tensor([[1.0, 1, 0], [1, 0, 0]])
    assert together(shown, "authors").tolist() == [[0, 1, 0], [0.5, 0, 0], [0, 0, 0]]
    assert together(shown, "remade").tolist() == [[0, 0.5, 0], [1, 0, 0], [0, 0, 0]]


def test_what_training_may_know_makes_the_adjacency():
    model = create_model("au-gcn", 3)
    units = ActionUnits("1+2", (ActionUnit(1), ActionUnit(2)))
    model.begin(TrainingFacts({"a": 0}, {"a": units}))
    assert model.units.adjacency[:2, :3].flatten().tolist() == pytest.approx([0.5, 0.5, 0, 0.5, 0.5, 0])


def test_a_training_side_without_its_action_units_is_told():
    for shown in ({}, {"made/s1/a": ActionUnits("", ())}, {"made/s1/a": ActionUnits("6", (ActionUnit(6),))}):
        with pytest.raises(ConfigError, match=r"no clip of the training side shows .* 1, 2, 4, .*Fill in"):
            create_model("au-gcn", 3).begin(TrainingFacts({"made/s1/a": 0}, shown))


def test_a_patch_lies_around_its_point_and_is_filled_at_the_border():
    picture = torch.arange(256.0).view(1, 1, 16, 16)
    cut = patches(picture, torch.tensor([[[5.0, 4.0], [0.0, 15.0]]]))
    assert cut[0, 0, 3].tolist() == [66, 67, 68, 69, 70, 71, 72]
    assert cut[0, 1, 3].tolist() == [0, 0, 0, 240, 241, 242, 243] and cut[0, 1, 4:].max() == 0


def test_what_cannot_work_is_told():
    for option in ("form", "depth", "places"):
        with pytest.raises(UnknownNameError, match=option):
            create_model("au-gcn", 3, **{option: "guessed"})
    with pytest.raises(ConfigError, match="too small"):
        create_model("au-gcn", 3, 8)
