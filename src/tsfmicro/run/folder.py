"""A run on disk: enough to go on after a kill, and to score it again on another machine.

config.yaml                     the settings, all of them
run.json                        format, classes, key of the prepared set, machine and versions; written last
clips.csv                       every clip with its label
skipped.csv                     every clip that was left out, and why
folds.json                      who is on which side
folds/<fold>/seed-<n>/          logits.npz, model.safetensors: there only when whole
floors.npz, scores.json         what scoring adds
"""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import yaml

from tsfmicro.config import RunConfig, check_config, parse_yaml
from tsfmicro.errors import ConfigError, RunError, TsfmicroError
from tsfmicro.files import put_whole, write_whole
from tsfmicro.run.watch import Group, Task
from tsfmicro.types import Clip, Fold, Logits

FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """All that is fixed before the first training.

    Attributes:
        config: the settings.
        classes: class names in the order of their numbers.
        labels: class number of each clip id.
        folds: who is on which side.
        prepared: key of the prepared set.
    """

    config: RunConfig
    classes: tuple[str, ...]
    labels: Mapping[str, int]
    folds: tuple[Fold, ...]
    prepared: str

    @property
    def tasks(self) -> list[Task]:
        return [Task(fold.name, seed) for seed in self.config.train.seeds for fold in self.folds]

    def groups(self) -> list[Group]:
        """The tasks, those together that are trained together. It hangs on the plan alone, so every machine groups alike."""
        size = max(1, self.config.train.together)
        return [
            Group(tuple(Task(fold.name, seed) for fold in self.folds[start : start + size]))
            for seed in self.config.train.seeds
            for start in range(0, len(self.folds), size)
        ]

    def fold(self, name: str) -> Fold:
        return next(fold for fold in self.folds if fold.name == name)


