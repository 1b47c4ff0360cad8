"""Micron-BERT's network (Nguyen and others, 2023): where two frames differ, found by restoring swapped patches; the head is ours.

Encoder, attention across frames and decoder are held to the authors' program. They trained on eight million frames and released
neither that training nor a classifier: from random weights this is a small model of its own, and reads theirs if you have them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, mse_loss

from tsfmicro.errors import ConfigError
from tsfmicro.models.autoencoder import FIXED, NAMES, Decoder, Encoder, patches_of, xavier
from tsfmicro.models.base import Batch, Model, check_choice
from tsfmicro.models.blocks import MeanMap
from tsfmicro.models.inputs import apex, onset
from tsfmicro.models.origin import Origin, renamed
from tsfmicro.models.registry import register
from tsfmicro.needs import Stage

WIDTH, HEADS, LAYERS, RATIO, PATCH = 512, 4, 4, 4, 8
ATTENTION = ("diagonal", "full")


class CrossFrame(nn.Module):
    """How much of each place of one frame is found at that place of another. Twice (N, T, C) → (N, T, C) and (N, T).

    Args: mode: "diagonal": a place's value times how much it attends to itself; "full": it attends to all places.
    """

    def __init__(self, width: int, mode: str) -> None:
        super().__init__()
        self.to_q, self.to_k, self.to_v = (nn.Linear(width, width) for _ in range(3))
        self.proj = nn.Linear(width, width)
        self.mode = mode

    def shares(self, tokens: Tensor, others: Tensor) -> Tensor:
        """(N, T, T): how the places of one frame attend to those of the other."""
        scale: float = tokens.shape[-1] ** -0.5
        return (self.to_q(tokens) @ self.to_k(others).transpose(1, 2) * scale).softmax(-1)

    def forward(self, tokens: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
        shares, values = self.shares(tokens, others), self.to_v(tokens)
        diagonal = shares.diagonal(dim1=1, dim2=2)
        seen = diagonal[..., None] * values if self.mode == "diagonal" else shares @ values
        return self.proj(seen), diagonal


class MicronBert(Model):
    """Onset and apex, each (N, 3, size, size) → (N, classes)."""

    def __init__(self, num_classes: int, size: int, attention: str, restore: float, alone: int) -> None:
        super().__init__({"onset": onset(size), "apex": apex(size)}, size)
        self.encoder = Encoder(size, PATCH, WIDTH, HEADS, LAYERS, RATIO)
        self.att = CrossFrame(WIDTH, attention)
        self.decoder = Decoder(size, PATCH, WIDTH, WIDTH, HEADS, LAYERS, RATIO)
        self.head = nn.Sequential(MeanMap(), nn.LayerNorm(WIDTH), nn.Linear(WIDTH, num_classes))
        self.restore_weight = restore
        xavier(self)
        if alone:
            self.stages = (Stage("restore", epochs=alone, only=("encoder", "att", "decoder")), Stage("recognise"))

    def features(self, **batch: Tensor) -> Tensor:
        return self.weighted(self.patches(batch["onset"]), self.patches(batch["apex"]))

    def patches(self, frame: Tensor) -> Tensor:
        """(N, 3, size, size) → (N, T, 512), without the class token."""
        return self.encoder(frame)[:, 1:]

    def weighted(self, before: Tensor, after: Tensor) -> Tensor:
        """The apex's patches, the more of them the less they are found on the onset: twice (N, T, C) → (N, h, w, C)."""
        found = self.att.shares(after, before).diagonal(dim1=1, dim2=2)
        changed = 1 - found / found.amax(1, keepdim=True)
        edge = self.size // PATCH
        return (after * changed[..., None]).unflatten(1, (edge, edge))

    def restored(self, mixed: Tensor, reference: Tensor) -> Tensor:
        """A frame's patches (N, T, 192) from a mixture, and from one of the frames that were mixed, as `patches` gives them."""
        return self.decoder(self.att(mixed, reference)[0])

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        before = self.patches(batch["onset"])
        losses = []
        if self.stage != "restore":
            after = self.patches(batch["apex"])
            losses.append(cross_entropy(self.head(self.weighted(before, after)).float(), target))
        if self.stage == "restore" or self.restore_weight:
            restored = self.restored(self.patches(swapped(batch["apex"], batch["onset"])), before)
            weight = 1.0 if self.stage == "restore" else self.restore_weight
            losses.append(weight * mse_loss(restored.float(), patches_of(batch["apex"], PATCH)))
        return torch.stack(losses).sum()


