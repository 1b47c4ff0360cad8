import csv

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfmicro.data.sheets import COLUMNS, read_tables, whole
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


def rows(path):
    """Rows of a file with one sheet."""
    (table,) = read_tables(path)
    return [row for row in table.rows(COLUMNS) if row.below]


def test_every_cell_comes_as_text_whatever_excel_made_of_it(tmp_path):
    (row,) = rows(excel(tmp_path / "a.xlsx", HEAD, ROW))
    assert [row[column] for column in ("subject", "clip", "onset", "apex", "offset")] == [
        "01",
        "EP02_01f",
        "46",
        "59",
        "86",
    ]
    assert (row["action_units"], row["emotion"]) == ("4", "happiness")


def test_rows_are_numbered_as_excel_shows_them_below_a_preamble_and_empty_rows(tmp_path):
    path = excel(tmp_path / "a.xlsx", [None], ["About"], [None], HEAD, [None], ROW, [None])
    assert [row.number for row in rows(path)] == [6]
    assert [row.number for row in rows(excel(tmp_path / "b.xlsx", [None], HEAD, ROW))] == [3]


def test_a_blank_first_column_and_a_title_above_move_nothing(tmp_path):
    shifted = [[None, *cells] for cells in (["Annotation of subject 1"], [], HEAD, ROW)]
    (row,) = rows(excel(tmp_path / "a.xlsx", *shifted))
    assert (row.number, row["subject"], row["clip"], row["emotion"]) == (4, "01", "EP02_01f", "happiness")


def test_a_header_that_is_repeated_further_down_is_no_row(tmp_path):
    assert [row.number for row in rows(excel(tmp_path / "a.xlsx", HEAD, ROW, HEAD, ROW))] == [2, 4]


def test_a_merged_subject_stands_in_each_of_its_rows(tmp_path):
    path = excel(tmp_path / "a.xlsx", HEAD, ROW, [None, "EP02_02f", None, 50, 60, 70, 4, "disgust"], ["02", *ROW[1:]])
    book = openpyxl.load_workbook(path)
    book.active.merge_cells("A2:A3")
    book.save(path)
    assert [(row["subject"], row["clip"]) for row in rows(path)] == [
        ("01", "EP02_01f"), ("01", "EP02_02f"), ("02", "EP02_01f"),
    ]  # fmt: skip


def test_a_csv_copy_reads_like_the_excel_file(tmp_path):
    path = tmp_path / "a.csv"
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file, delimiter=";").writerows([[*HEAD, ""], [*ROW, ""]])
    (row,) = rows(path)
    assert (row["subject"], row["onset"], whole(row["apex"])) == ("01", "46", 59)


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path):
    (table,) = read_tables(excel(tmp_path / "a.xlsx", HEAD[:4] + HEAD[5:], ROW))
    assert (
        table.header(COLUMNS)
        .lacks(COLUMNS)
        .startswith("no column for apex; there are Subject, Filename, OnsetFrame, Offset")
    )
    assert table.header(COLUMNS).lacks(COLUMNS, optional=("apex",)) == ""


def test_a_column_that_sheets_head_otherwise_is_named_with_their_heading(tmp_path):
    (table,) = read_tables(excel(tmp_path / "a.xlsx", ["subject", "clip", "onset", "apex", "offset"], ROW))
    said = table.header(COLUMNS).lacks(COLUMNS)
    assert said.startswith("no column for clip (headed filename), action units, emotion; there are subject, clip")


def test_of_a_table_with_many_columns_the_first_are_told(tmp_path):
    many = [*HEAD[:4], *(f"x{n}" for n in range(20))]
    (table,) = read_tables(excel(tmp_path / "a.xlsx", many, many))
    assert table.header(COLUMNS).lacks(COLUMNS).endswith("x10, x11 and 8 more")


def test_a_table_without_a_header_names_no_column(tmp_path):
    (table,) = read_tables(excel(tmp_path / "a.xlsx", ROW))
    assert not table.header(COLUMNS).places


def test_every_sheet_of_a_file_is_read(tmp_path):
    tables = read_tables(excel(tmp_path / "a.xlsx", HEAD, sheet="label", others=["notes"]))
    assert [table.sheet for table in tables] == ["label", "notes"]


def test_a_recorded_signal_is_not_read_as_a_sheet(tmp_path):
    (tmp_path / "pulse.csv").write_text("0.12345,0.54321\n" * 600_000)
    with pytest.raises(AnnotationError, match="too large for an annotation sheet"):
        read_tables(tmp_path / "pulse.csv")


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls", "a.csv"])
def test_a_damaged_file_is_one_clear_line(name, tmp_path):
    (tmp_path / name).write_bytes(b"\xff\xfe not a sheet \x00")
    with pytest.raises(AnnotationError, match=rf"{name}: cannot be read as .* \(.+\)") as error:
        read_tables(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["/", "", "nan", "46.5", "-", "1e3", "４６"])
def test_what_is_no_whole_number_is_none(text):
    assert whole(text) is None


@given(st.integers(-(10**9) + 1, 10**9 - 1), st.sampled_from(["", ".0", ".00", " "]))
def test_whole_numbers_are_read_with_and_without_a_decimal_point(number, ending):
    assert whole(f"{number}{ending}") == number
