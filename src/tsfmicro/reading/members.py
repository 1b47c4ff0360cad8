"""The answer of several trainings together: seeds of one run, or several models on the same folds, averaged.

Seeds disagree about clips that are near a border, and what they say on average is right more often than one of them. All
members are taken, none is chosen: nothing here looks at a test person's label before it is scored. A face in a mirror shows the
same expression, so that each training may be asked of it too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.errors import RunError
from tsfmicro.evaluate.calibrate import softmax
from tsfmicro.evaluate.compare import Difference, differences, plain_differences, plain_interval, verdict
from tsfmicro.evaluate.score import score, tally
from tsfmicro.evaluate.select import RULES, Answers, answers_of
from tsfmicro.reading.inside import prepared_faces, trained
from tsfmicro.run.floors import floors
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.watch import Task, Watch
from tsfmicro.types import Logits, Scores

_LAST = RULES["last"]
_BATCH = 64


@dataclass(frozen=True)
class Members:
    """Several trainings' answers as one.

    Attributes:
        names: of the runs; seeds: how many of each; mirrored: whether each was asked of the mirrored clips too.
        scores: of the averaged answers; alone: of each run's seeds, as `evaluate` gives them.
        versus_alone: the average minus all members one by one, or, where they are mirrored, minus the same average without a mirror;
            paired over people. versus_linear: minus the first run's linear floor, None where it is missing.
    """

    names: tuple[str, ...]
    seeds: tuple[int, ...]
    scores: Scores
    alone: tuple[Scores, ...]
    versus_alone: Mapping[str, Difference]
    versus_linear: Mapping[str, Difference] | None
    mirrored: bool = False

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Headings and rows: the average, then each run by itself."""
        many = sum(self.seeds)
        what = f"{many} members averaged" if many > 1 else "one training"
        rows = [[f"{what}{', mirrored too' * self.mirrored}", *_cells(self.scores)]]
        for name, seeds, alone in zip(self.names, self.seeds, self.alone, strict=True):
            rows.append([f"{name}, {'one seed' if seeds == 1 else f'mean of {seeds} seeds'}", *_cells(alone)])
        return [f"rule {self.scores.rule}", "UF1", "UAR", "ACC"], rows

    def lines(self) -> list[str]:
        """What may be said of it."""
        than = "the same without a mirror" if self.mirrored else "its members"
        what = "what is said with a mirror" if self.mirrored else "the average"
        said = [f"{what} is {verdict(self.versus_alone['uf1'])} {than}: UF1 {self.versus_alone['uf1']}"]
        if self.versus_linear is not None:
            uf1 = self.versus_linear["uf1"]
            said.append(f"it is {verdict(uf1)} the linear floor: UF1 {uf1}")
        return [*said, f"{self.scores.people} people, {self.scores.clips} clips; no member was chosen, all are in it"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "rule": str(self.scores.rule),
            "mirrored": self.mirrored,
            "members": [{"run": name, "seeds": n} for name, n in zip(self.names, self.seeds, strict=True)],
            "people": self.scores.people,
            "clips": self.scores.clips,
            **{name: plain_interval(getattr(self.scores, name)) for name in ("acc", "uf1", "uar")},
            "recall": dict(self.scores.recall),
            "confusion": self.scores.confusion.tolist(),
            "minus_unmirrored" if self.mirrored else "minus_members": plain_differences(self.versus_alone),
            "minus_linear": plain_differences(self.versus_linear) if self.versus_linear else None,
        }


