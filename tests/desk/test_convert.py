"""Codings carried from one program to another, up to a dataset that can be read."""

import pytest
from typer.testing import CliRunner

from tests.data.test_coded import write_video
from tsfmicro.app.cli import app
from tsfmicro.coding.registry import named, read
from tsfmicro.data.registry import dataset
from tsfmicro.desk.convert import convert
from tsfmicro.errors import AnnotationError, ConfigError
from tsfmicro.timeline import Moment, Timeline, units_in


def coding(path, video="clip.avi", seconds=2.0, name="elan"):
    moments = (Moment(0.2, 0.6, 0.4, "anna", units=units_in("R12B"), emotion="happiness", note="odd"),)
    named(name).write(path, [Timeline(video, moments, 25.0, seconds)])
    return path


def test_an_ending_says_what_is_written_and_what_is_lost_is_told(tmp_path):
    done = convert(coding(tmp_path / "a.eaf"), tmp_path / "b.TextGrid")
    assert (done.files, done.moments) == ((tmp_path / "b.TextGrid",), 1)
    assert done.notes == ("Praat's TextGrid cannot hold the video's name (1), the frame rate (1)",)
    (back,) = read(tmp_path / "b.TextGrid")
    assert (back.moments[0].apex, back.moments[0].note) == (0.4, "odd")


def test_a_table_could_be_many_things_so_it_must_be_said(tmp_path):
    with pytest.raises(ConfigError, match=r"can be of several formats\. Say with --as which: boris, datavyu"):
        convert(coding(tmp_path / "a.eaf"), tmp_path / "b.csv")
    done = convert(coding(tmp_path / "a.eaf"), tmp_path / "b.csv", "megc")
    assert done.notes[0].startswith("the challenge's CSV cannot hold the frame rate (1), the video's length (1)")
    named("elan").write(tmp_path / "b.eaf", [Timeline("clip.avi", (Moment(0.2, 0.6),), 25.0, 2.0)])
    assert convert(tmp_path / "b.eaf", tmp_path / "b.csv", "openface").moments == 0


def test_a_folder_of_elan_files_becomes_a_dataset_of_videos(tmp_path):
    for name in ("one", "two"):
        (tmp_path / "elan").mkdir(exist_ok=True)
        coding(tmp_path / "elan" / f"{name}.eaf", f"{name}.avi")
        write_video(tmp_path / "project" / "videos" / f"{name}.avi", 25.0, 50)
    done = convert(tmp_path / "elan", tmp_path / "project", "codes")
    assert done.files == (tmp_path / "project" / "codes.csv", tmp_path / "project" / "codes_codebook.csv")
    reading = dataset("coded").read(tmp_path / "project")
    assert [(c.id, c.apex, c.emotion) for c in reading.trainable] == [
        ("coded/anna/one_5", 10, "happiness"),
        ("coded/anna/two_5", 10, "happiness"),
    ]


def test_a_project_becomes_a_file_for_each_video_in_a_folder(tmp_path):
    timelines = [Timeline(f"{n}.avi", (Moment(0.2, 0.6, person="anna"),), 25.0, 2.0) for n in "ab"]
    named("codes").write(tmp_path / "codes.csv", timelines)
    done = convert(tmp_path / "codes.csv", tmp_path / "out", "elan")
    assert done.files == (tmp_path / "out" / "a.eaf", tmp_path / "out" / "b.eaf")
    with pytest.raises(ConfigError, match="ELAN holds one video, and there are 2"):
        convert(tmp_path / "codes.csv", tmp_path / "one.eaf")


def test_a_video_tells_its_frame_rate_and_that_a_coding_is_of_another_one(tmp_path):
    write_video(tmp_path / "clip.avi", 25.0, 50)
    convert(coding(tmp_path / "a.TextGrid", name="praat"), tmp_path / "b.csv", "codes", video=tmp_path / "clip.avi")
    (t,) = read(tmp_path / "b.csv")
    assert (t.video, t.fps, t.seconds) == ("clip.avi", 25.0, 2.0)
    with pytest.raises(AnnotationError, match=r"a\.eaf: codes film\.avi, not clip\.avi"):
        convert(coding(tmp_path / "a.eaf", "film.avi"), tmp_path / "b.csv", "codes", video=tmp_path / "clip.avi")
    with pytest.raises(AnnotationError, match=r"a video of 9\.000 s, and clip\.avi has 2\.000 s: another cut"):
        convert(coding(tmp_path / "a.eaf", seconds=9.0), tmp_path / "b.csv", "codes", video=tmp_path / "clip.avi")


