"""A real Chromium without a window, where one is installed."""

import shutil

import pytest

from tests.waiting import PATIENCE

MILLISECONDS = 1000 * PATIENCE
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def chromium():
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip(f"no browser is installed ({', '.join(NAMES)}); on Debian: apt-get install chromium")
    return found


@pytest.fixture(scope="session")
def browser(chromium):
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=quiet)
        yield opened
        opened.close()


class Watched:
    """A page, with all that it asked for and complained about."""

    def __init__(self, page):
        self.page, self.asked, self.complaints = page, [], []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))


@pytest.fixture
def opened(browser):
    """Open an address; options as playwright's new_context has them, e.g. viewport, color_scheme."""
    contexts = []

    def open_page(url, **options):
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(MILLISECONDS)
        watched = Watched(contexts[-1].new_page())
        watched.page.goto(url)
        return watched

    yield open_page
    for context in contexts:
        context.close()
