"""LP-GCN gives the released program's numbers."""

import pytest
import torch

from tests.models.golden import assert_near, drawn, golden, train_once, weights
from tsfmicro.errors import ConfigError
from tsfmicro.models.lp_gcn import augmented, strongest
from tsfmicro.models.registry import MODELS, create_model

READ = MODELS["lp-gcn"].released
USED = 3_479_431


@pytest.fixture(scope="module")
def released():
    facts, arrays = golden("lp_gcn")
    model = create_model("lp-gcn", 7)
    model.load_state_dict(READ(weights(facts["weights"])), strict=False)
    return facts, arrays, model.eval()


@pytest.fixture(scope="module")
def points():
    return drawn(-1, 1, (2, 6, 8192))


def frozen(model):
    return {name: b for name, b in model.encode.named_buffers() if name.endswith(("weight", "bias"))}


def test_it_has_the_published_number_of_parameters_of_which_the_released_encoder_never_learns():
    count = {
        frozen: sum(p.numel() for p in create_model("lp-gcn", 7, frozen_encoder=frozen).parameters())
        for frozen in (True, False)
    }
    assert count[False] == USED
    assert count[True] + sum(b.numel() for b in frozen(create_model("lp-gcn", 7)).values()) == USED


def test_every_weight_of_the_released_program_finds_its_place(released):
    facts, _, model = released
    count = {name for name in model.state_dict() if name.endswith("num_batches_tracked")}
    assert READ(dict(facts["weights"])).keys() == model.state_dict().keys() - count
    assert not READ({"sa1.mlp_convs.0.weight": None, "fc2.bias": None, "GCN.gc2.weight": None}), "what it never uses"
    untrained = READ(dict.fromkeys(facts["untrained_in_released_program"]))
    assert untrained.keys() == {f"encode.{name}" for name in frozen(model)}


def test_its_regions_and_its_answer_are_the_released_program_s(released, points):
    facts, arrays, model = released
    with torch.inference_mode():
        regions = model.regions(points)
        assert_near(regions[:, ::16], arrays["region_features"], facts["tolerance"]["region_features"])
        said = model(points=points).log_softmax(-1)
        assert_near(said, arrays["log_probabilities"], facts["tolerance"]["log_probabilities"])


@pytest.mark.parametrize("frozen_encoder", [True, False])
def test_only_an_encoder_that_is_not_frozen_learns_but_the_statistics_of_both_move(frozen_encoder):
    torch.manual_seed(0)
    model = create_model("lp-gcn", 3, frozen_encoder=frozen_encoder)
    before = {name: values.clone() for name, values in model.encode.state_dict().items()}
    _, norms = train_once(model, model.example(2), torch.tensor([0, 1]))
    assert any(name.startswith("encode") for name in norms) == (not frozen_encoder)
    after = model.encode.state_dict()
    moved = {name.rpartition(".")[2] for name in after if not torch.equal(after[name], before[name])}
    assert moved == {"running_mean", "running_var", "num_batches_tracked"}


def test_one_clip_alone_can_be_learned_from():
    torch.manual_seed(0)
    loss, _ = train_once(create_model("lp-gcn", 3), create_model("lp-gcn", 3).example(1), torch.tensor([0]))
    assert loss == loss


def test_of_equal_movements_the_first_point_comes_first():
    points = torch.zeros(1, 6, 8, 1024)
    points[:, 0] = torch.arange(1024)
    points[:, 4, :, 1000:] = -1
    assert strongest(points)[0, 0, 3].tolist() == [*range(1000, 1024), *range(488)]


def test_augmentation_replaces_points_by_the_first_and_leaves_movement_as_it_was():
    torch.manual_seed(0)
    points = torch.rand(200, 6, 512)
    made = augmented(points)
    same = made[:, 3:] == points[:, 3:]
    replaced = made[:, 3:] == points[:, 3:, :1]
    assert (same | replaced).all()
    share = 1 - same.all(1).float().mean(1)
    assert 0 <= share.min() < 0.05 and 0.8 < share.max() < 0.93
    widths = (made[:, :3] - made[:, :3, :1]).abs().sum((1, 2)) / (
        torch.where(same.all(1, keepdim=True), points[:, :3] - points[:, :3, :1], 0).abs().sum((1, 2))
    )
    assert widths.min() > 0.799 and widths.max() < 1.251 and widths.std() > 0.1


def test_what_cannot_work_is_told():
    with pytest.raises(ConfigError, match="frozen_encoder is 1; give true or false"):
        create_model("lp-gcn", 3, frozen_encoder=1)
