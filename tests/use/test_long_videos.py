"""Long videos and their truth, on fakes of the releases' shape."""

import shutil

import numpy as np
import pytest

from tsfmicro.data.registry import dataset
from tsfmicro.errors import FrameError, UnknownNameError
from tsfmicro.use.long_videos import long_videos


def fake(root, name, **shape):
    dataset(name).write_fake(root, np.random.default_rng(1), rows=40, **shape)
    return root


@pytest.mark.parametrize(
    "name, shape, example",
    [
        ("casme-squared", {}, "15_0401girlcrashing"),
        ("samm-lv", {}, "006_1"),
        ("casme3", {"sheet": "with the main sheet"}, "spNO.1_j"),
    ],
)
def test_every_expression_lies_in_a_video_of_its_person(tmp_path, name, shape, example):
    found = long_videos(name, fake(tmp_path, name, **shape))
    reading = dataset(name).read(tmp_path)
    clips = [*reading.clips, *reading.macro]
    assert len(found.truth) == len(clips) > 30
    assert {m.kind for _, m in found.truth} == {"micro", "macro"}
    assert {v.person for v in found.truth.videos} == {clip.person for clip in clips}
    assert example in {v.name for v in found.truth.videos}
    assert all(v.first <= m.onset for v, m in found.truth)
    assert {m.emotion for _, m in found.truth if m.kind == "micro"} <= {"negative", "positive", "surprise", "others"}
    assert found.truth.has_emotions and found.truth.complete and found.notes == ()


def test_a_recording_in_which_nothing_is_annotated_is_a_video_too(tmp_path):
    fake(tmp_path, "samm-lv")
    base = tmp_path / "SAMM_longvideos"
    shutil.copytree(base / "006_1", base / "006_7")
    (base / "notes").mkdir()
    calm = next(v for v in long_videos("samm-lv", tmp_path).truth.videos if v.name == "006_7")
    assert (calm.intervals, calm.person) == ((), "samm/006")
    fake(tmp_path / "3", "casme3")
    folder = next((tmp_path / "3" / "part_A").glob("spNO.*/*"))
    shutil.copytree(folder, folder.with_name("z"))
    calm = [v for v in long_videos("casme3", tmp_path / "3").truth.videos if not v.intervals]
    assert [(v.name, v.person) for v in calm] == [(f"{folder.parent.name}_z", f"casme3/{folder.parent.name}")]


def test_expressions_whose_frames_are_not_there_are_told_and_not_scored(tmp_path):
    fake(tmp_path, "samm-lv")
    before = long_videos("samm-lv", tmp_path)
    shutil.rmtree(tmp_path / "SAMM_longvideos" / "006_1")
    after = long_videos("samm-lv", tmp_path)
    gone = len(before.truth) - len(after.truth)
    assert gone > 0 and after.notes[0].startswith(
        f"{gone} expressions have no frames on disk and are not scored: samm-lv/006/"
    )


def test_without_the_main_sheet_it_is_told_that_there_are_no_macro_expressions(tmp_path):
    (note,) = long_videos("casme3", fake(tmp_path, "casme3")).notes
    assert note.startswith("no macro-expression is annotated")


@pytest.mark.parametrize("name, layout", [("casme-squared", "cropped"), ("casme3", "clips")])
def test_clips_that_were_cut_out_are_no_long_videos(tmp_path, name, layout):
    with pytest.raises(FrameError, match="holds clips that were cut out"):
        long_videos(name, fake(tmp_path, name, layout=layout))


def test_another_dataset_has_no_long_videos(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown dataset of long videos 'casme2'"):
        long_videos("casme2", tmp_path)


def test_long_videos_are_found_beside_clips_that_were_cut_out_of_them(tmp_path):
    for layout in ("raw", "cropped"):
        fake(tmp_path, "casme-squared", layout=layout)
    (tmp_path / "rawpic").rename(tmp_path / "long")
    alone = long_videos("casme-squared", tmp_path / "long")
    (tmp_path / "long").rename(tmp_path / "rawpic")
    (tmp_path / "cropped").rename(tmp_path / "selectedpic")
    assert dataset("casme-squared").read(tmp_path).frames == tmp_path / "selectedpic"
    found = long_videos("casme-squared", tmp_path)
    assert {video.path.parents[1] for video in found.videos} == {tmp_path / "rawpic"}
    assert (found.truth.videos, found.notes) == (alone.truth.videos, ())


def test_folders_of_videos_that_hold_their_expressions_alone_are_no_long_videos_where_those_lie_beside(tmp_path):
    fake(tmp_path, "casme-squared")
    reading = dataset("casme-squared").read(tmp_path)
    for clip in (*reading.clips, *reading.macro):
        pieces = tmp_path / "selectedpic" / clip.frames.folder.relative_to(reading.frames)
        pieces.mkdir(parents=True, exist_ok=True)
        for number in {clip.onset, clip.apex, clip.offset} - {None}:
            shutil.copy(clip.frames.path(number), pieces)
    assert dataset("casme-squared").read(tmp_path).frames == tmp_path / "selectedpic"
    assert {video.path.parents[1] for video in long_videos("casme-squared", tmp_path).videos} == {tmp_path / "rawpic"}
