"""`tsfmicro.read`: tables that a program, R or SPSS can take, of each thing that this package leaves."""

from pathlib import Path

import matplotlib.image
import numpy as np
import pandas as pd
import pytest

import tsfmicro
from tsfmicro.api.tables import of_reading, of_spotting
from tsfmicro.coding.registry import named
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.spot.types import Expression, Segment, Spotting, Video
from tsfmicro.timeline import Moment, Timeline, units_in
from tsfmicro.use.answers import Answer, Reading
from tsfmicro.use.answers import Moment as Answered
from tsfmicro.use.spot import save

CARD = "A demonstration, trained on drawn faces. Not for use on people."


def spotted(video="films/anna.avi"):
    """Ten frames of one face at 10 frames per second; one region moves by 2 % and back."""
    regions = ("left inner brow", "left nose wing", "left cheek", "upper lip", "chin")
    zero = np.zeros((10, len(regions), 2))
    segment = Segment(
        1, np.arange(10), np.ones((5, 2)), np.zeros((10, 2, 3)), zero, zero, np.ones((10, len(regions)), bool), np.ones(10),
        np.zeros((10, 2, 8, 12), np.uint8),
    )  # fmt: skip
    expression = Expression(1, "micro", 2, 4, 6, 0.2, 0.4, 0.6, "left inner brow", 2.0, 0.75)
    curve = np.zeros((10, len(regions)))
    curve[:, 0] = [0, 0, 0, 1, 2, 1, 0, 0, 0, 0]
    seen = Video(Path(video), 320, 240, 10.0, np.arange(10) / 10)
    return Spotting(seen, (segment,), (expression,), (), (), regions, (curve,))


