"""The paper's Tables 3–8 with our results beside the published ones, which are marked and never mixed with ours.

All scores are in per cent, as the paper prints them. A cell of ours stands in the column of its rule; its row has the people,
clips and seeds.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from tsfmicro.report.material import VARIANTS, Gain, Material
from tsfmicro.types import Interval, Rule, Scores

METRICS = {"acc": "ACC", "uf1": "UF1", "uar": "UAR"}
TITLES = {"casme2": "CASME II", "samm": "SAMM", "casme3": "CAS(ME)³"}
_AGAINST_OTHERS = {"casme3": (3, ("uf1", "uar")), "casme2": (4, ("acc", "uf1")), "samm": (5, ("acc", "uf1"))}
_ABLATION = ("spatial", "temporal", "late")
_FUSION = ("early", "temporal_to_spatial", "spatial_to_temporal", "late")

# Their accuracy of three classes in Tables 4 and 5 is what MEGC2019 prints as UAR (its papers: CASME II 87.63, SAMM 72.80; 87.10, 78.90).
_UAR_FOR_ACC = ("MERSiamC3D", "AU-GCN")

Gains = Mapping[tuple[str, str, str], Mapping[str, Gain]]
"""(name of a run, name of the run it is compared with, rule) → metric → gain."""


@dataclass(frozen=True)
class Published:
    """A number as printed in a paper, per cent."""

    table: int
    dataset: str
    classes: int
    model: str
    year: str
    metric: str
    value: float


@dataclass(frozen=True)
class Number:
    """A cell with a score, per cent.

    Attributes:
        metric: 'ACC', 'UF1', 'UAR', 'macro precision', 'recall of …'.
        interval: value with its 95 % interval; published ones have none, so low and high are the value.
        source: 'ours', 'floor' or 'published'.
        run, rule, people, clips, seeds: of a number of ours or of a floor.
        gain: over another run, where the table shows differences.
    """

    metric: str
    interval: Interval
    source: str
    run: str = ""
    rule: Rule | None = None
    people: int | None = None
    clips: int | None = None
    seeds: int | None = None
    gain: Gain | None = None

    @property
    def text(self) -> str:
        """53.2 [41.9, 63.1], and where there is a gain +3.1 [−2.0, +8.2]"""
        return " ".join(self.parts)

    @property
    def parts(self) -> tuple[str, ...]:
        """The value, its interval, the gain, its interval: those that are there."""
        of, gain = self.interval, self.gain
        if self.source == "published":
            return (f"{of.value:.2f}", *([signed(gain.interval.value * 100, 2)] if gain else []))
        parts = (f"{of.value:.1f}", f"[{of.low:.1f}, {of.high:.1f}]")
        if gain is None:
            return parts
        value, low, high = (signed(100 * v) for v in _three(gain.interval))
        return (*parts, value, f"[{low}, {high}]")

    @property
    def told(self) -> str:
        """The whole of it: UF1 53.2 [41.9, 63.1] · 5 people · 50 clips · 2 seeds · rule last"""
        if self.source == "published":
            return f"{self.metric} {self.text}, published"
        parts = [
            f"{self.metric} {self.text}",
            f"{self.people} people",
            f"{self.clips} clips",
            f"{self.seeds} seed{'s' * (self.seeds != 1)}",
        ]
        return " · ".join([*parts, "a floor" if self.source == "floor" else f"rule {self.rule}"])


Cell = str | Number


@dataclass(frozen=True)
class Table:
    """One panel of a paper's table: one dataset and number of classes.

    Attributes:
        number: as in the paper.
        caption: what it shows; notes: what one must know to read it.
        groups: (text, how many columns it spans), over `columns`.
        rows: as many cells as there are columns; a Number knows by itself what it is.
        labels: how many columns on the left name the row.
    """

    number: int
    dataset: str
    classes: int
    caption: str
    groups: Sequence[tuple[str, int]]
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    labels: int
    notes: Sequence[str] = field(default=())


@cache
def published() -> tuple[Published, ...]:
    """Every number of the paper's Tables 3–8."""
    with (files("tsfmicro.report") / "published.csv").open(encoding="utf-8") as stream:
        return tuple(
            Published(
                int(r["table"]), r["dataset"], int(r["classes"]), r["model"], r["year"], r["metric"], float(r["value"])
            )
            for r in csv.DictReader(stream)
        )


