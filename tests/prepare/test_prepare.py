import os
import re
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from tests.waiting import PATIENCE
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import AnnotationError, CacheError
from tsfmicro.needs import need
from tsfmicro.prepare.aligned import align
from tsfmicro.prepare.face import Face, finder
from tsfmicro.prepare.prepare import prepare
from tsfmicro.types import Clip, Frames

SMALL = PrepareConfig(size=64, neighbourhood=0.1)
FACES = [need("faces", 64)]
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "faces" / "casme2"
PAIRS = ("annotated", "widest")


def test_a_clip_comes_out_as_two_pairs_of_upright_faces(make_clip, tmp_path):
    made = prepare([make_clip()], FACES, SMALL, tmp_path / "cache")
    assert made.faces("annotated").shape == made.faces("widest").shape == (1, 2, 64, 64, 3)
    assert list(made.products) == FACES and made.skipped == ()


def test_the_face_is_looked_for_once_and_every_frame_gets_the_same_transform(make_clip):
    asked = []

    def find(image):
        asked.append(image)
        return Face(np.array([[135, 120], [185, 120], [160, 148], [141, 178], [179, 178]], np.float32), "told")

    clip = make_clip()
    still = clip.frames.path(10).read_bytes()
    for number in (11, 19, 20):
        clip.frames.path(number).write_bytes(still)
    onset, apex = align(clip, find, SMALL.neighbourhood).faces("annotated", 64)
    assert len(asked) == 1
    assert np.array_equal(onset, apex)  # what does not move stays still to the last bit


def test_the_widest_pair_is_chosen_within_the_neighbourhood_and_noted(make_clip, face, write):
    clip = make_clip()
    write(clip.frames.path(19), face(smile=0.2))  # the largest movement is one frame before the annotated apex
    made = align(clip, finder("mtcnn"), 0.1)
    assert made.pairs == {"annotated": (10, 20), "widest": (10, 19)}
    annotated, widest = (made.faces(pair, 64) for pair in PAIRS)
    assert np.array_equal(widest[0], annotated[0])
    assert not np.array_equal(widest[1], annotated[1])


def test_neighbours_that_are_missing_do_not_matter(make_clip):
    assert align(make_clip(frames=(10, 20)), finder("mtcnn"), 0.1).pairs["widest"] == (10, 20)


def test_flow_is_stored_for_both_pairs(make_clip, tmp_path):
    made = prepare([make_clip()], [need("flow", 64)], SMALL, tmp_path / "cache")
    stored = made.of(need("flow", 64))
    assert set(stored.arrays) == {"annotated", "widest"} and stored.unit == "px"
    flow = stored.of("annotated")
    assert flow.shape == (1, 3, 64, 64) and flow.dtype == np.float16
    mouth = flow[0, 1, 38:47, 24:40].astype(float)
    assert np.median(mouth) < -0.3 * 224 / 64  # it rises by 0.05 of 75 pixels between the eyes


def test_whatever_cannot_be_prepared_is_listed_with_the_reason(make_clip, face, write, tmp_path):
    clips = [make_clip(name) for name in ("good", "cut", "gone", "faceless", "resized")]
    cut, gone, faceless, resized = (clip.frames.path(n) for clip, n in zip(clips[1:], (20, 20, 10, 20), strict=True))
    cut.write_bytes(cut.read_bytes()[:-200])
    gone.unlink()
    write(faceless, np.full((240, 320, 3), 90, np.uint8))
    write(resized, face()[:200])
    no_apex, no_frame = make_clip("no apex", apex=None), make_clip("no frame", frames=(10,))
    made = prepare([*clips, no_apex, no_frame], FACES, SMALL, tmp_path / "cache")
    assert [clip.name for clip in made.clips] == ["good"]
    reasons = {clip_id.split("/")[-1]: reason for clip_id, reason in made.skipped}
    assert list(reasons) == ["cut", "gone", "faceless", "resized", "no apex", "no frame"]
    assert re.search(r"img20.jpg: the file is cut short", reasons["cut"])
    assert re.search(r"img20.jpg: cannot be read", reasons["gone"])
    assert re.search(r"img10.jpg: no face found", reasons["faceless"])
    assert re.search(r"img20.jpg: is 320×200, but its onset is 320×240", reasons["resized"])
    assert reasons["no apex"].startswith("no apex that can be used") and "sheet" not in reasons["no apex"]
    assert "frame 20 is missing" in reasons["no frame"]
    assert made.faces("annotated")[made.rows_of(["casme2/sub01/good"])].any()


