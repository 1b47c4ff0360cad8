"""The benchmarks as one table: found by file, run in fresh processes, one that fails told and the others kept."""

import pytest

from tsfmicro.about.bench import bench, benchmarks
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.run.watch import Watch

GOOD = """
import json
def rows():
    return [{"what": "add", "unit": "ms", "ours": 2.0, "reference": 5.0, "ratio": 2.5, "low": 2.4, "high": 2.7}]
if __name__ == "__main__":
    print("warming up")
    print(json.dumps(rows()))
"""
BAD = "def rows():\n    raise SystemExit('no such processor')\nrows()\n"


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "good.py").write_text(GOOD)
    (folder / "bad.py").write_text(BAD)
    (folder / "shared.py").write_text("class Row: ...\n")
    return tmp_path


def test_a_file_with_rows_is_a_benchmark(checkout):
    assert benchmarks(checkout) == ["bad", "good"]


def test_this_checkout_has_its_own():
    assert {"loading", "models", "prepare", "runtimes", "synthetic"} <= set(benchmarks())


def test_one_that_fails_is_told_and_the_others_are_kept(checkout):
    notes = []
    watch = Watch()
    watch.note = notes.append
    found = bench(checkout=checkout, watch=watch)
    assert found.failed == (("bad", "no such processor"),)
    assert notes == ["bad: no such processor"]
    assert found.table()[1] == [["good", "add", "2.00", "5.00", "ms", "2.50", "2.40–2.70"]]
    assert "cores" in found.machine() and "torch" in found.machine()


def test_one_can_be_asked_for_alone(checkout):
    found = bench(["good"], checkout=checkout)
    assert [ratio.benchmark for ratio in found.ratios] == ["good"]
    assert not found.failed


def test_a_misspelt_one_is_told_with_the_right_name(checkout):
    with pytest.raises(UnknownNameError, match="Did you mean 'good'"):
        bench(["god"], checkout=checkout)


def test_without_a_checkout_there_is_nothing_to_run(tmp_path):
    with pytest.raises(ConfigError, match="Run `tsfmicro bench` from a checkout"):
        bench(checkout=tmp_path)
