import csv
import shutil
from collections import Counter

import numpy as np
import openpyxl
import pytest

from tsfmicro.data.check import check
from tsfmicro.data.dfme import Dfme

# Clips and people; of each emotion; at each frame rate; from frame 0 on.
PARTS = {
    "training": (1856, 176, (548, 298, 278, 265, 206, 161, 100), (695, 605, 556), 883),
    "testA": (474, 42, (129, 101, 46, 62, 63, 39, 34), (215, 143, 116), 240),
    "testB": (299, 41, (58, 48, 35, 38, 42, 41, 37), (83, 57, 159), 117),
}
FOLDERS = {"training": "DFME_train", "testA": "test_data_A", "testB": "test_data_B"}


@pytest.fixture(scope="module")
def release(release_of):
    return release_of("dfme")


@pytest.fixture(scope="module")
def reading(release):
    return Dfme().read(release)


@pytest.mark.parametrize("part", PARTS)
def test_each_part_has_its_people_emotions_frame_rates_and_first_frames(reading, part):
    clips = [clip for clip in reading.clips if FOLDERS[part] in clip.frames.folder.parts]
    rows, people, emotions, rates, from_zero = PARTS[part]
    assert (len(clips), len({clip.person for clip in clips})) == (rows, people)
    shown = Counter(clip.emotion for clip in clips)
    assert tuple(shown[e] for e in Dfme.published["dfme-7"]) == emotions
    assert tuple(Counter(clip.fps for clip in clips)[fps] for fps in (500, 300, 200)) == rates
    assert sum(clip.onset == 0 for clip in clips) == from_zero
    assert all(clip.onset < clip.apex < clip.offset <= 459 for clip in clips)


def test_the_three_sheets_are_one_dataset_of_259_people_and_onset_0_is_a_frame(release, reading):
    found = check(Dfme(), release)
    assert (found.clips, found.people, found.trainable, found.other_sheets) == (2629, 259, 2629, ())
    assert [c.labelled for c in found.schemes[1].classes] == [1871, 311, 447]
    assert found.reasons.keys() == {"frames missing"}
    assert len({(clip.person, clip.fps) for clip in reading.clips}) == 259


def test_action_units_of_the_training_sheet_are_as_many_as_counted(reading):
    clips = [clip for clip in reading.clips if "DFME_train" in clip.frames.folder.parts]
    units = Counter(unit for clip in clips for unit in clip.action_units.numbers)
    assert [units[unit] for unit in (4, 7, 1, 5, 12, 38, 39)] == [817, 419, 298, 296, 263, 43, 13]


def test_a_part_alone_is_read_and_compared_with_all_three_in_words(tmp_path):
    Dfme().write_fake(tmp_path, np.random.default_rng(1), sheet="testB")
    found = check(Dfme(), tmp_path)
    assert (found.clips, found.frames.name) == (299, "test_data_B")
    assert any(
        "training 1856, testA 474, testB 299); read here: testB_full_with_AU.xlsx" in n for n in found.schemes[0].notes
    )


def test_a_second_copy_of_a_part_is_not_read_twice(tmp_path):
    Dfme().write_fake(tmp_path, np.random.default_rng(1), rows=60)
    shutil.copy(tmp_path / "testA_full_with_AU.xlsx", tmp_path / "testA_copy.xlsx")
    reading = Dfme().read(tmp_path)
    assert len(reading.clips) == 60
    assert len(reading.other_sheets) == 1 and "testA" in reading.other_sheets[0].name


def test_a_cropped_copy_of_everything_takes_no_part_s_place(tmp_path):
    Dfme().write_fake(tmp_path, np.random.default_rng(1), rows=60)
    for part in FOLDERS.values():
        if (tmp_path / part).is_dir():
            shutil.copytree(tmp_path / part, tmp_path / "all_cropped", dirs_exist_ok=True)
    assert not any("all_cropped" in clip.frames.folder.parts for clip in Dfme().read(tmp_path).clips)


def test_a_part_without_its_frames_is_flagged_and_the_others_stay(tmp_path):
    Dfme().write_fake(tmp_path, np.random.default_rng(1), rows=60)
    shutil.rmtree(tmp_path / "test_data_A")
    reading = Dfme().read(tmp_path)
    gone = {flag.clip for flag in reading.flags if flag.reason == "no folder with frames"}
    assert len(gone) == 11 and len(reading.trainable) == 49 and len(reading.clips) == 60


def test_an_emotion_that_its_number_contradicts_is_told(tmp_path):
    Dfme().write_fake(tmp_path, np.random.default_rng(1), sheet="testA", rows=12)
    (file,) = tmp_path.glob("*.xlsx")
    book = openpyxl.load_workbook(file)
    book.active.cell(3, 6, "fear")
    book.active.cell(3, 7, 4)
    book.save(file)
    (flag,) = (flag for flag in Dfme().read(tmp_path).flags if flag.reason == "emotion and its number differ")
    assert (flag.row, flag.detail) == (3, "fear, and 4, which is happiness; the word is taken")


def test_a_csv_copy_with_an_empty_and_a_short_row_is_read_and_the_short_one_told(tmp_path):
    Dfme().write_fake(tmp_path, np.random.default_rng(1), sheet="testA", rows=6)
    before = Dfme().read(tmp_path).clips
    (file,) = tmp_path.glob("*.xlsx")
    rows = [*openpyxl.load_workbook(file).active.iter_rows(values_only=True)]
    with file.with_suffix(".csv").open("w", newline="") as copy:
        csv.writer(copy).writerows([*rows[:4], [], *rows[4:], ["sub0190"]])
    file.unlink()
    reading = Dfme().read(tmp_path)
    assert reading.clips == before
    assert [(flag.row, flag.reason) for flag in reading.flags if flag.row == 9] == [(9, "row names no clip")]
