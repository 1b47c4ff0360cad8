"""A released checkpoint becomes a saved model or a start, and a file that is none, or holds code, is told in one line."""

import json
import pickle
import re

import pytest
import torch
from safetensors.torch import save_file

from tests.models.golden import golden, weights
from tsfmicro.errors import ConfigError, TsfmicroError, UnknownNameError, WeightsError
from tsfmicro.models.pretrained import from_pretrained
from tsfmicro.models.registry import MODELS, create_model
from tsfmicro.use.convert import convert, people_of
from tsfmicro.use.recognise import Recognizer

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
    model = convert("sssnet", [tmp_path / "sssnet.pth"], tmp_path / "model", CLASSES).model
    again = from_pretrained(tmp_path / "model")
    assert again.classes == CLASSES
    assert torch.equal(again.conv1[0].weight, state["conv1.weight"])
    batch = model.example(2)
    with torch.inference_mode():
        torch.testing.assert_close(again(**batch), model(**batch))


def test_safetensors_are_read_too(state, tmp_path):
    save_file(state, tmp_path / "sssnet.safetensors")
    assert convert("sssnet", [tmp_path / "sssnet.safetensors"], tmp_path / "model", CLASSES)


@pytest.mark.parametrize("said", ["CAS(ME)2", "CAS(ME)^2", "cas(me)²-macro"])
def test_the_sign_of_casme_squared_is_not_taken_for_casme_ii(said):
    with pytest.raises(UnknownNameError, match="Did you mean 'casme-squared'"):
        people_of([said])


class Evil:
    def __reduce__(self):
        return print, ("this must never be printed",)


