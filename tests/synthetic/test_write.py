"""The folder of generated faces: CASME II's layout, whole or not there, the same bytes every time."""

import csv
import errno
import hashlib
import json
import shutil

import cv2
import numpy as np
import openpyxl
import pytest

from tsfmicro.data.casme2 import Casme2
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.synthetic.write import FRAMES, MANIFEST, SHEET, contact_sheet, write_faces

ORDER = {"people": 2, "clips": 2, "seed": 4, "fps": 30}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_faces(tmp_path_factory.mktemp("faces"), **ORDER, workers=1)


def checksums(folder):
    return {
        str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in folder.rglob("*") if f.is_file()
    }


def test_the_casme2_reader_takes_it(root):
    reading = Casme2().read(root)
    assert [clip.person for clip in reading.clips] == ["casme2/sub01"] * 2 + ["casme2/sub02"] * 2
    for clip in reading.trainable:
        assert sorted(clip.frames.files) == list(range(clip.onset, clip.offset + 1))
        assert clip.action_units.numbers
    assert len(reading.trainable) == 4


def test_the_sheet_has_the_columns_of_2019_and_frames_their_original_numbers_without_padding(root):
    header, first, *_ = openpyxl.load_workbook(root / SHEET)["Sheet1"].iter_rows(values_only=True)
    assert header[:6] == ("Subject", "Filename", None, "OnsetFrame", "ApexFrame", "OffsetFrame")
    assert header[6:] == (None, "Action Units", "Estimated Emotion", "Objective Classes")
    assert first[0] == "01"
    assert cv2.imread(str(root / FRAMES / "sub01" / first[1] / f"img{first[3]}.jpg")).shape == (480, 640, 3)


def test_the_truth_lies_beside_it(root):
    rows = list(csv.DictReader((root / "truth.csv").open()))
    clips = {clip.name: clip for clip in Casme2().read(root).clips if clip.subject == "sub01"}
    for row in (row for row in rows if row["subject"] == "sub01"):
        clip = clips[row["clip"]]
        assert (clip.emotion, str(clip.apex)) == (row["emotion"], row["apex"])
        with np.load(root / "truth" / "sub01" / f"{clip.name}.npz") as true:
            assert true["landmarks"].shape == (5, 2)
            assert true["motion"].shape == true["expression"].shape == (2, 120, 160)
            most = np.hypot(*true["expression"].astype(np.float32)).max()
        assert most == pytest.approx(float(row["intensity_px"]), rel=0.35), "parts add up, a turned head foreshortens"


def test_several_processes_write_the_same_bytes(root, tmp_path):
    told = []
    write_faces(tmp_path, **ORDER, workers=2, progress=lambda *so_far: told.append(so_far))
    assert checksums(tmp_path) == checksums(root)
    assert told[0] == (0, 4)
    assert told[-1] == (4, 4)


def test_a_killed_run_goes_on_where_it_was(root, tmp_path):
    half = tmp_path / "half"
    shutil.copytree(root, half)
    kept = min((half / FRAMES / "sub01").iterdir())
    lost = max((half / FRAMES / "sub02").iterdir())
    lost.rename(lost.with_name(f".{lost.name}.part"))  # killed while it was being drawn
    (half / SHEET).unlink()
    age = {f: f.stat().st_mtime_ns for f in kept.iterdir()}
    told = []
    write_faces(half, **ORDER, workers=1, progress=lambda *so_far: told.append(so_far))
    assert told == [(3, 4), (4, 4)], "one clip was drawn"
    assert checksums(half) == checksums(root)
    assert age == {f: f.stat().st_mtime_ns for f in kept.iterdir()}, "a finished clip is not drawn again"


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="holds something else than generated faces"):
        write_faces(tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_folder_begun_with_other_arguments_is_left_alone(root):
    with pytest.raises(ConfigError, match=r"was begun with .*seed=4.* Give the same arguments"):
        write_faces(root, **(ORDER | {"seed": 5}))


def test_a_damaged_manifest_is_told(tmp_path):
    (tmp_path / MANIFEST).write_text('{"people": 2,')
    with pytest.raises(ConfigError, match="is damaged"):
        write_faces(tmp_path)


def test_numbers_that_cannot_work_are_told_at_once(tmp_path):
    with pytest.raises(ConfigError, match=r"people=0 .*, fps=5 \(10 to 1000\)"):
        write_faces(tmp_path / "new", people=0, fps=5)
    assert not (tmp_path / "new").exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        write_faces(tmp_path / "file" / "faces", **ORDER)


def test_a_full_disk_is_told_and_the_clip_is_drawn_again_when_there_is_room(root, tmp_path, monkeypatch):
    def full(picture):
        raise OSError(errno.ENOSPC, "No space left on device")

    half = tmp_path / "half"
    shutil.copytree(root, half)
    shutil.rmtree(min((half / FRAMES / "sub01").iterdir()))
    with monkeypatch.context() as disk, pytest.raises(RunError, match=r"cannot be written \(No space left.* kept"):
        disk.setattr("tsfmicro.synthetic.write.jpeg", full)
        write_faces(half, **ORDER, workers=1)
    assert checksums(write_faces(half, **ORDER, workers=1)) == checksums(root)


def test_the_manifest_holds_the_arguments(root):
    assert ORDER.items() <= json.loads((root / MANIFEST).read_text()).items()


def test_a_contact_sheet_shows_one_face_of_each_person(root):
    assert contact_sheet(root, across=2).shape == (480, 1280, 3)
