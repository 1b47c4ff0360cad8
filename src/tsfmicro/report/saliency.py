"""Inside a trained model: what its last layer takes, and where in the face the reasons for an answer lie (Grad-CAM)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from tsfmicro.errors import ShapeError, TsfmicroError

JOINED = "joined"


def before_classifier(model: nn.Module, images: Mapping[str, Tensor]) -> Tensor:
    """What the last linear layer takes, in evaluation mode: for TSFmicro the mean over places after the head's swish.

    Of a system in closed form: its description of each clip.

    Args: images: the model's inputs, (N, …) each.
    Returns: (N, D).
    Raises: ShapeError: the model ends in no linear layer that takes one vector of each clip.
    """
    if hasattr(model, "solve"):
        with torch.inference_mode():
            described: Tensor = model.eval().describe(**images)  # type: ignore[operator]
        return described
    taken: list[Tensor] = []

    def note(layer: nn.Module, given: tuple[Any, ...]) -> None:
        taken[:] = given[:1]

    hooks = [layer.register_forward_pre_hook(note) for layer in model.modules() if isinstance(layer, nn.Linear)]
    try:
        with torch.inference_mode():
            logits = model.eval()(**images)
    finally:
        for hook in hooks:
            hook.remove()
    if not taken or taken[0].ndim != 2 or len(taken[0]) != len(logits):
        raise ShapeError(
            f"{type(model).__name__}: its last linear layer does not take one vector of each clip, so there are no "
            "features to show. End the model with nn.Linear on (N, D)."
        )
    return taken[0]


def check_captum() -> None:
    """Raises TsfmicroError where heat maps cannot be computed here."""
    if find_spec("captum") is None:
        raise TsfmicroError(
            "heat maps need captum, which is not installed. Install it: pip install 'tsfmicro[explain]'"
        )


def check_map(model: nn.Module) -> None:
    """Raises ShapeError: the model has no map over the face, so nothing can be drawn of it."""
    if not getattr(model, "has_map", True):
        raise ShapeError(
            f"{type(model).__name__} has no map over the face, so it cannot be shown where it looks. "
            "Its scores and answers are whole all the same."
        )


def grad_cam(
    model: nn.Module, streams: Mapping[str, nn.Module], images: Mapping[str, Tensor], answers: Tensor
) -> dict[str, Tensor]:
    """Grad-CAM (Selvaraju et al. 2017) of the joined features, and of each stream that gives a map of its own.

    A map's channels are weighted by the mean over places of the answer's gradient and summed; what speaks against the answer
    is cut off.

    Args:
        model: its `head` takes the joined (N, h, w, D) features.
        streams: parts of the model, by name. One that is not called, or whose map is what the head takes, is left out.
        images: the model's inputs; answers: (N,) class numbers.
    Returns: name of each stream, 'joined' → (N, h, w), not negative.
    Raises: TsfmicroError: captum is not installed; ShapeError: the model has no map over the face.
    """
    check_captum()
    check_map(model)
    from captum.attr import LayerGradCam

    def answer(*given: Tensor) -> Tensor:
        return model.eval()(**dict(zip(images, given, strict=True)))

    maps = {}
    with _views(model, streams) as views, torch.enable_grad():
        given = tuple(images.values())
        with torch.no_grad():
            answer(*given)
        for name in _different(views):
            cam = LayerGradCam(answer, views[name])
            maps[name] = cam.attribute(given, target=answers, relu_attributions=True)[:, 0].detach()
    return maps


class _View(nn.Module):
    """Lets captum look at a map: it wants channels second, ours stand last."""

    seen: Tensor | None = None

    def forward(self, channels_second: Tensor) -> Tensor:
        self.seen = channels_second
        return channels_second

    def through(self, features: Tensor) -> Tensor:
        """(N, h, w, D), unchanged."""
        return self(features.movedim(-1, 1)).movedim(1, -1)


@contextmanager
def _views(model: nn.Module, streams: Mapping[str, nn.Module]) -> Iterator[dict[str, _View]]:
    views = {name: _View() for name in (*streams, JOINED)}
    hooks = [
        part.register_forward_hook(
            lambda _, given, made, view=views[name]: view.through(made) if made.ndim == 4 else None
        )
        for name, part in streams.items()
    ]
    head = model.get_submodule("head")
    hooks.append(head.register_forward_pre_hook(lambda _, given: (views[JOINED].through(given[0]), *given[1:])))
    try:
        yield views
    finally:
        for hook in hooks:
            hook.remove()


def _different(views: Mapping[str, _View]) -> list[str]:
    """Views of maps that exist, those left out that show what the head takes anyhow."""
    joined = views[JOINED].seen
    assert joined is not None
    seen = {name: view.seen for name, view in views.items() if view.seen is not None}
    return [name for name, maps in seen.items() if name == JOINED or maps.data_ptr() != joined.data_ptr()]
