"""What a run is worth: its scores beside their floors, with people, clips, seeds and rule."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tsfmicro.errors import RunError
from tsfmicro.evaluate.floors import majority
from tsfmicro.evaluate.score import score
from tsfmicro.files import write_whole
from tsfmicro.run.folder import RunFolder
from tsfmicro.types import Interval, Logits, Scores


@dataclass(frozen=True)
class Summary:
    """Scores of a run.

    Attributes:
        name: the run's name.
        model: the scores of the trained model.
        floors: what always guessing the majority, and a linear model, reach on the same folds.
        skipped: clips that were left out.
    """

    name: str
    model: Scores
    floors: Mapping[str, Scores]
    skipped: int

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "name": self.name,
            "skipped_clips": self.skipped,
            **_plain(self.model),
            "floors": {name: _plain(scores) for name, scores in self.floors.items()},
        }

    def line(self) -> str:
        """UF1 0.61 [0.52, 0.69]   24 people, 145 clips, 1 seed, rule last, majority floor 0.25, linear floor 0.48"""
        s = self.model
        floors = "".join(f", {name} floor {f.uf1.value:.2f}" for name, f in self.floors.items())
        seeds = f"{len(s.seeds)} seed{'s' * (len(s.seeds) > 1)}"
        return f"UF1 {s.uf1}   {s.people} people, {s.clips} clips, {seeds}, rule {s.rule}{floors}"


def evaluate_run(folder: RunFolder, rule: str = "last") -> Summary:
    """Score a finished run from what it stored, and write scores.json beside it.

    Raises: RunError: trainings are missing or damaged.
    """
    plan = folder.plan
    runs = [folder.logits(seed) for seed in plan.config.train.seeds]
    floors = {"majority": majority(plan.folds, plan.labels, len(plan.classes)), **_stored_floors(folder)}
    summary = Summary(
        name=plan.config.name,
        model=score(runs, plan.labels, plan.classes, rule),
        floors={name: score([said], plan.labels, plan.classes) for name, said in floors.items()},
        skipped=len((folder.path / "skipped.csv").read_text(encoding="utf-8").splitlines()) - 1,
    )
    write_whole(folder.path / "scores.json", json.dumps(summary.to_dict(), indent=1))
    return summary


def store_floor(folder: RunFolder, name: str, said: Logits) -> None:
    """Keep a floor's logits, so that the run can be scored where its images are not."""
    order = {clip: n for n, clip in enumerate(said.clips)}
    values = said.values[:, [order[clip] for clip in sorted(order)]]
    content = io.BytesIO()
    np.save(content, values)
    write_whole(folder.path / f"floor-{name}.npy", content.getvalue())


def _stored_floors(folder: RunFolder) -> dict[str, Logits]:
    clips = tuple(sorted(folder.plan.labels))
    floors = {}
    for file in sorted(folder.path.glob("floor-*.npy")):
        try:
            floors[file.stem.removeprefix("floor-")] = Logits(clips, "all", 0, np.load(file))
        except (ValueError, OSError, EOFError) as damage:
            raise RunError(f"{file}: is damaged ({damage}). Delete it and run the same command again.") from None
    return floors


def _plain(scores: Scores) -> dict[str, Any]:
    def interval(of: Interval) -> dict[str, float]:
        return {"value": of.value, "low": of.low, "high": of.high}

    return {
        "rule": scores.rule,
        "people": scores.people,
        "clips": scores.clips,
        "seeds": list(scores.seeds),
        "acc": interval(scores.acc),
        "uf1": interval(scores.uf1),
        "uar": interval(scores.uar),
        "macro_precision": scores.precision,
        "recall": dict(scores.recall),
        "classes": list(scores.classes),
        "confusion": scores.confusion.tolist(),
    }
