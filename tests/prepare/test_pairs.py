from pathlib import Path

import numpy as np
import pytest

from tsfmicro.prepare.pairs import candidates, widest
from tsfmicro.types import Clip, Frames


def clip(onset, apex, numbers=range(1000)):
    frames = Frames(Path("img"), {n: f"img{n}.jpg" for n in numbers})
    return Clip("casme2", "sub01", "EP01", frames, onset, apex, None, 200.0, "happiness")


@pytest.mark.parametrize(
    ("neighbourhood", "length", "r"),
    [(0.15 / 4, 26, 0), (0.15 / 4, 27, 1), (0.15 / 4, 60, 2), (0.1, 30, 3), (0.1, 70, 7)],
)
def test_the_search_reaches_the_spec_s_r_frames_inwards(neighbourhood, length, r):
    onsets, apexes = candidates(clip(100, 100 + length), neighbourhood)
    assert onsets == list(range(100, 100 + r + 1))
    assert apexes == list(range(100 + length, 100 + length - r - 1, -1))


def test_neighbours_that_are_missing_are_left_out_but_the_annotated_frames_never():
    assert candidates(clip(100, 130, numbers=[102, 128, 129]), 0.1) == ([100, 102], [130, 129, 128])


def test_an_apex_at_the_onset_is_its_own_pair():
    assert candidates(clip(69, 69), 0.1) == ([69], [69])


def faces(*greys):
    return np.stack([np.full((4, 4, 3), grey, np.uint8) for grey in greys])


def test_the_widest_pair_differs_most():
    assert widest(faces(100, 90, 95), faces(120, 140, 130)) == (1, 1)


def test_bytes_do_not_wrap():
    # as unsigned bytes 250 − 5 is 245 one way and 11 the other: the wide pair would look narrow
    assert widest(faces(250), faces(150, 5)) == (0, 1)
    assert widest(faces(5), faces(105, 250)) == (0, 1)


def test_among_equal_pairs_the_annotated_one_stays():
    assert widest(faces(100, 100), faces(120, 120)) == (0, 0)


def test_the_search_agrees_with_plain_subtraction():
    rng = np.random.default_rng(0)
    onsets, apexes = rng.integers(0, 256, (2, 4, 80, 80, 3), dtype=np.uint8)
    norms = [[np.linalg.norm(a.astype(float) - o) for a in apexes] for o in onsets]
    assert widest(onsets, apexes) == np.unravel_index(np.argmax(norms), (4, 4))


def test_a_difference_of_one_grey_level_in_one_pixel_of_two_hundred_thousand_counts():
    onset, apex = np.full((1, 224, 224, 3), 255, np.uint8), np.zeros((2, 224, 224, 3), np.uint8)
    apex[0, 0, 0, 0] = 1
    assert widest(onset, apex) == (0, 1)
