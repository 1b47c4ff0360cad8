"""Depth beside the frames: the aligned face in depth, and regions of it as points in space with their movement."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError
from tsfmicro.needs import need
from tsfmicro.prepare.align import crop_depth
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.prepare.cloud import EACH, HEAD, REGIONS, cloud, cut, level, regions, strengthened, without_head
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.points68 import face_mesh
from tsfmicro.prepare.prepare import prepare
from tsfmicro.types import Frames

SMALL = PrepareConfig(size=64)
DEPTH, POINTS = need("depth", 64), need("points")
LARGE = {"d": 100, "centre": (320, 220), "width": 640, "height": 480}


def head(nearer=0.0, shape=(480, 640), centre=(320, 270), far=700.0):
    """A smooth head, 700 units from the camera at its rim and 80 nearer at its middle, uint16; `nearer` moves its mouth."""
    y, x = np.indices(shape)
    away = ((x - centre[0]) / 190) ** 2 + ((y - centre[1]) / 230) ** 2
    mouth = np.exp(-((x - 320) ** 2 / 60**2 + (y - 325) ** 2 / 40**2))
    return np.where(away < 1, far - 80 * (1 - away) - nearer * mouth, 0).round().astype(np.uint16)


def write_depth(path, depth):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", depth)[1].tobytes())


@pytest.fixture
def deep_clip(make_clip, face, write):
    """deep_clip('EP01', {10: depth, …}): a large face whose mouth rises, with these depth pictures."""

    def make(name="EP01", depths=None):
        clip = make_clip(name)
        for number in clip.frames.numbers:
            write(clip.frames.path(number), face(smile=0.004 * (number - 10), **LARGE))
        depths = {n: head(0.4 * (n - 10)) for n in clip.frames.numbers} if depths is None else depths
        folder = clip.frames.folder / "depth"
        for number, depth in depths.items():
            write_depth(folder / f"{number}.png", depth)
        return replace(clip, frames=replace(clip.frames, depth=Frames(folder, {n: f"{n}.png" for n in depths})))

    return make


@pytest.fixture(scope="module")
def points():
    """68 points on a drawn face, in a crop whose eyes are level; and the crop's shape and depth."""
    from tests.prepare.conftest import draw_face

    image = draw_face(**LARGE)
    square = face_mesh().square(image, finder("mtcnn")(image).landmarks, "here")
    found = face_mesh().points(image, square, "here")
    turn, size = level(found)
    return found @ turn[:, :2].T + turn[:, 2], size[::-1], cut(head(), turn, size).astype(float)


def region(made, name, channel):
    return made[channel].reshape(len(REGIONS), EACH)[REGIONS.index(name)]


def test_depth_of_a_plane_is_that_of_the_plane_and_of_nothing_is_0():
    plane = np.full((100, 100), 600, np.uint16)
    plane[:, 60:] = 0
    for size, scale in ((40, 0.4), (150, 1.5)):
        seen = crop_depth(plane, np.array([[scale, 0, -5], [0, scale, 0]]), size)
        assert set(np.unique(seen).tolist()) == {0.0, 600.0}, "a hole is not mixed with what is beside it"
        assert (seen > 0).mean() == pytest.approx((60 * scale - 5) / size, abs=0.03)


def test_the_aligned_face_in_depth_moves_where_the_face_does(deep_clip, tmp_path):
    clip = deep_clip()
    made = prepare([clip], [DEPTH, need("faces", 64)], SMALL, tmp_path / "cache")
    onset, apex = made.of(DEPTH).of("annotated")[0, ..., 0]
    assert onset.shape == (64, 64) and onset.dtype == np.float32
    row, column = np.unravel_index((onset - apex).argmax(), onset.shape)
    assert (onset - apex).max() == pytest.approx(4, abs=1) and 35 < row < 52 and 26 < column < 38
    assert (made.of(DEPTH).unit, made.of(DEPTH).moves) == ("mm", "image")


