"""A training step: what a GPU would record is done as often, in the same order and with the same result as ordinary calls;
and nothing in an epoch waits for the device.
"""

import importlib

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.train.test_fit import CONFIG, Small
from tsfmicro.config import AugmentConfig, TrainConfig
from tsfmicro.models.inputs import motion
from tsfmicro.models.registry import create_model
from tsfmicro.train.fit import fit, run_epoch
from tsfmicro.train.loader import Loader
from tsfmicro.train.predict import predict
from tsfmicro.train.step import REHEARSALS, Replayed, Step

CPU = torch.device("cpu")
needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")


class Tape:
    """A recorder on the CPU: a replay is an ordinary call."""

    def __init__(self):
        self.said = []

    def rehearse(self, work):
        self.said.append("rehearse")
        work()

    def record(self, work):
        self.said.append("record")

        def replay():
            self.said.append("replay")
            work()

        return replay


def small_step(prepared, labels, device=CPU):
    torch.manual_seed(0)
    return Step(Small(), Loader(prepared, {"motion": motion(32)}, device), labels, CONFIG)


def rows_of(prepared, labels):
    return torch.tensor(prepared.rows_of(labels))


def test_work_is_rehearsed_then_recorded_once_and_each_call_does_it_once():
    tape, done = Tape(), []
    learn = Replayed(tape)
    for call in range(6):
        learn(lambda: done.append("work"))
        assert len(done) == call + 1
    assert tape.said == ["rehearse"] * REHEARSALS + ["record"] + ["replay"] * (6 - REHEARSALS)


def test_recorded_training_ends_as_an_ordinary_one_to_the_last_bit(prepared, labels):
    """12 clips in batches of 5: full batches and the smaller last one have a recording each."""
    config = CONFIG.model_copy(update={"batch_size": 5})
    weights, tape = [], Tape()
    for recorder in (None, tape):
        step = small_step(prepared, labels)
        step._recorder = recorder
        generator = torch.Generator().manual_seed(0)
        losses = [float(run_epoch(step, rows_of(prepared, labels), config, generator)) for _ in range(5)]
        weights.append([torch.tensor(losses), *step.model.state_dict().values()])
    assert all(torch.equal(one, other) for one, other in zip(*weights, strict=True))
    assert tape.said.count("record") == 2 and tape.said.count("rehearse") == 2 * REHEARSALS


def test_the_loss_of_an_epoch_is_the_sum_over_its_clips(prepared, labels):
    """With a learning rate of zero and batches of the whole set, the sum is that of one look at all clips."""
    still = CONFIG.model_copy(update={"batch_size": 12, "augment": AugmentConfig(flip=0, rotate=0, pad=0)})
    step = small_step(prepared, labels)
    step.set_rate(0.0)
    total = run_epoch(step, rows_of(prepared, labels), still, torch.Generator().manual_seed(0))
    batch = step.loader.batch(list(labels), still.pair)
    mean = torch.nn.functional.cross_entropy(step.model(**batch), torch.tensor(list(labels.values()))).item()
    assert total.item() == pytest.approx(12 * mean, rel=1e-5)


def test_a_learning_rate_that_a_recording_reads_is_changed_where_it_lies(prepared, labels):
    step = small_step(prepared, labels)
    group = step.optimiser.param_groups[0]
    group["lr"] = rate = torch.tensor(0.5)
    step.set_rate(0.25)
    assert group["lr"] is rate and rate == 0.25


class NothingIsReadBack(TorchDispatchMode):
    """Refuses what makes a program wait for its device: reading a value, and results whose size depends on values."""

    refused = ("_local_scalar_dense", "item", "nonzero", "equal", "is_nonzero", "masked_select", "unique")

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        assert not any(name.startswith(word) for word in self.refused), f"{name} waits for the device"
        return function(*args, **kwargs or {})


def tsfmicro(variant, **options):
    sizes = {"widths": (8, 8, 8, 8), "stem": (4, 4, 8, 8), "spatial_width": 8, "head_width": 8}
    return create_model("tsfmicro", 2, 32, variant=variant, **sizes, **options)


@pytest.fixture
def on_meta(monkeypatch):
    """Torch's 'meta' device has shapes and no values: reading one, or mixing in a tensor of the CPU, raises there."""
    adam = importlib.import_module("torch.optim.adam")  # which lets real devices alone through
    monkeypatch.setattr(adam, "_device_dtype_check_for_fused", lambda *args, **kwargs: None)
    return torch.device("meta")


