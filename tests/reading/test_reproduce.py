"""A run that is done again is the same to the last bit; where it is not, fold, epoch and machine are named."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.run.conftest import invent
from tsfmicro.data.fake_flow_maps import write_flow_maps
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.reading.reproduce import AsThen, reproduce, side_by_side
from tsfmicro.run.experiment import run
from tsfmicro.run.folder import RunFolder
from tsfmicro.study import shipped

SHORT = [
    "train.epochs=2",
    "train.seeds=[0]",
    "train.batch_size=16",
    "protocol.name=person_kfold",
    "protocol.options.k=2",
]
THREADS = 2


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with flow maps of six people, and a run of them."""
    place = tmp_path_factory.mktemp("place")
    write_flow_maps(place / "maps", np.random.default_rng(0), people=2, folders=False)
    settings, then = shipped.config("megc2019-ststnet", SHORT), AsThen(1, THREADS)
    run(settings, {"flow-maps": place / "maps"}, place / "run", place / "cache", "cpu", 1, machines=then)
    return place


def again(place, out, cache="cache", maps="maps"):
    return reproduce(place / "run", {"flow-maps": place / maps}, place / out, place / cache, workers=1)


@pytest.fixture(scope="module")
def repeated(place):
    return again(place, "again", cache="another-cache")


def test_a_run_that_is_done_again_from_nothing_is_bit_equal(place, repeated):
    assert repeated.equal, repeated.lines()
    assert repeated.lines() == [f"{place / 'run'}: bit-equal: all logits of 2 trainings, in every epoch"]
    assert (repeated.trainings, repeated.machine) == (2, ())


def test_it_has_as_many_threads_as_the_run_had(repeated):
    """Their number decides the last bits; a new run would take as many as there are cores for."""
    assert RunFolder.open(repeated.again).environment["threads"] == THREADS


def test_images_that_were_changed_are_told_before_what_came_of_them(place):
    """The maps of a person whose clips another seed drew."""
    other = place / "other"
    write_flow_maps(place / "drawn", np.random.default_rng(1), people=2, folders=False)
    shutil.copytree(place / "maps", other)
    name = sorted(f.relative_to(other) for f in other.rglob("*") if f.is_file() and f.suffix in (".png", ".jpg"))[0]
    twin = sorted(f for f in (place / "drawn").rglob("*") if f.is_file() and f.suffix == name.suffix)[0]
    shutil.copy(twin, other / name)
    found = again(place, "of-others", maps="other")
    assert not found.equal
    assert any("the prepared faces" in line for line in found.plan)


@pytest.fixture
def pair(start):
    """A run on noise and its repetition, both invented alike."""
    runs = start("run")[0], start("again")[0]
    return [invent(one, knowledge=1) for one in runs]


def change(folder, task, epoch, clip, by):
    file = folder.place(task) / "logits.npz"
    with np.load(file) as stored:
        arrays = dict(stored)
    arrays["test"][epoch, clip, 0] += by
    np.savez(file, **arrays)


def test_the_fold_the_first_epoch_and_the_size_of_a_difference_are_told(pair):
    was, now = pair
    task = was.plan.tasks[1]
    assert side_by_side(was, now).equal
    change(now, task, 1, 0, 0.5)
    change(now, task, 2, 0, 1000)
    (apart,) = side_by_side(was, now).apart
    assert (apart.fold, apart.seed, apart.epoch, apart.epochs) == (task.fold, task.seed, 2, 3)
    assert (apart.first, apart.last) == (pytest.approx(0.5, abs=1e-6), pytest.approx(1000, abs=1e-3))
    assert (apart.answers, apart.clips) == (1, 4)
    told = side_by_side(was, now).lines()
    assert told[0].startswith(f"{task}: from epoch 2 of 3 on, by up to 0.5 there and 1e+03 in the last; 1 of 4 clips")
    assert told[1] == "machine and versions are the same"
    assert told[2].startswith("then: UF1") and told[3].startswith("now:  UF1")
    assert told[4].endswith("not bit-equal: 1 of 6 trainings differ")


def test_the_smallest_difference_counts(pair):
    was, now = pair
    task = was.plan.tasks[0]
    change(now, task, 0, 0, np.float32(1e-6))
    assert side_by_side(was, now).apart[0].epoch == 1


def test_other_versions_and_another_processor_are_named(pair):
    was, now = pair
    for folder, torch, processor in ((was, "2.12.0", "old"), (now, "2.13.0", "new")):
        known = json.loads((folder.path / "run.json").read_text())
        known["environment"] = {"processor": processor, "threads": 1, "packages": {"torch": torch, "numpy": "2.4"}}
        (folder.path / "run.json").write_text(json.dumps(known))
    found = side_by_side(*(RunFolder.open(folder.path) for folder in pair))
    assert found.machine == ("processor old, now new", "torch 2.12.0, now 2.13.0")
    assert found.equal and "bit-equal" in found.lines()[-1]


def test_an_unfinished_run_and_the_run_itself_are_refused(place, start):
    folder, _ = start("begun")
    with pytest.raises(RunError, match="6 of 6 trainings are not finished"):
        reproduce(folder.path, {}, folder.path.parent / "out", folder.path.parent / "cache")
    with pytest.raises(ConfigError, match="is the run itself"):
        reproduce(place / "run", {}, place / "run", place / "cache")
    with pytest.raises(ConfigError, match="no folder was given for flow-maps"):
        reproduce(place / "run", {}, place / "nothing", place / "cache")
    assert not Path(place / "nothing").exists()


def test_the_command_ends_with_0_where_it_is_the_same_and_1_where_not(pair, monkeypatch, capsys):
    from tsfmicro.app import cli

    was, now = pair
    asked = []

    def repeat(path, roots, out, *more):
        asked.append((path, roots, out))
        return side_by_side(was, now)

    monkeypatch.setattr("tsfmicro.reading.reproduce.reproduce", repeat)
    words = ["tsfmicro", "reproduce", str(was.path), "--data", "casme2=faces"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code and "bit-equal" in capsys.readouterr().out
    assert asked == [(was.path, {"casme2": Path("faces")}, was.path.with_name("run-again"))]
    change(now, now.plan.tasks[0], 0, 0, 1)
    monkeypatch.setattr("sys.argv", [*words, "--json"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    told = json.loads(capsys.readouterr().out)
    assert end.value.code == 1 and not told["equal"] and told["apart"][0]["epoch"] == 1
