"""The same tables as CSV, LaTeX and HTML: each can be read by what reads such files, and labels survive."""

import csv
import io
import re
import xml.etree.ElementTree as ET

import pytest

from tests.report.conftest import made_run
from tsfmicro.report.formats import as_csv, as_html, as_latex, latex_text
from tsfmicro.report.material import Gain
from tsfmicro.report.tables import make_tables
from tsfmicro.types import Interval


@pytest.fixture
def tables():
    runs = [made_run("odd_name & 50%", "early"), made_run("b", "late"), made_run("c<d", "late", dataset="casme3")]
    gains = {("b", "odd_name & 50%", "last"): {"uf1": Gain("x", Interval(-0.125, -0.2, 0.25), p=0.03)}}
    return make_tables(runs, gains)[0]


def test_csv_has_a_line_per_number(tables):
    lines = list(csv.DictReader(io.StringIO(as_csv(tables))))
    assert {line["source"] for line in lines} == {"ours", "floor", "published"}
    assert {line["table"] for line in lines} == {"3", "4", "7", "8"}
    assert {line["rule"] for line in lines if line["source"] == "ours"} >= {
        "last",
        "oracle (test-selected, optimistic)",
    }
    (gain,) = [line for line in lines if line["difference_p"]]
    assert (gain["difference"], gain["difference_low"], gain["difference_p"]) == ("-12.5", "-20.0", "0.03")


def test_latex_is_balanced_and_every_row_has_as_many_cells_as_there_are_columns(tables):
    text = as_latex(tables)
    bare = re.sub(r"\\.", "", text)
    assert bare.count("{") == bare.count("}")
    begun, ended = (re.findall(rf"\\{word}{{(\w+\*?)}}", text) for word in ("begin", "end"))
    assert sorted(begun) == sorted(ended)
    for table, panel in zip(tables, text.split(r"\end{table*}"), strict=False):
        columns = len(table.columns)
        assert rf"\begin{{tabular}}{{{'l' * table.labels}{'r' * (columns - table.labels)}}}" in panel
        body = panel[panel.index(r"\midrule") : panel.index(r"\bottomrule")]
        rows = [line for line in body.splitlines() if line.endswith(r" \\")]
        assert [len(re.split(r"(?<!\\)&", row)) for row in rows] == [columns] * len(table.rows)


def test_latex_carries_the_label_of_a_test_selected_rule(tables):
    words = " ".join(as_latex(tables).replace(r"\\", " ").split())
    assert "oracle (test-selected, optimistic)" in words


def test_latex_escapes_what_would_break_it():
    assert latex_text("50 % & a_b #1 {x}") == r"50 \% \& a\_b \#1 \{x\}"
    assert latex_text("−2 → CAS(ME)³") == r"$-$2 $\to$ CAS(ME)\textsuperscript{3}"


def test_html_is_well_formed_and_tells_each_number_in_full(tables):
    page = as_html(tables)
    root = ET.fromstring(page.removeprefix("<!DOCTYPE html>\n"))
    assert len(list(root.iter("table"))) == len(tables)
    for table, made in zip(root.iter("table"), tables, strict=True):
        rows = table.find("tbody").findall("tr")
        assert [len(list(row)) for row in rows] == [len(made.columns)] * len(made.rows)
    ours = [cell for cell in root.iter("td") if cell.get("class") == "ours"]
    assert all("4 people · 8 clips · 2 seeds · rule " in cell.get("title") for cell in ours)
    heads = ["".join(head.itertext()) for head in root.iter("th")]
    assert "ours, rule oracle (test-selected, optimistic)" in heads
    assert "http" not in page, "nothing is loaded from elsewhere"


def test_published_numbers_are_marked(tables):
    assert 'class="published"' in as_html(tables)
    assert r"\textit{94.30}" in as_latex(tables)


def test_the_heading_of_a_table_does_not_scroll_with_it(tables):
    body = ET.fromstring(as_html(tables).removeprefix("<!DOCTYPE html>\n")).find("body")
    assert [part.tag for part in body] == ["h3", "div"] * len(tables)
    assert all(part.text.startswith("Table ") for part in body.iter("h3"))
