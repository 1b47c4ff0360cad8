import csv
from collections import Counter

import cv2
import numpy as np
import openpyxl
import pytest

from tsfmicro.action_units import parse_action_units
from tsfmicro.data.casme_squared import CasmeSquared
from tsfmicro.data.check import check
from tsfmicro.data.sheets import read_tables
from tsfmicro.errors import AnnotationError, UnknownNameError

FILE = "CAS(ME)^2code_final.xlsx"


def write(root, **shape):
    CasmeSquared().write_fake(root, np.random.default_rng(1), **shape)
    return root


@pytest.fixture(scope="module")
def release(release_of):
    return release_of("casme-squared")


@pytest.fixture(scope="module")
def reading(release):
    return CasmeSquared().read(release)


def test_300_macro_and_57_micro_expressions_are_kept_apart(reading):
    assert Counter(clip.emotion for clip in reading.macro) == {
        "positive": 116, "negative": 105, "others": 63, "surprise": 16,
    }  # fmt: skip
    assert Counter(clip.emotion for clip in reading.clips) == {
        "negative": 21, "others": 19, "surprise": 9, "positive": 8,
    }  # fmt: skip
    everything = (*reading.clips, *reading.macro)
    assert len({clip.subject for clip in everything}) == 22
    assert len({clip.frames.folder for clip in everything}) == 95
    assert len({clip.frames.folder for clip in reading.clips}) == 33
    assert len({clip.subject for clip in reading.clips}) == 14
    assert {clip.offset - clip.onset + 1 for clip in reading.clips} <= set(range(9, 18))


def test_the_three_classes_have_38_clips(release):
    four, three = check(CasmeSquared(), release).schemes
    assert (four.total.trainable, three.total.trainable) == (57, 38)


def test_people_and_videos_have_the_names_of_their_folders_by_the_naming_rules(reading):
    subjects = {clip.subject for clip in (*reading.clips, *reading.macro)}
    assert {"s15", "s40"} <= subjects and not {"s17", "s18", "s28", "s39"} & subjects
    clip = next(clip for clip in reading.macro if (clip.subject, clip.name) == ("s27", "disgust1_5"))
    assert clip.frames.folder.name == "27_0101disgustingteeth"


def test_a_macro_expression_without_an_offset_ends_at_its_apex_and_it_is_told(reading):
    told = {flag.clip for flag in reading.flags if flag.reason == "macro-expression without an offset"}
    assert len(told) == 44
    assert all(clip.offset == clip.apex for clip in reading.macro if clip.id in told)


def test_four_apexes_outside_their_clips_are_flagged_and_the_clips_stay(reading):
    odd = {flag.clip: flag.detail for flag in reading.flags if flag.reason == "apex outside onset–offset"}
    assert odd == {
        "casme-squared/s27/disgust1_5": "apex 1230, onset 1221, offset 1224",
        "casme-squared/s31/happy2_1": "apex 2203, onset 2169, offset 2202",
        "casme-squared/s32/anger1_12": "apex 2455, onset 2407, offset 2451",
        "casme-squared/s34/anger1_1": "apex 0, onset 1763, offset 1787",
    }
    assert odd.keys() <= {clip.id for clip in reading.macro if clip.apex is None}


def test_action_units_are_counted_and_null_is_none(reading):
    counts = Counter(n for clip in reading.clips for n in set(clip.action_units.numbers))
    assert counts == {4: 20, 2: 12, 1: 10, 12: 7, 6: 7, 7: 6, 45: 6, 24: 4}
    everything = (*reading.clips, *reading.macro)
    assert Counter(c.action_units.text for c in everything if not c.action_units.units) == {"NULL": 4, "null": 7}
    assert parse_action_units("10or11").numbers == (10, 11)


def test_what_people_reported_is_in_the_sheet_as_published(release):
    cells = read_tables(release / FILE)[0].cells
    assert Counter((row[7][:5], row[8]) for row in cells)["macro", "happyiness"] == 1
    assert Counter(row[8] for row in cells if row[7].startswith("micro"))["disgust"] == 16


def as_csv(root):
    """The copy that circulates: UTF-8 with BOM, more columns, and neither naming rule."""
    rows = openpyxl.load_workbook(root / FILE).worksheets[0].iter_rows(values_only=True)
    with (root / "code_final.csv").open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows([*row, 12, "s15/15_0401girlcrashing", "", ""] for row in rows)
    (root / FILE).unlink()


def test_a_csv_copy_without_naming_rules_says_the_same_and_what_it_lacks(tmp_path):
    as_released = CasmeSquared().read(write(tmp_path, rows=30))
    as_csv(tmp_path)
    reading = CasmeSquared().read(tmp_path)
    assert (reading.clips, reading.macro) == (as_released.clips, as_released.macro)
    assert [flag.detail[:25] for flag in reading.flags if flag.reason == "naming rule missing"] == [
        "the sheet 'naming rule1' ", "the sheet 'naming rule2' ",
    ]  # fmt: skip


