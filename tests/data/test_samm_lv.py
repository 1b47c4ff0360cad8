import shutil
from collections import Counter

import numpy as np
import openpyxl
import pytest

from tsfmicro.data import frames
from tsfmicro.data.check import check
from tsfmicro.data.registry import dataset
from tsfmicro.data.samm import Samm
from tsfmicro.data.samm_lv import SammLongVideos
from tsfmicro.data.sheets import read_tables
from tsfmicro.errors import AnnotationError

FILE, OF_SAMM = "SAMM_LongVideos_V3_Release.xlsx", "SAMM_Micro_FACS_Codes_v2.xlsx"


def write(root, **shape):
    SammLongVideos().write_fake(root, np.random.default_rng(1), **shape)
    return root


@pytest.fixture(scope="module")
def release(release_of):
    return release_of("samm-lv")


@pytest.fixture(scope="module")
def reading(release):
    return SammLongVideos().read(release)


def test_159_micro_and_343_macro_expressions_lie_in_147_films_of_30_people(reading):
    everything = (*reading.clips, *reading.macro)
    assert (len(reading.clips), len(reading.macro)) == (159, 343)
    assert len({clip.frames.folder for clip in everything}) == 147
    assert len({clip.frames.folder for clip in reading.clips}) == 79
    assert (len({c.subject for c in everything}), len({c.subject for c in reading.clips})) == (30, 29)
    assert {clip.offset - clip.onset + 1 for clip in reading.clips} <= set(range(30, 102))
    lengths = [clip.offset - clip.onset + 1 for clip in reading.macro]
    assert min(lengths) >= 102 and max(lengths) == 5176


def test_a_film_s_header_stands_below_nine_lines(release, reading):
    table = read_tables(release / FILE)[0]
    assert table.cells[9][:2] == ["Subject", "Filename"]
    assert reading.flags[-1].row == 502 + 10


def test_one_file_name_is_a_micro_and_a_macro_expression(reading):
    assert [clip.name for clip in (*reading.clips, *reading.macro) if clip.name.startswith("037_4_1")] == [
        "037_4_1", "037_4_1_macro",
    ]  # fmt: skip


def test_emotions_are_those_of_samm_s_sheet_beside_it(release, reading):
    counts = {counts.scheme: counts for counts in check(SammLongVideos(), release).schemes}
    five, three = counts["samm-5"], counts["samm-3"]
    assert {c.name: c.labelled for c in five.classes} == Samm.published["samm-5"]
    assert {c.name: c.labelled for c in three.classes} == Samm.published["samm-3"]
    assert (five.total.with_apex, five.people, three.people) == (134, 27, 28)
    assert five.notes == (
        "no apex here: 028_4_1, 032_3_1; the paper counts them by SAMM's sheet, where their apexes are wrong",
    )
    assert {clip.emotion for clip in reading.macro} == {""}


def test_frames_are_fewer_than_in_samm_by_a_number_that_a_film_has_once(release, reading):
    columns = Samm().columns
    theirs = {row["clip"]: int(row["onset"]) for row in read_tables(release / OF_SAMM)[0].rows(columns) if row.below}
    shifts = {(clip.name.rpartition("_")[0], theirs[clip.name] - clip.onset) for clip in reading.clips}
    assert len(shifts) == 79
    assert sum(theirs[clip.name] == clip.onset for clip in reading.clips) == 77
    assert {shift % 100 for _, shift in shifts} == {0, 99}
    assert not [flag for flag in reading.flags if flag.reason == "onset unlike SAMM's"]


def test_a_row_that_was_moved_by_hand_does_not_fit_its_film_and_is_flagged(tmp_path):
    write(tmp_path)
    book = openpyxl.load_workbook(tmp_path / FILE)
    sheet = book.worksheets[0]
    films = Counter(row[1].value.rpartition("_")[0] for row in sheet.iter_rows(11) if row[7].value != "Macro")
    film = next(film for film, count in films.items() if count >= 3)
    cells = next(row for row in sheet.iter_rows(11) if row[1].value.startswith(film) and row[7].value != "Macro")
    cells[3].value -= 7
    book.save(tmp_path / FILE)
    (flag,) = (f for f in SammLongVideos().read(tmp_path).flags if f.reason == "onset unlike SAMM's")
    assert flag.clip.endswith(cells[1].value) and "is usual in film " in flag.detail


