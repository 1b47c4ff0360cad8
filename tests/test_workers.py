"""Work is given as functions of the standard library, which a new process can import by name."""

import gc
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import count
from math import sqrt
from multiprocessing import active_children
from pathlib import Path

import pytest

from tests.waiting import PATIENCE, wait_until
from tsfmicro.errors import TsfmicroError, UnknownNameError
from tsfmicro.workers import Job, in_order, spread


@pytest.mark.parametrize("workers", [1, 2])
def test_every_item_is_worked_on_once(workers):
    assert sorted(spread(sqrt, [1, 4, 9, 16, 25], workers)) == [1, 2, 3, 4, 5]


def test_workers_use_one_thread_each_and_this_process_keeps_its_own_setting(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert list(spread(os.getenv, ["OMP_NUM_THREADS"] * 2, 2)) == ["1", "1"]
    assert "OMP_NUM_THREADS" not in os.environ


def test_workers_look_for_cycles_in_what_they_work_on_and_not_in_what_they_imported():
    assert all(enabled and frozen for enabled, frozen in spread(_collects, [1, 2], 2))
    assert gc.isenabled()


def _collects(_):
    return gc.isenabled(), gc.get_freeze_count()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_mistake_in_the_work_is_raised_here(workers):
    with pytest.raises(ValueError):
        list(spread(sqrt, [-1, -1], workers))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_worker_that_is_killed_is_told_with_the_item_it_died_on():
    with pytest.raises(TsfmicroError, match=r"9: the process at work on it died .*goes on where it was"):
        list(spread(signal.raise_signal, [9, 9], 2))


@dataclass(frozen=True)
class Film:
    name: str
    frames: tuple[int, ...] = tuple(range(1000))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.parametrize(("item", "told"), [(Film("sub03"), "sub03"), ((9,) * 1000, r"\(9, 9, [9, ]*…")])
def test_of_an_item_that_holds_much_only_its_name_is_told(item, told):
    with pytest.raises(TsfmicroError, match=f"^{told}: the process at work on it died") as error:
        list(spread(_killed, [item, item], 2))
    assert len(str(error.value)) < 250


def _killed(item):
    signal.raise_signal(signal.SIGKILL)


def test_stopping_early_stops_the_workers_at_once():
    with closing(spread(time.sleep, [0, 36_000, 36_000], 2)) as results:
        next(results)
    assert not active_children()


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at /proc")
def test_workers_leave_when_their_parent_is_killed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import os\nfrom tsfmicro.workers import Job, spread\n"
        "if __name__ == '__main__':\n"
        "    for pid in spread(eval, ['__import__(\"os\").getpid()'] * 4 + ['__import__(\"time\").sleep(0.5)'] * 200, 2):\n"
        "        print(pid, flush=True)\n"
    )
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    workers = {int(parent.stdout.readline()) for _ in range(4)}
    parent.kill()
    parent.communicate()
    wait_until(lambda: not any(map(_runs, workers)))


def _runs(pid):
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


def test_the_work_may_carry_settings_with_it():
    assert sorted(spread(partial(pow, 2), [1, 2, 3], 2)) == [2, 4, 8]


def count_aloud(item, tell):
    for n in range(item):
        tell((item, n))
    return item


@pytest.mark.parametrize("workers", [1, 2])
def test_work_may_report_on_its_way(workers):
    heard = []
    assert sorted(spread(count_aloud, [2, 3], workers, tell=heard.append)) == [2, 3]
    assert sorted(heard) == [(2, 0), (2, 1), (3, 0), (3, 1), (3, 2)]


def misspelt(name):
    raise UnknownNameError("model", name, ["tsfmicro"])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_users_mistake_arrives_as_its_one_line(workers):
    with pytest.raises(TsfmicroError, match="Did you mean 'tsfmicro'"):
        list(spread(misspelt, ["tsfmicr", "tsfmicr"], workers))


UNGUARDED = {
    "spread": "from tsfmicro.workers import Job, spread\nprint(list(spread(abs, [1, -2, 3], 2)))\n",
    "spread under a lock": "import pathlib, sys\n"
    "from tsfmicro.files import locked\nfrom tsfmicro.workers import Job, spread\n"
    "with locked(pathlib.Path(sys.argv[1]), lambda: None):\n    print(list(spread(abs, [1, -2, 3], 2)))\n",
    "a lock that refuses": "import pathlib, sys\n"
    "from tsfmicro.errors import RunError\nfrom tsfmicro.files import locked\nfrom tsfmicro.workers import Job, spread\n"
    "def refuse(): raise RunError('another process is running here')\n"
    "with locked(pathlib.Path(sys.argv[1]), refuse):\n    print(list(spread(abs, [1, -2, 3], 2)))\n",
}


@pytest.mark.parametrize("kind", UNGUARDED)
def test_a_script_that_is_run_again_by_its_own_workers_ends_and_says_what_it_lacks(tmp_path, kind):
    script = tmp_path / "script.py"
    script.write_text(UNGUARDED[kind])
    words = [sys.executable, str(script), str(tmp_path / "lock")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1 and done.stdout == ""
    *above, last = done.stderr.strip().splitlines()
    assert last.startswith("tsfmicro.errors.TsfmicroError: ") and 'under `if __name__ == "__main__":`' in last
    assert "".join(above).count("Traceback") == 1, "the workers are silent"


def test_the_users_own_processes_get_the_same_line(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import pathlib, sys\nfrom multiprocessing import get_context\nfrom tsfmicro.files import locked\n"
        "with locked(pathlib.Path(sys.argv[1]), lambda: None):\n"
        "    child = get_context('spawn').Process(target=abs, args=(1,))\n"
        "    child.start()\n    child.join()\n    sys.exit(child.exitcode)\n"
    )
    words = [sys.executable, str(script), str(tmp_path / "lock")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1 and 'under `if __name__ == "__main__":`' in done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("workers", [1, 3])
def test_results_may_be_had_in_the_order_of_the_items(workers):
    assert list(in_order(sqrt, [n * n for n in range(7)], workers)) == list(range(7))


def test_of_endlessly_many_items_no_more_than_one_result_of_each_worker_waits(tmp_path):
    places = (tmp_path / str(n) for n in count())
    with closing(in_order(os.mkdir, places, 2)) as results:
        next(results)
        while len(list(tmp_path.iterdir())) < 3:
            time.sleep(0.05)
        time.sleep(0.3)
        assert {place.name for place in tmp_path.iterdir()} == {"0", "1", "2"}
    assert not active_children()


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_in_order_a_mistake_is_raised_here_and_a_worker_that_is_killed_is_told():
    with pytest.raises(ValueError):
        list(in_order(sqrt, [1, -1, 4], 2))
    with pytest.raises(TsfmicroError, match=r"9: the process at work on it died"):
        list(in_order(signal.raise_signal, [9, 9], 2))


def test_a_job_tells_how_it_goes_and_what_came_of_it():
    job = Job(tally, 3)
    assert job.done.wait(PATIENCE) and (job.result, job.told, job.trouble) == (6, 3, None)


def test_a_job_s_mistake_is_kept_and_one_that_is_stopped_ends_at_once():
    job = Job(tally, "x")
    assert job.done.wait(PATIENCE) and isinstance(job.trouble, TypeError)
    endless = Job(rest, 600)
    endless.stop()
    assert endless.done.wait(PATIENCE) and (endless.result, endless.trouble) == (None, None)


def tally(item, tell):
    for n in range(item + 1):
        tell(n)
    return sum(range(item + 1))


def rest(item, tell):
    time.sleep(item)
