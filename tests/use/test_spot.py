"""From a video to what was shown, as a program calls it: on a generated video, and on rendered clips where they are."""

import csv
import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from tsfmicro.columns import region_column
from tsfmicro.config import PrepareConfig
from tsfmicro.data.registry import dataset
from tsfmicro.errors import FaceError
from tsfmicro.run.apexes import with_spotted_apexes
from tsfmicro.run.watch import Watch
from tsfmicro.spot.listing import read_listing
from tsfmicro.spot.score import score_intervals
from tsfmicro.synthetic.film import read_truth, write_films
from tsfmicro.synthetic.write import write_faces
from tsfmicro.types import VideoFrames
from tsfmicro.use.spot import add_to_listing, onset_and_apex, save, spot

RENDERED = Path(__file__).resolve().parents[2].parent / "shared" / "faces" / "casme2"


@pytest.fixture(scope="module")
def films(made_once):
    """One generated person for eight seconds, small and slow, so that it is drawn in a moment."""
    return made_once("films", lambda root: write_films(root, 1, seconds=8, seed=11, fps=50, width=320, workers=1))


@pytest.fixture(scope="module")
def spotting(films):
    return spot(films / "sub01.avi")


class Told(Watch):
    def __init__(self, stop_at=math.inf):
        self.stop_at, self.told, self.notes = stop_at, [], []

    def progress(self, what, done, total, detail=""):
        self.told.append((done, total))
        if done >= self.stop_at:
            raise KeyboardInterrupt

    def note(self, text):
        self.notes.append(text)


def test_expressions_of_a_generated_video_are_found(films, spotting):
    true = [row for row in read_truth(films)["sub01.avi"] if row.kind != "blink"]
    scores = score_intervals(true, spotting.expressions)["overall"]
    assert scores.true >= 3
    assert scores.f1 >= 0.8
    blinks = [row for row in read_truth(films)["sub01.avi"] if row.kind == "blink"]
    assert all(any(b.onset <= blink.apex <= b.offset for b in spotting.blinks) for blink in blinks)


def test_what_is_found_is_told_in_frames_and_seconds(spotting):
    assert (spotting.video.frames, spotting.video.width, spotting.video.fps) == (400, 320, pytest.approx(50))
    assert spotting.tracks == (1,)
    for e in spotting.expressions:
        assert e.onset < e.apex < e.offset
        assert (e.onset_s, e.apex_s) == (pytest.approx(e.onset / 50), pytest.approx(e.apex / 50))
        assert spotting.segment_of(e).track == e.track
        assert e.region in spotting.regions
    assert json.loads(json.dumps(spotting.to_dict()))["expressions"][0]["face"] == 1


def test_the_work_can_be_watched_and_stopped(films):
    watch = Told(stop_at=100)
    with pytest.raises(KeyboardInterrupt):
        spot(films / "sub01.avi", watch)
    assert watch.told[0] == (1, 400)
    assert watch.told[-1][0] == 100


def test_onset_and_apex_are_cut_alike_and_differ_where_the_face_moved(spotting):
    e = max(spotting.expressions, key=lambda e: e.motion)
    pair = onset_and_apex(spotting, 96, [e])[e]
    assert pair.shape == (2, 96, 96, 3)
    difference = np.abs(pair[0].astype(int) - pair[1]).mean()
    assert 0.2 < difference < 10
    assert pair[0].std() > 20


def test_a_mean_rate_that_no_video_may_have_hides_no_picture(spotting):
    """Where frames are lost, what is measured is less than what the file says."""
    slow = replace(spotting, video=replace(spotting.video, fps=19.2))
    assert len(onset_and_apex(slow, 32)) == len(spotting.expressions)


def test_a_folder_with_the_picture_and_the_tables(spotting, tmp_path):
    files = save(spotting, tmp_path / "out")
    named = ["spotting.json", "expressions.csv", "curve.csv", "spotting.png"]
    assert [f.name for f in files] == [*named, "expressions_codebook.csv", "curve_codebook.csv", "report.html"]
    rows = list(csv.DictReader(files[1].open(encoding="utf-8")))
    assert [int(row["apex_frame"]) for row in rows] == [e.apex for e in spotting.expressions]
    curve = list(csv.DictReader(files[2].open(encoding="utf-8")))
    assert len(curve) == 400
    assert {region_column(name) for name in spotting.regions} <= set(curve[0])
    assert all("no model was asked" in row["model"] for row in rows)
    for table, book in ((rows, files[4]), (curve, files[5])):
        told = list(csv.DictReader(book.open(encoding="utf-8")))
        assert [row["column"] for row in told] == list(table[0])
        assert all(row["meaning"] for row in told)
    assert min(cv2.imread(str(files[3])).shape[:2]) > 300


