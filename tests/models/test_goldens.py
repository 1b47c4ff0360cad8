"""TSFmicro gives the numbers of the released program (small width, random weights), wherever its file is at hand."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from tsfmicro.models.registry import create_model
from tsfmicro.models.retention import DECAY_RANGES, HEADS, angles, manhattan_decays

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


def golden_name(name):
    """Our name of a parameter or buffer → the golden file's; its q, k and v are kept apart there."""
    name = re.sub(r"stages\.(\d)\.blocks\.(\d)", lambda m: f"stage{int(m[1]) + 1}.block{int(m[2]) + 1}", name)
    name = re.sub(r"stages\.(\d)\.", lambda m: f"stage{int(m[1]) + 1}.", name)
    name = re.sub(r"spatial\.blocks\.(\d)", lambda m: f"spatial.block{int(m[1]) + 1}", name)
    return re.sub(r"grow\.(\d)", lambda m: f"spatial_to_temporal.up{int(m[1]) + 1}", name)


def parts(name):
    """The golden file's arrays that one of ours is made of, in the order of its rows."""
    if "retention.qkv" in name:
        return [golden_name(name).replace("qkv", part) for part in ("query", "key", "value")]
    return [golden_name(name)]


@pytest.fixture(scope="module")
def models(golden):
    def load(name):
        model = create_model("tsfmicro", 5, 224, **SMALL, **({"variant": name} | OPTIONS[name]))
        weights = {
            key: torch.cat([golden[f"weight/{part}"] for part in parts(key)])
            for key in model.state_dict()
            if not key.endswith("num_batches_tracked")
        }
        model.load_state_dict(weights)
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
        x = model.temporal.stem(images["motion"].permute(0, 2, 3, 1))
        torch.testing.assert_close(x, golden["eval/stem"].float(), atol=1e-3, rtol=1e-3)
        for i, stage in enumerate(model.temporal.stages, start=1):
            x = stage(x)
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
    norms = {
        part: gradient.norm()
        for name, weight in model.named_parameters()
        for part, gradient in zip(parts(name), weight.grad.chunk(len(parts(name))), strict=True)
    }
    assert norms.keys() == set(golden["gradient_names"])
    ours = torch.stack([norms[name] for name in golden["gradient_names"]])
    torch.testing.assert_close(ours, golden["train/gradient_norms"], atol=1e-5, rtol=0)


def test_decays_and_angles_are_the_golden_buffers(golden):
    for i, width in enumerate(SMALL["widths"]):
        torch.testing.assert_close(manhattan_decays(HEADS, DECAY_RANGES[i]), golden[f"decay/stage{i + 1}"])
        torch.testing.assert_close(angles(width // HEADS), golden[f"angle/stage{i + 1}"])
