"""What a start gave: the same folds from scratch, paired, printed and kept."""

import json
import shutil

import pytest

from tests.run.test_here import Listener
from tests.run.test_start import config_of, make_start
from tests.study.test_study import BASE, data  # noqa: F401
from tsfmicro.app import cli
from tsfmicro.config import check_config
from tsfmicro.errors import ConfigError
from tsfmicro.reading.ablate import ablate_start, check_ablation, without_start
from tsfmicro.reading.audit import audit
from tsfmicro.run.experiment import run
from tsfmicro.run.watch import Watch


def test_what_cannot_be_left_out_is_told_before_anything_is_trained(tmp_path):
    config = config_of(tmp_path)
    with pytest.raises(ConfigError, match="can be start"):
        check_ablation("head", config)
    with pytest.raises(ConfigError, match="begins with no start"):
        check_ablation("start", without_start(config))
    check_ablation("start", config)
    check_ablation(None, without_start(config))


def test_from_scratch_all_else_is_as_it_was(tmp_path):
    config = config_of(tmp_path, start_rates=0.1, frozen=["spatial"])
    plain = without_start(config)
    assert (plain.train.start, plain.train.start_rates, plain.train.frozen) == (None, 1.0, ())
    assert plain.model_copy(update={"train": config.train}) == config


def test_the_same_folds_are_trained_from_scratch_and_compared_and_it_is_kept(data, tmp_path):  # noqa: F811
    roots, cache = data
    base = check_config({**BASE, "data": {**BASE["data"], "datasets": ["casme2"]}}, "base")
    start = make_start(tmp_path / "start", base)
    config = base.model_copy(update={"train": base.train.model_copy(update={"start": str(start)})})
    only = {"casme2": roots["casme2"]}
    run(config, only, tmp_path / "run", cache, "cpu", 1, Watch())
    found = ablate_start(tmp_path / "run", config, only, cache, "cpu", 1, Watch())
    kept = json.loads((tmp_path / "run" / "ablation.json").read_text())
    assert kept["ablated"] == "start"
    assert kept["a_minus_b"]["uf1"]["p"] == found.differences["uf1"].p
    assert found.names == (str(tmp_path / "run"), str(tmp_path / "run" / "without-start"))
    assert found.headline().startswith("A is ")

    assert audit(tmp_path / "run").passed
    shutil.copytree(tmp_path / "run", tmp_path / "moved")
    assert audit(tmp_path / "moved").passed, "names of folders prove nothing"
    fold = next((tmp_path / "moved" / "without-start" / "folds").iterdir()).name
    for name, content, said in (
        ("ablation.json", "{}", "ablation.json is not what both runs give"),
        ("ablation.json", "", "ablation.json is damaged"),
        ("without-start/run.json", "", "without-start: "),
        (f"without-start/folds/{fold}/seed-0/logits.npz", "", "logits.npz is damaged"),
    ):
        whole = (tmp_path / "moved" / name).read_bytes()
        (tmp_path / "moved" / name).write_text(content)
        assert said in "\n".join(audit(tmp_path / "moved").lines()), name
        (tmp_path / "moved" / name).write_bytes(whole)

    shutil.rmtree(start)
    shutil.rmtree(next((tmp_path / "run" / "folds").iterdir()))
    watch = Listener()
    run(config, only, tmp_path / "run", cache, "cpu", 1, watch)
    assert any("goes on with its own copy" in note for note in watch.notes)


def test_the_command_prints_what_the_start_gave(data, tmp_path, monkeypatch, capsys):  # noqa: F811
    roots, cache = data
    base = check_config({**BASE, "data": {**BASE["data"], "datasets": ["casme2"]}}, "base")
    start = make_start(tmp_path / "start", base)
    (tmp_path / "mine.yaml").write_text(json.dumps(base.model_dump(mode="json")))
    words = [
        "run",
        tmp_path / "mine.yaml",
        "--data",
        f"casme2={roots['casme2']}",
        "--out",
        tmp_path / "run",
        "--cache",
        cache,
    ]
    words += ["--device", "cpu", "--workers", 1, "--ablate", "start", "--set", f"train.start={start}"]
    monkeypatch.setattr("sys.argv", ["tsfmicro", *map(str, words)])
    try:
        cli.main()
    except SystemExit as end:
        assert not end.code
    assert "B = the same folds from scratch" in capsys.readouterr().out
