"""Batches from a prepared set."""

import numpy as np
import pytest
import torch

from tests.train.conftest import prepared_set
from tsfmicro.config import AugmentConfig
from tsfmicro.errors import ConfigError, ShapeError
from tsfmicro.models.base import Model
from tsfmicro.models.inputs import IMAGES
from tsfmicro.needs import Input, Stored, need
from tsfmicro.prepared import PreparedSet
from tsfmicro.train.loader import MEAN, STD, Loader
from tsfmicro.train.predict import predict
from tsfmicro.types import Clip, Frames

CPU = torch.device("cpu")


def looks_at(*names):
    return {name: IMAGES[name](32) for name in names}


def test_motion_is_apex_minus_onset_after_normalisation(prepared):
    loader = Loader(prepared, looks_at("onset", "motion"), CPU)
    batch = loader.batch([prepared.clips[1].id], "annotated")
    onset, apex = torch.from_numpy(prepared.faces("annotated")[1].astype(np.float32)).permute(0, 3, 1, 2)
    assert torch.allclose(batch["onset"], (onset - MEAN) / STD, atol=1e-5)
    assert torch.allclose(batch["motion"], (apex - onset) / STD, atol=1e-5)


def test_onset_and_apex_are_moved_by_one_draw(prepared):
    still = prepared.clips[0].id  # its apex equals its onset
    batch = Loader(prepared, looks_at("motion"), CPU).batch(
        [still], "widest", AugmentConfig(pad=4), torch.Generator().manual_seed(0)
    )
    assert batch["motion"].abs().max() == 0


def test_a_model_gets_only_what_it_asks_for(prepared):
    assert set(Loader(prepared, looks_at("apex"), CPU).batch([prepared.clips[0].id], "annotated")) == {"apex"}


def test_who_asks_a_model_gathers_nothing_that_only_its_loss_looks_at(monkeypatch):
    flowing = prepared_set(flow=True)
    model = Model({"motion": IMAGES["motion"](32)}, 32, {"flow": IMAGES["flow"](32)})
    monkeypatch.setattr(model, "logits", lambda motion: motion.mean((2, 3)))
    loader = Loader(flowing, model.inputs | model.targets, CPU)
    asked = []
    monkeypatch.setattr(
        Loader, "_pick", lambda self, need, *of, pick=Loader._pick: asked.append(need) or pick(self, need, *of)
    )
    assert predict(model, loader, [flowing.clips[0].id], 4).shape == (1, 3)
    assert [one.product for one in asked] == ["faces"]


def test_flow_is_given_where_it_was_prepared():
    flowing = prepared_set(flow=True)
    batch = Loader(flowing, looks_at("flow"), CPU).batch([flowing.clips[2].id], "widest")
    assert torch.equal(batch["flow"][0], torch.from_numpy(flowing.of(need("flow", 32)).of("widest")[2]).float())


def test_flow_that_was_not_prepared_is_asked_for_in_words(prepared):
    with pytest.raises(ConfigError, match=r"needs flow 32×32, but this prepared set holds faces 32×32"):
        Loader(prepared, looks_at("flow"), CPU)


def test_a_clip_that_was_not_prepared_is_named(prepared):
    with pytest.raises(ShapeError, match="made/s9/c0"):
        Loader(prepared, looks_at("onset"), CPU).batch(["made/s9/c0"], "annotated")


@pytest.mark.parametrize("inputs", [("onset", "motion"), ("flow", "apex")])
@pytest.mark.parametrize("pair", ["annotated", "widest"])
def test_a_set_that_stays_on_the_device_gives_the_batches_of_the_memory_map(inputs, pair, monkeypatch):
    made = prepared_set(flow=True)
    ids = [made.clips[n].id for n in (5, 0, 7)]
    batches = []
    for resident in (False, True):
        monkeypatch.setattr(Loader, "resident", resident)
        batches.append(
            Loader(made, looks_at(*inputs), CPU).batch(
                ids, pair, AugmentConfig(pad=4), torch.Generator().manual_seed(0)
            )
        )
    assert all(torch.equal(batches[0][name], batches[1][name]) for name in inputs)


def test_a_set_is_brought_to_the_device_once(prepared, monkeypatch):
    monkeypatch.setattr(Loader, "resident", True)
    loader = Loader(prepared, looks_at("onset"), CPU)
    loader.stay("widest")
    faces = loader._staying[need("faces", 32), "widest"]
    loader.gather(loader.rows([prepared.clips[0].id]), "widest")
    assert loader._staying == {(need("faces", 32), "widest"): faces}


