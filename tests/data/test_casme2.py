import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import openpyxl
import pytest

from tsfmicro.data.casme2 import Casme2
from tsfmicro.data.check import check
from tsfmicro.errors import AnnotationError, LabelError
from tsfmicro.labels import scheme

FACES = Path(__file__).resolve().parents[2].parent / "shared" / "faces" / "casme2"


@pytest.fixture(scope="module")
def release(release_of):
    return {sheet: release_of("casme2", sheet=sheet) for sheet in Casme2.sheets}


def edit(root, change):
    (path,) = root.glob("*.xlsx")
    book = openpyxl.load_workbook(path)
    change(book.active)
    book.save(path)


def people(clips, name):
    return {clip.person for clip in clips if clip.apex is not None and scheme(name).label(clip.emotion) is not None}


def test_the_sheet_of_2019_gives_the_papers_248_and_155_clips(release):
    found = check(Casme2(), release["20190701"])
    five, three = found.schemes
    assert {c.name: c.with_apex for c in five.classes} == Casme2.published["casme2-5"]
    assert {c.name: c.with_apex for c in three.classes} == Casme2.published["casme2-3"]
    assert (five.total.with_apex, three.total.with_apex) == (248, 155)
    assert "disgust +1: casme2/sub04/EP12_01f without an apex; the paper leaves it out too" in five.notes


def test_five_classes_have_26_people_and_three_25_for_sub18_shows_none(release):
    clips = Casme2().read(release["20190701"]).clips
    assert len(people(clips, "casme2-5")) == 26
    assert people(clips, "casme2-5") - people(clips, "casme2-3") == {"casme2/sub18"}


def test_the_sheet_of_2014_differs_in_three_clips_of_sub24(release):
    new, old = (Casme2().read(release[sheet]) for sheet in ("20190701", "20140508"))
    changed = [
        (a.id, a.emotion, b.emotion) for a, b in zip(new.clips, old.clips, strict=True) if replace(a, objective="") != b
    ]
    assert changed == [(f"casme2/sub24/{n}", "surprise", "sadness") for n in ("EP07_01", "EP07_04f", "EP10_03")]
    assert Counter(clip.emotion for clip in old.clips)["surprise"] == 25
    assert any("labels of 2014" in note for note in check(Casme2(), release["20140508"]).schemes[0].notes)


def test_the_sheet_of_257_rows_has_two_more_clips_without_an_apex(release):
    reading = Casme2().read(release["257 rows"])
    assert reading.version == "CASME2-coding.xlsx (labels of 2014), 257 rows"
    assert [clip.id for clip in reading.clips if clip.apex is None] == [
        "casme2/sub04/EP12_01f",
        "casme2/sub09/EP02_02f",
        "casme2/sub24/EP02_07",
    ]


def test_names_repeat_from_person_to_person_but_ids_do_not(release):
    clips = Casme2().read(release["20190701"]).clips
    assert len({clip.name for clip in clips}) == 167
    assert len({clip.id for clip in clips}) == 255


def test_the_clip_whose_apex_is_its_onset_is_kept_and_flagged(release):
    reading = Casme2().read(release["20190701"])
    assert [f.clip for f in reading.flags if f.reason == "apex = onset"] == ["casme2/sub05/EP09_05f"]
    assert "casme2/sub05/EP09_05f" in {clip.id for clip in reading.trainable}


def test_of_two_sheets_the_one_of_2019_is_read_and_the_other_told(release, tmp_path):
    shutil.copytree(release["20190701"], tmp_path, dirs_exist_ok=True)
    shutil.copy(release["20140508"] / "CASME2-coding-20140508.xlsx", tmp_path)
    reading = Casme2().read(tmp_path)
    assert reading.version == "20190701 (labels of 2019), 255 rows"
    assert reading.other_sheets == (tmp_path / "CASME2-coding-20140508.xlsx",)


def test_original_pictures_come_before_cropped_ones_unless_their_folder_is_the_root(tmp_path):
    for layout in ("cropped", "cropped updated", "raw nested", "raw selected"):
        Casme2().write_fake(tmp_path, np.random.default_rng(1), rows=5, layout=layout)
    (tmp_path / "CASME2_compressed" / "sub01").mkdir(parents=True)
    (tmp_path / "CASME2_compressed" / "sub01" / "EP02_01f.avi").touch()
    reading = Casme2().read(tmp_path)
    assert reading.frames == tmp_path / "CASME2_RAW_selected"
    assert reading.other_frames == tuple(
        tmp_path / name for name in ("CASME2-RAW/CASME2-RAW", "Cropped", "Cropped-updated/Cropped")
    )
    assert Casme2().read(tmp_path / "Cropped").frames == tmp_path / "Cropped"


