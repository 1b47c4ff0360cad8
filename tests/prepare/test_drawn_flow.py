"""Flow learned on drawn faces: it sees what moves, says nothing where nothing does, and its weights are part of what is made."""

import shutil

import cv2
import numpy as np
import pytest
from pytest import approx

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, WeightsError
from tsfmicro.needs import need
from tsfmicro.prepare import flow
from tsfmicro.prepare.drawn_flow import drawn_flow, least_squares, network
from tsfmicro.prepare.flow import DRAWN, flow_and_strain
from tsfmicro.prepare.prepare import prepare
from tsfmicro.synthetic.breadth import NARROW
from tsfmicro.synthetic.pairs import draw_pairs


@pytest.fixture(scope="module")
def pairs():
    return draw_pairs(501, 0, 224, people=2, each=2)


def test_flow_has_the_size_of_the_faces_whatever_it_is(pairs):
    for size in (64, 224, 256):
        onset, apex = (
            cv2.resize(one[0], (size, size), interpolation=cv2.INTER_AREA) for one in (pairs.onset, pairs.apex)
        )
        maps = flow_and_strain(onset, apex, "drawn")
        assert maps.shape == (3, size, size) and maps.dtype == np.float16 and np.isfinite(maps).all()


def test_pixels_of_a_smaller_face_are_smaller_motions(pairs):
    whole = drawn_flow(pairs.onset[:1], pairs.apex[:1], "facial")
    half = [
        np.stack([cv2.resize(side[0], (112, 112), interpolation=cv2.INTER_AREA)]) for side in (pairs.onset, pairs.apex)
    ]
    assert np.abs(drawn_flow(*half, "facial") * 2 - whole[:, :, ::2, ::2]).mean() < 0.35


def test_the_same_frame_twice_does_not_move(pairs):
    for part in ("facial", "expression"):
        still = drawn_flow(pairs.onset, pairs.onset, part)
        assert np.hypot(still[:, 0], still[:, 1]).mean() < 0.1


@pytest.mark.parametrize("by", [(2.0, -1.0), (-1.5, 0.5)])
def test_a_face_that_is_shifted_is_seen_to_be_and_shows_no_expression(pairs, by):
    onset = pairs.onset[0]
    apex = cv2.warpAffine(onset, np.array([[1, 0, by[0]], [0, 1, by[1]]]), (224, 224), borderMode=cv2.BORDER_REPLICATE)
    face = np.s_[:, :, 60:180, 70:150]
    facial, expression = (drawn_flow(onset[None], apex[None], part)[face] for part in ("facial", "expression"))
    assert facial.mean((0, 2, 3)) == approx(by, abs=0.25)
    assert np.abs(expression.mean((0, 2, 3))).max() < 0.4


def test_parts_add_up(pairs):
    facial, head, expression = (
        drawn_flow(pairs.onset[:2], pairs.apex[:2], part) for part in ("facial", "head", "expression")
    )
    assert np.allclose(expression, facial - head, atol=1e-4)


def test_on_people_it_never_saw_it_is_nearer_the_truth_than_dense_inverse_search():
    drawn = draw_pairs(777, 0, 224, people=4, each=2, breadth=NARROW)
    pair = list(zip(drawn.onset, drawn.apex, strict=True))
    off = {}
    for method, part in (("drawn", "facial"), ("dis", "expression")):
        said = np.stack([flow_and_strain(*one, method, part=part)[:2].astype(np.float32) for one in pair])
        small = np.stack([cv2.resize(one.transpose(1, 2, 0), (56, 56), interpolation=cv2.INTER_AREA) for one in said])
        off[method] = np.hypot(*np.moveaxis(small - drawn.flow.transpose(0, 2, 3, 1), -1, 0))[:, 8:54, 11:45].mean()
    assert off["drawn"] < 0.85 * off["dis"]


def test_least_squares_find_a_step_that_explains_all_that_is_left():
    import torch

    slopes = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    change = -slopes @ torch.tensor([0.5, -0.25])
    x, y = slopes.T
    sums = torch.stack([(a * b).mean() for a, b in ((x, x), (x, y), (y, y), (x, change), (y, change))])
    right, down, *_ = least_squares(sums.view(1, 5, 1, 1)).flatten().tolist()
    assert (right, down) == approx((0.5, -0.25), abs=0.01)


def test_missing_weights_are_told_before_anything_is_made(make_clip, tmp_path, monkeypatch):
    monkeypatch.setattr(flow, "DRAWN", tmp_path / "nowhere.safetensors")
    with pytest.raises(ConfigError, match=r"flow method drawn: .*nowhere\.safetensors: no such file.*flow-model"):
        prepare([make_clip()], [need("flow", 28, method="drawn")], PrepareConfig(size=32), tmp_path / "cache")
    with pytest.raises(ConfigError, match="mine: no such file"):
        flow_and_strain(np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8), "drawn", tmp_path / "mine")


def test_weights_of_something_else_are_told(tmp_path):
    from safetensors.torch import save_file

    save_file({"leave.bias": network(DRAWN).leave.bias.detach().clone()}, tmp_path / "other.safetensors")
    with pytest.raises(WeightsError, match="does not fit tsfmicro's flow network"):
        network(tmp_path / "other.safetensors")


def test_another_method_or_other_weights_are_prepared_anew(make_clip, tmp_path, monkeypatch):
    cache, clips = tmp_path / "cache", [make_clip()]

    def folders():
        prepare(clips, [need("flow", 28, method="drawn")], PrepareConfig(size=32), cache)
        return {file.parent.name for file in cache.rglob("widest.npy") if file.parent.name.startswith("flow-")}

    (dis,) = {
        file.parent.name
        for _ in [prepare(clips, [need("flow", 28)], PrepareConfig(size=32), cache)]
        for file in cache.rglob("flow-*/widest.npy")
    }
    first = folders() - {dis}
    assert len(first) == 1 and folders() - {dis} == first
    other = tmp_path / "other.safetensors"
    shutil.copy(DRAWN, other)
    content = bytearray(other.read_bytes())
    content[-1] ^= 1
    other.write_bytes(content)
    monkeypatch.setattr("tsfmicro.prepare.products.flow.DRAWN", other)
    assert len(folders() - {dis}) == 2


def test_the_weights_that_come_along_are_few_and_small():
    assert DRAWN.stat().st_size < 4e6 and sum(p.numel() for p in network(DRAWN).parameters()) < 2e6
