import re
from pathlib import Path

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tsfmicro.data.frames import FrameTree, look_around, number_frames

PERSON = re.compile(r"sub\d+")


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_the_last_digits_of_a_name_are_the_frame_whatever_their_padding():
    files, _ = number_frames(["reg_img46.jpg", "006_05562.jpg", "006_9981.JPG", "s1_ne_01_image000123.bmp", "7.png"])
    assert files == {
        46: "reg_img46.jpg",
        5562: "006_05562.jpg",
        9981: "006_9981.JPG",
        123: "s1_ne_01_image000123.bmp",
        7: "7.png",
    }


@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from(["", "img", "reg_img", "006_", "EP02_01f-"]))
def test_any_padding_and_prefix_gives_the_number_back(number, width, prefix):
    assert number_frames([f"{prefix}{number:0{width}}.jpg"])[0].keys() == {number}


def test_what_systems_leave_behind_is_no_frame(tmp_path):
    names = ["img46.jpg", "Thumbs.db", ".DS_Store", "._img46.jpg", "img46 (1).jpg", "notes2.txt", "Copy of img46.jpg"]
    touch(*(tmp_path / "sub01" / name for name in names))
    lies = FrameTree(tmp_path).recording(tmp_path / "sub01")
    assert lies.frames.files == {46: "img46.jpg"}
    assert not lies.twice


def test_of_two_files_for_one_frame_the_other_is_told():
    files, twice = number_frames(["img046.jpg", "img46.jpg"])
    assert files == {46: "img046.jpg"}
    assert twice == {46: "img46.jpg"}


def test_sheets_and_peoples_folders_are_found_in_nested_copies(tmp_path):
    touch(tmp_path / "set" / "codes.xlsx", tmp_path / "set" / "~$codes.xlsx", tmp_path / "set" / "readme.txt")
    touch(tmp_path / "set" / "RAW" / "RAW" / "sub01" / "EP02_01f" / "img1.jpg")
    found = look_around(tmp_path, PERSON)
    assert found.sheets == (tmp_path / "set" / "codes.xlsx",)
    assert found.bases == (tmp_path / "set" / "RAW" / "RAW",)


def test_depth_maps_are_never_taken_for_frames(tmp_path):
    touch(tmp_path / "depth" / "sub01" / "a" / "1.png", tmp_path / "frame" / "sub01" / "a" / "1.jpg")
    assert look_around(tmp_path, PERSON).bases == (tmp_path / "frame",)


def test_depth_lies_beside_the_frames_or_in_a_tree_of_its_own(tmp_path):
    touch(tmp_path / "sub01" / "a" / "color" / "1.jpg", tmp_path / "sub01" / "a" / "Depth" / "1.png")
    touch(tmp_path / "frame" / "sub01_a" / "2.jpg", tmp_path / "depth" / "sub01_a" / "2.png")
    beside = FrameTree(tmp_path).recording(tmp_path / "sub01" / "a" / "color").frames.depth
    assert beside.path(1) == tmp_path / "sub01" / "a" / "Depth" / "1.png"
    apart = FrameTree(tmp_path / "frame").recording(tmp_path / "frame" / "sub01_a").frames.depth
    assert apart.path(2) == tmp_path / "depth" / "sub01_a" / "2.png"


def test_a_folder_is_found_whatever_its_case_but_its_own_case_comes_first(tmp_path):
    touch(tmp_path / "sub01" / "j" / "1.jpg", tmp_path / "sub02" / "j" / "1.jpg", tmp_path / "sub02" / "J" / "1.jpg")
    tree = FrameTree(tmp_path)
    assert tree.find([("SUB01", "J")]) == tmp_path / "sub01" / "j"
    assert tree.find([("sub02", "J")]) == tmp_path / "sub02" / "J"
    assert tree.find([("sub03", "J"), ("sub01", "j", "color")]) is None


def test_a_folder_without_pictures_is_passed_over(tmp_path):
    touch(tmp_path / "sub01" / "a" / "depth" / "1.png", tmp_path / "sub02" / "a" / "1.jpg")
    tree = FrameTree(tmp_path)
    assert tree.find([("sub01", "a", "color"), ("sub01", "a"), ("sub02", "a")]) == tmp_path / "sub02" / "a"


def test_a_folder_is_listed_once_however_many_clips_share_it(tmp_path):
    touch(tmp_path / "sub01" / "1.jpg")
    tree = FrameTree(tmp_path)
    tree.recording(tmp_path / "sub01")
    Path(tmp_path / "sub01" / "1.jpg").unlink()
    assert tree.recording(tmp_path / "sub01").frames.files == {1: "1.jpg"}


def video(path, frames=5, fps=50.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 40 * number, np.uint8))
    writer.release()
    return path


def test_a_video_is_found_as_a_folder_of_its_name_would_be_and_counts_its_frames(tmp_path):
    file = video(tmp_path / "sub01" / "EP01_1.avi")
    tree = FrameTree(tmp_path, first_frame=1)
    assert tree.find([("sub01", "EP01_1", "color"), ("SUB01", "ep01_1")]) == file
    lies = tree.recording(file)
    assert (list(lies.frames.numbers), lies.fps) == ([1, 2, 3, 4, 5], 50.0)


def test_a_dataset_of_pictures_takes_no_video(tmp_path):
    video(tmp_path / "sub01" / "EP01_1.avi")
    assert FrameTree(tmp_path).find([("sub01", "EP01_1")]) is None


def test_a_folder_of_pictures_comes_before_a_video_of_its_name(tmp_path):
    video(tmp_path / "sub01" / "EP01_1.avi")
    touch(tmp_path / "sub01" / "EP01_1" / "img1.jpg")
    assert FrameTree(tmp_path, 1).find([("sub01", "EP01_1")]) == tmp_path / "sub01" / "EP01_1"


def test_a_file_that_only_looks_like_a_video_has_no_frames(tmp_path):
    touch(tmp_path / "sub01" / "EP01_1.mp4")
    assert FrameTree(tmp_path, 1).find([("sub01", "EP01_1")]) is None


def test_a_folder_of_videos_named_by_people_holds_frames(tmp_path):
    touch(tmp_path / "clips" / "sub01.mp4", tmp_path / "other" / "holiday.mp4")
    assert look_around(tmp_path, PERSON, videos=True).bases == (tmp_path / "clips",)
    assert look_around(tmp_path, PERSON).bases == ()
