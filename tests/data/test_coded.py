"""A coded project is a dataset: codes.csv beside a folder of videos."""

import cv2
import numpy as np
import pytest

from tsfmicro.coding.project import FILE
from tsfmicro.coding.registry import named
from tsfmicro.data.check import check
from tsfmicro.data.registry import dataset
from tsfmicro.prepare.images import read_frames
from tsfmicro.protocols.registry import protocol
from tsfmicro.run.experiment import read_clips
from tsfmicro.run.watch import Watch
from tsfmicro.study import shipped
from tsfmicro.timeline import Moment, Timeline, units_in


def write_video(path, fps, frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    for number in range(frames):
        writer.write(np.full((48, 64, 3), 5 * number, np.uint8))
    writer.release()


def coded(onset, person, emotion="happiness", **more):
    return Moment(onset, onset + 0.4, onset + 0.2, person, emotion=emotion, **more)


def project(root, *timelines):
    named("codes").write(root / FILE, timelines)
    for t in timelines:
        write_video(root / "videos" / t.video, t.fps, round(t.seconds * t.fps))
    return root


@pytest.fixture
def root(tmp_path):
    return project(
        tmp_path,
        Timeline(
            "anna 1.avi", (coded(0.2, "anna", units=units_in("R12B+6")), coded(1.2, "anna", "disgust")), 25.0, 2.0
        ),
        Timeline("anna 2.avi", (coded(0.4, "anna"),), 20.0, 2.0),
        Timeline("both.avi", (coded(0.2, "ben", "surprise"), coded(0.2, "Anna")), 25.0, 1.0),
    )


def clips(root):
    return {c.id.removeprefix("coded/"): c for c in dataset("coded").read(root).clips}


def test_moments_become_clips_of_named_people_in_frames_of_each_video(root):
    found = clips(root)
    frames = {name: (c.onset, c.apex, c.offset, c.fps) for name, c in found.items()}
    assert frames == {
        "anna/anna 1_5": (5, 10, 15, 25.0),
        "anna/anna 1_30": (30, 35, 40, 25.0),
        "anna/anna 2_8": (8, 12, 16, 20.0),
        "ben/both_5": (5, 10, 15, 25.0),
        "anna/both_5": (5, 10, 15, 25.0),
    }
    assert found["anna/anna 1_5"].action_units.text == "R12B+6"
    assert (found["ben/both_5"].emotion, found["ben/both_5"].objective) == ("surprise", "")


def test_the_frames_are_those_of_the_video(root):
    clip = clips(root)["anna/anna 2_8"]
    assert round(float(read_frames(clip.frames, [clip.apex])[clip.apex].mean()) / 5) == 12


def test_seconds_count_from_the_first_image_of_a_folder_whatever_its_number(tmp_path):
    named("codes").write(tmp_path / FILE, [Timeline("film", (coded(0.2, "anna"),), 25.0, 1.0)])
    (tmp_path / "videos" / "film").mkdir(parents=True)
    for number in range(25):
        picture = np.full((48, 64, 3), 5 * number, np.uint8)
        cv2.imwrite(str(tmp_path / "videos" / "film" / f"img{number + 46}.png"), picture)
    (clip,) = clips(tmp_path).values()
    assert (clip.onset, clip.apex, clip.offset) == (5, 10, 15)
    assert read_frames(clip.frames, [5])[5].mean() == 5 * 5, "as the coder saw it"


def test_people_are_left_out_by_name_whichever_video_shows_them_and_however_it_is_spelt(root):
    labels = {clip.id: 0 for clip in dataset("coded").read(root).clips}
    folds = protocol("loso", {}).folds(labels, 0, np.random.default_rng(0))
    assert {fold.name: len(fold.test) for fold in folds} == {"coded-anna": 4, "coded-ben": 1}


def test_a_run_and_a_check_read_a_coded_project(root):
    config = shipped.config("demo", ["data.datasets=[coded]", "data.scheme=all-3", "data.exclude=null"])
    assert len(read_clips(config, {"coded": root}, Watch())[0]) == 5
    assert any("5 of 2 people" in line for line in check(dataset("coded"), root).lines())


def reasons(root):
    return [(flag.reason, flag.detail) for flag in dataset("coded").read(root).flags]


def test_what_makes_no_clip_is_told_and_the_rest_is_read(tmp_path):
    root = project(
        tmp_path,
        Timeline(
            "a.avi",
            (
                coded(0.2, "anna", coder="one"),
                coded(0.24, "anna", coder="two"),
                Moment(1.0, 1.4, None, "anna", coder="one"),
                coded(0.2, "ben", kind="other", coder="one"),
                coded(0.4, "", coder="one"),
            ),
            25.0,
            2.0,
        ),
    )
    assert {c.name: c.apex for c in clips(root).values()} == {"a_5": 10, "a_25": None}
    assert sorted(reason for reason, _ in reasons(root)) == [
        "coded again by another coder",
        "neither micro nor macro",
        "no apex annotated",
        "row names no clip",
    ]
    assert ("coded again by another coder", "a.avi is taken as one has it, not as two") in reasons(root)


def test_two_moments_that_begin_at_one_frame_are_two_clips(tmp_path):
    root = project(tmp_path, Timeline("a.avi", (coded(0.2, "anna"), coded(0.21, "anna", "fear")), 25.0, 1.0))
    assert {c.name: c.emotion for c in clips(root).values()} == {"a_5": "happiness", "a_5_2": "fear"}


def test_a_video_without_a_moment_makes_no_clip_and_no_flag(tmp_path):
    root = project(
        tmp_path,
        Timeline("a.avi", (coded(0.2, "anna"),), 25.0, 1.0),
        Timeline("b.avi", (), 25.0, 1.0, ("anna",)),
    )
    assert (len(clips(root)), reasons(root)) == (1, [])
