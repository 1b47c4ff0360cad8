"""`tsfmicro spot` and `tsfmicro data synth-video`, as typed."""

import json
import sys

import pytest

from tsfmicro.app import cli


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films") / "films"
    with pytest.MonkeyPatch.context() as patch:
        words = [
            "data",
            "synth-video",
            folder,
            "--people",
            1,
            "--seconds",
            4,
            "--fps",
            25,
            "--width",
            320,
            "--workers",
            1,
        ]
        patch.setattr(sys, "argv", ["tsfmicro", *map(str, words), "--seed", "11"])
        cli.app(standalone_mode=False)
    return folder / "sub01.avi"


def typed(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["tsfmicro", *map(str, words)])
    try:
        cli.main()
        return 0
    except SystemExit as end:
        return end.code or 0


def test_a_table_of_expressions_and_files(film, tmp_path, monkeypatch, capsys):
    assert typed(monkeypatch, "spot", film, "--out", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "100 frames, 4.00 s at 25 frames per second, 1 face" in out
    assert "onset s" in out and "region" in out
    assert "level 0.5, spotter peaks" in out and "false alarms a minute" in out
    assert (tmp_path / "out" / "spotting.png").exists()
    assert out.splitlines()[-1] == f"look at {tmp_path / 'out' / 'report.html'}"
    (table,) = [line for line in out.splitlines() if line.startswith("kind")]
    assert len(table) <= 85 and "frames" in table


def test_the_challenge_s_file_keeps_the_rows_of_other_videos(film, tmp_path, monkeypatch, capsys):
    file = tmp_path / "found.csv"
    file.write_text("vid,onset,offset,type\nsub00,5,9,mae\nsub01,1,2,me\n")
    assert typed(monkeypatch, "spot", film, "--csv", file, "--first-frame", 1, "--json") == 0
    found = json.loads(capsys.readouterr().out)["expressions"]
    kinds = {"micro": "me", "macro": "mae"}
    rows = [f"sub01,{e['onset'] + 1},{e['offset'] + 1},{kinds[e['kind']]}" for e in found]
    assert rows and file.read_text().splitlines() == ["vid,onset,offset,type", "sub00,5,9,mae", *rows]


def test_json_for_programs(film, monkeypatch, capsys):
    assert typed(monkeypatch, "spot", film, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["frames"], found["faces"][0]["face"]) == (100, 1)
    assert {e["kind"] for e in found["expressions"]} <= {"micro", "macro"}


def test_a_lower_level_tells_more_and_says_how_much_of_it_will_be_false(film, monkeypatch, capsys):
    told = []
    for level in (0.9, 0.0):
        assert typed(monkeypatch, "spot", film, "--spotter", "learned", "--level", level, "--json") == 0
        told.append(json.loads(capsys.readouterr().out))
    sure, everything = told
    assert (sure["spotter"], sure["level"]) == ("learned", 0.9)
    assert all(one in everything["expressions"] for one in sure["expressions"])
    assert all(e["confidence"] >= 0.9 for e in sure["expressions"])
    expected = [sum(one["false_alarms_per_minute"].values()) for one in told]
    assert expected[0] < expected[1]


def test_a_spotter_that_is_not_there_is_one_line(film, monkeypatch, capfd):
    assert typed(monkeypatch, "spot", film, "--spotter", "gut-feeling") == 1
    assert "unknown spotter 'gut-feeling'. Known: learned, peaks." in capfd.readouterr().err


def test_what_is_no_video_is_one_line(tmp_path, monkeypatch, capfd):
    (tmp_path / "a.mp4").write_bytes(b"RIFF\0\1\0\0AVI " + bytes(500))
    assert typed(monkeypatch, "spot", tmp_path / "a.mp4") == 1
    err = capfd.readouterr().err.strip()
    assert err.startswith("error: ") and "\n" not in err


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("5-3", "give seconds, from and to"),
        ("nowhere", "is neither FROM-TO in seconds nor what"),
        ("a-b", "is neither"),
        ("0-nan", "give seconds, from and to"),
        ("0-inf", "give seconds, from and to"),
    ],
)
def test_a_rest_that_is_none_is_told_before_the_video_is_read(tsfmicro, tmp_path, rest, said):
    status, _, err = tsfmicro("spot", tmp_path / "no.avi", "--rest", rest)
    assert status == 1 and said in err and err.count("\n") == 1


def test_where_nothing_can_be_written_is_told_before_the_video_is_read(tsfmicro, tmp_path):
    (tmp_path / "file").write_text("a,b\n1,2\n")
    for words, said in (
        (("--out", tmp_path / "file"), "Choose another --out"),
        (("--out", tmp_path / "file" / "below"), "Choose another --out"),
        (("--csv", tmp_path), "is a folder. Give --csv a file"),
        (("--csv", tmp_path / "file" / "found.csv"), "Choose another --csv"),
        (("--csv", tmp_path / "file"), "Write vid,onset,offset,type"),
    ):
        status, _, err = tsfmicro("spot", tmp_path / "no.avi", *words)
        assert status == 1 and said in err and err.count("\n") == 1 and "no such file" not in err
    status, _, err = tsfmicro("predict", "demonstration", tmp_path / "no.avi", "--out", tmp_path / "file")
    assert status == 1 and "Choose another --out" in err


@pytest.mark.parametrize("fps", ["inf", "nan"])
def test_a_frame_rate_that_is_no_number_is_refused(tsfmicro, tmp_path, fps):
    status, _, err = tsfmicro("spot", tmp_path, "--fps", fps)
    assert status != 0 and "Traceback" not in err and ("frames per second" in err or "--fps" in err)
