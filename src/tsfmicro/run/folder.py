"""A run on disk: enough to go on after a kill, and to score it again on another machine.

config.yaml                     the settings, all of them
run.json                        format, classes, key of the prepared set, machine and versions; written last
clips.csv                       every clip with its label
skipped.csv                     every clip that was left out, and why
folds.json                      who is on which side
folds/<fold>/seed-<n>/          logits.npz, received.json (what the training was given), model.safetensors if kept: only when whole
start/                          what trainings begin with, where train.start says so: weights and card
checkpoints/                    the state of long trainings that are not finished
floors/shuffled/                the same for trainings on shuffled labels, where they were asked for
floor-<name>.npy, scores.json   what scoring adds
"""

from __future__ import annotations

import csv
import errno
import io
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import numpy as np
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tsfmicro.config import RunConfig, check_config, parse_yaml, without_gone, yaml_text
from tsfmicro.errors import RunError, UnknownNameError
from tsfmicro.evaluate.floors import shuffle_labels
from tsfmicro.files import csv_text, in_the_way, locked, put_whole, write_whole
from tsfmicro.labels import SCHEMES, is_of_units
from tsfmicro.run.start import Start
from tsfmicro.run.watch import Task
from tsfmicro.types import Clip, Fold, LabelScheme, Logits, Outcome

if TYPE_CHECKING:
    from tsfmicro.train.checkpoint import InFile

WEIGHTS, START, FINAL = "model.safetensors", "start", "final"
FOLD_NAME = r"^[^/\\\x00]{1,200}$"  # it becomes a folder's
FORMAT = 2  # 1, which knows no epochs and no choice of weights to keep, is read too

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Plan:
    """All that is fixed before the first training.

    Attributes:
        config: the settings.
        classes: class names in the order of their numbers.
        labels: class number of each clip id.
        folds: who is on which side.
        prepared: key of the prepared set.
        trained_for: epochs that each training leaves logits of, where they are not train.epochs.
        start: what trainings begin with, where that is not chance.
        written: the settings as config.yaml has them, in a plan that was read. They alone count for its digest, so that a
            setting which a later version adds changes nothing.
    """

    config: RunConfig
    classes: tuple[str, ...]
    labels: Mapping[str, int]
    folds: tuple[Fold, ...]
    prepared: str
    trained_for: int | None = None
    start: Start | None = None
    written: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def scheme(self) -> LabelScheme:
        """How labels are to be read; of a scheme that this version does not know, as classes."""
        name = self.config.data.scheme
        return SCHEMES.get(name) or LabelScheme(name, self.classes, {})

    def told(self, label: int) -> str:
        """A label in words: its class, or 'AU1+AU4', or 'none'."""
        return "+".join(self.classes[n] for n in self.scheme.classes_in(label)) or "none"

    def classes_only(self, what: str) -> None:
        """Raises RunError where this run is of action units, which something is not made for."""
        if self.scheme.units:
            raise RunError(
                f"run {self.config.name} tells action units, and {what} is for classes. See `tsfmicro evaluate`."
            )

    @property
    def is_of_first_format(self) -> bool:
        """Whether it was read from a run of the first format."""
        return self.written is not None and self.trained_for is None

    @property
    def epochs(self) -> int:
        """Epochs that each training leaves logits of."""
        return self.config.train.epochs if self.trained_for is None else self.trained_for

    @property
    def tasks(self) -> list[Task]:
        """A training for each seed and fold."""
        return self.tasks_of(shuffled=False)

    def tasks_of(self, shuffled: bool) -> list[Task]:
        """`tasks`, or those of the shuffled floor: every fold once more, with the first seed and shuffled labels."""
        seeds = self.config.train.seeds[: 1 if shuffled else None]
        return [Task(fold.name, seed, shuffled) for seed in seeds for fold in self.folds]

    def fold(self, name: str) -> Fold:
        """Raises UnknownNameError: there is none of that name."""
        found = next((fold for fold in self.folds if fold.name == name), None)
        if found is None:
            raise UnknownNameError("fold", name, (fold.name for fold in self.folds))
        return found

    @property
    def tested(self) -> dict[str, int]:
        """Class number of each clip that some fold tests; under some protocols there are clips that are only trained on."""
        return {clip: self.labels[clip] for clip in sorted(clip for fold in self.folds for clip in fold.test)}

    @property
    def digest(self) -> str:
        """SHA-256 of settings, classes, labels, folds, the prepared set's key and the start's weights."""
        settings = self.config.model_dump(mode="json") if self.written is None else self.written
        folds = [asdict(fold) for fold in self.folds]
        everything = [settings, self.classes, sorted(self.labels.items()), folds, self.prepared]
        everything += [self.start.digest] if self.start else []
        return sha256(json.dumps(everything, sort_keys=True, default=str).encode()).hexdigest()


