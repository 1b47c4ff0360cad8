"""The page as a visitor uses it, in a real browser: upload, wait, choose a moment, read, download, cancel."""

import json
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest

if find_spec("gradio") is None:  # loading it takes two seconds, which only the process that runs these needs
    pytest.skip("the web extra is not installed", allow_module_level=True)

from tests.browser.conftest import MILLISECONDS
from tsfmicro.use.recognise import Recognizer, example_video
from tsfmicro.use.visit import Limits


@pytest.fixture(scope="module")
def server():
    from tsfmicro.app.desk.server import Desk
    from tsfmicro.app.page import build, launch

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    limits = Limits(megabytes=20, seconds=30)
    blocks, desk = build(Recognizer.load(), limits, desk=True), Desk()
    launch(blocks, limits, port, wait=False, desk=desk.app())
    yield f"http://127.0.0.1:{port}"
    blocks.close(verbose=False)
    desk.close()


def visit(browser, server):
    """A page that is open, with the addresses it asked for."""
    page = browser.new_page()
    page.set_default_timeout(MILLISECONDS)
    page.asked, page.errors = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(server)
    page.wait_for_selector("#read")
    yield page
    page.close()


visitor, another = pytest.fixture(visit, name="visitor"), pytest.fixture(visit, name="another")


def test_a_visitor_uploads_waits_chooses_a_moment_reads_and_downloads(visitor, server, tmp_path):
    mine = Path(shutil.copy(example_video(), tmp_path / "<img src=x onerror=alert(1)>.webm"))
    visitor.set_input_files("#video input[type=file]", mine)
    visitor.wait_for_selector("#video video")
    visitor.click("#read")
    visitor.wait_for_selector("#result [role=status]")
    shown = visitor.wait_for_selector("#result iframe, #result [role=alert]")
    assert shown.evaluate("place => place.tagName") == "IFRAME", visitor.inner_text("#result")
    found = visitor.frame_locator("#result iframe")
    moments = found.locator("[data-moment]")
    moments.nth(2).wait_for()
    found.locator('[data-moment="2"]').click()
    chosen = found.locator("section.chosen")
    assert chosen.count() == 1 and chosen.locator("h2").inner_text().startswith("2. ")
    assert chosen.locator("meter").count() == 5, "a probability for each class"
    assert chosen.locator("img").count() == 6, "onset, apex, difference, flow, heat, replay"
    assert "Not for use on people" in found.locator("body").inner_text()
    with visitor.expect_download() as downloading:
        visitor.click("#result a:text('JSON')")
    known = json.loads(Path(downloading.value.path()).read_text())
    assert len(known["expressions"]) == moments.count()
    visitor.locator("#video video").wait_for(state="detached")  # the file is deleted, and the page shows it
    elsewhere = [url for url in visitor.asked if not url.startswith((server, "data:", "blob:", "about:"))]
    assert not elsewhere and not visitor.errors


def test_two_visitors_with_the_same_video_are_both_answered(visitor, another, tmp_path):
    """Gradio keeps one file of the two, and each visit deletes what it has read."""
    mine = Path(shutil.copy(example_video(), tmp_path / "interview.webm"))
    for page in (visitor, another):
        page.set_input_files("#video input[type=file]", mine)
        page.wait_for_selector("#video video")
    for page in (visitor, another):
        page.click("#read")
    for page in (visitor, another):
        shown = page.wait_for_selector("#result iframe, #result [role=alert]")
        assert shown.evaluate("place => place.tagName") == "IFRAME", page.inner_text("#result")


def test_a_mistake_is_told_on_the_page(visitor, tmp_path):
    wrong = tmp_path / "film.mp4"
    wrong.write_bytes(np.random.default_rng(0).bytes(5000))
    with visitor.expect_response(lambda response: "upload" in response.url):
        visitor.set_input_files("#video input[type=file]", wrong)
    visitor.click("#read")
    said = visitor.wait_for_selector("#result [role=alert], .toast-body").inner_text()
    assert "film.mp4" in said or "video" in said.lower()


def test_without_a_video_the_visitor_is_told_what_to_do(visitor):
    visitor.click("#read")
    assert "Choose a video first" in visitor.wait_for_selector("#result [role=alert]").inner_text()


def test_cancelling_ends_the_work(visitor):
    visitor.click("#example")
    visitor.wait_for_selector("#result [role=status]")
    visitor.click("#cancel")
    assert visitor.wait_for_selector("#result [role=alert]").inner_text() == "Cancelled."


def test_who_waits_for_another_can_cancel(visitor, another):
    visitor.click("#example")
    visitor.wait_for_selector("#result [role=status]")
    with another.expect_response(lambda response: "queue/join" in response.url):
        another.click("#example")
    another.click("#cancel")
    visitor.click("#cancel")
    assert another.wait_for_selector("#result [role=alert]").inner_text() == "Cancelled."


def test_a_button_that_is_clicked_twice_shows_one_result(visitor, tmp_path):
    visitor.set_input_files("#video input[type=file]", shutil.copy(example_video(), tmp_path / "film.webm"))
    visitor.wait_for_selector("#video video")
    visitor.evaluate("""new MutationObserver(() => {
        window.refused ||= document.querySelector('#result [role=alert]') !== null
    }).observe(document.body, {childList: true, subtree: true})""")
    visitor.dblclick("#read")
    visitor.wait_for_selector("#result iframe")
    visitor.click("#example")  # its turn comes after both
    visitor.wait_for_selector("#result [role=status]")
    assert not visitor.evaluate("window.refused")
    visitor.click("#cancel")
    visitor.wait_for_selector("#result [role=alert]")


def test_the_page_leads_to_the_desk_which_opens_or_makes_a_project(visitor, tmp_path):
    visitor.get_by_role("link", name="the desk").click()
    visitor.get_by_label("Folder of the project").fill("faces")
    visitor.keyboard.press("Enter")
    visitor.get_by_text("give the whole path").wait_for()
    visitor.get_by_label("Folder of the project").fill(str(tmp_path / "faces"))
    visitor.keyboard.press("Enter")
    visitor.locator("h1", has_text="faces").wait_for()
    assert (tmp_path / "faces" / "videos").is_dir()
    assert not visitor.errors


@pytest.mark.parametrize("visitors", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_visitors_who_come_at_once_are_all_served(visitors, browser, server):
    pages = [browser.new_page() for _ in range(visitors)]
    for page in pages:
        page.set_default_timeout(MILLISECONDS)
        page.goto(server)
        page.wait_for_selector("#example")
        page.click("#read")  # a short visit each: no video was chosen
    for page in pages:
        page.wait_for_selector("#result [role=alert]")
        page.close()


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", str(Path(__file__).resolve())])
def test_no_other_file_of_the_machine_can_be_read(server, path):
    for route in ("/gradio_api/file=", "/file="):
        with pytest.raises(HTTPError) as refused:
            urlopen(server + route + path)
        assert refused.value.code in (403, 404)


def test_it_listens_on_this_machine_only(server):
    port = int(server.rpartition(":")[2])
    outside = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in outside - {"127.0.0.1", "127.0.1.1"}:
        with socket.socket() as caller:
            caller.settimeout(1)
            assert caller.connect_ex((address, port)) != 0
