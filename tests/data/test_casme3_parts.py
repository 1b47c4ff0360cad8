"""CAS(ME)³ beyond the micro sheet of part A: its main sheet and first version, parts B and C."""

import shutil
from collections import Counter

import numpy as np
import openpyxl
import pytest

from tsfmicro.data.casme3 import WITH_MAIN, Casme3
from tsfmicro.data.casme3_b import Casme3B
from tsfmicro.data.casme3_c import Casme3C
from tsfmicro.data.check import check
from tsfmicro.data.entries import Entry
from tsfmicro.data.sheets import read_tables
from tsfmicro.errors import AnnotationError
from tsfmicro.labels import scheme

MICRO, MAIN = "cas(me)3_part_A_ME_label_JpgIndex_v2.xlsx", "CAS(ME)3_part_A_v2.xls"


def rng():
    return np.random.default_rng(1)


@pytest.fixture(scope="module")
def with_main(release_of):
    return release_of("casme3", sheet=WITH_MAIN, layout="videos, colour only")


@pytest.fixture(scope="module")
def reading(with_main):
    return Casme3().read(with_main)


def reasons(reading):
    return Counter(flag.reason for flag in reading.flags)


def test_the_main_sheet_adds_3346_macro_expressions_and_agrees_with_the_corrected_micro_ones(with_main, reading):
    rows = read_tables(with_main / MAIN)[0].cells
    counts = (len(rows) - 1, len({tuple(row[:2]) for row in rows}) - 1, len({row[0] for row in rows}) - 1)
    assert counts == (4206, 956, 98)
    assert (len(reading.clips), len(reading.macro), reading.rows) == (860, 3346, 860)
    assert all(clip.emotion for clip in reading.clips) and not any(clip.emotion for clip in reading.macro)
    assert not {"other frames in the main sheet", "not in the main sheet"} & reasons(reading).keys()
    assert MAIN in reading.version
    assert check(Casme3(), with_main).macro == 3346


def test_a_macro_expression_that_begins_before_the_first_frame_is_there(reading):
    (clip,) = (clip for clip in reading.macro if clip.id == "casme3/spNO.215/l_0")
    assert (clip.onset, clip.apex, clip.offset) == (0, 357, 750)


def test_where_the_two_sheets_do_not_agree_each_row_is_told(with_main, tmp_path):
    for file in (MICRO, MAIN):
        shutil.copy(with_main / file, tmp_path / file)
    shutil.copytree(with_main / "spNO.1", tmp_path / "spNO.1")
    book = openpyxl.load_workbook(tmp_path / MICRO)
    sheet = book["label"]
    sheet.delete_rows(4)
    sheet["D2"] = str(int(sheet["D2"].value) + 1)
    sheet["C3"] = "9999"
    sheet["E3"], sheet["D3"] = "10005", "10000"
    book.save(tmp_path / MICRO)
    found = reasons(Casme3().read(tmp_path))
    assert found["other frames in the main sheet"] == 1
    assert found["micro-expression of the main sheet only"] == 2
    assert found["not in the main sheet"] == 1


def test_the_main_sheet_without_the_micro_sheet_is_not_enough(with_main, tmp_path):
    shutil.copy(with_main / MAIN, tmp_path / "casme3.xlsx")
    with pytest.raises(
        AnnotationError,
        match=r"casme3\.xlsx \(no column for emotion: it is the main sheet\)",
    ):
        Casme3().read(tmp_path)


def test_the_first_version_has_921_rows_and_says_that_it_is_one(tmp_path):
    Casme3().write_fake(tmp_path, rng(), sheet="v1", layout="videos, colour only")
    found = check(Casme3(), tmp_path)
    assert (found.clips, found.version) == (921, "v1, 921 rows")
    assert any("the second has 65 of its rows as macro-expressions" in note for note in found.schemes[0].notes)


def test_of_both_versions_the_second_is_read(with_main, tmp_path):
    Casme3().write_fake(tmp_path, rng(), sheet="v1", layout="videos, colour only", rows=20)
    shutil.copy(with_main / MICRO, tmp_path / MICRO)
    reading = Casme3().read(tmp_path)
    assert reading.sheet.name == MICRO
    assert [file.name for file in reading.other_sheets] == [MICRO.replace("v2.xlsx", "v1.xls")]


