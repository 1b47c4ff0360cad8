"""The types that every room shares. They are frozen, and what would be wrong cannot be built."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from tsfmicro import people
from tsfmicro.errors import AnnotationError, FrameError, LabelError, LeakageError, ShapeError

if TYPE_CHECKING:
    import numpy as np

Pair = Literal["annotated", "widest"]


@dataclass(frozen=True)
class Frames:
    """The frames of one clip on disk: a folder, and the file of each frame number the dataset uses.

    Attributes: depth: the depth pictures of the same frames, under the same numbers; None where there are none.
    """

    folder: Path
    files: Mapping[int, str] = field(repr=False)
    depth: Frames | None = field(repr=False, default=None)

    def path(self, index: int) -> Path:
        """File of frame `index`. Raises FrameError when the folder does not have it."""
        if index not in self.files:
            have = (
                f"it has {len(self.files)} frames, {min(self.files)}–{max(self.files)}" if self.files else "it is empty"
            )
            raise FrameError(
                f"{self.folder}: frame {index} is missing ({have}). Copy the frame there, or exclude the clip."
            )
        return self.folder / self.files[index]

    @property
    def numbers(self) -> Collection[int]:
        """The frame numbers there are."""
        return self.files.keys()

    def where(self, index: int) -> str:
        """Frame `index` in words. Raises FrameError when the folder does not have it."""
        return str(self.path(index))


@dataclass(frozen=True)
class VideoFrames:
    """The frames of one clip inside a video file, which may hold many clips.

    Attributes: video: the file; count: frames it has; first: the number that the dataset gives to its first frame.
    """

    video: Path
    count: int
    first: int = 0
    depth: ClassVar[None] = None

    @property
    def numbers(self) -> range:
        """The frame numbers there are."""
        return range(self.first, self.first + self.count)

    def where(self, index: int) -> str:
        """Frame `index` in words. Raises FrameError when the video does not have it."""
        if index not in self.numbers:
            raise FrameError(
                f"{self.video}: frame {index} is missing (it has {self.count} frames, from {self.first} on). "
                "Copy the whole video there, or exclude the clip."
            )
        return f"{self.video}, frame {index}"


@dataclass(frozen=True)
class ActionUnit:
    """One action unit of the Facial Action Coding System, e.g. R14B = right-sided 14, intensity B."""

    number: int
    side: str = ""  # L, R left or right; T, B top or bottom; A as some sheets write it
    intensity: str = ""  # A (trace) … E (maximum)
    certain: bool = True
    moves: bool = True  # False for a static one, which is there all the time, and for one that is lost


@dataclass(frozen=True)
class ActionUnits:
    """The action units of a clip as parsed, and the text they were read from."""

    text: str
    units: tuple[ActionUnit, ...] = ()

    @property
    def numbers(self) -> tuple[int, ...]:
        """Of those that move."""
        return tuple(unit.number for unit in self.units if unit.moves)


@dataclass(frozen=True)
class Clip:
    """One annotated micro-expression.

    Attributes:
        dataset, subject, name: as the dataset writes them, e.g. casme2, sub04, EP13_02.
        frames: where its images are.
        onset, apex, offset: frame numbers; apex and offset are None where the sheet has none that can be used.
        fps: frames per second.
        emotion: lower-case, as the sheet says.
        action_units: parsed, with the raw text.
        fixes: corrections that were applied, each "column was→now: why".
        objective: the class of its action units, I to VIII, whatever the emotion; empty where the sheet has none.
        ready: the product that its apex "frame" is a ready-made file of, e.g. "flow"; empty where frames are pictures.
    Raises:
        AnnotationError: the apex lies outside onset–offset, or a part of the id holds a slash.
    """

    dataset: str
    subject: str
    name: str
    frames: Frames | VideoFrames = field(compare=False)
    onset: int
    apex: int | None
    offset: int | None
    fps: float
    emotion: str
    action_units: ActionUnits = ActionUnits("")
    fixes: tuple[str, ...] = ()
    ready: str = ""
    objective: str = ""

    def __post_init__(self) -> None:
        if any("/" in part or not part for part in (self.dataset, self.subject, self.name)):
            raise AnnotationError(
                f"{self.id}: dataset, subject and name must be there and hold no slash. Rename the clip."
            )
        last = self.offset if self.offset is not None else self.apex
        if self.apex is not None and last is not None and not self.onset <= self.apex <= last:
            raise AnnotationError(
                f"{self.id}: apex {self.apex} lies outside onset {self.onset} to offset {self.offset}. "
                "Correct the row in the sheet, or add it to the dataset's fixes with a reason."
            )

    @property
    def id(self) -> str:
        return f"{self.dataset}/{self.subject}/{self.name}"

    @property
    def person(self) -> str:
        """Whom it shows, whichever dataset does."""
        return people.person(self.dataset, self.subject)


def person_of(clip_id: str) -> str:
    """The person in a clip id, whichever dataset shows them: 'casme2/sub04/EP13_02' → 'casme2/sub04', and both
    'smic-hs/s1/s1_ne_01' and 'smic-vis/s01/s1_ne_01' → 'smic/s01'."""
    dataset, _, rest = clip_id.partition("/")
    return people.person(dataset, rest.rpartition("/")[0])


def dataset_of(clip_id: str) -> str:
    """The dataset in a clip id: 'casme2/sub04/EP13_02' → 'casme2'. A person's id has none: several may show them."""
    return clip_id.partition("/")[0]


