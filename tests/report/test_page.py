"""The page as text: what stands in it, and that nothing in it comes from elsewhere. tests/browser opens it."""

import base64
import json
import re

import cv2
import numpy as np
import pytest

from tests.report.conftest import CLIPS, ONE_WRONG, RIGHT, TARGET, made_run, scored
from tests.train.conftest import faces_of
from tsfmicro.prepared import PreparedSet
from tsfmicro.report.figures import curves
from tsfmicro.report.page import drawn, page, strip
from tsfmicro.report.style import new_figure
from tsfmicro.report.tables import make_tables
from tsfmicro.types import Clip, Frames


def prepared_faces(clips=CLIPS, key="key"):
    """Noise in place of faces."""
    known = tuple(Clip(*clip.split("/"), Frames(None, {}), 1, 5, 9, 200, "others") for clip in clips)
    noise = np.random.default_rng(0).integers(0, 255, (len(clips), 2, 32, 32, 3), dtype=np.uint8)
    return PreparedSet(key, known, np.arange(len(clips)), faces_of(noise))


def page_of(*runs, faces=None, notes=()):
    made, _ = make_tables(runs, {})
    return page(runs, made, {}, faces or {}, notes)


def clip_data(text):
    """What the page's script reads."""
    return json.loads(re.search(r'<script type="application/json" id="clip-data">(.*?)</script>', text, re.S)[1])


def decoded(uri):
    """A picture in a data URI as RGB."""
    code = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    return cv2.imdecode(code, cv2.IMREAD_COLOR)[..., ::-1]


def test_the_page_tells_what_was_run_on_what(run):
    more = {
        "environment": {"device": "cpu", "units": {"faces": "RGB 0–255"}, "packages": {"torch": "2.13.0"}},
        "skipped": [("casme2/sub09/EP1", "no face found"), ("casme2/sub09/EP2", "no face found")],
        "published_clips": 145,
    }
    text = page_of(made_run(**more), notes=["tiny: no heat maps: why not"])
    for told in (
        "8 clips of 4 people are tested", "the published set has 145", "2 left out",
        "no face found (2): <small>casme2/sub09/EP1, casme2/sub09/EP2", "2.13.0", "weight_decay: 0.6",
        "tiny: no heat maps: why not", "<td>faces: RGB 0–255</td>",
    ):  # fmt: skip
        assert told in text, told


def test_every_number_of_ours_tells_its_interval_people_clips_seeds_and_rule(run):
    text = page_of(run)
    cells = re.findall(r'<td class="ours"([^>]*)>', text)
    assert len(cells) > 10
    assert all(re.search(r'title="\S.* \[.*\].* · 4 people · 8 clips · 2 seeds · rule \w+', cell) for cell in cells)
    assert "rule oracle (test-selected, optimistic)" in text
    assert re.search(r"<td>[+−]?\d+\.\d<br><small>\[", text), (
        "the leak's interval stands below it, so that Results fit on a desk"
    )


def test_nothing_is_loaded_from_elsewhere(run):
    text = page_of(run, faces={"tiny": prepared_faces()})
    assert "default-src 'none'; img-src data:;" in text
    assert not re.findall(r"""(?:https?:)?//[\w.]+\.\w{2,}""", re.sub(r'"data:[^"]*"', "", text))
    assert "<link" not in text and "@import" not in text and "<script src" not in text


def test_a_name_from_outside_is_text_and_cannot_end_the_script():
    clips = ("casme2/<b>&/EP<script>0", *CLIPS[1:])
    text = page_of(made_run(clips=clips, name="<i>"))
    assert "<b>" not in text and "<i>" not in text and "EP<script>" not in text
    assert clip_data(text)["clips"] == sorted(clips)


def test_the_browser_has_answer_probabilities_and_how_many_seeds_are_right():
    one = np.stack([np.eye(3)[said] * 0.7 + 0.1 for said in (RIGHT, ONE_WRONG)])
    one[1, 7] = (0.1, 0.2, 0.7)
    (known,) = clip_data(page_of(made_run(probabilities=one)))["runs"]
    assert known["truth"] == TARGET.tolist()
    assert known["right"] == [2] * 7 + [1] and known["seeds"] == 2
    assert known["thousandths"][7] == [100, 500, 400] and known["answer"][7] == 1


