"""What people do to copies of a release, for every dataset with a sheet: told by name, and the rest is read."""

import csv
import shutil

import numpy as np
import openpyxl
import pytest

from tsfmicro.data.check import check
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.registry import DATASETS
from tsfmicro.errors import AnnotationError, FrameError

HEADED = [name for name, data in DATASETS.items() if isinstance(data, HeadedDataset)]
every_headed = pytest.mark.parametrize("name", HEADED)


def every_headed_with(column):
    """Those whose own sheet has a column; with emotions, those that say which there are."""
    asked = [name for name in HEADED if column != "emotion" or DATASETS[name].emotions]
    sheets = {name: next(iter(DATASETS[name].sheets.values())) for name in asked}
    return pytest.mark.parametrize("name", [n for n, s in sheets.items() if column in dict(s.columns).values()])


def written(name, root, rows=12):
    """A fake of one sheet, and that sheet."""
    DATASETS[name].write_fake(root, np.random.default_rng(0), rows=rows, sheet=next(iter(DATASETS[name].sheets)))
    return DATASETS[name], root / next(iter(DATASETS[name].sheets.values())).file


def every_clip(reading):
    return (*reading.clips, *reading.macro)


def column_of(data, table, column):
    """The row of a sheet's header, and where one of our columns stands; both as openpyxl counts."""
    heading = next(head for head, what in next(iter(data.sheets.values())).columns if what == column)
    return next((cell.row, cell.column) for row in table.iter_rows() for cell in row if cell.value == heading)


def changed(data, file, column, cell):
    """The sheet with one column's cells replaced: `cell` gets a row's number from 0 and what stood there; None leaves it."""
    book = openpyxl.load_workbook(file)
    table = next(table for table in book.worksheets if table.title == next(iter(data.sheets.values())).sheet)
    header, place = column_of(data, table, column)
    for number, row in enumerate(range(header + 1, table.max_row + 1)):
        now = cell(number, table.cell(row, place).value)
        if now is not None:
            table.cell(row, place, now)
    book.save(file)
    return header


@every_headed_with("emotion")
def test_one_label_that_the_dataset_does_not_have_costs_its_row_and_no_other(name, tmp_path):
    data, file = written(name, tmp_path)
    before = data.read(tmp_path).clips
    header = changed(data, file, "emotion", lambda number, was: "bored" if number == 3 else None)
    reading = data.read(tmp_path)
    (flag,) = (flag for flag in reading.flags if flag.reason == "emotion that the dataset does not have")
    assert (flag.clip, flag.row) == (before[3].id, header + 4)
    assert flag.detail.startswith("'bored'; it has ")
    assert reading.clips == before[:3] + before[4:]
    assert any(line.startswith(f"  {flag.clip} (row {flag.row}): 'bored'") for line in check(data, tmp_path).lines())


@pytest.mark.parametrize("name", [name for name in HEADED if name != "coded"])  # whose videos may lie in folders
def test_a_name_with_a_slash_costs_its_row_and_no_other(name, tmp_path):
    data, file = written(name, tmp_path)
    before = every_clip(data.read(tmp_path))
    slashes = iter(("/", "a/b"))
    header = changed(data, file, "clip", lambda number, was: next(slashes, None))
    reading = data.read(tmp_path)
    told = [flag for flag in reading.flags if flag.reason == "row names no clip" and flag.row]
    assert [flag.row for flag in told] == [header + 1, header + 2]
    assert all("/" in flag.detail for flag in told)
    assert len(every_clip(reading)) == len(before) - 2


@every_headed_with("onset")
def test_formulas_saved_without_their_values_are_told_in_one_line(name, tmp_path):
    data, file = written(name, tmp_path)
    changed(data, file, "onset", lambda number, was: f"={was}+0")
    with pytest.raises(AnnotationError, match="has formulas whose values were not saved: open it in Excel") as told:
        data.read(tmp_path)
    assert file.name in str(told.value) and "\n" not in str(told.value)


@every_headed
def test_a_csv_with_a_byte_order_mark_and_empty_columns_at_the_end_says_the_same(name, tmp_path):
    data, file = written(name, tmp_path)
    before = data.read(tmp_path).clips
    table = next(iter(data.sheets.values())).sheet
    with file.with_suffix(".csv").open("w", newline="", encoding="utf-8-sig") as copy:
        rows = openpyxl.load_workbook(file)[table].iter_rows(values_only=True)
        csv.writer(copy).writerows([*row, None, None] for row in rows)
    file.unlink()
    assert data.read(tmp_path).clips == before


@every_headed
def test_subjects_that_became_numbers_are_the_same_people(name, tmp_path):
    data, file = written(name, tmp_path)
    before = data.read(tmp_path).clips
    changed(data, file, "subject", lambda number, was: float(was) if str(was).isdigit() else None)
    assert data.read(tmp_path).clips == before


@every_headed_with("onset")
def test_half_the_folders_are_told_by_clip_and_the_other_half_is_read(name, tmp_path):
    data, _ = written(name, tmp_path)
    before = data.read(tmp_path)
    folders = sorted({clip.frames.folder for clip in every_clip(before)})
    for folder in folders[::2]:
        shutil.rmtree(folder)
    reading = data.read(tmp_path)
    gone = {clip.id for clip in every_clip(before) if clip.frames.folder in folders[::2]}
    assert {flag.clip for flag in reading.flags if flag.reason == "no folder with frames"} == gone
    assert [clip.id for clip in every_clip(reading)] == [clip.id for clip in every_clip(before)]


@every_headed_with("onset")
def test_frames_of_another_release_under_the_same_names_are_told_by_clip(name, tmp_path):
    data, _ = written(name, tmp_path)
    clips = every_clip(data.read(tmp_path))
    for folder in {clip.frames.folder for clip in clips}:
        for file in folder.iterdir():
            file.unlink()
        (folder / "img9999999.jpg").touch()
    told = {flag.clip for flag in data.read(tmp_path).flags if flag.reason == "onset or apex frame missing"}
    assert told == {clip.id for clip in clips}


@pytest.mark.parametrize(("name", "other"), list(zip(HEADED, [*HEADED[1:], *HEADED[:1]], strict=True)))
def test_frames_of_another_dataset_are_none_of_it(name, other, tmp_path):
    data, file = written(name, tmp_path / "own")
    _, others = written(other, tmp_path / "other")
    others.unlink()
    shutil.move(file, tmp_path / "other")
    with pytest.raises(FrameError, match="no frames of"):
        data.read(tmp_path / "other")
