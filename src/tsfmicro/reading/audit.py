"""`tsfmicro audit`: what a finished run's folder proves about its scores.

It proves what is written there. That `fit` learned from nothing but the labels it was handed is for the code and its tests
to show, and for the floors of shuffled labels.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tsfmicro.config import parse_yaml
from tsfmicro.data.registry import DATASETS
from tsfmicro.errors import RunError, TsfmicroError
from tsfmicro.evaluate.audit import Check, clips_are_tested_once, ids_are_distinct, people_are_apart, values_are_equal
from tsfmicro.files import counted
from tsfmicro.reading.ablate import FILE as ABLATION
from tsfmicro.reading.ablate import WITHOUT, plain_gain
from tsfmicro.reading.compare import compare
from tsfmicro.run.floors import MUST_BE_AT_CHANCE
from tsfmicro.run.folder import FINAL, RunFolder, given_labels, labels_digest, read_clips, read_file, read_folds
from tsfmicro.run.start import Start, seen_of
from tsfmicro.run.summary import ALL, summarise
from tsfmicro.run.watch import Task


@dataclass(frozen=True)
class Audit:
    """The checks of a run, in the order in which they were made."""

    run: Path
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def lines(self) -> list[str]:
        """One line for each check, and the verdict."""
        failed = sum(not check.passed for check in self.checks)
        verdict = "all checks passed" if self.passed else f"{failed} of {len(self.checks)} checks failed"
        return [*(check.line() for check in self.checks), f"{self.run}: {verdict}"]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        checks = [
            {"claim": c.claim, "passed": c.passed, "ground": c.ground, "problems": list(c.problems)}
            for c in self.checks
        ]
        return {"run": str(self.run), "passed": self.passed, "checks": checks}


def audit(path: Path) -> Audit:
    """Check a finished run.

    Raises: RunError: no run folder, or its lists cannot be read at all.
    """
    rows, folds, datasets = _lists(path)
    checks = [
        ids_are_distinct(rows, datasets),
        people_are_apart(folds),
        clips_are_tested_once(folds, [row["clip"] for row in rows]),
    ]
    try:
        folder = RunFolder.open(path)
        if {
            clip for fold in folder.plan.folds for clip in (*fold.train, *fold.val, *fold.test)
        } - folder.plan.labels.keys():
            raise RunError(f"{path}: folds.json holds clips that are not in clips.csv.")
    except TsfmicroError as problem:
        return Audit(path, (*checks, Check("the plan can be read", "config.yaml, run.json", (str(problem),))))
    if folder.plan.start:
        checks.append(_start(folder.plan.start, folder))
    tasks = [*folder.plan.tasks, *_finished_shuffled(folder)]
    done = sum(folder.place(task).exists() for task in tasks)
    seen = counted(len(tasks), "training") if done == len(tasks) else f"{done} of {counted(len(tasks), 'training')}"
    checks += [
        Check(
            "the plan is the one that was begun, and every training's",
            seen,
            tuple(_changed_plan(folder, tasks)),
        ),
        Check(
            "each training got the labels of its training side, and no other",
            seen,
            tuple(_labels(folder, tasks)),
        ),
        Check("every clip was answered in every epoch", seen, tuple(_answers(folder, tasks))),
        Check("nothing is missing, half-written or left over", "all files", tuple(_leftovers(folder, tasks))),
    ]
    checks += _scores(folder)
    if (path / WITHOUT).exists() or (path / ABLATION).exists():
        checks.append(Check("what the start gave is what both runs say", WITHOUT, tuple(_ablation(path))))
    return Audit(path, tuple(checks))


def _ablation(path: Path) -> Iterator[str]:
    """What is wrong with the same run without its start, or with what is written of the two."""
    inner = path / WITHOUT
    try:
        yield from (f"{inner.name}: {problem}" for check in audit(inner).checks for problem in check.problems)
        kept = _unnamed(json.loads((path / ABLATION).read_text(encoding="utf-8")))
        gain = plain_gain(compare(path, str(inner)), RunFolder.open(path).plan.config)
        if problems := values_are_equal(kept, _unnamed(json.loads(json.dumps(gain)))):
            yield f"{ABLATION} is not what both runs give: {problems[0]}"
    except FileNotFoundError:
        yield f"{ABLATION} is missing; the command that made the run, with --ablate start, writes it"
    except TsfmicroError as problem:
        yield f"{ABLATION} cannot be computed: {problem}"
    except Exception as damage:  # whatever a damaged file may raise
        yield f"{ABLATION} is damaged ({damage}); the command that made the run writes it anew"


def _unnamed(gain: Any) -> Any:
    """Without the folders' names, since both may have been moved, and without intervals, which another version has of another kind."""
    return _without_intervals({k: {**v, "name": ""} if k in ("a", "b") else v for k, v in gain.items()})


