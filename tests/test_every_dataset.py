"""One sweep over every dataset that is registered: its fake has the release's shape and counts, and is read back."""

import csv
import json
import shutil
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from tsfmicro.data import frames
from tsfmicro.data.annotated import AnnotatedDataset
from tsfmicro.data.base import can_train
from tsfmicro.data.check import check
from tsfmicro.data.corrections import corrections
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.registry import DATASETS, dataset, read
from tsfmicro.errors import AnnotationError, FrameError, UnknownNameError
from tsfmicro.labels import scheme

every_dataset = pytest.mark.parametrize("name", DATASETS)
every_annotated = pytest.mark.parametrize("name", [n for n, d in DATASETS.items() if isinstance(d, AnnotatedDataset)])
every_with_sheet_and_frames = pytest.mark.parametrize(
    "name", [n for n, d in DATASETS.items() if isinstance(d, AnnotatedDataset) and d.has_sheet]
)
every_with_apexes = pytest.mark.parametrize(
    "name", [n for n, d in DATASETS.items() if isinstance(d, AnnotatedDataset) and d.has_apex]
)
every_headed = pytest.mark.parametrize("name", [n for n, d in DATASETS.items() if isinstance(d, HeadedDataset)])
every_layout = pytest.mark.parametrize(("name", "layout"), [(n, lay) for n, d in DATASETS.items() for lay in d.layouts])
every_sheet = pytest.mark.parametrize(
    ("name", "sheet"), [(n, sheet) for n, d in DATASETS.items() for sheet in d.sheets]
)


def rng():
    return np.random.default_rng(0)


def first_sheet(data):
    """The file of the sheet that a fake has unless another is asked for."""
    return next(iter(data.sheets.values())).file


@pytest.fixture(scope="session")
def as_released(release_of):
    """The clips of a fake of a dozen rows of a dataset with one of its sheets, read once."""
    return cache(lambda name, sheet: DATASETS[name].read(release_of(name, rows=12, sheet=sheet)).clips)


@every_dataset
def test_the_whole_release_has_as_many_rows_as_published(name, release_of):
    reading = DATASETS[name].read(release_of(name))
    assert reading.rows == len(reading.clips) + len(reading.macro) == DATASETS[name].release_rows


@every_dataset
def test_counts_are_the_papers_or_the_difference_is_explained(name, release_of):
    for counts in check(DATASETS[name], release_of(name)).schemes:
        has_apex = DATASETS[name].has_apex
        as_published = all((c.with_apex if has_apex else c.labelled) == c.paper for c in counts.classes)
        assert as_published or any("the paper counts" in note for note in counts.notes)


@every_dataset
def test_every_clip_has_its_own_id_and_an_emotion_that_every_scheme_knows(name, release_of):
    clips = DATASETS[name].read(release_of(name)).clips
    assert len({clip.id for clip in clips}) == len(clips)
    assert {clip.dataset for clip in clips} == set(DATASETS[name].shows)
    for scheme_name in DATASETS[name].published:
        assert {scheme(scheme_name).label_of(clip) for clip in clips} - {None}


@every_with_sheet_and_frames
def test_read_as_another_dataset_it_is_told_whose_sheet_there_is(name, release_of, tmp_path):
    other = "mmew" if name != "mmew" else "samm"
    with pytest.raises(AnnotationError, match=rf"There is a sheet of [^.]*\({name}\)"):
        read(DATASETS[other], release_of(name, rows=12))


@every_dataset
def test_the_paper_counts_exactly_the_classes_of_each_scheme(name):
    for scheme_name, counts in DATASETS[name].published.items():
        assert tuple(counts) == scheme(scheme_name).classes


@every_dataset
def test_every_clip_without_a_flag_can_be_trained_on(name, tmp_path):
    DATASETS[name].write_fake(tmp_path, rng(), rows=20, every_frame=True)
    reading = DATASETS[name].read(tmp_path)
    flagged = {flag.clip for flag in reading.flags if flag.reason != "no apex annotated"}
    assert len(flagged) < 20
    for clip in reading.clips:
        spotted = clip if DATASETS[name].has_apex else replace(clip, apex=clip.offset)
        assert clip.id in flagged or can_train(spotted)


