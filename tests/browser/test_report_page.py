"""The page of two runs in a real browser: what is shown at first, after each filter, without a mouse, on a phone, on paper."""

import numpy as np
import pytest

from tests.report.conftest import CLIPS, ONE_WRONG, RIGHT, made_run
from tests.report.test_page import prepared_faces
from tsfmicro.report.figures import curves
from tsfmicro.report.page import drawn, page
from tsfmicro.report.tables import make_tables

GUESS = np.zeros(8, int)  # always the first class: five of eight are wrong
PHONE = {"width": 390, "height": 800}


def written(path, *runs, faces=True):
    path = path / "index.html"
    tables, _ = make_tables(runs, {})
    known = {run.name: prepared_faces() if faces else None for run in runs}
    path.write_text(page(runs, tables, {"curves-casme2-3": drawn(curves(runs))}, known), encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def url(tmp_path):
    return written(tmp_path, made_run("good", answers=(ONE_WRONG,)), made_run("guess", answers=(GUESS,)))


def shown(page):
    """Names of the clips on the cards, in their order."""
    return page.locator("#cards h3").all_inner_texts()


def filter_of(page, name):
    return page.locator("#filters").get_by_label(name)


def counter(page):
    return page.locator("#counter").inner_text()


def test_at_first_all_clips_of_the_first_run_are_shown(opened, url):
    page = opened(url).page
    assert counter(page) == "8 of 8 clips: 7 right, 1 wrong"
    assert sorted(shown(page)) == sorted(CLIPS)
    card = page.locator("#cards li", has_text="casme2/sub03/EP1")
    assert "✗ wrong · positive → surprise" in card.inner_text()
    assert card.locator("tr").first.inner_text().split() == ["surprise", "80", "%"]


def test_filters_by_error_class_person_and_run(opened, url):
    page = opened(url).page
    filter_of(page, "only errors").check()
    assert shown(page) == ["casme2/sub03/EP1"] and counter(page) == "1 of 8 clips: 0 right, 1 wrong"
    filter_of(page, "only errors").uncheck()
    filter_of(page, "truth").select_option("surprise")
    assert shown(page) == ["casme2/sub01/EP0", "casme2/sub02/EP1"]
    filter_of(page, "truth").select_option("")
    filter_of(page, "answer").select_option("surprise")
    assert shown(page) == ["casme2/sub01/EP0", "casme2/sub02/EP1", "casme2/sub03/EP1"]
    filter_of(page, "person").select_option("casme2/sub03")
    assert shown(page) == ["casme2/sub03/EP1"]
    filter_of(page, "run").select_option("guess")
    assert shown(page) == [] and counter(page) == "0 of 8 clips: 0 right, 0 wrong"
    page.get_by_role("button", name="all clips").click()
    assert counter(page) == "8 of 8 clips: 7 right, 1 wrong"
    filter_of(page, "run").select_option("")
    filter_of(page, "clip").fill("sub03/ep1")
    assert shown(page) == ["casme2/sub03/EP1 · good", "casme2/sub03/EP1 · guess"]


def test_a_number_of_the_matrix_shows_its_clips_and_again_all(opened, url):
    page = opened(url).page
    cell = page.get_by_role("button", name="truth positive, answer surprise: 1")
    cell.click()
    assert shown(page) == ["casme2/sub03/EP1"]
    assert filter_of(page, "truth").input_value() == "positive"
    cell.click()
    assert len(shown(page)) == 8


def test_where_seeds_differ_it_is_told_in_how_many_a_clip_is_right(opened, tmp_path):
    page = opened(written(tmp_path, made_run("two", answers=(ONE_WRONG, RIGHT)))).page
    assert "right in 1 of 2 seeds" in page.locator("#cards li", has_text="casme2/sub03/EP1").inner_text()
    assert page.get_by_text("of 2 seeds").count() == 1


def test_surest_clips_come_first_or_last(opened, tmp_path):
    sure = np.linspace(0.5, 0.9, 8)
    said = np.stack([sure, 1 - sure, 0 * sure], -1)[None]
    page = opened(written(tmp_path, made_run("tiny", probabilities=said))).page
    assert shown(page) == list(reversed(CLIPS))
    filter_of(page, "order").select_option("unsure")
    assert shown(page) == list(CLIPS)


def test_no_request_leaves_the_page_and_nothing_complains(opened, url):
    watched = opened(url)
    filter_of(watched.page, "only errors").check()
    assert watched.asked[0] == url and all(asked.startswith("data:") for asked in watched.asked[1:])
    assert watched.complaints == []
    blocked = watched.page.evaluate("fetch('https://example.org/').then(() => 'came', () => 'blocked')")
    assert blocked == "blocked" and "Content Security Policy" in watched.complaints[0]


def test_pictures_are_decoded_and_heat_is_painted_over_the_onset(opened, url):
    page = opened(url).page
    page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth)")
    assert page.locator("#cards .strip").count() == 8
    brightest = page.evaluate(
        "[...document.querySelector('#cards canvas').getContext('2d').getImageData(0, 0, 1, 1).data]"
    )
    assert brightest == [252, 255, 164, 255], "inferno's end, for 255"


