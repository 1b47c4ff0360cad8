"""C3DBed, approximated (Pan, Xie and Wang, 2023): a 3-D network embeds patches of the face for a transformer.

Known: the face is cut into patches; a network of C3D's kind turns each into a vector; with position codes they go through a
transformer encoder that learns how much each region counts; a joint loss trains it. All sizes are guessed (`ORIGIN.guessed`):
this is not the published network.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.errors import ConfigError
from tsfmicro.models.base import Batch, Model, check_choice
from tsfmicro.models.checks import check_size, divides, number, whole_number, whole_numbers
from tsfmicro.models.inputs import frames as frames_of
from tsfmicro.models.origin import Origin
from tsfmicro.models.registry import register
from tsfmicro.models.vit import TransformerBlock
from tsfmicro.needs import Input, need

NAME = "c3dbed-approx"
LOOKS = ("difference", "frames")


class C3DBed(Model):
    """Three pictures (N, 3, 3, size, size): onset, apex and their difference, or three frames → (N, classes).

    Attributes: centres: (classes, width) that the joint loss draws the clips of a class to.
    """

    def __init__(
        self,
        num_classes: int,
        size: int,
        look: str,
        patch: int,
        widths: tuple[int, ...],
        width: int,
        layers: int,
        heads: int,
        centre: float,
    ) -> None:
        pair = Input(need("faces", size), (3, 3, size, size), with_difference)
        super().__init__({"pictures": pair if look == "difference" else frames_of(size, 3)}, size)
        self.patch, self.centre = patch, centre
        steps = zip((3, *widths), widths, [(1, 2, 2), (2, 2, 2), None], strict=False)
        self.embed = nn.Sequential(*(part for step in steps for part in convolution(*step)))
        self.widen = nn.Linear(widths[-1], width)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.places = nn.Parameter(torch.randn(1, 1 + (size // patch) ** 2, width) * 0.02)
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, num_classes)
        if centre:
            self.centres = nn.Parameter(torch.randn(num_classes, width))

    def seen(self, pictures: Tensor) -> Tensor:
        """(N, width): the class token after the transformer."""
        edge = self.size // self.patch
        pictures = pictures[..., : edge * self.patch, : edge * self.patch]
        cut = pictures.unflatten(4, (edge, self.patch)).unflatten(3, (edge, self.patch))  # (N, 3, RGB, e, p, e, p)
        patches = cut.permute(0, 3, 5, 2, 1, 4, 6)  # (N, e, e, RGB, 3, p, p)
        vectors = self.embed(patches.flatten(0, 2)).mean((2, 3, 4))
        tokens = self.widen(vectors).view(pictures.shape[0], edge**2, -1)
        tokens = torch.cat([self.token.expand(pictures.shape[0], -1, -1), tokens], 1) + self.places
        return self.norm(self.blocks(tokens)[:, 0])

    def logits(self, **batch: Tensor) -> Tensor:
        return self.classify(self.seen(batch["pictures"]))

    def loss(self, batch: Batch, target: Tensor) -> Tensor:
        self.check(batch)
        seen = self.seen(batch["pictures"])
        loss = F.cross_entropy(self.classify(seen).float(), target)
        if not self.centre:
            return loss
        return loss + self.centre * (seen.float() - self.centres[target]).square().sum(1).mean() / 2


def convolution(width: int, out_width: int, pool: tuple[int, int, int] | None) -> list[nn.Module]:
    """3³, norm, ReLU, and pooling where it is asked for."""
    parts = [nn.Conv3d(width, out_width, 3, padding=1, bias=False), nn.BatchNorm3d(out_width), nn.ReLU()]
    return [*parts, nn.MaxPool3d(pool, ceil_mode=True)] if pool else parts


def with_difference(pair: Tensor) -> Tensor:
    """Onset and apex (N, 2, 3, H, W) → onset, apex, apex − onset."""
    return torch.cat([pair, pair[:, 1:] - pair[:, :1]], 1)


ORIGIN = Origin(
    2023,
    "C3DBed: facial micro-expression recognition with three-dimensional convolutional neural network embedding in "
    "transformer model",
    "Pan, Xie and Wang",
    "Engineering Applications of Artificial Intelligence 123",
    fidelity="named",
    guessed=(
        "look: at onset, apex and their difference, 224 × 224: a 3-D convolution needs an axis of time, the text names the apex",
        "patch: 16 pixels, so 14 × 14 tokens",
        "widths: three convolutions 3³ of 64, 128 and 256 with batch norm, pools 1×2×2 and 2³, global average",
        "width: 512 values of a token; learned position codes and a class token",
        "layers: 4, pre-norm, MLP four times as wide",
        "heads: 8",
        "centre: 0.01 of a centre loss on the class token beside cross-entropy, as the joint loss",
        "training: AdamW 1e-4, weight decay 0.05, cosine, 100 epochs, batches of 32, flip and crop",
    ),
    chosen="unknown; treat as test-selected",
    notes=(
        "no program is public and the paper's text was not at hand: only the ideas are the paper's",
        "its published 3-class ACC may be UAR, as MERSiamC3D's is: unverified",
    ),
)


@register(NAME, size=224, origin=ORIGIN)
def c3dbed(
    num_classes: int,
    size: int,
    *,
    look: str = "difference",
    patch: int = 16,
    widths: tuple[int, ...] = (64, 128, 256),
    width: int = 512,
    layers: int = 4,
    heads: int = 8,
    centre: float = 0.01,
) -> C3DBed:
    """C3DBed, approximated: a 3-D network embeds patches of the face for a transformer; all sizes are guessed.

    Args:
        look: at onset, apex and their "difference", or at three "frames" from onset to offset. patch: edge, pixels.
        widths: of the three convolutions. width: of a token. layers, heads: of the transformer. centre: weight of the centre loss.
    """
    check_size(NAME, size, 8, 224)
    check_choice("look", look, LOOKS)
    if whole_number(NAME, "patch", patch, low=4) > size:
        raise ConfigError(f"{NAME}: a patch of {patch} pixels does not fit into images of {size}. Make it smaller.")
    divides(NAME, whole_number(NAME, "heads", heads), whole_number(NAME, "width", width))
    return C3DBed(
        num_classes,
        size,
        look,
        patch,
        whole_numbers(NAME, "widths", widths, 3),
        width,
        whole_number(NAME, "layers", layers),
        heads,
        number(NAME, "centre", centre),
    )
