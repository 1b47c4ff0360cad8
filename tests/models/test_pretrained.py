"""Saved models come back as they were; files that do not fit are told in one line."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import safetensors.torch
import torch

import tsfmicro
from tsfmicro.card import Card
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import UnknownNameError, WeightsError
from tsfmicro.models.pretrained import from_pretrained, load_weights, save_pretrained
from tsfmicro.models.registry import create_model
from tsfmicro.models.runtimes import load_predictor
from tsfmicro.use.recognise import Recognizer


def small(**options):
    return create_model("tsfmicro-small", **{"num_classes": 3, "size": 32} | options)


@pytest.fixture
def folder(tmp_path):
    model = small(variant="spatial", tokens="patches")
    model.classes = ("negative", "positive", "surprise")
    save_pretrained(model, tmp_path)
    return tmp_path


def test_a_saved_model_comes_back_with_its_options_and_classes(folder):
    model = tsfmicro.from_pretrained(folder)
    assert model.recipe["options"] == {"variant": "spatial", "tokens": "patches"}
    assert model.classes == ("negative", "positive", "surprise")
    assert not model.training


def test_widths_survive_the_way_through_json(tmp_path):
    model = create_model("tsfmicro", 3, 32, widths=(4, 4, 4, 8), stem=(4, 4, 4, 4), spatial_width=8, head_width=8)
    save_pretrained(model, tmp_path)
    image = torch.randn(1, 3, 32, 32)
    torch.testing.assert_close(
        from_pretrained(tmp_path)(motion=image, onset=image), model.eval()(motion=image, onset=image)
    )


def test_a_folder_holds_just_the_weights_and_the_config(folder):
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "b"], ["a", "b", "c", "d"], "abc", 3, [1, 2, 3]])
def test_names_of_classes_that_cannot_be_the_model_s_are_told(folder, classes):
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"classes": classes}))
    with pytest.raises(WeightsError, match="3 different names"):
        from_pretrained(folder)


def test_weights_for_other_classes_are_told_with_their_shapes(folder):
    with pytest.raises(WeightsError, match=r"head.classify.weight is \(3, 128\) but must be \(5, 128\)"):
        load_weights(small(num_classes=5, variant="spatial", tokens="patches"), folder / "model.safetensors")


def test_weights_of_another_variant_are_told_by_name_and_none_is_taken(folder):
    model = small(variant="late")
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(WeightsError, match=r"temporal.stem.0.conv.weight is missing.*and [0-9]+ more"):
        load_weights(model, folder / "model.safetensors")
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_weights_that_the_model_does_not_have_are_told(folder, tmp_path):
    weights = safetensors.torch.load_file(folder / "model.safetensors")
    safetensors.torch.save_file(weights | {"head.extra": torch.zeros(1)}, folder / "model.safetensors")
    with pytest.raises(WeightsError, match=r"head.extra is not part of it"):
        from_pretrained(folder)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a pickle in a zip", b"\x08\0\0\0\0\0\0\0garbage!"])
def test_a_checkpoint_that_is_not_safetensors_is_told(folder, content):
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"model.safetensors: is not a safetensors file") as error:
        from_pretrained(folder)
    assert "\n" not in str(error.value) and "save_file" not in str(error.value), "a file cut short cannot be converted"


@pytest.mark.parametrize("config", ["{", "[]", "{}", json.dumps({"name": "tsfmicro", "num_classes": 3, "size": 32})])
def test_a_damaged_config_is_told(folder, config):
    (folder / "config.json").write_text(config)
    with pytest.raises(WeightsError, match=r"config.json: is not the config of a saved model") as error:
        from_pretrained(folder)
    assert "\n" not in str(error.value)


def test_a_config_of_which_no_model_can_be_built_is_told(folder):
    config = json.loads((folder / "config.json").read_text())
    config |= {"name": "htnet", "size": 28, "options": {"width": 10**20}}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"config.json: no model can be built as it says \(.*Save the") as error:
        from_pretrained(folder)
    assert "\n" not in str(error.value)


def test_a_config_of_a_later_format_is_refused_and_one_without_a_number_is_of_the_first(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"format": 9}))
    with pytest.raises(WeightsError, match="is of format 9, this version reads 1"):
        from_pretrained(folder)
    del config["format"]
    (folder / "config.json").write_text(json.dumps(config))
    assert from_pretrained(folder).classes == ("negative", "positive", "surprise")


def test_a_config_of_a_model_that_does_not_exist_here_is_told(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"name": "tsfmacro"}))
    with pytest.raises(UnknownNameError, match="Did you mean 'tsfmicro'"):
        from_pretrained(folder)


def test_a_folder_without_weights_is_told(folder):
    (folder / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match=r"model.safetensors: cannot be read"):
        from_pretrained(folder)


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(WeightsError, match=r"holds no model \(config.json is missing\)\. Give the folder"):
        from_pretrained(tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(WeightsError, match="nowhere: no such folder"):
        from_pretrained(tmp_path / "nowhere")


@pytest.fixture
def hub(monkeypatch, folder):
    """A hub that gives the saved model, whatever it is asked for; a list of what it was asked for."""
    asked = []

    def give(repository, allow_patterns):
        asked.append(repository)
        return str(folder)

    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=give))
    return asked


@pytest.mark.parametrize("load", [from_pretrained, load_predictor, Recognizer.load])
def test_a_folder_that_is_not_here_is_never_asked_of_strangers(hub, load):
    """owner/name is also what a run's folder looks like from its parent."""
    with pytest.raises(WeightsError, match=r"runs/casme2-5: no such folder.*hf://owner/name"):
        load("runs/casme2-5")
    assert not hub


