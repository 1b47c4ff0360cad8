"""What the command line shows: bars while a run works, tables when it is done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from tsfmicro.run.watch import Task, Watch

if TYPE_CHECKING:
    from tsfmicro.run.summary import Summary
    from tsfmicro.run.units import UnitSummary

QUIET_SECONDS = 15.0  # without a terminal, e.g. in a cluster's log, a line this often is enough


class Screen(Watch):
    """Bars on a terminal, a line now and then in a log file. Use it as a context."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[detail]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._bars: dict[str, TaskID] = {}
        self._last_line = 0.0
        self._folds = (0, 0)

    def __enter__(self) -> Screen:
        self._progress.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._progress.stop()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)

    def progress(self, what: str, done: int, total: int, detail: str = "") -> None:
        if what not in self._bars:
            self._bars[what] = self._progress.add_task(what, total=total, detail="")
        self._progress.update(self._bars[what], completed=done, total=total, detail=detail)
        self._log(f"{what}: {done} of {total}", always=done == total)

    def training(self, total: int, finished: int) -> None:
        first, self._folds = self._folds == (0, 0), (finished, total)
        for name in [name for name in self._bars if name.startswith("  ")]:  # left by a run of a study that failed
            self._progress.remove_task(self._bars.pop(name))
        if finished and first:
            self.note(f"{finished} of {total} trainings were finished before")
        if "all" in self._bars:
            self._progress.update(self._bars["all"], completed=finished, total=total)
        elif finished < total:
            self._bars["all"] = self._progress.add_task("training folds", total=total, completed=finished, detail="")

    def epoch(self, task: Task, epoch: int, epochs: int, loss: float) -> None:
        name = f"  {task}"
        if name not in self._bars:
            self._bars[name] = self._progress.add_task(name, total=epochs, detail="")
        self._progress.update(self._bars[name], completed=epoch, detail=f"loss {loss:.3f}")
        finished, total = self._folds
        self._progress.advance(self._bars["all"], 1 / epochs)
        if epoch == epochs:
            self._progress.remove_task(self._bars.pop(name))
            self._folds = (finished + 1, total)
            self._log(f"trained {task}: {finished + 1} of {total}, loss {loss:.3f}", always=True)
        else:
            self._log(f"training {task}: epoch {epoch} of {epochs}, loss {loss:.3f}")

    def _log(self, text: str, always: bool = False) -> None:
        if self._console.is_terminal:
            return
        if always or time.monotonic() - self._last_line > QUIET_SECONDS:
            self._last_line = time.monotonic()
            self.note(text)


def show_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """An aligned table on standard output; numbers stand to the right."""
    table = [headings, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(headings))]
    numeric = [all(_is_number(row[column]) for row in rows) for column in range(len(headings))]
    for row in table:
        cells = zip(row, widths, numeric, strict=True)
        print("  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip())


def _is_number(text: str) -> bool:
    return text.replace(",", "").replace(".", "").isdigit()


def show_summary(summary: Summary | UnitSummary, folder: Path) -> None:
    """Scores beside their floors, recall of each class, what to mind, and where the pictures are."""
    show_table(*summary.table())
    if len(summary.scores) == 1:
        headings, (first, *_) = summary.class_table()
        print(
            f"{headings[0]}: "
            + ", ".join(f"{name} {value}" for name, value in zip(headings[1:], first[1:], strict=True))
        )
    else:
        show_table(*summary.class_table())
    if summary.skipped:
        print(f"{summary.skipped} clips left out: {folder / 'skipped.csv'}")
    shown = "" if any(s.rule.name == "last" for s in summary.scores) else ", which show rule last"
    print(f"look at {folder / 'confusion.png'} and {folder / 'clips.png'}{shown}")
    for note in summary.notes:
        print(f"note: {note}")
    for warning in summary.warnings:
        print(f"warning: {warning}")
    if versus := summary.versus_line():
        print(versus)
    print(summary.line())