def _lists(path: Path) -> tuple[list[dict[str, str]], list[dict[str, Any]], list[str]]:
    """clips.csv, folds.json and the datasets of config.yaml, just as they are."""
    rows, folds = read_clips(path), read_folds(path)
    datasets = read_file(path / "config.yaml", lambda text: parse_yaml(text)["data"]["datasets"])
    if not isinstance(datasets, list) or not all(isinstance(name, str) for name in datasets):
        raise RunError(
            f"{path / 'config.yaml'}: data.datasets is {datasets!r}, not a list of names. Restore it from a copy."
        )
    datasets = [one for name in datasets for one in (DATASETS[name].shows if name in DATASETS else [name])]
    return rows, folds, datasets


def _start(start: Start, folder: RunFolder) -> Check:
    tested = [clip for fold in folder.plan.folds for clip in fold.test]
    met = seen_of(start.seen, tested, folder.environment.get("casts", {}))
    problems = [f"{who} is tested, and {start.name} has learned from them" for who in met]
    try:
        start.content()
    except TsfmicroError as damage:
        problems.append(str(damage))
    return Check(
        "the start has seen nobody who is tested, and is the one that was begun with", start.name, tuple(problems)
    )


def _finished_shuffled(folder: RunFolder) -> list[Task]:
    return [task for task in folder.plan.tasks_of(shuffled=True) if folder.place(task).exists()]


def _changed_plan(folder: RunFolder, tasks: list[Task]) -> Iterator[str]:
    digest = folder.plan.digest
    begun = json.loads((folder.path / "run.json").read_text(encoding="utf-8")).get("plan")
    if begun != digest:
        yield "settings, labels or folds were changed after the run began"
    for task, received in _received(folder, tasks):
        if received.get("plan") != digest:
            yield f"{task} was trained under another plan"


def _labels(folder: RunFolder, tasks: list[Task]) -> Iterator[str]:
    for task in tasks:
        if folder.place(task).exists() and _record(folder, task) is None:
            yield f"{task} has no readable received.json"
    for task, received in _received(folder, tasks):
        fold = folder.plan.fold(task.fold)
        others = set(received.get("clips", ())) - set(fold.train)
        tested = others & set(fold.test)
        if tested:
            yield f"{task} learned from {len(tested)} of its test clips, e.g. {min(tested)}"
        elif others:
            yield f"{task} learned from clips that are not on its training side, e.g. {min(others)}"
        elif received.get("clips") != sorted(fold.train):
            yield f"{task} did not learn from its whole training side"
        elif received.get("labels") != labels_digest(given_labels(folder.plan, fold, task)):
            yield f"{task} learned from other labels than those in clips.csv"
        if received.get("asked") != [*fold.test, *fold.val]:
            yield f"{task} was asked about other clips than its test and validation side"


def _answers(folder: RunFolder, tasks: list[Task]) -> Iterator[str]:
    epochs, n_classes = folder.plan.epochs, len(folder.plan.classes)
    for task in tasks:
        if not folder.place(task).exists():
            continue  # told as missing
        fold = folder.plan.fold(task.fold)
        try:
            with np.load(folder.place(task) / "logits.npz") as stored:
                for side, clips in (("test", fold.test), ("val", fold.val)):
                    wanted = (epochs, len(clips), n_classes)
                    if stored[side].shape != wanted:
                        yield f"{task}: {side} logits are {stored[side].shape}, not {wanted}"
                    elif stored[side].dtype.kind != "f":
                        yield f"{task}: {side} logits are {stored[side].dtype}"
                    elif not np.isfinite(stored[side]).all():
                        yield f"{task}: some {side} logits are no numbers"
        except Exception as damage:  # whatever a damaged file may raise
            yield f"{task}: logits.npz is damaged ({damage})"


