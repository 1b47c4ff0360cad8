"""Tables as CSV (a line per number), LaTeX (booktabs) and HTML."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape

from tsfmicro.report.tables import Cell, Table, records

_LATEX = {
    "\\": r"\textbackslash{}",
    **{c: rf"\{c}" for c in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": "$-$",
    "×": r"$\times$",
    "→": r"$\to$",
    "·": r"$\cdot$",
    "³": r"\textsuperscript{3}",
    "–": "--",
    "…": r"\ldots{}",
}

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"/><title>{title}</title><style>
{style}
</style></head><body>
{tables}
</body></html>
"""

STYLE = """:root { color-scheme: light dark; }
body { font: 15px/1.4 system-ui, sans-serif; margin: 1.5rem; }
h3 { font-size: 1rem; margin: 0 0 .3rem; }
.scores { overflow-x: auto; margin: 0 0 2.5rem; }
.scores table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
.scores th, .scores td { padding: .15rem .6rem; text-align: right; vertical-align: top; font-weight: 400; white-space: nowrap; }
.scores thead th { vertical-align: bottom; }
.scores th.name, .scores td.name { text-align: left; }
.scores thead tr:last-child th { border-bottom: 1px solid; }
.scores thead tr:first-child th[colspan] { border-bottom: 1px solid; text-align: center; white-space: normal; }
.scores .published { font-style: italic; opacity: .75; }
.scores .floor { opacity: .75; }
.scores small { opacity: .8; }
.scores th small { display: block; max-width: 13rem; margin: auto; }
.scores p { font-size: 13px; margin: .2rem 0; max-width: 60rem; }"""


def as_csv(tables: Sequence[Table]) -> str:
    """A line per number: table, dataset, classes, model, source, run, rule, metric, value, interval, people, clips, seeds."""
    lines = records(tables)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]) if lines else ["table"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def as_latex(tables: Sequence[Table]) -> str:
    r"""A `table*` for each; needs \usepackage{booktabs}."""
    return "% needs \\usepackage{booktabs}\n" + "\n".join(_latex(table) for table in tables)


def as_html(tables: Sequence[Table]) -> str:
    """A page of its own with all of them, nothing loaded from elsewhere."""
    title = ", ".join(sorted({f"Table {table.number}" for table in tables}))
    return _PAGE.format(title=title, style=STYLE, tables="\n".join(html_table(table) for table in tables))


def html_table(table: Table) -> str:
    """One table, to be put into a page that has STYLE; pointing at a number tells the whole of it."""
    groups = "".join(
        f'<th colspan="{span}" scope="colgroup">{_html_group(text)}</th>' if text else "<th></th>" * span
        for text, span in table.groups
    )
    columns = "".join(f'<th scope="col"{_name(n, table)}>{escape(text)}</th>' for n, text in enumerate(table.columns))
    rows = "\n".join(
        "<tr>" + "".join(_html_cell(cell, n, table) for n, cell in enumerate(row)) + "</tr>" for row in table.rows
    )
    notes = "\n".join(f"<p>{escape(note)}</p>" for note in table.notes)
    return (
        f"<h3>Table {table.number}. {escape(table.caption)}</h3>\n"  # not a caption, which scrolls sideways with the table
        f'<div class="scores"><table aria-label="Table {table.number}">\n'
        f"<thead><tr>{groups}</tr>\n<tr>{columns}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>\n{notes}</div>"
    )


def latex_text(text: str) -> str:
    """Plain text as LaTeX, its special characters escaped."""
    return "".join(_LATEX.get(letter, letter) for letter in text)


def _latex(table: Table) -> str:
    groups, rules, start = [], [], 1
    for text, span in table.groups:
        if text:
            groups.append(rf"\multicolumn{{{span}}}{{c}}{{{_latex_group(text)}}}")
            rules.append(rf"\cmidrule(lr){{{start}-{start + span - 1}}}")
        else:
            groups += [""] * span
        start += span
    columns = "l" * table.labels + "r" * (len(table.columns) - table.labels)
    body = [" & ".join(map(_latex_cell, row)) for row in table.rows]
    return "\n".join(
        [
            r"\begin{table*}",
            r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{latex_text(table.caption)}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(groups) + r" \\",
            "".join(rules),
            " & ".join(map(latex_text, table.columns)) + r" \\",
            r"\midrule",
            *(line + r" \\" for line in body),
            r"\bottomrule",
            r"\end{tabular}",
            rf"\par\smallskip\raggedright {latex_text(' '.join(table.notes))}",
            r"\end{table*}",
            "",
        ]
    )


def _latex_group(text: str) -> str:
    """A rule's label goes below its name, or it would push its columns apart."""
    name, *label = (latex_text(part) for part in text.split(" (", maxsplit=1))
    if not label:
        return name
    lines = rf"({label[0]}".replace(", ", r", \\ ").replace("; ", r"; \\ ")
    return rf"\begin{{tabular}}[b]{{@{{}}c@{{}}}}{name} \\ {lines}\end{{tabular}}"


def _latex_cell(cell: Cell) -> str:
    if isinstance(cell, str):
        return latex_text(cell)
    value, *rest = cell.parts
    value = rf"\textit{{{value}}}" if cell.source == "published" else value
    below = "".join(rf" \\[-2pt] \scriptsize {latex_text(part)}" for part in rest)
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{value}{below}\end{{tabular}}" if below else value


def _html_group(text: str) -> str:
    """A rule's label goes below its name, as in LaTeX."""
    name, *label = (escape(part) for part in text.split(" (", maxsplit=1))
    return f"{name} <small>({label[0]}</small>" if label else name


def _html_cell(cell: Cell, place: int, table: Table) -> str:
    if isinstance(cell, str):
        if place < table.labels:
            return f'<th scope="row" class="name">{escape(cell)}</th>'
        return f"<td>{escape(cell)}</td>"
    value, *rest = (escape(part) for part in cell.parts)
    below = "".join(f"<br/><small>{part}</small>" for part in rest)
    return f'<td class="{cell.source}" title="{escape(cell.told, quote=True)}">{value}{below}</td>'


def _name(place: int, table: Table) -> str:
    return ' class="name"' if place < table.labels else ""
