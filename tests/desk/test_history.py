"""Changes are lines of a file that only grows; a kill, a cut and a damaged line lose as little as can be."""

import json

import pytest

from tsfmicro.desk.history import History


@pytest.fixture
def history(tmp_path):
    return History.open(tmp_path / "history.jsonl")


def did(history, n, value, **more):
    history.do(history.planned(f"set {n}", "anna", {("moment", n): value}, **more), codes=str(history.number))


def test_a_change_is_there_after_the_file_is_opened_again(history):
    did(history, "m1", {"onset": 1})
    did(history, "m1", {"onset": 2})
    again = History.open(history.path)
    assert again.state == {("moment", "m1"): {"onset": 2}} and again.number == 2 and not again.notes
    assert again.tables == ["0", "1"]


def test_undo_and_redo_go_back_and_forth_and_survive_opening(history):
    for value in ({"onset": 1}, {"onset": 2}, None):
        did(history, "m1", value)
    history.do(history.undoing(), "", "undo")
    again = History.open(history.path)
    assert again.state[("moment", "m1")] == {"onset": 2} and (again.undoes, again.redoes) == ("set m1", "set m1")
    again.do(again.undoing(), "", "undo")
    again.do(again.undoing(), "", "undo")
    assert again.undoing() is None and again.state == {}
    for _ in range(3):
        again.do(again.redoing(), "", "redo")
    assert again.redoing() is None and again.state == {} and again.number == 9


def test_a_new_change_ends_what_could_be_done_again(history):
    did(history, "m1", {"onset": 1})
    history.do(history.undoing(), "", "undo")
    did(history, "m2", {"onset": 5})
    assert history.redoing() is None and set(history.state) == {("moment", "m2")}


def test_what_the_program_learns_is_not_undone(history):
    did(history, "m1", {"onset": 1})
    did(history, "m2", {"onset": 2}, undoable=False)
    assert history.undoes == "set m1"
    history.do(history.undoing(), "", "undo")
    assert set(history.state) == {("moment", "m2")}


def test_a_last_line_that_was_cut_short_is_left_out_and_the_next_one_is_whole(history):
    did(history, "m1", {"onset": 1})
    did(history, "m2", {"onset": 2})
    history.path.write_bytes(history.path.read_bytes()[:-20])
    again = History.open(history.path)
    assert set(again.state) == {("moment", "m1")} and "cut short" in again.notes[0]
    did(again, "m3", {"onset": 3})
    assert set(History.open(history.path).state) == {("moment", "m1"), ("moment", "m3")}


@pytest.mark.parametrize("bad", ["{", "[]", "7", '{"n": 2}', '{"n": "x", "undo": 1}', json.dumps({"n": 2, "at": "", "coder": "", "what": "", "now": [["x", "y", {}]], "before": []})])  # fmt: skip
def test_a_damaged_line_costs_itself_alone(history, bad):
    did(history, "m1", {"onset": 1})
    with history.path.open("a") as file:
        file.write(bad + "\n")
    did(History.open(history.path), "m3", {"onset": 3})
    again = History.open(history.path)
    assert ("moment", "m3") in again.state and "damaged in line 2" in again.notes[0]


def test_a_disk_that_is_full_changes_nothing(history, monkeypatch):
    did(history, "m1", {"onset": 1})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError):
        did(history, "m1", {"onset": 2})
    assert history.state[("moment", "m1")] == {"onset": 1} and history.number == 1
    assert History.open(history.path).number == 1
