from collections import Counter

import numpy as np
import openpyxl
import pytest

from tsfmicro.data.casme import Casme
from tsfmicro.data.check import check

CLIPS = (38, 2, 5, 5, 2, 18, 26, 24, 7, 6, 1, 3, 9, 11, 3, 4, 10, 15)


@pytest.fixture(scope="module")
def release(release_of):
    return release_of("casme")


@pytest.fixture(scope="module")
def clips(release):
    return Casme().read(release).clips


def test_the_release_has_189_clips_of_18_people_in_8_4_and_3_classes(release, clips):
    eight, four, three = check(Casme(), release).schemes
    assert {c.name: c.trainable for c in eight.classes} == {
        "tense": 68, "disgust": 45, "repression": 39, "surprise": 20,
        "happiness": 7, "sadness": 6, "contempt": 2, "fear": 2,
    }  # fmt: skip
    assert (eight.total.trainable, eight.people, four.total.trainable, three.total.trainable) == (189, 18, 172, 82)
    assert tuple(Counter(clip.subject for clip in clips).values()) == CLIPS
    assert all(clip.onset < clip.apex for clip in clips)


def test_170_names_of_a_person_for_189_rows_and_the_onset_tells_those_apart_that_repeat(clips):
    names = Counter((clip.subject, clip.frames.folder.name) for clip in clips)
    repeated = {key: count for key, count in names.items() if count > 1}
    assert len(names) == 170 and len(repeated) == 14
    assert (repeated["sub06", "EP02_5"], repeated["sub17", "EP17_2"], sum(repeated.values())) == (6, 3, 33)
    takes = [clip for clip in clips if clip.id.startswith("casme/sub06/EP02_5")]
    assert [clip.name for clip in takes] == [f"EP02_5_{clip.onset}" for clip in takes]
    assert len({clip.frames.folder for clip in takes}) == 1


def test_a_take_keeps_its_name_where_a_copy_lacks_the_others(tmp_path):
    Casme().write_fake(tmp_path, np.random.default_rng(1), rows=20)
    names = [clip.name for clip in Casme().read(tmp_path).clips if clip.frames.folder.name == "EP01_12"]
    assert names == ["EP01_12_7"]


def test_action_units_are_as_many_as_counted(clips):
    units = Counter(unit for clip in clips for unit in clip.action_units.numbers)
    assert (units[4], units[9], units[1], units[6]) == (70, 40, 23, 1)
    assert (len(units), sum(units.values()), sum(count >= 10 for count in units.values())) == (21, 254, 8)


def test_the_three_rows_whose_numbers_a_program_changes_are_flagged_and_read_as_they_are(release, clips):
    flags = [flag for flag in Casme().read(release).flags if flag.reason == "another program trusts other numbers"]
    assert [flag.clip for flag in flags] == ["casme/sub03/EP09_4", "casme/sub03/EP10", "casme/sub06/EP02_5_7"]
    (clip,) = (clip for clip in clips if clip.id == "casme/sub03/EP09_4")
    assert (clip.onset, clip.apex) == (102, 109)


def test_cropped_frames_have_three_digits_from_the_eighth_person_on(tmp_path):
    Casme().write_fake(tmp_path, np.random.default_rng(1), layout="cropped")
    files = {clip.subject: clip.frames.files[clip.onset] for clip in Casme().read(tmp_path).clips if clip.onset == 7}
    assert (files["sub07"], files["sub09"]) == ("reg_EP12_3-7.jpg", "reg_EP01_8-007.jpg")


def test_a_copy_of_five_columns_has_no_offset_and_no_units_and_says_so(tmp_path):
    Casme().write_fake(tmp_path, np.random.default_rng(1), rows=12)
    book = openpyxl.load_workbook(tmp_path / "casme.xlsx")
    for column in (9, 8, 7, 6, 3):
        book.active.delete_cols(column)
    book.save(tmp_path / "casme.xlsx")
    reading = Casme().read(tmp_path)
    assert len(reading.trainable) == 12 and {clip.offset for clip in reading.clips} == {None}
    (flag,) = (flag for flag in reading.flags if flag.reason == "sheet lacks a column")
    assert flag.detail.startswith("no column for offset (headed offsetf), action units")
