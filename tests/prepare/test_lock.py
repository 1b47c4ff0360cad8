import threading

from tsfmicro.prepare.lock import locked


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