class _Begun(BaseModel):
    format: int


class _Start(BaseModel):
    """What is kept of a start beside its files."""

    name: str
    digest: str
    seen: tuple[str, ...]
    tells: tuple[str, ...] = ()


class _Run(_Begun):
    """run.json."""

    prepared: str
    classes: tuple[str, ...]
    environment: dict[str, Any]
    epochs: int | None = None  # a run of the first format does not say
    start: _Start | None = None


class _FoldRow(BaseModel):
    """A fold as folds.json has it."""

    name: str = Field(pattern=FOLD_NAME)
    train: list[str]
    test: list[str]
    val: list[str]


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
        """Write the plan, or find that this very plan was begun here before. Hold the folder meanwhile (`held`).

        Raises: RunError: the folder holds another run, or something else.
        """
        if (path / "run.json").exists():
            begun = cls.open(path)
            _same_plan(begun, plan)
            return begun
        _make_place(path)
        write_whole(path / "config.yaml", yaml_text(plan.config))
        write_whole(path / "clips.csv", _clips_table(clips, plan))
        write_whole(path / "skipped.csv", csv_text(["clip", "why"], skipped))
        write_whole(path / "folds.json", json.dumps([asdict(fold) for fold in plan.folds], indent=1))
        if plan.start:
            plan = replace(plan, start=plan.start.kept(path / START))
        known = {"format": FORMAT, "prepared": plan.prepared, "classes": plan.classes, "plan": plan.digest}
        known |= {"epochs": plan.epochs}
        if plan.start:
            known |= {"start": {name: getattr(plan.start, name) for name in _Start.model_fields}}
        known |= {"environment": environment}
        write_whole(path / "run.json", json.dumps(known, indent=1))
        return cls(path, plan, environment)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Read a run's plan. Raises RunError: not a run folder, damaged, or of another format."""
        begun = read_file(path / "run.json", _Begun.model_validate_json)
        if begun.format not in (1, FORMAT):
            raise RunError(
                f"{path}: is a run of format {begun.format}, this version reads 1 and {FORMAT}. Use the version that made it."
            )
        known = read_file(path / "run.json", _Run.model_validate_json)
        settings = path / "config.yaml"
        written, config = read_file(settings, lambda text: _settings(parse_yaml(text), settings))
        rows, number = read_clips(path), {name: n for n, name in enumerate(known.classes)}
        if is_of_units(config.data.scheme):
            number = {name: 1 << n for name, n in number.items()} | {"none": 0}
        told = {
            row["clip"]: row["class"].split("+") if is_of_units(config.data.scheme) else [row["class"]] for row in rows
        }
        strange = [name for names in told.values() for name in names if name not in number]
        if strange:
            raise _damaged(path / "clips.csv", f"it names the class {strange[0]}, run.json does not")
        labels = {clip: sum({number[name] for name in names}) for clip, names in told.items()}
        folds = tuple(Fold(f["name"], tuple(f["train"]), tuple(f["test"]), tuple(f["val"])) for f in read_folds(path))
        unknown = [c for f in folds for c in (*f.train, *f.val, *f.test) if c not in labels]
        if unknown:
            raise _damaged(path, f"folds.json names {unknown[0]}, clips.csv does not")
        start = Start(**known.start.model_dump(), folder=path / START) if known.start else None
        if (start.name if start else None) != config.train.start:
            raise _damaged(settings, f"its train.start is {config.train.start}, that of run.json is not")
        plan = Plan(config, known.classes, labels, folds, known.prepared, known.epochs, start, written)
        return cls(path, plan, known.environment)

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """Clips that were left out, with the reason. Raises RunError: the list is missing or damaged."""
        return tuple((row["clip"], row["why"]) for row in _read_table(self.path / "skipped.csv", ("clip", "why")))

    def place(self, task: Task) -> Path:
        return self.path / ("floors/shuffled" if task.shuffled else "folds") / task.fold / f"seed-{task.seed}"

    def checkpoint(self, task: Task) -> InFile:
        """Where a long training keeps its state."""
        from tsfmicro.train.checkpoint import InFile

        kind = "shuffled-" if task.shuffled else ""
        return InFile(self.path / "checkpoints" / f"{kind}{task.fold}-seed-{task.seed}.pt", self.plan.digest)

    def missing(self, shuffled: bool = False) -> list[Task]:
        """Trainings that are not finished; with `shuffled`, those of the shuffled floor."""
        return [task for task in self.plan.tasks_of(shuffled) if not self.place(task).exists()]

    def save(
        self,
        task: Task,
        fold: Fold,
        labels: Mapping[str, int],
        logits: np.ndarray,
        losses: np.ndarray,
        weights: Mapping[str, Any] | None,
        on: Mapping[str, str] | None = None,
        seconds: float | None = None,
    ) -> None:
        """Keep a finished training. The folder gets its name when all of it is on disk.

        Args:
            labels: what the training was given to learn from; who they are and a digest are kept, for the audit.
            logits: (epochs, test + val, C) in the fold's order; losses: (epochs,).
            weights: the model's state; None where it is not to be kept.
            on: device and precision of the training; seconds: how long it took.
        Raises: RunError: the disk is full or may not be written to.
        """
        from safetensors.torch import save

        place = self.place(task)
        part = place.with_name(f".{place.name}.{uuid4().hex[:12]}.part")  # process numbers differ on one machine only
        try:
            part.mkdir(parents=True)
            tests = len(fold.test)
            np.savez(part / "logits.npz", test=logits[:, :tests], val=logits[:, tests:], losses=losses)
            received = {
                "plan": self.plan.digest,
                "clips": sorted(labels),
                "labels": labels_digest(labels),
                "asked": [*fold.test, *fold.val],
                "on": dict(on or {}),
                "seconds": seconds,
            }
            (part / "received.json").write_text(json.dumps(received, indent=1), encoding="utf-8")
            # Written here and not by the library, whose error on a full disk is none of the system's.
            if weights is not None:
                (part / WEIGHTS).write_bytes(save(dict(weights)))
            put_whole(part, place)
        except OSError as problem:
            if place.exists():  # another machine trained the same and was first
                return
            raise RunError(
                f"{place}: cannot be written ({problem.strerror}). Make room: finished folds are kept, and the same command goes on."
            ) from None
        finally:
            shutil.rmtree(part, ignore_errors=True)  # gone already where all went well

    def note_devices(self) -> None:
        """Put into run.json where the trainings ran and in which precision, as each of them wrote down: a run may be begun on
        one machine and trained on others, or go on elsewhere.
        """
        known = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        for what in ("device", "precision"):
            found = {on[what] for task in self.plan.tasks if what in (on := self._on(task))}
            if found:
                known["environment"][what] = ", ".join(sorted(found))
        write_whole(self.path / "run.json", json.dumps(known, indent=1))

    def _on(self, task: Task) -> dict[str, str]:
        """What a training wrote down of its device; nothing where it cannot be read."""
        try:
            return {what: str(name) for what, name in self._received(task)["on"].items()}
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return {}

    def _received(self, task: Task) -> Any:
        return json.loads((self.place(task) / "received.json").read_text(encoding="utf-8"))

    @property
    def seconds(self) -> float | None:
        """How long all trainings took together; None where one did not write it down."""
        try:
            return sum(float(self._received(task)["seconds"]) for task in self.plan.tasks)
        except (OSError, ValueError, LookupError, TypeError):
            return None

    def clear_halves(self) -> None:
        """Remove what a killed training was writing. Call it only while the folder is locked."""
        for part in self.halves():
            shutil.rmtree(part)

    def halves(self) -> list[Path]:
        """What killed trainings were writing."""
        return [part for root in ("folds", "floors/shuffled") for part in self.path.glob(f"{root}/*/.seed-*.part")]

    def logits(self, seed: int) -> Logits:
        """Test logits of all folds of a seed. Raises RunError: a fold is missing or damaged."""
        return Logits.join([outcome.test for outcome in self.outcomes(seed)])

    def outcomes(self, seed: int, shuffled: bool = False) -> list[Outcome]:
        """What each fold of a seed left for scoring. Raises RunError: a fold is missing or damaged."""
        return [self.outcome(Task(fold.name, seed, shuffled)) for fold in self.plan.folds]

    def outcome(self, task: Task) -> Outcome:
        """What one training left for scoring. Raises RunError: it is missing or damaged."""
        place, fold = self.place(task), self.plan.fold(task.fold)
        if not place.exists():
            undone, total = len(self.missing(task.shuffled)), len(self.plan.tasks_of(task.shuffled))
            raise RunError(
                f"{self.path}: {undone} of {total} trainings are not finished. Run the same command again to finish them."
            )
        try:
            with np.load(place / "logits.npz") as stored:
                sides = ((fold.test, stored["test"]), (fold.val, stored["val"]))
                for clips, values in sides:
                    expected = (self.plan.epochs, len(clips), len(self.plan.classes))
                    if values.shape != expected or values.dtype.kind != "f":
                        raise ValueError(f"logits of shape {values.shape} instead of {expected}, {values.dtype}")
                    if not np.isfinite(values).all():  # the largest of them would be the first class
                        raise DivergedError
                return Outcome(*(Logits(clips, fold.name, task.seed, values) for clips, values in sides))
        except DivergedError:
            raise RunError(
                f"{place}: some logits are no numbers: the training diverged. Run again elsewhere with a lower train.lr."
            ) from None
        except Exception as damage:  # whatever a damaged file may raise
            raise RunError(
                f"{place}: is damaged ({damage}). Delete that folder and run the same command again."
            ) from None