def test_without_samm_s_sheet_everything_is_read_but_emotions_and_it_is_told(tmp_path):
    write(tmp_path, rows=20)
    (tmp_path / OF_SAMM).unlink()
    reading = SammLongVideos().read(tmp_path)
    assert len(reading.clips) + len(reading.macro) == 20
    assert {clip.emotion for clip in reading.clips} == {""}
    (flag,) = (flag for flag in reading.flags if flag.reason == "no emotions")
    assert OF_SAMM in flag.detail and "give the folder above both" in flag.detail
    assert any("no clip has an emotion" in note for note in check(SammLongVideos(), tmp_path).schemes[0].notes)


def test_samm_s_sheet_may_lie_in_samm_s_own_folder_where_the_one_above_both_is_given(tmp_path):
    write(tmp_path / "long", rows=20)
    (tmp_path / "SAMM").mkdir()
    (tmp_path / "long" / OF_SAMM).rename(tmp_path / "SAMM" / OF_SAMM)
    assert all(clip.emotion for clip in SammLongVideos().read(tmp_path).clips)


def test_samm_s_sheet_alone_is_not_enough_and_the_other_is_named(tmp_path):
    write(tmp_path, rows=20)
    (tmp_path / FILE).unlink()
    with pytest.raises(AnnotationError, match=rf"Looked for {FILE}.*no column for type: it is SAMM's own\)"):
        SammLongVideos().read(tmp_path)


def test_six_clips_have_no_apex_and_a_dozen_begins_with_the_film(reading):
    without = {clip.name for clip in (*reading.clips, *reading.macro) if clip.apex is None}
    assert without == {
        "010_1_3_macro", "026_2_5_macro", "036_6_2_macro", "036_6_3_macro", "028_4_1", "032_3_1",
    }  # fmt: skip
    begins = [flag.detail[:7] for flag in reading.flags if flag.reason == "begins with the film"]
    assert Counter(begins) == {"onset 0": 10, "onset 1": 2}
    missing = [flag for flag in reading.flags if flag.reason == "onset or apex frame missing"]
    assert len(missing) == 10 and all("onset 0 is not among" in flag.detail for flag in missing)


def test_durations_are_those_of_the_release_which_are_wrong_in_40_rows(release):
    columns = SammLongVideos().columns | {"duration": ("duration",)}
    rows = [row for row in read_tables(release / FILE)[0].rows(columns) if row.below]
    longer = Counter(int(row["duration"]) - int(row["offset"]) + int(row["onset"]) - 1 for row in rows)
    assert longer == {0: 462, -1: 22, 1: 18}


def test_words_among_action_units_are_no_units(reading):
    of = {clip.action_units.text: clip.action_units.numbers for clip in reading.macro}
    assert of["subject do 2x  R2(C and then B)"] == (2,)
    assert of["Chewing"] == of["glare"] == of["all of the above"] == ()


def test_a_type_that_is_neither_is_flagged(tmp_path):
    write(tmp_path, rows=12)
    book = openpyxl.load_workbook(tmp_path / FILE)
    book.worksheets[0]["H11"] = "blink"
    book.save(tmp_path / FILE)
    reading = SammLongVideos().read(tmp_path)
    (flag,) = (flag for flag in reading.flags if flag.reason == "row names no clip")
    assert (flag.row, "type 'blink'" in flag.detail) == (11, True)
    assert (reading.rows, len(reading.clips) + len(reading.macro)) == (12, 11)


def test_half_of_the_films_are_read_and_every_clip_of_the_others_is_told(tmp_path):
    write(tmp_path)
    for film in sorted((tmp_path / "SAMM_longvideos").iterdir())[::2]:
        shutil.rmtree(film)
    reading = SammLongVideos().read(tmp_path)
    everything = (*reading.clips, *reading.macro)
    gone = {flag.clip for flag in reading.flags if flag.reason == "no folder with frames"}
    assert len(everything) == 502
    assert gone == {clip.id for clip in everything if not clip.frames.numbers}
    assert len(gone) > 200


def test_a_film_is_listed_once_however_many_clips_it_has(tmp_path, monkeypatch):
    write(tmp_path)
    listed, look = Counter(), frames._entries
    monkeypatch.setattr(frames, "_entries", lambda folder: [listed.update([folder]), *look(folder)][1:])
    SammLongVideos().read(tmp_path)
    films = [*(tmp_path / "SAMM_longvideos").iterdir()]
    assert {listed[film] for film in films} == {1}


def test_its_people_are_samm_s(reading):
    assert {clip.person.partition("/")[0] for clip in reading.clips} == {"samm"}
    assert dataset("samm-lv").name == "samm-lv"
