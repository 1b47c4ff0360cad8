"""What a run of action units is worth: mean binary and macro F1 beside their floors, F1 of each unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tsfmicro.errors import LabelError
from tsfmicro.evaluate.compare import Difference, differences, leak, plain_differences, plain_interval, verdict
from tsfmicro.evaluate.interval import METHOD
from tsfmicro.evaluate.select import Answers
from tsfmicro.evaluate.units import WITHOUT, choose_units, score_units, tally_units
from tsfmicro.run.floors import floors
from tsfmicro.run.folder import RunFolder
from tsfmicro.types import Interval, Rule, UnitScores, dataset_of

Kind = TypeVar("Kind")

NO_CHANCE = "floors of shuffled labels are for classes, so that nothing checks here whether labels leak"


@dataclass(frozen=True)
class UnitSummary:
    """Scores of a run of action units; as `summary.Summary`, which is of classes."""

    name: str
    scores: tuple[UnitScores, ...]
    floors: Mapping[str, UnitScores]
    leak: Mapping[str, Interval] | None
    versus_linear: Mapping[str, Difference] | None
    skipped: int
    by_dataset: Mapping[str, UnitScores] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def model(self) -> UnitScores:
        """The honest scores of the trained model, under the rule that was asked for or 'last'."""
        return self.scores[0]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return plain_summary(self, _plain)

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows: every rule, the leak, every floor."""
        of = {f"rule {s.rule}": s for s in self.scores}
        of |= {f"rule {self.model.rule}, {name} alone": s for name, s in self.by_dataset.items()}
        rows = [[name, str(s.f1), str(s.macro_f1)] for name, s in of.items()]
        if self.leak is not None:
            rows.append(["leak: oracle − last", *(f"{self.leak[name]:+}" for name in ("f1", "macro_f1"))])
        rows += [[f"{name} floor", str(s.f1), str(s.macro_f1)] for name, s in self.floors.items()]
        return [self.name, "mean binary F1", "macro F1"], rows

    def class_table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows: F1 of each unit under every rule, and of the floors."""
        of = {f"rule {s.rule}": s for s in self.scores} | {f"{name} floor": s for name, s in self.floors.items()}
        rows = [[name, *(f"{f1.value:.2f}" for f1 in s.f1_of_units.values())] for name, s in of.items()]
        return ["binary F1", *self.model.classes], rows

    def versus_line(self) -> str | None:
        """not shown to be better than the linear floor: mean binary F1 +0.03 [-0.04, +0.09], p 0.41"""
        if self.versus_linear is None:
            return None
        f1 = self.versus_linear["f1"]
        return f"{verdict(f1)} the linear floor: mean binary F1 {f1}"

    def line(self) -> str:
        """mean binary F1 0.31 [0.22, 0.40]   24 people, 145 clips, 1 seed, rule last, constant floor 0.18, linear floor 0.25"""
        s = self.model
        beside = "".join(f", {name} floor {f.f1.value:.2f}" for name, f in self.floors.items())
        seeds = f"{len(s.seeds)} seed{'s' * (len(s.seeds) > 1)}"
        return f"mean binary F1 {s.f1}   {s.people} people, {s.clips} clips, {seeds}, rule {s.rule}{beside}"


def summarise_units(folder: RunFolder, rules: Sequence[Rule], notes: Sequence[str]) -> UnitSummary:
    """Score a finished run of action units, as `summary.summarise`."""
    plan = folder.plan
    every = len(rules) > 2  # all of them were asked for, and those that there are will do
    kept = [rule for rule in rules if not every or rule.name != WITHOUT]
    said = {rule.name: unit_answers(folder, rule) for rule in kept}
    counted = {name: tally_units(answered, plan.tested, plan.classes) for name, answered in said.items()}
    beside = {name: tally_units(floor, plan.tested, plan.classes) for name, floor in floors(folder).items()}
    first = kept[0].name
    alone, unscored = by_dataset(
        plan.tested,
        lambda some: score_units(tally_units([s.only(some) for s in said[first]], some, plan.classes), plan.classes),
    )
    return UnitSummary(
        name=plan.config.name,
        scores=tuple(score_units(counts, plan.classes) for counts in counted.values()),
        floors={name: score_units(counts, plan.classes) for name, counts in beside.items()},
        leak=leak(counted["oracle"], counted["last"]) if "oracle" in counted else None,
        versus_linear=differences(counted[first], beside["linear"]) if "linear" in beside else None,
        skipped=len(folder.skipped),
        by_dataset=alone,
        notes=(*notes, *unscored, NO_CHANCE),
    )


def unit_answers(folder: RunFolder, rule: Rule) -> list[Answers]:
    """What the run's model answers under a rule, seed by seed. Raises RunError."""
    return [choose_units(rule, folder.outcomes(seed), folder.plan.labels) for seed in folder.plan.config.train.seeds]


def by_dataset(
    tested: Mapping[str, int], scored: Callable[[Mapping[str, int]], Kind]
) -> tuple[dict[str, Kind], list[str]]:
    """Scores of each dataset's clips alone, where several are tested, and which dataset cannot be scored alone, and why."""
    scores: dict[str, Kind] = {}
    notes = []
    datasets = sorted({dataset_of(clip) for clip in tested})
    for dataset in datasets if len(datasets) > 1 else []:
        try:
            scores[dataset] = scored({clip: label for clip, label in tested.items() if dataset_of(clip) == dataset})
        except LabelError as problem:
            notes.append(f"{dataset} alone is not scored: {problem}")
    return scores, notes


def plain_summary(of: Any, plain: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """A summary as plain values, for JSON: the honest scores on top, those of all rules that were asked for below.

    Args: of: a summary, of classes or action units; plain: makes plain values of its scores.
    """
    return {
        "name": of.name,
        "skipped_clips": of.skipped,
        "interval": METHOD,
        **plain(of.model),
        "rules": {scores.rule.name: plain(scores) for scores in of.scores},
        "by_dataset": {name: plain(scores) for name, scores in of.by_dataset.items()},
        "leak": None if of.leak is None else {name: plain_interval(one) for name, one in of.leak.items()},
        "floors": {name: plain(scores) for name, scores in of.floors.items()},
        "versus_linear_floor": None if of.versus_linear is None else plain_differences(of.versus_linear),
        "notes": list(of.notes),
        "warnings": list(of.warnings),
    }


def _plain(scores: UnitScores) -> dict[str, Any]:
    return {
        "rule": str(scores.rule),
        "test_selected": scores.rule.test_selected,
        "people": scores.people,
        "clips": scores.clips,
        "seeds": list(scores.seeds),
        "mean_binary_f1": plain_interval(scores.f1),
        "macro_f1": plain_interval(scores.macro_f1),
        "mean_binary_f1_of_seeds": list(scores.f1_of_seeds),
        "binary_f1": {name: plain_interval(of) for name, of in scores.f1_of_units.items()},
        "classes": list(scores.classes),
        "confusion": {name: counts.tolist() for name, counts in zip(scores.classes, scores.confusion, strict=True)},
    }