@every_layout
def test_every_layout_gives_the_same_clips_with_their_frames(name, layout, release_of, tmp_path):
    DATASETS[name].write_fake(tmp_path, rng(), rows=25, layout=layout)
    reading = DATASETS[name].read(tmp_path)
    whole = {clip.id: clip for clip in DATASETS[name].read(release_of(name)).clips}
    assert len(reading.clips) + len(reading.macro) == 25
    for clip in reading.clips:
        assert clip == whole[clip.id]
        assert clip.frames.path(clip.onset).is_file()
        assert clip.apex is None or clip.frames.path(clip.apex).is_file()


@every_sheet
@pytest.mark.parametrize(
    ("cells", "bare"), [("release", True), ("text", False), ("text", True), ("number", False), ("number", True)]
)
def test_text_and_number_cells_preamble_or_none_make_no_difference(name, sheet, cells, bare, as_released, tmp_path):
    DATASETS[name].write_fake(tmp_path, rng(), rows=12, sheet=sheet, cells=cells, bare=bare)
    assert DATASETS[name].read(tmp_path).clips == as_released(name, sheet)


@every_dataset
def test_the_root_may_be_one_folder_higher_or_the_folder_of_the_frames(name, tmp_path):
    data = DATASETS[name]
    data.write_fake(tmp_path / "disk" / "set", rng(), rows=6)
    reading = data.read(tmp_path / "disk" / "set")
    assert data.read(tmp_path / "disk").clips == reading.clips
    assert data.read(reading.frames).clips == reading.clips
    assert data.read(reading.frames).trainable == reading.trainable


@every_dataset
def test_a_fake_is_the_same_for_the_same_generator(name, tmp_path):
    one, other = (tmp_path / side for side in ("one", "other"))
    for root in (one, other):
        DATASETS[name].write_fake(root, rng(), rows=12)
    assert DATASETS[name].read(one).clips == DATASETS[name].read(other).clips


@every_with_apexes
def test_lost_frames_are_flagged_and_their_clips_stay(name, tmp_path):
    DATASETS[name].write_fake(tmp_path, rng(), rows=20, lost=0.1)
    reading = DATASETS[name].read(tmp_path)
    lost = {flag.clip for flag in reading.flags if flag.reason == "onset or apex frame missing"}
    assert len(reading.clips) + len(reading.macro) == 20
    assert 1 <= len(lost) <= 2
    assert not lost & {clip.id for clip in reading.trainable}


@every_with_sheet_and_frames
def test_a_folder_that_is_gone_is_flagged_by_clip_and_row(name, tmp_path):
    DATASETS[name].write_fake(tmp_path, rng(), rows=8)
    gone = next(clip for clip in reversed(DATASETS[name].read(tmp_path).clips) if clip.frames.numbers)
    shutil.rmtree(gone.frames.folder)
    reading = DATASETS[name].read(tmp_path)
    assert [flag.clip for flag in reading.flags if flag.reason == "no folder with frames"] == [gone.id]
    assert gone.id not in {clip.id for clip in reading.trainable}


@every_dataset
def test_the_package_ships_only_corrections_that_the_release_needs(name, release_of):
    reading = DATASETS[name].read(release_of(name))
    assert {fixed.correction for fixed in reading.fixed} == set(corrections(name))
    assert all(fixed.correction.why for fixed in reading.fixed)


@every_dataset
def test_a_check_can_be_printed_and_written_as_json(name, release_of):
    found = check(DATASETS[name], release_of(name))
    assert any(DATASETS[name].title in line for line in found.lines())
    values = json.loads(json.dumps(found.to_dict()))
    assert values["clips"] + values["macro"] == DATASETS[name].release_rows


