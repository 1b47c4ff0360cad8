"""Any frame of a video by its number is the one that reading from the beginning gives."""

import numpy as np
import pytest

from tests.desk.films import CODECS, film, number_on
from tsfmicro.errors import VideoError
from tsfmicro.prepare.images import read_image
from tsfmicro.spot.reel import Reel, count_times
from tsfmicro.spot.video import constant_rate, open_video, rate_of

FRAMES = 300


@pytest.fixture(scope="module", params=CODECS)
def source(request, tmp_path_factory):
    return open_video(film(tmp_path_factory.mktemp("films") / request.param, FRAMES), read_image)


def test_every_jump_lands_on_the_frame_that_is_asked_for(source):
    rng = np.random.default_rng(0)
    order = [0, 1, 0, 299, 298, 150, 151, 149, *rng.integers(0, FRAMES, 20).tolist()]
    for times in (None, count_times(source)):  # while frames are counted, and after
        reel = Reel(source, times)
        assert [number_on(reel.read(n)) for n in order] == order
        reel.close()


def test_frames_are_counted_and_their_rate_is_found(source):
    told = []
    times = count_times(source, lambda done, about: told.append((done, about)))
    assert len(times) == FRAMES and times[0] == 0 and told == [(256, FRAMES)]
    assert constant_rate(times) == pytest.approx(100)


def test_times_that_lead_astray_cost_time_and_no_exactness(source):
    for times in (np.zeros(FRAMES), np.arange(FRAMES) * 7.0):  # a container without times; one whose times are wrong
        reel = Reel(source, times)
        assert [number_on(reel.read(n)) for n in (200, 100, 101)] == [200, 100, 101]


def test_a_frame_past_the_end_is_told(source):
    with pytest.raises(VideoError, match="frame 300 cannot be decoded"):
        Reel(source).read(FRAMES)


def test_a_rate_that_varies_is_none():
    steady = np.arange(100) / 30
    assert constant_rate(np.round(steady, 3)) == pytest.approx(30, abs=0.01), "milliseconds, as WebM has them"
    assert constant_rate(np.concatenate([steady, 10 + steady])) is None
    for fps in (24, 30000 / 1001, 60, 200):
        even = np.arange(2000) / fps
        for rounded in (even, np.round(even, 3), np.floor(even * 1000) / 1000, np.round(even * 90000) / 90000):
            assert constant_rate(rounded - rounded[0], 0.1) == pytest.approx(fps, rel=1e-3)
    gaps = np.delete(np.arange(240), np.arange(2, 240, 5)) * 1001 / 24000
    assert constant_rate(gaps) is not None and constant_rate(gaps, 0.1) is None
    assert constant_rate(np.zeros(1)) is None
    ntsc = np.round(5 + np.arange(300) * 1001 / 30000, 3)
    assert rate_of(ntsc) == pytest.approx(29.97, abs=0.005), "the median step says 30.30"
    assert rate_of(np.concatenate([ntsc, 30 + ntsc])) == pytest.approx(30.3, abs=0.01)


def test_a_folder_of_images_is_a_video_too(tmp_path):
    import cv2

    for number in (0, 1, 2, 3, 5):  # one is missing
        image = np.full((20, 30, 3), 40 * number, np.uint8)
        cv2.imwrite(str(tmp_path / f"img{number + 3}.png"), image)
    folder = open_video(tmp_path, read_image, fps=200)
    times = count_times(folder)
    assert times.tolist() == pytest.approx([0, 0.005, 0.01, 0.015, 0.025])
    assert constant_rate(times) is None
    assert int(Reel(folder, times).read(3)[0, 0, 0]) == 120