@dataclass(frozen=True)
class RunFolder:
    """A run folder whose plan is written and was understood."""

    path: Path
    plan: Plan
    environment: Mapping[str, Any]

    @classmethod
    def start(
        cls,
        path: Path,
        plan: Plan,
        clips: Sequence[Clip],
        skipped: Sequence[tuple[str, str]],
        environment: Mapping[str, Any],
    ) -> RunFolder:
        """Write the plan, or find that this very plan was begun here before.

        Raises: RunError: the folder holds another run, or something else.
        """
        if (path / "run.json").exists():
            begun = cls.open(path)
            _same_plan(path, begun.plan, plan)
            return begun
        strange = (
            [f.name for f in path.iterdir() if f.name not in _PLAN_FILES and not f.name.startswith(".")]
            if path.exists()
            else []
        )
        if strange:
            raise RunError(f"{path}: is not a run folder, but holds {strange[0]}. Choose an empty or new folder.")
        path.mkdir(parents=True, exist_ok=True)
        write_whole(
            path / "config.yaml",
            yaml.safe_dump(plan.config.model_dump(mode="json"), sort_keys=False, allow_unicode=True),
        )
        write_whole(path / "clips.csv", _clips_table(clips, plan))
        write_whole(path / "skipped.csv", _table(["clip", "why"], skipped))
        write_whole(path / "folds.json", json.dumps([asdict(fold) for fold in plan.folds], indent=1))
        known = {"format": FORMAT, "prepared": plan.prepared, "classes": plan.classes, "environment": environment}
        write_whole(path / "run.json", json.dumps(known, indent=1))
        return cls(path, plan, environment)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Read a run's plan. Raises RunError: not a run folder, damaged, or of another format."""
        try:
            known = json.loads((path / "run.json").read_text(encoding="utf-8"))
            if known["format"] != FORMAT:
                raise RunError(
                    f"{path}: is a run of format {known['format']}, this version reads {FORMAT}. Use the version that made it."
                )
            config = check_config(
                parse_yaml((path / "config.yaml").read_text(encoding="utf-8")), str(path / "config.yaml")
            )
            classes = tuple(known["classes"])
            with (path / "clips.csv").open(encoding="utf-8", newline="") as stream:
                labels = {row["clip"]: classes.index(row["class"]) for row in csv.DictReader(stream)}
            folds = tuple(
                Fold(f["name"], tuple(f["train"]), tuple(f["test"]), tuple(f["val"]))
                for f in json.loads((path / "folds.json").read_text(encoding="utf-8"))
            )
        except FileNotFoundError as missing:
            what = Path(missing.filename).name
            raise RunError(
                f"{path}: is not a run folder: {what} is missing. Give the folder that `tsfmicro run --out` made."
            ) from None
        except (ValueError, KeyError, yaml.YAMLError, ConfigError, OSError) as damage:
            raise RunError(
                f"{path}: the run folder is damaged ({' '.join(str(damage).split())}). Restore it, or run again elsewhere."
            ) from None
        plan = Plan(config, classes, labels, folds, known["prepared"])
        return cls(path, plan, known["environment"])

    def place(self, task: Task) -> Path:
        return self.path / "folds" / task.fold / f"seed-{task.seed}"

    def missing(self) -> list[Task]:
        """Trainings that are not finished."""
        return [task for task in self.plan.tasks if not self.place(task).exists()]

    def missing_groups(self) -> list[Group]:
        """Groups in which a training is not finished."""
        missing = set(self.missing())
        return [group for group in self.plan.groups() if missing & set(group.tasks)]

    def save(self, task: Task, fold: Fold, logits: np.ndarray, losses: np.ndarray, weights: Mapping[str, Any]) -> None:
        """Keep a finished training. The folder gets its name when all of it is on disk.

        Args: logits: (epochs, test + val, C) in the fold's order; losses: (epochs,); weights: the model's state.
        Raises: RunError: the disk is full or may not be written to.
        """
        from safetensors.torch import save

        place = self.place(task)
        part = place.with_name(f".{place.name}.{os.getpid()}.part")
        try:
            part.mkdir(parents=True)
            tests = len(fold.test)
            np.savez(part / "logits.npz", test=logits[:, :tests], val=logits[:, tests:], losses=losses)
            # Written here and not by the library, whose error on a full disk is none of the system's.
            (part / "model.safetensors").write_bytes(save(dict(weights)))
            put_whole(part, place)
        except OSError as problem:
            raise RunError(
                f"{place}: cannot be written ({problem.strerror}). Make room: finished folds are kept, and the same command goes on."
            ) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)  # gone already where all went well

    def clear_halves(self) -> None:
        """Remove what a killed training was writing. Call it only while the folder is locked."""
        for part in self.path.glob("folds/*/.seed-*.part"):
            shutil.rmtree(part)

    def logits(self, seed: int) -> Logits:
        """Test logits of all folds of a seed. Raises RunError: a fold is missing or damaged."""
        return Logits.join([self._fold_logits(fold, seed) for fold in self.plan.folds])

    def _fold_logits(self, fold: Fold, seed: int) -> Logits:
        place = self.place(Task(fold.name, seed))
        if not place.exists():
            undone = len(self.missing())
            raise RunError(
                f"{self.path}: {undone} of {len(self.plan.tasks)} trainings are not finished. Run the same command again to finish them."
            )
        try:
            with np.load(place / "logits.npz") as stored:
                return Logits(fold.test, fold.name, seed, stored["test"])
        except (OSError, ValueError, KeyError, EOFError, BadZipFile, TsfmicroError) as damage:
            raise RunError(
                f"{place}: is damaged ({damage}). Delete that folder and run the same command again."
            ) from None


_PLAN_FILES = {"config.yaml", "clips.csv", "skipped.csv", "folds.json"}


def _clips_table(clips: Sequence[Clip], plan: Plan) -> str:
    columns = ["clip", "person", "class", "emotion", "onset", "apex", "offset", "action_units", "fixes"]
    rows = [
        [
            c.id,
            c.person,
            plan.classes[plan.labels[c.id]],
            c.emotion,
            c.onset,
            c.apex,
            c.offset,
            c.action_units.text,
            "; ".join(c.fixes),
        ]
        for c in clips
    ]
    return _table(columns, rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def _same_plan(path: Path, begun: Plan, now: Plan) -> None:
    was, wanted = (_flat(p.config.model_dump(mode="json")) for p in (begun, now))
    changes = [f"{key} {was.get(key)!r} → {wanted.get(key)!r}" for key in wanted if was.get(key) != wanted.get(key)]
    if not changes and begun.prepared != now.prepared:
        changes = ["the prepared faces (clips or images changed)"]
    if not changes and (begun.labels != now.labels or begun.folds != now.folds):
        changes = ["labels or folds (the package's version changed?)"]
    if changes:
        raise RunError(f"{path}: holds a run with other settings: {'; '.join(changes)}. Choose another --out.")


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {prefix: values}
    return {
        k: v for name, inner in values.items() for k, v in _flat(inner, f"{prefix}.{name}" if prefix else name).items()
    }
