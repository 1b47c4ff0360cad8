from collections import Counter

import numpy as np
import openpyxl
import pytest

from tsfmicro.data.check import check
from tsfmicro.data.registry import dataset
from tsfmicro.data.smic_e import SmicHsE, SmicNirE, SmicVisE
from tsfmicro.errors import AnnotationError


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Original sheets of all three, below one folder."""
    root = tmp_path_factory.mktemp("smic-e")
    for data in (SmicHsE(), SmicVisE(), SmicNirE()):
        data.write_fake(root, np.random.default_rng(1))
    return root


@pytest.fixture
def fake(tmp_path):
    def written(version, data=SmicHsE(), **options):
        data.write_fake(tmp_path, np.random.default_rng(1), sheet=version, **options)
        return tmp_path

    return written


def edit(root, change):
    (file,) = root.glob("*.xlsx")
    book = openpyxl.load_workbook(file)
    change(book.active)
    book.save(file)


def test_the_original_sheet_of_hs_has_162_rows_of_what_the_names_say(root):
    (three,) = check(SmicHsE(), root).schemes
    assert [c.labelled for c in three.classes] == [69, 51, 42]
    lacking = {c.name for c in dataset("smic-hs").read(hs(root)).clips} - {c.name for c in SmicHsE().read(root).clips}
    assert lacking == {"s1_ne_02", "s2_sur_05"}


def hs(root):
    dataset("smic-hs").write_fake(root / "clips", np.random.default_rng(1))
    return root / "clips"


def test_the_newer_sheet_has_157_and_says_why(fake):
    found = check(SmicHsE(), fake("2019"))
    (three,) = found.schemes
    # Its Emotion column says 66, 51, 40: s18_sur_03 is negative there.
    assert [c.labelled for c in three.classes] == [65, 51, 41]
    assert "(newer copy), 157 rows" in found.version
    assert any(
        "folds s3_ne_03, s4_ne_05, s4_ne_06, s9_sur_02 into the clip before each" in note for note in three.notes
    )


@pytest.mark.parametrize("data", [SmicVisE(), SmicNirE()])
def test_vis_and_nir_have_71_rows_each_and_their_own_frames(root, data):
    reading = data.read(root)
    assert Counter(clip.emotion for clip in reading.clips) == {"negative": 23, "positive": 28, "surprise": 20}
    assert reading.frames.name == f"SMIC-{data.camera.upper()}-E"


@pytest.mark.parametrize(("data", "fixed"), [(SmicHsE(), 1), (SmicVisE(), 1), (SmicNirE(), 0)])
def test_s18_sur_03_is_surprise_as_its_name_and_folder_say(root, data, fixed):
    reading = data.read(root)
    assert len(reading.fixed) == fixed
    assert {clip.emotion for clip in reading.clips if clip.name == "s18_sur_03"} == {"surprise"}


def test_a_row_whose_emotion_is_not_its_name_s_is_told(fake):
    root = fake("orig", rows=12)
    edit(root, lambda table: table.cell(2, 14, "surprise"))
    (flag,) = (flag for flag in SmicHsE().read(root).flags if flag.reason == "name and row differ")
    assert (flag.row, flag.detail) == (2, "negative in the name, surprise in the row, which is taken")


def test_what_cannot_be_true_is_told_by_clip(fake):
    reading = SmicHsE().read(fake("2019"))
    two = ["s18_ne_01", "s18_sur_03", "s20_ne_06", "s20_ne_09", "s20_sur_02"]
    for reason in ("another expression in the clip", "another expression that cannot be one"):
        assert sorted(f.clip.rpartition("/")[2] for f in reading.flags if f.reason == reason) == two
    before = next(flag for flag in reading.flags if flag.clip.endswith("s18_sur_03") and "frames" in flag.detail)
    onset = next(clip.onset for clip in reading.clips if clip.name == "s18_sur_03")
    assert int(before.detail.split()[1]) < onset


def test_a_video_whose_first_frame_is_missing_is_told_and_its_clip_read(root):
    reading = SmicHsE().read(root)
    (flag,) = (flag for flag in reading.flags if flag.reason == "first frame of the video is not a frame")
    assert flag.clip == "smic-hs-e/s03/s3_ne_20" and flag.detail.startswith("FirstF 'MISSING <-")
    assert any(clip.name == "s3_ne_20" for clip in reading.clips)


def test_frame_numbers_have_six_to_eight_digits(root):
    digits = {(c.subject, len(file)) for c in SmicHsE().read(root).clips for file in c.frames.files.values()}
    of = {
        subject: {n - len("image.jpg") for s, n in digits if s == subject} for subject in ("s01", "s05", "s12", "s20")
    }
    assert of == {"s01": {6}, "s05": {6, 7}, "s12": {7}, "s20": {8}}


@pytest.mark.parametrize("version", ["orig", "2019"])
def test_rows_of_text_at_the_end_are_no_rows_of_the_sheet_and_are_told(fake, version):
    root = fake(version)
    before = check(SmicHsE(), root)
    edit(root, lambda table: [table.append([text]) for text in ("Note:", "FirstF is frame 1 of a video")])
    after = check(SmicHsE(), root)
    assert (after.clips, after.version, after.schemes) == (before.clips, before.version, before.schemes)
    rows = before.clips + 1  # with the header
    told = [flag.row for flag in after.flags if flag.reason == "row of text or totals"]
    assert told == [rows + 1, rows + 2]


def test_formulas_that_were_saved_without_values_are_told_in_one_line(fake):
    root = fake("orig", rows=12)
    edit(root, lambda table: [table.cell(row, 5, f"=D{row}+{row}") for row in range(2, 14)])
    with pytest.raises(
        AnnotationError, match=r"OffsetF has formulas whose values were not saved: open it in Excel"
    ) as told:
        SmicHsE().read(root)
    assert "\n" not in str(told.value)


def test_a_sheet_that_names_no_camera_is_of_hs_where_only_it_saw_the_people(fake):
    root = fake("orig", rows=12)
    edit(root, lambda table: setattr(table, "title", "Tabelle1"))
    (file,) = root.glob("*.xlsx")
    file.rename(root / "labels.xlsx")
    assert len(SmicHsE().read(root).clips) == 12
    with pytest.raises(AnnotationError, match="its Subject is 1, which is none of SMIC-VIS-E's"):
        SmicVisE().read(root)
    edit(root, lambda table: setattr(table, "title", "HS"))
    with pytest.raises(AnnotationError, match="names HS, which is none of SMIC-NIR-E's cameras"):
        SmicNirE().read(root)


def test_one_workbook_may_hold_the_sheets_of_two_cameras(tmp_path):
    for data in (SmicHsE(), SmicVisE()):
        data.write_fake(tmp_path, np.random.default_rng(1), rows=12)
    one, other = (tmp_path / f"SMIC-{camera}-E_annotation_orig.xlsx" for camera in ("HS", "VIS"))
    book = openpyxl.load_workbook(one)
    sheet = book.create_sheet("VIS", 0)
    for row in openpyxl.load_workbook(other).active.iter_rows(values_only=True):
        sheet.append(row)
    book.save(one)
    alone = SmicVisE().read(tmp_path).clips
    other.unlink()
    assert SmicVisE().read(tmp_path).clips == alone and len(alone) == 12
    assert {clip.dataset for clip in SmicHsE().read(tmp_path).clips} == {"smic-hs-e"}
    assert len(SmicHsE().read(tmp_path).clips) == 12
