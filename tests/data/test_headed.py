"""What happens to a sheet in people's hands: nothing that names a clip is lost without a word."""

import csv

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tsfmicro.data.casme2 import Casme2
from tsfmicro.data.check import check
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.registry import DATASETS
from tsfmicro.data.samm import Samm
from tsfmicro.data.sheets import whole
from tsfmicro.errors import AnnotationError

HEAD = ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion"]
GOOD = ["01", "EP01_1", "1", "3", "9", "4", "disgust"]


def write(root, *rows, name="codes.csv"):
    folder = root / "raw" / "sub01" / "EP01_1"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "img1.jpg").touch()
    with (root / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return root


def excel(root, change):
    """CASME II with its sheet changed by hand."""
    Casme2().write_fake(root, np.random.default_rng(0), rows=6)
    (file,) = root.glob("*.xlsx")
    book = openpyxl.load_workbook(file)
    change(book)
    book.save(file)
    return Casme2().read(root)


subjects = st.sampled_from(["01", "2", "sub03", "", "?", "04.0"])
frames = st.one_of(st.integers(-2, 60).map(str), st.sampled_from(["", "/", "x", "5.0", "999"]))
rows = st.lists(
    st.tuples(subjects, st.booleans(), frames, frames, frames, st.sampled_from(["4", "", "?"])), min_size=1, max_size=12
)


@given(rows)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_every_row_is_a_clip_or_a_flag_whatever_its_cells_hold(tmp_path, rows):
    lines = [
        [subject, f"EP{number:02}_2" if named else "", onset, apex, offset, units, "fear"]
        for number, (subject, named, onset, apex, offset, units) in enumerate(rows, 3)
    ]
    good = [["01", f"EP01_{n}", *GOOD[2:]] for n in range(1, len(rows) + 2)]
    reading = Casme2().read(write(tmp_path, HEAD, *good[:1], *lines, *good[1:]))
    clips, flagged = {clip.name for clip in reading.clips}, {flag.row for flag in reading.flags}
    for number, (subject, name, onset, *_) in enumerate(lines, 3):
        makes_clip = (
            any(c.isdigit() for c in subject) and name and (whole(onset) or 0) >= 0 and whole(onset) is not None
        )
        assert (name in clips) == bool(makes_clip)
        assert makes_clip or number in flagged or not any(lines[number - 3])
    text = [subject in ("", "?") and not name and whole(onset) is None for subject, name, onset, *_ in lines]
    assert reading.rows == len(lines) - sum(text) + len(good)


def test_a_sheet_that_was_sorted_with_its_header_is_read_whole(tmp_path):
    below = [["02", f"EP02_{n}", *GOOD[2:]] for n in range(3)]
    reading = Casme2().read(write(tmp_path, ["Codes of", "CASME II"], GOOD, HEAD, *below))
    assert [clip.id for clip in reading.clips] == [
        "casme2/sub01/EP01_1", "casme2/sub02/EP02_0", "casme2/sub02/EP02_1", "casme2/sub02/EP02_2",
    ]  # fmt: skip
    odd = [["?", "EP03_1", *GOOD[2:]], ["02", "blink", *GOOD[2:]], ["02", "EP02_9", "/", *GOOD[3:]]]
    reading = Casme2().read(write(tmp_path, *odd, GOOD, *below, HEAD))
    assert [clip.name for clip in reading.clips] == ["blink", "EP01_1", "EP02_0", "EP02_1", "EP02_2"]
    assert {flag.row: flag.reason for flag in reading.flags if flag.row in (1, 3)} == {
        1: "row names no clip", 3: "onset is not a frame",
    }  # fmt: skip


def test_a_merged_subject_is_that_of_all_its_rows_and_a_csv_copy_tells_which_rows_lost_it(tmp_path):
    def merge(book):
        table = book.active
        table["A3"], table["B3"] = table["A2"].value, "EP99_1"
        table.merge_cells("A2:A3")

    reading = excel(tmp_path / "excel", merge)
    assert [clip.name for clip in reading.clips if clip.subject == reading.clips[0].subject][1] == "EP99_1"
    reading = Casme2().read(write(tmp_path / "csv", HEAD, GOOD, ["", "EP01_2", *GOOD[2:]]))
    assert [(flag.row, flag.detail) for flag in reading.flags if flag.reason == "row names no clip"] == [
        (3, "subject '', filename 'EP01_2'")
    ]


def test_a_sheet_cut_to_a_few_columns_is_read_and_what_it_lacks_is_told(tmp_path):
    reading = Casme2().read(write(tmp_path, [*HEAD[:4], HEAD[6]], [*GOOD[:4], GOOD[6]]))
    assert (reading.clips[0].apex, reading.clips[0].offset) == (3, None)
    (flag,) = (flag for flag in reading.flags if flag.reason == "sheet lacks a column")
    assert flag.detail.startswith("no column for offset, action units; there are Subject")


def test_a_program_that_made_decimals_of_all_numbers_changed_nothing(tmp_path):
    reading = Casme2().read(write(tmp_path, HEAD, ["1.0", "EP01_1", "1.0", "3.0", "9.0", "4.0", "disgust"]))
    (clip,) = reading.clips
    assert (clip.id, clip.onset, clip.apex, clip.offset) == ("casme2/sub01/EP01_1", 1, 3, 9)
    assert clip.action_units.numbers == (4,)


def test_a_column_that_must_be_there_is_named(tmp_path):
    with pytest.raises(AnnotationError, match=r"codes\.csv \(no column for apex; there are Subject, Filename"):
        Casme2().read(write(tmp_path, [*HEAD[:3], *HEAD[4:]], [*GOOD[:3], *GOOD[4:]]))


def test_columns_alone_do_not_make_a_sheet_another_dataset_s_cells_give_it_away(tmp_path):
    write(tmp_path, HEAD, ["1", "S13-07-001", *GOOD[2:]], name="CASME2-coding-20190701.csv")
    with pytest.raises(AnnotationError, match=r"its Filename is 'S13-07-001', which is none of CASME II's"):
        Casme2().read(tmp_path)
    write(tmp_path, HEAD, ["sub0003", "sub0003_01", *GOOD[2:]], name="CASME2-coding-20190701.csv")
    for data in (Casme2(), Samm()):
        with pytest.raises(AnnotationError, match=r"its Subject is 'sub0003'"):
            data.read(tmp_path)


OTHER_SHEETS = {
    "CASME": (
        ["Subject", "Filename", "", "OnsetF", "ApexF1", "ApexF2", "OffsetF", "", "AU", "Emotion"],
        ["1", "EP01_8", "", "10", "20", "", "30", "", "4", "disgust"],
    ),
    "SAMM Long Videos": (
        [
            "Subject",
            "Filename",
            "Inducement Code",
            "Onset",
            "Apex",
            "Offset",
            "Duration",
            "Type",
            "Action Units",
            "Notes",
        ],
        ["006", "006_1_1", "1", "10", "20", "30", "21", "Micro - 1/2", "4", ""],
    ),
    "CAS(ME)³, main sheet": (
        ["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Expression type", "Objective class"],
        ["spNO.1", "a", "10", "20", "30", "4", "Micro-expression", "IV"],
    ),
    "CAS(ME)³, part C": (
        ["sub", "count", "onset", "offset", "au", "emotion"],
        ["1", "1", "10", "30", "4", "negative"],
    ),
    "MMEW": (
        [
            "Subject",
            "Filename",
            "OnsetFrame",
            "ApexFrame",
            "OffsetFrame",
            "Action Units",
            "Estimated Emotion",
            "remarks",
        ],
        ["1", "S13-07-001", "1", "20", "30", "4", "anger", ""],
    ),
    "DFME": (
        ["Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion", "EmotionId", "Fps", "AU"],
        ["sub0003", "sub0003_01", "0", "20", "30", "fear", "3", "200", "4"],
    ),
    "objective classes": (["Subject", "Filename", "Objective Class"], ["1", "EP02_01f", "3"]),
    "MEGC2019's list": (["casme2", "sub01", "EP02_01f", "0"], ["samm", "006", "006_1_2", "1"]),
}


@pytest.mark.parametrize("name", [name for name, data in DATASETS.items() if isinstance(data, HeadedDataset)])
@pytest.mark.parametrize("sheet", OTHER_SHEETS)
def test_sheets_of_the_field_s_other_datasets_are_refused_with_the_reason(name, sheet, tmp_path):
    if DATASETS[name].title == sheet:
        pytest.skip("its own")
    with pytest.raises(AnnotationError, match=r"codes\.csv \((no column for|its |no row names)"):
        DATASETS[name].read(write(tmp_path, *OTHER_SHEETS[sheet]))


def test_a_second_sheet_like_it_in_the_same_file_is_told(tmp_path):
    reading = excel(tmp_path, lambda book: book.copy_worksheet(book.active))
    (flag,) = (flag for flag in reading.flags if flag.reason == "another sheet in the same file")
    assert "sheet 'Sheet1 Copy'; 'Sheet1' is read" in flag.detail
    assert len(reading.clips) == 6


def test_a_spreadsheet_that_cannot_be_opened_is_told_though_another_is_read(tmp_path):
    (tmp_path / "CASME2-coding-20190701.xlsx").write_bytes(b"PK not a sheet")
    reading = Casme2().read(write(tmp_path, HEAD, GOOD))
    assert [flag.clip for flag in reading.flags if flag.reason == "spreadsheet not read"] == [
        "CASME2-coding-20190701.xlsx"
    ]


def test_the_apex_that_somebody_typed_into_casme2_is_flagged(tmp_path):
    row = ["04", "EP12_01f", "261", "300", "321", "4", "disgust"]
    reading = Casme2().read(write(tmp_path, HEAD, GOOD, row))
    (flag,) = (flag for flag in reading.flags if flag.reason == "apex that no published sheet has")
    assert (flag.clip, flag.row) == ("casme2/sub04/EP12_01f", 3) and flag.detail.startswith("apex 300, ")
    assert any("casme2/sub04/EP12_01f (row 3): apex 300" in line for line in check(Casme2(), tmp_path).lines())
    row[3] = "/"
    assert not [f for f in Casme2().read(write(tmp_path, HEAD, GOOD, row)).flags if "typed it in" in f.detail]
