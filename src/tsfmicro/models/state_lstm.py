"""States and LSTM, approximated (Kim, Baddar and Ro, 2016): frames of five states, then a recurrent network over them.

Known: a network learns on frames of five states (onset, onset to apex, apex, apex to offset, offset) with losses that know class
and state; then an LSTM reads the five features. All sizes and the exact losses are guessed (`ORIGIN.guessed`): this is not the
published network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.models.base import Batch, Model
from tsfmicro.models.checks import check_size, number, whole_number, whole_numbers
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.needs import Input, Stage, need

NAME = "state-lstm-approx"
STATES = 5


class StateLSTM(Model):
    """Five grey frames minus the onset (N, 5, 1, size, size) → (N, classes).

    Attributes: stages: "frames" learns features of single frames, "sequence" the LSTM on them.
    """

    def __init__(
        self,
        num_classes: int,
        size: int,
        widths: tuple[int, ...],
        width: int,
        layers: int,
        state: float,
        centre: float,
        epochs: tuple[int, ...],
    ) -> None:
        asked = need("states", size, scale="grey", before=2, after=2)
        super().__init__({"states": Input(asked, (STATES, 1, size, size), moved)}, size)
        self.state, self.centre = state, centre
        parts: list[nn.Module] = []
        for a, b, kernel in zip((1, *widths), widths, (5, 5, 3), strict=False):
            parts += [nn.Conv2d(a, b, kernel, padding=kernel // 2), nn.ReLU(), nn.MaxPool2d(2)]
        self.look = nn.Sequential(*parts, nn.Flatten(), nn.Linear(widths[-1] * (size // 8) ** 2, width), nn.ReLU())
        self.say_class = nn.Linear(width, num_classes)
        self.say_state = nn.Linear(width, STATES)
        self.remember = nn.LSTM(width, width, layers, batch_first=True)
        self.classify = nn.Linear(width, num_classes)
        self.stages = (
            Stage("frames", epochs=epochs[0] or None, only=("look", "say_")),
            Stage("sequence", epochs=epochs[1] or None, only=("remember", "classify")),
        )

    def seen(self, states: Tensor) -> Tensor:
        """(N, 5, width) of each frame."""
        return self.look(states.flatten(0, 1)).unflatten(0, states.shape[:2])

    def logits(self, **batch: Tensor) -> Tensor:
        return self.classify(self.remember(self.seen(batch["states"]))[0][:, -1])

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        self.check(batch)
        seen = self.seen(batch["states"])
        loss = seen.new_zeros(())
        if self.stage in ("", "frames"):
            loss = loss + self.of_frames(seen, target)
        if self.stage != "frames":
            loss = loss + F.cross_entropy(self.classify(self.remember(seen)[0][:, -1]).float(), target)
        return loss

    def of_frames(self, seen: Tensor, target: Tensor) -> Tensor:
        """Class and state of each frame, and its distance to the others of its class and state."""
        frames = seen.flatten(0, 1)
        state = torch.arange(STATES, device=target.device).repeat(target.shape[0])
        loss = F.cross_entropy(self.say_class(frames).float(), target.repeat_interleave(STATES))
        loss = loss + self.state * F.cross_entropy(self.say_state(frames).float(), state)
        alike = (target[:, None] == target).to(seen)
        middle = torch.einsum("nm,msd->nsd", alike / alike.sum(1, keepdim=True), seen)
        return loss + self.centre * (seen - middle).square().sum(-1).mean() / 2


def moved(frames: Tensor) -> Tensor:
    """RGB 0…255 (N, 5, 3, H, W) → grey minus the onset's grey (N, 5, 1, H, W), −1…1."""
    grey = frames.mean(2, keepdim=True) / 255
    return grey - grey[:, :1]


ORIGIN = Origin(
    2016,
    "Micro-expression recognition with expression-state constrained spatio-temporal feature representations",
    "Kim, Baddar and Ro",
    "ACM Multimedia",
    fidelity="named",
    guessed=(
        "frames: the onset, midway to the apex, the apex, midway to the offset, the offset; grey minus the onset, 64 × 64",
        "widths: convolutions of 64 (5 × 5), 64 (5 × 5) and 64 (3 × 3), each with ReLU and pooling by 2",
        "width: 512 values of a frame, and of the LSTM's memory",
        "layers: 2 of the LSTM",
        "state: 1, weight of the cross-entropy of a frame's state beside that of its class",
        "centre: 0.01, weight of the distance to the batch's mean of the same class and state",
        "training: Adam 1e-3, batches of 32, epochs: 50 and 50",
    ),
    chosen="unknown; treat as test-selected",
    notes=("no program is public and the paper's text was not at hand: only the ideas are the paper's",),
)


@register(NAME, size=64, origin=ORIGIN)
def state_lstm(
    num_classes: int,
    size: int,
    *,
    widths: tuple[int, ...] = (64, 64, 64),
    width: int = 512,
    layers: int = 2,
    state: float = 1.0,
    centre: float = 0.01,
    epochs: tuple[int, ...] = (0, 0),
) -> StateLSTM:
    """States and LSTM (Kim 2016), approximated: frames of five states, then an LSTM; all sizes are guessed.

    Args:
        widths: of the three convolutions. width: of a frame's features and the memory. layers: of the LSTM. state, centre:
            weights of the losses that know the state. epochs: of frames and of the sequence; 0 is train.epochs.
    """
    check_size(NAME, size, 8, 64)
    return StateLSTM(
        num_classes,
        size,
        whole_numbers(NAME, "widths", widths, 3),
        whole_number(NAME, "width", width),
        whole_number(NAME, "layers", layers),
        number(NAME, "state", state),
        number(NAME, "centre", centre),
        whole_numbers(NAME, "epochs", epochs, 2, low=0),
    )
