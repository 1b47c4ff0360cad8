"""Files of intervals against the truth, by hand."""

import json

import pytest
from pytest import approx

from tsfmicro.errors import AnnotationError, ConfigError
from tsfmicro.spot.listing import Listed, Listing, Marked
from tsfmicro.use.spot_score import measure, score_files

TRUTH = "vid,onset,offset,type\na,10,20,me\na,40,90,mae\nb,5,15,me\n"
FOUND = "vid,onset,offset,type\na,11,20,me\na,60,70,mae\nc,5,15,me\n"


@pytest.fixture
def files(tmp_path):
    def write(found, truth):
        (tmp_path / "found.csv").write_text(found)
        (tmp_path / "truth.csv").write_text(truth)
        return tmp_path / "found.csv", tmp_path / "truth.csv"

    return write


def test_counts_are_added_over_videos_and_then_divided(files):
    scored = score_files(*files(FOUND, TRUTH))
    assert [(s.true, s.spotted, s.hits) for s in scored.scores.values()] == [(2, 2, 1), (1, 1, 0), (3, 3, 1)]
    assert scored.scores["overall"].f1 == approx(1 / 3)
    assert (scored.videos, scored.calm, dict(scored.of_person), scored.f1) == (3, 1, {}, {})


def test_a_video_without_expressions_counts_and_it_is_told(files):
    found, truth = files(FOUND, TRUTH)
    alarm = score_files(found, truth)
    assert alarm.notes == (f"{found}: c (1 in all) not in {truth}: taken as without expressions, 1 false alarm",)
    found.write_text(FOUND.replace("c,5,15,me\n", ""))
    assert score_files(found, truth).scores["micro"].f1 == approx(2 / 3) != alarm.scores["micro"].f1


def test_frames_are_shifted_and_renumbered_where_it_is_said(files):
    found = files("vid,onset,offset,type\na,60,126,me\n", TRUTH)
    assert score_files(*found).scores["micro"].hits == 0
    assert score_files(*found, found_fps=200, truth_fps=30).scores["micro"].hits == 1
    assert score_files(*files("vid,onset,offset,type\na,3,12,me\n", TRUTH)).scores["micro"].hits == 0
    assert score_files(*files("vid,onset,offset,type\na,3,12,me\n", TRUTH), shift=8).scores["micro"].hits == 1
    with pytest.raises(ConfigError, match="belong together"):
        score_files(*found, found_fps=200)


def test_frame_rates_that_differ_in_the_files_are_refused_until_both_are_given(files):
    found = files("vid,onset,offset,type,fps\na,60,126,me,200\n", "vid,onset,offset,type,fps\na,10,20,me,30\n")
    with pytest.raises(AnnotationError, match=r"a has 200 frames per second, and 30 in .*--found-fps and --truth-fps"):
        score_files(*found)
    assert score_files(*found, found_fps=200, truth_fps=30).scores["micro"].hits == 1


def test_strs_is_of_micro_expressions_whose_emotions_are_named(files):
    truth = "s1,a,10,20,negative\ns1,a,50,60,surprise\ns2,a,10,20,positive\ns2,b,10,20,others\n"
    found = "s1,a,10,20,negative\ns1,a,51,60,negative\ns2,b,10,20,positive\n"
    scored = score_files(*files(found, truth))
    assert (scored.scores["micro"].hits, scored.recognition.hits) == (3, 2)  # others are spotted, and not recognised
    assert scored.scores["micro"].f1 == approx(6 / 7)
    assert scored.recognition.f1 == approx(2 * (1 / 6) * (1 / 3) / (1 / 6 + 1 / 3))
    assert scored.strs == approx(6 / 7 * 0.2222, abs=1e-4)
    told = json.loads(json.dumps(scored.to_dict()))
    assert told["strs"] == approx(scored.strs) and told["recognition"]["hits_of"][0]["said"] == "negative"
    four = score_files(*files(found, truth), classes=("negative", "positive", "surprise", "others"))
    assert four.recognition.hits == 3


def test_f1_has_an_interval_over_people_where_they_are_known(files):
    truth = "".join(f"s{n},v,10,20,negative\ns{n},v,50,60,negative\n" for n in range(6))
    found = "".join(f"s{n},v,10,20,negative\n" for n in range(6)) + "s0,v,50,60,negative\n"
    scored = score_files(*files(found, truth))
    f1 = scored.f1["micro"]
    assert f1.value == approx(2 * 7 / (12 + 7)) == approx(scored.scores["micro"].f1)
    assert 0.5 < f1.low < f1.value < f1.high < 1
    assert set(scored.f1) == {"micro", "overall"}  # there is no macro-expression to be sure about
    assert set(scored.of_person) == {f"s{n}" for n in range(6)}


def test_a_dataset_knows_its_videos_and_a_strange_one_is_a_mistake():
    videos = (Listed("a", (Marked(1, 9),), "p"), Listed("b", (), "q"))
    truth = Listing("the dataset", videos, complete=True, notes=("no macro-expressions",))
    scored = measure(Listing("found", (Listed("a", (Marked(1, 9),)),)), truth)
    assert (scored.videos, scored.calm, set(scored.of_person)) == (2, 1, {"p", "q"})
    assert scored.notes == ("no macro-expressions",)
    with pytest.raises(AnnotationError, match=r"found: z \(1 in all\) is no video of the dataset"):
        measure(Listing("found", (Listed("a"), Listed("z"))), truth)


def test_a_truth_without_intervals_is_refused(files):
    with pytest.raises(AnnotationError, match="has no interval"):
        score_files(*files(FOUND, "vid,onset,offset,type\n"))