def test_pictures_stand_there_once_for_all_runs_of_the_same_faces():
    runs = [made_run("one"), made_run("two"), made_run("three")]
    known = clip_data(page_of(*runs, faces={"one": prepared_faces(), "two": prepared_faces(), "three": None}))
    assert list(known["pictures"]) == ["key"] and len(known["pictures"]["key"]) == 8
    assert [run["pictures"] for run in known["runs"]] == ["key", "key", None]


def test_a_strip_is_onset_apex_and_difference_grey_where_nothing_moves():
    pair = np.full((2, 32, 32, 3), 60, np.uint8)
    pair[1, :16] += 20
    picture = decoded(strip(pair, edge=32)).astype(int)
    assert picture.shape == (32, 96, 3)
    for shown, value in (
        (picture[4:12, 4:28], 60), (picture[4:12, 36:60], 80), (picture[4:12, 68:92], 127 + 4 * 20),
        (picture[20:28, 68:92], 127),
    ):  # fmt: skip
        assert abs(shown - value).max() <= 8


def test_heat_maps_stand_there_as_bytes_in_the_order_of_the_clips(run):
    (known,) = clip_data(page_of(run))["runs"]
    assert known["heat"]["size"] == [2, 2] and known["heat"]["answer"] == ONE_WRONG.tolist()
    assert base64.b64decode(known["heat"]["code"]) == b"\xff" * 32


def test_generated_faces_are_called_so_and_compared_with_nothing(run):
    text = page_of(made_run(generated=True, published_clips=145))
    assert "Generated faces: drawn, nobody" in text and "145" not in text
    assert "Generated faces" not in page_of(run)


def test_what_is_not_at_hand_is_told(run):
    text = page_of(run, made_run("bare", maps=None), faces={"tiny": prepared_faces()})
    assert "No pictures for bare" in text and "No heat maps for bare" in text
    assert "No pictures:" in page_of(run) and "No heat maps:" in page_of(made_run(maps=None))


def test_faces_of_people_come_with_a_word_on_passing_them_on_and_generated_ones_without():
    faces = {"tiny": prepared_faces()}
    told = "Pass it on only where the dataset's licence allows it"
    assert told in page_of(made_run(), faces=faces)
    assert told not in page_of(made_run(generated=True), faces=faces)
    assert told not in page_of(made_run())


def test_runs_of_different_datasets_and_classes_stand_in_one_page():
    samm = tuple(clip.replace("casme2", "samm") for clip in CLIPS)
    other = made_run("other", dataset="samm", clips=samm, classes=("a", "b", "c"), scores={
        rule: scored((RIGHT,), rule, ("a", "b", "c"), samm) for rule in ("last", "oracle", "released")
    })  # fmt: skip
    text = page_of(made_run(), other)
    assert "<h3>CASME II, 3 classes</h3>" in text and "<h3>SAMM, 3 classes</h3>" in text
    assert [run["classes"] for run in clip_data(text)["runs"]] == [
        ["negative", "positive", "surprise"],
        ["a", "b", "c"],
    ]
    assert len(clip_data(text)["clips"]) == 16


@pytest.mark.parametrize("answer", [np.zeros(8, int), RIGHT], ids=["one class only", "all right"])
def test_answers_of_one_kind_make_a_page(answer):
    (known,) = clip_data(page_of(made_run(answers=(answer,))))["runs"]
    assert known["answer"] == answer.tolist()


def test_one_person_makes_a_page():
    clips = tuple(f"casme2/sub00/EP{n}" for n in range(8))
    scores = {rule: scored((ONE_WRONG,), rule, clips=clips) for rule in ("last", "oracle", "released")}
    text = page_of(made_run(answers=(ONE_WRONG,), clips=clips, scores=scores))
    assert "8 clips of 1 person are tested" in text


def test_a_light_figure_stays_a_drawing_and_a_heavy_one_becomes_a_picture(run):
    assert drawn(curves([run])).uri.startswith("data:image/svg+xml;base64,")
    heavy = new_figure(2, 1)
    heavy.subplots().scatter(*np.random.default_rng(0).normal(size=(2, 5000)), marker="o")
    shown = drawn(heavy)
    assert shown.uri.startswith("data:image/webp;base64,") and (shown.width, shown.height) == (210, 105)
    assert decoded(shown.uri).shape == (130, 260, 3)
