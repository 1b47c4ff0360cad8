"""The command line: quick help, plain tables, and one clear line for each mistake."""

import errno
import json
import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from platformdirs import user_cache_path

from tsfmicro import __version__, places
from tsfmicro.app import cli
from tsfmicro.files import write_whole


def one_line(err):
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("error: ")
    return lines[0]


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["data", "--help"]])
def test_help_loads_nothing_heavy(words):
    program = (
        "import sys\nfrom tsfmicro.app import cli\n"
        f"sys.argv = ['tsfmicro', *{words}]\n"
        "try:\n    cli.main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'pandas', 'sklearn', 'matplotlib', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_the_version_is_told(tsfmicro):
    assert tsfmicro("--version")[:2] == (0, f"tsfmicro {__version__}\n")


def test_datasets_models_and_configs_are_listed(tsfmicro):
    for command, expected in [
        (("data", "list"), "CAS(ME)³"),
        (("data", "list"), "MEVIEW"),
        (("models",), "12,789,413"),
        (("configs",), "samm-3-released"),
        (("configs",), "paper/fusion-published"),
    ]:
        status, out, _ = tsfmicro(*command)
        assert (status, expected in out) == (0, True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["data", "check", "casme2", "nowhere"], "nowhere: no such folder"),
        (["data", "check", "cassme2", "."], "Did you mean 'casme2'?"),
        (["data", "check", "meview", "."], "MEVIEW is not verified: its facts are hearsay, no reader."),
        (["run", "demo", "--out", "o", "--data", "casme2"], "write it as NAME=FOLDER"),
        (["run", "demo", "--out", "o", "--data", "casme2=a", "--data", "casme2=b"], "given twice"),
        (["run", "demo", "--out", "o", "--data", "samm=a"], "no folder was given for casme2"),
        (["run", "demo", "--out", "o", "--data", "casme2=nowhere"], "nowhere: no such folder"),
        (["run", "dmo", "--out", "o", "--data", "casme2=a"], "Did you mean 'demo'?"),
        (["run", "mine", "--out", "o", "--data", "casme2=a"], "unknown config 'mine'. `tsfmicro configs` lists"),
        (["run", "demo", "--out", "o", "--data", "casme2=a", "--set", "train.epoch=3"], "did you mean epochs?"),
        (
            ["run", "demo", "--out", "o", "--data", "casme2=a", "--set", "train.epoch=3"],
            "error: --set train.epoch=3 on ",
        ),
        (
            ["run", "demo", "--out", "o", "--data", "casme2=a", "--set", "model.name=tsfmicr"],
            "Did you mean 'tsfmicro'?",
        ),
        (["run", "demo", "--out", "o", "--data", "casme2=a", "--set", "protocol=loo"], "Did you mean 'loso'?"),
        (["run", "demo", "--out", "o", "--data", "casme2=a", "--device", "tpu"], "device 'tpu' is not there"),
        (["evaluate", "."], "not a run folder"),
        (["study", "demo-studdy", "--out", "o", "--data", "casme2=a"], "Did you mean 'demo-study'?"),
        (["study", "demo", "--out", "o", "--data", "casme2=a"], "demo is a config of one run"),
        (["study", "demo-study", "--out", "o", "--data", "samm=a"], "no folder was given for casme2"),
        (["study", "demo-study", "--out", "o", "--data", "casme2=nowhere"], "nowhere: no such folder"),
        (["demo", "--out", "o", "--seed", "1000"], "--seed 1000: the demo's network has learned from these people"),
        (["study", "demo-study", "--out", "o", "--data", "casme2=a", "--only", "x"], "no run matches --only x"),
        (["study", "demo-study", "--out", "o", "--data", "casme2=a", "--rule", "lst"], "Did you mean 'last'?"),
        (["study", "demo-study", "--out", "o", "--data", "casme2=a", "--set", "train.epoch=3"], "did you mean epochs?"),
        (
            ["convert", "ststnet", "w.pth", "--out", "o", "--classes", "a,b,c", "--option", "depth"],
            "--option depth: write it as key=value",
        ),
    ],
)
def test_a_mistake_is_told_in_one_line(tsfmicro, monkeypatch, tmp_path, words, said):
    monkeypatch.chdir(tmp_path)
    status, _, err = tsfmicro(*words)
    assert status == 1
    assert said in one_line(err)
    assert not list(tmp_path.iterdir()), "nothing is left behind"


