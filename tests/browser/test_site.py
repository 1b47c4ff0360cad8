"""The site: every page in its menu, every link and anchor leads somewhere, and nothing is asked of another machine."""

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import tsfmicro
from tests.test_readme import COMMANDS, PAGES
from tsfmicro.config import RunConfig
from tsfmicro.study import shipped

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SETTINGS = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
LOADED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("video", "src"), ("source", "src")}
"""What a browser asks for by itself when it shows a page."""


def anchors(page):
    """Of a page's headings, as repository hosts make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title).casefold()).strip().replace(" ", "-") for title in titles
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_every_anchor_in_the_repository_is_a_heading(page):
    for path, anchor in re.findall(r"\]\(([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" not in path:
            target = page.parent / path if path else page
            assert anchor in anchors(target), f"{page.name}: {path}#{anchor}"


def test_every_page_of_the_documentation_stands_in_the_menu_and_nothing_else_does():
    menu = re.findall(r"(?:- |: )([\w/.-]+\.md)$", SETTINGS.split("\nnav:")[1], flags=re.MULTILINE)
    assert len(menu) == len(set(menu))
    pages = {p.relative_to(DOCS).as_posix() for p in DOCS.rglob("*.md")}
    tutorials = {f"tutorials/{p.stem}.md" for p in (DOCS / "tutorials").glob("*.py")}
    made = {"index.md", *re.findall(r'"(reference/[\w]+\.md)"', (DOCS / "site" / "hooks.py").read_text())}
    assert set(menu) == pages | tutorials | made, "add what is new to nav in mkdocs.yml"


class Read(HTMLParser):
    """A page's anchors, links, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.loads = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        known = dict(attributes)
        self.anchors |= {known[name] for name in ("id", "name") if known.get(name)}
        if tag == "a" and known.get("href"):
            self.links.append(known["href"])
        self.loads += [value for name, value in attributes if (tag, name) in LOADED and value]
        self.loads += re.findall(r"url\(['\"]?([^'\")]+)", known.get("style") or "")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site as `make docs` builds it; any warning ends it."""
    pytest.importorskip("material", reason="the extra docs is not installed (mkdocs-material)")
    pytest.importorskip("mkdocstrings_handlers.python", reason="the extra docs is not installed (mkdocstrings-python)")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    out = tmp_path_factory.mktemp("site")
    build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(out), strict=True))
    return out, {f: Read(f.read_text(encoding="utf-8")) for f in out.rglob("*.html")}


def test_every_link_and_anchor_of_the_site_leads_somewhere(site):
    _, pages = site
    for file, page in pages.items():
        for link in {*page.links, *page.loads}:
            parts = urlsplit(link)
            if parts.scheme or link.startswith("//") or file.name == "404.html":
                continue
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            target = target / "index.html" if target.is_dir() else target
            assert target.exists(), f"{file.name}: {link}"
            if parts.fragment and target in pages and not parts.fragment.startswith("__"):
                assert unquote(parts.fragment) in pages[target].anchors, f"{file.name}: {link}"


def test_no_page_asks_anything_of_another_machine(site):
    out, pages = site
    for file, page in pages.items():
        elsewhere = [one for one in page.loads if re.match(r"(https?:)?//", one)]
        assert not elsewhere, f"{file.name}: {elsewhere}"
    for sheet in out.rglob("*.css"):
        asked = re.findall(r"(?:url\(|@import )['\"]?((?:https?:)?//[^'\")]+)", sheet.read_text(encoding="utf-8"))
        assert not asked, f"{sheet.name}: {asked}"
    # What the theme's program would fetch, it fetches for these alone: diagrams, and the stars of a repository.
    text = "".join(file.read_text(encoding="utf-8") for file in pages)
    assert 'class="mermaid"' not in text and 'data-md-component="source"' not in text


def test_it_can_be_searched_without_a_server(site):
    out, _ = site
    index = (out / "search" / "search_index.js").read_text(encoding="utf-8")
    assert index.startswith("var __index = ") and "linear floor" in index
    assert "iframe-worker.js" in (out / "index.html").read_text(encoding="utf-8")


def test_the_reference_has_every_name_command_setting_and_config(site):
    out, pages = site
    assert set(tsfmicro.__all__) <= pages[out / "reference" / "python.html"].anchors | {"Recognizer", "TsfmicroError"}
    commands = (out / "reference" / "commands.html").read_text(encoding="utf-8")
    for name, command in COMMANDS.items():
        assert f"tsfmicro {name}" in commands
        for option in (option for one in command.params for option in one.opts if option.startswith("--")):
            assert option in commands, f"tsfmicro {name} {option}"
    settings = (out / "reference" / "configs.html").read_text(encoding="utf-8")
    assert all(f">{name}<" in settings for name in (*shipped.names(), *shipped.study_names()))
    assert all(f"train.{name}" in settings for name in RunConfig.model_fields["train"].annotation.model_fields)


def test_the_pages_beside_the_documentation_and_the_tutorials_are_there(site):
    out, _ = site
    for page in ("index", "reference/contributing", "reference/changes", "reference/security", "tutorials/score"):
        assert (out / f"{page}.html").stat().st_size > 10_000, page
    score = (out / "tutorials" / "score.html").read_text(encoding="utf-8")
    assert "What the numbers mean" in score and "# %%" not in re.sub(r"<code># %%</code>", "", score)


SIZES = {"desk": {"width": 1280, "height": 900}, "phone": {"width": 390, "height": 844}}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_desk_and_a_phone_and_a_browser_asks_for_nothing_else(site, opened, size, scheme):
    out, _ = site
    for name in ("index", "tutorials/score", "reference/commands", "user-guide"):
        seen = opened((out / f"{name}.html").as_uri(), viewport=SIZES[size], color_scheme=scheme)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= SIZES[size]["width"], name
        shown = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", shown)[:3])) > 380) == (scheme == "light"), shown
        assert not [url for url in seen.asked if not url.startswith(("file:", "data:"))] and not seen.complaints


def test_a_reader_finds_a_page_by_a_word_with_no_server(site, opened):
    out, _ = site
    seen = opened((out / "index.html").as_uri(), viewport=SIZES["desk"])
    seen.page.click(".md-search__input")
    seen.page.keyboard.type("magnification")
    seen.page.wait_for_selector(".md-search-result__link")
    with seen.page.expect_navigation():
        seen.page.click(".md-search-result__link")
    assert "magnif" in seen.page.inner_text("article").casefold()
    assert not [url for url in seen.asked if not url.startswith(("file:", "data:"))] and not seen.complaints
