from collections import Counter

import numpy as np
import openpyxl
import pytest

from tsfmicro.data.check import check
from tsfmicro.data.four_dme import FourDme
from tsfmicro.errors import AnnotationError
from tsfmicro.labels import scheme


def write(root, **shape):
    FourDme().write_fake(root, np.random.default_rng(1), **shape)
    return root


@pytest.fixture(scope="module")
def release(release_of):
    return release_of("4dme")


@pytest.fixture(scope="module")
def reading(release):
    return FourDme().read(release)


def test_a_clip_may_show_two_emotions_which_are_its_emotion_together_in_one_order(reading):
    assert Counter(clip.emotion for clip in reading.clips) == {
        "negative": 127, "others": 38, "positive": 34, "surprise": 30, "positive+surprise": 13,
        "negative+surprise": 8, "negative+repression": 8, "repression": 6, "repression+surprise": 3,
    }  # fmt: skip
    assert len({clip.subject for clip in reading.clips}) == 41


def test_schemes_of_one_label_leave_clips_of_two_out(release):
    five, three = check(FourDme(), release).schemes
    assert (five.total.trainable, three.total.trainable) == (235, 191)
    assert scheme("4dme-5").label("positive+surprise") is None


def test_with_all_datasets_two_negative_emotions_are_negative_and_two_of_a_kind_each_are_none():
    labels = [scheme("all-3").label(e) for e in ("negative+repression", "positive+surprise", "positive")]
    assert labels == [0, None, 1]


def test_action_units_are_counted_as_the_challenge_does_without_the_static_ones(reading):
    units = [u for clip in reading.clips for u in clip.action_units.units]
    counts = Counter(unit.number for unit in units if unit.certain)
    assert (sum(counts.values()), len(counts)) == (454, 19)
    assert [counts[n] for n in (1, 2, 4, 7, 12)] == [46, 54, 102, 89, 53]
    assert any(not unit.certain and unit.number == 12 for unit in units)
    eight = scheme("4dme-au8")
    labels = Counter(eight.classes[n] for clip in reading.clips for n in eight.classes_in(eight.label_of(clip) or 0))
    assert (labels["AU4"], labels["AU12"]) == (102, 53)


def test_a_row_of_totals_is_no_clip_and_is_told(tmp_path):
    reading = FourDme().read(write(tmp_path, sheet="with totals"))
    assert (reading.rows, len(reading.clips)) == (267, 267)
    assert [flag.row for flag in reading.flags if flag.reason == "row of text or totals"] == [269]
    assert not [note for note in check(FourDme(), tmp_path).schemes[0].notes if "rows" in note]


def test_rows_that_a_public_program_changes_are_named_and_not_changed(reading):
    flags = [flag for flag in reading.flags if flag.reason == "row that a public program changes"]
    assert [flag.row for flag in flags] == [28, 146, 147, 247, 265]
    assert not reading.fixed


def test_the_extras_beside_it_are_not_read_and_numbers_may_be_decimals(release, reading):
    assert (release / "4DME_Labelling_Micro_extras_release v1.xlsx").is_file()
    assert reading.sheet.name == "4DME_Labelling_Micro_release v1.xlsx"
    assert all(len(clip.frames.files[clip.onset]) == len("Frame_000001826.jpg") for clip in reading.clips)


def test_the_sheet_of_micro_and_macro_expressions_is_refused_with_the_reason(tmp_path):
    book = openpyxl.Workbook()
    book.active.append(["SubID", "VideoNo", "longclipNo", "MENo", "fold_name", "Onset", "Apex", "Emotion"])
    book.save(tmp_path / "Micro and Macro-expression labels.xlsx")
    with pytest.raises(AnnotationError, match="it is the sheet of micro- and macro-expressions"):
        FourDme().read(tmp_path)


def test_people_s_folders_may_be_bare_numbers(tmp_path):
    write(tmp_path, rows=6)
    for folder in (tmp_path / "gray_micro").iterdir():
        folder.rename(folder.with_name(str(int(folder.name[1:]))))
    assert len(FourDme().read(tmp_path).trainable) == 6