def dotted(size, points):
    """Faces of which one pixel for each point is white, those points, and flow to the right; one clip."""
    image = np.zeros((1, 2, size, size, 3), np.uint8)
    for x, y in points:
        image[0, :, y, x] = 255
    small = np.zeros((1, 3, size // 2, size // 2), np.float16)
    small[:, 0] = 1
    products = {
        need("faces", size): Stored({"clip": image}, "RGB 0–255", "image"),
        need("frames", size): Stored({"clip": image[0]}, "RGB 0–255", "image", starts=np.array([0, 2])),
        need("landmarks", size): Stored({"clip": np.array([points], np.float32)}, "px", "points", (1, 0)),
        need("flow", size // 2): Stored({"clip": small}, "px", "flow"),
    }
    clip = Clip("made", "s0", "c0", Frames(None, {}), 1, 2, 3, 200, "surprise")
    return PreparedSet("k", (clip,), np.arange(1), products)


@pytest.mark.parametrize("seed", range(6))
def test_one_draw_moves_pictures_sequences_flow_and_points_of_a_clip_together(seed):
    """Two points at the same height, the first on the left: in a mirror the other one becomes the first."""
    made = dotted(64, [(20, 30), (44, 30)])
    inputs = {
        "onset": Input(need("faces", 64, scale="grey"), (3, 64, 64), lambda pair: pair[:, 0]),
        "frames": Input(need("frames", 64, scale="grey"), (None, 3, 64, 64)),
        "points": Input(need("landmarks", 64), (2, 2)),
        "flow": Input(need("flow", 32), (3, 32, 32)),
    }
    settings = AugmentConfig(flip=0.5, rotate=20, pad=5)
    batch = Loader(made, inputs, CPU).batch(["made/s0/c0"], "widest", settings, torch.Generator().manual_seed(seed))
    points = batch["points"][0]
    for picture in (batch["onset"][0, 0], *batch["frames"][0, :, 0]):
        for x, y in points:
            near = picture[int(y) - 1 : int(y) + 3, int(x) - 1 : int(x) + 3]
            rows, columns = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
            mine = picture * ((rows - y).abs() < 3) * ((columns - x).abs() < 3)
            centre = torch.stack([(mine * columns).sum(), (mine * rows).sum()]) / mine.sum()
            assert near.sum() > 100 and torch.allclose(centre, torch.stack([x, y]), atol=0.6)
    assert points[0, 0] < points[1, 0], "the first is on the left, mirrored or not"
    right, down = batch["flow"][0, :2, 16, 16]
    mirrored = right < 0
    along = points[0] - points[1] if mirrored else points[1] - points[0]
    torch.testing.assert_close(torch.stack([right, down]), along / along.norm(), atol=0.02, rtol=0)
    assert batch["frames_length"].tolist() == [2]


def test_sequences_of_different_lengths_are_padded_with_black_and_their_lengths_come_along():
    frames = np.full((5, 8, 8, 3), 200, np.uint8)
    stored = Stored({"clip": frames}, "RGB 0–255", "image", starts=np.array([0, 2, 5]))
    clips = tuple(Clip("made", "s0", f"c{n}", Frames(None, {}), 1, 2, 3, 200, "surprise") for n in range(2))
    made = PreparedSet("k", clips, np.arange(2), {need("frames", 8): stored})
    inputs = {"frames": Input(need("frames", 8, scale="grey"), (None, 3, 8, 8))}
    batch = Loader(made, inputs, CPU).batch([clip.id for clip in clips], "annotated")
    assert batch["frames"].shape == (2, 3, 3, 8, 8) and batch["frames_length"].tolist() == [2, 3]
    assert not batch["frames"][0, 2].any() and batch["frames"][1, 2].eq(200).all()


def test_a_view_that_does_not_give_what_it_says_is_told(prepared):
    wrong = {"onset": Input(need("faces", 32), (3, 32, 32))}  # the whole pair, not the onset
    with pytest.raises(ShapeError, match=r"input onset: its view of faces 32×32 gives \(2, 3, 32, 32\)"):
        Loader(prepared, wrong, CPU).batch([prepared.clips[0].id], "annotated")
