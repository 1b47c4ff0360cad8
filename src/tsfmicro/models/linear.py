"""The linear floor: a balanced linear support vector machine on down-sampled motion, trained per fold in seconds.

A network that is not better than this has not been shown to be good.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from tsfmicro.models.base import ClosedForm, check_choice
from tsfmicro.models.inputs import flow, motion
from tsfmicro.models.registry import register
from tsfmicro.needs import Need

EDGE = 14  # of the down-sampled motion, pixels
LOOKS = ("difference", "flow")


class Linear(ClosedForm):
    """Mean difference of apex and onset (N, 1, 14, 14), or flow and strain (N, 3, 14, 14) → (N, classes).

    Buffers: plane: (classes, D) and offset: (classes,) of standardised descriptions; mean, spread: (D,).
    """

    plane: Tensor
    offset: Tensor
    mean: Tensor
    spread: Tensor

    def __init__(self, num_classes: int, size: int, look: str, c: float) -> None:
        sees = motion(size, scale="grey") if look == "difference" else flow(size)
        super().__init__({"motion": sees}, size)
        self.c = c
        channels = 1 if look == "difference" else 3
        dimensions = channels * EDGE**2
        self._shares = area(size, EDGE)
        self.register_buffer("plane", torch.zeros(num_classes, dimensions))
        self.register_buffer("offset", torch.zeros(num_classes))
        self.register_buffer("mean", torch.zeros(dimensions))
        self.register_buffer("spread", torch.ones(dimensions))

    def describe(self, **batch: Tensor) -> Tensor:
        motion = batch["motion"]
        if len(self.mean) == EDGE**2:
            motion = motion.mean(1, keepdim=True)
        shares = self._shares.to(motion)
        return (shares @ motion @ shares.T).permute(0, 2, 3, 1).flatten(1)

    def solve(self, described: Tensor, target: Tensor) -> None:
        from sklearn.preprocessing import StandardScaler  # seconds to import: only who asks for this waits
        from sklearn.svm import LinearSVC

        features, known = described.double().numpy(force=True), target.numpy(force=True)
        scaler = StandardScaler().fit(features)
        plane = np.zeros((len(self.offset), features.shape[1]))
        offset = np.full(len(self.offset), -np.inf)
        if len(set(known.tolist())) == 1:
            offset[known[0]] = 0
        else:
            machine = LinearSVC(C=self.c, class_weight="balanced", random_state=0)
            machine.fit(scaler.transform(features), known)
            planes, offsets = machine.coef_, machine.intercept_
            if len(planes) == 1:  # scikit-learn gives one plane for two classes
                planes, offsets = np.concatenate([-planes, planes]), np.concatenate([-offsets, offsets])
            plane[machine.classes_], offset[machine.classes_] = planes, offsets
        for name, values in (("plane", plane), ("offset", offset), ("mean", scaler.mean_), ("spread", scaler.scale_)):
            self.learn(name, values)

    def answer(self, described: Tensor) -> Tensor:
        return ((described - self.mean) / self.spread) @ self.plane.T + self.offset


def area(size: int, edge: int) -> Tensor:
    """(edge, size) share of each pixel in each larger one: what shrinking by area averages with, along one axis."""
    step = size / edge
    with torch.device("cpu"):  # built nowhere (`meta`), torch would load its compiler to work this out
        starts, pixels = torch.arange(edge)[:, None] * step, torch.arange(size)
        covered = torch.minimum(starts + step, pixels + 1) - torch.maximum(starts, pixels)
    return (covered.clamp(min=0) / step).to(torch.get_default_device())


@register("linear", size=224)
def linear(num_classes: int, size: int, *, look: str = "difference", c: float = 0.01) -> Linear:
    """Linear: a balanced linear support vector machine on down-sampled motion, the floor of every run.

    Args: look: at the "difference" of apex and onset, or at "flow". c: how much a mistake in training weighs.
    """
    check_choice("look", look, LOOKS)
    return Linear(num_classes, size, look, c)


def floor_of(needs: Iterable[Need], num_classes: int, size: int) -> Linear:
    """The floor beside a model with these needs: it looks at flow where the model does, else at the difference."""
    flows = [need for need in needs if need.product == "flow"]
    if not flows:
        faces = [need for need in needs if need.product == "faces" and need.size]
        return Linear(num_classes, max((n.size or size for n in faces), default=size), "difference", 0.01)
    chosen = max(flows, key=lambda need: need.size or 0)
    floor = Linear(num_classes, chosen.size or size, "flow", 0.01)
    floor.inputs = {"motion": flow(chosen.size or size, **dict(chosen.options))}
    return floor
