import errno
import os
import re
import socket
import subprocess
import sys
import threading

import pytest

from tests.waiting import PATIENCE
from tsfmicro import files
from tsfmicro.errors import RunError, TsfmicroError
from tsfmicro.files import counted, csv_lines, csv_text, locked, put_whole, write_whole


def test_the_second_says_that_it_waits_and_goes_on_when_the_first_is_done(tmp_path):
    told, order = threading.Event(), []

    def second():
        with locked(tmp_path / "lock", on_wait=told.set):
            order.append("second")

    other = threading.Thread(target=second)
    with locked(tmp_path / "lock", on_wait=lambda: order.append("first waited")):
        other.start()
        assert told.wait(timeout=PATIENCE)
        order.append("first")
    other.join(timeout=PATIENCE)
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
    with pytest.raises(OSError) as full:
        write_whole(tmp_path / "scores.json", "new")
    assert full.value.filename == str(tmp_path / "scores.json"), "the system does not say where"
    assert [f.name for f in tmp_path.iterdir()] == ["scores.json"]
    assert (tmp_path / "scores.json").read_text() == "old"


def refuse():
    raise RunError("another process is running here")


def test_what_a_killed_process_was_writing_goes_when_another_writes_there(tmp_path):
    killed = "import os, sys; from pathlib import Path; from tsfmicro import files; os.fsync = lambda _: os._exit(9)\n"
    killed += "files.write_whole(Path(sys.argv[1]), 'half')"
    subprocess.run([sys.executable, "-c", killed, tmp_path / "scores.json"])
    (half,) = tmp_path.iterdir()
    other = tmp_path / f".scores.json.{os.getppid()}@{files._HERE}.part"  # of one that is still at work
    elsewhere = tmp_path / ".scores.json.4000000@another.part"  # of another machine on the same disk
    other.touch()
    elsewhere.touch()
    write_whole(tmp_path / "settings.json", "{}")
    assert half.suffix == ".part" and not half.exists()
    assert other.exists() and elsewhere.exists()


def test_a_lock_may_refuse_instead_of_waiting(tmp_path):
    with locked(tmp_path / "lock", refuse), pytest.raises(RunError), locked(tmp_path / "lock", refuse):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="shows here what Windows does there")
def test_a_finished_folder_is_synced_through_handles_that_may_write_as_windows_wants_it(tmp_path, monkeypatch):
    import fcntl

    def sync_as_windows_does(descriptor):
        if fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
            raise OSError(errno.EBADF, "Bad file descriptor")

    (tmp_path / "part").mkdir()
    (tmp_path / "part" / "logits.npz").write_bytes(b"numbers")
    monkeypatch.setattr("os.fsync", sync_as_windows_does)
    put_whole(tmp_path / "part", tmp_path / "seed-0")
    assert (tmp_path / "seed-0" / "logits.npz").read_bytes() == b"numbers"


@pytest.fixture(params=["ENOSYS", "ENOTSUP", "EOPNOTSUPP", "ENOLCK"])
def disk_without_locks(request, monkeypatch, tmp_path):
    """Lustre and EFS, as they are often mounted."""

    def refuse(file):
        raise OSError(getattr(errno, request.param), request.param)

    monkeypatch.setattr(files, "_try", refuse)
    return tmp_path


def test_on_a_disk_without_locks_one_works_and_the_next_is_told_or_waits(disk_without_locks):
    lock = disk_without_locks / "lock"
    with locked(lock, pytest.fail), pytest.raises(RunError, match="another process"), locked(lock, refuse):
        pass
    told, order = threading.Event(), []

    def second():
        with locked(lock, on_wait=told.set):
            order.append("second")

    other = threading.Thread(target=second)
    with locked(lock, on_wait=pytest.fail):
        other.start()
        assert told.wait(timeout=PATIENCE)
        order.append("first")
    other.join(timeout=PATIENCE)
    assert order == ["first", "second"]
    assert [file.name for file in disk_without_locks.iterdir()] == ["lock"], "nothing stays"


def ended():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("host", ["node-7", socket.gethostname()], ids=["another machine", "this machine"])
def test_on_a_disk_without_locks_what_may_be_left_by_the_dead_is_told_with_host_process_and_file(
    disk_without_locks, host
):
    left, pid = disk_without_locks / "lock.held", ended()
    left.write_text(f"{pid} {host}")
    with (
        pytest.raises(TsfmicroError, match=f"process {pid} of {host}.*delete {re.escape(str(left))}"),
        locked(disk_without_locks / "lock", on_wait=pytest.fail),
    ):
        pass
    assert left.exists()


def test_another_trouble_with_a_lock_is_not_taken_for_a_disk_without(tmp_path, monkeypatch):
    def broken(file):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files, "_try", broken)
    with pytest.raises(OSError, match="Input/output"), locked(tmp_path / "lock", pytest.fail):
        pass


def test_a_long_table_is_written_a_row_at_a_time_and_whole(tmp_path):
    made = []

    def rows():
        for number in range(3):
            made.append(number)
            yield number, f"a, {number}"

    lines = csv_lines(["n", "text"], rows())
    assert (next(lines), made) == ("n,text\n", [])
    assert (next(lines), made) == ('0,"a, 0"\n', [0])
    write_whole(tmp_path / "a.csv", csv_lines(["n", "text"], rows()))
    assert (tmp_path / "a.csv").read_text() == csv_text(["n", "text"], [(n, f"a, {n}") for n in range(3)])


def test_a_table_that_fails_half_way_leaves_the_file_as_it_was(tmp_path):
    write_whole(tmp_path / "a.csv", "old")
    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "a.csv", csv_lines(["n"], ([1 / n] for n in (1, 0))))
    assert [(one.name, one.read_text()) for one in tmp_path.iterdir()] == [("a.csv", "old")]


def test_one_is_told_in_the_singular():
    assert [counted(n, "video") for n in (0, 1, 2)] == ["0 videos", "1 video", "2 videos"]
    assert [counted(n, "person", "people") for n in (1, 3)] == ["1 person", "3 people"]