@every_headed
def test_a_missing_root_a_root_without_sheet_and_one_without_frames_each_say_so(name, tmp_path):
    data = DATASETS[name]
    with pytest.raises(AnnotationError, match="no such folder"):
        data.read(tmp_path / "nowhere")
    (tmp_path / "a" / "b" / "empty").mkdir(parents=True)
    (tmp_path / "a" / "b" / "empty" / "notes.xlsx").touch()
    with pytest.raises(AnnotationError, match=r"Looked for .*spreadsheets found: notes\.xlsx"):
        data.read(tmp_path / "a" / "b" / "empty")
    data.write_fake(tmp_path / "bare", rng(), rows=3)
    for folder in [p for p in (tmp_path / "bare").iterdir() if p.is_dir()]:
        shutil.rmtree(folder)
    with pytest.raises(FrameError, match="no frames"):
        data.read(tmp_path / "bare")


@every_headed
@pytest.mark.parametrize(
    "file", ["SAMM.xlsx", "casme3.xlsx", "casme3_table.xlsx", "CASME2_label_Ver_2.xls", "1 (2).xlsx"]
)
def test_a_sheet_is_known_by_its_columns_whatever_it_and_its_file_are_called(name, file, as_released, tmp_path):
    data = DATASETS[name]
    sheet = next(iter(data.sheets))
    data.write_fake(tmp_path, rng(), rows=12, sheet=sheet)
    released = tmp_path / first_sheet(data)
    book = openpyxl.load_workbook(released)
    table = book.worksheets[0]
    table.title = "Tabelle1"
    table.insert_cols(1)
    table.insert_rows(1, 2)
    table["B1"] = "what I changed: nothing"
    book.save(released)
    released.rename(tmp_path / file)
    reading = data.read(tmp_path)
    assert reading.clips == as_released(name, sheet)
    assert reading.sheet == tmp_path / file


@every_headed
def test_a_csv_copy_says_the_same(name, as_released, tmp_path):
    data = DATASETS[name]
    sheet = next(iter(data.sheets))
    data.write_fake(tmp_path, rng(), rows=12, sheet=sheet)
    file = tmp_path / first_sheet(data)
    with (tmp_path / "cas(me)3_part_A_edited.csv").open("w", newline="", encoding="utf-8-sig") as copy:
        csv.writer(copy).writerows(openpyxl.load_workbook(file).worksheets[0].iter_rows(values_only=True))
    file.unlink()
    assert data.read(tmp_path).clips == as_released(name, sheet)


@every_headed
def test_the_sheets_of_other_datasets_are_never_taken(name, release_of, tmp_path):
    for number, other in enumerate(n for n, d in DATASETS.items() if isinstance(d, HeadedDataset) and n != name):
        shutil.copytree(release_of(other, rows=3, sheet=next(iter(DATASETS[other].sheets))), tmp_path / other)
        file = tmp_path / other / first_sheet(DATASETS[other])
        for beside in {*(tmp_path / other).glob("*.xlsx")} - {file}:
            beside.unlink()
        file.rename(file.with_name(f"{number}-{DATASETS[name].title}.xlsx"))
    with pytest.raises(AnnotationError, match=r"which is none of|no column for|no row names"):
        DATASETS[name].read(tmp_path)
    DATASETS[name].write_fake(tmp_path / "own", rng(), rows=12)
    assert {clip.dataset for clip in DATASETS[name].read(tmp_path).clips} == {name}


@every_dataset
def test_it_is_said_how_a_dataset_was_filmed_and_where_it_is_applied_for(name):
    assert DATASETS[name].size and DATASETS[name].gate


@every_annotated
def test_reading_lists_the_folder_of_a_clip_once(name, tmp_path, monkeypatch):
    DATASETS[name].write_fake(tmp_path, rng(), rows=20)
    listed = Counter()

    def scandir(folder):
        listed[Path(folder)] += 1
        return os_scandir(folder)

    os_scandir = frames.os.scandir
    monkeypatch.setattr(frames.os, "scandir", scandir)
    clips = DATASETS[name].read(tmp_path).clips
    assert {listed[clip.frames.folder] for clip in clips} == {1}


def test_a_misspelt_dataset_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean 'casme2'"):
        dataset("casme_2")