@dataclass(frozen=True)
class LabelScheme:
    """Which emotions count as which class; or which action units are told, of which a clip shows any number.

    The label of a clip is its class number. Under a scheme of action units it is a number whose bits are its units: bit n for
    classes[n], sides and intensities dropped.

    Attributes:
        name: e.g. 'casme2-5'.
        classes: class names in the order of their numbers.
        of: emotion → class name, or None for an emotion that the scheme leaves out.
        of_dataset: what differs from `of` in a dataset, by its name.
        excluded: clip id → why the scheme leaves it out, whatever its emotion.
        by: whether it is the emotion of a clip that counts, or its objective class.
        units: number of each class's action unit; empty where the classes are of emotions.
    Raises:
        LabelError: an emotion is mapped to a class that is not in `classes`.
    """

    name: str
    classes: tuple[str, ...]
    of: Mapping[str, str | None] = field(repr=False)
    of_dataset: Mapping[str, Mapping[str, str | None]] = field(repr=False, default_factory=dict)
    excluded: Mapping[str, str] = field(repr=False, default_factory=dict)
    by: Literal["emotion", "objective"] = "emotion"
    units: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        named = {c for of in (self.of, *self.of_dataset.values()) for c in of.values() if c is not None}
        strange = named - set(self.classes)
        if strange:
            raise LabelError(
                f"label scheme {self.name}: {sorted(strange)} is not among its classes {list(self.classes)}."
            )

    def emotions(self, dataset: str = "") -> dict[str, str | None]:
        """Emotion → class, None where the scheme leaves it out, as a dataset names them."""
        return {**self.of, **self.of_dataset.get(dataset, {})}

    def label(self, emotion: str, dataset: str = "") -> int | None:
        """Class number of an emotion, None where the scheme leaves it out, and for a clip without one ('').

        Raises: LabelError: an unknown emotion.
        """
        if not emotion:
            return None
        of = self.emotions(dataset)
        if emotion not in of:
            where = f" of {dataset}" if dataset else ""
            raise LabelError(
                f"label scheme {self.name} does not know the emotion {emotion!r}{where} (it knows {', '.join(sorted(of))}). "
                "Correct the sheet, or choose another scheme."
            )
        name = of[emotion]
        return None if name is None else self.classes.index(name)

    def label_of(self, clip: Clip) -> int | None:
        """A clip's label, None where the scheme leaves it out by what it shows. Raises LabelError for what is unknown."""
        if not self.units:
            return self.label(self._said(clip), clip.dataset)
        if not clip.action_units.units:
            return None
        return sum(1 << n for n, unit in enumerate(self.units) if unit in clip.action_units.numbers)

    def _said(self, clip: Clip) -> str:
        return clip.emotion if self.by == "emotion" else clip.objective

    def classes_in(self, label: int) -> tuple[int, ...]:
        """The class numbers that a label stands for: one, or those of its action units."""
        return tuple(n for n in range(len(self.units)) if label >> n & 1) if self.units else (label,)

    def why_left_out(self, clip: Clip) -> str | None:
        """Why a clip has no class; None where it has one. Raises LabelError for an unknown emotion."""
        if clip.id in self.excluded:
            return f"{self.name} leaves it out: {self.excluded[clip.id]}"
        if self.label_of(clip) is None and self.units:
            return "no action unit is annotated"
        if self.label_of(clip) is None:
            nothing = f"a clip without {'an emotion' if self.by == 'emotion' else 'an objective class'}"
            return f"{self._said(clip) or nothing} has no class in {self.name}"
        return None


@dataclass(frozen=True)
class Fold:
    """Clip ids of one training: what it learns from, what it may be chosen by, what it is scored on.

    Raises:
        LeakageError: a person of the test side is in training or validation, or one of training in validation.
    """

    name: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    val: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sides = {side: {person_of(i) for i in getattr(self, side)} for side in ("train", "val", "test")}
        for one, other in (("train", "test"), ("val", "test"), ("train", "val")):
            shared = sides[one] & sides[other]
            if shared:
                raise LeakageError(f"fold {self.name}: {sorted(shared)} is in {one} and {other}. Split by person.")


