"""Figures of runs: they can be drawn, say what must be said, and leave no trace in matplotlib's settings."""

from itertools import pairwise

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text

from tests.report.conftest import ONE_WRONG, TARGET, made_run
from tests.train.conftest import faces_of
from tsfmicro.prepared import PreparedSet
from tsfmicro.report import faces, figures, scatter, style
from tsfmicro.types import Clip, Frames


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text))


def cut(figure):
    """What stands above panels and in legends and is not wholly on the figure."""
    texts = [
        *figure.texts,
        *(axes.title for axes in figure.axes),
        *(t for legend in figure.legends for t in legend.get_texts()),
    ]
    renderer, (width, height) = figure.canvas.get_renderer(), figure.bbox.size
    boxes = {text.get_text(): text.get_window_extent(renderer) for text in texts if text.get_text()}
    return [text for text, b in boxes.items() if b.x0 < 0 or b.y0 < 0 or b.x1 > width or b.y1 > height]


@pytest.fixture
def prepared():
    clips = tuple(Clip(*clip.split("/"), Frames(None, {}), 1, 5, 9, 200, "x") for clip in made_run().clips)
    pairs = np.random.default_rng(0).integers(0, 255, (8, 2, 16, 16, 3), dtype=np.uint8)
    return PreparedSet("key", clips, np.arange(8), faces_of(pairs))


@pytest.mark.parametrize(
    "draw",
    [
        figures.curves,
        figures.confusions,
        figures.people,
        figures.leak,
        scatter.classes,
        scatter.people,
        lambda runs: faces.heat_maps(faces.heats_of_runs(runs), {runs[0].clips[0]: "negative"}, None, runs),
    ],
)
@pytest.mark.parametrize("how_many", [1, 4])
def test_every_figure_can_be_drawn_of_one_run_and_of_several(draw, how_many, tmp_path):
    before = dict(matplotlib.rcParams)
    figure = draw([made_run(f"run{n}") for n in range(how_many)])
    pdf, png = style.save(figure, tmp_path, "figure", dpi=60)
    assert pdf.read_bytes().startswith(b"%PDF") and png.read_bytes().startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before
    assert "run0" in words(figure)
    assert cut(figure) == []


def test_the_names_of_five_classes_stand_below_the_features_of_one_run():
    classes = ("happiness", "disgust", "repression", "surprise", "others")
    figure = scatter.classes([made_run(classes=classes, target=np.arange(8) % 5)])
    figure.canvas.draw()
    assert cut(figure) == []
    assert all(name in words(figure) for name in classes)


def test_the_same_figure_is_the_same_file():
    one, other = (style.rendered(figures.leak([made_run()]), "pdf") for _ in range(2))
    assert one == other


def test_curves_are_means_over_seeds_with_a_band_from_lowest_to_highest():
    axes = figures.curves([made_run()]).axes[0]
    assert axes.lines[0].get_xydata().tolist()[-1] == pytest.approx([4, 0.6])
    (band,) = axes.collections
    assert band.get_paths()[0].get_extents().y1 == pytest.approx(0.7)


def test_long_trainings_are_drawn_as_running_means_that_stand_at_their_last_epoch():
    values = np.arange(100.0)[None] / 100
    axes = figures.curves([made_run(curves=dict.fromkeys(("acc", "uf1", "uar"), values))]).axes[0]
    assert axes.lines[0].get_xydata()[0].tolist() == pytest.approx([4, 0.015]), "the mean of 0, .01, .02, .03"


def test_a_confusion_matrix_shows_counts_and_percentages_of_rows():
    shown = words(figures.confusions([made_run()]))
    assert "4\n67%" in shown and "2\n33%" in shown, "two seeds: of six answers to three positive clips two are wrong"


def test_a_class_that_is_never_answered_can_be_drawn():
    never = np.where(ONE_WRONG == 2, 0, ONE_WRONG)
    assert "0\n0%" in words(figures.confusions([made_run(answers=(never,))]))


def test_the_leak_carries_its_label_and_difference():
    shown = words(figures.leak([made_run()]))
    assert "oracle (test-selected, optimistic)" in shown
    assert "+0.10 [+0.05, +0.20]" in shown


def test_people_are_ordered_from_the_most_difficult_with_their_clips():
    shown = [label.get_text() for label in figures.people([made_run()]).axes[0].get_yticklabels()]
    assert shown == ["sub03 (2)", "sub00 (2)", "sub01 (2)", "sub02 (2)"]


def test_many_people_stand_in_columns():
    clips = tuple(f"casme3/sub{n:03}/EP1" for n in range(90))
    run = made_run(clips=clips, target=np.zeros(90, int), probabilities=np.full((1, 90, 3), 1 / 3))
    assert len(figures.people([run]).axes) == 3


def test_colours_differ_in_grey_from_one_to_the_next():
    grey = [np.dot(to_rgb(colour), [0.299, 0.587, 0.114]) for colour in style.COLOURS]
    assert all(abs(a - b) > 0.08 for a, b in pairwise(grey))


def test_things_that_share_a_colour_differ_in_marker():
    looks = [(style.look(n).colour, style.look(n).marker) for n in range(30)]
    assert len(set(looks)) == 30


def test_the_nearest_clip_being_of_the_same_class_is_told_beside_chance():
    features = np.array([[0.0], [0.1], [5.0], [5.1]])
    assert scatter.neighbours_alike(features, ["a", "a", "b", "b"]) == (1, pytest.approx(1 / 3))
    assert scatter.neighbours_alike(features, ["a", "b", "a", "b"]) == (0, pytest.approx(1 / 3))


def test_points_by_class_and_by_person_come_from_different_networks():
    run = made_run()
    shown = words(scatter.classes([run])), words(scatter.people([run]))
    assert "same class:\n100%, by chance 25%" in shown[0]
    assert "same person:\n" in shown[1] and "sub03" in shown[1]


def test_the_embedding_is_the_same_every_time():
    features = np.random.default_rng(0).normal(size=(9, 4))
    assert np.array_equal(scatter.embedded(features), scatter.embedded(features))


def test_heat_maps_are_shown_for_the_clip_of_each_class_that_most_runs_have_right():
    wrong_first = np.where(np.arange(8) == 0, 1, TARGET)
    clips = faces.telling_clips([made_run(answers=(wrong_first,))])
    assert clips == ["casme2/sub01/EP1", "casme2/sub00/EP1", "casme2/sub01/EP0"]


def test_heat_maps_stand_beside_onset_apex_and_difference_or_alone_where_there_are_no_faces(prepared):
    run = made_run()
    heats, truth = faces.heats_of_streams(run), {run.clips[0]: "negative", run.clips[7]: "positive"}
    shown = words(faces.heat_maps(heats, truth, prepared, [run]))
    assert all(
        word in shown for word in ("onset", "apex − onset, ×4", "temporal", "joined", "✓ negative", "✗ surprise")
    )
    assert "onset" not in words(faces.heat_maps(heats, truth, None, [run]))


def test_confused_clips_are_shown_with_truth_and_answer(prepared):
    run = made_run()
    assert faces.mistakes_of(run) == ["casme2/sub03/EP1"]
    assert "positive → surprise 0.80" in words(faces.mistakes(run, prepared))


def test_a_difference_is_grey_where_nothing_moves():
    onset = np.full((1, 1, 3), 100, np.uint8)
    assert figures.difference(onset, onset).tolist() == [[[127] * 3]]
    assert figures.difference(onset, onset + 10).tolist() == [[[167] * 3]]