def test_without_faces_the_answers_are_there_and_the_page_says_why(opened, tmp_path):
    watched = opened(written(tmp_path, made_run("bare", answers=(RIGHT,), maps=None), faces=False))
    page = watched.page
    assert page.get_by_text("No pictures: the prepared faces were not at hand").is_visible()
    assert counter(page) == "8 of 8 clips: 8 right, 0 wrong"
    assert page.locator("#cards img").count() == page.locator("#cards canvas").count() == 0
    assert watched.complaints == []


def test_the_keyboard_is_enough(opened, url):
    page = opened(url).page
    filter_of(page, "run").focus()
    names = []
    for _ in range(7):
        names.append(page.evaluate("document.activeElement.name || document.activeElement.textContent"))
        page.keyboard.press("Tab")
    assert names == ["run", "truth", "answer", "person", "clip", "order", "wrong"]
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert shown(page) == ["casme2/sub03/EP1"]


def test_many_clips_come_in_parts(opened, tmp_path):
    clips = tuple(f"casme2/sub{n:03}/EP0" for n in range(70))
    target = np.arange(70) % 3
    said = np.eye(3)[target][None]
    run = made_run("many", clips=clips, target=target, probabilities=said, features=None, maps=None)
    page = opened(written(tmp_path, run, faces=False)).page
    more = page.get_by_role("button", name="show 10 more of 10")
    assert len(shown(page)) == 60
    more.click()
    assert len(shown(page)) == 70 and page.locator("#more").is_hidden()
    assert page.evaluate("[...document.activeElement.parentNode.children].indexOf(document.activeElement)") == 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1280, "height": 800}], ids=["phone", "desk"])
def test_it_fits_a_phone_and_a_desk_and_can_be_read_light_and_dark(opened, url, viewport, scheme):
    page = opened(url, viewport=viewport, color_scheme=scheme).page
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
    ink, ground = (
        page.evaluate(f"getComputedStyle(document.body).{name}.match(/\\d+/g).map(Number)")
        for name in ("color", "backgroundColor")
    )
    assert (sum(ink) > sum(ground)) == (scheme == "dark") and abs(sum(ink) - sum(ground)) > 400


def test_on_paper_closed_parts_are_open_and_controls_are_gone(opened, url):
    page = opened(url).page
    closed = page.locator("details:not([open])").count()
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert closed and page.locator("details:not([open])").count() == 0
    assert page.locator("#filters").is_hidden() and page.locator("#cards").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details:not([open])").count() == closed


def test_the_link_of_a_run_opens_its_settings(opened, url):
    page = opened(url).page
    page.locator("#results").get_by_role("link", name="guess").click()
    page.locator("#run-2 pre").wait_for()  # a browser tells the page later that it went there
    assert page.locator("#run-1 pre").is_hidden()
    assert opened(url + "#run-1").page.locator("#run-1 pre").is_visible()


def test_without_javascript_results_tables_and_figures_are_there(opened, url):
    page = opened(url, java_script_enabled=False).page
    assert "The clip browser needs JavaScript" in page.locator("#clips").inner_text()
    assert page.locator("#filters").is_hidden()
    assert page.locator("#results table").is_visible() and page.locator("#figures img").count() == 1
