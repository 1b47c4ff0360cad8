"""From a run folder to what reports are made from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from tsfmicro.data.registry import DATASETS
from tsfmicro.errors import TsfmicroError
from tsfmicro.evaluate import metrics
from tsfmicro.evaluate.calibrate import softmax
from tsfmicro.evaluate.interval import class_intervals
from tsfmicro.evaluate.score import Tally, tally
from tsfmicro.evaluate.select import rule_named
from tsfmicro.prepared import PreparedSet
from tsfmicro.reading.inside import features_of, maps_of, prepared_faces
from tsfmicro.report.material import Material
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.summary import ALL, Summary, answers, summarise
from tsfmicro.run.watch import Watch
from tsfmicro.types import Interval, Logits


def gather(
    folder: RunFolder, name: str, label: str, caches: Sequence[Path], device: str, watch: Watch, want_maps: bool = True
) -> Material:
    """Everything a report tells of a finished run; features and heat maps are worked out the first time.

    Args:
        name, label: what the run is called in the report.
        caches: where its prepared faces may be; without them what needs images is lacking, and the rest is there.
    Raises: RunError: trainings are missing or damaged.
    """
    folder.plan.classes_only("a report")
    plan, summary = folder.plan, summarise(folder, ALL)
    assert isinstance(summary, Summary)
    said = [folder.logits(seed) for seed in plan.config.train.seeds]
    clips = tuple(plan.tested)
    lacking = list(summary.notes)

    @cache
    def faces() -> PreparedSet:
        return prepared_faces(folder, caches)

    features = maps = None
    try:
        features = features_of(folder, faces, device, watch)
    except TsfmicroError as why:
        lacking.append(f"no features: {why}")
    try:
        maps = maps_of(folder, faces, device, watch) if want_maps else None
    except TsfmicroError as why:
        lacking.append(f"no heat maps: {why}")
    if not want_maps:
        lacking.append("no heat maps: they were not asked for")

    lacking += [
        f"{name} is never answered"
        for name, column in zip(plan.classes, summary.model.confusion.T, strict=True)
        if not column.any()
    ]
    if summary.model.people == 1:
        lacking.append("only one person: the intervals, which are over people, tell nothing")
    assert summary.leak is not None, "all rules were asked for"
    return Material(
        name=name,
        label=label,
        config=plan.config,
        environment=folder.environment,
        classes=plan.classes,
        clips=clips,
        target=np.array([plan.labels[clip] for clip in clips]),
        probabilities=np.stack([softmax(_in_order(seed, clips)[-1]) for seed in said]),
        curves=curves(said, plan.tested, len(plan.classes)),
        scores={scores.rule.name: scores for scores in summary.scores},
        recalls={s.rule.name: recall_intervals(counted(folder, s.rule.name)) for s in summary.scores},
        leak=summary.leak,
        floors=summary.floors,
        skipped=folder.skipped,
        published_clips=_published_clips(folder),
        generated=bool(folder.environment.get("generated")),
        features=features,
        maps=maps,
        lacking=tuple(lacking),
    )


def counted(folder: RunFolder, rule: str) -> Tally:
    """Answers under a rule, counted by person."""
    return tally(answers(folder, rule_named(rule)), folder.plan.tested, folder.plan.classes)


def recall_intervals(counts: Tally) -> tuple[Interval, ...]:
    """Recall of each class, mean over seeds, with 95 % intervals over people."""
    return class_intervals(metrics.recall, counts.for_f1)


def curves(seeds: Sequence[Logits], labels: dict[str, int], n_classes: int) -> dict[str, np.ndarray]:
    """Scores after each epoch, pooled over folds: 'acc', 'uf1', 'uar' → (S, epochs)."""
    confusions = np.stack(
        [
            [
                metrics.confusion_matrix(np.array([labels[c] for c in said.clips]), epoch.argmax(-1), n_classes)
                for epoch in said.values
            ]
            for said in seeds
        ]
    )
    return {"acc": metrics.accuracy(confusions), "uf1": metrics.uf1(confusions), "uar": metrics.uar(confusions)}


def _in_order(said: Logits, clips: Sequence[str]) -> np.ndarray:
    place = {clip: n for n, clip in enumerate(said.clips)}
    return said.values[:, [place[clip] for clip in clips]]


def _published_clips(folder: RunFolder) -> int | None:
    names = folder.plan.config.data.datasets
    known = DATASETS.get(names[0]) if len(names) == 1 else None  # a script's own is not there
    counts = known.published.get(folder.plan.config.data.scheme) if known else None
    return sum(counts.values()) if counts else None
