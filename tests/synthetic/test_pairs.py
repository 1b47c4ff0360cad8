"""Drawn pairs: what they promise to a learner, and that their motion is the true one."""

import subprocess
import sys
from dataclasses import fields, replace

import cv2
import numpy as np
import pytest

from tsfmicro.errors import ConfigError
from tsfmicro.synthetic.breadth import NARROW, Breadth, own_ways
from tsfmicro.synthetic.camera import Camera, Shot, draw_camera
from tsfmicro.synthetic.draw import Grid, band, mix, scaled
from tsfmicro.synthetic.eyes import Eye, EyeState
from tsfmicro.synthetic.muscles import motion
from tsfmicro.synthetic.pairs import STRONGEST, UNITS, _Sketch, draw_pairs, draw_parts, sheet
from tsfmicro.synthetic.person import draw_person
from tsfmicro.synthetic.script import COMBINATIONS, EMOTIONS, RARER

SIZE = 64
FACE = 224  # px that a camera has of a face


@pytest.fixture(scope="module")
def pairs():
    return draw_pairs(3, 0, SIZE, people=2, each=3)


def test_pairs_have_the_shapes_and_ranges_that_they_promise(pairs):
    assert pairs.onset.shape == pairs.apex.shape == (6, SIZE, SIZE, 3) and pairs.onset.dtype == np.uint8
    assert pairs.flow.shape == pairs.still.shape == (6, 2, SIZE // 4, SIZE // 4) and pairs.flow.dtype == np.float32
    assert pairs.units.shape == (6, len(UNITS)) and pairs.units.min() >= 0 and 0 < pairs.units.max() <= 1
    assert all(0 <= e < len(EMOTIONS) for e in pairs.emotion)
    assert pairs.people == ("drawn-3-0-0",) * 3 + ("drawn-3-0-1",) * 3
    assert all(20 < face.mean() < 235 and face.std() > 10 for face in pairs.onset)


def test_the_same_seed_and_block_are_the_same_bits_in_another_process(pairs):
    program = (
        "import hashlib; from tsfmicro.synthetic.pairs import draw_pairs; draw_pairs(9, 9, 32, 1, 1);"
        f"p = draw_pairs(3, 0, {SIZE}, people=2, each=3);"
        "print(hashlib.sha256(p.onset.tobytes() + p.apex.tobytes() + p.flow.tobytes() + p.units.tobytes()).hexdigest())"
    )
    import hashlib

    ours = hashlib.sha256(pairs.onset.tobytes() + pairs.apex.tobytes() + pairs.flow.tobytes() + pairs.units.tobytes())
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()
    assert told == ours.hexdigest()


def test_a_person_is_the_same_whoever_else_is_in_the_block(pairs):
    alone = draw_pairs(3, 0, SIZE, people=1, each=1)
    assert (alone.onset[0] == pairs.onset[0]).all() and (alone.flow[0] == pairs.flow[0]).all()


def test_other_blocks_and_seeds_are_other_people(pairs):
    for seed, block in ((3, 1), (4, 0)):
        assert (draw_pairs(seed, block, SIZE, 1, 1).onset[0] != pairs.onset[0]).mean() > 0.5


def test_the_apex_read_where_the_true_motion_leads_is_the_onset():
    still_light = replace(NARROW, drift=1.0, script=1.0, looks=1.0)
    drawn = draw_pairs(1, 0, 128, people=2, each=4, breadth=still_light)
    y, x = np.mgrid[:128, :128].astype(np.float32)
    face = np.s_[16:116, 24:104]
    before = after = 0.0
    for onset, apex, flow in zip(drawn.onset, drawn.apex, drawn.flow, strict=True):
        right, down = (cv2.resize(one, (128, 128), interpolation=cv2.INTER_LINEAR) for one in flow)
        back = cv2.remap(apex, x + right, y + down, cv2.INTER_CUBIC)
        before += np.abs(apex.astype(float) - onset)[face].mean()
        after += np.abs(back.astype(float) - onset)[face].mean()
    assert after < 0.65 * before


def test_motion_without_the_head_s_is_what_the_action_units_do(pairs):
    calm = draw_pairs(3, 0, SIZE, people=1, each=4, breadth=replace(NARROW, script=1.0))
    furthest = np.hypot(calm.still[:, 0], calm.still[:, 1]).max((1, 2)) * 224 / SIZE
    strongest = calm.units.max(1) * STRONGEST
    assert (np.abs(furthest - strongest) < 0.5 * strongest + 0.3).all()
    sway = np.abs(calm.flow - calm.still)
    assert sway.max() < np.abs(pairs.flow - pairs.still).max() + 0.5


def test_slight_one_sided_and_blended_movements_come_with_breadth():
    rng = np.random.default_rng(0)
    wide = [draw_parts("surprise", 1.0, rng) for _ in range(300)]
    narrow = [draw_parts("surprise", 0.0, rng) for _ in range(300)]
    most = lambda parts: max(max(p.left, p.right) for p in parts)  # noqa: E731
    assert 0.3 <= min(map(most, wide)) < 0.6 < min(map(most, narrow)) and 2.7 < max(map(most, wide)) <= STRONGEST
    strange = {p.unit for parts in wide for p in parts} - {1, 2, 5}
    assert strange and not {p.unit for parts in narrow for p in parts} - {1, 2, 5}
    lone = [
        sum(min(p.left, p.right) == 0 for p in parts)
        for parts in ([p for parts in drawn for p in parts] for drawn in (wide, narrow))
    ]
    assert lone[0] > lone[1]


def test_rarer_combinations_come_with_breadth_and_are_of_one_emotion_each():
    rng = np.random.default_rng(0)
    met = lambda amount: {frozenset(p.unit for p in draw_parts("disgust", amount, rng)) for _ in range(300)}  # noqa: E731
    assert frozenset((4, 7, 9)) in met(1.0) and frozenset((4, 7, 9)) not in met(0.0)
    usual = [units for options in COMBINATIONS.values() for units, _, _ in options]
    rarer = [units for options in RARER.values() for units in options]
    assert RARER.keys() == set(EMOTIONS) and len({*usual, *rarer}) == len(usual) + len(rarer)


def test_people_pull_each_in_their_own_way_and_as_far_as_was_asked():
    rng = np.random.default_rng(0)
    somebody, another = (own_ways(1.0, rng)[12] for _ in range(2))
    person, no_breadth = draw_person(rng), own_ways(0.0, rng)
    textbook, mine, theirs = (motion(12, person, 2.0, 1.0, own=own) for own in ((), somebody, another))
    assert not no_breadth
    for one in (textbook, mine, theirs):
        assert np.hypot(*one.shift).max() == pytest.approx(2.0, rel=1e-4)
    likeness = [np.corrcoef(a.shift.ravel(), b.shift.ravel())[0, 1] for a, b in ((textbook, mine), (mine, theirs))]
    assert all(0.2 < like < 0.98 for like in likeness)


def test_breadth_changes_what_it_names():
    base = draw_pairs(5, 0, SIZE, 1, 2, NARROW)
    for field in fields(Breadth):
        wide = [draw_pairs(5, block, SIZE, 1, 4, replace(NARROW, **{field.name: 2.0})) for block in (0, 1)]
        assert not (wide[0].onset[:2] == base.onset).all() or not (wide[0].units[:2] == base.units).all(), field.name


def test_a_sheet_shows_each_pair_with_its_difference_and_motion(pairs):
    shown = sheet(pairs, across=3)
    assert shown.shape == (2 * SIZE, 12 * SIZE, 3) and (shown[:SIZE, :SIZE] == pairs.onset[0]).all()


def test_a_camera_without_colour_gives_three_equal_channels_and_few_pixels_blur():
    face = np.random.default_rng(0).integers(0, 255, (FACE, FACE, 3)).astype(np.uint8)
    even = np.ones((FACE, FACE), np.float32)
    grey = Shot(Camera(grey=True, jpeg=80, skip=1.0), FACE, np.random.default_rng(1))(face, even)
    assert (grey[..., 0] == grey[..., 1]).all() and (grey[..., 1] == grey[..., 2]).all()
    few = Shot(Camera(pixels=0.4, grain=0.0), FACE, np.random.default_rng(1))(face, even)
    assert few.shape == face.shape and few.std() < 0.7 * face.std()
    clean = Shot(Camera(grain=0.0), FACE, np.random.default_rng(1))(face, even)
    assert (clean == face[..., ::-1]).all()


def test_a_camera_has_224_pixels_of_a_face_whose_grain_averages_out_in_smaller_pictures():
    grey, even = np.full((FACE, FACE, 3), 128, np.uint8), np.ones((FACE, FACE), np.float32)
    frames = {
        size: Shot(Camera(grain=4.0), size, np.random.default_rng(1))(grey[:size, :size], even[:size, :size])
        for size in (FACE, 56)
    }
    assert frames[FACE].std() == pytest.approx(4, rel=0.1) and frames[56].std() == pytest.approx(1, rel=0.2)


def test_pairs_are_drawn_small_and_taken_large():
    pairs = draw_pairs(3, 0, SIZE, people=1, each=2, taken=2 * SIZE)
    assert pairs.onset.shape == pairs.apex.shape == (2, 2 * SIZE, 2 * SIZE, 3)
    assert pairs.flow.shape[-1] == SIZE // 4
    same = draw_pairs(3, 0, SIZE, people=1, each=2)
    assert (pairs.flow == same.flow).all() and abs(pairs.onset.mean() - same.onset.mean()) < 2


def test_a_video_does_not_send_a_block_that_hardly_differs():
    shot = Shot(Camera(grain=0.0, skip=2.0), FACE, np.random.default_rng(1))
    even, first = np.ones((FACE, FACE), np.float32), np.full((FACE, FACE, 3), 100, np.uint8)
    later = first.copy()
    later[:8, :8] += 2
    later[8:16, 8:16] += 20
    shot(first, even)
    seen = shot(later, even)
    assert (seen[:8, :8] == 100).all() and (seen[8:16, 8:16] == 120).all()


def test_a_good_camera_adds_its_grain_alone():
    camera = draw_camera(0.0, np.random.default_rng(0))
    assert camera == Camera(grain=camera.grain)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"size": 30}, "size=30"),
        ({"size": 1024}, "size=1024"),
        ({"people": 0}, "people=0"),
        ({"taken": 8}, "taken=8"),
        ({"seed": -1}, "seed=-1"),
    ],
)
def test_numbers_that_cannot_work_are_told(given, told):
    with pytest.raises(ConfigError, match=told):
        draw_pairs(**({"seed": 0, "block": 0, "size": 64} | given))