def test_an_affine_movement_of_the_head_is_taken_out_and_a_cheek_s_own_stays(points):
    places, shape, _ = points
    y, x = np.indices(shape)
    of_head = np.stack([3 + 0.02 * x - 0.01 * y, -1 + 0.01 * x])
    assert np.abs(without_head(of_head, places)).max() < 1e-9
    own = np.zeros((2, *shape))
    row, column = np.rint(places[48][::-1]).astype(int)
    own[1, row - 10 : row + 10, column - 10 : column + 10] = -2
    assert np.allclose(without_head(of_head + own, places), own, atol=1e-9)
    assert not set(HEAD) & set(range(28, 68))


def test_every_region_lies_where_its_name_says(points):
    places, shape, _ = points
    masks = dict(zip(REGIONS, regions(places, shape), strict=True))
    middles = {name: np.array([m.mean() for m in np.nonzero(mask)]) / shape for name, mask in masks.items()}
    for one, other in (("eye", 0.25), ("cheek", 0.2), ("mouth corner", 0.25)):
        assert middles[f"left {one}"][1] == pytest.approx(other, abs=0.12)
        assert middles[f"right {one}"][1] == pytest.approx(1 - other, abs=0.12)
    rows = [middles[name][0] for name in ("left eye", "left cheek", "mouth", "chin")]
    assert rows == sorted(rows) and rows[1] < middles["left mouth corner"][0] < rows[3]
    assert all(mask.sum() > EACH for mask in masks.values())


def test_points_are_a_face_in_space_with_the_movement_of_its_mouth(points):
    """The left corner goes up by 2 pixels, and the mouth comes nearer by 4 units; everything else only moves with the head."""
    places, shape, before = points
    y, x = np.indices(shape)
    corner = np.exp(-((x - places[48, 0]) ** 2 + (y - places[48, 1]) ** 2) / 20**2)
    mouth = np.exp(-((x - places[62, 0]) ** 2 + (y - places[62, 1]) ** 2) / 40**2)
    made = cloud(np.stack([1.5 + 0.01 * x, -2 * corner]), before, before - 4 * mouth, places)
    assert made.shape == (6, 8192) and made.dtype == np.float32
    for part in (made[:3], made[3:]):
        assert np.abs(part.mean(1)).max() < 1e-5 and np.linalg.norm(part, axis=0).max() == pytest.approx(1, abs=1e-5)
    x, y, z = (lambda name, n=n: region(made, name, n).mean() for n in range(3))
    assert x("left eye") < x("right eye") and x("left cheek") < x("right cheek")
    assert y("left eye") > y("left cheek") > y("mouth") > y("chin")
    assert z("mouth") > z("left eye"), "the middle of the face is nearest"
    across, down, away = made[3:].reshape(3, len(REGIONS), EACH).std(2)
    still = [REGIONS.index(name) for name in ("left eye", "right eye", "right cheek")]
    assert max(across.max(), down[still].max(), away[still].max()) < 0.01
    left, right = (REGIONS.index(f"{side} mouth corner") for side in ("left", "right"))
    assert down[left] > 0.1 > 3 * down[right] and REGIONS[away.argmax()] in ("mouth", "chin")
    up, nearer = region(made, "left mouth corner", 4), region(made, "mouth", 5)
    assert up.min() < made[4].max() - 0.5 and nearer.min() < made[5].max() - 0.5, "movement up and nearer is negative"


def test_each_region_begins_with_its_largest_movement_and_equal_ones_keep_their_order(points):
    places, shape, before = points
    still = cloud(np.zeros((2, *shape)), before, before, places)
    assert not still[3:].any()
    rows = -region(still, "left eye", 1)
    assert (np.diff(rows) > -0.02).all(), "without movement, in reading order"


