"""What a run is worth: its scores beside their floors, with people, clips, seeds and rule."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tsfmicro.errors import RunError, UnknownNameError
from tsfmicro.evaluate.compare import Difference, differences, leak, plain_interval, verdict
from tsfmicro.evaluate.floors import above_chance
from tsfmicro.evaluate.score import score, tally
from tsfmicro.evaluate.select import RULES, Answers, choose
from tsfmicro.files import in_the_way, write_whole
from tsfmicro.run.floors import MUST_BE_AT_CHANCE, floors
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.units import UnitSummary, by_dataset, plain_summary, summarise_units
from tsfmicro.types import Interval, Outcome, Rule, Scores

ALL = "all"  # every rule, side by side
CERTAIN = 0.01  # a floor above chance at this level is reported: one false alarm in a hundred runs


@dataclass(frozen=True)
class Summary:
    """Scores of a run.

    Attributes:
        name: the run's name.
        scores: under each rule that was asked for, an honest one first: a test-selected score never stands alone.
        floors: what models that know nothing, or little, reach on the same folds.
        leak: oracle − last, for acc, uf1, uar; None where oracle was not asked for.
        versus_linear: the first score minus the linear floor's, paired over people; None where that floor is missing.
        skipped: clips that were left out.
        by_dataset: the first score, for each of several datasets alone.
        notes: what is missing, and why; warnings: what makes the scores doubtful.
    Raises:
        RunError: a test-selected score would come first.
    """

    name: str
    scores: tuple[Scores, ...]
    floors: Mapping[str, Scores]
    leak: Mapping[str, Interval] | None
    versus_linear: Mapping[str, Difference] | None
    skipped: int
    by_dataset: Mapping[str, Scores] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.model.rule.test_selected:
            raise RunError(f"rule {self.model.rule} is never shown without rule last beside it.")

    @property
    def model(self) -> Scores:
        """The honest scores of the trained model, under the rule that was asked for or 'last'."""
        return self.scores[0]

    @property
    def mean_of_datasets(self) -> dict[str, float]:
        """uf1, uar and acc as the mean of the datasets' own, each counting the same, as the score of `hde` is; empty of fewer than two."""
        alone = self.by_dataset.values()
        return {
            n: sum(getattr(s, n).value for s in alone) / len(alone) for n in ("uf1", "uar", "acc") if len(alone) > 1
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: the honest scores on top, those of all rules that were asked for below."""
        return plain_summary(self, _plain) | {"mean_of_datasets": self.mean_of_datasets}

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows: every rule, the leak, every floor."""
        rows = {f"rule {s.rule}": [str(s.uf1), str(s.uar), str(s.acc)] for s in self.scores}
        of = {f"rule {s.rule}, {name} alone": s for name, s in self.by_dataset.items()}
        rows |= {name: [str(s.uf1), str(s.uar), str(s.acc)] for name, s in of.items()}
        if self.mean_of_datasets:
            rows[f"rule {self.model.rule}, mean of those"] = [
                f"{value:.2f}" for value in self.mean_of_datasets.values()
            ]
        if self.leak is not None:
            rows["leak: oracle − last"] = [f"{self.leak[name]:+}" for name in ("uf1", "uar", "acc")]
        rows |= {f"{shown(n)} floor": [str(s.uf1), str(s.uar), str(s.acc)] for n, s in self.floors.items()}
        return [self.name, "UF1", "UAR", "ACC"], [[name, *cells] for name, cells in rows.items()]

    def class_table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows: recall of each class under every rule."""
        rows = [[f"rule {s.rule}", *(f"{value:.2f}" for value in s.recall.values())] for s in self.scores]
        return ["recall", *self.model.classes], rows

    def versus_line(self) -> str | None:
        """not shown to be better than the linear floor: UF1 +0.03 [-0.04, +0.09], p 0.41"""
        if self.versus_linear is None:
            return None
        uf1 = self.versus_linear["uf1"]
        return f"{verdict(uf1)} the linear floor: UF1 {uf1}"

    def line(self) -> str:
        """UF1 0.61 [0.52, 0.69]   24 people, 145 clips, 1 seed, rule last, majority floor 0.25, linear floor 0.48"""
        s = self.model
        beside = "".join(f", {shown(name)} floor {f.uf1.value:.2f}" for name, f in self.floors.items())
        seeds = f"{len(s.seeds)} seed{'s' * (len(s.seeds) > 1)}"
        return f"UF1 {s.uf1}   {s.people} people, {s.clips} clips, {seeds}, rule {s.rule}{beside}"


def evaluate_run(folder: RunFolder, rule: str = "last") -> Summary | UnitSummary:
    """Score a finished run from what it stored, and write scores.json beside it, where that may be written.

    Args: rule: 'last', 'inner', 'oracle', 'released', or 'all' of them. A test-selected one brings 'last' with it.
    Raises: UnknownNameError; RunError: trainings are missing or damaged, or there are no validation people for 'inner'.
    """
    summary = summarise(folder, rule)
    if in_the_way(folder.path):
        return replace(
            summary, notes=(*summary.notes, f"scores.json is not kept: {folder.path} may not be written into")
        )
    write_whole(folder.path / "scores.json", json.dumps(summary.to_dict(), indent=1))
    return summary


Stored = list[list[Outcome]]
"""What the folds of each seed left for scoring."""


def stored_of(folder: RunFolder) -> Stored:
    """All of a run. Raises RunError: trainings are missing or damaged."""
    return [folder.outcomes(seed) for seed in folder.plan.config.train.seeds]


def summarise(folder: RunFolder, rule: str = "last", stored: Stored | None = None) -> Summary | UnitSummary:
    """As evaluate_run, and nothing is written. Args: stored: what `stored_of` has read, where it was."""
    plan = folder.plan
    rules, notes = _rules(rule, plan.config.train.val_people)
    if plan.scheme.units:
        return summarise_units(folder, rules, notes)
    stored = stored or stored_of(folder)  # read once for all rules
    said = {rule.name: [choose(rule, seed, plan.labels) for seed in stored] for rule in rules}
    counted = {name: tally(answered, plan.tested, plan.classes) for name, answered in said.items()}
    low = floors(folder)
    beside = {name: tally(floor, plan.tested, plan.classes) for name, floor in low.items()}
    floor_scores = {name: score(counts, plan.classes) for name, counts in beside.items()}
    first = counted[rules[0].name]
    alone, unscored = by_dataset(
        plan.tested,
        lambda some: score(tally([seed.only(some) for seed in said[rules[0].name]], some, plan.classes), plan.classes),
    )
    return Summary(
        name=plan.config.name,
        scores=tuple(score(counts, plan.classes) for counts in counted.values()),
        floors=floor_scores,
        leak=leak(counted["oracle"], counted["last"]) if "oracle" in counted else None,
        versus_linear=differences(first, beside["linear"]) if "linear" in beside else None,
        skipped=len(folder.skipped),
        by_dataset=alone,
        notes=tuple(notes + unscored + _missing_floors(folder, low)),
        warnings=tuple(_leaking_floors(folder, low, floor_scores)),
    )


def leak_of(folder: RunFolder, stored: Stored | None = None) -> Mapping[str, Interval]:
    """What choosing each fold's epoch on its test person would add to acc, uf1, uar of the last epoch. Raises RunError."""
    plan, stored = folder.plan, stored or stored_of(folder)
    chosen, honest = (
        tally([choose(RULES[name], seed, plan.labels) for seed in stored], plan.tested, plan.classes)
        for name in ("oracle", "last")
    )
    return leak(chosen, honest)


def answers(folder: RunFolder, rule: Rule) -> list[Answers]:
    """What the run's model answers under a rule, seed by seed. Raises RunError."""
    plan = folder.plan
    return [choose(rule, folder.outcomes(seed), plan.labels) for seed in plan.config.train.seeds]


def shown(floor: str) -> str:
    """'shuffled-linear' → 'shuffled linear'"""
    return floor.replace("-", " ")


def _rules(asked: str, val_people: int) -> tuple[list[Rule], list[str]]:
    """The rules to show, an honest one first, and why one is not there."""
    if asked == ALL:
        without_inner = [rule for rule in RULES.values() if rule.name != "inner" or val_people]
        why = "rule inner is not there: no validation people were held out (run again elsewhere with --set train.val_people=3)"
        return without_inner, [] if val_people else [why]
    if asked not in RULES:
        raise UnknownNameError("selection rule", asked, [*RULES, ALL])
    rule = RULES[asked]
    return ([RULES["last"]] if rule.test_selected else []) + [rule], []


def _missing_floors(folder: RunFolder, found: Container[str]) -> list[str]:
    missing, total = len(folder.missing(shuffled=True)), len(folder.plan.folds)
    notes = [
        f"{shown(name)} floor is not there: the command that made the run makes it"
        for name in ("linear", "shuffled-linear")
        if name not in found
    ]
    if 0 < missing < total:
        notes.append(
            f"shuffled floor is not there: {missing} of {total} trainings are not finished; run with --shuffled goes on"
        )
    return notes


def _leaking_floors(
    folder: RunFolder, said: Mapping[str, Sequence[Answers]], scores: Mapping[str, Scores]
) -> list[str]:
    """A model that learned from shuffled labels can only be above chance where it got to know test labels by another way."""
    plan, n_classes = folder.plan, len(folder.plan.classes)
    return [
        f"the {shown(name)} floor lies above chance (UAR {scores[name].uar}, chance {1 / n_classes:.2f}): "
        "labels of test people reach training or scoring. Do not trust these scores."
        for name in MUST_BE_AT_CHANCE
        if name in said and above_chance(said[name], plan.folds, plan.tested, n_classes) < CERTAIN
    ]


def _plain(scores: Scores) -> dict[str, Any]:
    return {
        "rule": str(scores.rule),
        "test_selected": scores.rule.test_selected,
        "people": scores.people,
        "clips": scores.clips,
        "seeds": list(scores.seeds),
        "acc": plain_interval(scores.acc),
        "uf1": plain_interval(scores.uf1),
        "uar": plain_interval(scores.uar),
        "uar_is": scores.rule.uar_is,
        "macro_precision": scores.precision,
        "uf1_of_seeds": list(scores.uf1_of_seeds),
        "recall": dict(scores.recall),
        "classes": list(scores.classes),
        "confusion": scores.confusion.tolist(),
    }
