"""The report of one video on paper: what it tells, with which model, and what it leaves out."""

import re

import pytest

from tsfmicro.card import DEMONSTRATION
from tsfmicro.report.printed import printed

MOMENT = {
    "face": 1, "kind": "micro", "onset": 10, "apex": 15, "offset": 20, "onset_s": 0.1, "apex_s": 0.15, "offset_s": 0.2,
    "region": "left brow", "motion": 1.24, "confidence": 0.8, "doubt": "", "emotion": "surprise",
    "probabilities": {"disgust": 0.25, "surprise": 0.75}, "threshold": 0.5,
}  # fmt: skip
KNOWN = {
    "video": "in/a <b>.mp4", "seconds": 3.0, "fps": 100.0, "width": 640, "height": 480, "frames": 300,
    "faces": [{"face": 1, "first": 0, "last": 299, "eye_distance_px": 88.4}],
    "expressions": [MOMENT], "blinks": [], "notes": ["few <frames>"],
    "marks": [{"face": 1, "what": "speaks", "onset_s": 1.0, "offset_s": 2.0}],
}  # fmt: skip


def words(page):
    return " ".join(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2]).split())


def test_it_tells_what_was_measured_what_it_must_not_be_used_for_and_how():
    page = printed(KNOWN, b"png", "Made on a day.")
    told = words(page)
    assert "a &lt;b&gt;.mp4" in told and "few &lt;frames&gt;" in told
    assert "3.00 s, 300 frames, 100 frames per second, 640 × 480 pixels" in told
    assert "1 micro-expression (up to 1/2 s), 0 macro-expressions, 0 blinks" in told
    assert "1 micro 0.10 0.15 0.20 0.10 left brow 1.2 0.80" in told
    assert "1.00 to 2.00 s: speaks" in told
    for heading in ("What was measured", "Who says so", "What this must not be used for", "How it was measured"):
        assert heading in told


def test_without_a_model_no_emotion_is_named():
    told = words(printed(KNOWN, b"png", ""))
    assert "No model was asked" in told and "surprise" not in told


def test_the_demonstration_model_names_none_either_but_is_named():
    told = words(printed(KNOWN | {"model": f"{DEMONSTRATION} demo: trained on 3 clips."}, b"png", ""))
    assert "surprise" not in told and "It has only ever seen drawn faces" in told and "trained on 3 clips" in told


def test_a_real_model_s_answer_stands_in_the_table_with_its_card_below():
    told = words(printed(KNOWN | {"model": "lab: trained on 248 clips."}, b"png", ""))
    assert "surprise (75 %)" in told and "lab: trained on 248 clips." in told
    unsure = KNOWN | {"model": "lab", "expressions": [MOMENT | {"emotion": None}]}
    assert "not sure" in words(printed(unsure, b"png", ""))
    unasked = {k: v for k, v in MOMENT.items() if k != "probabilities"} | {"emotion": None, "why_not": "no face"}
    assert "no face" in words(printed(KNOWN | {"model": "lab", "expressions": [unasked]}, b"png", ""))


@pytest.mark.parametrize("doubt", ["", "the head turned"])
def test_doubts_have_a_column_where_there_are_some(doubt):
    told = words(printed(KNOWN | {"expressions": [MOMENT | {"doubt": doubt}]}, b"png", ""))
    assert (" doubt " in told) == bool(doubt) and doubt in told


def test_nothing_found_is_said_and_what_is_odd_about_the_recording_too():
    told = words(printed(KNOWN | {"expressions": [], "fitness": [{"text": "It is dark."}]}, b"png", ""))
    assert "Nothing moved as an expression does" in told and "It is dark." in told


def test_it_loads_nothing_and_may_load_nothing():
    page = printed(KNOWN, b"png", "")
    assert "http" not in page.replace("http-equiv", "") and "default-src 'none'" in page
    assert re.findall(r'src="(data:image/png;base64,)', page) == ["data:image/png;base64,"]


def test_of_thousands_of_moments_the_first_are_listed_and_the_others_counted():
    page = printed(KNOWN | {"expressions": [MOMENT] * 1700}, b"", "")
    assert page.count("<tr>") == 501 and "1200 more moments stand in the tables" in page
