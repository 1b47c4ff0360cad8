"""What reports are made from: one run, gathered as plain arrays. Clips are in one order throughout, sorted by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tsfmicro.config import RunConfig
from tsfmicro.files import counted
from tsfmicro.types import Interval, Scores, person_of

# The variants of TSFmicro in the order of the paper's Table 8, and what it calls them.
VARIANTS = {
    "spatial": "S",
    "temporal": "T",
    "early": "T-S (early)",
    "temporal_to_spatial": "T to S",
    "spatial_to_temporal": "S to T",
    "late": "T-S (late)",
}


@dataclass(frozen=True)
class Gain:
    """How far a run's score lies above another's.

    Attributes:
        over: the other run's label.
        interval: of the difference, 95 % over people.
        p: two-sided.
    """

    over: str
    interval: Interval
    p: float


@dataclass(frozen=True)
class Features:
    """What the last layer takes of each clip.

    Attributes:
        own: (N, D); each clip through the network of its own fold, which has not seen its person.
        one: (N, D); every clip through the network of one fold, so that all lie in one space.
        fold, tested: that fold, and (N,) which clips it tests; the network was trained on the others.
        seed: of the trainings.
    """

    own: np.ndarray = field(repr=False)
    one: np.ndarray = field(repr=False)
    fold: str
    tested: np.ndarray = field(repr=False)
    seed: int


@dataclass(frozen=True)
class Maps:
    """Grad-CAM of each clip, from the network of its own fold, for the class that this network answers.

    Attributes:
        parts: 'temporal', 'spatial' where the model has such a stream, and 'joined' → (N, h, w) uint8; 255 is the place that
            speaks most for the answer, all 0 where none does.
        answer: (N,) class number; seed: of the trainings.
    """

    parts: Mapping[str, np.ndarray] = field(repr=False)
    answer: np.ndarray = field(repr=False)
    seed: int


@dataclass(frozen=True)
class Material:
    """All that a report tells of one finished run.

    Attributes:
        name: of the run; no other run of the report has it.
        label: what it is called in figures and tables; no other run of its group has it.
        config: its settings.
        environment: machine and versions.
        classes: class names in the order of their numbers.
        clips: N clip ids, sorted.
        target: (N,) class numbers.
        probabilities: (S, N, C) of each seed, after the last epoch.
        curves: 'acc', 'uf1', 'uar' → (S, epochs), pooled over folds.
        scores: rule name → scores; 'last' first.
        recalls: rule name → an interval for each class.
        leak: 'acc', 'uf1', 'uar' → how much choosing the epoch on the test person adds: oracle − last.
        floors: scores of what a model must beat.
        skipped: (clip id, why) of what was left out.
        published_clips: how many clips the published experiment with these labels has, where that is known.
        generated: the faces are drawn, nobody's.
        features, maps: None where they could not be had.
        lacking: what could not be had, and why: one line each.
    """

    name: str
    label: str
    config: RunConfig
    environment: Mapping[str, object] = field(repr=False)
    classes: tuple[str, ...]
    clips: tuple[str, ...] = field(repr=False)
    target: np.ndarray = field(repr=False)
    probabilities: np.ndarray = field(repr=False)
    curves: Mapping[str, np.ndarray] = field(repr=False)
    scores: Mapping[str, Scores]
    recalls: Mapping[str, Sequence[Interval]] = field(repr=False)
    leak: Mapping[str, Interval]
    floors: Mapping[str, Scores] = field(repr=False)
    skipped: Sequence[tuple[str, str]] = field(repr=False, default=())
    published_clips: int | None = None
    generated: bool = False
    features: Features | None = field(repr=False, default=None)
    maps: Maps | None = field(repr=False, default=None)
    lacking: Sequence[str] = ()

    @property
    def dataset(self) -> str:
        return "+".join(self.config.data.datasets)

    @property
    def group(self) -> str:
        """Runs with the same group have the same clips and classes, if they left out the same: 'casme2-5'."""
        return f"{self.dataset}-{len(self.classes)}"

    @property
    def variant(self) -> str | None:
        """Which variant of TSFmicro it is; None for another model."""
        if not self.config.model.name.startswith("tsfmicro"):
            return None
        return str(self.config.model.options.get("variant", "late"))

    @property
    def last(self) -> Scores:
        return self.scores["last"]

    @property
    def people(self) -> tuple[str, ...]:
        """(N,) the person of each clip."""
        return tuple(person_of(clip) for clip in self.clips)

    @property
    def answers(self) -> np.ndarray:
        """(S, N) class numbers after the last epoch."""
        return self.probabilities.argmax(-1)

    @property
    def counts(self) -> str:
        """5 people, 50 clips, 2 seeds"""
        seeds = len(self.last.seeds)
        return (
            f"{counted(self.last.people, 'person', 'people')}, {self.last.clips} clips, {seeds} seed{'s' * (seeds > 1)}"
        )

    def accuracy_of_people(self) -> dict[str, tuple[float, int]]:
        """Person → (share of right answers after the last epoch, mean over seeds; clips)."""
        right = (self.answers == self.target).mean(0)
        people = np.array(self.people)
        return {p: (float(right[people == p].mean()), int((people == p).sum())) for p in sorted(set(self.people))}