def test_a_video_tells_the_frame_rate_before_frames_are_read_as_times_and_no_other_is_taken(tmp_path):
    write_video(tmp_path / "clip.avi", 50.0, 50)
    film = tmp_path / "clip.avi"
    (tmp_path / "megc.csv").write_text("vid,onset,offset,type\nclip.avi,10,20,me\n")
    (tmp_path / "feat.csv").write_text("frame,AU12\n" + "".join(f"{n},{int(10 <= n < 20)}\n" for n in range(50)))
    for name in ("megc", "feat"):
        convert(tmp_path / f"{name}.csv", tmp_path / "b.csv", "codes", video=film)
        (t,) = read(tmp_path / "b.csv")
        assert (t.video, t.fps, t.seconds) == ("clip.avi", 50.0, 1.0)
        assert [(m.onset, m.offset) for m in t.moments] == [(0.2, 0.4)]
    assert convert(tmp_path / "megc.csv", tmp_path / "b.csv", "codes", fps=50.0, video=film).moments == 1
    with pytest.raises(ConfigError, match=r"--fps 25: clip\.avi has 50 frames per second\. Leave --fps out"):
        convert(tmp_path / "megc.csv", tmp_path / "b.csv", "codes", fps=25.0, video=film)
    (note,) = convert(coding(tmp_path / "a.eaf", seconds=1.0), tmp_path / "b.csv", "codes", video=film).notes
    assert "a.eaf: was coded at 25 frames per second, and clip.avi has 50" in note
    with pytest.raises(AnnotationError, match=r"c\.eaf: was coded at 25 frames per second, and clip\.avi has 50"):
        convert(coding(tmp_path / "c.eaf", seconds=None), tmp_path / "b.csv", "codes", video=film)


def test_videos_with_one_name_and_two_endings_have_a_file_each(tmp_path):
    timelines = [Timeline(f"{name}", (Moment(0.2, 0.6),), 25.0, 2.0) for name in ("clip.mp4", "clip.avi", "film.avi")]
    named("codes").write(tmp_path / "codes.csv", timelines)
    done = convert(tmp_path / "codes.csv", tmp_path / "out", "praat")
    assert [file.name for file in done.files] == ["clip.mp4.TextGrid", "clip.avi.TextGrid", "film.TextGrid"]
    (alike,) = (n for n in convert(tmp_path / "out", tmp_path / "project", "codes").notes if "endings" in n)
    assert alike == "clip.avi, clip.mp4 differ in their endings alone: rename them, or clips take one for the other"
    write_video(tmp_path / "clip.avi", 25.0, 50)
    assert convert(tmp_path / "codes.csv", tmp_path / "a.eaf", video=tmp_path / "clip.avi").moments == 1
    assert read(tmp_path / "a.eaf")[0].video == "clip.avi"


def test_odd_moments_and_unknown_tiers_are_told_and_nothing_is_dropped(tmp_path):
    moments = (Moment(1, 2, person="anna"), Moment(1.5, 5, person="anna"))
    named("codes").write(tmp_path / "a.csv", [Timeline("clip.avi", moments, 25.0, 3.0)])
    done = convert(tmp_path / "a.csv", tmp_path / "b.eaf")
    assert [note.partition(",")[0] for note in done.notes] == [
        "clip.avi lasts 3.000 s",
        "clip.avi: 1 moment reaches into another one of the same person and coder",
    ]
    assert len(read(tmp_path / "b.eaf")[0].moments) == 2


def test_two_files_of_one_video_and_a_file_onto_itself_are_refused(tmp_path):
    coding(tmp_path / "a.eaf")
    coding(tmp_path / "b.eaf")
    with pytest.raises(AnnotationError, match=r"are both of clip\.avi"):
        convert(tmp_path, tmp_path / "out", "codes")
    with pytest.raises(ConfigError, match="is what is read"):
        convert(tmp_path / "a.eaf", tmp_path / "a.eaf")
    with pytest.raises(ConfigError, match="is read, not written"):
        convert(tmp_path / "a.eaf", tmp_path / "a.json", "spotted")


def test_the_commands_print_what_was_done(tmp_path):
    coding(tmp_path / "a.eaf")
    told = CliRunner().invoke(
        app, ["code", "convert", str(tmp_path / "a.eaf"), str(tmp_path / "b.csv"), "--as", "boris"]
    )
    assert told.output.startswith("1 moments written:")
    told = CliRunner().invoke(
        app, ["agree", str(tmp_path / "a.eaf"), str(tmp_path / "b.csv"), "--out", str(tmp_path / "d.csv")]
    )
    assert "1 moments that both marked, 0 that A alone did" in told.output
    assert "0 disagreements" in told.output
    assert (tmp_path / "d.csv").read_text().startswith("video,person,what")
