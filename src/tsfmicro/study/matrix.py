"""Learn from one dataset, be tested on another: every pair of several datasets is a run of one study, shown in one matrix.

<out>/                        a study's folder: a run for each pair and for each dataset alone, table.csv, table.json
      matrix.csv, matrix.md, matrix.png    UF1 with its interval: trained on (rows) × tested on (columns)

All runs share one prepared set, which holds the clips of all datasets; a run's protocol says which of them it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsfmicro.config import ProtocolConfig, RunConfig, yaml_text
from tsfmicro.errors import ConfigError, TsfmicroError
from tsfmicro.files import csv_text, markdown_text, write_whole
from tsfmicro.report.figures import matrix_of_datasets
from tsfmicro.report.style import rendered
from tsfmicro.run.experiment import check_names, label_clips, make_folds, read_clips, with_an_apex
from tsfmicro.run.here import Machines
from tsfmicro.run.watch import Watch
from tsfmicro.study.grid import Member
from tsfmicro.study.study import Made, Row, StudyTable, conduct
from tsfmicro.types import Interval

Pair = tuple[str, str]  # trained on, tested on


@dataclass(frozen=True)
class Matrix:
    """What datasets teach about each other.

    Attributes:
        datasets: in the order of rows and columns.
        runs: of each pair that could be trained; the diagonal leaves out one person after another.
        without: why a pair has no run.
        table: the same runs, line by line.
    """

    datasets: tuple[str, ...]
    runs: Mapping[Pair, Row]
    without: Mapping[Pair, str]
    table: StudyTable

    def value(self, pair: Pair) -> Interval | None:
        """UF1, where the pair's run is finished."""
        row = self.runs.get(pair)
        return row.summary.model.uf1 if row and row.summary else None

    def cells(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows: UF1 with its interval, trained on × tested on."""
        rows = [[one, *(self._cell((one, other)) for other in self.datasets)] for one in self.datasets]
        return ["trained on \\ tested on", *self.datasets], rows

    def markdown(self) -> str:
        """The matrix with what must be known of it."""
        return f"{markdown_text(*self.cells())}\n\n" + "\n".join(f"- {note}" for note in self.notes()) + "\n"

    def notes(self) -> list[str]:
        """Who is counted under which rule, how each pair stands to its column's diagonal, and which pairs have no run."""
        notes = ["UF1 [95 % interval over the tested people]; the diagonal leaves out each person of one dataset"]
        for other in self.datasets:
            column = [row for (_, tested), row in self.runs.items() if tested == other and row.summary]
            scores = next((row.summary.model for row in column if row.summary), None)
            if scores:
                seeds = f"{len(scores.seeds)} seed{'s' * (len(scores.seeds) > 1)}"
                notes.append(f"{other}: {scores.people} people, {scores.clips} clips, {seeds}, rule {scores.rule}")
        for (one, other), row in self.runs.items():
            if row.versus:
                notes.append(f"{one} → {other}: UF1 {row.versus['uf1']} over {other} within itself")
        return notes + [f"{one} → {other} was not trained: {why}" for (one, other), why in self.without.items()]

    def _cell(self, pair: Pair) -> str:
        row = self.runs.get(pair)
        return str(self.value(pair) or ("failed" if row and row.problem else "not run" if row else "–"))


def matrix(
    config: RunConfig,
    roots: Mapping[str, Path],
    out: Path,
    cache: Path,
    within: bool = True,
    rule: str = "last",
    device: str = "auto",
    workers: int | None = None,
    watch: Watch | None = None,
    machines: Machines | None = None,
) -> Matrix:
    """Train on each of several datasets and test on each other; go on where an earlier call was stopped.

    Args:
        config: settings of every run; its datasets and protocol are not used.
        roots: folder of each dataset, in the order of rows and columns; ready-made flow maps hold several.
        out: folder of the study.
        cache: where prepared faces are kept.
        within: also leave out each person of each dataset, as the diagonal that the other cells are compared with.
        rule: 'last' or 'inner'.
        device, workers, machines, watch: as for a study.
    Raises:
        ConfigError: fewer than two datasets, a scheme that does not know one of them, or no pair that can be trained, each with the reason.
        TsfmicroError: other bad input, in one line.
    """
    watch = watch or Watch()
    config = _with(config, data=config.data.model_copy(update={"datasets": tuple(roots)}))
    check_names(config)
    clips, _ = read_clips(config, roots, watch)
    usable = with_an_apex(clips, config)
    _, labels, _ = label_clips(usable, config, watch)
    datasets = tuple(dict.fromkeys(clip.dataset for clip in usable if clip.id in labels))
    if len(datasets) < 2:
        raise ConfigError("a matrix is of at least two datasets. Give each its folder, as --data NAME=FOLDER.")
    pairs = [(one, other) for one in datasets for other in datasets if within or one != other]
    members = {pair: _member(config, pair, within) for pair in pairs}
    without = {pair: why for pair, member in members.items() if (why := _why_not(member, labels))}
    if len(without) == len(members):
        told = "; ".join(f"{one} → {other}: {why.rstrip('.')}" for (one, other), why in without.items())
        raise ConfigError(f"no pair of these datasets can be trained: {told}.")
    for (one, other), why in without.items():
        watch.note(f"{one} → {other} is left out: {why}")
    trained = {pair: member for pair, member in members.items() if pair not in without}
    text = yaml_text(config)
    made = Made(config.name, config.name, tuple(trained.values()), tuple(trained.values()), text)
    table = conduct(made, roots, out, cache, rule, device, workers, watch, machines=machines)
    found = Matrix(datasets, dict(zip(trained, table.rows, strict=True)), without, table)
    headings, rows = found.cells()
    write_whole(out / "matrix.csv", csv_text(headings, rows))
    write_whole(out / "matrix.md", found.markdown())
    values = [[found.value((one, other)) for other in datasets] for one in datasets]
    write_whole(out / "matrix.png", rendered(matrix_of_datasets(datasets, values), "png"))
    return found


def _member(config: RunConfig, pair: Pair, within: bool) -> Member:
    """The run of a pair: what is tested in a column is the same, so that its cells can be compared with the diagonal."""
    one, other = pair
    if one == other:
        name, protocol = _within(one), {"name": "loso", "options": {"only": [one]}}
    else:
        name, protocol = f"{one}-to-{other}", {"name": "cross_dataset", "options": {"train": [one], "test": [other]}}
    settings = _with(config, name=name, protocol=ProtocolConfig.model_validate(protocol))
    return Member(name, settings, _within(other) if within and one != other else "")


def _with(config: RunConfig, **changes: Any) -> RunConfig:
    return config.model_copy(update=changes)


def _within(dataset: str) -> str:
    return f"{dataset}-within"


def _why_not(member: Member, labels: Mapping[str, int]) -> str:
    """Why a pair cannot be trained; empty where it can."""
    try:
        make_folds(labels, member.config, Watch())
    except TsfmicroError as mistake:
        return str(mistake)
    return ""
