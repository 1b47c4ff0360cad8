"""From run folders to a report: what is worked out, kept, made, and what is told where something cannot be."""

import json
import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from tests.run.conftest import invent, plan_of, tiny_config
from tsfmicro.errors import RunError
from tsfmicro.models.pretrained import load_weights
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.reading.report import gather_study, plan_figures, report, write_tables
from tsfmicro.report import saliency
from tsfmicro.report.saliency import before_classifier
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.here import train_here
from tsfmicro.run.summary import summarise
from tsfmicro.run.task import build_model
from tsfmicro.run.watch import Task, Watch
from tsfmicro.train.loader import Loader


@pytest.fixture
def trained(start, prepared_folder):
    """A run of one epoch and one seed, trained."""
    folder, job = start("late", plan_of(tiny_config(epochs=1, seeds=[0]), prepared_folder))
    train_here(job, folder.missing(), 1, Watch())
    return folder


@pytest.fixture
def answered(start, prepared_folder):
    """A run of two seeds whose answers are invented: it has no weights to look into."""
    return lambda name, **options: invent(start(name, plan_of(tiny_config(**options), prepared_folder))[0], knowledge=1)


def study_of(*folders, cache="nowhere", maps=True):
    return gather_study([f.path for f in folders], folders[0].path / cache, maps, "cpu", Watch())


def test_a_report_has_tables_and_figures_and_what_is_worked_out_is_kept(trained, tmp_path):
    done = report([trained.path], tmp_path / "out", tmp_path / "nowhere", device="cpu")
    names = {str(file.relative_to(tmp_path / "out")) for file in done.files}
    assert {"index.html", "tables/table4.csv", "tables/table4.tex", "tables/table8.html", "notes.txt"} <= names
    kinds = ("curves", "confusion", "people", "leak", "features", "heat-maps", "streams", "confused")
    for kind in kinds:
        assert any(name.startswith(f"figures/{kind}-") and name.endswith(".pdf") for name in names), kind
    assert all(file.stat().st_size for file in done.files)
    assert (trained.path / "features.npz").exists() and (trained.path / "maps.npz").exists()
    page = (tmp_path / "out" / "tables" / "table4.html").read_text()
    ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    assert "12 clips" in page and "casme2" not in page
    assert (tmp_path / "out" / "notes.txt").read_text().splitlines() == list(done.notes)


def test_the_page_holds_each_figure_and_every_clip_with_its_pictures(trained, tmp_path):
    done = report([trained.path], tmp_path / "out", tmp_path / "nowhere", device="cpu")
    text = done.files[0].read_text(encoding="utf-8")
    drawn = {file.stem for file in done.files if file.suffix == ".pdf"}
    assert drawn and drawn == set(re.findall(r'<figure id="figure-([^"]+)"', text))
    assert text.count("data:image/webp;base64,") >= len(trained.plan.tested) == 12


def test_a_report_without_faces_has_none_in_figures_or_page(trained, tmp_path):
    done = report([trained.path], tmp_path / "out", tmp_path / "nowhere", device="cpu", show_faces=False)
    assert any("no faces in figures: they were not asked for" in note for note in done.notes)
    assert not any(file.name.startswith("confused-") for file in done.files)
    text = done.files[0].read_text(encoding="utf-8")
    assert '"pictures":{}' in text and '"pictures":null' in text and "No pictures:" in text
    assert '"heat":{' in text, "heat maps show nobody"


def test_features_come_from_the_network_that_has_not_seen_the_person(trained, prepared_folder):
    (run,) = study_of(trained).runs
    prepared = open_prepared(prepared_folder)
    for fold in trained.plan.folds:
        model = build_model(trained.plan.config, 3)
        load_weights(model, trained.place(Task(fold.name, 0)) / "model.safetensors")
        said = before_classifier(
            model, Loader(prepared, model.inputs, torch.device("cpu")).batch(fold.test, "annotated")
        )
        rows = [run.clips.index(clip) for clip in fold.test]
        np.testing.assert_allclose(run.features.own[rows], said.numpy(), atol=2e-3)
    assert [clip for clip, one in zip(run.clips, run.features.tested, strict=True) if one] == list(
        trained.plan.fold(run.features.fold).test
    )


