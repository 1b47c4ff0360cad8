"""What every model promises: what it needs of a clip, and one score per class for each clip."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tsfmicro.card import Card
from tsfmicro.errors import ConfigError, ShapeError, UnknownNameError
from tsfmicro.needs import Input, Need, Stage, TrainingFacts

Batch = Mapping[str, Tensor]
ANY_LENGTH = 5  # of a sequence in an example, where clips differ in length


def check_choice(option: str, value: object, known: Iterable[str]) -> None:
    """Raises UnknownNameError, with the nearest right name, where `value` is not one of the known."""
    if value not in list(known):
        raise UnknownNameError(option, str(value), known)


def check_switch(option: str, value: object) -> None:
    """Raises ConfigError where `value` is neither true nor false."""
    if not isinstance(value, bool):
        raise ConfigError(f"{option} is {value!r}; give true or false.")


def check_share(option: str, value: object) -> None:
    """Raises ConfigError where `value` is not a share that may be dropped, from 0 to below 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        raise ConfigError(f"{option} is {value!r}; give a share from 0 to below 1.")


class Model(nn.Module):
    """A micro-expression recogniser. Call it with a batch of what it names: `model(**batch)`.

    A model with a map over the face gives `features` and a `head`; saliency then shows where it looks. One without gives
    `logits` instead. Everything else has a default.

    Attributes:
        inputs: the arguments of `forward`, in order: what each needs, and its shape.
        targets: what only `loss` looks at, so that nobody who asks needs it; a training batch has it under these names.
        size: edge of the images it was built for, pixels.
        recipe: name, num_classes, size and options that `create_model` builds the same model from.
        classes: their names in the order of the logits, where they are known; saved with the weights.
        card: what it was trained on and how its clips were prepared, where that is known; saved with the weights.
        stages: how it trains, one after another; a stage says only what differs from the run's settings.
        stage: name of the stage that is being trained.
        frozen: parts that do not learn, by their names; their norms' averages stay too.
        near_ties: how far logits may move where a choice between all but equal values falls the other way, as another runtime's
            rounding makes it; 0 for a model that does not choose.
        set_by_training: buffers that only training looks at, and sets itself: weights from elsewhere may lack them.
        head: (N, h, w, D) features → (N, C) logits.
    """

    head: nn.Module
    stages: tuple[Stage, ...] = (Stage(),)
    near_ties: float = 0.0
    set_by_training: tuple[str, ...] = ()

    def __init__(self, inputs: Mapping[str, Input], size: int, targets: Mapping[str, Input] | None = None) -> None:
        super().__init__()
        self.inputs = dict(inputs)
        self.targets = dict(targets or {})
        self.size = size
        self.recipe: Mapping[str, Any] = {}
        self.classes: tuple[str, ...] = ()
        self.card: Card | None = None
        self.stage = ""
        self.frozen: tuple[str, ...] = ()

    def forward(self, **batch: Tensor) -> Tensor:
        """(N, C) logits. Raises ShapeError: an input is missing, not expected, or not (N, *shape) float; what a model in training says has
        another number of classes than it was built for."""
        asked = {name: values for name, values in batch.items() if name not in self.targets}
        self.check(asked)
        said = self.logits(**asked)
        if self.training and self.recipe and said.shape[1:] != (self.recipe["num_classes"],):
            wanted = self.recipe["num_classes"]
            raise ShapeError(
                f"model {self.recipe['name']}: gives logits of shape {tuple(said.shape)}, and was built for {wanted} classes. Give (N, {wanted})."
            )
        return said

    def logits(self, **batch: Tensor) -> Tensor:
        """(N, C), without looking whether the batch fits."""
        return self.head(self.features(**batch))

    def features(self, **batch: Tensor) -> Tensor:
        """(N, h, w, D) what `head` looks at: a map over the face, for saliency."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        for name, part in self.named_modules() if self.frozen else ():
            if self.is_frozen(name):
                part.training = False
        return self

    def is_frozen(self, name: str) -> bool:
        """Whether a part or parameter belongs to what does not learn."""
        return any(name == part or name.startswith(f"{part}.") for part in self.frozen)

    def freeze(self, parts: Iterable[str]) -> None:
        """From now on these parts do not learn. Raises UnknownNameError: there is no such part."""
        known = {name for name, _ in self.named_modules()} - {""}
        for part in parts:
            check_choice("part to freeze", part, known)
        self.frozen = tuple(parts)

    def streams(self) -> Mapping[str, nn.Module]:
        """Parts that may give a (N, h, w, D) map of their own, by name: saliency shows them beside the joined features."""
        return {name: part for name, part in self.named_children() if name in ("temporal", "spatial")}

    def begin(self, known: TrainingFacts) -> None:
        """Called once before training, with what may be known of the training side. What is learned here must be kept in
        buffers, so that it is saved with the weights."""

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        """() mean loss of a batch: cross-entropy (paper, Eq. 13) unless a model says otherwise. target: (N,) class numbers."""
        return cross_entropy(self(**batch).float(), target)

    @property
    def has_own_loss(self) -> bool:
        """Whether it says itself what falls in training, so that `train.loss` does not reach it."""
        return type(self).loss is not Model.loss

    @property
    def has_map(self) -> bool:
        """Whether it has a map over the face."""
        return type(self).features is not Model.features

    @property
    def needs(self) -> tuple[Need, ...]:
        """What must be stored for it, each once."""
        return tuple(dict.fromkeys(one.need.stored for one in (self.inputs | self.targets).values()))

    @property
    def expects(self) -> tuple[str, ...]:
        """Names of a batch: the inputs, and the lengths of those that differ in length."""
        lengths = (f"{name}_length" for name, one in self.inputs.items() if one.differs_in_length)
        return (*self.inputs, *lengths)

    def example(self, clips: int, generator: torch.Generator | None = None) -> dict[str, Tensor]:
        """A training batch of noise that fits, on the CPU or, within `torch.device("meta")`, nowhere."""
        batch = {}
        for name, one in (self.inputs | self.targets).items():
            shape = [ANY_LENGTH if n is None else n for n in one.shape]
            batch[name] = torch.randn(clips, *shape, generator=generator)
            if one.differs_in_length:
                batch[f"{name}_length"] = torch.full((clips,), shape[0])
        return batch

    def check(self, batch: Batch) -> None:
        """Raises ShapeError where a batch is not what this model looks at."""
        if set(batch) != set(self.expects):
            raise ShapeError(
                f"this model looks at {', '.join(self.expects)}, but was given {', '.join(batch) or 'nothing'}."
                " Call it as model(**{name: batch[name] for name in model.expects})."
            )
        for name, one in self.inputs.items():
            given = batch[name]
            wanted = one.shape
            fits = given.ndim == 1 + len(wanted) and all(
                n is None or n == m for n, m in zip(wanted, given.shape[1:], strict=True)
            )
            if not fits:
                shown = ", ".join("length" if n is None else str(n) for n in wanted)
                raise ShapeError(
                    f"{name} is {tuple(given.shape)}, but this model needs (N, {shown}). Resize it,"
                    f" or build the model with another size."
                )
            if not given.is_floating_point():
                raise ShapeError(
                    f"{name} is {given.dtype}, but must be floating point: scale it to [0, 1] and normalise it first."
                )
        clips = {name: len(given) for name, given in batch.items()}
        if len(set(clips.values())) > 1:
            raise ShapeError(f"these are images of different clips, {clips}. Give each clip once in every image.")


class ClosedForm(Model):
    """A system that is no network: clips are described, and the answer is computed from all descriptions at once.

    What it learns is kept in buffers, so that it is saved, loaded, exported and asked like a network.

    Attributes: grows: names of buffers whose size hangs on what was learned.
    """

    grows: tuple[str, ...] = ()

    def see(self, batches: Iterable[Batch]) -> None:
        """Look at the training clips before they are described, where the description itself is learned; labels are not told."""

    @abstractmethod
    def describe(self, **batch: Tensor) -> Tensor:
        """(N, D) what is known of each clip before anything is learned."""

    @abstractmethod
    def solve(self, described: Tensor, target: Tensor) -> None:
        """Learn. described: (N, D) of all training clips; target: (N,) class numbers."""

    @abstractmethod
    def answer(self, described: Tensor) -> Tensor:
        """(N, C) scores, the largest for the likeliest class; −inf for a class that nobody on the training side showed."""

    def logits(self, **batch: Tensor) -> Tensor:
        return self.answer(self.describe(**batch))

    def learn(self, name: str, values: Any) -> None:
        """Keep something learned in the buffer of that name."""
        buffer = self.get_buffer(name)
        setattr(self, name, torch.as_tensor(values, dtype=buffer.dtype, device=buffer.device))

    def _load_from_state_dict(self, state_dict: Mapping[str, Tensor], prefix: str, *rest: Any) -> None:
        for name in self.grows:  # how many there are, the weights say
            if prefix + name in state_dict:
                setattr(self, name, torch.empty_like(state_dict[prefix + name], device=self.get_buffer(name).device))
        super()._load_from_state_dict(state_dict, prefix, *rest)
