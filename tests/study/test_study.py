"""A study end to end, on the fake releases of two datasets and noise faces; nothing needs to be detected."""

import csv
import json
import shutil
from functools import partial

import numpy as np
import pytest
import yaml

from tests.run.conftest import SETTINGS
from tsfmicro.config import check_config
from tsfmicro.data.fake_flow_maps import write_flow_maps
from tsfmicro.data.registry import dataset
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.prepare.cache import write_set
from tsfmicro.prepare.prepare import Order, pictures
from tsfmicro.reading.compare import compare
from tsfmicro.run.experiment import needs_of
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.task import build_model
from tsfmicro.run.watch import Watch
from tsfmicro.study import study as module
from tsfmicro.study.beside import holm
from tsfmicro.study.grid import read_study
from tsfmicro.study.study import Made, conduct, study

BASE = {
    **SETTINGS,
    "data": {"datasets": ["casme2", "samm"], "scheme": "megc2019-3"},
    "protocol": {"name": "person_kfold", "options": {"k": 2}},
    "train": {**SETTINGS["train"], "epochs": 1, "seeds": [0]},
}
GRID = {"model.options.variant": ["temporal", "late"]}


class Recorder(Watch):
    def __init__(self):
        self.notes, self.totals, self.trained = [], [], []

    def note(self, text):
        self.notes.append(text)

    def training(self, total, finished):
        self.totals.append((total, finished))

    def epoch(self, task, epoch, epochs, loss):
        self.trained.append(str(task))


