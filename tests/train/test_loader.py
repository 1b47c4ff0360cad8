"""Batches from a prepared set."""

import numpy as np
import pytest
import torch

from tests.train.conftest import prepared_set
from tsfmicro.config import AugmentConfig
from tsfmicro.errors import ConfigError, ShapeError
from tsfmicro.models.inputs import IMAGES
from tsfmicro.needs import need
from tsfmicro.train.loader import MEAN, STD, Loader

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
