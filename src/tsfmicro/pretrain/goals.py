"""What a model learns from drawn people, all at once, and how well it does on people it has not seen.

The model is built with an answer for each emotion, for each action unit, and for each unit's intensity: so everything up to its
last layer is learned in the way in which it will be used, whatever its head looks like. What moves where is read from its map
by one linear layer, which is thrown away.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tsfmicro.errors import ConfigError
from tsfmicro.evaluate import metrics
from tsfmicro.labels import is_of_units, scheme
from tsfmicro.models.base import Batch, Model
from tsfmicro.pretrain.settings import TargetsConfig
from tsfmicro.synthetic.pairs import UNITS
from tsfmicro.synthetic.script import EMOTIONS

LEFT_OUT = -100  # what cross-entropy passes over
STRONG = 0.5  # of an action unit, as drawn, two pixels of a face of 224: 1 in the loss
MIRRORED = [n ^ 1 for n in range(len(UNITS))]  # left and right of a unit stand beside each other


@dataclass(frozen=True)
class Truth:
    """What is true of some pairs: (n,) classes, (n, U) strengths, (n, 2, q, q) motion in pixels of a face of 224."""

    classes: Tensor
    units: Tensor
    motion: Tensor


class Goals:
    """What the answers of a model stand for.

    Args: config: which targets, and their weights.
    Attributes: classes: names of the emotions' classes; of_emotion: (emotions,) class of each drawn emotion.
    Raises: ConfigError: a scheme of action units, or of which drawn people show fewer than two classes; UnknownNameError.
    """

    def __init__(self, config: TargetsConfig) -> None:
        if is_of_units(config.scheme):
            raise ConfigError(f"targets.scheme={config.scheme} tells action units, which are a target of their own.")
        used = scheme(config.scheme)
        self.config, self.classes = config, used.classes
        known = used.emotions("casme2")  # whose emotions drawn people have
        named = [known.get(emotion) for emotion in EMOTIONS]
        self.of_emotion = torch.tensor([LEFT_OUT if one is None else used.classes.index(one) for one in named])
        if len({one for one in named if one}) < 2:
            raise ConfigError(
                f"targets.scheme={config.scheme}: drawn people show {', '.join(EMOTIONS)}, which is fewer than two of its classes."
            )

    @property
    def answers(self) -> int:
        """How many numbers the model is to answer with."""
        return len(self.classes) + 2 * len(UNITS)

    def truth(self, emotion: np.ndarray, units: np.ndarray, motion: np.ndarray) -> Truth:
        return Truth(self.of_emotion[torch.from_numpy(emotion)], torch.from_numpy(units), torch.from_numpy(motion))

    def mirrored(self, truth: Truth, which: Tensor) -> Truth:
        """The same of pictures of which some, (n,) bool, are seen in a mirror: left units are right ones there."""
        return replace(truth, units=torch.where(which[:, None], truth.units[:, MIRRORED], truth.units))

    def parts(self, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(N, C) of emotions, (N, U) whether each unit is there, (N, U) how strong it is."""
        emotion, units, intensity = logits.split([len(self.classes), len(UNITS), len(UNITS)], 1)
        return emotion, units, intensity

    def loss(self, logits: Tensor, moved: Tensor | None, truth: Truth) -> Tensor:
        """() all targets together. Args: moved: (N, 2, q, q) of a model with a map."""
        emotion, units, intensity = self.parts(logits.float())
        weights, total = self.config, logits.new_zeros(())
        if weights.emotion and bool((truth.classes >= 0).any()):
            total = total + weights.emotion * F.cross_entropy(emotion, truth.classes, ignore_index=LEFT_OUT)
        if weights.units:
            total = total + weights.units * F.binary_cross_entropy_with_logits(units, (truth.units > 0).float())
        if weights.intensity:
            total = total + weights.intensity * F.mse_loss(intensity, truth.units / STRONG)
        if moved is not None:
            total = total + weights.motion * F.l1_loss(moved.float(), fit(truth.motion, moved))
        return total