def members(
    runs: Sequence[Path], mirror: Path | None = None, device: str = "cpu", watch: Watch | None = None
) -> Members:
    """Average what all seeds of these runs said of each clip under rule 'last': class probabilities, then the largest.

    Args:
        runs: folders of finished runs of one plan: the same clips, labels and people left out together.
        mirror: the cache that holds the prepared faces, where it is not `cache` beside a run: then the weights of every training
            are asked of each test clip seen in a mirror too, and its logits are the mean of both. device: where.
    Raises:
        RunError: an unfinished run, runs of different plans, a run of action units, a single training that is not mirrored, or one
            whose weights were not kept or whose inputs cannot be mirrored.
        CacheError: the prepared faces are not there.
    """
    folders = [RunFolder.open(run) for run in runs]
    first = folders[0]
    for folder in folders:
        _check(first, folder)
    twice = [place for place, count in Counter(folder.path.resolve() for folder in folders).items() if count > 1]
    if twice:
        raise RunError(f"{twice[0]}: is given twice, and would count twice. Give each run once.")
    said = [[_last(folder, seed) for seed in folder.plan.config.train.seeds] for folder in folders]
    if sum(map(len, said)) < 2 and mirror is None:
        raise RunError(
            f"{first.path}: is one training, and there is nothing to average. "
            "Give further runs of the same folds, run it with --set train.seeds=[0,1,2], or ask with --mirror."
        )
    labels, classes = first.plan.tested, first.plan.classes
    both = said
    if mirror is not None:
        both = [_both(folder, run, mirror, device, watch or Watch()) for folder, run in zip(folders, said, strict=True)]
    together = tally([_averaged([one for run in both for one in run], tuple(sorted(labels)))], labels, classes)
    alone = [tally([answers_of(one) for one in run], labels, classes) for run in said]
    alone_said = [answers_of(one) for run in said for one in run]
    if mirror is not None:  # what the mirror adds, and not what averaging does
        alone_said = [_averaged([one for run in said for one in run], tuple(sorted(labels)))]
    everyone = tally(alone_said, labels, classes)
    linear = floors(first).get("linear")
    return Members(
        names=tuple(str(folder.path) for folder in folders),
        seeds=tuple(map(len, said)),
        scores=score(together, classes),
        alone=tuple(score(counts, classes) for counts in alone),
        versus_alone=differences(together, everyone),
        versus_linear=differences(together, tally(linear, labels, classes)) if linear else None,
        mirrored=mirror is not None,
    )


def _check(first: RunFolder, other: RunFolder) -> None:
    if other.plan.scheme.units:
        raise RunError(f"{other.path}: tells action units, and members are averaged for classes only.")
    if first.plan.classes != other.plan.classes or first.plan.tested != other.plan.tested:
        raise RunError(
            f"{first.path} and {other.path} did not test the same clips with the same labels. "
            "Average runs with the same data and scheme."
        )
    together = {frozenset(fold.test) for fold in first.plan.folds}
    if together != {frozenset(fold.test) for fold in other.plan.folds}:
        raise RunError(
            f"{first.path} and {other.path} left out other people together. Average runs with the same protocol."
        )


def _last(folder: RunFolder, seed: int) -> Logits:
    """(1, N, C) of all folds of a seed, of the last epoch."""
    parts = [outcome.test for outcome in folder.outcomes(seed)]
    return Logits.join([Logits(part.clips, part.fold, part.seed, part.values[-1:]) for part in parts])


def _both(folder: RunFolder, said: Sequence[Logits], cache: Path, device: str, watch: Watch) -> list[Logits]:
    """The same as the mean of what each training said and of what it says of the mirrored clips. Args: said: of each seed."""
    from tsfmicro.train.predict import predict

    prepared, means = prepared_faces(folder, [cache, folder.path.parent / "cache"]), []
    asked = [Task(fold.name, one.seed) for one in said for fold in folder.plan.folds]
    mirrored: dict[tuple[int, str], np.ndarray] = {}
    for done, task in enumerate(asked, 1):
        model, loader = trained(folder, prepared, task, device)
        fixed = [need for need in loader.needs if prepared.of(need).moves == "none"]
        if fixed:
            raise RunError(f"{folder.path}: looks at {fixed[0]}, which cannot be mirrored. Leave --mirror out.")
        clips = folder.plan.fold(task.fold).test
        answers = predict(model, loader, clips, _BATCH, mirrored=True).numpy(force=True)
        mirrored |= {(task.seed, clip): answer for clip, answer in zip(clips, answers, strict=True)}
        watch.progress("asking of mirrored clips", done, len(asked))
    for one in said:
        turned = np.stack([mirrored[one.seed, clip] for clip in one.clips])
        means.append(Logits(one.clips, one.fold, one.seed, (one.values + turned) / 2))
    return means


def _averaged(said: Sequence[Logits], clips: tuple[str, ...]) -> Answers:
    """Models differ in how large their logits are, so that their probabilities are averaged."""
    place = [{clip: n for n, clip in enumerate(one.clips)} for one in said]
    told = [softmax(one.values[0, [of[clip] for clip in clips]]) for one, of in zip(said, place, strict=True)]
    answer = np.sum(told, axis=0).argmax(-1)
    return Answers(_LAST, 0, clips, answer, answer)


def _cells(of: Scores) -> list[str]:
    return [str(of.uf1), str(of.uar), str(of.acc)]
