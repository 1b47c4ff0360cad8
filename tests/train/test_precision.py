"""float32 and bfloat16: which is chosen, and that a model says nearly the same in both."""

from contextlib import nullcontext

import pytest
import torch
from torch.nn.functional import cross_entropy

from tests.train.conftest import prepared_set
from tests.train.test_fit import CONFIG
from tsfmicro.errors import ConfigError
from tsfmicro.models import grouped
from tsfmicro.models.blocks import DepthwiseConv, attention
from tsfmicro.models.registry import create_model
from tsfmicro.train.fit import fit
from tsfmicro.train.loader import Loader
from tsfmicro.train.precision import at_work, lowered, precision_on
from tsfmicro.train.step import on_device

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
VARIANTS = ("temporal", "spatial", "early", "temporal_to_spatial", "spatial_to_temporal", "late")
SIZES = {"widths": (8, 16, 16, 32), "stem": (4, 4, 8, 8), "spatial_width": 32, "head_width": 32, "drop_path": 0.0}


@pytest.mark.parametrize(
    "device, units, chosen", [(CPU, True, "float32"), (CUDA, True, "bfloat16"), (CUDA, False, "float32")]
)
def test_auto_is_bfloat16_where_a_gpu_computes_in_it(device, units, chosen, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: units)
    assert precision_on(device, "auto") == chosen


def test_bfloat16_on_a_gpu_without_it_is_refused_in_words(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: False)
    with pytest.raises(ConfigError, match=r"train\.precision=float32"):
        precision_on(CUDA, "bfloat16")


def test_float32_is_not_tf32_at_work_and_what_was_set_before_comes_back(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
    with at_work(CUDA):
        assert not torch.backends.cudnn.allow_tf32 and torch.backends.cudnn.enabled
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark) == before


@pytest.mark.parametrize("retention", ["manhattan", "causal"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_says_and_learns_nearly_the_same_in_bfloat16(variant, retention):
    torch.manual_seed(0)
    model = create_model("tsfmicro", 3, 32, variant=variant, retention=retention, **SIZES).train()
    images, target = {name: torch.randn(6, 3, 32, 32) for name in model.inputs}, torch.arange(6) % 3
    logits, slopes = [], []
    for precision in ("float32", "bfloat16"):
        model.zero_grad()
        with lowered(CPU, precision):
            logits.append(model(**images))
        cross_entropy(logits[-1].float(), target).backward()
        slopes.append(torch.cat([weight.grad.flatten() for weight in model.parameters()]))
    assert logits[1].dtype == torch.float32, "the last layer is not rounded"
    assert (logits[1] - logits[0]).norm() < 0.1 * logits[0].norm()
    assert (slopes[1] - slopes[0]).norm() < 0.15 * slopes[0].norm()
    assert not torch.equal(*logits), "bfloat16 was used"


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_model_laid_out_for_a_gpu_says_and_learns_the_same(variant, monkeypatch):
    """Its convolutions have channels last in memory; all else lies as before."""
    torch.manual_seed(0)
    model = create_model("tsfmicro", 3, 32, variant=variant, **SIZES).train()
    images, target = {name: torch.randn(6, 3, 32, 32) for name in model.inputs}, torch.arange(6) % 3
    lay = [buffer.stride() for buffer in model.buffers()]
    monkeypatch.setattr(model, "to", lambda device: model)  # which stays where it can be tried
    said = []
    for device in (CPU, CUDA):
        on_device(model, device).zero_grad()
        logits = model(**images)
        cross_entropy(logits, target).backward()
        said.append([logits.detach(), *(weight.grad for weight in model.parameters())])
    torch.testing.assert_close(*said, atol=1e-5, rtol=1e-4)
    convolutions = [part for part in model.modules() if isinstance(part, torch.nn.Conv2d)]
    assert all(part.weight.is_contiguous(memory_format=torch.channels_last) for part in convolutions)
    assert [buffer.stride() for buffer in model.buffers()] == lay


def test_the_running_statistics_of_batch_norm_stay_in_float32():
    model = create_model("tsfmicro", 3, 32, **SIZES).train()
    with lowered(CPU, "bfloat16"):
        model(**{name: torch.randn(4, 3, 32, 32) for name in model.inputs})
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32, torch.int64}


def test_a_training_in_bfloat16_gets_as_far():
    prepared = prepared_set(size=32)
    labels = {clip.id: n % 2 for n, clip in enumerate(prepared.clips)}
    losses = []
    for precision in ("float32", "bfloat16"):
        torch.manual_seed(0)
        model = create_model("tsfmicro", 2, 32, **SIZES)
        config = CONFIG.model_copy(update={"precision": precision, "lr": 2e-3})
        generator = torch.Generator().manual_seed(0)
        losses.append(fit(model, Loader(prepared, model.inputs, CPU), labels, list(labels), config, generator).losses)
    assert losses[1][-1] < losses[1][0]
    assert losses[1] == pytest.approx(losses[0], abs=0.1)


@pytest.mark.parametrize("map_bytes", [1, 2**30])
def test_in_bfloat16_a_batch_says_and_learns_the_same_in_groups_and_whole(map_bytes, monkeypatch):
    torch.manual_seed(0)
    model = create_model("tsfmicro", 3, 32, **SIZES).train()
    images, target = {name: torch.randn(6, 3, 32, 32) for name in model.inputs}, torch.arange(6) % 3
    before = {name: value.clone() for name, value in model.state_dict().items()}
    said = []
    for precision, bytes_of_a_map in (("float32", 2**30), ("bfloat16", map_bytes)):
        monkeypatch.setattr(grouped, "MAP_BYTES", bytes_of_a_map)
        model.load_state_dict(before)
        model.zero_grad()
        with lowered(CPU, precision):
            loss = cross_entropy(model(**images).float(), target)
        loss.backward()
        said.append([loss.detach(), *(w.grad for w in model.parameters()), *(b.float() for b in model.buffers())])
    for single, half in zip(*said, strict=True):
        assert (single - half).norm() <= 0.1 * single.norm() + 0.02


@pytest.mark.parametrize("fades", [True, False])
def test_attention_sees_and_learns_in_bfloat16_what_the_library_says(fades):
    torch.manual_seed(0)
    q, k, v, wanted = torch.randn(4, 3, 2, 7, 16)
    fade = -torch.rand(2, 7, 7) if fades else None
    said = []
    for precision in ("float32", "bfloat16"):
        inputs = [x.clone().requires_grad_() for x in (q, k, v)]
        with lowered(CPU, precision):
            seen = attention(*inputs, fade)
        said.append([seen, *torch.autograd.grad(seen.float(), inputs, wanted)])
    for exact, rounded in zip(*said, strict=True):
        assert (rounded - exact).norm() < 0.02 * exact.norm()
    assert said[1][0].dtype == torch.bfloat16


def test_a_5x5_convolution_learns_in_bfloat16_what_the_library_says():
    torch.manual_seed(0)
    x, layer = torch.randn(2, 9, 7, 4), DepthwiseConv(4, 5)
    out = torch.randn(2, 9, 7, 4)
    slopes = []
    for precision in ("float32", "bfloat16"):
        layer.zero_grad()
        moved = x.clone().requires_grad_()
        with lowered(CPU, precision):
            (layer(moved).float() * out).sum().backward()
        slopes.append([moved.grad, layer.weight.grad, layer.bias.grad])
    for single, half in zip(*slopes, strict=True):
        assert half.dtype == torch.float32
        assert (single - half).norm() < 0.02 * single.norm()