def test_what_moves_in_depth_by_more_than_eight_units_is_an_edge(points):
    places, shape, before = points
    jumped = before.copy()
    jumped[: shape[0] // 2] -= 9
    assert not cloud(np.zeros((2, *shape)), before, jumped, places)[5].any()


def test_a_region_with_too_few_points_is_named(points):
    places, shape, before = points
    holed = before.copy()
    holed[:, : shape[1] // 2] = 0
    assert cloud(np.zeros((2, *shape)), holed, before, places) == "left eye"
    assert cloud(np.zeros((2, *shape)), 0 * before, before, places) == "left eye"


def test_a_few_large_values_do_not_make_the_others_small():
    motion = np.concatenate([np.linspace(-0.2, 0.2, 4000), np.full(100, 1.0)])
    made = strengthened(motion, 2.0)
    assert made[:4000].max() > 0.5 and made.max() == 1 and made[0] < -0.5
    assert strengthened(np.array([0.5, -1.0, 0.0]), 2.0).tolist() == [0.25, -1.0, 0.0]


def test_points_are_made_of_colour_and_depth_on_disk_and_say_so(deep_clip, tmp_path):
    clip = deep_clip()
    stored = prepare([clip], [POINTS], SMALL, tmp_path / "cache").of(POINTS)
    made = stored.of("annotated")[0]
    assert made.shape == (6, 8192) and (stored.unit, stored.moves) == ("longest = 1", "none")
    assert region(made, "left eye", 0).mean() < 0 < region(made, "right eye", 0).mean()
    largest = np.abs(made[4].reshape(8, EACH)).max(1)
    assert REGIONS[largest.argmax()] in ("mouth", "left mouth corner", "right mouth corner", "chin")
    assert region(made, "mouth", 5).mean() < region(made, "left eye", 5).mean(), "the mouth comes nearer"


def test_without_depth_they_are_refused_in_a_line_that_names_the_dataset_and_a_clip(make_clip, tmp_path):
    for asked in (DEPTH, POINTS):
        with pytest.raises(
            ConfigError, match=r"casme2 has no depth pictures.*casme2/sub01/EP01.*Copy the release"
        ) as told:
            prepare([make_clip()], [asked], SMALL, tmp_path / "cache")
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("depths", "what"),
    [
        ({10: head()}, "frame 20 has no depth picture. Copy"),
        ({10: head(), 20: head().astype(np.uint8)}, "20.png: is no depth picture of 16 bits"),
        ({10: head(), 20: np.dstack([head()] * 3)}, "20.png: is no depth picture of 16 bits"),
        ({10: head(), 20: head()[::2, ::2]}, "20.png: is 320×240, but its onset is 640×480"),
    ],
)
def test_a_clip_whose_depth_cannot_be_used_is_skipped_with_its_reason(deep_clip, tmp_path, depths, what):
    clips = [deep_clip("EP01"), deep_clip("EP02", depths)]
    made = prepare(clips, [DEPTH], SMALL.model_copy(update={"neighbourhood": 0.0}), tmp_path / "cache")
    assert [clip.id for clip in made.clips] == [clips[0].id]
    assert what in made.skipped[0][1]


def test_a_clip_in_which_a_region_is_too_small_is_skipped_with_its_reason(deep_clip, tmp_path):
    holed = head()
    holed[:, :330] = 0
    clips = [deep_clip("EP01"), deep_clip("EP02", {10: head(), 19: head(), 20: holed})]
    made = prepare(clips, [POINTS], SMALL, tmp_path / "cache")
    assert made.skipped[0][0] == "casme2/sub01/EP02"
    assert made.skipped[0][1].startswith("its left eye has fewer than 1024 points with depth")


def test_a_depth_picture_that_changed_is_read_again_and_touches_no_other_product(deep_clip, tmp_path):
    clip, cache = deep_clip(), tmp_path / "cache"
    first = prepare([clip], [DEPTH, need("flow", 28)], SMALL, cache)
    write_depth(clip.frames.depth.path(20), head(7.0))
    again = prepare([clip], [DEPTH, need("flow", 28)], SMALL, cache)
    assert not np.array_equal(first.of(DEPTH).of("annotated"), again.of(DEPTH).of("annotated"))
    kinds = sorted(path.name.split("-")[0] for path in cache.iterdir() if "-" in path.name)
    assert kinds == ["align", "depth", "depth", "flow"]


def test_an_opened_set_knows_where_the_depth_is(deep_clip, tmp_path):
    clip, cache = deep_clip(), tmp_path / "cache"
    made = prepare([clip], [DEPTH], SMALL, cache)
    (opened,) = open_prepared(cache / made.key).clips
    assert opened.frames.depth == clip.frames.depth
    assert prepare([opened], [DEPTH], SMALL, cache).key == made.key
