"""How sure a movement is: the same of a mirrored face and at another frame rate, and fewer are told at a higher level."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from pytest import approx

from tsfmicro.spot.found import Found, View
from tsfmicro.spot.intervals import find_intervals
from tsfmicro.spot.learned import CARD, PROPOSALS, WEIGHTS, Spotter, describe, names_of_numbers, shipped
from tsfmicro.spot.motion import REGIONS
from tsfmicro.spot.types import Segment

MIRRORED = [REGIONS.index(n.replace("left", "?").replace("right", "left").replace("?", "right")) for n in REGIONS]


def rise(x):
    return np.clip(x, 0, 1) ** 3 * (10 - 15 * np.clip(x, 0, 1) + 6 * np.clip(x, 0, 1) ** 2)


def bump(times, onset, apex, offset):
    return np.minimum(rise((times - onset) / (apex - onset)), rise((offset - times) / (offset - apex)))


def face(fps=50, seconds=8, height=2.5):
    """A smile of a third of a second on one side more than on the other, at four seconds; a head that sways."""
    times = np.arange(round(seconds * fps)) / fps
    motion = np.zeros((len(times), len(REGIONS), 2))
    up = height * bump(times, 4.0, 4.15, 4.35)
    motion[:, REGIONS.index("left mouth corner")] += up[:, None] * (-0.7, -0.7)
    motion[:, REGIONS.index("right mouth corner")] += up[:, None] * (0.4, -0.5)
    # Unrest that is the same whenever it is looked at.
    for n in range(len(REGIONS)):
        motion[:, n] += 0.02 * np.stack([np.sin(7 * times + n), np.cos(9 * times + 2 * n)], axis=1)
    head = np.repeat(np.eye(2, 3)[None], len(times), 0)
    head[:, 0, 2] = 2 * np.sin(times)
    eyes = np.random.default_rng(0).integers(40, 200, (1, 2, 8, 12)).repeat(len(times), 0).astype(np.uint8)
    marks = np.array([[200, 200], [300, 200], [252, 260], [215, 310], [285, 310.0]])
    still = np.zeros_like(motion)
    seen = np.ones(motion.shape[:2], bool)
    light = 100 + np.sin(times)
    return times, Segment(1, np.arange(len(times)), marks, head, motion, still, seen, light, eyes)


def view_of(segment):
    return View(segment.turned, segment.roll, segment.place, segment.seen)


def found_in(times, segment):
    return find_intervals(times, segment.motion, [], PROPOSALS, view_of(segment), level=0.0)


def judged(times, segment, spotter=None):
    return (spotter or shipped()).judged(found_in(times, segment), times, segment, [], view_of(segment))


def mirror(segment, width=500):
    """The same face in a mirrored picture."""
    over = np.array([[-1, 0, width], [0, 1, 0], [0, 0, 1.0]])
    square = np.concatenate([segment.head, np.broadcast_to([[[0, 0, 1.0]]], (len(segment.head), 1, 3))], axis=1)
    turn = np.array([-1, 1.0])
    marks = segment.landmarks[[1, 0, 2, 4, 3]] * turn + (width, 0)
    return replace(
        segment,
        landmarks=marks,
        head=(over @ square @ over)[:, :2],
        motion=segment.motion[:, MIRRORED] * turn,
        turned=segment.turned[:, MIRRORED] * turn,
        seen=segment.seen[:, MIRRORED],
        eyes=segment.eyes[:, ::-1, :, ::-1],
    )


def test_a_mirrored_face_is_described_alike():
    times, segment = face()
    other = mirror(segment)
    (one,) = (f for f in found_in(times, segment) if f.kind == "micro" and f.motion > 1)
    (same,) = (f for f in found_in(times, other) if f.kind == "micro" and f.motion > 1)
    numbers = describe([one], times, segment, [], view_of(segment))[0]
    mirrored = describe([same], times, other, [], view_of(other))[0]
    differ = {
        n: (a, b) for n, a, b in zip(names_of_numbers(), numbers, mirrored, strict=True) if a != approx(b, abs=1e-6)
    }
    assert not differ


def test_a_clear_micro_expression_is_told_at_any_frame_rate():
    sure = []
    for fps in (25, 50, 100, 200):
        best = max(judged(*face(fps)), key=lambda one: one.confidence)
        assert (best.kind, best.onset) == ("micro", approx(4.0, abs=0.1))
        sure.append(best.confidence)
    assert min(sure) > 0.5


def test_what_happens_behind_a_hand_is_hardly_believed():
    times, segment = face()
    clear = max(one.confidence for one in judged(times, segment))
    seen = segment.seen.copy()
    seen[(times > 3.5) & (times < 4.8)] = False
    hidden = replace(segment, seen=seen)
    view = replace(view_of(hidden), covered=[(3.4, 4.9)])
    found = find_intervals(times, hidden.motion, [], PROPOSALS, view, level=0.0)
    behind = shipped().judged(found, times, hidden, [], view)
    assert max(one.confidence for one in behind) < 0.5 < clear
    assert all(one.doubt for one in behind)


def test_what_is_believed_has_no_doubt_and_what_is_not_has_one():
    for one in judged(*face(height=0.6)) + judged(*face(height=3)):
        assert bool(one.doubt) == (one.confidence < 0.5)


def test_a_higher_level_expects_fewer_false_alarms_and_never_more_than_all():
    for spotter in ("learned", "peaks"):
        rates = [sum(shipped().expected(level, spotter).values()) for level in np.linspace(0, 1, 21)]
        assert all(more >= less >= 0 for more, less in pairwise(rates))
        assert rates[0] > rates[-1]


def test_confidence_grows_with_what_the_networks_say():
    spotter = shipped()
    rng = np.random.default_rng(0)
    numbers = spotter.mean + spotter.spread * rng.normal(0, 2, (200, len(spotter.mean)))
    order = np.argsort(spotter.logits(numbers))
    assert (np.diff(spotter.probabilities(numbers)[order]) >= 0).all()


def test_the_weights_come_with_the_package_and_are_small():
    from importlib.resources import files

    folder = files("tsfmicro.spot")
    assert len((folder / WEIGHTS).read_bytes()) <= 1_000_000
    card = shipped().card
    assert card["films"] >= 8 and "drawn" in card["what"]
    assert (folder / CARD).is_file()
    assert len(shipped().mean) == len(names_of_numbers()), "the spotter must be made again: make spotter"


def test_a_spotter_that_is_written_is_read_again(tmp_path):
    from tsfmicro.use.learn_spotter import write_spotter

    write_spotter(shipped(), tmp_path)
    again = Spotter.load(tmp_path)
    numbers = shipped().mean[None] + np.linspace(-1, 1, 7)[:, None] * shipped().spread
    assert again.probabilities(numbers) == approx(shipped().probabilities(numbers))


@pytest.mark.parametrize("value", [np.nan, 1e9, -1e9])
def test_numbers_far_from_all_that_was_learned_give_a_probability(value):
    numbers = np.nan_to_num(np.full((1, len(names_of_numbers())), value))
    assert 0 <= shipped().probabilities(numbers)[0] <= 1


def test_what_the_peaks_told_they_still_tell_and_in_the_same_order():
    ratios = [0.1, 0.5, 0.99, 1.0, 1.2, 3.0]
    sure = [one.confidence for one in shipped().of_peaks([Found(0, 1, 2, 0, 1.0, ratio) for ratio in ratios])]
    assert sure == sorted(sure)
    assert [p >= 0.5 for p in sure] == [ratio >= 1 for ratio in ratios]
