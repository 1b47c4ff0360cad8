"""Faces followed: found once, kept while the head moves, lost when they leave, the same when they return."""

from dataclasses import replace

import cv2
import numpy as np
from pytest import approx

from tests.spot.conftest import move, moved, portrait, push
from tsfmicro.prepare.face import mouth_width
from tsfmicro.spot.track import Tracker
from tsfmicro.spot.video import Frame


def follow(images, find, cutting, fps=25.0):
    tracker = Tracker(find, cutting)
    for number, image in enumerate(images):
        tracker.see(Frame(number, number / fps, image))
    return tracker.segments()


def empty():
    return np.full((480, 640, 3), 120, np.uint8)


def test_a_face_is_looked_for_once_and_then_followed(find, cutting):
    image, _ = portrait()
    (segment,) = follow([image] * 40, find, cutting)
    assert (segment.track, segment.first, segment.last) == (1, 0, 39)
    assert find.looks == 1
    assert np.abs(segment.motion).max() < 0.05


def test_the_head_is_followed_further_than_any_single_flow_reaches(find, cutting):
    image, landmarks = portrait()
    shifts = np.linspace(0, 60, 25)
    images = [moved(image, right=s, down=-s / 3, degrees=s / 15) for s in shifts]
    (segment,) = follow(images, find, cutting)
    matrix = move(right=60, down=-20, degrees=4)
    assert segment.landmarks_at(24) == approx(landmarks @ matrix[:, :2].T + matrix[:, 2], abs=0.5)
    assert np.abs(segment.motion).max() < 0.6  # per cent of the eyes' distance; the head went half of it


def test_an_expression_is_measured_while_the_head_moves(find, cutting):
    image, landmarks = portrait()
    levels = np.sin(np.linspace(0, np.pi, 15)) * 4
    images = [moved(push(image, landmarks[3], (-a, -a)), right=k, down=k / 2) for k, a in enumerate(levels)]
    (segment,) = follow(images, find, cutting)
    still = follow([push(image, landmarks[3], (-a, -a)) for a in levels], find, cutting)[0]
    assert segment.motion == approx(still.motion, abs=0.35)


def test_a_mouth_is_looked_at_five_times_a_second_and_is_wider_when_its_corners_go_apart(find, cutting):
    image, landmarks = portrait()
    wide = push(push(image, landmarks[3], (-9, -3)), landmarks[4], (9, -3))
    looking = replace(cutting, mouth=mouth_width)
    (segment,) = follow([image] * 11 + [wide] * 10, find, looking)
    frames, width = segment.mouth.T
    assert frames.tolist() == [0, 5, 10, 15, 20]
    assert width[:3] == approx(width[0], abs=1) and width[3:].min() > width[0] + 2
    assert len(follow([image] * 3, find, cutting)[0].mouth) == 0


def test_what_was_before_a_face_when_a_key_was_taken_hides_nothing_once_it_is_gone(find, cutting):
    image, landmarks = portrait()
    hidden = image.copy()
    x, y = landmarks[3:].mean(0).round().astype(int)
    hidden[y - 70 : y + 40, x - 70 : x + 70] = np.random.default_rng(0).integers(0, 255, (110, 140, 1))
    # The second key, at 2 s, shows the thing.
    (segment,) = follow([image] * 40 + [hidden] * 22 + [image] * 20, find, cutting)
    assert segment.seen[:40].all() and segment.seen[62:].all()
    assert (~segment.seen[42:60]).sum(1).min() >= 3, "it was there all the time"
    assert np.abs(segment.motion[62:]).max() < 0.2, "all is where it was"


def test_how_much_of_a_face_stands_as_it_was_is_measured(find, cutting):
    image, landmarks = portrait()
    rng = np.random.default_rng(0)
    grainy = [np.clip(image + rng.integers(-3, 4, image.shape), 0, 255).astype(np.uint8) for _ in range(3)]
    half = grainy[2].copy()
    half[:, : int(landmarks[:, 0].mean())] = grainy[1][:, : int(landmarks[:, 0].mean())]
    (segment,) = follow([*grainy[:2], half, half], find, cutting)
    assert segment.frozen == approx([0, 0, 0.5, 1], abs=0.1)