def test_frames_beside_the_sheet_come_before_those_of_another_dataset_that_names_people_alike(tmp_path):
    Casme2().write_fake(tmp_path / "CASME2", np.random.default_rng(1), rows=5, layout="cropped")
    Casme2().write_fake(tmp_path / "CASME", np.random.default_rng(1), rows=5, layout="raw selected")
    (tmp_path / "CASME" / "CASME2-coding-20190701.xlsx").unlink()
    assert Casme2().read(tmp_path).frames == tmp_path / "CASME2" / "Cropped"


@pytest.mark.parametrize("spelled", [str, lambda cell: str(cell).swapcase()])
def test_two_rows_for_one_clip_are_an_error_that_names_both(tmp_path, spelled):
    Casme2().write_fake(tmp_path, np.random.default_rng(1), rows=5)
    edit(
        tmp_path,
        lambda table: table.append(
            [table[3][0].value, spelled(table[3][1].value), *(cell.value for cell in table[3][2:])]
        ),
    )
    with pytest.raises(AnnotationError, match="rows 3 and 7 are both casme2/sub"):
        Casme2().read(tmp_path)


def test_an_emotion_that_the_dataset_does_not_have_is_named_with_its_row_and_the_rest_goes_on(tmp_path):
    Casme2().write_fake(tmp_path, np.random.default_rng(1), rows=5)
    edit(tmp_path, lambda table: table.cell(4, 9, "tense"))
    reading = Casme2().read(tmp_path)
    (flag,) = (flag for flag in reading.flags if flag.reason == "emotion that the dataset does not have")
    assert flag.row == 4 and flag.detail.startswith("'tense'; it has disgust, fear")
    assert len(reading.clips) == 4 and reading.rows == 5


def test_a_column_of_other_emotions_is_an_error(tmp_path):
    Casme2().write_fake(tmp_path, np.random.default_rng(1), rows=5)
    edit(tmp_path, lambda table: [table.cell(row, 9, "tense") for row in range(2, 7)])
    with pytest.raises(
        LabelError, match=r"none of 5 emotions is CASME II's, e\.g\. row 2: 'tense'; it has disgust, fear"
    ):
        Casme2().read(tmp_path)


def test_a_row_that_names_no_clip_and_one_without_onset_are_flagged(tmp_path):
    Casme2().write_fake(tmp_path, np.random.default_rng(1), rows=5)

    def change(table):
        table.cell(3, 4, "/")
        table.append(["* coded twice"])

    edit(tmp_path, change)
    reading = Casme2().read(tmp_path)
    assert len(reading.clips) == 4
    reasons = {flag.row: flag.reason for flag in reading.flags if flag.reason != "frames missing"}
    assert reasons[3] == "onset is not a frame"
    assert (reasons[7], reading.rows) == ("row of text or totals", 5)


def test_emotions_come_in_one_spelling(tmp_path):
    Casme2().write_fake(tmp_path, np.random.default_rng(1), rows=5)
    edit(tmp_path, lambda table: [table.cell(r, 9, e) for r, e in enumerate((" Other", "HAPPY", "sad", "Fear"), 2)])
    assert [c.emotion for c in Casme2().read(tmp_path).clips][:4] == ["others", "happiness", "sadness", "fear"]


@pytest.mark.skipif(not FACES.is_dir(), reason="the rendered faces are not here")
def test_the_rendered_faces_are_found_with_all_their_frames():
    reading = Casme2().read(FACES)
    assert reading.version == "20140508, 12 rows"
    assert len(reading.trainable) == 12
    assert not reading.flags


def test_a_list_of_objective_classes_beside_the_sheet_counts_as_megc2018_does(release, tmp_path):
    shutil.copytree(release["20190701"], tmp_path, dirs_exist_ok=True)
    before = Casme2().read(tmp_path).clips
    counted = (25, 15, 99, 26, 20, 40, 30)  # the last two are invented
    classes = [number for number, count in enumerate(counted, 1) for _ in range(count)]
    book = openpyxl.Workbook()
    book.active.append(["Subject", "Filename", "Objective Class"])
    for clip, number in zip(before, classes, strict=True):
        book.active.append([int(clip.subject[3:]), clip.name, number])
    book.save(tmp_path / "CASME2-ObjectiveClasses.xlsx")
    reading = Casme2().read(tmp_path)
    used = scheme("objective-5")
    assert Counter(n for clip in reading.clips if (n := used.label_of(clip)) is not None) == dict(
        enumerate(counted[:5])
    )
    differ = [flag for flag in reading.flags if flag.reason == "objective classes differ"]
    changed = [a.id for a, b in zip(before, reading.clips, strict=True) if a.objective != b.objective]
    assert [flag.clip for flag in differ] == changed and changed
    assert reading.sheet.name == "CASME2-coding-20190701.xlsx"
    (tmp_path / "CASME2-ObjectiveClasses.xlsx").write_bytes(b"PK damaged")
    reading = Casme2().read(tmp_path)
    assert reading.clips == before
    assert [flag.clip for flag in reading.flags if flag.reason == "spreadsheet not read"] == [
        "CASME2-ObjectiveClasses.xlsx"
    ]
