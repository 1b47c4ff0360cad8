"""SRMCL: a small transformer on flow that also rebuilds what is masked, and remembers each class (Bao and others, 2024).

Held to the authors' networks. What no program of theirs shows is guessed: how flow becomes a picture, and how it is trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize, one_hot

from tsfmicro.errors import ConfigError
from tsfmicro.models.autoencoder import FIXED, NAMES, Decoder, Encoder, patches_of, xavier
from tsfmicro.models.base import Batch, Model, check_choice
from tsfmicro.models.inputs import scaled
from tsfmicro.models.origin import Origin, renamed
from tsfmicro.models.registry import register
from tsfmicro.models.vit import PATCH, TransformerBlock
from tsfmicro.needs import Input, Stage, need

WIDTH, INNER, HEADS, LAYERS, RATIO = 768, 512, 16, 3, 2
MASKED = 0.75  # of the patches, in each of two passes
WEIGHT = 0.5  # of rebuilding
TEMPERATURE, KEPT = 0.05, 0.1  # of the memory: its similarities are divided by one, and it keeps the other at each step
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
THIRD, RANGE = ("magnitude", "strain"), ("scaled", "pixels")


class SRMCL(Model):
    """A picture of the flow, (N, 3, size, size) → (N, classes)."""

    memory: Tensor
    set_by_training = ("memory",)

    def __init__(self, num_classes: int, size: int, third: str, range: str, memory: float, alone: int) -> None:
        view = partial(picture, third=third, range=range)
        super().__init__({"flow": Input(need("flow", size), (3, size, size), view)}, size)
        self.encoder = Encoder(size, PATCH, WIDTH, HEADS, LAYERS, RATIO)
        self.last_block = TransformerBlock(WIDTH, HEADS, RATIO)
        self.head = nn.Sequential(nn.LayerNorm(WIDTH), nn.Linear(WIDTH, num_classes))
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, WIDTH))
        self.decoder = Decoder(size, PATCH, WIDTH, INNER, HEADS, LAYERS, RATIO, twice=True)
        self.memory_weight = memory
        self.register_buffer("memory", torch.zeros(num_classes, WIDTH))
        xavier(self)
        if alone:
            self.stages = (
                Stage("rebuild", epochs=alone, only=("encoder", "mask_token", "decoder")),
                Stage("recognise"),
            )

    def logits(self, **batch: Tensor) -> Tensor:
        return self.head(self.feature(self.encoder(batch["flow"])))

    def feature(self, tokens: Tensor) -> Tensor:
        """What the last layer makes of the class token. (N, 1 + T, 768) → (N, 768)."""
        return self.last_block(tokens)[:, 0]

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        tokens = self.encoder(batch["flow"])
        noise = torch.rand(2, *tokens[:, 1:, 0].shape, device=tokens.device)
        return self.loss_of(batch["flow"], tokens, noise, target)

    def loss_of(self, picture: Tensor, tokens: Tensor, noise: Tensor, target: Tensor) -> Tensor:
        """Of both maskings and of the class. tokens: the encoder's; noise: (2, N, T), the largest ¾ of each row are masked."""
        rebuilding = picture.new_zeros(())
        for drawn in noise:
            tokens, missing = self.masked(tokens, drawn)
            off = (self.decoder(tokens).float() - patches_of(picture, PATCH)).square().mean(-1)  # (N, T)
            rebuilding = rebuilding + (off * missing).sum() / missing.sum()
        if self.stage == "rebuild":
            return WEIGHT * rebuilding
        feature = self.feature(tokens)
        loss = cross_entropy(self.head(feature).float(), target) + WEIGHT * rebuilding
        return loss + self.memory_weight * self.remember(feature.float(), target) if self.memory_weight else loss

    def masked(self, tokens: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens with most of the patches' replaced, and which are, (N, T) of 0 and 1."""
        kept = int(noise.shape[1] * (1 - MASKED))
        missing = noise.argsort(1).argsort(1) >= kept
        patches = torch.where(missing[..., None], self.mask_token.to(tokens.dtype), tokens[:, 1:])
        return torch.cat([tokens[:, :1], patches], 1), missing.float()

    def remember(self, feature: Tensor, target: Tensor) -> Tensor:
        """How far features are from their class in memory, which then takes them over. (N, 768) → ()."""
        feature = normalize(feature)
        known = self.memory.clone()  # what follows changes it, and the gradient wants it as it was
        if self.training:
            with torch.no_grad():
                shown = one_hot(target, len(known)).to(feature.dtype).T  # (C, N)
                count = shown.sum(1, keepdim=True)
                means = shown @ feature / count.clamp(min=1)
                renewed = normalize(KEPT * known + (1 - KEPT) * means)
                self.memory.copy_(torch.where(count > 0, renewed, known))
        return cross_entropy(feature @ known.T / TEMPERATURE, target)


def picture(flow: Tensor, third: str, range: str) -> Tensor:
    """u, v and a third map as an image of 0…1, after ImageNet normalisation. (N, 3, H, W) → the same."""
    size = flow[:, :2].norm(dim=1, keepdim=True) if third == "magnitude" else flow[:, 2:]
    maps = torch.cat([flow[:, :2], size], 1)
    image = scaled(maps) if range == "scaled" else maps / 255
    mean, std = (torch.tensor(values, device=flow.device).view(1, 3, 1, 1) for values in (MEAN, STD))
    return (image - mean) / std


def released(weights: Mapping[str, Tensor], **options: Any) -> dict[str, Tensor]:
    """The released program's weights under our names, without a norm that it never uses; its memory is no part of its file."""
    rules = (
        *NAMES,
        (r"^backbone\.last_blocks\.", "last_block."),
        (r"^backbone\.mask_token", "mask_token"),
        (r"^mlp_head\.", "head."),
    )
    return renamed(weights, rules, (*FIXED, "bn_neck."))


@register(
    "srmcl",
    size=224,
    origin=Origin(
        2024,
        "Boosting micro-expression recognition via self-expression reconstruction and memory contrastive learning",
        "Bao, Wu, Zhang, Shan, Qi and Ben",
        "IEEE Transactions on Affective Computing 15(4)",
        source="pakchoi-php/SRMCL c941b0d (no licence): the networks, to whose numbers it is held",
        guessed=(
            "how the stored flow is scaled: each channel of each clip from 0 to 255 (range=scaled); range=pixels leaves pixels",
            "the training, which is not released: Adam 1e-4, weight decay .05, 100 epochs, cosine, classes balanced",
            "how memory begins: empty, so that the first clips of a class fill it",
            "whether rebuilding alone comes first, and how long: option alone, 0 epochs by default",
        ),
        chosen="not shown",
        notes=(
            "its flow is TV-L1, ours is DIS unless prepare.products says otherwise",
            "what the decoder is given passes its last norm first, too (as released)",
            "the head sees masked patches in training and whole ones when tested (as released)",
            "memory keeps a tenth of itself at each step: its momentum of .1 is that of the old value (as released)",
            "in training the released program hands back the memory's logits; here a model's logits are always the head's",
            "the released test scripts do not run, and average a running accuracy: their number is not the pooled accuracy",
            "fixed positions and a norm that is never used, counted in the published 26,857,989 parameters, are no weights here",
        ),
    ),
    released=released,
)
def srmcl(
    num_classes: int, size: int, *, third: str = "magnitude", range: str = "scaled", memory: float = 0.5, alone: int = 0
) -> SRMCL:
    """SRMCL: a small transformer on flow, with masked rebuilding and a memory of each class.

    Args:
        third: the picture's third channel, "magnitude" or "strain".
        range: "scaled", each channel of each clip from 0 to 255, or "pixels", as computed.
        memory: weight of its loss; 0 for none.
        alone: epochs of rebuilding before anything is recognised.
    """
    check_choice("third", third, THIRD)
    check_choice("range", range, RANGE)
    if size < 2 * PATCH or size % PATCH:
        raise ConfigError(
            f"srmcl: a size of {size} is no multiple of {PATCH} from {2 * PATCH} on. It was made for 224."
        )
    if isinstance(memory, bool) or not isinstance(memory, (int, float)) or memory < 0:
        raise ConfigError(f"srmcl: memory is {memory!r}; give the weight of its loss, 0 for none.")
    if isinstance(alone, bool) or not isinstance(alone, int) or alone < 0:
        raise ConfigError(f"srmcl: alone is {alone!r}; give a number of epochs, 0 for none.")
    return SRMCL(num_classes, size, third, range, memory, alone)
