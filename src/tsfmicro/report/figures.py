"""Pictures of a run. Each function takes plain data and writes one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tsfmicro.types import PreparedSet, Scores, person_of


def draw_confusion(scores: Scores, path: Path) -> None:
    """Confusion matrix with counts and row percentages, readable in grey."""
    counts = scores.confusion
    shares = counts / counts.sum(1, keepdims=True)
    n = len(scores.classes)
    figure = Figure(figsize=(1.9 + 0.95 * n, 1.6 + 0.85 * n), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        text = f"{counts[row, column]}\n{share:.0%}"
        axes.text(column, row, text, ha="center", va="center", fontsize=9, color="white" if share > 0.55 else "black")
    axes.set_xticks(range(n), scores.classes, rotation=30, ha="right")
    axes.set_yticks(range(n), scores.classes)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    seeds = "" if len(scores.seeds) == 1 else f", {len(scores.seeds)} seeds summed"
    axes.set_title(
        f"UF1 {scores.uf1}   UAR {scores.uar}   ACC {scores.acc}\n{scores.people} people, {scores.clips} clips, rule {scores.rule}{seeds}",
        fontsize=9,
    )
    figure.savefig(path, dpi=130)


def draw_pairs(
    prepared: PreparedSet, labels: Mapping[str, int], classes: Sequence[str], path: Path, each: int = 2
) -> None:
    """What the model sees: for each class some clips of different people, with onset, apex and their difference (×4)."""
    chosen = [clip for n in range(len(classes)) for clip in _of_different_people(labels, n, each)]
    rows = -(-len(chosen) // each)
    figure = Figure(figsize=(each * 4.6, rows * 1.72), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, each * 3, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    for place, clip in enumerate(chosen):
        onset, apex = prepared.annotated[prepared.rows_of([clip])[0]]
        motion = np.clip(127.5 + 4 * (apex.astype(np.float32) - onset), 0, 255).astype(np.uint8)
        row, start = divmod(place, each)
        for column, (image, name) in enumerate(
            [(onset, clip), (apex, classes[labels[clip]]), (motion, "apex − onset, ×4")]
        ):
            axis = axes[row, 3 * start + column]
            axis.imshow(image)
            axis.set_title(name, fontsize=7)
    figure.savefig(path, dpi=130)


def _of_different_people(labels: Mapping[str, int], number: int, count: int) -> list[str]:
    """Clips of one class, from as many people as there are, in the order of their names."""
    seen: dict[str, str] = {}
    rest = []
    for clip in sorted(c for c, label in labels.items() if label == number):
        person = person_of(clip)
        if person in seen:
            rest.append(clip)
        seen.setdefault(person, clip)
    return [*seen.values(), *rest][:count]