def test_heat_maps_are_for_the_answer_and_reach_255_where_there_is_any(trained):
    (run,) = study_of(trained).runs
    assert set(run.maps.parts) == {"temporal", "spatial", "joined"}
    assert np.array_equal(run.maps.answer, run.answers[0])
    for maps in run.maps.parts.values():
        assert maps.shape == (12, 2, 2) and maps.dtype == np.uint8
        assert set(maps.max((1, 2))) <= {0, 255}


def test_what_is_kept_serves_where_the_images_are_not(trained, prepared_folder):
    before = study_of(trained).runs[0]
    shutil.rmtree(prepared_folder)
    study = study_of(trained)
    assert np.array_equal(study.runs[0].features.own, before.features.own)
    assert np.array_equal(study.runs[0].maps.parts["joined"], before.maps.parts["joined"])
    assert any("no faces in figures" in note and "--cache" in note for note in study.notes)


def test_without_images_and_without_what_was_kept_the_rest_is_made_and_the_lack_is_told(
    trained, prepared_folder, tmp_path
):
    shutil.rmtree(prepared_folder)
    done = report([trained.path], tmp_path / "out", tmp_path / "nowhere", device="cpu")
    assert any("no features" in note for note in done.notes) and any("no heat maps" in note for note in done.notes)
    made = {file.name.partition("-")[0] for file in done.files}
    assert {"curves", "confusion", "people", "leak", "table4.csv"} <= made
    assert not made & {"features", "heat", "streams", "confused"}


def test_heat_maps_can_be_left_out_and_lack_without_captum(trained, monkeypatch):
    assert any("not asked for" in line for line in study_of(trained, maps=False).runs[0].lacking)
    monkeypatch.setattr(saliency, "find_spec", lambda name: None)
    study = study_of(trained)
    assert study.runs[0].maps is None and study.runs[0].features is not None
    assert any("captum, which is not installed" in note for note in study.notes)


def test_of_a_run_that_may_only_be_read_all_is_worked_out_and_nothing_kept(trained, monkeypatch):
    watch, notes = Watch(), []
    monkeypatch.setattr(watch, "note", notes.append)
    monkeypatch.setattr("os.access", lambda path, mode: False)
    (run,) = gather_study([trained.path], trained.path / "nowhere", True, "cpu", watch).runs
    assert run.features is not None and run.maps is not None
    assert [note.partition(":")[0] for note in notes] == ["features.npz is not kept", "maps.npz is not kept"]
    assert not (trained.path / "features.npz").exists()


def test_damage_to_what_is_kept_is_named(trained):
    study_of(trained)
    (trained.path / "features.npz").write_bytes(b"PK half")
    notes = study_of(trained).notes
    assert any("features.npz: is damaged" in note and "Delete it" in note for note in notes)


def test_curves_end_where_the_scores_of_rule_last_are(answered):
    folder = answered("invented")
    (run,) = study_of(folder).runs
    last = summarise(folder).model
    for score in ("acc", "uf1", "uar"):
        assert run.curves[score].shape == (2, 3)
        assert run.curves[score][:, -1].mean() == pytest.approx(getattr(last, score).value)
    assert run.probabilities.sum(-1) == pytest.approx(1)
    assert run.scores["oracle"].uf1.value - run.last.uf1.value == pytest.approx(run.leak["uf1"].value)


def test_recall_has_an_interval_around_it(answered):
    (run,) = study_of(answered("invented")).runs
    for rule, intervals in run.recalls.items():
        assert [i.value for i in intervals] == pytest.approx(list(run.scores[rule].recall.values()))
        assert all(i.low <= i.value <= i.high for i in intervals)


def test_runs_that_tested_no_clip_in_common_have_no_heat_maps_side_by_side(trained):
    study = study_of(trained)
    (run,) = study.runs
    other = replace(run, name="other", clips=tuple(f"{clip}-other" for clip in run.clips))
    wanted, notes = plan_figures(replace(study, runs=(run, other), faces=study.faces | {"other": None}))
    assert not any(name.startswith("heat-maps-") for name in wanted)
    assert {"streams-tiny", "streams-other"} <= set(wanted)
    assert "tiny, other: no heat maps side by side: they tested no clip in common" in notes