def test_an_unknown_command_and_a_missing_option_are_told_without_a_traceback(tsfmicro):
    for words in (["rnu"], ["run", "demo"]):
        status, _, err = tsfmicro(*words)
        assert status == 2
        assert "Traceback" not in err


def test_ctrl_c_says_that_the_same_command_goes_on(tsfmicro, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("tsfmicro.study.shipped.config", interrupted)
    status, _, err = tsfmicro("run", "demo", "--data", "casme2=faces", "--out", "run")
    assert status == 130
    assert "goes on" in err


def test_a_full_disk_is_told_in_one_line(tsfmicro, monkeypatch):
    def full():
        raise OSError(28, "No space left on device", "run/scores.json")

    monkeypatch.setattr(cli, "app", full)
    status, _, err = tsfmicro("models")
    assert status == 1
    assert "run/scores.json: no space is left" in one_line(err)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EFBIG, "as large on this disk"),
        (errno.ENAMETOOLONG, "a name is too long"),
        (errno.ENOENT, "no such file or folder"),
        (errno.EPERM, "not permitted"),
        (errno.EIO, "the disk failed"),
        (errno.ENODEV, f"{os.strerror(errno.ENODEV)}. Choose another place."),
    ],
)
def test_whatever_a_disk_says_is_told_in_one_line(tsfmicro, monkeypatch, number, said):
    def fail():
        raise OSError(number, os.strerror(number), "out/table.csv")

    monkeypatch.setattr(cli, "app", fail)
    status, _, err = tsfmicro("models")
    assert status == 1
    assert one_line(err).startswith("error: out/table.csv: ") and said in err


def test_a_folder_where_a_file_is_to_be_written_is_told_in_one_line(tsfmicro, monkeypatch, tmp_path):
    (tmp_path / "scores.json").mkdir()
    monkeypatch.setattr(cli, "app", lambda: write_whole(tmp_path / "scores.json", "{}"))
    status, _, err = tsfmicro("models")
    assert status == 1
    assert f"{tmp_path / 'scores.json'}: " in one_line(err)
    assert [f.name for f in tmp_path.iterdir()] == ["scores.json"]


def test_check_speaks_json_to_programs(tsfmicro, tmp_path):
    from tsfmicro.data.registry import dataset

    dataset("casme2").write_fake(tmp_path / "casme2", np.random.default_rng(0), rows=6)
    status, out, _ = tsfmicro("data", "check", "casme2", tmp_path / "casme2", "--json")
    assert status == 0
    assert json.loads(out)


def test_prepared_faces_lie_where_the_system_keeps_caches_and_an_older_folder_of_ours_stays_in_use(
    tsfmicro, tmp_path, monkeypatch
):
    used, old = [], tmp_path / "old"
    monkeypatch.setattr(places, "OLD_CACHE", old)
    monkeypatch.setattr("tsfmicro.run.experiment.read_clips", lambda *of: ([], {}))
    monkeypatch.setattr(
        "tsfmicro.run.experiment.prepare_clips",
        lambda clips, config, cache, workers, watch: used.append(cache) or SimpleNamespace(key="key"),
    )
    words = ("prepare", "casme2-3-published", "--data", "casme2=faces")
    tsfmicro(*words)
    old.mkdir()
    tsfmicro(*words)
    tsfmicro(*words, "--cache", tmp_path / "mine")
    assert used == [user_cache_path("tsfmicro", appauthor=False), old, tmp_path / "mine"]


def test_python_runs_the_package_as_the_command():
    words = [sys.executable, "-m", "tsfmicro", "--version"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.stdout == f"tsfmicro {__version__}\n", done.stderr
