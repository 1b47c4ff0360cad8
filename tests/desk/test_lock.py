"""One program has a project at a time, and a dead one does not keep it."""

import json
import os
import time

from tests.waiting import wait_until
from tsfmicro.desk import lock
from tsfmicro.desk.lock import Lock


def test_a_second_one_is_told_who_has_it_and_gets_it_when_that_lets_go(tmp_path):
    first = Lock(tmp_path / "lock.json")
    second = Lock(tmp_path / "lock.json")
    assert first.held and not second.held and str(os.getpid()) in second.holder
    second.release()
    assert first.still_held(), "who does not have it cannot let it go"
    first.release()
    assert Lock(tmp_path / "lock.json").held


def test_a_process_of_this_machine_that_ended_is_taken_over_at_once(tmp_path):
    import socket

    file = tmp_path / "lock.json"
    file.write_text(json.dumps({"pid": 2**22 + 5, "host": socket.gethostname(), "token": "x"}))
    assert Lock(file).held


def test_another_machine_is_dead_when_its_heart_stopped(tmp_path):
    file = tmp_path / "lock.json"
    file.write_text(json.dumps({"pid": 1, "host": "elsewhere", "token": "x"}))
    assert not Lock(file).held
    os.utime(file, (time.time() - 60,) * 2)
    assert Lock(file).held


def test_a_lock_file_that_is_damaged_is_another_machine_s(tmp_path):
    file = tmp_path / "lock.json"
    file.write_text('{"pid": "many"')
    assert not Lock(file).held
    file.write_text('{"pid": "many"}')
    assert not Lock(file).held


def test_the_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 0.02)
    held = Lock(tmp_path / "lock.json")
    os.utime(tmp_path / "lock.json", (1, 1))
    wait_until(lambda: (tmp_path / "lock.json").stat().st_mtime > 2)
    held.release()


def test_who_slept_and_lost_it_notices(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT", 3600)
    first = Lock(tmp_path / "lock.json")
    os.utime(tmp_path / "lock.json", (1, 1))
    second = Lock(tmp_path / "lock.json")
    assert second.held and not first.still_held()
    first.release()
    assert second.still_held()
