"""Approximations of classical systems: their features, by hand and against what is known."""

import numpy as np
import pytest
import torch
from pytest import approx

from tsfmicro.config import AugmentConfig, TrainConfig
from tsfmicro.errors import ConfigError
from tsfmicro.models.patterns import Grid, Radii, lbp_of_images, lbp_of_lines, lbp_top, lbp_top_of_regions
from tsfmicro.models.registry import create_model
from tsfmicro.models.stlbp_ip import projected, sparse_part
from tsfmicro.models.tics import independent
from tsfmicro.needs import Stored, need
from tsfmicro.prepared import PreparedSet
from tsfmicro.train.fit import fit
from tsfmicro.train.loader import Loader
from tsfmicro.types import Clip, Frames


def drawn(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_patterns_of_a_line_are_what_one_works_out_by_hand():
    line = torch.tensor([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5])
    histogram = lbp_of_lines(line.view(1, 1, -1))[0, 0]
    assert {code: float(share) for code, share in enumerate(histogram) if share} == approx(
        dict.fromkeys((0, 11, 191), 1 / 3)
    )


def test_a_face_s_sums_over_time_have_the_orientation_of_lbp_top():
    """A clip whose columns are all alike has in YT the patterns of its row sums, and likewise in XT."""
    rows = (drawn(1, 7, 12) * 100).round()  # (N, T, H)
    tall = rows[..., None].expand(-1, -1, -1, 12)
    _, xt, yt = lbp_top(tall, Radii(), Grid(1, 1)).view(3, 59)
    assert torch.equal(projected(rows, rows, "nearest")[:, 512:571], yt[None])
    wide = tall.transpose(2, 3)
    _, xt, yt = lbp_top(wide, Radii(), Grid(1, 1)).view(3, 59)
    assert torch.equal(projected(rows, rows, "nearest")[:, 571:], xt[None])
    assert lbp_of_images(rows).sum() == approx(1)


def test_a_face_that_does_not_move_has_the_pattern_of_equal_values_alone():
    torch.manual_seed(0)
    model = create_model("stlbp-ip-approx", 3, 32, blocks=1)
    described = model.describe(frames=drawn(1, 1, 32, 32).expand(1, 10, 32, 32))[0]
    assert described.nonzero().flatten().tolist() == [255, 511, 512 + 58, 512 + 59 + 58]


def test_blocks_are_parts_of_the_face():
    frames = (drawn(1, 10, 30, 30) * 255).round()
    whole = create_model("stlbp-ip-approx", 3, 30, blocks=2).describe(frames=frames)
    part = create_model("stlbp-ip-approx", 3, 15, blocks=1).describe(frames=frames[..., :15, 15:])
    assert whole.shape == (1, 4 * 630)
    torch.testing.assert_close(whole[:, 630:1260], part)


def test_a_robust_pca_finds_what_differs_from_frames_that_are_alike():
    alike = 200 * drawn(1, 1, 30, 30) * torch.linspace(0.9, 1, 8).view(1, 8, 1, 1)
    moved = torch.zeros_like(alike)
    moved[0, 3, 5:9, 5:9], moved[0, 6, 20:24, 3:9] = 30, -40
    torch.testing.assert_close(sparse_part(alike + moved), moved, atol=1e-3, rtol=0)
    assert sparse_part(torch.zeros(1, 4, 9, 9)).abs().max() == 0


def test_patterns_in_regions_that_are_blocks_are_those_of_the_blocks():
    clips = (drawn(2, 5, 14, 16) * 255).round()
    masks = torch.zeros(2, 4, 14, 16, dtype=torch.bool)
    for n, (y, x) in enumerate([(0, 0), (0, 8), (7, 0), (7, 8)]):
        masks[:, n, y : y + 7, x : x + 8] = True
    torch.testing.assert_close(lbp_top_of_regions(clips, masks, Radii()), lbp_top(clips, Radii(), Grid(2, 2)))
    assert not lbp_top_of_regions(clips, masks[:, :1] & False, Radii()).any()


def test_independent_channels_are_found_again_in_order_and_with_signs():
    """Colours that mix three independent lights, two of them turned round."""
    lights = np.random.default_rng(0).laplace(size=(20_000, 3))
    mixed = lights @ np.array([[2.0, 0.3, 0.1], [-0.2, -1.0, 0.1], [0.2, -0.1, -0.5]])
    unmix = independent(mixed)
    found = mixed @ unmix.T
    assert np.abs(np.corrcoef(found.T, lights.T)[:3, 3:]).round(2) == approx(np.eye(3), abs=0.03)
    assert np.abs(unmix).argmax(1).tolist() == [0, 1, 2] and (np.diag(unmix) > 0).all()
    again = independent(mixed[::-1].copy())
    assert again == approx(unmix, abs=1e-3)


def test_grey_clips_are_told():
    with pytest.raises(ConfigError, match=r"no three independent colours.*in colour"):
        independent(np.repeat(np.arange(50.0), 3).reshape(50, 3))


def colours_after_training(others):
    """The colour space that eight clips give, where what the four others look like is `others`."""
    asked = need("frames", 24, count=10, method="tim")
    frames = np.random.default_rng(0).integers(0, 256, (12, 10, 24, 24, 3), dtype=np.uint8)
    frames[:8, ..., 0] //= 2
    frames[8:] = others
    clips = tuple(Clip("made", f"s{n}", "c", Frames(None, {}), 1, 2, 3, 200, "surprise") for n in range(12))
    prepared = PreparedSet("k", clips, np.arange(12), {asked: Stored({"clip": frames}, "RGB 0–255", "image")})
    torch.manual_seed(0)
    model = create_model("tics-approx", 2, 24, regions="grid", blocks=1)
    labels = {clip.id: n % 2 for n, clip in enumerate(clips[:8])}
    still = AugmentConfig(flip=0, rotate=0, pad=0)
    config = TrainConfig(epochs=1, batch_size=3, augment=still)
    fit(model, Loader(prepared, model.inputs, torch.device("cpu")), labels, [clips[9].id], config, torch.Generator())
    return model.unmix


def test_training_clips_alone_decide_the_colour_space():
    one, other = colours_after_training(0), colours_after_training(np.uint8([250, 3, 40]))
    assert torch.equal(one, other)
    assert one[0, 0] > 1.8 * one[1, 1], "the darker colour is spread to the same variance"
