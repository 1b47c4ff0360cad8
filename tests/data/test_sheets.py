import csv

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfmicro.data.sheets import read_rows, whole
from tsfmicro.errors import AnnotationError

HEAD = ["Subject", " Filename ", None, "OnsetFrame", "Apex Frame", "Offset", "AU", "Estimated Emotion"]
ROW = ["01", "EP02_01f", None, 46, 59.0, "86", 4, "happiness "]


def excel(path, *rows, sheet="Sheet1", others=()):
    book = openpyxl.Workbook()
    book.active.title = sheet
    for row in rows:
        book.active.append(row)
    for name in others:
        book.create_sheet(name)
    book.save(path)
    return path


def test_every_cell_comes_as_text_whatever_excel_made_of_it(tmp_path):
    (row,) = read_rows(excel(tmp_path / "a.xlsx", HEAD, ROW), "Sheet1")
    assert (row.subject, row.clip, row.onset, row.apex, row.offset) == ("01", "EP02_01f", "46", "59", "86")
    assert (row.action_units, row.emotion) == ("4", "happiness")


def test_rows_are_numbered_as_excel_shows_them_below_a_preamble_and_empty_rows(tmp_path):
    path = excel(tmp_path / "a.xlsx", [None], ["About"], [None], HEAD, [None], ROW, [None])
    assert [row.number for row in read_rows(path, "Sheet1")] == [6]
    path = excel(tmp_path / "b.xlsx", [None], HEAD, ROW)
    assert [row.number for row in read_rows(path, "Sheet1")] == [3]


def test_a_csv_copy_reads_like_the_excel_file(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows([HEAD, ROW])
    (row,) = read_rows(path, "Sheet1")
    assert (row.subject, row.onset, whole(row.apex)) == ("01", "46", 59)


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path):
    path = excel(tmp_path / "a.xlsx", HEAD[:4] + HEAD[5:], ROW)
    with pytest.raises(AnnotationError, match="no column for apex; there are Subject, Filename, OnsetFrame, Offset"):
        read_rows(path, "Sheet1")


def test_a_wrong_sheet_name_lists_the_sheets_and_a_single_sheet_may_have_any(tmp_path):
    path = excel(tmp_path / "a.xlsx", HEAD, ROW, sheet="label", others=["notes"])
    with pytest.raises(AnnotationError, match="has no sheet 'MICRO_ONLY', only 'label', 'notes'"):
        read_rows(path, "MICRO_ONLY")
    assert read_rows(excel(tmp_path / "b.xlsx", HEAD, ROW, sheet="export"), "MICRO_ONLY")


def test_a_table_without_header_says_what_its_first_row_is(tmp_path):
    with pytest.raises(AnnotationError, match=r"no row begins with 'Subject' \(its first row: 01, EP02_01f"):
        read_rows(excel(tmp_path / "a.xlsx", ROW), "Sheet1")


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.csv"])
def test_a_damaged_file_is_one_clear_line(name, tmp_path):
    (tmp_path / name).write_bytes(b"\xff\xfe not a sheet \x00")
    with pytest.raises(AnnotationError, match=rf"{name}: cannot be read as .* \(.+\)") as error:
        read_rows(tmp_path / name, "Sheet1")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["/", "", "nan", "46.5", "-", "1e3", "４６"])
def test_what_is_no_whole_number_is_none(text):
    assert whole(text) is None


@given(st.integers(-(10**9) + 1, 10**9 - 1), st.sampled_from(["", ".0", ".00", " "]))
def test_whole_numbers_are_read_with_and_without_a_decimal_point(number, ending):
    assert whole(f"{number}{ending}") == number
