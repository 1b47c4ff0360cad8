"""The protocol on long videos: measured once, thresholds chosen on other people. One drawn film, as if of two people, and a calm video."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.spot.test_intervals import bump
from tsfmicro.errors import AnnotationError
from tsfmicro.run.watch import Watch
from tsfmicro.spot.found import Thresholds
from tsfmicro.spot.listing import read_listing
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.spot import analysed, covers_of, rests_of
from tsfmicro.spot.types import Segment, Video
from tsfmicro.synthetic.film import read_truth, write_films
from tsfmicro.use.spot_dataset import GRID, Trace, leave_one_out, spot_dataset
from tsfmicro.use.spot_score import score_files

NAMES = ("s15/15_0101disgustingteeth", "s16/16_0101disgustingteeth")
CHEEKS = [REGIONS.index(f"{side} cheek") for side in ("left", "right")]
CALM = "s16/16_0502funnyerrors"


class Told(Watch):
    def __init__(self):
        self.notes, self.stages = [], {}

    def note(self, text):
        self.notes.append(text)

    def progress(self, what, done, total, detail=""):
        self.stages[what] = (done, total)


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """CAS(ME)² in its layout of videos, whose first frame is number 1."""
    root = tmp_path_factory.mktemp("casme-squared")
    films = write_films(root / "films", 1, seconds=4, seed=11, fps=30, width=240, workers=1)
    expressions = [e for e in read_truth(films)["sub01.avi"] if e.kind != "blink"]
    rows = []
    for person, name in enumerate(NAMES, 1):
        place = root / "rawvideo" / f"{name}.avi"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((films / "sub01.avi").read_bytes())
        for number, e in enumerate(expressions, 1):
            frames = (e.onset + 1, e.apex + 1, e.offset + 1)
            rows.append([person, f"disgust1_{number}", *frames, "4", "negative", f"{e.kind}-expression", "disgust"])
    capture = cv2.VideoCapture(str(root / "rawvideo" / f"{NAMES[1]}.avi"))
    still = capture.read()[1]
    writer = cv2.VideoWriter(
        str(root / "rawvideo" / f"{CALM}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 30.0, still.shape[1::-1]
    )
    for _ in range(40):
        writer.write(still)
    writer.release()
    with (root / "code_final.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return root


@pytest.fixture(scope="module")
def out(release, tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def spotted(release, out):
    return spot_dataset("casme-squared", release, out, workers=1)


def still(motion):
    """A face whose head keeps still. Args: motion: (T, R, 2)."""
    count = len(motion)
    return Segment(
        track=1,
        frames=np.arange(count),
        landmarks=np.zeros((5, 2)),
        head=np.tile(np.eye(2, 3), (count, 1, 1)),
        motion=motion,
        turned=np.zeros_like(motion),
        seen=np.ones(motion.shape[:2], bool),
        light=np.full(count, 128.0),
        eyes=np.full((count, 2, 8, 12), 50, np.uint8),
    )


def test_expressions_are_found_under_the_dataset_s_frame_numbers_and_a_calm_video_counts(spotted):
    scores = spotted.measure.scores["overall"]
    assert scores.true == len(spotted.truth) >= 2
    assert scores.f1 >= 0.8
    assert (spotted.measure.videos, spotted.measure.calm) == (3, 1)
    assert set(spotted.measure.of_person) == {"casme-squared/s15", "casme-squared/s16"}
    calm = next(video for video in spotted.found.videos if video.name == "16_0502funnyerrors")
    assert calm.intervals == ()


def test_a_trace_tells_the_dataset_s_frame_numbers_whatever_they_begin_with():
    times = np.arange(120) / 30
    motion = np.zeros((120, 13, 2), np.float32)
    motion[:, 0, 1] = -3 * np.exp(
        -(((np.arange(120) - 60) / 3.0) ** 2)
    )  # a brow that moves, furthest on the 61st frame
    motion[:, 1:, 0] = 0.03 * (-1) ** np.arange(120)[:, None]  # else the picture would stand
    face = still(motion)
    for first in (0, 1, 700):
        trace = Trace(np.arange(first, first + 120), times, (face,))
        quiet, ((one,)) = trace.expressions([Thresholds(micro=9, macro=9), Thresholds()])
        assert quiet == () and (one.kind, one.apex) == ("micro", first + 60)
        assert (one.apex - one.onset) == (one.offset - one.apex)


def test_a_video_of_a_dataset_is_spotted_as_any_other():
    times = np.arange(1200) / 100
    motion = np.zeros((1200, len(REGIONS), 2), np.float32)
    smile = 3 * bump(times, 2, 2.6, 5.4, hold=2.2) + 2 * bump(times, 7.5, 8, 9)
    held = np.where((times > 5) & (times < 7.8), np.maximum(smile, 1.8), smile)  # between them it does not come back
    motion[:, CHEEKS, 1] = -held[:, None]
    motion[:, REGIONS.index("left inner brow"), 1] = -1.5 * bump(times, 3.6, 3.75, 3.9)
    motion[..., 0] = np.random.default_rng(0).normal(0, 0.02, motion.shape[:2])  # else the picture would stand
    trace = Trace(np.arange(1200), times, (still(motion),))
    (found,) = trace.expressions([Thresholds()])
    video = Video(Path("a.avi"), 640, 480, 100.0, times)
    covers = covers_of(trace.faces, times)
    moved = analysed(trace.faces[0], covers[1], video, rest=rests_of(trace.faces, times, covers)[1])
    told = (one for one in moved.found if one.confidence >= 0.5)
    expected = [(video.frame_at(one.onset), video.frame_at(one.offset), one.kind) for one in told]
    assert [(one.onset, one.offset, one.kind) for one in found] == expected
    assert [kind for _, _, kind in expected].count("micro") == 1  # within the smile


def test_what_is_written_can_be_scored_again(spotted, release, out):
    again = score_files(out / "found.csv", out / "truth.csv")
    assert {kind: s.hits for kind, s in again.scores.items()} == {
        kind: s.hits for kind, s in spotted.measure.scores.items()
    }
    told = json.loads((out / "scores.json").read_text())
    assert told["scores"]["overall"]["f1"] == spotted.measure.scores["overall"].f1
    assert len(told["scores"]["overall"]["f1_interval"]) == 2
    rows = list(csv.DictReader((out / "thresholds.csv").open()))
    assert [row["person left out"] for row in rows] == ["casme-squared/s15", "casme-squared/s16"]


def test_it_goes_on_where_it_was_stopped_and_measures_changed_videos_again(spotted, release, out):
    (out / "traces" / "15_0101disgustingteeth.npz").write_bytes(b"cut short")
    (out / "traces" / "16_0502funnyerrors.npz").unlink()
    watch = Told()
    again = spot_dataset("casme-squared", release, out, workers=1, watch=watch, grid=GRID[:1])
    assert watch.notes == ["1 of 3 videos were measured before"]
    assert watch.stages == {"measuring frames": (280, 280), "trying thresholds": (3, 3)}
    assert again.found.videos[1].intervals  # of what was kept
    assert len(read_listing(out / "found.csv")) == len(again.found)
    watch = Told()
    spot_dataset("casme-squared", release, out, workers=1, watch=watch, grid=GRID[:1])
    assert watch.notes == ["3 of 3 videos were measured before"]


def test_each_person_gets_the_threshold_that_is_best_for_the_others(spotted, release, out):
    deaf = Thresholds(micro=99, macro=99)  # finds nothing
    chosen = spot_dataset("casme-squared", release, out, workers=1, grid=(deaf, Thresholds())).chosen
    assert {t.micro for t in chosen.values()} == {0.5}


def test_thresholds_are_chosen_without_the_person_s_own_videos():
    # Three people, two settings: the first is best for a alone, and so much that it would be best for all.
    counts = np.array(
        [[(9, 9, 9), (9, 9, 0)], [(2, 2, 0), (2, 2, 2)], [(2, 4, 1), (2, 4, 2)]]
    )  # true, spotted, hits of a, b, c
    assert leave_one_out(counts, ["a", "b", "c"]) == {"a": 1, "b": 0, "c": 0}
    other = counts.copy()
    other[0] = [(9, 9, 0), (9, 9, 9)]  # whatever a's own videos say, a's threshold stays, and the others' may not
    assert leave_one_out(other, ["a", "b", "c"]) == {"a": 1, "b": 1, "c": 1}


def test_all_videos_of_a_person_are_left_out_together_and_the_first_of_equals_is_taken():
    counts = np.array([[(5, 5, 5), (5, 5, 0)], [(5, 5, 5), (5, 5, 0)], [(1, 1, 0), (1, 1, 1)]])
    assert leave_one_out(counts, ["a", "a", "b"]) == {"a": 1, "b": 0}
    assert leave_one_out(np.zeros((2, 3, 3), int), ["a", "b"]) == {"a": 0, "b": 0}
    assert GRID[0] == Thresholds() and len(set(GRID)) == len(GRID)


def test_a_video_that_cannot_be_read_and_one_without_a_face_count_as_searched_in_vain(release, tmp_path):
    for name in NAMES:
        place = tmp_path / "rawvideo" / name  # as pictures
        place.mkdir(parents=True)
        for number in range(1, 40):
            cv2.imwrite(str(place / f"img{number:03d}.jpg"), np.full((60, 80, 3), 90, np.uint8))
    (tmp_path / "rawvideo" / NAMES[0] / "img020.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "code_final.csv").write_text("1,disgust1_1,5,9,14,4,negative,micro-expression,disgust\n")
    found = spot_dataset("casme-squared", tmp_path, tmp_path / "out", workers=1)
    scores = found.measure.scores["overall"]
    assert (found.measure.videos, scores.true, scores.spotted) == (2, 1, 0)
    _, unread, faceless = found.measure.notes
    assert unread.startswith("15_0101disgustingteeth: could not be read, and counts as searched in vain: ")
    assert faceless.startswith("16_0101disgustingteeth: no face is seen long enough")
    kept = [file.name for file in (tmp_path / "out" / "traces").iterdir()]
    assert kept == ["16_0101disgustingteeth.npz"]  # the other may be mended, and is tried again


def test_one_person_alone_has_nobody_to_choose_thresholds_on(release, tmp_path):
    (tmp_path / "rawvideo" / "s15").mkdir(parents=True)
    (tmp_path / "rawvideo" / f"{NAMES[0]}.avi").write_bytes((release / "rawvideo" / f"{NAMES[0]}.avi").read_bytes())
    (tmp_path / "code_final.csv").write_text("1,disgust1_1,5,9,14,4,negative,micro-expression,disgust\n")
    with pytest.raises(AnnotationError, match="shows 1 person"):
        spot_dataset("casme-squared", tmp_path, tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()
