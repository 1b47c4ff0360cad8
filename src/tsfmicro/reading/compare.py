"""Is one run better than another, or than a floor? A paired test over people, on the clips that both tested."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tsfmicro.errors import RunError
from tsfmicro.evaluate.compare import (
    ClipDifference,
    Difference,
    clip_differences,
    differences,
    plain_differences,
    plain_interval,
    verdict,
)
from tsfmicro.evaluate.score import score, tally
from tsfmicro.evaluate.select import Answers, rule_named
from tsfmicro.evaluate.units import score_units, tally_units
from tsfmicro.files import counted
from tsfmicro.run.floors import FLOORS, floors
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.summary import answers, shown
from tsfmicro.run.units import unit_answers
from tsfmicro.types import Rule, Scores, UnitScores

TITLES = {"uf1": "UF1", "uar": "UAR", "acc": "ACC", "f1": "mean binary F1", "macro_f1": "macro F1"}


@dataclass(frozen=True)
class Side:
    """One of two that are compared.

    Attributes:
        name: the run's folder, or the floor.
        labels: of each clip it tested; told: says one in words.
        answers: what it answered, seed by seed.
    """

    name: str
    classes: tuple[str, ...]
    labels: Mapping[str, int]
    told: Callable[[int], str]
    answers: Sequence[Answers]


@dataclass(frozen=True)
class Comparison:
    """A minus B, on the clips that both tested.

    Attributes:
        names: of A and B; scores: theirs, on the shared clips alone.
        differences: of uf1, uar, acc, or of f1 and macro_f1 of action units; paired over people. The first decides.
        clips: those on which the two differ, A's gains first; none for action units.
        unshared: how many clips A alone and B alone tested.
    """

    names: tuple[str, str]
    rule: Rule
    scores: tuple[Scores | UnitScores, Scores | UnitScores]
    differences: Mapping[str, Difference]
    clips: tuple[ClipDifference, ...]
    unshared: tuple[int, int]

    def headline(self) -> str:
        """A is not shown to be better than B: UF1 +0.03 [-0.04, +0.09], p 0.410"""
        name, first = next(iter(self.differences.items()))
        return f"A is {verdict(first)} B: {TITLES[name]} {first}"

    def about(self) -> list[str]:
        """Who is compared, on what."""
        a, b = self.scores
        seeds = (
            f"{len(a.seeds)} and {counted(len(b.seeds), 'seed')}"
            if max(len(a.seeds), len(b.seeds)) > 1
            else "1 seed each"
        )
        lines = [f"A = {self.names[0]}", f"B = {self.names[1]}"]
        lines.append(f"rule {self.rule}, {a.people} people, {a.clips} clips that both tested, {seeds}")
        if any(self.unshared):
            lines.append(
                f"not shared, hence left out: {self.unshared[0]} clips that only A tested, {self.unshared[1]} only B"
            )
        return lines

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows: every score of both, the difference, p."""
        rows = []
        for name, d in self.differences.items():
            a, b = (getattr(scores, name) for scores in self.scores)
            rows.append([TITLES[name], str(a), str(b), f"{d.interval:+}", d.shown_p])
        return ["", "A", "B", "A − B", "p"], rows

    def clips_table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows: the clips on which they differ; with several seeds, the most frequent answer and how many are
        right."""
        classes = self.scores[0].classes
        rows = [
            [d.clip, classes[d.truth], *(self._answer(classes[d.answers[n]], d.right[n], n) for n in (0, 1))]
            for d in self.clips
        ]
        return ["clip", "truth", "A said", "B said"], rows

    def _answer(self, said: str, right: float, side: int) -> str:
        seeds = len(self.scores[side].seeds)
        return said if seeds == 1 else f"{said} ({round(right * seeds)} of {seeds} right)"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        classes = self.scores[0].classes
        return {
            "rule": str(self.rule),
            "people": self.scores[0].people,
            "clips": self.scores[0].clips,
            "only_a": self.unshared[0],
            "only_b": self.unshared[1],
            **{
                side: {
                    "name": name,
                    "seeds": list(s.seeds),
                    **{score: plain_interval(getattr(s, score)) for score in self.differences},
                }
                for side, name, s in zip("ab", self.names, self.scores, strict=True)
            },
            "a_minus_b": plain_differences(self.differences),
            "differing_clips": [
                {
                    "clip": d.clip,
                    "truth": classes[d.truth],
                    **{side: {"said": classes[d.answers[n]], "right": d.right[n]} for n, side in enumerate("ab")},
                }
                for d in self.clips
            ],
        }


def compare(run: Path, other: str, rule: str = "last") -> Comparison:
    """A run beside another run, or beside a floor of its own.

    Args:
        run: folder of a finished run, A.
        other: B: a folder, or 'majority', 'linear', 'shuffled-linear', 'shuffled'. (A folder of such a name: write ./linear)
        rule: 'last' or 'inner', for both.
    Raises:
        RunError: an unfinished run, another set of classes, other labels, no common clips, or a test-selected rule.
    """
    chosen = rule_named(rule)
    if chosen.test_selected:
        raise RunError(f"rule {chosen} cannot show that a run is better. Compare with --rule last or inner.")
    folder = RunFolder.open(run)
    a = _run_side(folder, chosen)
    b = _floor_side(folder, other) if other in FLOORS else _run_side(RunFolder.open(Path(other)), chosen)
    labels = _shared_labels(a, b)
    said_a, said_b = ([seed.only(labels) for seed in side.answers] for side in (a, b))
    unshared = (len(a.labels) - len(labels), len(b.labels) - len(labels))
    if folder.plan.scheme.units:
        units_a, units_b = (tally_units(said, labels, a.classes) for said in (said_a, said_b))
        both = score_units(units_a, a.classes), score_units(units_b, a.classes)
        return Comparison((a.name, b.name), chosen, both, differences(units_a, units_b), (), unshared)
    count_a, count_b = (tally(said, labels, a.classes) for said in (said_a, said_b))
    return Comparison(
        names=(a.name, b.name),
        rule=chosen,
        scores=(score(count_a, a.classes), score(count_b, a.classes)),
        differences=differences(count_a, count_b),
        clips=tuple(clip_differences(said_a, said_b, labels, len(a.classes))),
        unshared=unshared,
    )


def _run_side(folder: RunFolder, rule: Rule) -> Side:
    if rule.name == "inner" and not folder.plan.config.train.val_people:
        raise RunError(
            f"{folder.path}: rule inner needs validation people, and this run held none out. Compare with --rule last, or run it again "
            "elsewhere with --set train.val_people=3, say."
        )
    said = unit_answers(folder, rule) if folder.plan.scheme.units else answers(folder, rule)
    return Side(str(folder.path), folder.plan.classes, folder.plan.tested, folder.plan.told, said)


def _floor_side(folder: RunFolder, name: str) -> Side:
    found = floors(folder)
    if name not in found:
        with_it = "with --shuffled" if name == "shuffled" else "again"
        raise RunError(f"{folder.path}: has no {shown(name)} floor. Give the command that made the run {with_it}.")
    return Side(f"the {shown(name)} floor", folder.plan.classes, folder.plan.tested, folder.plan.told, found[name])


def _shared_labels(a: Side, b: Side) -> dict[str, int]:
    """Class number of each clip that both tested."""
    if a.classes != b.classes:
        raise RunError(
            f"{a.name} has the classes {', '.join(a.classes)}, {b.name} has {', '.join(b.classes)}. "
            "Compare runs with the same data.scheme."
        )
    shared = sorted(a.labels.keys() & b.labels.keys())
    if not shared:
        raise RunError(f"{a.name} and {b.name} tested no clip in common. Compare runs that tested the same people.")
    other = [clip for clip in shared if a.labels[clip] != b.labels[clip]]
    if other:
        was, now = (side.told(side.labels[other[0]]) for side in (a, b))
        raise RunError(
            f"{len(other)} clips have different labels, e.g. {other[0]}: {was} in {a.name}, {now} in {b.name}. "
            "Compare runs with the same data.scheme and sheet."
        )
    return {clip: a.labels[clip] for clip in shared}
