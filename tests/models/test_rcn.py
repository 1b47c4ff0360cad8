"""The six RCN give the released program's numbers."""

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from tests.models.golden import assert_near, assert_norms_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import MODELS, create_model

READ = MODELS["rcn"].released
FLOW = drawn(0, 1, (2, 3, 60, 60))
USED = {"A": 55_747, "S": 55_747, "W": 48_067, "P": 48_067, "C": 48_067, "F": 47_587}


@pytest.fixture(params=USED)
def variant(request):
    return request.param


@pytest.fixture
def released(variant):
    facts, arrays = golden("rcn")
    model = create_model("rcn", 3, variant=variant)
    model.load_state_dict(READ(weights(facts["weights"][variant]), variant=variant))
    found = {name.removeprefix(f"{variant}_"): array for name, array in arrays.items() if name.startswith(variant)}
    return facts["gradient_order"][variant], found, model.eval()


def test_it_has_the_published_number_of_used_parameters(variant):
    assert sum(p.numel() for p in create_model("rcn", 3, variant=variant).parameters()) == USED[variant]


def test_its_maps_and_logits_are_the_released_program_s(released):
    _, arrays, model = released
    with torch.inference_mode():
        parts = {"front": model.front} if "front" in arrays else {"front1": model.front.branches[0]}
        parts |= {"front2": model.front.branches[1]} if "front2" in arrays else {}
        for name, part in parts.items():
            assert_near(adaptive_avg_pool2d(part(FLOW), 5), arrays[name])
        assert_near(model(flow=FLOW), arrays["logits"])


def test_it_learns_as_the_released_program_does(released, variant):
    order, arrays, model = released
    loss, norms = train_once(model, {"flow": FLOW}, torch.tensor([0, 1]))
    assert loss == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    ours = READ(dict.fromkeys(order), variant=variant)
    assert_norms_near([norms[name] for name in ours], arrays["gradient_norms"])
    assert set(ours) == set(norms)


def test_when_evaluated_a_clip_does_not_depend_on_its_batch(released):
    model = released[2]
    with torch.inference_mode():
        alone = torch.cat([model(flow=FLOW[i : i + 1]) for i in range(2)])
        torch.testing.assert_close(model(flow=FLOW), alone, atol=2e-6, rtol=1e-5)


def test_the_published_f_has_a_third_branch_of_its_own():
    assert sum(p.numel() for p in create_model("rcn", 3, variant="F", third="published").parameters()) == 48_067


def test_8_pixels_are_enough(variant):
    assert create_model("rcn", 3, 8, variant=variant)(flow=torch.rand(2, 3, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize("variant", ["A", "P", "C", "F"])
def test_where_nothing_differs_attention_is_a_number(variant):
    model = create_model("rcn", 3, variant=variant).eval()
    torch.nn.init.zeros_(model.head[1].weight)
    assert model(flow=torch.zeros(1, 3, 60, 60)).isfinite().all()


@pytest.mark.parametrize(
    ("size", "options", "what"),
    [
        (7, {}, "too small"),
        (60, {"variant": "B"}, "variant"),
        (60, {"third": "none"}, "third"),
        (60, {"width": 30}, "multiple of 4"),
        (60, {"pool": -1}, "pool is -1"),
        (60, {"dropout": 1}, "dropout is 1"),
    ],
)
def test_what_cannot_work_is_told(size, options, what):
    with pytest.raises((ConfigError, UnknownNameError), match=what):
        create_model("rcn", 3, size, **options)
