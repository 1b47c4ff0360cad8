"""What a trained model answers: about a pair, about each moment of a video, about a whole video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tsfmicro.spot.types import Expression, Spotting


@dataclass(frozen=True)
class Answer:
    """What a model says of one pair.

    Attributes:
        probabilities: of each class, calibrated where the model's card has a temperature.
        threshold: the model abstains where no class is as likely as this.
        faces: (2, S, S, 3) uint8 RGB, onset and apex as the model saw them; S is 0 where they were not kept, as of all but the surest
            moments of a long video, which would not fit into memory.
        flow: (2, S, S) float16, how far each place moved right and down from onset to apex, pixels of the faces.
        heat: (S, S) float32 from 0 to 1, where the reasons lie (Grad-CAM); None where it cannot be told.
        moved: how far the most moved part of the face went, per cent of the distance between the eyes, where that was measured.
        still: whether nothing moved but the head. The probabilities then mean nothing.
    """

    probabilities: Mapping[str, float]
    threshold: float
    faces: np.ndarray = field(repr=False)
    flow: np.ndarray = field(repr=False)
    heat: np.ndarray | None = field(repr=False, default=None)
    moved: float | None = None
    still: bool = False

    def without_pictures(self) -> Answer:
        """The same without what there is to look at."""
        return replace(self, faces=self.faces[:, :0, :0], flow=self.flow[:, :0, :0], heat=None)

    @property
    def likeliest(self) -> str:
        return max(self.probabilities, key=lambda name: self.probabilities[name])

    @property
    def emotion(self) -> str | None:
        """The likeliest class, None where the model abstains, or nothing moved."""
        return self.likeliest if not self.still and self.probabilities[self.likeliest] >= self.threshold else None

    def __str__(self) -> str:
        if self.still:
            return "no movement"
        p = self.probabilities[self.likeliest]
        return f"{self.likeliest} {p:.0%}" if self.emotion else f"not sure ({self.likeliest} {p:.0%})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        moved = {} if self.moved is None else {"moved": round(self.moved, 3), "no_movement": self.still}
        return {
            "emotion": self.emotion,
            "probabilities": {name: round(p, 4) for name, p in self.probabilities.items()},
            "threshold": self.threshold,
        } | moved


@dataclass(frozen=True)
class Moment:
    """A spotted expression and what the model says of it; `why_not` where its faces could not be prepared."""

    expression: Expression
    answer: Answer | None
    why_not: str = ""

    def to_dict(self) -> dict[str, Any]:
        said = self.answer.to_dict() if self.answer else {"emotion": None, "why_not": self.why_not}
        return self.expression.to_dict() | said


@dataclass(frozen=True)
class Reading:
    """A video that was read: what was spotted, what was recognised, and by which model."""

    spotting: Spotting
    moments: tuple[Moment, ...]
    model: str
    classes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        known = self.spotting.to_dict()
        known["expressions"] = [moment.to_dict() for moment in self.moments]
        return {"model": self.model, "classes": list(self.classes), **known}
