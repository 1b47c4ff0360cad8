"""Runs of a study side by side, as a page: honest scores, what choosing on the test person would add, and paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tsfmicro.evaluate.compare import Difference, shown_p
from tsfmicro.files import markdown_text
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.summary import Stored, Summary, leak_of
from tsfmicro.run.task import parameters_of
from tsfmicro.study.grid import Member
from tsfmicro.types import Interval

Table = tuple[list[str], list[list[str]]]


@dataclass(frozen=True)
class Facts:
    """What a finished run says beside its scores.

    Attributes:
        leak: what the best epoch on each test person would add to the last one's UF1.
        parameters: of its model, those that it learns by steps; epochs: of each training.
        seconds: of all its trainings, one after another; None where one did not write it down.
        generated: whether it shows nobody.
    """

    leak: Interval
    parameters: int
    epochs: int
    seconds: float | None
    generated: bool

    @classmethod
    def of(cls, folder: RunFolder, stored: Stored | None = None) -> Facts:
        """Args: stored: what `stored_of` has read of the run, where it was."""
        plan = folder.plan
        return cls(
            leak_of(folder, stored)["uf1"],
            parameters_of(plan.config, len(plan.classes)),
            plan.epochs,
            folder.seconds,
            bool(folder.environment.get("generated")),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a line of CSV."""
        seconds = "" if self.seconds is None else round(self.seconds, 1)
        return {
            "leak uf1": round(self.leak.value, 4),
            "parameters": self.parameters,
            "epochs": self.epochs,
            "training seconds": seconds,
        }


@dataclass(frozen=True)
class Line:
    """A run of the page: its scores, what stands beside them, and how it differs from the run it is compared with."""

    member: Member
    summary: Summary
    facts: Facts
    difference: Difference | None = None


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p values of several tests, each so much larger that all of them together are wrong at most as often as one alone (Holm, 1979)."""
    adjusted, largest = {}, 0.0
    for rank, name in enumerate(sorted(p, key=lambda name: p[name])):
        largest = max(largest, min(1.0, (len(p) - rank) * p[name]))
        adjusted[name] = largest
    return adjusted


def page(name: str, lines: Sequence[Line]) -> str:
    """The finished runs as Markdown: a table for each set of clips that are tested in one way."""
    groups: dict[tuple[str, str, str], list[Line]] = {}
    for line in lines:
        config = line.member.config
        groups.setdefault((", ".join(config.data.datasets), config.data.scheme, config.protocol.name), []).append(line)
    parts = [f"## {name}"] if lines else []
    for (datasets, labels, protocol), group in groups.items():
        if len(groups) > 1:
            parts.append(f"### {datasets}, {labels}, {protocol}")
        parts += [_about(datasets, labels, protocol, group), markdown_text(*_table(group)), _legend(group)]
    return "\n\n".join(parts) + "\n"


def _about(datasets: str, labels: str, protocol: str, group: Sequence[Line]) -> str:
    of = group[0].summary.model
    shown = {(line.summary.model.people, line.summary.model.clips) for line in group}
    counts = f"{of.people} people, {of.clips} clips" if len(shown) == 1 else "people and clips as each row has them"
    drawn = (
        " Drawn people: the numbers say nothing about real faces."
        if any(line.facts.generated for line in group)
        else ""
    )
    return f"{datasets}, labels {labels}, protocol {protocol}: {counts}, rule {of.rule}.{drawn}"


def _table(group: Sequence[Line]) -> Table:
    tested = {line.member.name: line.difference.p for line in group if line.difference is not None}
    adjusted = holm(tested)
    many = len({(line.summary.model.people, line.summary.model.clips) for line in group}) > 1
    seeds = len({line.summary.model.seeds for line in group}) > 1
    heads = ["system", "UF1", "UAR", "ACC", "leak", "linear floor"]
    references = {line.member.against for line in group if line.difference}
    heads += [f"UF1 − {next(iter(references)) if len(references) == 1 else 'its reference'}", "p"] if tested else []
    heads += ["people, clips"] if many else []
    heads += ["seeds"] if seeds else []
    heads += ["parameters", "epochs", "training"]
    rows = []
    for line in sorted(group, key=lambda one: -one.summary.model.uf1.value):
        of, floor = line.summary.model, line.summary.floors.get("linear")
        row = [f"`{line.member.name}`", str(of.uf1), f"{of.uar.value:.2f}", f"{of.acc.value:.2f}"]
        row += [f"{line.facts.leak.value:+.2f}", f"{floor.uf1.value:.2f}" if floor else "–"]
        if tested:
            of_two = line.difference
            named = f" ({line.member.against})" * (len(references) > 1)
            row += [f"{of_two.interval:+}{named}", shown_p(adjusted[line.member.name])] if of_two else ["–", "–"]
        row += [f"{of.people}, {of.clips}"] if many else []
        row += [str(len(of.seeds))] if seeds else []
        learns = line.facts.parameters > 0
        row += [f"{line.facts.parameters:,}", str(line.facts.epochs)] if learns else ["–", "–"]
        rows.append([*row, _time(line.facts.seconds)])
    return heads, rows


def _legend(group: Sequence[Line]) -> str:
    tests = sum(line.difference is not None for line in group)
    said = [
        "Intervals are 95 %, over people. Leak: what UF1 gains where the epoch is chosen on each test person, as published scores "
        "are; that of a system without epochs is 0. Linear floor: a balanced linear machine on what the system looks at, "
        "down-sampled, in the same folds.",
    ]
    if tests:
        said.append(
            f"p: {tests} paired tests over people, adjusted for their number (Holm); from 0.05 on, no difference is shown."
        )
    said.append("Training: all folds and seeds one after another, on the processors that the run had.")
    return " ".join(said)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 1 else "< 1 s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