def test_a_clip_that_is_there_twice_is_refused(make_clip, tmp_path):
    with pytest.raises(AnnotationError, match=r"casme2/sub01/EP01 is there twice"):
        prepare([make_clip(), make_clip()], FACES, SMALL, tmp_path / "cache")


def test_clips_without_any_apex_are_refused(make_clip, tmp_path):
    with pytest.raises(AnnotationError, match="none of the 1 clips has an apex"):
        prepare([make_clip(apex=None)], FACES, SMALL, tmp_path / "cache")


def test_a_second_run_detects_nothing_and_gives_the_clips_in_the_order_asked_for(make_clip, tmp_path, monkeypatch):
    clips = [make_clip(name) for name in ("EP01", "EP02", "EP03")]
    first = prepare(clips, FACES, SMALL, tmp_path / "cache")
    monkeypatch.setattr("tsfmicro.prepare.prepare.finder", None)
    second = prepare(clips[::-1], FACES, SMALL, tmp_path / "cache")
    assert second.key == first.key and second.clips == tuple(clips[::-1])
    assert list(second.rows) == list(first.rows[::-1])


def test_progress_counts_every_clip_to_the_end(make_clip, tmp_path):
    told = []
    clips = [make_clip("EP01"), make_clip("EP02"), make_clip("EP03", apex=None)]
    prepare(clips, FACES, SMALL, tmp_path / "cache", progress=lambda *args: told.append(args))
    assert [(done, total) for done, total, _ in told] == [(1, 3), (2, 3), (3, 3), (3, 3)]
    assert told[1][2] == "casme2/sub01/EP01: face found by mtcnn"
    prepare(clips, FACES, SMALL, tmp_path / "cache", progress=lambda *args: told.append(args))
    assert told[4:] == told[3:4]  # from the cache: all there at once


def test_several_processes_give_the_same_arrays_as_one(make_clip, tmp_path):
    clips = [make_clip(f"EP0{i}") for i in range(5)]
    one, two = (prepare(clips, FACES, SMALL, tmp_path / f"with{n}", workers=n) for n in (1, 2))
    for pair in PAIRS:
        assert np.array_equal(one.faces(pair), two.faces(pair))


def test_ctrl_c_keeps_what_was_finished(make_clip, tmp_path):
    clips = [make_clip(f"EP0{i}") for i in range(4)]

    def interrupt(done, total, note):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(clips, FACES, SMALL, tmp_path / "cache", workers=2, progress=interrupt)
    told = []
    prepare(clips, FACES, SMALL, tmp_path / "cache", progress=lambda *args: told.append(args))
    assert told[0] == (2, 4, "2 clips to prepare")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_any_moment_it_goes_on_where_it_was(make_clip, tmp_path, prepare_elsewhere, workers):
    clips = [make_clip(f"EP0{i}") for i in range(8)]
    killed = prepare_elsewhere(clips, FACES, SMALL, tmp_path / "cache", workers, killed_at=3)
    assert killed.wait(timeout=PATIENCE) == -signal.SIGKILL
    told = []
    made = prepare(clips, FACES, SMALL, tmp_path / "cache", progress=lambda *args: told.append(args))
    assert told[0] == (3, 8, "5 clips to prepare")
    whole = prepare(clips, FACES, SMALL, tmp_path / "never killed")
    for pair in PAIRS:
        assert np.array_equal(made.faces(pair), whole.faces(pair))