def test_a_video_without_a_face_is_told(tmp_path):
    writer = cv2.VideoWriter(str(tmp_path / "a.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 50.0, (320, 240))
    for _ in range(40):
        writer.write(np.full((240, 320, 3), 90, np.uint8))
    writer.release()
    with pytest.raises(FaceError, match="no face is seen long enough"):
        spot(tmp_path / "a.avi")


def test_a_video_of_five_frames_is_told_as_too_short(films, tmp_path):
    capture = cv2.VideoCapture(str(films / "sub01.avi"))
    for k in range(5):
        cv2.imwrite(str(tmp_path / f"{k}.png"), capture.read()[1])
    with pytest.raises(FaceError, match=r"ends after 0\.08 s; at least 0\.25 s"):
        spot(tmp_path, fps=50)


def test_a_file_that_was_cut_short_is_read_as_far_as_it_goes(films, tmp_path):
    whole = (films / "sub01.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(whole[: len(whole) // 2])
    found = spot(tmp_path / "cut.avi")
    assert 150 < found.video.frames < 250
    assert found.expressions


def test_a_folder_of_images_is_a_video_too(films, spotting, tmp_path):
    capture = cv2.VideoCapture(str(films / "sub01.avi"))
    for k in range(150):
        cv2.imwrite(str(tmp_path / f"img{k + 1}.png"), capture.read()[1])
    found = spot(tmp_path, fps=50)
    early = [e for e in spotting.expressions if e.offset < 100]
    assert [e.apex for e in found.expressions if e.offset < 100] == pytest.approx([e.apex for e in early], abs=1)
    add_to_listing(found, tmp_path / "found.csv")  # its images are numbered from 1
    (listed,) = read_listing(tmp_path / "found.csv").videos
    assert [m.onset for m in listed.intervals] == [e.onset + 1 for e in found.expressions]


def test_the_apex_of_clips_is_spotted_between_onset_and_offset_and_remembered(tmp_path):
    root = write_faces(tmp_path / "faces", people=1, clips=3, seed=9, fps=60, workers=1)
    clips = dataset("casme2").read(root).clips
    blind = [replace(clip, apex=None) for clip in clips]
    watch = Told()
    spotted = with_spotted_apexes(blind, PrepareConfig(), tmp_path / "cache", 1, watch)
    errors = [abs(one.apex - clip.apex) for one, clip in zip(spotted, clips, strict=True)]
    assert max(errors) <= 3  # of 12 to 27 frames
    assert spotted[0].fixes[-1] == f"apex none→{spotted[0].apex}: spotted"
    again = Told()
    assert with_spotted_apexes(blind, PrepareConfig(), tmp_path / "cache", 1, again) == spotted
    assert again.told == []


def test_the_apex_is_spotted_in_a_video_as_in_its_pictures(tmp_path):
    root = write_faces(tmp_path / "faces", people=1, clips=1, seed=9, fps=60, workers=1)
    clip = replace(dataset("casme2").read(root).clips[0], apex=None)
    writer = cv2.VideoWriter(str(tmp_path / "clip.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 60, (640, 480))
    for number in sorted(clip.frames.numbers):
        writer.write(cv2.imread(str(clip.frames.path(number))))
    writer.release()
    film = replace(clip, frames=VideoFrames(tmp_path / "clip.avi", len(clip.frames.numbers), min(clip.frames.numbers)))
    (pictures,), (video,) = (
        with_spotted_apexes([c], PrepareConfig(), tmp_path / "cache", 1, Told()) for c in (clip, film)
    )
    assert video.apex == pytest.approx(pictures.apex, abs=2)  # the video is compressed once more
    assert len(list((tmp_path / "cache" / "apexes").iterdir())) == 2, "another file, another apex"


def test_a_clip_without_offset_has_no_spotted_apex(tmp_path):
    root = write_faces(tmp_path / "faces", people=1, clips=1, seed=9, fps=30, workers=1)
    clip = replace(dataset("casme2").read(root).clips[0], offset=None, apex=None)
    watch = Told()
    assert with_spotted_apexes([clip], PrepareConfig(), tmp_path / "cache", 1, watch)[0].apex is None
    assert any("the sheet has no offset" in note for note in watch.notes)


@dataclass
class Annotated:
    onset: int
    apex: int
    offset: int
    kind: str = "micro"


@pytest.mark.skipif(not RENDERED.exists(), reason="the rendered clips are not here")
def test_rendered_clips_that_the_project_did_not_draw_are_spotted():
    for clip in dataset("casme2").read(RENDERED).clips[:3]:
        first = min(clip.frames.files)
        found = spot(clip.frames.folder, fps=clip.fps)
        true = Annotated(clip.onset - first, clip.apex - first, clip.offset - first)
        scores = score_intervals([true], found.expressions)["micro"]
        assert (scores.hits, scores.spotted) == (1, 1), clip.id
        assert scores.apex_error <= 6, clip.id