def prepare_noise(cache, clips):
    """A prepared set of noise, under the key by which a run looks for it."""
    run, generator = check_config(BASE, "base"), np.random.default_rng(0)
    order = Order.of(tuple(clips), (*needs_of(run), pictures(run.prepare)), run.prepare, cache)
    for part in (order.alignment, *(making.part for making in order.makings)):
        records = part.resume()
        for clip, row in part.rows.items():
            values = {
                n: generator.integers(0, 255, spec.shape[1:]).astype(spec.dtype) for n, spec in part.specs.items()
            }
            records[clip] = {"clip": clip, "row": row, "detector": "none", "sums": part.write(row, values)}
        part.finish(records)
    asked = {need: making.part for need, making in order.asked.items()}
    write_set(order.folder, clips, asked, {c.id: "no apex" for c in clips if c.apex is None}, run.prepare)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Folders of both datasets, and a cache with their faces, together and alone."""
    root = tmp_path_factory.mktemp("study")
    roots = {name: root / name for name in ("casme2", "samm")}
    for name, folder in roots.items():
        dataset(name).write_fake(folder, np.random.default_rng(0), rows=24)
    clips = {name: list(dataset(name).read(folder).clips) for name, folder in roots.items()}
    for chosen in (["casme2", "samm"], ["casme2"]):
        prepare_noise(root / "cache", [clip for name in chosen for clip in clips[name]])
    return roots, root / "cache"


def do_study(data, folder, contents, watch=None, roots=None, **options):
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", "base": BASE, **contents}))
    roots = data[0] if roots is None else roots
    return study(str(path), roots, folder / "out", data[1], device="cpu", workers=1, watch=watch or Watch(), **options)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """A study of two runs, done once for all tests: its folder, its table, and what was told."""
    folder, watch = tmp_path_factory.mktemp("finished"), Recorder()
    return folder, do_study(data, folder, {"grid": GRID, "against": {"model.options.variant": "late"}}, watch), watch


@pytest.fixture
def run_study(data, tmp_path):
    return partial(do_study, data, tmp_path)


@pytest.fixture
def again(finished, run_study, tmp_path):
    """The finished study, to go on with."""
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return run_study


def test_a_study_ends_with_one_table_of_all_its_runs(finished):
    _, table, watch = finished
    headings, rows = table.table()
    assert headings[:8] == ["mine", "UF1", "UAR", "ACC", "people", "clips", "seeds", "rule"]
    assert {"majority floor", "linear floor"} <= set(headings)
    assert [row[0] for row in rows if "alone" not in row[0]] == ["temporal", "late"]
    assert [row[0] for row in rows[:3]] == ["temporal", "temporal, casme2 alone", "temporal, samm alone"]
    assert int(rows[0][5]) == int(rows[1][5]) + int(rows[2][5]), "clips of both datasets are the clips of all"
    for row in rows:
        assert row[1].endswith("]") and row[7] == "last"
    assert watch.totals == [(4, 0), (4, 2)], "the trainings of both runs are counted together"
    assert watch.trained[0].startswith("temporal, fold-1")
    assert sum("clips, sheet" in note for note in watch.notes) == 2, "each dataset once, though each run reads it"


def test_the_table_is_there_for_programs_too(finished):
    folder, *_ = finished
    with (folder / "out" / "table.csv").open() as stream:
        lines = [line for line in csv.DictReader(stream) if line["scored"] == "all"]
    stored = json.loads((folder / "out" / "late" / "scores.json").read_text())
    assert float(lines[1]["uf1"]) == pytest.approx(stored["uf1"]["value"], abs=1e-4)
    assert float(lines[1]["recall surprise"]) == pytest.approx(stored["recall"]["surprise"], abs=1e-4)
    assert lines[1]["protocol"] == "person_kfold k=2"
    runs = json.loads((folder / "out" / "table.json").read_text())["runs"]
    assert [(run["run"], run["scores"]["rule"], run["problem"]) for run in runs] == [
        ("temporal", "last", None),
        ("late", "last", None),
    ]


def test_the_page_shows_the_runs_side_by_side_the_best_first(finished):
    folder, table, _ = finished
    page = (folder / "out" / "table.md").read_text()
    heads, _, *rows = [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("|")]
    for name in ("leak", "linear floor", "UF1 − late", "p", "parameters", "training"):
        assert name in heads
    scores = [float(row[1].split()[0]) for row in rows]
    assert scores == sorted(scores, reverse=True) and len(rows) == 2
    model = build_model(table.rows[1].member.config, 3)
    (late,) = [row for row in rows if row[0] == "`late`"]
    assert late[heads.index("parameters")] == f"{sum(p.numel() for p in model.parameters()):,}"
    assert late[heads.index("training")].endswith("s")


def test_several_tests_are_held_to_more_than_one():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03}) == pytest.approx({"a": 0.03, "b": 0.06, "c": 0.06})
    assert holm({"a": 0.7, "b": 0.9}) == {"a": 1.0, "b": 1.0}


def test_a_larger_study_trains_only_what_is_new_and_only_chooses_it(finished, again):
    watch = Recorder()
    larger = {"grid": {"model.options.variant": ["early", "temporal", "late"]}}
    table = again(larger, watch, only=["early"])
    assert {name.split(",")[0] for name in watch.trained} == {"early"}
    assert table.rows[2].summary.to_dict() == finished[1].rows[1].summary.to_dict()
    assert all("[" in row[1] for row in table.table()[1]), "finished runs stand in the table, chosen or not"


def test_the_same_study_again_trains_nothing_and_another_rule_needs_no_training(again):
    watch = Recorder()
    table = again({"grid": GRID}, watch, rule="oracle")
    assert not watch.trained
    assert watch.totals[0] == (4, 4)
    rules = [row[7].split()[0] for row in table.table()[1] if "alone" not in row[0]]
    assert rules == ["last", "oracle", "last", "oracle"]


def test_a_run_that_fails_is_told_and_the_others_go_on(again, monkeypatch, tmp_path):
    def fail(config, *args):
        if config.name == "late":
            return
        raise RunError("it fails.") if config.name == "temporal" else ZeroDivisionError("ours")

    monkeypatch.setattr(module, "run", fail)
    watch = Recorder()
    table = again({"grid": {"model.options.variant": ["temporal", "early", "late"]}}, watch)
    assert [(row.member.name, row.problem) for row in table.failed] == [
        ("temporal", "it fails."),
        ("early", "ZeroDivisionError: ours"),
    ]
    assert [row[1] for row in table.table()[1]][:2] == ["failed", "failed"]
    assert table.rows[2].summary is not None
    assert "temporal: failed: it fails." in watch.notes
    assert "ZeroDivisionError" in (tmp_path / "out" / "early-error.txt").read_text()


def test_runs_are_compared_with_the_one_the_study_names_paired_over_people(finished, again, tmp_path):
    table = again({"grid": GRID, "against": {"model.options.variant": "temporal"}})
    first, second = (row for row in table.rows)
    assert first.versus is None
    alone = compare(tmp_path / "out" / "late", str(tmp_path / "out" / "temporal"))
    assert second.versus["uf1"].interval == alone.differences["uf1"].interval
    headings, rows = table.table()
    assert headings[-1] == "UF1 compared"
    assert [row[-1] for row in rows if row[0] == "late"] == [f"{second.versus['uf1']} (temporal)"]
    lines = list(csv.DictReader((tmp_path / "out" / "table.csv").read_text().splitlines()))
    gains = [line["uf1 gain"] for line in lines]
    assert [float(gain) for gain in gains if gain] == [pytest.approx(second.versus["uf1"].interval.value, abs=1e-4)]


def test_runs_of_other_settings_in_the_folder_are_told_once_before_anything_is_written(again, tmp_path):
    before = {f: f.read_bytes() for f in (tmp_path / "out").iterdir() if f.is_file()}
    with pytest.raises(ConfigError, match=r"out/\*: holds a run with other settings: train.lr 0.01 → 0.5\.") as error:
        again({"set": {"train.lr": 0.5}, "grid": GRID})
    assert str(error.value).count("train.lr") == 1
    assert {f: f.read_bytes() for f in (tmp_path / "out").iterdir() if f.is_file()} == before


def test_a_rule_that_needs_validation_people_is_told_before_anything_is_trained(run_study, tmp_path):
    grid = {"held": {"none": {}, "one": {"train.val_people": 1}}}
    with pytest.raises(ConfigError, match=r"rule inner needs validation people.* \[none\]"):
        run_study({"grid": grid}, rule="inner")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_something_else_is_no_study_s_folder(again, run_study, tmp_path):
    with pytest.raises(RunError, match="out: holds the study mine, not other"):
        again({"name": "other", "grid": GRID})
    with pytest.raises(RunError, match=r"late: is not a study's folder, but holds clips\.csv"):
        conduct(Made("mine", "mine", (), (), ""), {}, tmp_path / "out" / "late", tmp_path)
    shutil.rmtree(tmp_path / "out")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "table.csv").write_text("somebody's own")
    with pytest.raises(
        RunError, match=r"out: is not a study's folder, but holds table\.csv\. Choose an empty or new folder"
    ):
        run_study({"grid": GRID})
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["table.csv"]


def test_every_mistake_of_every_run_is_told_before_anything_is_trained(run_study, tmp_path):
    wrong = {
        "good": {},
        "data": {"data.datasets": ["casme2", "smm"]},
        "model": {"model": "tsfmicr"},
        "protocol": {"protocol": {"name": "person_kfold", "options": {"k": 99}}},
        "option": {"protocol": {"name": "loso", "options": {"k": 3}}},
        "composite": {"data.datasets": ["casme2"], "protocol": "composite"},
        "scheme": {"data.datasets": ["samm"], "data.scheme": "casme2-5"},
    }
    with pytest.raises(ConfigError) as error:
        run_study({"runs": wrong})
    line = str(error.value)
    assert "\n" not in line
    for part in (
        "unknown dataset 'smm'. Did you mean 'samm'? [data]",
        "Did you mean 'tsfmicro'? [model]",
        "99 folds need at least 99",
        "no such setting (known: only) [option]",
        "all clips are of casme2",
        "does not know the emotion",
    ):
        assert part in line
    assert "good" not in line
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_a_folder_is_told_with_the_way_around(run_study, data):
    with pytest.raises(ConfigError, match=r"no folder was given for samm\. Add --data samm=FOLDER, or .*--only"):
        run_study({"grid": GRID}, roots={"casme2": data[0]["casme2"]})


def test_train_on_one_dataset_test_on_another_scores_the_other_alone(run_study, tmp_path):
    there = {"protocol": {"name": "cross_dataset", "options": {"train": ["casme2"], "test": ["samm"]}}}
    (row,) = run_study({"runs": {"there": there}}).rows
    plan = RunFolder.open(tmp_path / "out" / "there").plan
    assert row.summary.model.clips == len(plan.tested) < len(plan.labels)
    assert all(clip.startswith("samm/") for clip in plan.tested)


def test_ready_made_flow_maps_are_counted_as_the_composite_they_are(tmp_path):
    write_flow_maps(tmp_path / "maps", np.random.default_rng(0), people=6)
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nbase: megc2019-ststnet\ngrid: {protocol: [composite, cross_dataset]}")
    _, members = read_study(str(path), {})
    seeds = len(members[0].config.train.seeds)
    trainings = module.check("mine", members, {"flow-maps": tmp_path / "maps"}, Watch())
    assert trainings["cross_dataset"] == 3 * seeds, "three datasets, each left out once"
    assert trainings["composite"] > trainings["cross_dataset"]


def test_apexes_that_a_run_will_look_for_are_not_missed_beforehand(tmp_path):
    dataset("smic-hs").write_fake(tmp_path / "smic", np.random.default_rng(0))
    path = tmp_path / "mine.yaml"
    base = "{name: x, data: {datasets: [smic-hs], scheme: smic-3}}"
    for apex in ("missing", "spotted"):
        path.write_text(f"name: mine\nbase: {base}\ngrid: {{prepare.apex: [{apex}]}}")
        _, members = read_study(str(path), {})
        (count,) = module.check("mine", members, {"smic-hs": tmp_path / "smic"}, Watch()).values()
        assert count == 16 * len(members[0].config.train.seeds)
    path.write_text(f"name: mine\nbase: {base}\ngrid: {{prepare.apex: [annotated]}}")
    with pytest.raises(ConfigError, match="no clip of smic-hs has an apex"):
        module.check("mine", read_study(str(path), {})[1], {"smic-hs": tmp_path / "smic"}, Watch())
