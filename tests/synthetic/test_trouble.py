"""What is no expression: each trouble changes the picture while it is there, and leaves it alone before and after."""

from dataclasses import replace
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from pytest import approx

from tsfmicro.synthetic.actor import Actor
from tsfmicro.synthetic.cast import cast
from tsfmicro.synthetic.film import FilmTake, draw_film, draw_hard_film, shoot
from tsfmicro.synthetic.trouble import KINDS, MOUTH, LowRate, beside, draw_trouble, gaze_at, shown_at, spoil, turn_at

ON_THE_PICTURE = sorted(set(KINDS) - {*MOUTH, "turn", "glance", "other person", "low rate", "dropped frames"})
FACE, SKIN = (320.0, 240.0, 110.0), np.array([120, 140, 180])


def drawn(kind, seed=0):
    return draw_trouble(kind, 1.0, np.random.default_rng(seed))


def moments(trouble):
    """Before it, within, after it."""
    return trouble.start - 0.01, (0.45 * trouble.start + 0.55 * trouble.end), trouble.end + 0.01


@cache
def picture():
    return next(shoot(draw_film(seed=3, person=0, seconds=1, fps=30)))


@pytest.mark.parametrize("kind", ON_THE_PICTURE)
def test_a_trouble_is_seen_while_it_is_there(kind):
    trouble = drawn(kind)
    before, within, after = (spoil(picture(), trouble, t, FACE, SKIN) for t in moments(trouble))
    assert (before == picture()).all() and (after == picture()).all()
    assert (within != picture()).mean() > 0.01


def test_another_person_comes_beside_the_first_and_does_not_cover_them():
    trouble = drawn("other person")
    before, within, after = (beside(picture(), picture()[:, ::-1], trouble, t) for t in moments(trouble))
    assert (before == picture()).all() and (after == picture()).all()
    x, _, half = (round(edge) for edge in FACE)
    assert (within[:, x - half : x + half] == picture()[:, x - half : x + half]).all()
    assert (within != picture()).any()


def test_at_a_low_rate_little_changes_are_not_told_and_large_ones_are():
    code, still = LowRate(), np.full((32, 32, 3), 100, np.uint8)
    first = code(still, 20, 0.0)
    assert first == approx(100, abs=6)
    faint = still.copy()
    faint[:16, :16] += 1
    assert (code(faint, 20, 0.04) == first).all()
    clear = still.copy()
    clear[:16, :16] += 60
    assert code(clear, 20, 0.08)[:16, :16].astype(int) == approx(160, abs=10)


def test_eyes_jump_elsewhere_and_come_back():
    trouble = drawn("glance")
    before, within, after = (gaze_at(trouble, t) for t in moments(trouble))
    assert before == after == (0, 0) and within != (0, 0)
    assert gaze_at(trouble, trouble.start + 1e-3) == gaze_at(trouble, trouble.start + 0.9 / trouble.rate)


def test_a_dropped_frame_shows_the_one_before():
    trouble = replace(drawn("dropped frames"), strength=0.2)
    times = np.arange(0, trouble.end + 1, 1 / 30)
    shown = np.array([shown_at(trouble, t) for t in times])
    assert (shown <= times).all() and (shown < times).any()
    assert (shown[times < trouble.start] == times[times < trouble.start]).all()
    film = replace(draw_film(3, 0, 3, 30), acts=(), troubles=(replace(trouble, start=0.2, end=1.6),))
    frames = list(shoot(replace(film, seconds=0.6)))
    assert any((a == b).all() for a, b in pairwise(frames))


def test_heads_turn_to_thirty_degrees_and_the_eyes_go_along():
    turns = [drawn("turn", seed) for seed in range(40)]
    assert 25 < max(abs(np.degrees(one.angle)) for one in turns) <= 30
    assert all(turn_at(one, one.end + 0.01) == (0, 0) for one in turns)
    turn = replace(drawn("turn"), start=0.0, end=2.6, angle=0.4, nod=0.0, rate=0.0)
    take = FilmTake(Actor(cast(3, 0)), replace(draw_film(3, 0, 3, 10), acts=(), troubles=(turn,)))
    still, turned = (take.frame(t) for t in (0.0, 1.3))
    for x, y in take.landmarks()[:2].round().astype(int):
        eye, near = still[y - 8 : y + 8, x - 14 : x + 14], turned[y - 20 : y + 20, x - 20 : x + 60]
        to_the_right = cv2.minMaxLoc(cv2.matchTemplate(near, eye, cv2.TM_CCOEFF_NORMED))[3][0] - 6
        assert to_the_right > 10


def test_hard_films_hold_every_kind():
    films = [draw_hard_film(1, person, 60, 30) for person in range(4)]
    assert {one.kind for film in films for one in film.troubles} == set(KINDS)
    assert all(act.start >= 0.8 for film in films for act in film.acts)


def test_a_mouth_speaks_and_chews_only_where_the_film_says_so():
    for film in (
        draw_hard_film(seed, person, 24, 25) for seed in (92, 107) for person in range(2)
    ):  # some end in a meal
        told = [one for one in film.troubles if one.kind in MOUTH]
        assert all(any(one.start <= act.start < one.end for one in told) for act in film.syllables)