def test_faces_are_numbered_from_left_to_right(find, cutting):
    left, right = portrait(1)[0], portrait(0)[0]
    segments = follow([np.concatenate([left[:, 80:560], right[:, 80:560]], axis=1)] * 8, find, cutting)
    assert [s.track for s in segments] == [1, 2]
    assert segments[0].landmarks[:, 0].max() < 480 < segments[1].landmarks[:, 0].min()


def test_a_face_that_leaves_and_returns_is_the_same_face_in_another_segment(find, cutting):
    image, _ = portrait()
    segments = follow([image] * 10 + [empty()] * 15 + [image] * 15, find, cutting)
    before, after = segments
    assert (before.track, before.first, before.last) == (1, 0, 9)
    assert (after.track, after.last) == (1, 39)
    assert 25 <= after.first <= 25 + 7  # looked for four times a second


def test_after_a_cut_to_somebody_elsewhere_it_is_another_face(find, cutting):
    one = np.concatenate([portrait(0)[0], empty()], axis=1)
    other = np.concatenate([empty(), portrait(1)[0]], axis=1)
    segments = follow([one] * 8 + [other] * 8, find, cutting)
    assert [(s.track, s.first, s.last) for s in segments] == [(1, 0, 7), (2, 8, 15)]


def test_a_face_that_comes_back_far_from_where_it_was_is_known_by_its_look(find, cutting):
    small = cv2.resize(portrait(0)[0], (320, 240), interpolation=cv2.INTER_AREA)
    other = cv2.resize(portrait(1)[0], (320, 240), interpolation=cv2.INTER_AREA)

    def scene(picture, right):
        wide = np.full((240, 960, 3), 120, np.uint8)
        wide[:, right : right + 320] = picture
        return wide

    none = np.full((240, 960, 3), 120, np.uint8)
    images = [scene(small, 0)] * 6 + [none] * 6 + [scene(other, 640)] * 12 + [none] * 6 + [scene(small, 640)] * 12
    near = [scene(small, 0)] * 6 + [none] * 6 + [scene(small, 640)] * 12
    assert [s.track for s in follow(near, find, cutting)] == [1, 1]
    assert [s.track for s in follow(images, find, cutting)] == [1, 2, 1], "the look comes before the place"


def test_a_face_that_was_lost_keeps_only_what_was_measured(find, cutting):
    image, _ = portrait()
    tracker = Tracker(find, cutting)
    for number, picture in enumerate(([image] * 4 + [empty()] * 8) * 3):
        tracker.see(Frame(number, number / 25, picture))
    kept = [value for one in tracker._ended for value in (one.key, *vars(one.layout).values())]
    assert sum(value.nbytes for value in kept) < 50_000, "one look of each face, whatever the number of stretches"


def test_somebody_who_comes_later_is_followed_too(find, cutting):
    one = np.concatenate([portrait(0)[0], empty()], axis=1)
    both = np.concatenate([portrait(0)[0], portrait(1)[0]], axis=1)
    segments = follow([one] * 10 + [both] * 60, find, cutting)
    assert [s.track for s in segments] == [1, 2]
    assert segments[0].last == segments[1].last == 69
    assert segments[1].first <= 51  # others are looked for every two seconds


def test_a_face_of_a_few_pixels_is_not_measured(find, cutting):
    image, _ = portrait()
    scene = empty()
    scene[200:275, 200:300] = cv2.resize(image, (100, 75), interpolation=cv2.INTER_AREA)
    tracker = Tracker(find, cutting)
    tracker.see(Frame(0, 0.0, scene))
    assert tracker.segments() == []
    assert tracker.small == 1


def test_where_there_is_no_face_nothing_is_followed(find, cutting):
    assert follow([empty()] * 20, find, cutting) == []