def test_a_breadth_out_of_range_is_told():
    with pytest.raises(ConfigError, match="light=3"):
        Breadth(light=3)


@pytest.mark.parametrize("density", [0.75, 0.9, 1.57])
def test_a_sketch_shows_what_a_grid_shows_to_the_rounding(density):
    grid, sketch = (kind(-90.0, -80.0, 90.0, 110.0, density) for kind in (Grid, _Sketch))
    rng = np.random.default_rng(0)
    for middle in rng.uniform((-110, -100), (110, 130), (40, 2)):  # some beside the grid, some over its edge
        points = [(float(x), float(y)) for x, y in middle + rng.normal(0, 12, (4, 2))]
        soft, width, angle = rng.uniform(0.2, 2.4), rng.uniform(0.4, 3), float(rng.choice([0.0, 0.7]))
        for one, other in (
            (grid.line(points, width, soft), sketch.line(points, width, soft)),
            (grid.region(points, soft), sketch.region(points, soft)),
        ):
            assert other.dtype == np.float32 and np.abs(one - other).max() < 1e-5
        (at, bell), (place, ours) = (g.bell(tuple(np.array(points[0])), (9.0, 4.0), angle) for g in (grid, sketch))
        assert at == place and ours.dtype == np.float32 and np.abs(bell - ours).max(initial=0) < 1e-6


