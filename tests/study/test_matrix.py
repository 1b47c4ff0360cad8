"""Every pair of datasets in one matrix, on the fake releases of two datasets and noise faces."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from tests.study.test_study import BASE, Recorder, data  # noqa: F401
from tsfmicro.config import check_config
from tsfmicro.data.fake_flow_maps import write_flow_maps
from tsfmicro.errors import ConfigError
from tsfmicro.labels import SCHEMES
from tsfmicro.report.figures import matrix_of_datasets
from tsfmicro.run.folder import RunFolder
from tsfmicro.study import matrix as module
from tsfmicro.study import shipped
from tsfmicro.study.matrix import matrix
from tsfmicro.study.study import Row, StudyTable
from tsfmicro.types import Interval, dataset_of


def do_matrix(data, out, watch=None, roots=None, within=False, **settings):  # noqa: F811
    config = check_config({**BASE, **settings}, "mine")
    folders, cache = data
    return matrix(config, roots or folders, out, cache, within, device="cpu", workers=1, watch=watch)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):  # noqa: F811
    out, watch = tmp_path_factory.mktemp("matrix") / "out", Recorder()
    return out, do_matrix(data, out, watch, within=True), watch


def test_each_ordered_pair_is_a_cell_and_each_dataset_alone_is_the_diagonal(finished):
    out, found, _ = finished
    headings, rows = found.cells()
    assert headings == ["trained on \\ tested on", "casme2", "samm"]
    assert [row[0] for row in rows] == ["casme2", "samm"]
    assert all(cell.endswith("]") for row in rows for cell in row[1:])
    assert {f.name for f in out.iterdir()} >= {"matrix.csv", "matrix.md", "matrix.png", "casme2-to-samm", "samm-within"}
    assert list(csv.reader((out / "matrix.csv").open()))[1:] == rows


def test_a_cell_is_trained_on_its_row_and_tested_on_its_column_and_nobody_is_on_both(finished):
    out, *_ = finished
    plan = RunFolder.open(out / "casme2-to-samm").plan
    (fold,) = plan.folds
    assert {dataset_of(c) for c in fold.train} == {"casme2"} and {dataset_of(c) for c in fold.test} == {"samm"}
    inside = RunFolder.open(out / "samm-within").plan
    assert {dataset_of(c) for c in inside.labels} == {"samm"}
    assert set(inside.tested) == set(plan.tested), "a column tests the same clips, so its cells can be compared"


def test_a_column_is_compared_with_its_diagonal_paired_over_people(finished):
    out, found, _ = finished
    row = found.runs[("casme2", "samm")]
    assert row.member.against == "samm-within" and row.versus is not None
    assert f"casme2 → samm: UF1 {row.versus['uf1']} over samm within itself" in (out / "matrix.md").read_text()


def test_the_page_names_the_reference_of_each_row_where_there_are_several(finished):
    out, *_ = finished
    rows = [line.strip("| ").split(" | ") for line in (out / "table.md").read_text().splitlines() if line[:1] == "|"]
    (heads,) = [row for row in rows if "UF1 − its reference" in row]
    named = {row[0]: row[heads.index("UF1 − its reference")] for row in rows if "-to-" in row[0]}
    assert named["`casme2-to-samm`"].endswith(" (samm-within)")
    assert named["`samm-to-casme2`"].endswith(" (casme2-within)")


def test_the_same_command_trains_nothing_again(data, finished):  # noqa: F811
    out, found, _ = finished
    watch = Recorder()
    again = do_matrix(data, out, watch, within=True)
    assert not watch.trained and again.cells() == found.cells()


def test_faces_are_prepared_once_for_all_pairs(finished):
    out, *_ = finished
    keys = {RunFolder.open(folder).plan.prepared for folder in out.iterdir() if (folder / "run.json").exists()}
    assert len(keys) == 1


def test_one_dataset_is_no_matrix(data, tmp_path):  # noqa: F811
    with pytest.raises(ConfigError, match="at least two datasets"):
        do_matrix(data, tmp_path, roots={"casme2": data[0]["casme2"]})


def test_a_pair_whose_tested_side_lacks_a_class_is_left_out_with_the_reason(data, tmp_path, monkeypatch):  # noqa: F811
    known = SCHEMES["megc2019-3"]
    unsurprised = {**known.of_dataset, "samm": {**known.of_dataset["samm"], "surprise": None}}
    monkeypatch.setitem(SCHEMES, "megc2019-3", replace(known, of_dataset=unsurprised))
    watch = Recorder()
    found = do_matrix(data, tmp_path / "out", watch)
    assert found.cells()[1][0] == ["casme2", "–", "–"] and found.cells()[1][1][1].endswith("]")
    (note,) = [note for note in found.notes() if "was not trained" in note]
    assert "casme2 → samm was not trained: no tested clip shows surprise" in note
    assert any(note.startswith("casme2 → samm is left out") for note in watch.notes)


def test_ready_made_flow_maps_are_the_three_datasets_they_hold(tmp_path, monkeypatch):
    write_flow_maps(tmp_path / "maps", np.random.default_rng(0), people=9)
    monkeypatch.setattr(
        module, "conduct", lambda made, *args, **rest: StudyTable("x", tuple(Row(m, None) for m in made.everything))
    )
    monkeypatch.setattr(module, "write_whole", lambda *args: None)
    found = matrix(
        shipped.config("megc2019-ststnet"), {"flow-maps": tmp_path / "maps"}, tmp_path / "out", tmp_path / "cache"
    )
    assert set(found.datasets) == {"casme2", "samm", "smic"} and len(found.runs) + len(found.without) == 9


def test_a_pair_without_a_run_is_grey_and_the_others_show_value_and_interval():
    figure = matrix_of_datasets(["a", "b"], [[None, Interval(0.6, 0.5, 0.7)], [Interval(0.1, 0.0, 0.2), None]])
    said = [text.get_text() for text in figure.axes[0].texts]
    assert said == ["–", "0.60\n[0.50, 0.70]", "0.10\n[0.00, 0.20]", "–"]