def test_a_pickle_that_holds_code_is_not_run(tmp_path, capsys):
    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"state_dict": Evil()}))
    with pytest.raises(WeightsError) as told:
        convert("sssnet", [tmp_path / "evil.pth"], tmp_path / "model", CLASSES)
    assert "\n" not in str(told.value) and not (tmp_path / "model").exists()
    torch.save({"state_dict": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(WeightsError, match="holds code besides weights"):
        convert("sssnet", [tmp_path / "evil.pth"], tmp_path / "model", CLASSES)
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
        convert(name, [tmp_path / "w.pth"], tmp_path / "model", classes)


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x80\x02}q\x00."])
def test_a_file_that_is_no_checkpoint_is_told(tmp_path, content):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(TsfmicroError) as told:
        convert("sssnet", [tmp_path / "w.pth"], tmp_path / "model", CLASSES)
    assert "w.pth" in str(told.value) and "\n" not in str(told.value)


def test_a_checkpoint_without_counters_of_batches_loads(state, tmp_path):
    torch.save({n: t for n, t in state.items() if "num_batches" not in n}, tmp_path / "w.pth")
    convert("sssnet", [tmp_path / "w.pth"], tmp_path / "model", CLASSES)
    assert create_model("sssnet", 3)


@pytest.mark.parametrize("name", [name for name, entry in MODELS.items() if entry.released])
def test_every_map_of_a_released_program_takes_each_option_of_its_model(name):
    assert MODELS[name].released({}, **MODELS[name].options) == {}


def golden_files(golden_name, *keys):
    """The golden weights of a released program under its names, a state for each file that it keeps them in."""
    facts, _ = golden(golden_name)
    return facts, [weights(facts[key] if isinstance(key, str) else facts[key[0]][key[1]]) for key in keys]


WHOLE = [
    ("alexnet", "alexnet", ["weights"], {}),
    ("aman", "aman", ["weights", "weights_front"], {}),
    ("au-gcn", "au_gcn", ["weights"], {}),
    ("au-gcn", "au_gcn", ["weights"], {"depth": "published"}),
    pytest.param("causalnet", "causalnet", ["weights"], {}, marks=pytest.mark.slow),
    pytest.param("htnet", "htnet", ["weights"], {}, marks=pytest.mark.slow),
    ("lp-gcn", "lp_gcn", ["weights"], {}),
    ("mmnet", "mmnet", ["weights"], {}),
    pytest.param("mol", "mol", ["weights"], {}, marks=pytest.mark.slow),
    ("off-apexnet", "off_apexnet", ["weights"], {}),
    ("off-apexnet", "off_apexnet", ["weights_meb"], {"variant": "single"}),
    *(("rcn", "rcn", [("weights", variant)], {"variant": variant}) for variant in "ASWPCF"),
    ("sfamnet", "sfamnet", ["weights"], {}),
    ("sfamnet", "sfamnet", ["weights"], {"spotting": True}),
    ("skd-tstsan", "skd_tstsan", ["weights"], {"scale": "pair"}),
    ("srmcl", "srmcl", ["weights"], {}),
    ("sssnet", "sssnet", ["weights"], {"dropout": 0.1}),
    ("strcn", "strcn_small", ["weights"], {"maps": 16}),
]


@pytest.mark.parametrize(("name", "golden_name", "keys", "options"), WHOLE)
def test_the_files_of_a_released_program_become_a_model_that_answers(name, golden_name, keys, options, tmp_path):
    facts, states = golden_files(golden_name, *keys)
    files = [tmp_path / f"{n}.pth" for n in range(len(states))]
    for file, state in zip(files, states, strict=True):
        torch.save(state, file)
    classes = "ABCDEFG"[: facts["classes"] - (name == "sfamnet")]  # whose last output is neutral
    done = convert(name, files, tmp_path / "model", classes, **options)
    assert done.new == () and from_pretrained(tmp_path / "model").classes == tuple(classes)


PARTS = [
    ("aman", "aman", "weights_front", {}, None, r"^layer4\.|^alpha|^beta|^head"),
    ("au-gcn", "au_gcn", "weights_remade", {"form": "remade"}, 5, r"^units\.adjacency$"),
    ("micron-bert", "micron_bert", "weights", {}, None, r"^head\."),
    ("upper-face-3d", "dsstdn_upper_face", ("weights", "late"), {}, 5, r"^scale_"),
    ("upper-face-3d", "dsstdn_upper_face", ("weights", "early"), {"fusion": "early"}, 5, r"^scale_"),
    ("skd-tstsan", "skd_tstsan", "weights", {}, None, r"^head\.|^helpers\."),
    ("srmcl", "srmcl", "weights", {}, None, r"^head\."),
]


@pytest.mark.parametrize(("name", "golden_name", "key", "options", "classes", "new"), PARTS)
def test_what_is_in_no_file_begins_new_in_a_start(name, golden_name, key, options, classes, new, tmp_path):
    _, (state,) = golden_files(golden_name, key)
    torch.save(state, tmp_path / "w.pth")
    told = "ABCDE"[: classes or 0]
    done = convert(name, [tmp_path / "w.pth"], tmp_path / "model", told, seen=["casme3", "imagenet"], **options)
    assert done.new and all(re.search(new, one) for one in done.new) and done.strange == ("imagenet",)
    assert done.model.classes == ()
    assert json.loads((tmp_path / "model" / "card.json").read_text())["classes"] == list(told)
    once = (tmp_path / "model" / "model.safetensors").read_bytes()
    torch.manual_seed(1)
    convert(name, [tmp_path / "w.pth"], tmp_path / "again", told, seen=["casme3"], **options)
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == once
    with pytest.raises(WeightsError, match=r"A start answers nothing: train with --set train\.start="):
        Recognizer.load(tmp_path / "model")


@pytest.mark.parametrize(("name", "golden_name", "key", "options", "classes", "new"), PARTS[:5])
def test_what_is_in_no_file_is_told_where_a_model_is_wanted(name, golden_name, key, options, classes, new, tmp_path):
    _, (state,) = golden_files(golden_name, key)
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(
        WeightsError, match=r"is missing.* Or give the file that holds what is missing too, or --start\."
    ):
        convert(name, [tmp_path / "w.pth"], tmp_path / "model", "ABCDE", **options)


def test_a_start_whose_answers_are_named_and_whole_answers_too(state, tmp_path):
    torch.save(state, tmp_path / "w.pth")
    done = convert("sssnet", [tmp_path / "w.pth"], tmp_path / "model", CLASSES, seen=["casme2/sub04"])
    assert done.new == () and from_pretrained(tmp_path / "model").classes == CLASSES
    assert json.loads((tmp_path / "model" / "card.json").read_text())["seen"] == ["casme2/sub04"]
    convert("sssnet", [tmp_path / "w.pth"], tmp_path / "model", CLASSES)
    assert not (tmp_path / "model" / "card.json").exists()  # of the start that was there


def test_parts_may_lie_in_two_files_which_must_not_say_two_things(state, tmp_path):
    first = {name: values for name, values in state.items() if not name.startswith("fc")}
    torch.save(first, tmp_path / "first.pth")
    torch.save(state | {"conv1.bias": torch.ones(32)}, tmp_path / "other.pth")
    torch.save(
        {name: values for name, values in state.items() if name not in first} | {"conv1.bias": state["conv1.bias"]},
        tmp_path / "last.pth",
    )
    assert convert("sssnet", [tmp_path / "first.pth", tmp_path / "last.pth"], tmp_path / "model", CLASSES)
    with pytest.raises(WeightsError, match=r"other\.pth: says otherwise than .* conv1\.0\.bias"):
        convert("sssnet", [tmp_path / "first.pth", tmp_path / "other.pth"], tmp_path / "model", CLASSES)


def test_classes_of_a_last_layer_that_no_file_holds_are_refused(state, tmp_path):
    torch.save({name: values for name, values in state.items() if not name.startswith("fc.")}, tmp_path / "w.pth")
    with pytest.raises(ConfigError, match="no file holds the last layer of sssnet"):
        convert("sssnet", [tmp_path / "w.pth"], tmp_path / "model", CLASSES, seen=["casme3"])
    with pytest.raises(ConfigError, match="must say whom it has seen"):
        convert("sssnet", [tmp_path / "w.pth"], tmp_path / "model", seen=[])


def test_a_file_of_something_else_does_not_become_a_start_of_chance(tmp_path):
    torch.save({"layers.weight": torch.zeros(2)}, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="not a checkpoint of the released micron-bert"):
        convert("micron-bert", [tmp_path / "w.pth"], tmp_path / "model", seen=["casme3"])


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ("casme2/sub04", ["casme2/sub04"]),
        ("casme3-b/12", ["casme3/spNO.12"]),
        ("smic-hs-e", ["smic"]),
        ("flow-maps", ["casme2", "smic", "samm"]),
        ("drawn-7", ["drawn-7"]),
        ("FER+", ["FER+"]),
    ],
)
def test_whom_a_start_has_seen_is_written_as_runs_write_it(said, known):
    assert people_of([said]) == (known, [said] if said == "FER+" else [])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("sammm", "samm"),
        ("CAS(ME)3", "casme3"),
        ("SAMM/006", "samm"),
        ("casme2-macro", "casme2"),
        ("drawn-people", "drawn"),
    ],
)
def test_nearly_the_name_of_a_dataset_is_refused_for_it_would_hide_whom_a_start_has_seen(said, meant):
    with pytest.raises(UnknownNameError, match=f"Did you mean '{meant}'"):
        people_of([said])
