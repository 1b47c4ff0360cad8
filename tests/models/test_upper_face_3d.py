"""The upper-face 3-D network gives the numbers of a transcription of the released program."""

import numpy as np
import pytest
import torch

from tests.models.golden import assert_near, golden, weights
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import MODELS, create_model, describe
from tsfmicro.models.upper_face_3d import Scaled, boxes, cut, middle


@pytest.mark.parametrize(("fusion", "parameters"), [("late", 357_509), ("early", 326_757)])
def test_it_has_the_published_number_of_parameters(fusion, parameters):
    assert describe("upper-face-3d", 5, fusion=fusion).parameters == parameters


@pytest.mark.parametrize("fusion", ["late", "early"])
def test_its_logits_are_the_transcription_s(fusion):
    facts, arrays = golden("dsstdn_upper_face")
    model = create_model("upper-face-3d", 5, fusion=fusion).eval()
    model.load_state_dict(MODELS["upper-face-3d"].released(weights(facts["weights"][fusion])), strict=False)
    draw = np.random.default_rng(7)
    clips = [torch.from_numpy(draw.uniform(-0.5, 1, (2, 1, 32, 32, 30)).astype(np.float32)) for _ in range(2)]
    with torch.inference_mode():
        assert_near(model.joined(*clips), arrays[f"logits_{fusion}"], facts["tolerance"])


def test_a_long_clip_gives_its_middle_and_a_short_one_starts_again():
    frames = torch.arange(8.0).view(1, 8, 1, 1).repeat(2, 1, 1, 1)
    chosen = middle(frames, torch.tensor([8, 3]), count=4)[..., 0, 0]
    assert chosen.tolist() == [[2, 3, 4, 5], [0, 1, 2, 0]]


def test_a_box_is_averaged_over_areas():
    frames = torch.arange(64.0).expand(1, 1, 64, 64)  # grey is the column
    box = torch.tensor([0.0, 64.0, 0.0, 64.0]).view(4, 1)
    assert cut(frames, box)[0, 0, 0, :3, 0].tolist() == [0.5, 2.5, 4.5]


def test_the_nose_reaches_from_its_root_to_below_its_wings():
    points = torch.zeros(1, 68, 2)
    points[0, 27], points[0, 31:36] = torch.tensor([64.0, 50.0]), torch.tensor([64.0, 80.0])
    points[0, 31, 0], points[0, 35, 0] = 54, 74
    assert boxes(points, 128)[1][:, 0].tolist() == [47.5, 82.5, 54, 74]


def test_it_is_scaled_by_what_training_has_shown():
    scale = Scaled()
    scale(torch.tensor([[10.0], [30.0]]))
    scale(torch.tensor([[40.0], [40.0]]))
    assert (scale.mean, scale.largest) == (30, 40)
    assert scale.eval()(torch.tensor([[50.0]])).item() == 2


def test_what_cannot_work_is_told():
    with pytest.raises(UnknownNameError, match="fusion"):
        create_model("upper-face-3d", 3, fusion="middle")
    with pytest.raises(ConfigError, match="too small"):
        create_model("upper-face-3d", 3, 31)
    with pytest.raises(ConfigError, match="dropout is 1"):
        create_model("upper-face-3d", 3, dropout=1)
