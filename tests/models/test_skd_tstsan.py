"""SKD-TSTSAN gives the released program's numbers."""

import pytest
import torch
from torch.nn.functional import adaptive_avg_pool2d

from tests.models.golden import assert_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import MODELS, create_model
from tsfmicro.models.skd_tstsan import Shift
from tsfmicro.needs import TrainingFacts

COUNTS = (32, 25, 61, 27, 99)


@pytest.fixture
def released(monkeypatch):
    facts, arrays = golden("skd_tstsan")
    model = create_model("skd-tstsan", 5)
    names = MODELS["skd-tstsan"].released(weights(facts["weights"]))
    assert not [n for n in model.load_state_dict(names, strict=False).missing_keys if n != "counts"]
    # The golden picture is what the released loader makes, so it takes the place of ours.
    monkeypatch.setattr(model, "stacked", lambda batch: batch["pair"])
    order = list(MODELS["skd-tstsan"].released(dict.fromkeys(facts["gradient_order"])))
    return arrays, model.eval(), {"pair": drawn(0, 1, (2, 38, 48, 48))}, order


def test_it_has_the_published_number_of_parameters():
    assert sum(p.numel() for p in create_model("skd-tstsan", 5).parameters()) == 2_946_214


def test_its_maps_and_logits_are_the_released_program_s(released):
    arrays, model, batch, _ = released
    seen = {}
    places = {"conv3_T": model.parts["flows"].middle[1][1], "eca5": model.parts["blocks"].end[1]}
    for name, part in places.items():
        part.register_forward_hook(lambda _, given, made, name=name: seen.update({name: made}))
    with torch.inference_mode():
        magnified = model.magnified(batch["pair"])
        seen |= {"magnified_L": magnified["blocks"], "magnified_T": magnified["flows"]}
        maps = model.maps(batch["pair"], helpers=True)
        heads = (*model.helpers, model.head)
        for name, made in seen.items():
            assert_near(adaptive_avg_pool2d(made, 4), arrays[name])
        for number, map_, head in zip(("1", "2", ""), maps, heads, strict=True):
            assert_near(map_.mean((1, 2)), arrays[f"feature{number}"])
            assert_near(head(map_), arrays[f"logits{number}"])
        assert_near(model.logits(**batch), arrays["logits"])


def test_it_learns_as_the_released_program_does(released):
    arrays, model, batch, order = released
    labels = [n for n, count in enumerate(COUNTS) for _ in range(count)]
    model.begin(TrainingFacts({str(n): label for n, label in enumerate(labels)}, {}))
    exactly = {name: values.double() for name, values in batch.items()}
    loss, norms = train_once(model.double(), exactly, torch.tensor([0, 1]))
    assert loss == pytest.approx(float(arrays["train_loss"]), rel=1e-5)
    assert_near([norms[name] for name in order], arrays["gradient_norms"], 5e-3)  # theirs are 1e-3 off, in float32
    last = (
        "parts.blocks.end.1.3.conv.weight"  # of the main path alone: what the helpers imitate learns nothing from them
    )
    assert norms[last] == pytest.approx(float(arrays["gradient_norms"][order.index(last)]), rel=1e-4)


def test_flows_exchange_an_eighth_of_their_channels():
    flows = torch.stack([torch.arange(1.0, 9), torch.arange(11.0, 19)]).view(2, 8, 1, 1)
    assert Shift()(flows).view(2, 8).tolist() == [[11, 0, 3, 4, 5, 6, 7, 8], [0, 2, 13, 14, 15, 16, 17, 18]]


def test_pictures_stand_in_the_released_order_and_scale():
    """Onset 0 … 128, apex twice as bright: by themselves they look alike, as a pair they do not."""
    onset = torch.linspace(0, 128, 128).expand(1, 1, 128, 128)
    batch = {
        "pair": torch.cat([onset, 2 * onset], 1),
        "rise": torch.zeros(1, 2, 48, 48),
        "fall": torch.ones(1, 2, 48, 48),
    }
    alone, pair = (create_model("skd-tstsan", 5, scale=scale).stacked(batch) for scale in ("picture", "pair"))
    torch.testing.assert_close(alone[:, 0], alone[:, 1])
    torch.testing.assert_close(pair[:, 0], 2 * pair[:, 1], atol=0.02, rtol=0)
    torch.testing.assert_close(pair[:, 2], 2 * pair[:, 18], atol=0.05, rtol=0)
    assert alone.shape == (1, 38, 48, 48)
    assert alone[0, 34:36].max() == 0 and alone[0, 36:].min() == 1


def test_what_cannot_work_is_told():
    with pytest.raises(UnknownNameError, match="scale"):
        create_model("skd-tstsan", 3, scale="clip")
    with pytest.raises(ConfigError, match="cannot be cut"):
        create_model("skd-tstsan", 3, 100)
    with pytest.raises(ConfigError, match="factor is 0"):
        create_model("skd-tstsan", 3, factor=0)
