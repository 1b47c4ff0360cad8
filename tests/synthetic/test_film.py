"""Generated videos: what the truth says is what the frames show, whoever draws them."""

import cv2
import numpy as np
import pytest
from pytest import approx

from tsfmicro.errors import ConfigError
from tsfmicro.synthetic.actor import Actor
from tsfmicro.synthetic.cast import cast
from tsfmicro.synthetic.film import FilmTake, draw_film, read_truth, shoot, write_films


def test_expressions_of_both_kinds_lie_apart_and_inside_the_video():
    kinds = set()
    for person in range(6):
        film = draw_film(seed=3, person=person, seconds=30, fps=100)
        ends = [0.0, *(act.end for act in film.acts)]
        assert all(act.start - end >= 0.5 for act, end in zip(film.acts, ends, strict=False))
        assert ends[-1] < 30
        for act in film.acts:
            length = act.end - act.start
            assert length <= 0.5 if act.kind == "micro" else 0.7 < length < 4
            kinds.add(act.kind)
    assert kinds == {"micro", "macro"}


def test_an_expression_rises_from_its_onset_is_held_and_gone_at_its_offset():
    film = draw_film(seed=0, person=0, seconds=20, fps=100)
    act = next(act for act in film.acts if act.kind == "macro" and act.hold > 0.2)
    first = act.movement.parts[0]
    moments = [act.start, act.apex, act.apex + act.hold, act.end, act.end + 1]
    assert [act.level(t, first) for t in moments] == approx([0, 1, 1, 0, 0], abs=1e-6)


def test_the_face_is_still_between_expressions_but_for_the_head():
    film = draw_film(seed=0, person=0, seconds=12, fps=50)
    take = FilmTake(Actor(cast(0, 0)), film)
    act = film.acts[0]
    rest, apex, after = (take.backward(t, head=0.0) for t in (act.start, act.apex, act.end))
    assert np.abs(apex - rest).max() == approx(act.movement.intensity, rel=0.2)
    assert np.abs(after - rest).max() == approx(0, abs=1e-4)


def test_the_same_seed_draws_the_same_frames():
    once, again = (next(shoot(draw_film(seed=4, person=1, seconds=2, fps=25))) for _ in range(2))
    assert (once == again).all()
    assert (once != next(shoot(draw_film(seed=5, person=1, seconds=2, fps=25)))).any()


def test_a_folder_of_videos_with_their_truth(tmp_path):
    told = []
    out = write_films(
        tmp_path / "films", 2, seconds=4, seed=2, fps=25, width=160, workers=1, progress=lambda *n: told.append(n)
    )
    assert sorted(f.name for f in out.iterdir()) == ["generated.json", "sub01.avi", "sub02.avi", "truth.csv"]
    assert told[-1] == (200, 200)
    capture = cv2.VideoCapture(str(out / "sub01.avi"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)) == (100, 25)
    truth = read_truth(out)
    assert set(truth) == {"sub01.avi", "sub02.avi"}
    expected = [round(act.apex * 25) for act in draw_film(2, 0, 4, 25).acts]
    assert [row.apex for row in truth["sub01.avi"] if row.kind != "blink"] == expected

    whole = (out / "sub01.avi").read_bytes()
    (out / "sub02.avi").unlink()  # as if killed before it was whole
    write_films(out, 2, seconds=4, seed=2, fps=25, width=160, workers=1, progress=lambda *n: told.append(n))
    assert (out / "sub02.avi").exists() and (out / "sub01.avi").read_bytes() == whole
    with pytest.raises(ConfigError, match="was begun with"):
        write_films(out, 3, seconds=4, seed=2, fps=25, width=160)


def test_what_cannot_be_drawn_is_told_at_once(tmp_path):
    with pytest.raises(ConfigError, match=r"videos=0 \(at least 1\).*width=20 \(160 to 640\)"):
        write_films(tmp_path / "films", videos=0, width=20)
    assert not (tmp_path / "films").exists()