def make_tables(
    runs: Sequence[Material], gains: Gains, figures_only: Mapping[str, str] | None = None
) -> tuple[list[Table], list[str]]:
    """All tables that these runs can fill, and a line for each that they cannot.

    Args:
        runs: of any datasets.
        gains: over the run that Tables 6 and 7 compare with, where it could be worked out.
        figures_only: published systems that nobody can rebuild, and why.
    """
    groups: dict[tuple[str, int], list[Material]] = {}
    for run in runs:
        groups.setdefault((run.dataset, len(run.classes)), []).append(run)
    made, notes = [], []
    for (dataset, classes), members in sorted(groups.items()):
        for table in (
            against_others(members, figures_only or {}),
            _of_variants(6, "Ablation study", _ABLATION, members, gains),
            _of_variants(7, "Fusion study", _FUSION, members, gains),
            recalls(members),
        ):
            if isinstance(table, Table):
                made.append(table)
            else:
                notes.append(f"{name_of(dataset, classes)}: {table}")
    return sorted(made, key=lambda t: (t.number, t.dataset, -t.classes)), notes


def against_others(runs: Sequence[Material], figures_only: Mapping[str, str] | None = None) -> Table | str:
    """Tables 3–5 for runs of one dataset and number of classes: other people's published numbers, and ours. Else why not."""
    dataset, classes = runs[0].dataset, len(runs[0].classes)
    if dataset not in _AGAINST_OTHERS:
        return f"no table against published models: the paper has none for {dataset}"
    shown = [run for run in runs if run.variant in (None, "late")]
    if not shown:
        return (
            f"no Table {_AGAINST_OTHERS[dataset][0]}: none of these runs is TSFmicro's variant late, or another model"
        )
    number, metrics = _AGAINST_OTHERS[dataset]
    printed: dict[tuple[str, str], dict[str, float]] = {}
    for p in published():
        if (p.table, p.dataset, p.classes) == (number, dataset, classes):
            printed.setdefault((p.model, p.year), {})[p.metric] = p.value
    uar = {model for model, _ in printed if classes == 3 and model in _UAR_FOR_ACC}
    lines = [
        _Line((f"{model} '{year[2:]}{' †' * (model in uar)}",), published=values, prints_uar=model in uar)
        for (model, year), values in printed.items()
    ]
    lines += [_Line((f"{_model(run)}, run {run.name} (ours)",), run=run) for run in shown]
    lines += [_Line((label,), run=run, floor=s) for label, run, s in _floors(shown)]
    caption = f"Performance on {name_of(dataset, classes)}, per cent."
    table = _scores_table(number, caption, ("Model",), lines, metrics, shown, {})
    notes = ["† The paper prints as ACC what MEGC2019 calls UAR: not to be compared with an ACC."] if uar else []
    notes += [
        f"{model} cannot be rebuilt, so there are published figures only: {why}."
        for model, why in (figures_only or {}).items()
        if any(name == model for name, _ in printed)
    ]
    return Table(**{**vars(table), "notes": [*table.notes, *notes]})


def _floors(runs: Sequence[Material]) -> Iterator[tuple[str, Material, Scores]]:
    """What each floor is called, whose it is, and its scores: of the runs that have one and the same it is one."""
    for name in dict.fromkeys(name for run in runs for name in run.floors):
        mine = [(run, run.floors[name]) for run in runs if name in run.floors]
        different: dict[str, tuple[Material, Scores]] = {}
        for run, s in mine:
            different.setdefault(f"{s.uf1.value} {s.uar.value} {s.acc.value}", (run, s))
        for run, s in different.values():
            whose = f" of run {run.name}" if len(different) > 1 else ""
            yield f"{name.replace('-', ' ')} floor{whose}", run, s


