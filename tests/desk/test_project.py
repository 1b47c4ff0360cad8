"""A coder's project: saved after every change, opened by one at a time, and brought back whatever of it is damaged."""

import shutil

import pytest

from tests.desk.films import film
from tsfmicro.coding.registry import read
from tsfmicro.data.registry import dataset
from tsfmicro.desk.project import Project, Stale
from tsfmicro.errors import AnnotationError, ConfigError, VideoError

MOMENT = {
    "video": "a.avi",
    "onset": 0.1,
    "apex": 0.2,
    "offset": 0.4,
    "kind": "micro",
    "units": "R12B+4?",
    "person": "eva",
}


@pytest.fixture
def project(tmp_path):
    opened = Project(tmp_path / "project")
    opened.add(film(tmp_path / "a.avi"), link=True)
    yield opened
    opened.close()


def again(project):
    project.close()
    return Project(project.folder)


def code(project, name="m1", **values):
    return project.change("coded", "anna", {("moment", name): {**MOMENT, "coder": "anna", **values}})


def table(project):
    """What stands in codes.csv, as (onset, units)."""
    return [(m.onset, len(m.units)) for t in read(project.folder / "codes.csv") for m in t.moments]


def test_a_change_is_on_disk_at_once_as_a_table_and_as_history(project):
    code(project)
    assert table(project) == [(0.1, 2)]
    copy = project.folder.parent / "copy"  # what a kill leaves
    shutil.copytree(project.folder, copy, symlinks=True)
    (copy / "desk" / "lock.json").unlink()
    other = Project(copy)
    assert other.moments("a.avi") == project.moments("a.avi") and not other.notes
    other.close()


def test_a_coded_project_is_a_dataset(project):
    code(project, emotion="happiness")
    found = dataset("coded").read(project.folder)
    (clip,) = found.clips
    assert (clip.subject, clip.onset, clip.apex, clip.offset, clip.emotion) == ("eva", 10, 20, 40, "happiness")
    assert len(clip.frames.numbers) == 60


def test_a_part_of_a_moment_may_be_changed_and_the_rest_stays(project):
    code(project)
    project.change("emotion", "anna", {("moment", "m1"): {"emotion": " sheer\njoy "}})
    assert (
        project.moments("a.avi")["m1"]["emotion"] == "sheer joy"
        and project.moments("a.avi")["m1"]["units"] == "R12B+4?"
    )


def test_undo_and_redo_reach_the_table_and_survive_opening(project):
    code(project)
    code(project, onset=0.15)
    project.undo()
    assert table(project) == [(0.1, 2)]
    reopened = again(project)
    reopened.redo()
    assert table(reopened) == [(0.15, 2)]
    reopened.undo(), reopened.undo()
    assert table(reopened) == [] and reopened.undo() is None
    reopened.close()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"onset": 0.3}, "must follow one another"),
        ({"onset": float("nan")}, "must follow one another"),
        ({"offset": "late"}, "must be numbers"),
        ({"kind": "nano"}, "kind 'nano' is unknown"),
        ({"units": "smile"}, "'smile' holds no action unit"),
        ({"units": 12}, "12 holds no action unit"),
        ({"certainty": 2}, "not between 0 and 1"),
        ({"video": "b.avi"}, "no such video"),
    ],
)
def test_what_no_moment_can_be_is_refused_and_nothing_changes(project, values, said):
    with pytest.raises(AnnotationError, match=said):
        code(project, **values)
    assert project.moments("a.avi") == {}


@pytest.mark.parametrize(
    "key", [("moment", "../m"), ("moment", ""), ("setting", "x"), ("video", "b.avi"), ("file", "a.avi"), ("x", "y")]
)
def test_what_is_no_coder_s_to_change_is_refused(project, key):
    with pytest.raises(AnnotationError):
        project.change("x", "anna", {key: {**MOMENT, "is": True}})


def test_two_windows_do_not_undo_each_other_unseen(project):
    seen = project.revision
    code(project)
    with pytest.raises(Stale):
        project.change("x", "anna", {("moment", "m2"): MOMENT}, seen)
    project.learn("a.avi", {"found": 3})
    project.change(
        "x", "anna", {("moment", "m2"): MOMENT}, project.revision - 1
    )  # what the program learned is no conflict


def test_undoing_done_keeps_what_the_program_learned(project):
    project.change("done", "anna", {("video", "a.avi"): {"done": {"anna": "today"}}})
    project.learn("a.avi", {"found": 3})
    project.undo()
    assert project.videos["a.avi"]["found"] == 3 and project.videos["a.avi"]["done"] == {}


def test_a_disk_that_is_full_is_told_and_loses_nothing(project, monkeypatch):
    code(project)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ConfigError, match=r"cannot be saved \(No space left on device\)"):
        code(project, "m2")
    project.learn("a.avi", {"found": 3})
    assert list(project.moments("a.avi")) == ["m1"] and "found" not in project.videos["a.avi"]
    monkeypatch.undo()
    code(project, "m2")
    assert len(table(project)) == 2


def test_a_video_that_is_done_without_a_moment_is_in_the_table(project):
    assert "a.avi" not in (project.folder / "codes.csv").read_text()
    project.change("done", "anna", {("video", "a.avi"): {"done": {"anna": "today"}, "people": ["eva", "eva", " "]}})
    (t,) = read(project.folder / "codes.csv")
    assert t.moments == () and t.people == ("eva",) and t.seconds == pytest.approx(0.6)


def test_a_second_one_may_look_and_not_change(project):
    code(project)
    second = Project(project.folder)
    assert "The project is open in process" in second.readonly and len(second.moments("a.avi")) == 1
    with pytest.raises(ConfigError, match="nothing is saved"):
        code(second, "m2")
    second.close()
    code(project, "m3")


