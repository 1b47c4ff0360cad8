"""A dataset is one file, whatever it looks like: each of these is whole, and is registered, read and checked like the rest."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest

from tsfmicro.data.annotated import AnnotatedDataset
from tsfmicro.data.check import check
from tsfmicro.data.entries import Entry
from tsfmicro.data.headed import HeadedDataset
from tsfmicro.data.registry import DATASETS, dataset
from tsfmicro.data.sheets import COLUMNS
from tsfmicro.errors import AnnotationError, ConfigError, FrameError
from tsfmicro.prepare.images import read_frames
from tsfmicro.run.experiment import read_clips
from tsfmicro.run.watch import Watch
from tsfmicro.study import shipped


class WithoutHeader(AnnotatedDataset):
    """Columns without names, micro- and macro-expressions in one sheet, and a second sheet that says who has which folder."""

    name, title, fps, release_rows = "without-header", "Sheet without a header", 30.0, 4
    person_folder = re.compile(r"s\d+")

    def refuses(self, table):
        first = table.cells[0] if table.cells else ()
        if len(first) == 7 and first[6].endswith("-expression"):
            return ""
        return "" if len(first) == 2 and first[1].startswith("s") else "its first row is none of ours"

    def chosen(self, tables):
        return tuple(sorted(tables[:2], key=lambda table: -len(table.cells[0])))

    def entries(self, source):
        codes, who = source.tables
        folder = dict(who.cells)
        for number, (person, film, onset, apex, offset, emotion, kind) in enumerate(codes.cells, 1):
            yield Entry(
                folder[person], f"{film}_{onset}", onset, apex, offset, emotion,
                recording=film, kind="macro" if kind.startswith("macro") else "micro", row=number,
            )  # fmt: skip


class ClassFolders(AnnotatedDataset):
    """No sheet: s1/micro/negative/s1_ne_01/image000123.bmp says everything but the apex."""

    name, title, fps, release_rows = "class-folders", "Class folders", 100.0, 3
    has_sheet = False
    person_folder = re.compile(r"s\d+")

    def entries(self, source):
        for base in source.bases[:1]:
            for folder in sorted(base.glob("s*/micro/*/*")):
                person, _, emotion, clip = folder.relative_to(base).parts
                yield Entry(
                    f"s{int(person[1:]):02d}", clip, emotion=emotion, recording=f"{person}/micro/{emotion}/{clip}"
                )


class Videos(HeadedDataset):
    """One video for each clip, at the frame rate that the sheet has; its first frame is number 1."""

    name, title, fps, release_rows = "videos", "Videos", None, 3
    columns = COLUMNS | {"fps": ("fps",)}
    person_folder = clip_cell = re.compile(r"p\d+_\d+")
    subject_cell = re.compile(r"\d+")
    first_frame = 1

    def subject(self, cell):
        return f"p{cell}" if cell.isdigit() else None


OTHER_COLUMNS = {
    "subject": ("subid",),
    "clip": ("foldname",),
    "onset": ("start",),
    "offset": ("end",),
    "emotion": ("label",),
}


class ThreeSheets(HeadedDataset):
    """Training and test rows in files of their own, no apex, and another family of people beside it."""

    name, title, fps, release_rows = "three-sheets", "Three sheets", 200.0, 3
    columns = OTHER_COLUMNS
    person_folder = re.compile(r"q\d+")
    subject_cell, clip_cell = re.compile(r"q\d+"), re.compile(r"q\d+_\d+")

    def subject(self, cell):
        return cell or None

    def chosen(self, tables):
        return tuple(tables)

    def is_base(self, base):
        return base.name != "VIS"


def picture(number):
    return np.full((48, 64, 3), 10 * number, np.uint8)


def write_pictures(folder, name, numbers):
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        assert cv2.imwrite(str(folder / name.format(number)), picture(number))


def write_video(path, fps, codec, frames=12):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (64, 48))
    for number in range(1, frames + 1):
        writer.write(picture(number))
    writer.release()


def write_book(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        table = book.create_sheet(name)
        for row in rows:
            table.append(row)
    book.save(path)


@pytest.fixture
def registered(monkeypatch):
    for added in (WithoutHeader(), ClassFolders(), Videos(), ThreeSheets()):
        monkeypatch.setitem(DATASETS, added.name, added)


@pytest.fixture
def without_header(tmp_path):
    write_book(
        tmp_path / "code_final.xlsx",
        code=[
            [1, "anger1", 3, 6, 9, "negative", "micro-expression"],
            [1, "anger1", 10, 12, 0, "negative", "macro-expression"],
            [2, "happy1", 2, 5, 8, "positive", "micro-expression"],
            [2, "happy1", 9, 8, 12, "surprise", "micro-expression"],
        ],
        rule=[[1, "s15"], [2, "s16"]],
        notes=[["nothing"]],
    )
    write_pictures(tmp_path / "rawpic" / "s15" / "anger1", "img{:03}.jpg", range(1, 13))
    write_pictures(tmp_path / "rawpic" / "s16" / "happy1", "img{:03}.jpg", range(1, 13))
    return tmp_path


@pytest.fixture
def class_folders(tmp_path):
    for place, numbers in (
        ("s1/micro/negative/s1_ne_01", (5, 6, 8)),
        ("s1/micro/positive/s1_po_01", (1, 2)),
        ("s11/micro/positive/s11_po_02", (7, 9)),
    ):
        write_pictures(tmp_path / "HS" / place, "image{:06}.bmp", numbers)
    return tmp_path


@pytest.fixture
def videos(tmp_path):
    write_book(
        tmp_path / "labels.xlsx",
        all=[
            ["Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Emotion", "Fps"],
            [1, "p1_1", 2, 4, 9, "4", "negative", 50],
            [1, "p1_2", 1, 3, 12, "12", "positive", "25.0"],
            [2, "p2_1", 1, 3, 12, "12", "positive", "?"],
        ],
    )
    write_video(tmp_path / "clips" / "p1_1.avi", 50, "MJPG")
    write_video(tmp_path / "clips" / "p1_2.mp4", 25, "mp4v")
    write_video(tmp_path / "clips" / "p2_1.avi", 30, "MJPG")
    return tmp_path


def looks(clip):
    """Frame numbers as the pictures of a clip show them, at its onset and offset."""
    images = read_frames(clip.frames, [clip.onset, clip.offset])
    return [round(float(images[n].mean()) / 10) for n in (clip.onset, clip.offset)]


def test_a_sheet_without_a_header_with_its_micro_and_macro_rows(registered, without_header):
    reading = dataset("without-header").read(without_header)
    assert [clip.id.removeprefix("without-header/") for clip in reading.clips] == [
        "s15/anger1_3", "s16/happy1_2", "s16/happy1_9",
    ]  # fmt: skip
    assert [(clip.name, clip.offset) for clip in reading.macro] == [("anger1_10", None)]
    assert reading.rows == 4
    assert any(
        "and 1 macro-expression, kept apart" in line
        for line in check(dataset("without-header"), without_header).lines()
    )
    assert [looks(clip) for clip in reading.clips] == [[3, 9], [2, 8], [9, 12]]
    assert {(flag.clip, flag.row, flag.reason) for flag in reading.flags} == {
        ("without-header/s15/anger1_10", 2, "offset is not a frame"),
        ("without-header/s16/happy1_9", 4, "apex outside onset–offset"),
    }


def test_no_sheet_but_class_folders(registered, class_folders):
    reading = dataset("class-folders").read(class_folders)
    assert Counter(clip.emotion for clip in reading.clips) == {"negative": 1, "positive": 2}
    assert [(c.subject, c.name, c.onset, c.apex, c.offset, c.fps) for c in reading.clips] == [
        ("s01", "s1_ne_01", 5, None, 8, 100.0),
        ("s01", "s1_po_01", 1, None, 2, 100.0),
        ("s11", "s11_po_02", 7, None, 9, 100.0),
    ]
    assert [looks(clip) for clip in reading.clips] == [[5, 8], [1, 2], [7, 9]]
    assert (reading.version, reading.sheet) == ("folders without a sheet, 3 clips", class_folders)
    assert Counter(flag.reason for flag in reading.flags) == {"no apex annotated": 3, "frames missing": 2}


def test_the_dataset_in_the_docs_is_whole_and_reads_the_same(registered, class_folders):
    page = Path(__file__).parents[2] / "docs" / "adding-a-dataset.md"
    names = {}
    exec(re.search(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)[1], names)
    assert names["ClassFolders"]().read(class_folders).clips == dataset("class-folders").read(class_folders).clips


def test_videos_with_a_frame_rate_for_each(registered, videos):
    reading = dataset("videos").read(videos)
    assert [clip.fps for clip in reading.clips] == [50.0, 25.0, 30.0]
    assert [looks(clip) for clip in reading.clips] == [[2, 9], [1, 12], [1, 12]]
    assert reading.trainable == reading.clips
    assert [(flag.clip, flag.reason) for flag in reading.flags] == [("videos/p2/p2_1", "frame rate is not a number")]


def test_rows_in_several_files_without_an_apex_and_people_that_another_folder_names_alike(registered, tmp_path):
    head = ["sub_ID", "Fold name", "Start", "End", "Label"]
    write_book(tmp_path / "train.xlsx", a=[head, ["q1", "q1_1", 1, 3, "fear"], ["q2", "q2_1", 0, 2, "fear"]])
    write_book(tmp_path / "test.xlsx", a=[head, ["q3", "q3_1", 1, 3, "fear"]])
    for camera in ("VIS", "film"):
        for person in ("q1", "q2", "q3"):
            write_pictures(tmp_path / camera / person / f"{person}_1", "{:05}.png", range(4))
    reading = dataset("three-sheets").read(tmp_path)
    assert {(clip.subject, clip.onset, clip.apex, clip.offset) for clip in reading.clips} == {
        ("q1", 1, None, 3), ("q2", 0, None, 2), ("q3", 1, None, 3),
    }  # fmt: skip
    assert (reading.frames, reading.other_frames, reading.rows) == (tmp_path / "film", (), 3)
    assert {flag.reason for flag in reading.flags} == {"no apex annotated"}


def test_a_video_at_another_rate_than_the_sheet_s_is_flagged(registered, videos):
    write_video(videos / "clips" / "p1_1.avi", 25, "MJPG")
    (flag, _) = dataset("videos").read(videos).flags
    assert (flag.reason, flag.row) == ("video has another frame rate", 2)
    assert flag.detail.startswith("25 per second in ") and flag.detail.endswith("50 expected")


def test_pictures_come_before_videos_of_the_same_clips(registered, videos):
    write_pictures(videos / "pictures" / "p1_1", "{:03}.jpg", range(1, 10))
    reading = dataset("videos").read(videos)
    assert (reading.frames, reading.other_frames) == (videos / "pictures", (videos / "clips",))
    assert [clip.name for clip in reading.trainable] == ["p1_1"]
    assert {flag.clip for flag in reading.flags if flag.reason == "no folder with frames"} == {"videos/p1/p1_2"}


def test_a_video_that_ends_too_early_is_flagged(registered, videos):
    write_video(videos / "clips" / "p1_2.mp4", 25, "mp4v", frames=6)
    flags = {flag.reason: flag.detail for flag in dataset("videos").read(videos).flags}
    assert flags["frames missing"] == "6 of 12 between 1 and 12"


@pytest.mark.parametrize(("name", "clips"), [("without-header", 3), ("class-folders", 3), ("videos", 3)])
def test_a_run_and_a_check_read_what_was_added(name, clips, registered, request):
    root = request.getfixturevalue(name.replace("-", "_"))
    config = shipped.config("casme2-3-published", [f"data.datasets=[{name}]"])
    assert len(read_clips(config, {name: root}, Watch())[0]) == clips
    found = check(dataset(name), root)
    assert found.clips == clips
    assert any(line.startswith(dataset(name).title) for line in found.lines())


@pytest.mark.parametrize(
    ("name", "error", "said"),
    [
        ("without-header", AnnotationError, r"no sheet of Sheet without a header.*other\.xlsx \(its first row is none"),
        ("class-folders", FrameError, "no frames of Class folders"),
        ("videos", AnnotationError, r"no sheet of Videos.*other\.xlsx \(no row names the columns\)"),
    ],
)
def test_a_folder_of_something_else_says_so(name, error, said, registered, tmp_path):
    write_book(tmp_path / "other.xlsx", table=[["a", "b"], ["c", "d"]])
    with pytest.raises(error, match=said):
        dataset(name).read(tmp_path)


def test_a_video_of_another_kind_of_name_is_no_clip_and_its_row_says_so(registered, videos):
    (videos / "clips" / "p2_1.avi").rename(videos / "clips" / "p2_one.avi")
    reading = dataset("videos").read(videos)
    assert [flag.reason for flag in reading.flags if flag.row == 4][-1] == "no frame rate"
    assert len(reading.clips) == 2


def test_an_entry_s_recording_is_its_name_unless_it_says_otherwise():
    entry = Entry("p1", "p1_1")
    assert entry.recording == "p1_1"
    assert replace(entry, recording="film").recording == "film"


def test_what_a_class_of_somebody_s_own_keeps_for_itself_is_not_asked_for(registered, monkeypatch):
    monkeypatch.setattr(type(DATASETS["videos"]), "__annotations__", {"_index": "dict"}, raising=False)
    assert dataset("videos").name == "videos"


def test_a_class_that_lacks_something_is_told_in_one_line(monkeypatch, tmp_path):
    class Lacks(AnnotatedDataset):
        name, title, release_rows = "lacks", "Lacks", 1

        def entries(self, source):
            return ()

    monkeypatch.setitem(DATASETS, "lacks", Lacks())
    with pytest.raises(ConfigError, match=r"dataset lacks: Lacks does not say its fps, person_folder\. Add it"):
        dataset("lacks")
    monkeypatch.setattr(Lacks, "fps", 100.0, raising=False)
    monkeypatch.setattr(Lacks, "person_folder", re.compile("s"), raising=False)
    (tmp_path / "sheet.csv").write_text("subject,filename\n1,a\n")
    with pytest.raises(ConfigError, match=r"dataset lacks: has a sheet.*Write refuses\(\), or has_sheet = False"):
        dataset("lacks").read(tmp_path)
    monkeypatch.setitem(DATASETS, "lacks", Lacks)
    with pytest.raises(ConfigError, match=r"dataset lacks: the registry has the class Lacks\. Write Lacks\(\) there"):
        dataset("lacks")


@pytest.mark.parametrize("name", DATASETS)
def test_every_dataset_says_all_that_is_asked_of_it(name):
    assert dataset(name) is DATASETS[name]
