import threading

import pytest

from tsfmicro.errors import RunError
from tsfmicro.files import locked, write_whole


def test_the_second_says_that_it_waits_and_goes_on_when_the_first_is_done(tmp_path):
    told, order = threading.Event(), []

    def second():
        with locked(tmp_path / "lock", on_wait=told.set):
            order.append("second")

    other = threading.Thread(target=second)
    with locked(tmp_path / "lock", on_wait=lambda: order.append("first waited")):
        other.start()
        assert told.wait(timeout=10)
        order.append("first")
    other.join(timeout=10)
    assert order == ["first", "second"]


def test_a_lock_file_left_by_a_dead_process_holds_nobody_up(tmp_path):
    (tmp_path / "lock").write_bytes(b"left over")
    waited = []
    with locked(tmp_path / "lock", on_wait=lambda: waited.append(1)):
        assert not waited


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_no_rubbish(tmp_path, monkeypatch):
    write_whole(tmp_path / "scores.json", "old")

    def full_disk(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    with pytest.raises(OSError):
        write_whole(tmp_path / "scores.json", "new")
    assert [f.name for f in tmp_path.iterdir()] == ["scores.json"]
    assert (tmp_path / "scores.json").read_text() == "old"


def test_a_lock_may_refuse_instead_of_waiting(tmp_path):
    def refuse():
        raise RunError("another process is running here")

    with locked(tmp_path / "lock", refuse), pytest.raises(RunError), locked(tmp_path / "lock", refuse):
        pass