def test_an_epoch_reads_nothing_back(prepared, labels):
    model = tsfmicro("late")
    step = Step(model, Loader(prepared, model.inputs, CPU), labels, CONFIG)
    generator = torch.Generator().manual_seed(0)
    with NothingIsReadBack():
        total = run_epoch(step, rows_of(prepared, labels), CONFIG, generator)
        predict(model, step.loader, list(labels), 4)
        with pytest.raises(AssertionError, match="waits for the device"):
            float(total)


def test_an_epoch_runs_on_a_device_that_nothing_can_be_copied_from(prepared, labels, on_meta):
    model = tsfmicro("late")
    step = Step(model, Loader(prepared, model.inputs, on_meta), labels, CONFIG)
    generator = torch.Generator().manual_seed(0)
    total = run_epoch(step, rows_of(prepared, labels), CONFIG, generator)
    said = predict(model, step.loader, list(labels), 4)
    assert total.device == said.device == on_meta and said.shape == (12, 2)
    with pytest.raises((RuntimeError, NotImplementedError)):
        float(total)


class NothingComesFromTheCpu(TorchDispatchMode):
    """Refuses tensors on the CPU, and those made of Python numbers: their copy to a GPU cannot be recorded."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **kwargs or {})
        assert "lift_fresh" not in function.overloadpacket.__name__
        made = result if isinstance(result, (tuple, list)) else (result,)
        assert all(one.device.type == "meta" for one in made if isinstance(one, torch.Tensor)), function
        return result


@pytest.mark.parametrize(
    "variant, retention",
    [
        ("late", "manhattan"),
        ("early", "causal"),
        ("temporal_to_spatial", "manhattan"),
        ("spatial_to_temporal", "causal"),
    ],
)
def test_what_is_recorded_needs_nothing_of_the_cpu(prepared, labels, variant, retention, on_meta):
    model = tsfmicro(variant, retention=retention)
    step = Step(model, Loader(prepared, model.inputs, on_meta), labels, CONFIG)
    rows, movements = torch.zeros(4, dtype=torch.int64, device=on_meta), torch.zeros(4, 2, 3, device=on_meta)
    step(rows, movements)  # a rehearsal: means, moments and the like are made once
    with NothingComesFromTheCpu():
        step(rows, movements)


@needs_cuda
def test_a_gpu_is_not_waited_for_in_an_epoch(prepared, labels):
    model = tsfmicro("late")
    step = Step(model, Loader(prepared, model.inputs, torch.device("cuda")), labels, CONFIG)
    rows, generator = rows_of(prepared, labels), torch.Generator().manual_seed(0)
    for _ in range(REHEARSALS + 1):
        run_epoch(step, rows, CONFIG, generator)
        predict(model, step.loader, list(labels), 4)
    torch.cuda.set_sync_debug_mode("error")
    try:
        run_epoch(step, rows, CONFIG, generator)
        predict(model, step.loader, list(labels), 4)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@needs_cuda
@pytest.mark.parametrize("precision, near", [("float32", 1e-3), ("bfloat16", 0.1)])
def test_a_gpu_learns_what_a_cpu_learns(prepared, labels, precision, near):
    """Same weights, order and movements; five epochs reach past the recording of both batch sizes."""
    config = TrainConfig(epochs=5, batch_size=5, lr=1e-3, precision=precision, augment=AugmentConfig(pad=2))
    losses = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        model = Small()
        loader = Loader(prepared, {"motion": motion(32)}, torch.device(device))
        reference = config if device == "cuda" else config.model_copy(update={"precision": "float32"})
        fitted = fit(model, loader, labels, list(labels), reference, torch.Generator().manual_seed(0))
        losses.append(torch.from_numpy(fitted.losses))
    torch.testing.assert_close(*losses, rtol=near, atol=near)


@needs_cuda
def test_a_recorded_step_draws_new_random_numbers_at_each_replay():
    from tsfmicro.train.step import CudaGraphs

    drawn, learn = torch.zeros(8, device="cuda"), Replayed(CudaGraphs())
    seen = []
    for _ in range(REHEARSALS + 3):
        learn(lambda: drawn.bernoulli_(0.5).add_(torch.rand(8, device="cuda")))
        seen.append(drawn.tolist())
    assert len({tuple(values) for values in seen}) == len(seen)
