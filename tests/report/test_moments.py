"""The page about one video, and its replays."""

import io
import re

import numpy as np
from PIL import Image

from tsfmicro.card import DEMONSTRATION
from tsfmicro.report.moments import Track, page, pictures
from tsfmicro.report.replay import animated, chosen, magnify

MOMENT = {
    "face": 1, "kind": "micro", "onset": 10, "apex": 15, "offset": 20, "onset_s": 0.1, "apex_s": 0.15, "offset_s": 0.2,
    "region": "left brow", "motion": 1.2, "confidence": 0.8, "emotion": "surprise",
    "probabilities": {"disgust": 0.25, "surprise": 0.75}, "threshold": 0.5,
}  # fmt: skip
KNOWN = {
    "video": "in/a <b>.mp4", "model": "a model", "seconds": 3.0, "fps": 100.0, "width": 640, "height": 480,
    "expressions": [MOMENT], "blinks": [], "notes": ["few <frames>"],
}  # fmt: skip


def spots(shift=0.0, size=64):
    """A face of sorts: soft spots, shifted to the right."""
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    value = sum(np.exp(-((x - cx - shift) ** 2 + (y - cy) ** 2) / 18) for cx, cy in ((20, 20), (44, 20), (32, 44)))
    return np.repeat(np.round(60 + 150 * value)[..., None], 3, 2).clip(0, 255).astype(np.uint8)


def centre(image):
    """Column of the middle of the lower spot."""
    part = image[34:54, 22:46, 0].astype(float) - 60
    return float((part * np.arange(22, 46)).sum() / part.sum())


def test_a_movement_of_one_pixel_is_shown_as_one_of_four():
    moved = magnify(np.stack([spots(), spots(1.0)]), factor=4)
    assert abs(centre(moved[1]) - centre(moved[0]) - 4) < 0.8
    np.testing.assert_array_equal(moved[0], spots())


def test_what_keeps_still_is_not_moved():
    still = magnify(np.stack([spots(), spots()]))
    assert abs(still[1].astype(int) - spots()).max() <= 2


def test_a_replay_has_the_first_and_the_last_frame_and_is_not_endless():
    assert chosen(10, 13) == [10, 11, 12, 13]
    assert chosen(0, 399)[0] == 0 and chosen(0, 399)[-1] == 399 and len(chosen(0, 399)) == 40


def test_a_replay_plays_slowly_and_over_and_over():
    faces = np.stack([spots(s) for s in (0, 0.5, 1)])
    replay = Image.open(io.BytesIO(animated(faces, np.array([0, 0.01, 0.02]), edge=64)))
    assert (replay.n_frames, replay.size, replay.info["loop"]) == (3, (128, 64), 0)
    replay.load()
    assert replay.info["duration"] == 80, "a hundredth of a second, eight times slower"


def test_flow_is_white_where_nothing_moves_and_coloured_where_something_does():
    flow = np.zeros((2, 64, 64), np.float32)
    flow[0, :32] = 1.0  # to the right: hue 0, red
    shown = pictures(np.stack([spots(), spots()]), flow, None)
    assert list(shown) == ["onset", "apex", "difference", "flow"]
    assert tuple(shown["flow"][10, 10]) == (255, 0, 0) and tuple(shown["flow"][50, 10]) == (255, 255, 255)
    assert (shown["difference"] == 127).all()


def test_the_page_tells_all_and_trusts_no_name():
    shown = pictures(np.stack([spots(), spots(1)]), np.zeros((2, 64, 64)), np.eye(64))
    text = page(KNOWN, [shown], [Track(1, np.arange(300) / 100, np.ones(300))], [None])
    assert "a &lt;b&gt;.mp4" in text and "<b>" not in text and "few &lt;frames&gt;" in text
    assert "surprise" in text and "75%" in text and "1 moment, 0 blinks" in text
    assert text.count("<figure><img") == 5 and 'data-moment="1"' in text


def test_a_gap_in_what_was_seen_is_a_gap_in_the_line():
    seconds = np.concatenate([np.arange(50), np.arange(150, 200)]) / 100
    text = page(KNOWN | {"expressions": []}, [], [Track(1, seconds, np.ones(100))], [])
    assert text.count("<polyline") == 2 and "No movement was found" in text


def test_the_demonstration_names_no_emotion_until_it_is_asked():
    """A name in large letters would be believed, whatever stands beside it."""
    pictured = [pictures(np.stack([spots(), spots(1.0)]), np.zeros((2, 64, 64)), None)]
    tracks = [Track(1, np.array([0.0, 1.0]), np.array([0.0, 1.2]))]
    real, drawn = (
        page(KNOWN | {"model": model}, pictured, tracks, [None]) for model in ("a model", f"{DEMONSTRATION} x")
    )
    assert "<details>" not in real and "Most likely: <strong>surprise" in real and "is often wrong" in real
    before, _, hidden = drawn.partition("<details>")
    assert "surprise" not in before and "No emotion is named here" in before
    assert "Most likely: <strong>surprise" in hidden.partition("</details>")[0]


def test_an_hour_is_drawn_in_lines_of_five_minutes_with_each_moment_in_its_own():
    seconds = np.arange(0, 3600, 0.04)
    many = [MOMENT | {"onset_s": 3.0 * k, "apex_s": 3.0 * k + 0.1, "offset_s": 3.0 * k + 0.2} for k in range(1200)]
    known = KNOWN | {"seconds": 3600.0, "expressions": many}
    html = page(known, [{}] * 1200, [Track(1, seconds, np.ones(len(seconds)))], [None] * 1200)
    assert html.count("<svg") == 12 and html.count('data-moment="') == 1200 and html.count('data-sure="') == 1200
    assert "by <select>" in html and len(html) < 3e6
    assert html.count('<text x="') < 1000, "numbers do not lie on one another"


def test_each_kind_of_what_hides_an_expression_has_a_lane_and_its_name_stays_in_the_picture():
    turn = {"face": 1, "what": "head turns", "onset_s": 1.0, "offset_s": 2.9}
    marks = [turn, turn | {"what": "compressed", "onset_s": 2.95, "offset_s": 2.95}, turn | {"onset_s": 2.0}]
    track = Track(1, np.linspace(0, 3, 60), np.ones(60))
    html = page(KNOWN | {"expressions": [], "marks": marks}, [], [track], [])
    lanes = re.findall(r'<g class="mark"><title>(.*?)</title>(.*?)<text x="([0-9.]+)" y="([0-9.]+)">', html)
    assert [name for name, *_ in lanes] == ["head turns", "compressed"]
    assert [bars.count("<rect") for _, bars, *_ in lanes] == [2, 1] and 'width="0.0"' not in html
    assert float(lanes[1][2]) + 6 * len("compressed") <= 1000 and float(lanes[1][3]) > float(lanes[0][3])


def test_a_doubt_stands_beside_the_confidence():
    html = page(
        KNOWN | {"expressions": [MOMENT | {"doubt": "speaks <loudly>"}]},
        [{}],
        [Track(1, np.zeros(2), np.zeros(2))],
        [None],
    )
    assert "confidence 0.80; against it speaks: speaks &lt;loudly&gt;" in html
    assert "against it" not in page(KNOWN, [{}], [Track(1, np.zeros(2), np.zeros(2))], [None])
