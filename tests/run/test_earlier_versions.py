"""What earlier versions left is read, audited and asked; a setting that is new changes nothing about it."""

import json
from hashlib import sha256

import pytest
import torch
import yaml

from tests.run.conftest import invent, plan_of, tiny_config
from tsfmicro.card import Card
from tsfmicro.config import GONE, PrepareConfig, check_config
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.models.pretrained import from_pretrained, save_pretrained
from tsfmicro.models.registry import create_model
from tsfmicro.reading.audit import audit
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.summary import evaluate_run
from tsfmicro.use.recognise import Recognizer

NEW = {"train": ("optimiser", "momentum", "schedule", "sampling", "loss", "gamma", "keep"), "prepare": ("products",)}


def as_the_first_format(folder):
    """Rewrite a run folder as the first version wrote it: fewer settings, two that are gone, their digest, no epochs."""
    settings = yaml.safe_load((folder.path / "config.yaml").read_text())
    for section, names in NEW.items():
        for name in names:
            del settings[section][name]
    settings["prepare"]["flow"] = False
    settings["train"]["together"] = 0
    (folder.path / "config.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    known = json.loads((folder.path / "run.json").read_text())
    del known["epochs"]
    folds = json.loads((folder.path / "folds.json").read_text())
    everything = [settings, known["classes"], sorted(folder.plan.labels.items()), folds, known["prepared"]]
    digest = sha256(json.dumps(everything, sort_keys=True).encode()).hexdigest()
    (folder.path / "run.json").write_text(json.dumps(known | {"format": 1, "plan": digest}))
    for path in folder.path.glob("folds/*/*/received.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"plan": digest}))
    return RunFolder.open(folder.path)


@pytest.fixture
def old(start):
    folder, _ = start()
    evaluate_run(invent(folder))
    return as_the_first_format(folder)


def failed(path):
    return [check for check in audit(path).checks if check.problems]


def test_an_audit_of_an_old_run_does_not_say_that_its_settings_were_changed(old):
    assert not failed(old.path)


def test_it_still_does_where_they_were(old):
    text = (old.path / "config.yaml").read_text()
    (old.path / "config.yaml").write_text(text.replace("lr: 0.01", "lr: 0.02"))
    assert any("settings, labels or folds were changed" in problem for c in failed(old.path) for problem in c.problems)


def test_scores_that_did_not_have_a_mean_over_datasets_are_not_held_against_it(old):
    path = old.path / "scores.json"
    stored = json.loads(path.read_text())
    del stored["mean_of_datasets"]
    path.write_text(json.dumps(stored))
    assert not failed(old.path)


def test_intervals_of_another_kind_are_not_held_against_it(old):
    path = old.path / "scores.json"
    stored = json.loads(path.read_text())
    del stored["interval"]
    stored["uf1"]["low"] = 0.123
    path.write_text(json.dumps(stored))
    assert not failed(old.path)
    stored["uf1"]["value"] = 0.99
    path.write_text(json.dumps(stored))
    assert failed(old.path)


def test_a_finished_old_run_is_taken_as_it_is_and_an_unfinished_one_is_not_continued(old, start, plan):
    again, _ = start(plan=plan_of(plan.config, old.path.parent / "cache" / "key"))
    assert not again.missing()
    for part in old.place(old.plan.tasks[0]).iterdir():
        part.unlink()
    old.place(old.plan.tasks[0]).rmdir()
    with pytest.raises(RunError, match="begun by an earlier version"):
        start()


@pytest.mark.parametrize("setting", GONE)
def test_a_setting_that_is_gone_is_told_to_who_writes_it_with_what_to_do(setting):
    section, name = setting.split(".")
    values = tiny_config().model_dump(mode="json")
    values[section][name] = 1
    with pytest.raises(ConfigError, match=rf"{setting}: no such setting any more \(.*delete it\)"):
        check_config(values, "mine.yaml")


def test_a_card_without_units_is_read_and_its_flow_of_small_faces_is_refused(tmp_path):
    """Flow of 32 pixels was computed on faces of 32 then, and is another thing now."""
    torch.manual_seed(0)
    model = create_model("tsfmicro-small", 3, 32, variant="temporal", motion="flow")
    model.classes = ("negative", "positive", "surprise")
    model.card = Card("old", "casme2-3", ("casme2",), 3, 12, PrepareConfig(size=32))
    save_pretrained(model, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["card"]["units"]
    config["card"]["prepare"]["flow"] = True
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert from_pretrained(tmp_path).card.units == {}
    with pytest.raises(ConfigError, match="learned from flow in px of a face of 32"):
        Recognizer.load(tmp_path)
