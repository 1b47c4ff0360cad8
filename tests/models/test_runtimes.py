"""Exported files in their runtimes: called like torch, and what they cannot take is told in one line."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from tsfmicro.errors import ConfigError, ShapeError, TsfmicroError, UnknownNameError, WeightsError
from tsfmicro.models.pretrained import save_pretrained
from tsfmicro.models.registry import MODELS, create_model
from tsfmicro.models.runtimes import Facts, InTorch, load_predictor
from tsfmicro.use.export import export

RUNTIMES = ("onnxruntime", "openvino")


@pytest.fixture(scope="session")
def model():
    torch.manual_seed(0)
    model = create_model("tsfmicro-small", 3, size=32)
    model.classes = ("negative", "positive", "surprise")
    return model.eval()


@pytest.fixture(scope="session")
def file(model, made_once):
    return made_once("model.onnx", lambda file: export(model, file))


def images(clips=2, size=32):
    drawing = np.random.default_rng(0)
    return {name: drawing.standard_normal((clips, 3, size, size), dtype=np.float32) for name in ("motion", "onset")}


def test_a_folder_and_a_file_in_every_runtime_say_the_same(model, file, tmp_path):
    save_pretrained(model, tmp_path)
    said = load_predictor(tmp_path)(images())
    assert said.shape == (2, 3)
    for runtime in RUNTIMES:
        np.testing.assert_allclose(load_predictor(file, runtime, threads=1)(images()), said, atol=1e-5)


def test_a_digest_changes_with_a_weight_and_with_an_option_and_with_nothing_else(model, file, tmp_path):
    torch.manual_seed(1)
    others = {"same": model, "weight": create_model("tsfmicro-small", 3, 32)}
    others["option"] = create_model("tsfmicro-small", 3, 32, retention="causal")
    others["option"].load_state_dict(model.state_dict())
    for name, other in others.items():
        save_pretrained(other, tmp_path / name)
    digests = {name: load_predictor(tmp_path / name).digest() for name in others}
    digests |= {runtime: load_predictor(file, runtime).digest() for runtime in RUNTIMES}
    assert digests["same"] == InTorch(model).digest()
    assert digests["onnxruntime"] == digests["openvino"]
    assert len(set(digests.values())) == 4


def test_nobody_is_told_and_nothing_is_kept_of_their_being_used(file, tmp_path):
    asked = (
        "import sys\n"
        "asks = ('socket.getaddrinfo', 'socket.gethostbyname', 'socket.connect', 'socket.sendto')\n"
        "sys.addaudithook(lambda event, given: event in asks and print(event, given))\n"
        "from tsfmicro.models.runtimes import load_predictor\n"
        f"for runtime in {RUNTIMES}:\n"
        f"    load_predictor({str(file)!r}, runtime)\n"
    )
    fresh = os.environ | {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path)}
    fresh.pop("ORT_DISABLE_TELEMETRY", None)  # this process may have turned it off for those that it starts
    done = subprocess.run([sys.executable, "-c", asked], env=fresh, capture_output=True, text=True, check=True)
    assert done.stdout == "" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_file_alone_tells_what_it_looks_at_and_what_its_answers_mean(file, runtime):
    predictor = load_predictor(file, runtime)
    assert predictor.shapes == {"motion": (3, 32, 32), "onset": (3, 32, 32)} and predictor.size == 32
    assert tuple(predictor.inputs) == ("motion", "onset"), "with the views, from the recipe"
    assert predictor.classes == ("negative", "positive", "surprise")
    assert predictor.facts.mean == (0.485, 0.456, 0.406)
    assert predictor.facts.recipe == {"name": "tsfmicro-small", "num_classes": 3, "size": 32, "options": {}}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_file_of_a_model_whose_own_file_is_not_here_asks_for_that(file, runtime, monkeypatch):
    predictor = load_predictor(file, runtime)
    monkeypatch.delitem(MODELS, "tsfmicro-small")
    assert predictor(images()).shape == (2, 3), "images that are ready need none"
    with pytest.raises(WeightsError, match="this is a model 'tsfmicro-small', which tsfmicro does not have"):
        predictor.inputs  # noqa: B018


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"onset": None}, "this model looks at motion, onset, but was given motion"),
        ({"onset": np.zeros((2, 3, 32, 32))}, "onset is float64, but must be a numpy array of float32"),
        ({"onset": np.zeros((2, 32, 32, 3), np.float32)}, r"onset is \(2, 32, 32, 3\).*needs \(N, 3, 32, 32\)"),
        ({"onset": np.zeros((0, 3, 32, 32), np.float32)}, r"onset is \(0, 3, 32, 32\)"),
        ({"onset": np.zeros((1, 3, 32, 32), np.float32)}, r"different clips \(motion 2, onset 1\)"),
        ({"onset": [[0.0]]}, "onset is list"),
    ],
)
def test_images_that_do_not_fit_are_told_in_one_line(file, change, says):
    given = {name: image for name, image in (images() | change).items() if image is not None}
    with pytest.raises(ShapeError, match=says) as error:
        load_predictor(file, "onnxruntime")(given)
    assert "\n" not in str(error.value)


def stranger(folder):
    """An ONNX file that somebody else made."""
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [value], [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    ])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, folder / "stranger.onnx")


@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nowhere.onnx", "nowhere.onnx: cannot be read"),
        ("text.onnx", "text.onnx: is not an ONNX file, or a damaged one"),
        ("half.onnx", "half.onnx: is not an ONNX file, or a damaged one"),
        ("stranger.onnx", "stranger.onnx: is an ONNX file, but not one of ours"),
    ],
)
def test_a_file_that_cannot_be_run_is_told_in_one_line(file, tmp_path, runtime, name, says):
    (tmp_path / "text.onnx").write_text("not a graph")
    (tmp_path / "half.onnx").write_bytes(file.read_bytes()[:5000])
    stranger(tmp_path)
    with pytest.raises(WeightsError, match=says) as error:
        load_predictor(tmp_path / name, runtime)
    assert "\n" not in str(error.value)


def test_facts_of_another_format_ask_for_another_export():
    with pytest.raises(WeightsError, match=r"m.onnx: was exported by another version"):
        Facts.from_json('{"format": 99}', Path("m.onnx"))


@pytest.mark.parametrize(
    ("kind", "place", "settings", "says"),
    [
        (UnknownNameError, "m.onnx", {"runtime": "openvin"}, "Did you mean 'openvino'"),
        (UnknownNameError, "m.onnx", {"precision": "float16"}, "Did you mean 'bfloat16'"),
        (ConfigError, "m.onnx", {"runtime": "torch"}, "torch reads saved folders, not files"),
        (ConfigError, "folder", {"runtime": "openvino"}, "openvino reads .onnx files, not folders"),
        (ConfigError, "folder", {"precision": "bfloat16"}, "bfloat16 is for OpenVINO only"),
    ],
)
def test_a_runtime_that_cannot_be_is_told_in_one_line(kind, place, settings, says):
    with pytest.raises(kind, match=says):
        load_predictor(place, **settings)


@pytest.mark.parametrize(("runtime", "extra"), [("onnxruntime", "onnx"), ("openvino", "openvino")])
def test_a_runtime_that_is_not_installed_is_told_with_the_command_that_installs_it(file, monkeypatch, runtime, extra):
    monkeypatch.setitem(sys.modules, runtime, None)
    with pytest.raises(TsfmicroError) as error:
        load_predictor(file, runtime)
    assert str(error.value) == f"{runtime} is not installed. Run: pip install 'tsfmicro[{extra}]'."
