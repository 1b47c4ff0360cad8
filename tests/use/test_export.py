"""Exported models say what the model says, whatever it is made of; a new model needs no edit here."""

import json
import os
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from torch import nn

from tests.narrow import NARROW
from tsfmicro.errors import ConfigError, ExportError, RunError
from tsfmicro.models.base import Model
from tsfmicro.models.inputs import onset
from tsfmicro.models.pretrained import save_pretrained
from tsfmicro.models.registry import MODELS, create_model
from tsfmicro.models.runtimes import METADATA, load_predictor
from tsfmicro.run.watch import Task
from tsfmicro.use.export import export, trained_model
from tsfmicro.use.int8 import quantise

TINY = {"widths": (16, 16, 16, 16), "stem": (4, 4, 4, 16), "spatial_width": 16, "head_width": 8}
NIGHT = pytest.mark.slow  # torch's exporter takes ten seconds and more of each; their parts are those of others
LARGE = (  # graphs of the most nodes or weights
    "alexnet", "aman", "au-gcn", "causalnet", "htnet", "lbp-top", "lp-gcn", "mdmo", "micron-bert", "mmnet", "mol", "sfamnet",
    "skd-tstsan", "srmcl", "upper-face-3d",
)  # fmt: skip
CHOICES = [
    pytest.param({"variant": "temporal", "retention": "causal"}, marks=NIGHT),
    {"variant": "spatial", "tokens": "patches"},
    pytest.param({"variant": "early"}, marks=NIGHT),
    pytest.param({"variant": "temporal_to_spatial", "join": "after"}, marks=NIGHT),
    pytest.param({"variant": "spatial_to_temporal"}, marks=NIGHT),
    pytest.param({"variant": "late", "motion": "flow", "frame": "apex"}, marks=NIGHT),  # by day test_runtimes has it
]
# Without tsfmicro, whose variants follow. By day test_runtimes exports tsfmicro-small, and bi-woof and strcn are made of what
# others are.
NAMES = [
    pytest.param(
        name, marks=NIGHT if name in (*LARGE, "tsfmicro-small", "bi-woof", "strcn") or name.endswith("-approx") else ()
    )
    for name in MODELS
    if name != "tsfmicro"
]


def used(model):
    """Norms that have seen something, and logits of the size that training gives, so that a difference shows."""
    drawing = torch.Generator().manual_seed(1)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.3, generator=drawing)
            part.running_var.uniform_(0.5, 2, generator=drawing)
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5, generator=drawing)
    return model.eval()


def images(model, clips):
    """Noise; where clips differ in length, another length than the graph was recorded with."""
    drawing, batch = np.random.default_rng(2), {}
    for name, one in model.inputs.items():
        shape = [6 + clips if n is None else n for n in one.shape]
        batch[name] = drawing.standard_normal((clips, *shape), dtype=np.float32)
        if one.differs_in_length:
            batch[f"{name}_length"] = np.full(clips, shape[0])
    return {name: batch[name] for name in model.expects}


def check(model, file):
    """The file against torch, in both runtimes, for batches that the graph was not recorded with."""
    export(model, file)
    batches = [images(model, clips) for clips in (1, 3)]
    with torch.inference_mode():
        said = [model(**{name: torch.from_numpy(image) for name, image in b.items()}).numpy() for b in batches]
    for runtime in ("onnxruntime", "openvino"):
        predictor = load_predictor(file, runtime, threads=1)
        for batch, wanted in zip(batches, said, strict=True):
            np.testing.assert_allclose(predictor(batch), wanted, atol=max(1e-4, model.near_ties), err_msg=runtime)


@pytest.mark.parametrize("name", NAMES)
def test_every_model_says_the_same_in_every_runtime(name, tmp_path):
    swept(name, NARROW.get(name, {}), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NARROW if name != "causalnet"])  # which is a gigabyte
def test_a_large_model_as_it_was_made_says_the_same_in_every_runtime(name, tmp_path):
    swept(name, {}, tmp_path)


def swept(name, options, tmp_path):
    torch.manual_seed(0)
    model = used(create_model(name, 3, **options))
    try:
        check(model, tmp_path / "model.onnx")
    except ExportError as why:  # a clear no is allowed where clips differ in length, and nowhere else
        assert any(one.differs_in_length for one in model.inputs.values()), why
        assert "\n" not in str(why) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("options", CHOICES, ids=lambda options: options["variant"])
def test_every_variant_says_the_same_in_every_runtime(options, tmp_path):
    torch.manual_seed(0)
    check(used(create_model("tsfmicro", 3, 32, **TINY, **options)), tmp_path / "model.onnx")


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    return used(create_model("tsfmicro", 3, 32, **TINY, variant="spatial"))


@pytest.fixture(scope="module")
def exported(tiny, tmp_path_factory):
    return export(tiny, tmp_path_factory.mktemp("tiny") / "new" / "model.onnx")


def test_a_file_tells_nothing_of_the_machine_it_was_made_on(exported):
    graph = onnx.load(exported.path)
    assert [entry.key for entry in graph.metadata_props] == [METADATA]
    assert not any(node.metadata_props or node.doc_string for node in graph.graph.node)
    assert json.loads(graph.metadata_props[0].value)["inputs"] == {"onset": [3, 32, 32]}