def test_a_folder_whose_name_is_spelled_otherwise_behind_its_digits_is_found(tmp_path):
    write(tmp_path, rows=40)
    folder = CasmeSquared().read(tmp_path).clips[0].frames.folder
    folder.rename(folder.with_name(folder.name[:7] + "other"))
    assert CasmeSquared().read(tmp_path).clips[0].frames.folder.name.endswith("other")


def test_its_sheet_is_known_by_its_cells_whatever_it_and_its_file_are_called(tmp_path):
    as_released = CasmeSquared().read(write(tmp_path, rows=20)).clips
    book = openpyxl.load_workbook(tmp_path / FILE)
    book.move_sheet(book.worksheets[0], 2)
    book["CASFEcode_final"].title = "CASMEcode_final"
    (tmp_path / FILE).unlink()
    book.save(tmp_path / "casme3.xlsx")
    assert CasmeSquared().read(tmp_path).clips == as_released


def test_rows_that_are_none_of_its_own_are_flagged_each(tmp_path):
    write(tmp_path, rows=10)
    book = openpyxl.load_workbook(tmp_path / FILE)
    codes = book.worksheets[0]
    codes.append(["subject", "name", "onset"])
    codes.append([23, "anger1_1", 1, 2, 3, "4", "negative", "micro-expression", "anger"])
    codes.append([1, "anger1_99", 1, 2, 3, "4", "negative", "blink", "anger"])
    book.save(tmp_path / FILE)
    reading = CasmeSquared().read(tmp_path)
    assert [(flag.row, flag.reason) for flag in reading.flags if flag.row > 10] == [
        (11, "row of text or totals"), (12, "row names no clip"), (13, "row names no clip"),
    ]  # fmt: skip
    assert (reading.rows, len(reading.clips) + len(reading.macro)) == (12, 10)


def test_only_the_naming_rules_or_another_table_are_no_sheet_of_it(tmp_path):
    write(tmp_path, rows=10)
    book = openpyxl.load_workbook(tmp_path / FILE)
    book.remove(book.worksheets[0])
    book.save(tmp_path / FILE)
    with pytest.raises(AnnotationError, match=r"no sheet of CAS\(ME\)².*only the naming rules"):
        CasmeSquared().read(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(AnnotationError, match=r"notes\.csv \(no row has 'micro-expression'"):
        CasmeSquared().read(tmp_path)


def test_a_fake_of_a_shape_that_it_does_not_have_is_refused(tmp_path):
    with pytest.raises(UnknownNameError, match=r"CAS\(ME\)² layout 'rawpics'"):
        write(tmp_path, layout="rawpics")


def test_the_films_of_the_release_will_do_as_well(tmp_path):
    write(tmp_path, rows=1)
    (clip,) = (*CasmeSquared().read(tmp_path).clips, *CasmeSquared().read(tmp_path).macro)
    (tmp_path / "rawpic").rename(tmp_path.with_name(tmp_path.name + "-pictures"))
    film = tmp_path / "rawvideo" / clip.subject / f"{clip.frames.folder.name}.avi"
    film.parent.mkdir(parents=True)
    writer = cv2.VideoWriter(str(film), cv2.VideoWriter.fourcc(*"MJPG"), 30, (32, 32))
    for _ in range(clip.apex):
        writer.write(np.zeros((32, 32, 3), np.uint8))
    writer.release()
    reading = CasmeSquared().read(tmp_path)
    (found,) = (*reading.clips, *reading.macro)
    assert found.frames.numbers == range(1, clip.apex + 1)


@pytest.mark.parametrize("of", [2, 1])
def test_frames_are_taken_from_the_folder_that_has_most_clips(tmp_path, of):
    write(tmp_path, rows=40, layout="raw, cropped")
    write(tmp_path, rows=40, layout="raw")
    (tmp_path / "rawpic").rename(tmp_path / "selectedpic")
    complete = CasmeSquared().read(tmp_path)
    assert (complete.frames.name, [b.name for b in complete.other_frames]) == ("selectedpic", ["rawpic_crop"])
    # Every second video, or all of them with the first of their frames alone.
    for folder in sorted((tmp_path / "selectedpic").glob("*/*"))[::of]:
        for file in sorted(folder.iterdir())[of == 1 :]:
            file.unlink()
    reading = CasmeSquared().read(tmp_path)
    assert (reading.frames.name, [base.name for base in reading.other_frames]) == ("rawpic_crop", ["selectedpic"])
    assert len(reading.trainable) == len(complete.trainable)
