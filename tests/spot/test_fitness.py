"""Is this recording fit? Each thing that spoils one is told with what to do, and a good one has nothing to be told."""

import cv2
import numpy as np
import pytest

from tests.spot.conftest import moved, portrait, write
from tsfmicro.errors import ConfigError, FaceError, VideoError
from tsfmicro.prepare.face import quarter_turns
from tsfmicro.spot.fitness import judge, look_at, turn_advice
from tsfmicro.use.spot import rest_from, save, spot


def grey(image):
    return cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)


def times(fps=100, seconds=4):
    return np.arange(round(fps * seconds)) / fps


def told(*looks, at=None, eyes=90.0, flickering=0.0, **more):
    return {f.what: f for f in judge(times() if at is None else at, looks, eyes, flickering, **more).findings}


def noisy(image, seed=0):
    return np.clip(image + np.random.default_rng(seed).normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def seen(change=lambda image: image, matrix=None):
    """A look at a drawn person's picture after a change; landmarks go along where it moves."""
    image, marks = portrait()
    if matrix is not None:
        marks = marks @ matrix[:, :2].T + matrix[:, 2]
    one, before = (grey(change(noisy(image, seed))) for seed in (0, 1))
    return look_at(marks, one, before)


def test_a_good_recording_has_nothing_to_be_told():
    assert told(seen()) == {}
    assert told(seen(coded(60))) == {}, "blocks show, and nothing is lost"


def coded(quality):
    return lambda image: cv2.imdecode(
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR
    )


@pytest.mark.parametrize(
    "change, what, advice",
    [
        (lambda image: (image * 0.15).astype(np.uint8), "dark", "more light"),
        (lambda image: np.clip(image * 1.2 + 180, 0, 255).astype(np.uint8), "bright", "less light"),
        (coded(8), "compression", "crf 18"),
    ],
    ids=["dark", "bright", "compression"],
)
def test_light_and_compression_are_told(change, what, advice):
    found = told(seen(change))
    assert list(found) == [what] and advice in found[what].text


def test_blocks_that_a_codec_left_as_they_were_are_compression():
    image, marks = portrait()
    after = noisy(image)
    after[::2] = image[::2]  # rows that differ in every block, then whole blocks that do not
    assert "compression" not in told(look_at(marks, grey(after), grey(image)))
    after[: image.shape[0] * 3 // 4] = image[: image.shape[0] * 3 // 4]
    assert "do not change" in told(look_at(marks, grey(after), grey(image)))["compression"].text


def test_few_bits_are_compression_that_may_have_wiped_out_what_is_not_found():
    text = told(seen(), bits=0.003)["compression"].text
    assert "0.003 bits for a pixel" in text and "none is found does not mean that there was none" in text
    assert told(seen(), bits=0.02) == {}


def test_a_face_that_leans_or_is_cut_by_the_edge_is_told():
    _, marks = portrait()
    lean = cv2.getRotationMatrix2D(tuple(map(float, marks.mean(0))), -40, 1.0)
    assert set(told(seen(matrix=lean))) == {"leaning"}
    away = np.array([[1.0, 0, -marks[:, 0].mean() + 40], [0, 1, 0]])
    found = told(seen(lambda i: moved(i, right=away[0, 2]), away))
    assert set(found) == {"cut"} and "all the time" in found["cut"].text


def test_a_nose_beside_the_middle_of_the_eyes_is_a_face_that_looks_aside():
    image, marks = portrait()
    marks = marks.copy()
    marks[2, 0] += 0.3 * (marks[1, 0] - marks[0, 0])
    assert set(told(look_at(marks, grey(noisy(image)), None))) == {"to the side"}


def test_what_is_true_of_few_looks_is_not_told():
    dark, good = seen(lambda image: (image * 0.15).astype(np.uint8)), seen()
    assert told(dark, *[good] * 9) == {}


def test_frame_rates_below_100_say_how_many_frames_a_short_expression_has():
    assert "one of 0.1 s has 3 frames" in told(seen(), at=times(30))["frame rate"].text
    assert "are few" in told(seen(), at=times(22))["frame rate"].text
    assert "are few" not in told(seen(), at=times(24))["frame rate"].text
    assert told(seen(), at=times(100)) == {}


def test_frames_that_are_missing_or_repeated_are_told():
    gone = np.delete(times(), np.arange(5, 390, 20))
    assert "5% of the steps" in told(seen(), at=gone)["missing frames"].text
    assert "the camera took 50 a second" in told(seen(), copied=0.5)["repeated frames"].text
    assert "one picture" in told(seen(), copied=1.0)["repeated frames"].text


def test_a_small_face_and_flicker_are_told():
    assert "25 pixels between the eyes" in told(seen(), eyes=25.0)["size"].text
    assert "lamps" in told(seen(), flickering=0.4)["flicker"].text


def test_quarter_turns_that_make_a_face_upright_are_found():
    image, _ = portrait()
    for quarters in range(4):
        lying = np.ascontiguousarray(np.rot90(image, quarters))  # turned to the left, so as many to the right mend it
        assert quarter_turns(lying) == quarters
    assert quarter_turns(np.full((240, 320, 3), 90, np.uint8)) is None
    assert "to the right" in turn_advice(1) and "to the left" in turn_advice(3)


@pytest.mark.parametrize("quarters, advice", [(1, "transpose=1"), (2, "hflip,vflip"), (3, "transpose=2")])
def test_a_video_that_lies_on_its_side_says_how_to_turn_it(tmp_path, quarters, advice):
    image = cv2.resize(portrait()[0], (320, 240), interpolation=cv2.INTER_AREA)
    frames = [np.ascontiguousarray(np.rot90(noisy(image, k), quarters)) for k in range(20)]
    try:
        text = next(f.text for f in spot(write(tmp_path / "a.avi", frames)).fitness.findings if f.what == "lying")
    except FaceError as error:  # the detector may see nothing at all in it
        text = str(error)
    assert advice in text and "\n" not in text


def test_a_face_that_is_always_covered_is_one_line(tmp_path):
    image, marks = portrait()
    covered = image.copy()
    cv2.circle(covered, tuple(map(int, marks.mean(0))), int(1.4 * (marks[1, 0] - marks[0, 0])), (170, 130, 110), -1)
    with pytest.raises(FaceError, match="uncovered") as error:
        spot(write(tmp_path / "a.avi", [noisy(covered, k) for k in range(15)]))
    assert "\n" not in str(error.value)


def test_a_rest_in_which_no_face_is_seen_is_one_line(tmp_path):
    image = cv2.resize(portrait()[0], (320, 240), interpolation=cv2.INTER_AREA)
    video = write(tmp_path / "a.avi", [noisy(image, k) for k in range(20)])
    with pytest.raises(VideoError, match="no face is seen from 5 to 9 s"):
        spot(video, rest=(5, 9))
    found = spot(video, rest=(0, 0.3))
    assert [(r.track, r.onset, r.offset) for r in found.rests] == [(1, 0, 15)]


def test_a_person_s_rest_is_taken_from_another_of_their_videos(tmp_path):
    image = cv2.resize(portrait()[0], (320, 240), interpolation=cv2.INTER_AREA)
    one, other = (write(tmp_path / f"{n}.avi", [noisy(image, k + n) for k in range(20)]) for n in range(2))
    save(spot(one, rest=(0, 0.3)), tmp_path / "found")
    shared = rest_from(tmp_path / "found")
    (rest,) = spot(other, rest=shared).rests
    assert (rest.video, rest.onset_s, rest.offset_s, rest.onset) == ("0.avi", 0, 0.3, None)
    assert rest.moved == pytest.approx(shared.unrest.max(), abs=1e-4)
    save(spot(other, rest={1: shared}), tmp_path / "second")
    with pytest.raises(ConfigError, match=r"no faces rest in 1\.avi"):  # what is borrowed is not lent again
        rest_from(tmp_path / "second")
    with pytest.raises(ConfigError, match="neither FROM-TO in seconds nor what"):
        rest_from(tmp_path / "nowhere")