def test_only_the_finished_file_is_left(exported):
    assert list(exported.path.parent.iterdir()) == [exported.path]
    assert "within" in exported.lines()[0]


class Odd(Model):
    """Looks at the onset, and does something that cannot be exported."""

    def __init__(self, oddity):
        super().__init__({"onset": onset(8)}, 8)
        self.recipe = {"name": "odd"}
        self.oddity = oddity
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 2))

    def features(self, onset):
        return self.oddity(onset.permute(0, 2, 3, 1))


@pytest.mark.parametrize(
    ("oddity", "says"),
    [
        (lambda x: x.view(len(x), 8, 8, 3), "model odd: its graph would be for batches of one length only"),
        (lambda x: x if x.sum() > 0 else -x, "model odd: cannot be recorded as a graph"),
        (lambda x: x * torch.compiler.is_exporting(), "the exported graph differs from torch by"),
    ],
)
def test_a_model_that_cannot_be_exported_is_told_in_one_line_and_leaves_no_file(oddity, says, tmp_path):
    with pytest.raises(ExportError, match=says) as error:
        export(Odd(oddity), tmp_path / "model.onnx")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


def test_a_file_of_another_kind_is_refused(tiny, tmp_path):
    with pytest.raises(ConfigError, match=r"model.pt: must be a file that ends in .onnx"):
        export(tiny, tmp_path / "model.pt")


@pytest.fixture(scope="module")
def in_int8(tmp_path_factory):
    """A folder with exact.onnx, the same in int8, and images.npz."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("int8")
    model = used(create_model("tsfmicro-small", 3, 32, variant="spatial"))
    exact = export(model, folder / "exact.onnx").path
    seen = images(model, 8)
    np.savez(folder / "images.npz", **seen)
    quantise(model, exact, folder / "int8.onnx", [{"onset": seen["onset"][i : i + 1]} for i in range(8)])
    return folder


def test_in_int8_linears_are_smaller_and_logits_move_little(in_int8):
    assert (in_int8 / "int8.onnx").stat().st_size < 0.6 * (in_int8 / "exact.onnx").stat().st_size
    rounded, seen = load_predictor(in_int8 / "int8.onnx", "onnxruntime"), dict(np.load(in_int8 / "images.npz"))
    assert rounded.facts.int8
    was, now = load_predictor(in_int8 / "exact.onnx", "onnxruntime")(seen), rounded(seen)
    assert 0 < abs(now - was).mean() < 0.1 * was.std()


def test_no_product_of_int8_overflows_on_a_processor_without_vnni_whatever_the_images(in_int8):
    """There, two neighbouring products of an activation (0…255) and a weight are added in sixteen bits, which saturate."""
    graph = onnx.load(in_int8 / "int8.onnx").graph
    whole = [onnx.numpy_helper.to_array(t).astype(int) for t in graph.initializer if t.data_type == TensorProto.INT8]
    weights = [values for values in whole if values.ndim == 2]
    assert weights
    for values in weights:
        heaviest = np.sort(abs(values), axis=0)[-2:].sum(0)
        assert 255 * heaviest.max() <= np.iinfo(np.int16).max


ANSWER = """
import sys, pathlib, numpy as np
from tsfmicro.models.runtimes import load_predictor
folder = pathlib.Path(sys.argv[1])
np.save(sys.argv[2], load_predictor(folder / "int8.onnx", "openvino", threads=1)(dict(np.load(folder / "images.npz"))))
"""


def test_int8_says_the_same_on_a_processor_without_vnni(in_int8, tmp_path):
    """OpenVINO's kernels can be told to leave it out, where it is there; onnxruntime's cannot."""
    said = []
    for instructions in ("DEFAULT", "AVX512_CORE"):
        words = [sys.executable, "-c", ANSWER, str(in_int8), str(tmp_path / f"{instructions}.npy")]
        subprocess.run(words, env=os.environ | {"ONEDNN_MAX_CPU_ISA": instructions}, check=True)
        said.append(np.load(tmp_path / f"{instructions}.npy"))
    assert abs(said[1] - said[0]).max() < 0.01 * said[0].std()


def test_a_run_is_exported_by_fold_or_as_its_final_model(start, tmp_path):
    folder, _ = start()
    with pytest.raises(RunError, match="name a fold with --fold: casme2-sub00, casme2-sub01"):
        trained_model(folder.path)
    plan = folder.plan
    torch.manual_seed(0)
    model = create_model(plan.config.model.name, 3, plan.config.prepare.size, **plan.config.model.options)
    fold, task = plan.folds[0], Task(plan.folds[0].name, plan.config.train.seeds[0])
    place = folder.place(task)
    save_pretrained(model, place)  # the weights are what counts
    for found in (trained_model(place), trained_model(folder.path, fold.name)):
        assert torch.equal(found.head.classify.weight, model.head.classify.weight)
        assert found.classes == plan.classes
        assert found.card.clips == len(fold.train)
    save_pretrained(model, folder.path / "final")
    assert trained_model(folder.path).recipe == model.recipe


def test_a_fold_that_is_not_there_and_a_fold_of_no_run_are_told(start, tmp_path):
    folder, _ = start()
    with pytest.raises(RunError, match="no such fold"):
        trained_model(folder.path, "casme2-sub99")
    with pytest.raises(RunError, match="--fold and --seed are for a run's folder"):
        trained_model(tmp_path, "casme2-sub01")