def recalls(runs: Sequence[Material]) -> Table | str:
    """Table 8: recall of each class of each variant, published and ours under each rule. Else why not."""
    dataset, classes = runs[0].dataset, len(runs[0].classes)
    shown = _variants(runs, tuple(VARIANTS))
    if not shown:
        return "no Table 8: none of these runs is a variant of TSFmicro"
    names = shown[0].classes
    rows: list[list[Cell]] = []
    for variant, title in VARIANTS.items():
        mine = [run for run in shown if run.variant == variant]
        printed = (
            _printed(8, dataset, classes, variant)
            | _printed(6, dataset, classes, variant)
            | _printed(7, dataset, classes, variant)
        )
        if mine and printed:
            values = [printed.get(f"recall_{name}") for name in names] + [printed.get(m) for m in ("acc", "uf1")]
            metrics = [*(f"recall of {name}" for name in names), "ACC", "UF1"]
            cells = [_published(metric, value) for metric, value in zip(metrics, values, strict=True)]
            rows.append([title, "published", *cells, "", "", ""])
        rows += [
            _recall_row(title + _which(run, mine), run, rule)
            for run in mine
            for rule in _rules(shown, uar=False)
            if rule.name in run.scores
        ]
    return Table(
        number=8,
        dataset=dataset,
        classes=classes,
        caption=f"Recall of each class on {name_of(dataset, classes)}, per cent.",
        groups=[("", 2), ("recall", len(names)), ("", 5)],
        columns=["Variant", "Rule", *names, "ACC", "UF1", "people", "clips", "seeds"],
        rows=rows,
        labels=2,
        notes=_notes(shown, has_published=any(row[1] == "published" for row in rows)),
    )


def records(tables: Sequence[Table]) -> list[dict[str, object]]:
    """Every number of the tables as one flat record, for CSV."""
    found = []
    for table in tables:
        for row in table.rows:
            model = " ".join(str(cell) for cell in row[: table.labels]) if table.number in (6, 7) else str(row[0])
            found += [_record(table, model, cell) for cell in row if isinstance(cell, Number)]
    return found


def signed(value: float, places: int = 1) -> str:
    """+3.1, −2.0; a nought has no sign."""
    shown = f"{value:+.{places}f}"
    return shown[1:] if float(shown) == 0 else shown.replace("-", "−")


def name_of(dataset: str, classes: int) -> str:
    """'CASME II, 5 classes'"""
    return f"{' + '.join(TITLES.get(part, part) for part in dataset.split('+'))}, {classes} classes"


@dataclass(frozen=True)
class _Line:
    """A row of a table of scores: published numbers (over which others; whether their ACC is UAR), a run, or a floor of a run."""

    labels: tuple[str, ...]
    published: Mapping[str, float] = field(default_factory=dict)
    over: Mapping[str, float] = field(default_factory=dict)
    run: Material | None = None
    floor: Scores | None = None
    prints_uar: bool = False


def _of_variants(
    number: int, title: str, variants: Sequence[str], runs: Sequence[Material], gains: Gains
) -> Table | str:
    """Tables 6 and 7: variants of TSFmicro, with the difference to the first of them."""
    dataset, classes = runs[0].dataset, len(runs[0].classes)
    shown = _variants(runs, variants)
    if len({run.variant for run in shown}) < 2:
        return f"no Table {number}: it compares TSFmicro's variants {', '.join(variants)}, and these runs have fewer than two"
    lines = []
    for variant in variants:
        printed = _printed(number, dataset, classes, variant)
        mine = [run for run in shown if run.variant == variant]
        over = _printed(number, dataset, classes, variants[0]) if variant != variants[0] else {}
        labels = _streams(variant) if number == 6 else (VARIANTS[variant],)
        lines += [
            _Line((*labels[:-1], labels[-1] + _which(run, mine)), printed if n == 0 else {}, over, run)
            for n, run in enumerate(mine)
        ]
        lines += [_Line(labels, printed, over)] if printed and not mine else []
    first = shown[0]
    of_first = {(run, rule): of for (run, over, rule), of in gains.items() if over == first.name}
    heads = ("Temporal", "Spatial") if number == 6 else ("Fusion",)
    caption = f"{title} on {name_of(dataset, classes)}, per cent."
    table = _scores_table(number, caption, heads, lines, ("acc", "uf1"), shown, of_first)
    if not of_first:
        return table
    what = (
        f"With a sign: the difference to {first.label}, published to published and ours to ours; ours is paired over people "
        "and has its 95 % interval."
    )
    return Table(**{**vars(table), "notes": [*table.notes, what]})