def swapped(frames: Tensor, others: Tensor) -> Tensor:
    """Frames with some patches of others; how many differs from clip to clip. Twice (N, 3, H, W) → the same."""
    clips, edge = frames.shape[0], frames.shape[-1] // PATCH
    share = torch.rand(clips, 1, 1, 1, device=frames.device)
    taken = torch.rand(clips, 1, edge, edge, device=frames.device) < share
    taken = taken.repeat_interleave(PATCH, 2).repeat_interleave(PATCH, 3)
    return torch.where(taken, others, frames)


def released(weights: Mapping[str, Tensor], **options: Any) -> dict[str, Tensor]:
    """The released weights under our names, without what only its pretraining has. The head is not among them."""
    known = {name: values for name, values in weights.items() if name.startswith(("backbone.", "att.", "decoder_"))}
    return renamed(known, NAMES, FIXED)


@register(
    "micron-bert",
    size=224,
    origin=Origin(
        2023,
        "Micron-BERT: BERT-based facial micro-expression recognition",
        "Nguyen, Duong, Li, Gauch, Seo and Luu",
        "CVPR 2023, arXiv 2304.03195",
        source="uark-cviu/Micron-BERT 03cfb02 (no licence): encoder, attention and decoder, to whose numbers they are held",
        guessed=(
            "the head is ours: the mean of the apex's patches, each weighted by how little of it is found on the onset",
            "it is not pretrained: theirs saw eight million unlabelled frames, with a second loss on crops that is left out here",
            "restoring goes on beside recognising (option restore), so that the attention's values and the decoder learn",
            "how much is swapped: a share from 0 to 1, drawn for each clip",
            "pictures after ImageNet normalisation; the optimiser and its settings",
        ),
        chosen="unknown",
        notes=(
            "the released weights are read where a user has them, and hold no head: a start (convert --start), and no model that answers;"
            " how they were trained stands only within that file",
            "a released function describes one frame without the attention across frames: that is an ordinary transformer",
            "attention is spread over all places before the diagonal is taken: near 1/784 at first (as released)",
            "for other sizes the released program resizes its positions; here they are computed for that size",
        ),
    ),
    released=released,
)
def micron_bert(
    num_classes: int, size: int, *, attention: str = "diagonal", restore: float = 1.0, alone: int = 0
) -> MicronBert:
    """Micron-BERT's network with a head of ours, not pretrained: where onset and apex differ.

    Args:
        attention: across frames, of each place to itself ("diagonal") or to all ("full").
        restore: weight of restoring swapped patches beside recognising; 0 for none.
        alone: epochs of restoring before anything is recognised.
    """
    check_choice("attention", attention, ATTENTION)
    if size < 2 * PATCH or size % PATCH:
        raise ConfigError(f"micron-bert: a size of {size} is no multiple of {PATCH} from {2 * PATCH} on. Made for 224.")
    if isinstance(restore, bool) or not isinstance(restore, (int, float)) or restore < 0:
        raise ConfigError(f"micron-bert: restore is {restore!r}; give the weight of that loss, 0 for none.")
    if isinstance(alone, bool) or not isinstance(alone, int) or alone < 0:
        raise ConfigError(f"micron-bert: alone is {alone!r}; give a number of epochs, 0 for none.")
    return MicronBert(num_classes, size, attention, restore, alone)