def test_rows_and_journal_lines_that_were_torn_are_made_again(make_clip, tmp_path):
    clips = [make_clip(f"EP0{i}") for i in range(3)]

    def stop(done, total, note):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(clips, FACES, SMALL, tmp_path / "cache", progress=stop)
    (journal,) = (tmp_path / "cache").glob("faces-*/journal.jsonl")
    os.truncate(journal, journal.stat().st_size - 10)  # EP02's line
    with (journal.parent / "annotated.npy").open("r+b") as file:
        file.seek(128)  # EP00's row
        file.write(bytes(500))
    told = []
    made = prepare(clips, FACES, SMALL, tmp_path / "cache", progress=lambda *args: told.append(args))
    assert told[0] == (1, 3, "2 clips to prepare")
    whole = prepare(clips, FACES, SMALL, tmp_path / "elsewhere")
    for pair in PAIRS:
        assert np.array_equal(made.faces(pair), whole.faces(pair))


def test_of_two_processes_one_prepares_and_the_other_waits(make_clip, tmp_path, prepare_elsewhere):
    clips = [make_clip(f"EP0{i}") for i in range(6)]
    both = [prepare_elsewhere(clips, FACES, SMALL, tmp_path / "cache", 1) for _ in range(2)]
    told = [process.communicate(timeout=PATIENCE)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert "".join(told).count("face found") == 6  # each clip once


@pytest.mark.skipif(sys.platform == "win32", reason="limits file sizes as POSIX does")
def test_a_disk_that_fills_up_is_told_in_one_line_and_nothing_half_written_is_taken_for_whole(make_clip, tmp_path):
    import resource

    clips = [make_clip("EP01"), make_clip("EP02")]
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(CacheError, match=r"cannot be written .*MB needed.*run again") as told:
            prepare(clips, FACES, SMALL, tmp_path / "cache")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert "\n" not in str(told.value)
    assert len(prepare(clips, FACES, SMALL, tmp_path / "cache").clips) == 2


def test_a_cache_that_cannot_be_a_folder_is_told(make_clip, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CacheError, match="cannot be written"):
        prepare([make_clip()], FACES, SMALL, tmp_path / "cache")


@pytest.mark.skipif(not SHARED.exists(), reason="the rendered clips are not here")
def test_faces_drawn_by_someone_else_are_all_found_and_sit_alike_in_their_crops(tmp_path):
    sheet = pd.read_excel(SHARED / "CASME2-coding-20140508.xlsx", dtype=str, engine="calamine")
    clips = []
    for _, row in sheet.iterrows():
        folder = SHARED / "CASME2_RAW_selected" / f"sub{row['Subject'].zfill(2)}" / row["Filename"]
        files = {int(re.findall(r"\d+", path.stem)[-1]): path.name for path in folder.iterdir()}
        onset, apex, offset = (int(row[f"{which}Frame"]) for which in ("Onset", "Apex", "Offset"))
        frames = Frames(folder, files)
        clips.append(Clip("casme2", row["Subject"], row["Filename"], frames, onset, apex, offset, 200.0, "others"))
    told = []
    made = prepare(
        clips, [need("faces", 224)], PrepareConfig(), tmp_path / "cache", progress=lambda *args: told.append(args[2])
    )
    assert len(made.clips) == 12 and made.skipped == ()
    assert all("found by mtcnn" in note for note in told[1:-1])
    for row in made.rows:
        grey = cv2.cvtColor(made.faces("annotated")[row, 0], cv2.COLOR_RGB2GRAY).astype(float)
        for x in (75, 149):  # iris and pupil, darker than the skin below them
            assert grey[58:68, x - 6 : x + 6].min() < 0.6 * grey[95:105, x - 6 : x + 6].mean()


def test_a_reason_does_not_name_its_clip_again():
    from tsfmicro.prepare.cache import reason_of

    assert reason_of("casme2/sub01/EP01", "casme2/sub01/EP01: frame 3 is missing") == "frame 3 is missing"
    assert reason_of("casme2/sub01/EP01", "no face found") == "no face found"