def _scores_table(
    number: int,
    caption: str,
    heads: Sequence[str],
    lines: Sequence[_Line],
    metrics: Sequence[str],
    runs: Sequence[Material],
    gains: Mapping[tuple[str, str], Mapping[str, Gain]],
) -> Table:
    rules = _rules(runs, uar="uar" in metrics)
    has_published = any(line.published for line in lines)
    groups = [("", len(heads))] + ([("published", len(metrics))] if has_published else [])
    groups += [(f"ours, rule {rule}", len(metrics)) for rule in rules] + [("", 3)]
    names = [METRICS[m] for m in metrics]
    columns = [*heads, *(names if has_published else [])]
    for rule in rules:
        columns += [_metric(m, rule) for m in metrics]
    return Table(
        number=number,
        dataset=runs[0].dataset,
        classes=len(runs[0].classes),
        caption=caption,
        groups=groups,
        columns=[*columns, "people", "clips", "seeds"],
        rows=[_row(line, metrics, rules, has_published, gains) for line in lines],
        labels=len(heads),
        notes=_notes(runs, has_published),
    )


def _row(
    line: _Line,
    metrics: Sequence[str],
    rules: Sequence[Rule],
    has_published: bool,
    gains: Mapping[tuple[str, str], Mapping[str, Gain]],
) -> list[Cell]:
    cells: list[Cell] = list(line.labels)
    if has_published:
        names = {m: "UAR, printed as ACC" if m == "acc" and line.prints_uar else METRICS[m] for m in metrics}
        cells += [_published(names[m], line.published.get(m), line.over.get(m)) for m in metrics]
    for n, rule in enumerate(rules):
        scores = line.run.scores.get(rule.name) if line.run and not line.floor else line.floor if n == 0 else None
        gain = gains.get((line.run.name, rule.name), {}) if line.run and not line.floor else {}
        cells += [_ours(line, scores, m, gain.get(m)) if scores else "" for m in metrics]
    said = line.floor or (line.run.last if line.run else None)
    return [*cells, *([str(said.people), str(said.clips), str(len(said.seeds))] if said else ["", "", ""])]


def _ours(line: _Line, scores: Scores, metric: str, gain: Gain | None) -> Number:
    assert line.run is not None
    source = "floor" if line.floor else "ours"
    return _number(line.run, scores, _metric(metric, scores.rule), getattr(scores, metric), source, gain)


def _recall_row(title: str, run: Material, rule: Rule) -> list[Cell]:
    scores = run.scores[rule.name]
    recall = [
        _number(run, scores, f"recall of {name}", of)
        for name, of in zip(run.classes, run.recalls[rule.name], strict=True)
    ]
    overall = [_number(run, scores, METRICS[m], getattr(scores, m)) for m in ("acc", "uf1")]
    return [title, str(rule), *recall, *overall, str(scores.people), str(scores.clips), str(len(scores.seeds))]


def _number(
    run: Material, scores: Scores, metric: str, of: Interval, source: str = "ours", gain: Gain | None = None
) -> Number:
    percent = Interval(*(100 * v for v in _three(of)))
    return Number(metric, percent, source, run.name, scores.rule, scores.people, scores.clips, len(scores.seeds), gain)