def test_laying_a_colour_over_a_picture_is_laying_a_picture_of_that_colour_over_it():
    rng = np.random.default_rng(1)
    under, mask = rng.random((7, 5, 3), np.float32), rng.random((7, 5), np.float32)
    colour = rng.random(3, np.float32)
    expected = under + mask[..., None] * (colour - under)
    assert np.allclose(mix(under, colour, mask), expected, atol=1e-6)
    assert (mix(under, colour, mask) == mix(under, np.tile(colour, (7, 5, 1)), mask)).all()
    assert np.allclose(mix(under, 0.5, mask), under + mask[..., None] * (0.5 - under), atol=1e-6)
    assert np.allclose(mix(under[..., 0], 0.5, mask), under[..., 0] + mask * (0.5 - under[..., 0]), atol=1e-6)
    assert (scaled(colour, mask) == colour * mask[..., None]).all()
    assert (scaled(under, mask) == under * mask[..., None]).all()
    mask[[0, 1, 6]] = 0
    assert band(mask) == slice(2, 6) and band(np.zeros((4, 4))) is None


def test_an_eye_changes_nothing_far_from_its_lids_and_more_when_it_opens():
    y, x = np.mgrid[-30.0:30.0:0.7, -20.0:20.0:0.7].astype(np.float32)
    person = draw_person(np.random.default_rng(3))
    eye = Eye(person, 1, x + person.eye_x, y, 1 / 0.7, 1.0, (0.2, 0.3), np.float32)
    skin = np.random.default_rng(4).integers(90, 200, (*x.shape, 3)).astype(np.uint8)
    given = skin.copy()
    changed = [(eye.paint(skin, EyeState(closure=closure)) != given).any(axis=2) for closure in (0.0, 1.0)]
    assert (skin == given).all()
    assert changed[0].sum() > changed[1].sum() > 0
    assert not any(one[np.abs(y) > 22].any() for one in changed)


def test_lashes_end_where_painting_does(monkeypatch):
    y, x = np.mgrid[-30.0:30.0:0.7, -20.0:20.0:0.7].astype(np.float32)
    person = draw_person(np.random.default_rng(3))
    eye = Eye(person, -1, x - person.eye_x, y, 1 / 0.7, 1.0, (0.2, 0.3))
    skin = np.random.default_rng(4).integers(90, 200, (*x.shape, 3)).astype(np.uint8)
    states = [EyeState(upper=2.0), EyeState(closure=0.5, lower=1.0), EyeState(closure=1.0)]
    painted = [eye.paint(skin, state) for state in states]
    monkeypatch.setattr("tsfmicro.synthetic.eyes._LASH", 1e3)
    assert all((eye.paint(skin, state) == one).all() for state, one in zip(states, painted, strict=True))
