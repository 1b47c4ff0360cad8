from collections import Counter

import numpy as np
import openpyxl
import pytest

from tsfmicro.data.check import check
from tsfmicro.data.mmew import Mmew


@pytest.fixture(scope="module")
def release(release_of):
    return release_of("mmew")


def test_300_clips_in_7_classes_and_the_smaller_ones(release):
    found = check(Mmew(), release)
    assert [counts.total.trainable for counts in found.schemes] == [300, 234, 226, 263, 234]
    assert [c.labelled for c in found.schemes[0].classes] == [36, 89, 72, 16, 13, 8, 66]
    assert (found.people, found.schemes[1].people) == (36, 30)
    without = Counter(clip.subject for clip in Mmew().read(release).clips if clip.emotion != "others")
    assert [without[f"S{n:02d}"] for n in (1, 9, 14, 23, 30)] == [6, 15, 1, 1, 33]


def test_every_onset_is_frame_1_and_sides_may_stand_behind_the_number(release):
    clips = Mmew().read(release).clips
    assert {clip.onset for clip in clips} == {1}
    behind = Counter(
        (unit.number, unit.side) for c in clips if c.emotion != "others" for unit in c.action_units.units if unit.side
    )
    assert behind == {(12, "L"): 3, (20, "L"): 1, (10, "R"): 1, (4, "R"): 1}
    units = Counter(unit for clip in clips for unit in clip.action_units.numbers)
    assert (units[4], units[5], units[15], len(units), sum(units.values())) == (109, 70, 6, 21, 500)


def test_the_16_rows_that_are_said_to_be_wrong_are_flagged_and_all_are_of_others(release):
    reading = Mmew().read(release)
    wrong = {flag.clip: flag.row - 2 for flag in reading.flags if flag.reason == "apex and offset said to be wrong"}
    assert list(wrong.values()) == [33, *range(35, 43), 142, 143, 145, 146, 148, 154, 156]
    assert {clip.emotion for clip in reading.clips if clip.id in wrong} == {"others"}


def test_which_rows_are_wrong_is_not_known_in_a_sheet_of_another_length(tmp_path):
    Mmew().write_fake(tmp_path, np.random.default_rng(1), rows=299)
    assert not [flag for flag in Mmew().read(tmp_path).flags if "said to be wrong" in flag.reason]


@pytest.mark.parametrize("layout", Mmew.layouts)
def test_repression_may_be_called_others_or_repression(layout, tmp_path):
    Mmew().write_fake(tmp_path, np.random.default_rng(1), layout=layout)
    reading = Mmew().read(tmp_path)
    for folder in sorted(reading.frames.rglob("others")):
        folder.rename(folder.with_name("repression"))
    assert len(Mmew().read(tmp_path).trainable) == 300


def test_macro_expressions_beside_them_are_not_taken(tmp_path):
    Mmew().write_fake(tmp_path, np.random.default_rng(1), rows=20)
    macro = tmp_path / "Macro_Expression" / "S01" / "anger"
    macro.mkdir(parents=True)
    (macro / "S01-07-001.jpg").touch()
    reading = Mmew().read(tmp_path)
    assert (reading.frames.name, reading.other_frames) == ("Micro_Expression", ())


def test_a_row_of_another_person_or_emotion_than_its_file_name_is_told(tmp_path):
    Mmew().write_fake(tmp_path, np.random.default_rng(1), rows=20)
    (file,) = tmp_path.glob("*.xlsx")
    book = openpyxl.load_workbook(file)
    name = book.active.cell(2, 2).value
    book.active.cell(2, 1, 31)
    book.save(file)
    (flag,) = (flag for flag in Mmew().read(tmp_path).flags if flag.reason == "file name and row differ")
    assert (flag.clip, flag.detail) == (f"mmew/S31/{name}", "person S01 in the name, S31 in the row, which is taken")
