"""Making a spotter: which films, what they teach, and that what is said of it can be believed. Films are drawn once, and short."""

from dataclasses import replace

import numpy as np
import pytest
from pytest import approx

from tsfmicro.run.watch import Watch
from tsfmicro.spot.learned import Spotter
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.types import Segment
from tsfmicro.use import spot_films
from tsfmicro.use.learn_spotter import (
    calibrated,
    calibrated_powers,
    calibration_error,
    candidates,
    changed,
    levels,
    make_spotter,
    patterns_of,
    reliability,
    write_spotter,
)
from tsfmicro.use.spot_dataset import Trace
from tsfmicro.use.spot_films import Lesson, lessons, recipes


def rise(x):
    return np.clip(x, 0, 1) ** 3 * (10 - 15 * np.clip(x, 0, 1) + 6 * np.clip(x, 0, 1) ** 2)


def lesson(number, seconds=11.0, fps=30.0):
    """A face whose lips show three quick expressions; in three other moments all of it jumps behind a hand."""
    rng = np.random.default_rng(number)
    times = np.arange(round(seconds * fps)) / fps
    motion = rng.normal(0, 0.02, (len(times), len(REGIONS), 2))
    seen = np.ones(motion.shape[:2], bool)
    truth = []
    for k, start in enumerate(np.arange(2.0, seconds - 2, 3.0)):
        up = np.minimum(rise((times - start) / 0.2), rise((start + 0.45 - times) / 0.25))
        if k % 2:
            motion[:, REGIONS.index("upper lip"), 1] -= rng.uniform(1.5, 3) * up
            truth.append(("micro", float(start), float(start + 0.45)))
        else:
            motion += rng.normal(0, 3, (1, len(REGIONS), 2)) * up[:, None, None]
            seen[(times > start - 0.1) & (times < start + 0.6)] = False
    head = np.repeat(np.eye(2, 3)[None], len(times), 0)
    eyes = np.zeros((len(times), 2, 8, 12), np.uint8)
    marks = np.array([[200, 200], [300, 200], [252, 260], [215, 310], [285, 310.0]])
    face = Segment(1, np.arange(len(times)), marks, head, motion, 0 * motion, seen, 100 + 0 * times, eyes)
    recipe = replace(next(recipes(1, 1)), number=number, seconds=seconds, fps=fps)
    return Lesson(recipe, Trace(np.arange(len(times)), times, (face,)), truth)


@pytest.fixture(scope="module")
def made():
    films = [lesson(n) for n in range(6)]
    return films, make_spotter(films, seed=3, watch=Watch(), copies_of_each=1, epochs=60, networks=2)


def test_expressions_are_told_from_what_else_moves(made):
    films, spotter = made
    new = [candidates(lesson(n)) for n in range(100, 102)]
    sure = [spotter.probabilities(one.numbers) for one in new]
    (half,) = (one for one in levels(new, sure) if one.level == 0.5)
    assert half.f1 > 0.8
    assert spotter.card["films"] == len(films)


def test_a_spotter_made_again_is_the_same(made, tmp_path):
    films, spotter = made
    again = make_spotter(films, seed=3, watch=Watch(), copies_of_each=1, epochs=60, networks=2)
    write_spotter(again, tmp_path)
    numbers = candidates(films[0]).numbers
    assert Spotter.load(tmp_path).probabilities(numbers) == approx(spotter.probabilities(numbers), abs=1e-4)


def test_a_higher_level_tells_less_and_false_alarms_become_fewer(made):
    films, spotter = made
    all_of_them = [candidates(one) for one in films]
    told = levels(all_of_them, [spotter.probabilities(one.numbers) for one in all_of_them])
    for less, more in zip(told[1:], told[:-1], strict=True):
        assert all(less.false[kind] <= more.false[kind] for kind in ("micro", "macro"))
        assert all(less.recall[kind] <= more.recall[kind] for kind in ("micro", "macro"))


def test_calibration_gives_how_often_it_is_true():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 3, 20000)
    hits = rng.random(20000) < 1 / (1 + np.exp(-(0.5 * logits - 1)))
    slope, offset = calibrated(logits, hits)
    assert (slope, offset) == (approx(0.5, abs=0.05), approx(-1, abs=0.1))
    table = reliability(1 / (1 + np.exp(-(slope * logits + offset))), hits)
    assert calibration_error(table) < 0.02
    assert sum(row["count"] for row in table) == 20000


def test_calibration_never_turns_the_order_about():
    assert calibrated(np.array([3.0, 2.0, -2.0, -3.0]), np.array([False, False, True, True]))[0] > 0


def test_the_peaks_calibration_gives_how_often_they_are_true_and_one_half_at_the_threshold():
    rng = np.random.default_rng(1)
    ratio = np.exp(rng.normal(0, 1, 20000))
    raised = ratio ** np.where(ratio < 1, 3.0, 0.7)
    below, above = calibrated_powers(ratio, rng.random(20000) < raised / (1 + raised))
    assert (below, above) == (approx(3.0, rel=0.1), approx(0.7, rel=0.1))
    assert all(power > 0 for power in calibrated_powers(np.array([0.5, 2.0]), np.array([True, False])))


def test_a_film_that_is_changed_keeps_its_truth():
    rng = np.random.default_rng(0)
    whole = lesson(0)
    whole = replace(
        whole, trace=replace(whole.trace, faces=(replace(whole.trace.faces[0], seen=whole.trace.faces[0].seen | True),))
    )
    kept = 0
    for _ in range(5):
        told = candidates(changed(whole, [], patterns_of([whole]), rng))
        kept += bool((told.overlap >= 0.5).any())
        assert {kind for kind, _, _ in told.lesson.truth} <= {"micro", "macro"}
    assert kept >= 3, "one that is cut as a clip may end too soon after it"


def test_the_first_films_of_a_seed_stay_the_same_however_many_are_asked_for():
    assert list(recipes(5, 40))[:9] == list(recipes(5, 9))
    assert {one.sort for one in recipes(5, 40)} == {"plain", "hard", "calm", "moved"}
    assert len({one.name for one in recipes(5, 40)}) == 40


def test_a_film_is_measured_once_and_again_where_its_file_is_damaged(tmp_path, monkeypatch):
    monkeypatch.setattr(spot_films, "_FRAMES", 24)
    (first,) = lessons(tmp_path, 7, 1, workers=1)
    (file,) = tmp_path.iterdir()
    made = file.stat().st_mtime_ns
    assert lessons(tmp_path, 7, 1, workers=1)[0].recipe == first.recipe
    assert file.stat().st_mtime_ns == made
    file.write_bytes(b"cut short")
    assert lessons(tmp_path, 7, 1, workers=1)[0].trace.times == approx(first.trace.times)