class DivergedError(Exception):
    """What a training left is no numbers."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep a run folder, new or begun, for this process.

    Raises: RunError: another process is at work there, or it cannot be a run folder.
    """

    def refuse() -> None:
        raise RunError(f"{path}: another process is running here. Wait for it, or choose another --out.")

    _make_place(path)
    with locked(path / ".lock", refuse):
        yield


def read_clips(path: Path) -> list[dict[str, str]]:
    """Rows of a run folder's clips.csv, with at least clip, person and class. Raises RunError: missing or damaged."""
    return _read_table(path / "clips.csv", ("clip", "person", "class"))


def read_folds(path: Path) -> list[dict[str, Any]]:
    """A run folder's folds.json as it stands, whoever is on which side. Raises RunError: missing or damaged."""
    rows = read_file(path / "folds.json", TypeAdapter(list[_FoldRow]).validate_json)
    return [row.model_dump() for row in rows]


def read_file(file: Path, understand: Callable[[str], Kind]) -> Kind:
    """What a file of a run folder says. Raises RunError: it is missing, cannot be read or not be understood."""
    try:
        return understand(file.read_text(encoding="utf-8"))
    except OSError as problem:
        lacks = problem.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
        raise RunError(
            f"{file.parent}: is not a run folder: {file.name} is missing. Give the folder that `tsfmicro run --out` made."
            if lacks
            else f"{file}: cannot be read ({problem.strerror}). Restore it, or run again elsewhere."
        ) from None
    except ValidationError as invalid:
        first = invalid.errors()[0]
        raise _damaged(file, f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")) from None
    except Exception as damage:  # whatever a damaged file may raise
        raise _damaged(file, damage) from None


def _read_table(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    def understand(text: str) -> list[dict[str, str]]:
        table = csv.DictReader(io.StringIO(text))
        rows = list(table)
        lacking = [name for name in columns if name not in (table.fieldnames or ())]
        if lacking:
            raise ValueError(f"it has no column {lacking[0]}")
        short = [n for n, row in enumerate(rows, start=2) if any(row[name] is None for name in columns)]
        if short:
            raise ValueError(f"row {short[0]} is cut short")
        return rows

    return read_file(file, understand)


def _damaged(file: Path, why: object) -> RunError:
    what = " ".join(str(why).split())[:300]
    return RunError(f"{file}: is damaged ({what}). Restore it, or run again elsewhere.")


def _settings(values: Any, where: Path) -> tuple[dict[str, Any], RunConfig]:
    """config.yaml as it is written, and as settings."""
    if not isinstance(values, dict):
        raise ValueError("it holds no settings")
    return values, check_config(without_gone(values), str(where))


def given_labels(plan: Plan, fold: Fold, task: Task) -> dict[str, int]:
    """The labels a training may know: those of its fold's training side, which the shuffled floor deals out anew."""
    labels = {clip: plan.labels[clip] for clip in fold.train}
    return shuffle_labels(labels, len(plan.classes), task.fold, task.seed) if task.shuffled else labels


def labels_digest(labels: Mapping[str, int]) -> str:
    """SHA-256 of clip ids with their class numbers."""
    return sha256(json.dumps(sorted(labels.items())).encode()).hexdigest()


_PLAN_FILES = {"config.yaml", "clips.csv", "skipped.csv", "folds.json", START}


def _make_place(path: Path) -> None:
    """A folder for a run, which nothing is written into where it is something else. Raises RunError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        _check_strange(path)
    except OSError as problem:
        raise RunError(f"{path}: cannot be a run folder ({problem.strerror}). Choose another --out.") from None


def _check_strange(path: Path) -> None:
    """Raises RunError: a folder holds something else than a run."""
    begun = (path / "run.json").exists()
    strange = [f.name for f in path.iterdir() if f.name not in _PLAN_FILES and not f.name.startswith(".")]
    if strange and not begun:
        raise RunError(f"{path}: is not a run folder, but holds {strange[0]}. Choose an empty or new folder.")


def _clips_table(clips: Sequence[Clip], plan: Plan) -> str:
    columns = ["clip", "person", "class", "emotion", "onset", "apex", "offset", "action_units", "fixes"]
    rows = [
        [
            c.id,
            c.person,
            plan.told(plan.labels[c.id]),
            c.emotion,
            c.onset,
            c.apex,
            c.offset,
            c.action_units.text,
            "; ".join(c.fixes),
        ]
        for c in clips
    ]
    return csv_text(columns, rows)


def check_place(path: Path, config: RunConfig) -> None:
    """Before anything is read: whether a run with these settings can be made, or go on, in a folder. Raises RunError."""
    if (there := in_the_way(path)) is not None:
        raise RunError(
            f"{path}: cannot be a run folder ({there} is no folder that may be written into). Choose another --out."
        )
    if path.exists():
        _check_strange(path)
    if (path / "run.json").exists():
        begun = RunFolder.open(path)
        _refuse(begun, _changes(begun.plan.config, config))


def _changes(was: RunConfig, now: RunConfig) -> list[str]:
    old, new = (_flat(config.model_dump(mode="json")) for config in (was, now))
    return [f"{key} {old.get(key)!r} → {new.get(key)!r}" for key in new if old.get(key) != new.get(key)]


def _refuse(folder: RunFolder, changes: Sequence[str]) -> None:
    if changes:
        raise RunError(f"{folder.path}: holds a run with other settings: {'; '.join(changes)}. Choose another --out.")


def _same_plan(folder: RunFolder, now: Plan) -> None:
    begun = folder.plan
    changes = _changes(begun.config, now.config)
    if not changes and begun.prepared != now.prepared and not begun.is_of_first_format:
        changes = ["the prepared faces (clips or images changed)"]
    if not changes and (begun.start and begun.start.digest) != (now.start and now.start.digest):
        changes = ["the start (its weights changed)"]
    if not changes and (begun.labels != now.labels or begun.folds != now.folds):
        changes = ["labels or folds (the package's version changed?)"]
    _refuse(folder, changes)
    if begun.is_of_first_format and folder.missing():
        raise RunError(
            f"{folder.path}: was begun by an earlier version, which prepared clips in another way, and is not finished. "
            "Finish it with that version, or choose another --out."
        )


def _flat(values: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(values, dict):
        return {prefix: values}
    return {
        k: v for name, inner in values.items() for k, v in _flat(inner, f"{prefix}.{name}" if prefix else name).items()
    }
