"""Ways to compute flow: each sees a face that moves, and says in one line what it lacks."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from pytest import approx

from tests.models.golden import golden, weights
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, WeightsError
from tsfmicro.needs import need
from tsfmicro.prepare import flow
from tsfmicro.prepare.facial_flow import FacialFlowNet, facial_flow
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.prepare import prepare


@pytest.fixture
def moved(face):
    onset = face(d=80, centre=(160, 90))
    return onset, cv2.warpAffine(onset, np.array([[1, 0, 2], [0, 1, -1]], float), (320, 240))


@pytest.mark.parametrize("method", ["dis", "tvl1"])
def test_a_face_that_moves_two_right_and_one_up_is_seen_to_do_so(moved, method):
    u, v, strained = flow_and_strain(*moved, method)[:, 80:160, 120:200].astype(float)
    assert (np.median(u), np.median(v)) == approx((2, -1), abs=0.3)
    assert np.median(strained) < 0.05


def test_where_opencv_has_tvl1_it_is_taken(moved, monkeypatch):
    said = np.ones((240, 320, 2), np.float32)
    made = SimpleNamespace(DualTVL1OpticalFlow_create=lambda: SimpleNamespace(calc=lambda *given: said))
    monkeypatch.setattr(flow.cv2, "optflow", made, raising=False)
    assert (flow_and_strain(*moved, "tvl1")[:2] == 1).all()


def test_tvl1_without_its_package_is_told_before_anything_is_made(make_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(flow, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'tsfmicro\[tvl1\]'"):
        prepare([make_clip()], [need("flow", 28, method="tvl1")], PrepareConfig(size=32), tmp_path / "cache")


@pytest.fixture(scope="module")
def network():
    facts, arrays = golden("decflow")
    made = FacialFlowNet().eval()
    told = weights(facts["weights"])
    lacking = made.load_state_dict(told, strict=False)
    assert all(name.endswith("num_batches_tracked") for name in lacking.missing_keys) and not lacking.unexpected_keys
    assert sum(p.numel() for p in made.parameters()) == facts["parameters"] == 12_905_410
    return made, arrays, told


def test_the_network_of_decflow_gives_the_released_program_s_numbers(network):
    made, arrays, _ = network
    draw = np.random.default_rng(7)
    first, second = (torch.from_numpy(draw.uniform(0, 255, (2, 3, 128, 128)).astype(np.float32)) for _ in range(2))
    with torch.inference_mode():
        flows = made(first, second, steps=2)
    for name, ours in zip(("facial_flow", "head_flow"), flows, strict=True):
        assert np.allclose(ours[:, :, ::4, ::4].numpy(), arrays[name], rtol=1e-4, atol=2e-4)


@pytest.fixture
def file(network, tmp_path):
    """As the authors keep it: wrapped, a norm of each shortcut told twice, and parts that are never looked at."""
    _, _, told = network
    kept = {f"module.{name}": value for name, value in told.items()}
    kept["module.cnet.layer2.0.norm3.weight"] = told["cnet.layer2.0.downsample.1.weight"]
    kept["module.att.pos_emb.rel_height.weight"] = torch.zeros(2, 2)
    torch.save(kept, tmp_path / "decflow.pth")
    return tmp_path / "decflow.pth"


def test_expression_flow_is_facial_flow_without_head_flow(file, face, monkeypatch):
    monkeypatch.setattr(FacialFlowNet.forward, "__defaults__", (1,))  # one step: the numbers are no faces' anyway
    onset, apex = (cv2.resize(face(d=50, smile=s), (100, 90)) for s in (0, 0.04))
    facial, head, expression = (facial_flow(file, onset, apex, part) for part in ("facial", "head", "expression"))
    assert expression.shape == (2, 90, 100)
    assert expression == approx(facial - head, abs=1e-4)
    assert flow_and_strain(onset, apex, "facialflow", file, "head")[:2] == approx(head.astype(np.float16), abs=1e-2)


def test_without_weights_it_is_told_where_to_get_them(make_clip, tmp_path):
    for options in ({}, {"weights": str(tmp_path / "none.pth")}):
        with pytest.raises(ConfigError, match="Fetch DecFlow's") as error:
            asked = need("flow", 28, method="facialflow", **options)
            prepare([make_clip()], [asked], PrepareConfig(size=32), tmp_path / "cache")
        assert "\n" not in str(error.value)


def test_weights_of_another_network_are_refused(tmp_path, face):
    torch.save({"module.conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="does not fit FacialFlowNet"):
        flow_and_strain(face(), face(), "facialflow", tmp_path / "other.pth")
