"""What every model promises: which images it looks at, and one score per class for each clip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from torch import Tensor, nn

from tsfmicro.card import Card
from tsfmicro.errors import ShapeError, UnknownNameError

Image = Literal["onset", "apex", "motion", "flow"]


def check_choice(option: str, value: object, known: Iterable[str]) -> None:
    """Raises UnknownNameError, with the nearest right name, where `value` is not one of the known."""
    if value not in list(known):
        raise UnknownNameError(option, str(value), known)


class Model(nn.Module):
    """A micro-expression recogniser. Call it with the images it names: `model(**{n: batch[n] for n in model.inputs})`.

    Every image is (N, 3, H, W) float: `onset` and `apex` RGB after ImageNet normalisation; `motion` = apex − onset
    after normalisation (Eq. 1); `flow` = horizontal and vertical flow and optical strain.

    Attributes:
        inputs: the images `forward` takes, in order.
        size: H = W of the images, pixels.
        recipe: name, num_classes, size and options that `create_model` builds the same model from.
        classes: their names in the order of the logits, where they are known; saved with the weights.
        card: what it was trained on and how its faces were prepared, where that is known; saved with the weights.
        head: (N, h, w, D) features → (N, C) logits.
    """

    head: nn.Module

    def __init__(self, inputs: tuple[Image, ...], size: int) -> None:
        super().__init__()
        self.inputs = inputs
        self.size = size
        self.recipe: Mapping[str, Any] = {}
        self.classes: tuple[str, ...] = ()
        self.card: Card | None = None

    def forward(self, **images: Tensor) -> Tensor:
        """(N, C) logits. Raises ShapeError: an image is missing, not expected, or not (N, 3, size, size) float."""
        self.check(images)
        return self.head(self.features(**images))

    def features(self, **images: Tensor) -> Tensor:
        """(N, h, w, D) what `head` looks at: a map over the face, for saliency."""
        raise NotImplementedError

    def streams(self) -> Mapping[str, nn.Module]:
        """Parts that may give a (N, h, w, D) map of their own, by name: saliency shows them beside the joined features."""
        return {name: part for name, part in self.named_children() if name in ("temporal", "spatial")}

    def check(self, images: Mapping[str, Tensor]) -> None:
        """Raises ShapeError where `images` are not what this model looks at."""
        if set(images) != set(self.inputs):
            raise ShapeError(
                f"this model looks at {', '.join(self.inputs)}, but was given {', '.join(images) or 'nothing'}."
                " Call it as model(**{name: batch[name] for name in model.inputs})."
            )
        for name, image in images.items():
            if image.ndim != 4 or tuple(image.shape[1:]) != (3, self.size, self.size):
                raise ShapeError(
                    f"{name} is {tuple(image.shape)}, but this model needs (N, 3, {self.size}, {self.size}). Resize it,"
                    f" or build the model with another size."
                )
            if not image.is_floating_point():
                raise ShapeError(
                    f"{name} is {image.dtype}, but must be floating point: scale it to [0, 1] and normalise it first."
                )
        clips = {name: len(image) for name, image in images.items()}
        if len(set(clips.values())) > 1:
            raise ShapeError(f"these are images of different clips, {clips}. Give each clip once in every image.")
