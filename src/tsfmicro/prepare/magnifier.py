"""Learning-based motion magnification (Oh et al. 2018), in the form without biases that came with AMAN (Wei et al. 2022).

What moves is told from what is seen: an encoder gives each frame a texture and a shape, the difference of shapes is magnified, and
a decoder draws the frame again. Weights come from the user; their names are the released program's. Held to its numbers.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.prepare.weights import give_weights, read_weights

WHAT = "the magnifier, as the program of AMAN keeps them"
WIDTH = 32


class Convolution(nn.Conv2d):
    """Without bias; reflected at the border."""

    def __init__(self, width: int, out_width: int, kernel: int = 3, stride: int = 1) -> None:
        super().__init__(width, out_width, kernel, stride, kernel // 2, bias=False, padding_mode="reflect")


class Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = Convolution(width, width), Convolution(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(self.conv1(x).relu())


class Single(nn.Module):
    """A convolution in a place where the released program has a block."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.conv1 = Convolution(WIDTH, WIDTH, kernel)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv1(x)


class Encoder(nn.Module):
    """(N, 3, H, W) from −1 to 1 → texture (N, 32, H/4, W/4) and shape (N, 32, H/2, W/2)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = Convolution(3, WIDTH // 2, 7), Convolution(WIDTH // 2, WIDTH, stride=2)
        self.resblks = nn.Sequential(*(Residual(WIDTH) for _ in range(3)))
        self.conv1_text = Convolution(WIDTH, WIDTH, stride=2)
        self.resblks_text = nn.Sequential(Residual(WIDTH), Residual(WIDTH))
        self.conv1_shape = Convolution(WIDTH, WIDTH)
        self.resblks_shape = nn.Sequential(Residual(WIDTH), Residual(WIDTH))

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.resblks(self.conv2(self.conv1(frames).relu()).relu())
        return self.resblks_text(self.conv1_text(seen).relu()), self.resblks_shape(self.conv1_shape(seen).relu())


class Manipulator(nn.Module):
    """Shapes of reference and frame, and m − 1 (N, 1, 1, 1) → the shape moved further."""

    def __init__(self) -> None:
        super().__init__()
        self.convblks = nn.Sequential(Single(7))
        self.convblks_after = nn.Sequential(Single(3))
        self.resblks = nn.Sequential(Residual(WIDTH))

    def forward(self, reference: Tensor, shape: Tensor, added: Tensor) -> Tensor:
        moved = self.convblks(shape - reference).relu() * added
        return shape + self.resblks(self.convblks_after(moved))


class Decoder(nn.Module):
    """Texture and shape → (N, 3, H, W)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1_text = Convolution(WIDTH, WIDTH)
        self.resblks = nn.Sequential(*(Residual(2 * WIDTH) for _ in range(9)))
        self.conv1, self.conv2 = Convolution(2 * WIDTH, WIDTH), Convolution(WIDTH, 3, 7)

    def forward(self, texture: Tensor, shape: Tensor) -> Tensor:
        texture = self.conv1_text(F.interpolate(texture, scale_factor=2)).relu()
        drawn = self.resblks(torch.cat([texture, shape], 1))
        return self.conv2(self.conv1(F.interpolate(drawn, scale_factor=2)).relu())


class Magnifier(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.manipulator, self.decoder = Encoder(), Manipulator(), Decoder()

    def forward(self, reference: Tensor, frame: Tensor, factor: Tensor) -> Tensor:
        """(N, 3, H, W) unclipped. reference, frame: (N, 3, H, W) from −1 to 1, sides multiples of 4; factor: (N,)."""
        texture, shape = self.encoder(frame)
        return self.redraw(self.encoder(reference)[1], texture, shape, factor)

    def redraw(self, reference: Tensor, texture: Tensor, shape: Tensor, factor: Tensor) -> Tensor:
        """The same from the reference's shape and the frame's texture and shape."""
        return self.decoder(texture, self.manipulator(reference, shape, (factor - 1).view(-1, 1, 1, 1)))


@lru_cache(maxsize=1)
def magnifier(file: Path) -> Magnifier:
    """With the user's weights, on the CPU. Raises WeightsError: no such file, or of another network."""
    network = Magnifier()
    give_weights(network, read_weights(file, WHAT), file, WHAT)
    return network.eval()


def magnify(file: Path, reference: np.ndarray, frames: np.ndarray, factors: list[float]) -> np.ndarray:
    """(T, factors, H, W, 3) uint8 RGB. reference: (H, W, 3) and frames: (T, H, W, 3) uint8 RGB."""
    network = magnifier(file)
    made = np.empty((len(frames), len(factors), *frames.shape[1:]), np.uint8)
    with torch.inference_mode():
        still = network.encoder(_pictures(reference[None]))[1]
        for t, frame in enumerate(frames):
            texture, shape = network.encoder(_pictures(frame[None]))
            for n, factor in enumerate(factors):
                drawn = network.redraw(still, texture, shape, torch.tensor([factor], dtype=torch.float32))
                made[t, n] = ((drawn[0].clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy()
    return made


def _pictures(faces: np.ndarray) -> Tensor:
    return torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 127.5 - 1
