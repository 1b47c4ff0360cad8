"""The report on paper, by a real Chromium: pages of A4, a table that breaks between rows, one line where it cannot be."""

import re
import sys

import pytest

from tests.report.test_printed import KNOWN, MOMENT
from tsfmicro.errors import ConfigError, RunError
from tsfmicro.report.printed import printed
from tsfmicro.use import paper


def pages(pdf):
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf.read_bytes()))


def test_a_report_is_printed_on_a4_and_long_ones_on_several_pages(chromium, tmp_path):
    for name, moments in (("short", 2), ("long", 120)):
        (tmp_path / f"{name}.html").write_text(
            printed(KNOWN | {"expressions": [MOMENT] * moments}, b"", "Made on a day."), encoding="utf-8"
        )
        pdf = paper.to_pdf(tmp_path / f"{name}.html", tmp_path / f"{name}.pdf")
        (width, height) = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", pdf.read_bytes()).groups()
        assert (round(float(width)), round(float(height))) in {(595, 842), (596, 842)}
    assert 1 <= pages(tmp_path / "short.pdf") <= 2
    assert pages(tmp_path / "long.pdf") >= pages(tmp_path / "short.pdf") + 2


def test_it_is_read_on_a_phone_without_scrolling_aside(opened, tmp_path):
    (tmp_path / "a.html").write_text(printed(KNOWN, b"", ""), encoding="utf-8")
    seen = opened((tmp_path / "a.html").as_uri(), viewport={"width": 390, "height": 800})
    assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
    assert not [url for url in seen.asked if not url.startswith(("file:", "data:"))]


def test_without_a_browser_or_a_folder_it_is_told_before_the_work(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"--pdf prints the report of one video\. Say with --out"):
        paper.check(None)
    monkeypatch.setattr(paper, "BROWSERS", ("no-such-browser",))
    with pytest.raises(ConfigError, match=r"none is installed\. Leave it out, open report\.html"):
        paper.check(tmp_path)


def test_a_browser_that_prints_nothing_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(paper, "browser", lambda: sys.executable)
    with pytest.raises(RunError, match=r"a\.pdf: .* did not print it"):
        paper.to_pdf(tmp_path / "a.html", tmp_path / "a.pdf")
