"""TSFmicro gives the numbers of the released program (small width, random weights), wherever its file is at hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tests.models.conftest import give_plain_weights, plain_gradients
from tsfmicro.models.registry import create_model
from tsfmicro.models.retention import HEADS, angles, manhattan_decays
from tsfmicro.models.temporal import DECAY_RANGES

GOLDEN = Path(__file__).resolve().parents[2].parent / "shared" / "golden" / "tsfmicro_small.npz"
SMALL = {"widths": (8, 16, 32, 64), "stem": (4, 4, 8, 8), "spatial_width": 64, "head_width": 48, "drop_path": 0.0}
OPTIONS = {
    "temporal": {},
    "spatial": {},
    "early": {},
    "temporal_to_spatial": {},
    "spatial_to_temporal": {},
    "late": {},
    "temporal_to_spatial_released": {"variant": "temporal_to_spatial", "join": "after"},
}

pytestmark = pytest.mark.skipif(not GOLDEN.exists(), reason="the golden numbers are not here")


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return {name: torch.from_numpy(file[name]) for name in file.files if file[name].dtype.kind != "U"} | {
            "gradient_names": file["train/gradient_norm_names"].tolist()
        }


@pytest.fixture(scope="module")
def models(golden):
    def load(name):
        model = create_model("tsfmicro", 5, 224, **SMALL, **({"variant": name} | OPTIONS[name]))
        give_plain_weights(model, {name.removeprefix("weight/"): tensor for name, tensor in golden.items()})
        return model.eval()

    return {name: load(name) for name in OPTIONS}


@pytest.fixture(scope="module")
def images(golden):
    mean, std = (torch.tensor(t).view(3, 1, 1) for t in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    onset, apex = ((golden[name] / 255 - mean) / std for name in ("onset", "apex"))
    return {"onset": onset, "apex": apex, "motion": apex - onset}


def call(model, images):
    return model(**{name: images[name] for name in model.inputs})


@pytest.mark.parametrize("variant", OPTIONS)
def test_each_variant_gives_the_golden_logits(variant, models, images, golden):
    with torch.inference_mode():
        logits = call(models[variant], images)
    torch.testing.assert_close(logits, golden[f"eval/logits_{variant}"], atol=2e-6, rtol=0)


def test_the_stem_each_stage_and_the_spatial_stream_give_the_golden_maps(models, images, golden):
    model = models["late"]
    with torch.inference_mode():
        x = torch.cat(model.temporal.stem(images["motion"]))
        torch.testing.assert_close(x, golden["eval/stem"].float(), atol=1e-3, rtol=1e-3)
        for i, stage in enumerate(model.temporal.stages, start=1):
            x = torch.cat(stage((x,)))
            close = {"atol": 2e-5, "rtol": 0} if i == 4 else {"atol": 1e-3, "rtol": 1e-3}
            torch.testing.assert_close(x, golden[f"eval/stage{i}_out"].float(), **close)
        tokens = model.spatial(images["onset"]).flatten(1, 2)
        torch.testing.assert_close(tokens, golden["eval/spatial_tokens"], atol=2e-5, rtol=0)


def test_training_gives_the_golden_logits_loss_and_gradient_norms(models, images, golden):
    model = models["late"].train()
    logits = call(model, images)
    loss = F.cross_entropy(logits, golden["labels"])
    torch.testing.assert_close(logits, golden["train/logits_late"], atol=2e-6, rtol=0)
    torch.testing.assert_close(loss, golden["train/loss_late"], atol=2e-6, rtol=0)
    loss.backward()
    norms = {name: gradient.norm() for name, gradient in plain_gradients(model).items()}
    assert norms.keys() == set(golden["gradient_names"])
    ours = torch.stack([norms[name] for name in golden["gradient_names"]])
    torch.testing.assert_close(ours, golden["train/gradient_norms"], atol=1e-5, rtol=0)


def test_decays_and_angles_are_the_golden_buffers(golden):
    for i, width in enumerate(SMALL["widths"]):
        torch.testing.assert_close(manhattan_decays(HEADS, DECAY_RANGES[i]), golden[f"decay/stage{i + 1}"])
        torch.testing.assert_close(angles(width // HEADS), golden[f"angle/stage{i + 1}"])