def test_removing_a_video_is_undone_with_its_codes(project):
    code(project)
    project.remove("a.avi", "anna")
    assert project.videos == {} and table(project) == []
    project.undo()
    assert table(project) == [(0.1, 2)] and project.videos["a.avi"]["frames"] == 60


def test_a_table_that_was_edited_elsewhere_is_taken_over_and_can_be_undone(project):
    code(project)
    code(project, "m2", onset=0.3, apex=None)
    file = project.folder / "codes.csv"
    file.write_text(file.read_text().replace("a.avi,eva,0.3,,", "a.avi,eva,0.35,,").replace("\n", "\r\n"))
    reopened = again(project)
    assert table(reopened) == [(0.1, 2), (0.35, 2)]
    assert reopened.notes == ["codes.csv was edited by another program. Taken over from it: 1 change of moments."]
    assert list(reopened.moments("a.avi")) == ["m1", "m2"], "one that was edited is the same moment"
    reopened.undo()
    assert table(reopened) == [(0.1, 2), (0.3, 2)]
    reopened.close()


def test_a_kill_between_history_and_table_is_no_edit(project):
    code(project)
    before = (project.folder / "codes.csv").read_bytes()
    code(project, "m2", onset=0.3, apex=None)
    (project.folder / "codes.csv").write_bytes(before)
    reopened = again(project)
    assert len(reopened.moments("a.avi")) == 2 and len(table(reopened)) == 2 and not reopened.notes
    reopened.close()


def test_a_damaged_table_comes_back_from_the_history_and_is_kept(project):
    code(project)
    (project.folder / "codes.csv").write_text("video,onset_s,offset_s,kind\na.avi,early,late,micro\n")
    reopened = again(project)
    assert table(reopened) == [(0.1, 2)] and "onset_s 'early' is no number" in reopened.notes[0]
    assert len(list(project.folder.glob("codes.csv.damaged-*"))) == 1
    reopened.close()


def test_a_damaged_history_comes_back_from_the_table(project):
    code(project)
    code(project, "m2", onset=0.3, apex=None)
    file = project.folder / "desk" / "history.jsonl"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:-1], lines[-1][:40].replace(b"{", b"["), b"\n"]))
    reopened = again(project)
    assert table(reopened) == [(0.1, 2), (0.3, 2)] and "damaged in line 3" in reopened.notes[0]
    reopened.close()


def test_a_folder_that_has_but_a_table_and_videos_is_a_project(project, tmp_path):
    code(project)
    bare = tmp_path / "bare"
    (bare / "videos").mkdir(parents=True)
    shutil.copy(project.folder / "codes.csv", bare)
    shutil.copy(tmp_path / "a.avi", bare / "videos")
    opened = Project(bare)
    assert [m["units"] for m in opened.moments("a.avi").values()] == ["R12B+4?"] and opened.trouble("a.avi") == ""
    opened.close()


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.docx").write_text("")
    with pytest.raises(ConfigError, match=r"holds thesis\.docx and no project"):
        Project(tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        Project(tmp_path / "thesis.docx")


def test_a_video_that_moved_is_told_and_found_again(project, tmp_path):
    code(project)
    moved = (tmp_path / "a.avi").rename(tmp_path / "b.avi")
    assert "is not there any more (it was" in project.trouble("a.avi")
    other = film(tmp_path / "other.avi", blank=90)
    with pytest.raises(VideoError, match="is not the video that was coded"):
        project.find("a.avi", other)
    project.find("a.avi", moved)
    assert project.trouble("a.avi") == "" and len(project.moments("a.avi")) == 1
    project.find("a.avi", other, take_other=True)
    assert project.trouble("a.avi") == ""


def test_a_video_that_was_changed_is_told_and_one_that_was_touched_is_not(project, tmp_path):
    (tmp_path / "a.avi").touch()
    assert project.trouble("a.avi") == ""
    film(tmp_path / "a.avi", frames=50)
    assert "was changed since it was added" in project.trouble("a.avi")


def test_videos_are_copied_or_linked_and_not_twice(project, tmp_path):
    with pytest.raises(VideoError, match=r"is in the project already, as a\.avi"):
        project.add(tmp_path / "a.avi", link=False)
    (tmp_path / "x").mkdir()
    name = project.add(film(tmp_path / "x" / "A.mp4", codec="mp4v"), link=False)
    assert name == "A-2.mp4", "a.avi and A.mp4 would be one video to coding programs"
    (tmp_path / "x" / "A.mp4").unlink()
    assert project.trouble(name) == ""


@pytest.mark.parametrize("name", [".hidden.avi", "a:b.avi", "x" * 200 + ".avi", "a\\b.avi"])
def test_a_name_that_no_table_or_system_holds_is_refused(project, tmp_path, name):
    with pytest.raises(VideoError, match="Rename the file"):
        project.add(film(tmp_path / "n.avi", 5).rename(tmp_path / name), link=True)


def test_two_hundred_videos_are_listed_quickly(project):
    import time

    for n in range(200):
        value = {"people": [], "done": {}, "peeked": {}}
        things = {("video", f"v{n}.avi"): value, ("file", f"v{n}.avi"): {"fps": 100.0, "seconds": 2.0}}
        things |= {
            ("moment", f"v{n}-{k}"): {
                **MOMENT,
                "video": f"v{n}.avi",
                "emotion": "",
                "certainty": None,
                "note": "",
                "coder": "",
            }
            for k in range(20)
        }
        project.history.do(project.history.planned("x", "", things, undoable=False), "")
    start = time.process_time()
    project.counts(), [project.trouble(name) for name in project.videos]
    assert time.process_time() - start < 1
    code(project)
    start = time.process_time()
    code(project, onset=0.2)
    assert time.process_time() - start < 1
