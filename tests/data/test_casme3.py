from collections import Counter

import numpy as np
import pytest

from tsfmicro.data.casme3 import Casme3
from tsfmicro.data.check import check
from tsfmicro.prepare.images import read_depth


@pytest.fixture(scope="module")
def release(release_of):
    return release_of("casme3")


@pytest.fixture(scope="module")
def clips(release):
    return {clip.id: clip for clip in Casme3().read(release).clips}


def test_the_public_sheet_has_860_clips_and_the_difference_to_the_papers_855_is_told(release):
    seven, four, three = check(Casme3(), release).schemes
    assert {c.name: c.difference for c in seven.classes if c.difference} == {"surprise": 3, "others": 2}
    assert {c.name: c.labelled for c in four.classes} == {
        "negative": 457,
        "positive": 55,
        "surprise": 187,
        "others": 161,
    }
    assert {c.name: c.labelled for c in three.classes} == {"negative": 457, "positive": 55, "surprise": 187}
    assert (seven.total.labelled, seven.total.paper, seven.people) == (860, 855, 94)
    assert any("855" in note and "exclusion file" in note for note in seven.notes)


def test_a_clip_is_named_by_its_video_and_its_onset_for_a_video_holds_several(clips):
    assert {"casme3/spNO.40/e_1812", "casme3/spNO.40/e_2327"} <= clips.keys()
    assert len({(clip.subject, clip.name.split("_")[0]) for clip in clips.values()}) == 463


def test_numbers_that_cannot_be_true_are_corrected_and_the_id_stays_that_of_the_sheet(clips):
    assert clips["casme3/spNO.216/d_3647"].onset == 2647
    assert [clips[f"casme3/spNO.40/{name}"].offset for name in ("e_1812", "e_2327")] == [1845, 2403]


def test_an_apex_before_its_onset_is_that_of_the_authors_main_sheet(clips):
    clip = clips["casme3/spNO.149/d_112"]
    assert (clip.onset, clip.apex, clip.offset) == (112, 160, 358)
    assert clip.fixes[0].startswith("apex 83→160: ") and "main sheet" in clip.fixes[0]


def test_a_clip_that_the_sheet_begins_one_frame_too_early_begins_with_the_first_on_disk(clips):
    clip = clips["casme3/spNO.216/e_0"]
    assert (clip.onset, clip.apex, clip.offset) == (1, 1, 25)
    assert clip.frames.path(1).is_file()


def test_a_clip_of_two_minutes_is_flagged_and_stays(release, clips):
    (flag,) = (flag for flag in Casme3().read(release).flags if flag.reason == "longer than 10 s")
    assert (flag.clip, flag.detail[:36]) == ("casme3/spNO.214/c_5", "onset 5 to offset 3460 are 115 s; co")
    assert clips[flag.clip].offset == 3460


def test_26_clips_have_more_than_100_frames(clips):
    assert sum(clip.offset - clip.onset > 100 for clip in clips.values()) == 26


def test_55_clips_whose_apex_is_their_onset_are_kept_and_flagged(release):
    reading = Casme3().read(release)
    assert Counter(flag.reason for flag in reading.flags)["apex = onset"] == 55
    assert sum(clip.apex == clip.onset for clip in reading.trainable) == 55


def test_a_capital_letter_in_the_sheet_finds_the_small_one_on_disk(clips):
    clip = next(clip for clip in clips.values() if clip.name.startswith("J"))
    assert clip.frames.folder.parent.name == "j"
    assert clip.frames.path(clip.onset).is_file()


def test_the_colour_frames_are_taken_not_the_depth_beside_them(clips):
    assert {clip.frames.folder.name for clip in clips.values()} == {"color"}


@pytest.mark.parametrize("layout", ["videos", "clips"])
def test_depth_pictures_are_found_beside_the_frames_under_their_numbers(tmp_path, layout):
    Casme3().write_fake(tmp_path, np.random.default_rng(1), layout=layout, rows=20)
    for clip in Casme3().read(tmp_path).trainable:
        depth = clip.frames.depth
        there = {"color": "depth", "frame": "depth"}
        wanted = [there.get(part, part) for part in clip.frames.folder.relative_to(tmp_path).parts]
        assert list(depth.folder.relative_to(tmp_path).parts) == wanted
        assert depth.numbers == clip.frames.numbers and read_depth(depth.path(clip.apex)).max() == 600


def test_a_copy_without_depth_is_read_all_the_same(tmp_path):
    Casme3().write_fake(tmp_path, np.random.default_rng(1), layout="videos, colour only", rows=8)
    assert {clip.frames.depth for clip in Casme3().read(tmp_path).trainable} == {None}


def test_the_folder_of_a_corrected_clip_may_be_named_by_either_onset(tmp_path):
    Casme3().write_fake(tmp_path, np.random.default_rng(1), layout="clips")
    folder = tmp_path / "Part_A_ME_clip" / "frame" / "spNO.216_d_3647"
    assert folder.is_dir()
    folder.rename(folder.with_name("spNO.216_d_2647"))
    clip = next(c for c in Casme3().read(tmp_path).trainable if c.id == "casme3/spNO.216/d_3647")
    assert clip.frames.folder.name == "spNO.216_d_2647"
