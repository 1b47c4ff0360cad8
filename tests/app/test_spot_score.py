"""`tsfmicro spot-score`, and `spot-dataset`, as typed."""

import json

import numpy as np
import pytest

from tsfmicro.data.registry import dataset
from tsfmicro.spot.listing import listing_text
from tsfmicro.use.long_videos import long_videos


@pytest.fixture
def files(tmp_path):
    (tmp_path / "found.csv").write_text("s1,a,10,20,negative\ns1,a,51,60,negative\ns2,b,1,9,positive\n")
    (tmp_path / "truth.csv").write_text("s1,a,10,20,negative\ns1,a,50,60,surprise\ns2,a,10,20,positive\n")
    return tmp_path / "found.csv", tmp_path / "truth.csv"


def test_a_table_and_what_to_mind(tsfmicro, files):
    status, out, _ = tsfmicro("spot-score", *files)
    assert status == 0
    head, micro, _, overall, *lines = out.splitlines()
    assert head.split()[:7] == ["kind", "true", "spotted", "hits", "precision", "recall", "F1"]
    assert micro.split()[:7] == ["micro", "3", "3", "2", "0.6667", "0.6667", "0.6667"]
    assert micro.split()[7:] == overall.split()[7:]  # the interval
    assert lines[0].startswith("2 people, 3 videos, 1 of them without a true expression; ")
    assert lines[1].endswith("STRS 0.6667 × 0.2222 = 0.1481")
    assert lines[2].startswith("note: ") and lines[2].endswith("1 false alarm")


def test_json_for_programs(tsfmicro, files):
    status, out, _ = tsfmicro("spot-score", *files, "--json")
    told = json.loads(out)
    assert (status, told["scores"]["micro"]["hits"], told["people"], told["videos"]) == (0, 2, 2, 3)
    assert told["scores"]["micro"]["f1_interval"][0] < told["scores"]["micro"]["f1"]


def test_the_truth_may_be_a_dataset_s_folder(tsfmicro, tmp_path):
    dataset("samm-lv").write_fake(tmp_path, np.random.default_rng(1), rows=30)
    truth = long_videos("samm-lv", tmp_path).truth
    (tmp_path / "found").write_text(listing_text(truth))
    status, out, _ = tsfmicro("spot-score", tmp_path / "found", "--data", f"samm-lv={tmp_path}", "--json")
    told = json.loads(out)
    assert (status, told["scores"]["overall"]["f1"], told["scores"]["overall"]["true"]) == (0, 1, len(truth))
    assert told["people"] == len({video.person for video in truth.videos})


@pytest.mark.parametrize(
    "words, line",
    [
        (["found.csv"], "give the truth once"),
        (["found.csv", "truth.csv", "--data", "samm-lv=x"], "give the truth once"),
        (["found.csv", "--data", "samm-lv"], "write it as NAME=FOLDER"),
        (["found.csv", "--data", "casme2=."], "unknown dataset of long videos 'casme2'"),
        (["found.csv", "nothing.csv"], "cannot be read"),
        (["found.csv", "other.csv"], "has no video in common"),
        (["found.csv", "truth.csv", "--found-fps", "200"], "belong together"),
    ],
)
def test_a_mistake_is_one_line(tsfmicro, files, tmp_path, monkeypatch, words, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.csv").write_text("s9,z,10,20,negative\n")
    status, _, err = tsfmicro("spot-score", *words)
    assert status == 1 and err.startswith("error: ") and line in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "truth, line",
    [
        ("a,10,20,me\na,15,25,me\na,100,180,mae\n", "1 pair of intervals of one kind overlap, e.g. a 10–20 and 15–25"),
        ("a,11,21,me\na,51,61,me\na,101,181,mae\n", "3 of 3 hits lie exactly one frame before the true ones"),
        ("a,666,1200,mae\nb,600,1300,mae\n", "its videos end at 0.15 times the frame numbers"),
    ],
)
def test_a_truth_that_is_odd_is_scored_with_a_note(tsfmicro, tmp_path, truth, line):
    (tmp_path / "found.csv").write_text("vid,onset,offset,type\na,10,20,me\na,50,60,me\na,100,180,mae\nb,100,180,mae\n")
    (tmp_path / "truth.csv").write_text(f"vid,onset,offset,type\n{truth}")
    status, out, _ = tsfmicro("spot-score", tmp_path / "found.csv", tmp_path / "truth.csv")
    assert status == 0 and any(told.startswith("note: ") and line in told for told in out.splitlines())


def test_another_frame_rate_than_the_truth_s_is_one_line_and_both_rates_mend_it(tsfmicro, tmp_path):
    (tmp_path / "found.csv").write_text("vid,onset,offset,type,fps\na,10,20,me,30\n")
    (tmp_path / "truth.csv").write_text("vid,onset,offset,type,fps\na,66,133,me,200\n")
    files = tmp_path / "found.csv", tmp_path / "truth.csv"
    status, _, err = tsfmicro("spot-score", *files)
    assert status == 1 and "a has 30 frames per second, and 200 in" in err and err.count("\n") == 1
    status, out, _ = tsfmicro("spot-score", *files, "--found-fps", 30, "--truth-fps", 200, "--json")
    assert (status, json.loads(out)["scores"]["micro"]["hits"]) == (0, 1)


def test_spot_dataset_tells_a_folder_that_is_not_there(tsfmicro, tmp_path):
    status, _, err = tsfmicro("spot-dataset", "samm-lv", tmp_path / "no", "--out", tmp_path / "out")
    assert status == 1 and "no such folder" in err and err.count("\n") == 1