@pytest.mark.parametrize("load", [from_pretrained, load_predictor, Recognizer.load])
@pytest.mark.parametrize("kind", [str, Path])
def test_a_repository_on_the_hub_is_asked_for_by_its_whole_address(hub, load, kind):
    assert load(kind("hf://someone/faces")).classes == ("negative", "positive", "surprise")
    assert hub == ["someone/faces"]


def test_an_address_on_the_hub_that_is_none_is_told(hub):
    with pytest.raises(WeightsError, match=r"hf://someone: is no repository.*hf://owner/name"):
        from_pretrained("hf://someone")
    assert not hub


CARD = Card("a run", "casme2-3", ("casme2",), people=25, clips=155, prepare=PrepareConfig(size=32), temperature=1.5)


def test_what_a_model_was_trained_on_travels_with_it(tmp_path):
    model = small()
    model.card = CARD
    save_pretrained(model, tmp_path)
    assert from_pretrained(tmp_path).card == CARD


def test_a_damaged_card_is_told_in_one_line(tmp_path):
    model = small()
    model.card = CARD
    save_pretrained(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["card"]["people"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError, match=r"config.json: its card cannot be read .*people"):
        from_pretrained(tmp_path)


def test_a_demonstration_says_so_wherever_its_card_is_shown():
    assert replace(CARD, demonstration=True).line.startswith("A demonstration, trained on drawn faces. Not for use on")
    assert "Never scored on people left out" in CARD.line


def test_weights_that_lost_a_block_or_were_exchanged_are_told(tmp_path):
    model = create_model("ststnet", 3, 28)
    save_pretrained(model, tmp_path)
    whole = bytearray((tmp_path / "model.safetensors").read_bytes())
    whole[-64:] = bytes(64)
    (tmp_path / "model.safetensors").write_bytes(whole)
    with pytest.raises(WeightsError, match="damaged, or exchanged"):
        from_pretrained(tmp_path)
    known = json.loads((tmp_path / "config.json").read_text())
    del known["weights_sha256"]  # as an earlier version wrote it, or somebody who exchanges weights
    (tmp_path / "config.json").write_text(json.dumps(known))
    assert from_pretrained(tmp_path)
