"""The page about one video in a real browser."""

import numpy as np

from tests.report.test_moments import KNOWN, MOMENT
from tsfmicro.report.moments import Track, page

LATE = MOMENT | {"onset": 280, "apex": 285, "offset": 290, "onset_s": 2.8, "apex_s": 2.85, "offset_s": 2.9}
LETTERS = "[...document.querySelectorAll('.timeline text')].map(t => t.getBoundingClientRect().height)"
IN_SIGHT = """() => { const [band, room] = ['.timeline a.chosen', '.lines'].map(e => document.querySelector(e).getBoundingClientRect());
  return band.left >= room.left && band.right <= room.right; }"""


def test_on_a_phone_the_timeline_can_be_read_and_goes_to_the_chosen_moment(opened, tmp_path):
    known, track = KNOWN | {"expressions": [MOMENT, LATE]}, Track(1, np.arange(300) / 100, np.ones(300))
    (tmp_path / "page.html").write_text(page(known, [{}, {}], [track], [None, None]), encoding="utf-8")
    seen = opened((tmp_path / "page.html").as_uri(), viewport={"width": 390, "height": 800}).page
    assert seen.evaluate("document.documentElement.scrollWidth") <= 390
    assert min(seen.evaluate(LETTERS)) >= 8, "pixels"
    assert seen.evaluate(IN_SIGHT)
    seen.get_by_role("button", name="next").click()
    assert seen.evaluate(IN_SIGHT)