@dataclass(frozen=True)
class Logits:
    """What a model said about clips it was not trained on, after each epoch.

    Attributes:
        clips: N clip ids.
        fold, seed: which training said it.
        values: (epochs, N, C) float32.
    Raises:
        ShapeError: a clip is there twice, or counts differ.
    """

    clips: tuple[str, ...]
    fold: str
    seed: int
    values: np.ndarray = field(repr=False)

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or self.values.shape[1] != len(self.clips):
            raise ShapeError(
                f"logits of fold {self.fold}: {len(self.clips)} clips but an array of {self.values.shape}."
            )
        twice = sorted(clip for clip, count in Counter(self.clips).items() if count > 1)
        if twice:
            raise ShapeError(f"logits of fold {self.fold}: {twice} is there twice; every clip is scored once.")

    @classmethod
    def join(cls, parts: Sequence[Logits]) -> Logits:
        """All folds of one seed as one. Raises ShapeError on different seeds or epochs, or a clip that is in two folds."""
        import numpy as np

        seeds = {p.seed for p in parts}
        epochs = {p.values.shape[0] for p in parts}
        if len(seeds) != 1 or len(epochs) != 1:
            raise ShapeError(
                f"cannot join logits of seeds {sorted(seeds)} and epochs {sorted(epochs)}; join one seed at a time."
            )
        clips = tuple(c for p in parts for c in p.clips)
        values = np.concatenate([p.values for p in parts], axis=1)
        return cls(clips, fold="all", seed=seeds.pop(), values=values)


@dataclass(frozen=True)
class Outcome:
    """What one training leaves for scoring: its logits of the test side, and of the validation side where there is one."""

    test: Logits
    val: Logits


@dataclass(frozen=True)
class Rule:
    """Which epoch is scored. As text it carries its label, so that no screen, file or table shows it without.

    Attributes:
        name: as the user types it.
        about: one line for help texts.
        test_selected: the test person chose the epoch, so the score is too good.
        uar_is: what stands in the UAR column; 'UAR', but for the rule that repeats what a released program prints.
    """

    name: str
    about: str
    test_selected: bool = False
    uar_is: str = "UAR"

    def __str__(self) -> str:
        notes = ["test-selected, optimistic"] if self.test_selected else []
        notes += [f"its UAR is {self.uar_is}"] if self.uar_is != "UAR" else []
        return f"{self.name} ({'; '.join(notes)})" if notes else self.name


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval, which is about the mean over endlessly many people like those that were tested: see
    `evaluate.interval`."""

    value: float
    low: float
    high: float

    def __format__(self, sign: str) -> str:
        """With '+', as a difference: +0.09 [+0.04, +0.15]."""
        return f"{self.value:{sign}.2f} [{self.low:{sign}.2f}, {self.high:{sign}.2f}]"

    def __str__(self) -> str:
        return format(self)


@dataclass(frozen=True)
class Scores:
    """Scores pooled over all folds, every clip once; means over seeds where there are several.

    Attributes:
        rule: which epoch was scored; 'last' is the honest default. Print it as text: that carries its label.
        acc, uf1, uar: with 95 % intervals over people; `rule.uar_is` tells what uar holds.
        precision: macro precision, which some programs print as UAR.
        recall: recall of each class.
        confusion: (C, C) counts, true class × predicted class, summed over seeds. Where a rule takes ACC and UF1 from
            different epochs, everything but ACC is of UF1's epochs.
        uf1_of_seeds: UF1 of each seed.
    """

    rule: Rule
    classes: tuple[str, ...]
    acc: Interval
    uf1: Interval
    uar: Interval
    precision: float
    recall: Mapping[str, float]
    confusion: np.ndarray = field(repr=False)
    people: int
    clips: int
    seeds: tuple[int, ...]
    uf1_of_seeds: tuple[float, ...]


@dataclass(frozen=True)
class UnitScores:
    """Scores of action units, pooled over all folds, every clip once; means over seeds where there are several.

    Attributes:
        rule: which epoch was scored.
        f1: mean over units of F1 of presence (mean binary F1); macro_f1: mean over units of the mean of F1 of presence and of absence.
        f1_of_units: F1 of each unit's presence. All with 95 % intervals over people.
        confusion: (C, 2, 2) counts of each unit, truth × answer, absent before present, summed over seeds.
        f1_of_seeds: mean binary F1 of each seed.
    """

    rule: Rule
    classes: tuple[str, ...]
    f1: Interval
    macro_f1: Interval
    f1_of_units: Mapping[str, Interval]
    confusion: np.ndarray = field(repr=False)
    people: int
    clips: int
    seeds: tuple[int, ...]
    f1_of_seeds: tuple[float, ...]