def _published(metric: str, value: float | None, over: float | None = None) -> Cell:
    if value is None:
        return ""
    gain = None if over is None else Gain("published", Interval(*[(value - over) / 100] * 3), float("nan"))
    return Number(metric, Interval(value, value, value), "published", gain=gain)


def _printed(table: int, dataset: str, classes: int, variant: str) -> dict[str, float]:
    return {
        p.metric: p.value
        for p in published()
        if (p.table, p.dataset, p.classes, p.model) == (table, dataset, classes, f"TSFmicro/{variant}")
    }


def _variants(runs: Sequence[Material], variants: Sequence[str]) -> list[Material]:
    """The runs that are one of these variants, in that order."""
    return sorted((run for run in runs if run.variant in variants), key=lambda run: variants.index(str(run.variant)))


def _which(run: Material, of: Sequence[Material]) -> str:
    """', run demo' where several runs are of one variant."""
    return f", run {run.name}" if len(of) > 1 else ""


def _rules(runs: Sequence[Material], uar: bool) -> list[Rule]:
    """The rules that get columns: `released` only where there is a UAR, since its ACC and UF1 are oracle's."""
    rules = {name: scores.rule for run in runs for name, scores in run.scores.items()}
    order = [name for name in ("last", "inner", "oracle", "released") if name in rules and (uar or name != "released")]
    return [rules[name] for name in order]


def _metric(metric: str, rule: Rule) -> str:
    return rule.uar_is if metric == "uar" else METRICS[metric]


def _streams(variant: str) -> tuple[str, str]:
    return ("no" if variant == "spatial" else "yes", "no" if variant == "temporal" else "yes")


def _model(run: Material) -> str:
    return {"tsfmicro": "TSFmicro", "tsfmicro-small": "TSFmicro-small"}.get(
        run.config.model.name, run.config.model.name
    )


def _notes(runs: Sequence[Material], has_published: bool) -> list[str]:
    notes = ["Ours: value [95 % interval over people], mean over seeds."]
    if has_published:
        notes.append(
            "Published: as printed in the paper, not measured here. The released TSFmicro program chooses the epoch on the test "
            "person, so its numbers belong beside the test-selected columns."
        )
    if any(scores.rule.test_selected for run in runs for scores in run.scores.values()):
        notes.append(
            "Test-selected: the epoch was chosen by the very people it is scored on, so the score is too good."
        )
    if any(run.generated for run in runs):
        notes.append(
            f"Ours are of generated faces, not of {TITLES.get(runs[0].dataset, runs[0].dataset)}: nothing to compare."
        )
    else:
        short = sorted({len(run.clips) for run in runs if run.published_clips not in (None, len(run.clips))})
        if short:
            counts = ", ".join(map(str, short))
            notes.append(
                f"Ours are of {counts} clips, the published set has {runs[0].published_clips}: not the same test."
            )
    return notes


def _record(table: Table, model: str, cell: Number) -> dict[str, object]:
    ours = cell.source != "published"
    gain = [round(100 * v, 4) for v in _three(cell.gain.interval)] if cell.gain else [""] * 3
    return {
        "table": table.number,
        "dataset": table.dataset,
        "classes": table.classes,
        "model": model,
        "source": cell.source,
        "run": cell.run,
        "rule": str(cell.rule) if cell.source == "ours" else "",
        "metric": cell.metric,
        "value": round(cell.interval.value, 4),
        "low": round(cell.interval.low, 4) if ours else "",
        "high": round(cell.interval.high, 4) if ours else "",
        "people": cell.people if ours else "",
        "clips": cell.clips if ours else "",
        "seeds": cell.seeds if ours else "",
        "difference": gain[0],
        "difference_low": gain[1] if ours else "",
        "difference_high": gain[2] if ours else "",
        "difference_to": cell.gain.over if cell.gain else "",
        "difference_p": round(cell.gain.p, 4) if cell.gain and ours else "",
    }


def _three(of: Interval) -> tuple[float, float, float]:
    return of.value, of.low, of.high
