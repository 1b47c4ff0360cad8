"""A released checkpoint becomes a saved model, and a file that is none, or holds code, is told in one line."""

import pickle

import pytest
import torch
from safetensors.torch import save_file

from tests.models.golden import weights
from tsfmicro.errors import ConfigError, TsfmicroError, UnknownNameError, WeightsError
from tsfmicro.models.pretrained import from_pretrained
from tsfmicro.models.registry import create_model
from tsfmicro.use.convert import convert

CLASSES = ("negative", "positive", "surprise")
SSSNET = [
    ["conv1.weight", [32, 3, 5, 5]], ["conv1.bias", [32]], ["bn1.weight", [32]], ["bn1.bias", [32]],
    ["bn1.running_mean", [32]], ["bn1.running_var", [32]], ["bn1.num_batches_tracked", []],
    ["conv2.weight", [64, 32, 3, 3]], ["conv2.bias", [64]], ["bn2.weight", [64]], ["bn2.bias", [64]],
    ["bn2.running_mean", [64]], ["bn2.running_var", [64]], ["fc1.weight", [256, 5184]], ["fc1.bias", [256]],
    ["fc.weight", [3, 256]], ["fc.bias", [3]],
]  # fmt: skip


@pytest.fixture(scope="module")
def state():
    return weights(SSSNET)


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 7},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    ],
)
def test_a_released_checkpoint_says_what_its_weights_say(state, wrapped, tmp_path):
    torch.save(wrapped(state), tmp_path / "sssnet.pth")
    model = convert("sssnet", tmp_path / "sssnet.pth", tmp_path / "model", CLASSES)
    again = from_pretrained(tmp_path / "model")
    assert again.classes == CLASSES
    assert torch.equal(again.conv1[0].weight, state["conv1.weight"])
    batch = model.example(2)
    with torch.inference_mode():
        torch.testing.assert_close(again(**batch), model(**batch))


def test_safetensors_are_read_too(state, tmp_path):
    save_file(state, tmp_path / "sssnet.safetensors")
    assert convert("sssnet", tmp_path / "sssnet.safetensors", tmp_path / "model", CLASSES)


class Evil:
    def __reduce__(self):
        return print, ("this must never be printed",)


def test_a_pickle_that_holds_code_is_not_run(tmp_path, capsys):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(WeightsError) as told:
        convert("sssnet", tmp_path / "evil.pth", tmp_path / "model", CLASSES)
    assert "\n" not in str(told.value) and not (tmp_path / "model").exists()
    torch.save({"state_dict": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="holds code besides weights"):
        convert("sssnet", tmp_path / "evil.pth", tmp_path / "model", CLASSES)
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "change", "classes", "error", "what"),
    [
        (
            "sssnet",
            {"fc.weight": torch.zeros(5, 256)},
            CLASSES,
            WeightsError,
            r"head.4.weight is \(5, 256\) but must be",
        ),
        ("sssnet", {"fc9.weight": torch.zeros(2)}, CLASSES, WeightsError, "not a checkpoint of the released sssnet"),
        ("skd-tstsan", {}, CLASSES, WeightsError, "not a checkpoint of the released skd-tstsan"),
        ("sssnet", {}, (), ConfigError, "give the class names"),
        ("linear", {}, CLASSES, ConfigError, "no released checkpoint of linear is known"),
        ("ssnet", {}, CLASSES, UnknownNameError, "Did you mean 'sssnet'"),
    ],
)
def test_what_does_not_fit_is_told(state, tmp_path, name, change, classes, error, what):
    torch.save(state | change, tmp_path / "w.pth")
    with pytest.raises(error, match=what):
        convert(name, tmp_path / "w.pth", tmp_path / "model", classes)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x80\x02}q\x00."])
def test_a_file_that_is_no_checkpoint_is_told(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(TsfmicroError) as told:
        convert("sssnet", tmp_path / "w.pth", tmp_path / "model", CLASSES)
    assert "w.pth" in str(told.value) and "\n" not in str(told.value)


def test_a_checkpoint_without_counters_of_batches_loads(state, tmp_path):
    torch.save({n: t for n, t in state.items() if "num_batches" not in n}, tmp_path / "w.pth")
    convert("sssnet", tmp_path / "w.pth", tmp_path / "model", CLASSES)
    assert create_model("sssnet", 3)