def test_a_run_that_cannot_be_read_is_told_and_the_others_are_made(answered, start, tmp_path):
    whole, (unfinished, _) = answered("whole"), start("unfinished")
    other = answered("other")
    (other.path / "run.json").write_text(json.dumps({"format": 99}))
    paths = [whole.path, unfinished.path, other.path, tmp_path / "thesis"]
    study = gather_study(paths, tmp_path, False, "cpu", Watch())
    assert [run.name for run in study.runs] == ["tiny"]
    told = "\n".join(study.notes)
    assert "6 of 6 trainings are not finished" in told
    assert "format 99" in told
    assert "is not a run folder" in told


def test_without_any_finished_run_there_is_no_report(start, tmp_path):
    folder, _ = start("unfinished")
    with pytest.raises(RunError, match=r"nothing to report\..*not finished"):
        report([folder.path], tmp_path / "out", tmp_path, device="cpu")
    assert not (tmp_path / "out").exists()


def test_a_file_is_no_place_for_a_report(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(RunError, match="out: is a file"):
        report([tmp_path], tmp_path / "out", tmp_path, device="cpu")


def test_a_folder_of_something_else_is_no_place_for_a_report_and_that_of_an_earlier_one_is(answered, tmp_path):
    run, out = answered("invented"), tmp_path / "out"
    do = partial(report, [run.path], maps=False, cache=tmp_path, device="cpu")
    out.mkdir()
    for name in ("notes.txt", "index.html"):
        (out / name).write_text("my own")
        with pytest.raises(RunError, match=rf"out: is no report's folder, but holds {name}\. Choose an empty or new"):
            do(out=out)
        assert (out / name).read_text() == "my own" and len(list(out.iterdir())) == 1
        (out / name).unlink()
    with pytest.raises(RunError, match=r"is no report's folder, but holds clips\.csv"):
        do(out=run.path)
    assert do(out=out).files == do(out=out).files
    (out / "index.html").unlink(), (out / "notes.txt").unlink()
    assert (out / "index.html") in do(out=out).files, "one that was stopped is made to its end"


def test_a_class_that_is_never_answered_is_told_and_the_tables_are_made(answered, tmp_path):
    folder = answered("never")
    for task in folder.plan.tasks:
        file = folder.place(task) / "logits.npz"
        stored = dict(np.load(file))
        stored["test"][..., 2] = -100
        np.savez(file, **stored)
    study = study_of(folder, maps=False)
    assert any(note.endswith("surprise is never answered") for note in study.notes)
    assert study.runs[0].last.confusion[:, 2].sum() == 0
    files, _ = write_tables(study, tmp_path)
    assert {file.name for file in files} >= {"table4.tex", "table8.tex"}


def test_a_folder_of_runs_stands_for_them_and_each_has_a_name_of_its_own(answered, tmp_path):
    answered("one"), answered("two")
    study = gather_study([tmp_path, tmp_path / "one"], tmp_path, False, "cpu", Watch())
    assert sorted(run.name for run in study.runs) == ["tiny-one", "tiny-two"]
    assert sorted(run.label for run in study.runs) == ["tiny-one", "tiny-two"]


def test_variants_are_called_as_in_the_paper_and_their_differences_are_paired(start, prepared_folder):
    folders = []
    for variant, knowledge in (("early", 0), ("late", 3)):
        plan = plan_of(tiny_config(), prepared_folder)
        options = {**plan.config.model.options, "variant": variant}
        model = plan.config.model.model_copy(update={"options": options})
        config = plan.config.model_copy(update={"model": model, "name": variant})
        folders.append(invent(start(variant, plan_of(config, prepared_folder))[0], knowledge))
    study = study_of(*folders, maps=False)
    assert [run.label for run in study.runs] == ["T-S (early)", "T-S (late)"]
    assert "early, late: no heat maps: they were not asked for" in study.notes, "what many lack is told once"
    gain = study.gains["late", "early", "last"]["uf1"]
    early, late = (run.last.uf1.value for run in study.runs)
    assert gain.interval.value == pytest.approx(late - early)
    assert gain.over == "T-S (early)"


def test_the_run_folder_stays_a_run_folder(trained):
    study_of(trained)
    assert not RunFolder.open(trained.path).missing()