def test_the_clips_that_the_authors_except_are_flagged_and_stay(reading):
    found = reasons(reading)
    assert (found["face partly covered at the apex"], found["frames of bad quality"]) == (15, 4)
    assert "casme3/spNO.147/e_1058" in {clip.id for clip in reading.clips}


@pytest.fixture(scope="module")
def part_b(release_of):
    return release_of("casme3-b", rows=39)


def test_part_b_is_1508_recordings_of_116_people():
    rows = Casme3B().fake_rows("self-report", rng())
    assert (len(rows), len({row.subject for row in rows})) == (1508, 116)


def test_a_recording_of_part_b_has_no_label_and_no_scheme_takes_it(part_b):
    reading = Casme3B().read(part_b)
    assert len(reading.clips) == 39
    assert {(clip.apex, clip.emotion) for clip in reading.clips} == {(None, "")}
    assert scheme("all-3").why_left_out(reading.clips[0]) == "a clip without an emotion has no class in all-3"
    assert {clip.person.partition("/")[0] for clip in reading.clips} == {"casme3"}


def test_a_merged_subject_is_that_of_its_13_recordings(part_b, tmp_path):
    shutil.copytree(part_b, tmp_path, dirs_exist_ok=True)
    (file,) = tmp_path.glob("*.xlsx")
    book = openpyxl.load_workbook(file)
    sheet = book.active
    same = [row for row in range(2, 41) if sheet[f"A{row}"].value == sheet["A2"].value]
    sheet.merge_cells(f"A2:A{same[-1]}")
    book.save(file)
    assert Casme3B().read(tmp_path).clips == Casme3B().read(part_b).clips


@pytest.fixture(scope="module")
def part_c(release_of):
    return release_of("casme3-c", sheet="with the main sheet")


def test_part_c_has_165_micro_expressions_of_30_people_whose_apex_is_to_be_spotted(part_c):
    found = check(Casme3C(), part_c)
    four, three = found.schemes
    assert (four.total.labelled, three.total.labelled, found.people, found.macro) == (165, 145, 30, 303)
    assert found.reasons["no apex annotated"] == 165 + 303


def test_the_main_sheet_of_part_c_has_159_of_them_and_one_more(part_c):
    rows = read_tables(part_c / "CAS(ME)3_part_C.xls")[0].cells[1:]
    assert (len(rows), len({row[0] for row in rows})) == (463, 28)
    assert Counter(row[4] for row in rows) == {"1": 160, "0": 303}
    found = reasons(Casme3C().read(part_c))
    assert (found["not in the main sheet"], found["micro-expression of the main sheet only"]) == (6, 1)


def test_action_units_of_part_c_are_read_whatever_their_commas(part_c):
    clips = Casme3C().read(part_c).clips
    counts = Counter(n for clip in clips for n in set(clip.action_units.numbers))
    assert [counts[n] for n in (4, 2, 24, 14, 25, 10, 5, 12, 7)] == [74, 40, 26, 25, 18, 15, 12, 12, 10]
    of = {clip.action_units.text: clip.action_units for clip in clips}
    assert of["4，11"].numbers == (4, 11)
    assert not of["13?"].units[0].certain
    assert sum(text.endswith(",") for text in (clip.action_units.text for clip in clips)) == 3
    assert sum(clip.action_units.text.isdigit() for clip in clips) == 50


def test_a_clip_of_part_c_is_a_number_that_begins_anew_for_each_person(part_c):
    clips = Casme3C().read(part_c).clips
    assert [clip.name for clip in clips if clip.subject == "spNO.3"] == ["1", "2"]
    assert clips[0].frames.folder.relative_to(part_c).as_posix() == "ME_C/01/1/color"


@pytest.mark.parametrize(
    ("onset", "offset", "told"), [("400", "497", False), ("400", "498", True), ("577", "600", False)]
)
def test_a_clip_with_frames_that_cannot_be_read_is_told(onset, offset, told):
    odd = Casme3().oddities(Entry("spNO.3", "J_400", onset, onset, offset, recording="J"))
    assert [reason for reason, _ in odd] == ["frames that cannot be read"] * told