def _leftovers(folder: RunFolder, tasks: list[Task]) -> Iterator[str]:
    from safetensors import SafetensorError, safe_open

    for part in folder.path.rglob("*.part"):
        yield f"{part.relative_to(folder.path)} was not written to its end"
    missing = folder.missing()
    if missing:
        yield f"{len(missing)} of {len(folder.plan.tasks)} trainings are not finished"
    places = {folder.place(task) for task in tasks}
    for root in ("folds", "floors/shuffled"):
        for place in sorted(folder.path.glob(f"{root}/*/[!.]*")):
            if place not in places:
                yield f"{place.relative_to(folder.path)} is of no training of this run"
    for task in tasks:
        weights = folder.place(task) / "model.safetensors"
        try:
            if weights.parent.exists() and (weights.exists() or folder.plan.config.train.keep == "last"):
                with safe_open(weights, "numpy") as stored:
                    stored.keys()
        except (SafetensorError, OSError) as damage:
            yield f"{task}: model.safetensors is damaged ({damage})"
    try:
        if (folder.path / FINAL).exists():
            from tsfmicro.models.pretrained import from_pretrained

            from_pretrained(folder.path / FINAL)
    except TsfmicroError as damage:
        yield f"the final model: {damage}"


def _scores(folder: RunFolder) -> list[Check]:
    claim, ground = "scores.json is what the logits give", "computed again"
    chance = "models that learned from shuffled labels sit at chance"
    try:
        stored = json.loads((folder.path / "scores.json").read_text(encoding="utf-8"))
        shown = list(stored["rules"])
        summary = summarise(folder, ALL if len(shown) > 2 else shown[-1])
    except FileNotFoundError as lacking:
        return [Check(claim, ground, (f"{Path(lacking.filename).name} is missing; `tsfmicro evaluate` writes it",))]
    except TsfmicroError as problem:
        return [Check(claim, ground, (f"they cannot be computed: {problem}",))]
    except Exception as damage:  # whatever a damaged file may raise
        return [Check(claim, ground, (f"scores.json is damaged ({damage}); `tsfmicro evaluate` writes it anew",))]
    computed = json.loads(json.dumps(summary.to_dict()))
    ground = "computed again"
    if stored.get("interval") != computed["interval"]:
        ground += "; its intervals are of an earlier version's kind and are not compared"
        stored, computed = _without_intervals(stored), _without_intervals(computed)
    del computed["notes"]  # they tell what is not there yet
    stored.pop("notes", None)
    if "mean_of_datasets" not in stored:  # as earlier versions left it
        computed.pop("mean_of_datasets", None)
    floors = ", ".join(name for name in MUST_BE_AT_CHANCE if name in summary.floors)
    missing = "not for action units" if folder.plan.scheme.units else "there is none"
    return [
        Check(claim, f"rule {', '.join(shown)}; {ground}", tuple(values_are_equal(stored, computed))),
        Check(chance, floors or missing, summary.warnings),
    ]


def _without_intervals(values: Any) -> Any:
    if isinstance(values, dict):
        return {k: _without_intervals(v) for k, v in values.items() if k not in ("low", "high", "interval", "warnings")}
    return [_without_intervals(value) for value in values] if isinstance(values, list) else values


def _received(folder: RunFolder, tasks: list[Task]) -> Iterator[tuple[Task, dict[str, Any]]]:
    for task in tasks:
        record = _record(folder, task)
        if record is not None:
            yield task, record


def _record(folder: RunFolder, task: Task) -> dict[str, Any] | None:
    """What the training said it was given; None where that cannot be read."""
    try:
        record = json.loads((folder.place(task) / "received.json").read_text(encoding="utf-8"))
        named = all(isinstance(clip, str) for clip in record.get("clips", ()))
    except Exception:  # whatever a damaged file may raise
        return None
    return record if named else None