def read_by_a_model():
    spotting = spotted()
    answer = Answer({"anger": 0.9, "joy": 0.1}, 0.5, np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 8, 8)))
    moments = (Answered(spotting.expressions[0], answer),)
    return Reading(spotting, moments, CARD, ("anger", "joy"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    maps = tsfmicro.draw_flow_maps(folder / "maps", people=2)
    settings = {"train.epochs": 1, "protocol.name": "person_kfold", "protocol.options.k": 2}
    tsfmicro.run_experiment(
        "megc2019-ststnet", {"flow-maps": maps}, folder / "run", settings=settings, cache=folder / "cache", workers=1
    )
    return folder / "run"


def test_what_was_spotted_has_its_units_in_the_header_and_says_that_no_model_was_asked():
    tables = of_spotting(spotted(), Path("films/anna.avi"))
    (moment,) = tables.moments.to_dict("records")
    assert (moment["video"], moment["onset_frame"], moment["apex_s"]) == ("anna.avi", 2, 0.4)
    assert (moment["motion_percent"], moment["kind"]) == (2.0, "micro")
    assert "no model was asked" in moment["model"]
    assert tables.curves["left_inner_brow_percent"].max() == 2
    assert tables.curves["time_s"].tolist() == pytest.approx(np.arange(10) / 10)
    assert tables.clips.empty


def test_every_column_of_every_table_is_told_in_the_codebook(run, tmp_path):
    named("codes").write(tmp_path / "codes.csv", [Timeline("anna.avi", (Moment(0.2, 0.6, 0.4, "anna"),), 25.0, 2.0)])
    read = [of_spotting(spotted(), Path("a.avi")), of_reading(read_by_a_model(), Path("a.avi"))]
    for tables in (*read, tsfmicro.read(run), tsfmicro.read(tmp_path)):
        for name in ("moments", "curves", "clips"):
            frame = getattr(tables, name)
            told = tables.codebook[tables.codebook["table"] == name]
            if len(frame):
                assert told["column"].tolist() == list(frame), f"{tables.place}: {name}"
        assert tables.codebook["meaning"].all()


def test_a_model_that_was_asked_is_named_in_every_row_with_each_probability():
    tables = of_reading(read_by_a_model(), Path("films/anna.avi"))
    (moment,) = tables.moments.to_dict("records")
    assert (moment["emotion"], moment["p_anger"], moment["p_joy"]) == ("anger", 0.9, 0.1)
    assert moment["model"] == tables.model == CARD


def test_what_spot_left_in_a_folder_is_read_as_the_video_was(tmp_path, monkeypatch):
    monkeypatch.setattr("tsfmicro.use.spot.onset_and_apex", lambda *_: {})  # there is no such video
    save(spotted(), tmp_path)
    at_once, later = of_spotting(spotted(), tmp_path), tsfmicro.read(tmp_path)
    pd.testing.assert_frame_equal(later.moments, at_once.moments)
    pd.testing.assert_frame_equal(later.curves, at_once.curves)
    (tmp_path / "curve.csv").write_text("face,frame,seconds\n1,0,0.0\n")  # as an earlier version left it
    with pytest.raises(RunError, match=r"not what spot or predict leave\. Spot the video again"):
        tsfmicro.read(tmp_path)
    (tmp_path / "spotting.json").write_text('{"video": "a.avi", "expressions": [{}]}')
    with pytest.raises(RunError, match=r"spotting\.json: is damaged"):
        tsfmicro.read(tmp_path)


def test_a_folder_of_videos_that_predict_read_is_one_table(tmp_path):
    from tsfmicro.columns import VIDEO, heads
    from tsfmicro.files import csv_text
    from tsfmicro.use.batch import moment_columns, moment_row

    reading = read_by_a_model()
    rows = [[video, *moment_row(reading.moments[0].to_dict(), reading.classes, CARD)] for video in ("a.avi", "b/c.avi")]
    text = csv_text(heads((VIDEO, *moment_columns(reading.classes))), rows)
    (tmp_path / "moments.csv").write_text(text, encoding="utf-8")
    tables = tsfmicro.read(tmp_path)
    assert tables.moments["video"].tolist() == ["a.avi", "b/c.avi"]
    assert tables.moments["p_anger"].tolist() == [0.9, 0.9] and tables.model == CARD


def test_a_coded_project_says_who_coded_it(tmp_path):
    moments = (
        Moment(0.2, 0.6, 0.4, "anna", units=units_in("R12B+4?"), coder="eva"),
        Moment(1.2, 1.6, person="anna", kind="other", certainty=0.5),
    )
    named("codes").write(tmp_path / "codes.csv", [Timeline("clip.avi", moments, 25.0, 2.0)])
    tables = tsfmicro.read(tmp_path)
    assert tables.model == "coded by eva"
    assert tables.moments["action_units"].tolist() == ["R12B+4?", ""]
    assert tables.moments["apex_s"].isna().tolist() == [False, True]
    assert tables.moments["certainty"].tolist()[1] == 0.5


def test_a_run_gives_what_was_said_of_each_clip_by_a_model_that_did_not_know_the_person(run):
    clips = tsfmicro.read(run).clips
    score = tsfmicro.evaluate_run(run).model
    assert len(clips) == score.clips * len(score.seeds)
    assert clips["right"].groupby(clips["seed"]).mean().mean() == pytest.approx(score.acc.value)
    assert clips.filter(like="p_").sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-3)
    assert clips["model"].str.contains("left its person out").all()


def test_each_is_drawn_with_its_model_named_below(run, tmp_path):
    named("codes").write(tmp_path / "codes.csv", [Timeline("clip.avi", (Moment(0.2, 0.6, person="anna"),), 25.0, 2.0)])
    for tables in (of_reading(read_by_a_model(), Path("a.avi")), tsfmicro.read(tmp_path), tsfmicro.read(run)):
        figure = tables.plot(tmp_path / "a.png")
        assert tables.model[:40] in figure.get_supxlabel().replace("\n", " ")
        assert matplotlib.image.imread(tmp_path / "a.png").std() > 0.05
    nothing = tmp_path / "empty"
    named("codes").write(nothing / "codes.csv", [Timeline("clip.avi", (), 25.0, 2.0, ("anna",))])
    with pytest.raises(ConfigError, match="nothing to draw"):
        tsfmicro.read(nothing).plot()


def test_without_pandas_one_line_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("tsfmicro.api.tables.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'tsfmicro\[tables\]'"):
        tsfmicro.read(tmp_path)


def test_a_place_that_is_nothing_is_one_line(tmp_path):
    for place in ("nowhere", "nowhere.mp4", "nowhere.csv"):
        with pytest.raises(tsfmicro.TsfmicroError, match="nowhere") as told:
            tsfmicro.read(tmp_path / place)
        assert "\n" not in str(told.value)


def test_the_page_names_every_column_that_a_video_or_a_run_has(run):
    page = (Path(__file__).parents[2] / "docs" / "tables.md").read_text(encoding="utf-8")
    spotted_columns = set(of_spotting(spotted(), Path("a.avi")).moments) - {"video"}
    asked = {"emotion", "why_not"}
    clips = {name for name in tsfmicro.read(run).clips if not name.startswith("p_")}
    for name in spotted_columns | asked | clips:
        assert f"`{name}`" in page, name
