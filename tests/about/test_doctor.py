"""`tsfmicro doctor` tells everything in one line each, whatever is broken."""

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from tsfmicro.about import doctor as about
from tsfmicro.about.doctor import EXTRAS, Finding, Health, doctor, guarded, lack, tried
from tsfmicro.about.probes import MODULES, package, required

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    place = tmp_path_factory.mktemp("cache")
    (place / "faces.bin").write_bytes(bytes(2_000_000))
    return doctor(place, seconds=300)


def test_it_says_what_is_here_and_how_fast(here):
    told = {finding.what: finding for finding in here.findings}
    assert {"tsfmicro", "Python", "machine", "cache", "device", "videos", "package torch", "extra web"} <= told.keys()
    for speed in ("preparing", "training", "recognising"):
        assert told[f"speed of {speed}"].values["milliseconds"] > 0, told[f"speed of {speed}"]
    assert told["cache"].values["bytes"] == 2_000_000 and "2.0 MB in 1 files" in told["cache"].detail
    assert "MJPG" in told["videos"].detail
    assert here.well, here.lines()
    assert json.loads(json.dumps(here.to_dict()))["well"]
    assert len(here.lines()) == len(here.findings) + 1


def test_an_extra_is_known_by_what_it_is_for():
    assert EXTRAS.keys() == PROJECT["optional-dependencies"].keys() - {"dev", "docs"}


def test_every_package_that_is_needed_is_tried():
    asked = {re.split(r"[>;]", line)[0].lower() for line in PROJECT["dependencies"]}
    assert {name.lower() for name, _ in required()} <= asked
    assert MODULES.keys() <= asked


def test_an_extra_that_is_missing_names_the_command_that_brings_it(monkeypatch):
    monkeypatch.setattr(about, "lack", lambda name, specifier: "ray is not installed" if name == "ray" else "")
    told = {finding.what: finding for finding in about._extras()}
    assert told["extra ray"].line().endswith("ray is not installed. pip install 'tsfmicro[ray]'")
    assert told["extra ray"].state == "absent" and Health(tuple(told.values())).well


def test_a_package_is_missing_or_too_old_or_cannot_be_imported(monkeypatch):
    assert lack("no-such-package", "") == "no-such-package is not installed"
    assert lack("numpy", ">=99").endswith("is not >=99")
    assert lack("numpy", ">=1.26") == ""
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    (found,) = package("openpyxl", ">=3.1")
    assert found.state == "broken" and "cannot be imported" in found.detail and "--force-reinstall" in found.todo


def test_a_process_that_dies_is_told_with_what_it_was_trying():
    dies = "import os; print('chatter'); print('{\"trying\": \"package torch\"}', flush=True); os.abort()"
    (found,) = tried(300, ("-c", dies))
    assert (found.what, found.state) == ("package torch", "broken")
    assert "the process ended with status" in found.detail


def test_a_process_that_hangs_is_given_up():
    (found,) = tried(1, ("-c", "import time; time.sleep(1000)"))
    assert found.detail == "did not end within 1 s"


def test_whatever_a_look_raises_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    (found,) = guarded("memory", about._memory)
    assert found.state == "broken" and len(found.line().splitlines()) == 1
    assert len(Finding("a", "broken", "two\nlines").line().splitlines()) == 1


def test_a_cache_that_cannot_be_written_to_is_told_with_what_to_do(monkeypatch, tmp_path):
    def none_there(dir):
        raise FileNotFoundError(
            2, "No such file or directory", str(dir)
        )  # as /proc says, of which root is told that it may be written

    monkeypatch.setattr(about.tempfile, "TemporaryFile", none_there)
    (found,) = about._cache(tmp_path / "not" / "yet" / "there")
    assert found.state == "broken" and "TSFMICRO_CACHE" in found.todo


def test_the_command_ends_with_1_where_something_is_broken(monkeypatch, capsys):
    from tsfmicro.app import cli

    monkeypatch.setattr(about, "doctor", lambda cache: Health((Finding("torch", "broken", "no"),)))
    for words in ([], ["--json"]):
        monkeypatch.setattr(sys, "argv", ["tsfmicro", "doctor", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 1
        assert "torch" in capsys.readouterr().out