class Pupil(nn.Module):
    """A model, and the layer that reads motion from its map where it has one. Args: greys: it sees flow as ready-made maps have it."""

    def __init__(self, model: Model, goals: Goals, greys: bool = False) -> None:
        super().__init__()
        self.model, self.goals, self.greys = model, goals, greys
        self.motion: nn.Linear | None = None
        if goals.config.motion and shows_motion(model):
            with torch.no_grad():
                maps = model.eval().features(**model.example(1))
            edge = max(
                1, round(model.size / 4 / maps.shape[1])
            )  # places that each place of the map tells apart, along one axis
            self.edge = edge
            self.motion = nn.Linear(maps.shape[-1], 2 * edge**2)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor | None]:
        """(N, answers), and (N, 2, q, q) pixels."""
        if self.motion is None:
            return self.model(**batch), None
        maps = self.model.features(**batch)
        moved = F.pixel_shuffle(self.motion(maps.float()).permute(0, 3, 1, 2), self.edge)
        return self.model.head(maps), moved

    def loss(self, batch: Batch, truth: Truth) -> Tensor:
        logits, moved = self(batch)
        return self.goals.loss(logits, moved, truth)


def shows_motion(model: Model) -> bool:
    """Whether its answer is read from a map over the face, from which motion can be read too."""
    return model.has_map and type(model).logits is Model.logits


def fit(motion: Tensor, like: Tensor) -> Tensor:
    """True motion, (N, 2, q, q), at the places of another map, averaged over areas."""
    return F.adaptive_avg_pool2d(motion, (like.shape[-2], like.shape[-1]))


@dataclass(frozen=True)
class Marks:
    """How well a model does on drawn people it has not seen; None for what it does not learn.

    Attributes:
        uf1: of the emotions' classes; chance is about one over their number.
        units: mean binary F1 of the action units that somebody shows.
        motion: mean distance to the true motion, and of saying that nothing moves; pixels of a face of 224.
    """

    uf1: float | None
    units: float | None
    motion: tuple[float, float] | None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Marks:
        """From plain values, as `asdict` gives them."""
        motion = stored["motion"]
        return cls(stored["uf1"], stored["units"], None if motion is None else (motion[0], motion[1]))

    def __str__(self) -> str:
        """UF1 0.71, units F1 0.55, motion off by 0.31 of 0.58 px"""
        said = [f"UF1 {self.uf1:.2f}"] if self.uf1 is not None else []
        said += [f"units F1 {self.units:.2f}"] if self.units is not None else []
        said += [f"motion off by {self.motion[0]:.2f} of {self.motion[1]:.2f} px"] if self.motion else []
        return ", ".join(said)


def mark(said: list[tuple[Tensor, Tensor | None, Truth]], goals: Goals) -> Marks:
    """Args: said: logits, motion and truth of some pairs each."""
    emotion, units, _ = goals.parts(torch.cat([logits for logits, _, _ in said]))
    classes = torch.cat([truth.classes for _, _, truth in said])
    there = torch.cat([truth.units for _, _, truth in said]) > 0
    told, n = classes >= 0, len(goals.classes)
    confusion = metrics.confusion_matrix(classes[told].numpy(), emotion[told].argmax(-1).numpy(), n)
    found = units > 0
    hits, shown = (found & there).sum(0), there.any(0)
    f1 = (2 * hits / (found.sum(0) + there.sum(0)).clamp(min=1))[shown]
    off = None
    if said[0][1] is not None:
        ends = [(moved, fit(truth.motion, moved)) for _, moved, truth in said if moved is not None]
        off = tuple(
            float(torch.cat([(a - b if n else b).norm(dim=1).flatten() for a, b in ends]).mean()) for n in (1, 0)
        )
    with np.errstate(invalid="ignore"):  # of a class that nobody shows
        of_classes = metrics.f1_by_class(confusion)[confusion.sum(-1) > 0]
    return Marks(
        float(of_classes.mean()) if goals.config.emotion else None,
        float(f1.mean()) if goals.config.units else None,
        (off[0], off[1]) if off else None,
    )
