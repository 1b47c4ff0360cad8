"""What a training begins with: all of a start's weights but the last layer, whom it has seen, and the same bits after a kill."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.run.conftest import SETTINGS, plan_of, tiny_config
from tests.run.test_here import results
from tsfmicro.config import check_config
from tsfmicro.errors import ConfigError, LeakageError, RunError, TsfmicroError, WeightsError
from tsfmicro.generated import has_seen
from tsfmicro.models.pretrained import save_pretrained
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.reading.audit import audit
from tsfmicro.run import start as module
from tsfmicro.run.final import make_final
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.here import train_here
from tsfmicro.run.start import casts_of, check_unseen, find_start, known_as
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.task import build_model
from tsfmicro.run.watch import Watch
from tsfmicro.train import checkpoint


def make_start(folder, config=None, classes=7, seen=("drawn-1000",), seed=1, tells=()):
    """A start with new weights, as `tsfmicro pretrain` leaves one."""
    torch.manual_seed(seed)
    save_pretrained(build_model(config or tiny_config(), classes), folder)
    card = {"name": "made", "seen": list(seen), "classes": list(tells), "settings": {"draw": {"flow": "dis"}}}
    (folder / "card.json").write_text(json.dumps(card))
    return folder


def config_of(start, **train):
    return tiny_config(start=str(start), seeds=[0], **train)


@pytest.fixture
def made(tmp_path):
    return make_start(tmp_path / "made")


@pytest.fixture
def begun(made, prepared_folder, start):
    """A run that begins with the start; its folder and its job."""

    def begin(name="run", folder=made, **train):
        config = config_of(folder, **train)
        return start(name, replace(plan_of(config, prepared_folder), start=find_start(config, 3)))

    return begin


def test_a_training_begins_with_all_weights_of_the_start_but_the_last_layer(made):
    config = config_of(made)
    torch.manual_seed(2)
    fresh = build_model(config, 3).state_dict()
    model = build_model(config, 3)
    torch.manual_seed(2)
    model = build_model(config, 3)
    find_start(config, 3).give(model)
    torch.manual_seed(1)
    learned = build_model(config, 7).state_dict()
    for name, value in model.state_dict().items():
        begins_with = fresh if name.startswith("head.classify") else learned
        assert torch.equal(value, begins_with[name]), name


def test_where_the_start_tells_the_classes_of_the_run_its_answers_can_be_kept(tmp_path, start, prepared_folder):
    folder = make_start(tmp_path / "told", tells=("others", "surprise", "negative", "positive"))
    config = config_of(folder, start_answers=True)
    plan = replace(plan_of(config, prepared_folder), start=find_start(config, 3))
    run, job = start("run", plan)
    kept, model = RunFolder.open(run.path).plan.start, build_model(config, 3)
    kept.give(model, plan.classes)
    torch.manual_seed(1)
    learned = build_model(config, 7).state_dict()
    for name, value in model.state_dict().items():
        expected = learned[name][[2, 3, 1]] if name.startswith("head.classify") else learned[name]
        assert torch.equal(value, expected), name
    plain, other = start("plain", replace(plan, config=config_of(folder)))
    train_here(job, run.missing(), 1, Watch())
    train_here(other, plain.missing(), 1, Watch())
    assert results(run) != results(plain)


def test_answers_can_be_kept_for_some_of_the_classes_that_a_start_tells(tmp_path):
    folder = make_start(tmp_path / "told", tells=("others", "surprise", "negative", "positive"))
    config = config_of(folder, start_answers=True)
    some = config.model_copy(update={"data": config.data.model_copy(update={"scheme": "all-3:negative+surprise"})})
    assert find_start(some, 2).tells == ("others", "surprise", "negative", "positive")


def test_answers_of_other_classes_are_refused(tmp_path):
    folder = make_start(tmp_path / "other", tells=("others", "surprise"))
    with pytest.raises(
        ConfigError, match=r"does not tell negative, positive, but others, surprise\. Leave .*start_answers"
    ):
        find_start(config_of(folder, start_answers=True), 3)
    with pytest.raises(ConfigError, match="start_answers"):
        tiny_config(start_answers=True)


def test_it_says_other_things_than_from_scratch_and_ends_the_same_with_two_workers(begun, start, prepared_folder):
    one, job = begun("one")
    train_here(job, one.missing(), 1, Watch())
    two, job = begun("two")
    train_here(job, two.missing(), 2, Watch())
    scratch, job = start("scratch", plan_of(tiny_config(seeds=[0]), prepared_folder))
    train_here(job, scratch.missing(), 1, Watch())
    assert results(one) == results(two)
    assert results(one) != results(scratch)


def test_killed_within_a_fold_it_goes_on_and_ends_the_same_to_the_last_bit_though_the_start_is_gone(
    begun, made, monkeypatch
):
    whole, job = begun("whole", start_rates=0.1, frozen=["spatial"])
    train_here(job, whole.missing(), 1, Watch())

    class Killer(Watch):
        def epoch(self, task, epoch, epochs, loss):
            if epoch == 2:
                raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    killed, job = begun("killed", start_rates=0.1, frozen=["spatial"])
    with pytest.raises(KeyboardInterrupt):
        train_here(job, killed.missing(), 1, Killer())
    shutil.rmtree(made)
    train_here(job, killed.missing(), 1, Watch())
    assert results(whole) == results(killed)


def test_another_start_in_the_same_folder_is_refused(begun, made):
    begun()
    make_start(made, seed=5)
    with pytest.raises(RunError, match="the start \\(its weights changed\\)"):
        begun()


def test_what_was_begun_without_a_start_has_the_digest_that_it_had(plan):
    assert replace(plan, start=None).digest == plan.digest
    assert RunFolder.__dataclass_fields__  # a plan of an earlier version is read in test_earlier_versions


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"model": {"name": "ststnet"}}, ConfigError, "is of model tsfmicro, and this run trains ststnet"),
        ({"prepare": {"size": 48}}, ConfigError, "was learned from motion 32×32, onset 32×32, and this run looks at motion 48"),
        ({"model": {**SETTINGS["model"], "options": {**SETTINGS["model"]["options"], "motion": "flow"}}}, ConfigError, "looks at flow"),
        ({"model": {**SETTINGS["model"], "options": {**SETTINGS["model"]["options"], "head_width": 4}}}, WeightsError, "does not fit"),
        ({"model": {"name": "linear"}}, ConfigError, "solved in closed form"),
    ],
)  # fmt: skip
def test_a_start_of_another_kind_is_told_in_one_line(made, changes, error, said):
    train = {**SETTINGS["train"], "start": str(made)}
    with pytest.raises(error, match=said) as told:
        find_start(check_config({**SETTINGS, **changes, "train": train}, "x"), 3)
    assert "\n" not in str(told.value)


def test_a_start_that_is_not_there_is_told_with_the_nearest_name(made, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SHIPPED", tmp_path / "shipped")
    make_start(tmp_path / "shipped" / "drawn-people" / "tsfmicro")
    with pytest.raises(TsfmicroError, match=r"unknown start 'drawn-peple'\. Did you mean 'drawn-people'"):
        find_start(config_of("drawn-peple"), 3)
    with pytest.raises(WeightsError, match="no such folder"):
        find_start(config_of(tmp_path / "nowhere"), 3)
    assert find_start(config_of("drawn-people"), 3).seen == ("drawn-1000",)
    other = check_config({**SETTINGS, "model": "ststnet", "train": {"start": "drawn-people"}}, "x")
    with pytest.raises(ConfigError, match="none for ststnet, only for tsfmicro"):
        find_start(other, 3)


@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "card.json"])
def test_a_file_that_is_missing_is_told(made, file):
    (made / file).unlink()
    with pytest.raises(WeightsError, match=r"cannot be read|no card that says whom"):
        find_start(config_of(made), 3)


def test_a_start_that_has_seen_a_person_who_is_tested_is_refused_before_anything_is_trained(made, plan):
    seen = find_start(config_of(make_start(made, seen=["casme2/sub01"])), 3)
    with pytest.raises(LeakageError, match=r"has learned from casme2/sub01, whom this run tests"):
        check_unseen(seen, plan.folds, {})
    check_unseen(seen, plan.folds, {"casme2": "drawn-7"})  # drawn people who are called alike


@pytest.mark.parametrize(
    ("seen", "person", "has"),
    [
        (["casme2/sub01"], "casme2/sub01", True),
        (["casme2/sub01"], "casme2/sub02", False),
        (["casme2"], "casme2/sub02", True),
        (["drawn-7"], "drawn-7/sub01", True),
        (["drawn-7"], "drawn-70/sub01", False),
        (["drawn-7"], "casme2/sub01", False),
        (["drawn"], "drawn-7/sub01", True),
    ],
)
def test_who_has_been_seen(seen, person, has):
    assert has_seen(seen, person) == has


def test_a_generated_person_is_called_by_the_seed(tmp_path):
    (tmp_path / "generated.json").write_text('{"seed": 7}')
    casts = casts_of({"casme2": tmp_path})
    assert known_as("casme2/sub01/EP01", casts) == "drawn-7/sub01"
    assert known_as("casme2/sub01/EP01", casts_of({"casme2": tmp_path / "other"})) == "casme2/sub01"


def test_the_audit_knows_whom_the_start_has_seen_and_that_it_is_the_same_still(begun):
    folder, job = begun()
    train_here(job, folder.missing(), 1, Watch())
    evaluate_run(folder)
    assert not [check.line() for check in audit(folder.path).checks if "start" in check.claim and check.problems]
    known = json.loads((folder.path / "run.json").read_text())
    known["start"]["seen"] = ["casme2/sub00"]
    (folder.path / "run.json").write_text(json.dumps(known))
    (folder.path / "start" / "model.safetensors").write_bytes(b"other")
    (check,) = [check for check in audit(folder.path).checks if "the start" in check.claim]
    assert any("casme2/sub00 is tested" in problem for problem in check.problems)
    assert any("is not what the run began with" in problem for problem in check.problems)


def test_a_final_model_has_seen_everybody_whom_it_or_its_start_learned_from(begun):
    folder, job = begun()
    train_here(job, folder.missing(), 1, Watch())
    place = make_final(folder, open_prepared(job.prepared), evaluate_run(folder), "cpu", Watch())
    again = find_start(config_of(folder.path), 3)
    assert again.folder == place
    assert set(again.seen) == {"drawn-1000", "casme2/sub00", "casme2/sub01", "casme2/sub02"}


def test_rates_and_frozen_parts_without_a_start_are_told():
    with pytest.raises(ConfigError, match="set start, or leave them out"):
        tiny_config(frozen=["spatial"])


def test_frozen_parts_stay_as_they_are_their_norms_too(begun, made):
    folder, job = begun(frozen=["temporal", "head.norm"])
    train_here(job, folder.missing()[:1], 1, Watch())
    from safetensors.numpy import load_file

    place = folder.place(folder.plan.tasks[0])
    learned, before = load_file(place / "model.safetensors"), load_file(made / "model.safetensors")
    same = {
        name
        for name in learned
        if learned[name].shape == before[name].shape and np.array_equal(learned[name], before[name])
    }
    assert {n for n in learned if n.startswith(("temporal.", "head.norm."))} <= same
    assert not {n for n in same if n.startswith("spatial.blocks.1.mlp")}


def test_a_part_to_freeze_that_there_is_not_is_told_with_the_right_one(begun):
    folder, job = begun(frozen=["spatail"])
    with pytest.raises(TsfmicroError, match="Did you mean 'spatial'"):
        train_here(job, folder.missing()[:1], 1, Watch())


def asking_for(folder, **train):
    """A run that a shipped start is for, and how many classes it has."""
    recipe, card = (json.loads((folder / name).read_text()) for name in ("config.json", "card.json"))
    settings = card["settings"]
    config = {
        **SETTINGS,
        "data": {
            "datasets": ["flow-maps" if settings["draw"].get("greys") else "casme2"],
            "scheme": settings["targets"]["scheme"],
        },
        "prepare": {"size": recipe["size"], "products": {"flow": {"method": settings["draw"]["flow"]}}},
        "model": {"name": recipe["name"], "options": recipe["options"]},
        "train": {**SETTINGS["train"], "start": folder.parent.name, **train},
    }
    return check_config(config, "x"), len(card["classes"])


@pytest.mark.parametrize("folder", sorted(module.SHIPPED.glob("*/*")), ids=lambda folder: folder.name)
def test_every_shipped_start_is_small_fits_its_model_and_has_seen_drawn_people_alone(folder):
    found = find_start(*asking_for(folder))
    assert found.folder == folder
    assert set(found.seen) == {"drawn-1000"}
    assert (folder / "model.safetensors").stat().st_size <= 4e6


@pytest.mark.parametrize("folder", sorted(module.SHIPPED.glob("*/*")), ids=lambda folder: folder.name)
def test_every_shipped_start_gives_its_answers_to_a_run_of_its_classes(folder):
    config, classes = asking_for(folder, start_answers=True)
    found = find_start(config, classes)
    assert found.folder == folder and found.seen == ("drawn-1000",)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 4e6


@pytest.mark.parametrize(
    ("name", "options", "size", "usual", "knowing"),
    [
        ("tsfmicro-small", {"motion": "flow"}, 64, "tsfmicro-small-flow", "tsfmicro-small-flow-drawn"),
        ("ststnet", {}, 28, "ststnet", "ststnet-flow-drawn"),
        ("sssnet", {}, 64, "sssnet", "sssnet-flow-drawn"),
    ],
)
def test_a_shipped_start_that_learned_from_flow_of_the_same_method_is_taken_or_else_the_usual_one(
    name, options, size, usual, knowing
):
    for products, which in (({}, usual), ({"method": "drawn"}, knowing), ({"method": "farneback"}, usual)):
        model, prepare = {"name": name, "options": options}, {"size": size, "products": {"flow": products}}
        config = check_config({**SETTINGS, "prepare": prepare, "model": model, "train": {"start": "drawn-people"}}, "x")
        assert find_start(config, 5).folder.name == which


def maps_config(**changes):
    """STSTNet on ready-made maps."""
    data = {"datasets": ["flow-maps"], "scheme": "megc2019-3"}
    values = {**SETTINGS, "data": data, "prepare": {"size": 28}, "model": "ststnet", "train": {"start": "drawn-people"}}
    return check_config({**values, **changes}, "x")


def test_a_start_of_flow_in_pixels_is_not_for_greys_of_ready_made_maps_nor_the_reverse(tmp_path):
    images = {"data": {"datasets": ["casme2"], "scheme": "megc2019-3"}}
    for greys, fits, other in (
        (False, maps_config(**images), maps_config()),
        (True, maps_config(), maps_config(**images)),
    ):
        folder = make_start(tmp_path / f"{greys}", fits, classes=3)
        card = json.loads((folder / "card.json").read_text())
        card["settings"]["draw"]["greys"] = greys
        (folder / "card.json").write_text(json.dumps(card))
        chosen = fits.train.model_copy(update={"start": str(folder)})
        assert find_start(fits.model_copy(update={"train": chosen}), 3).folder == folder
        with pytest.raises(ConfigError, match=r"greys of ready-made maps.*draw\.greys="):
            find_start(other.model_copy(update={"train": chosen}), 3)
        del card["settings"]  # another program's weights, which do not say
        (folder / "card.json").write_text(json.dumps(card))
        for config in (fits, other):
            assert find_start(config.model_copy(update={"train": chosen}), 3).folder == folder
