"""Reports of a project: whose moments, how often, where people rest; nothing that a blind coder must not see."""

import pytest
from typer.testing import CliRunner

from tests.desk.seen import look, name, rested
from tsfmicro.app.cli import app
from tsfmicro.card import DEMONSTRATION
from tsfmicro.desk.found import kept
from tsfmicro.desk.report import Reports, open_reports
from tsfmicro.errors import ConfigError
from tsfmicro.evaluate.interval import rate_interval

MOMENT = {"video": "a.avi", "onset": 0.1, "apex": 0.2, "offset": 0.4, "kind": "micro", "units": "R12B+4?", "person": "Eva",
          "emotion": "joy <b>", "coder": "anna"}  # fmt: skip
FOUND = {
    "face": 1,
    "kind": "micro",
    "onset_s": 0.3,
    "apex_s": 0.35,
    "offset_s": 0.45,
    "region": "upper lip",
    "emotion": "disgust",
}


@pytest.fixture
def reports(project, people):
    look(project, "a.avi", [rested(1, 0.1, 0.3)], moments=[FOUND])
    name(project, "a.avi", f1="eva")
    project.change(
        "coded", "anna", {("moment", "m1"): MOMENT, ("moment", "m2"): {**MOMENT, "video": "b.avi", "kind": "macro"}}
    )
    return Reports(project, people, lambda video: kept(project.found_in(video)), names=False)


def test_the_exact_interval_of_a_rate_is_garwood_s():
    assert (rate_interval(0, 1).low, round(rate_interval(0, 1).high, 3)) == (0, 3.689)
    ten = rate_interval(10, 2)
    assert (ten.value, round(ten.low, 3), round(ten.high, 3)) == (5, 2.398, 9.195)


def test_a_person_s_report_is_over_all_their_videos(reports):
    page = reports.of_person("EVA")
    assert "<td>a.avi</td>" in page and "<td>b.avi</td>" in page and "c.avi" not in page
    assert "2 moments in 2 videos, 0.02 minutes" in page and "AU 12" in page and "joy &lt;b&gt;" in page
    assert "rests in a.avi from 0.1 to 0.3 s (the program found it)" in page
    assert page.count("<svg") == 2 and "upper lip" in page and "disgust" not in page
    assert "To detect lies" in page and "How it was measured" in page and "<script" not in page


def test_a_video_s_report_has_everybody_in_it(reports, project):
    page = reports.of_video("a.avi")
    assert "<td>Eva</td>" in page and "the program" in page and "b.avi" not in page
    assert "How it was measured" not in reports.of_video("c.avi") and "Nothing is coded yet" in reports.of_video(
        "c.avi"
    )


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("casme2: trained on 248 clips", "A model was asked"),
        (f"{DEMONSTRATION} It", "no emotion is named here. "),
        ("", "No model was asked"),
    ],
)
def test_emotions_are_told_of_a_model_that_has_seen_people_alone(project, people, model, told):
    look(project, "a.avi", moments=[FOUND], model=model)
    page = Reports(project, people, lambda video: kept(project.found_in(video)), names=True).of_video("a.avi")
    assert told in page
    assert ("disgust" in page) == (told == "A model was asked")


def test_a_blind_coder_gets_no_answer_by_a_report(project, people):
    look(project, "a.avi", moments=[FOUND])
    project.change("coded", "ben", {("moment", "m1"): {**MOMENT, "coder": "ben"}})
    project.change("people", "ben", {("video", "a.avi"): {"people": ["Eva"]}})
    blind = Reports(
        project, people, lambda video: kept(project.found_in(video)), False, lambda video, coder: coder == "ben"
    )
    for page in (blind.of_video("a.avi", "anna"), blind.of_person("Eva", "anna")):
        assert (
            "left out until anna is done there" in page
            and "upper lip" not in page
            and "0.100" not in page
            and "ben" not in page
        )
    assert "upper lip" in blind.of_video("a.avi", "ben")


def test_thousands_of_moments_are_drawn_and_some_of_them_listed(reports, project):
    things = {
        ("moment", f"n{k}"): {**MOMENT, "onset": k / 10, "apex": None, "offset": k / 10 + 0.05} for k in range(2000)
    }
    project.change("many", "anna", things)
    page = reports.of_video("a.avi")
    assert "moments stand in codes.csv" in page and page.count("<tr>") < 600 and len(page) < 1e6


def test_files_are_written_for_everybody_and_a_name_may_be_odd(reports, project, tmp_path):
    project.change("who", "anna", {("video", "c.avi"): {"people": ["../O'Hara: 2"]}})
    project.close()
    with open_reports(project.folder) as opened:
        files = opened.write(tmp_path / "out")
        assert len(opened.write(tmp_path / "two", ["eva"], ["b.avi"])) == 2
        with pytest.raises(ConfigError, match=r"'nobody': no person of the project project is called so. It has eva"):
            opened.of_person("nobody")
    assert [f.name for f in files] == [
        "person eva.html",
        "person O'Hara 2.html",
        "video a.avi.html",
        "video b.avi.html",
        "video c.avi.html",
    ]
    with pytest.raises(ConfigError, match="is no project"), open_reports(tmp_path):
        pass


def test_names_that_make_one_file_s_name_get_a_number(project, people, tmp_path):
    project.change("who", "anna", {("video", "a.avi"): {"people": ["a?b", "A b"]}})
    reports = Reports(project, people, lambda video: None, names=False)
    assert [f.name for f in reports.write(tmp_path / "out", ["a?b", "A b"])] == ["person a b.html", "person A b 2.html"]
    assert "<h1>A b" in (tmp_path / "out" / "person A b 2.html").read_text("utf-8")


def test_an_emotion_is_one_whatever_its_capitals_and_whoever_has_a_moment_is_in_the_video(project, people):
    moments = {("moment", f"m{n}"): {**MOMENT, "emotion": emotion} for n, emotion in enumerate(("Joy", "joy"))}
    project.change("coded", "anna", moments)
    page = Reports(project, people, lambda video: None, names=False).of_video("a.avi")
    assert '<td>Joy</td><td class="right">2</td>' in page and "<td>Eva</td><td>–</td>" in page


def test_the_command_writes_reports_and_says_where(reports, project, tmp_path):
    project.close()
    done = CliRunner().invoke(
        app, ["code", "report", str(project.folder), "--out", str(tmp_path / "out"), "--person", "eva"]
    )
    assert done.exit_code == 0 and "person eva.html" in done.output
    assert "Garwood, 1936" in (tmp_path / "out" / "person eva.html").read_text("utf-8")
