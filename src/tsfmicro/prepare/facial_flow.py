"""FacialFlowNet, the flow network of DecFlow (Lu et al. 2024): facial flow and head flow, told apart by two decoders.

What the skin does by itself is the difference, the expression flow. The network is RAFT's (Teed and Deng 2020) with GMA's attention
over places (Jiang et al. 2021), and a frozen face encoder beside the context encoder. Weights come from the user; their names are
the released program's. Held to its numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tsfmicro.prepare.weights import give_weights, read_weights

WHAT = "FacialFlowNet, decflow-facialflownet.pth as its authors keep it"
STEPS = 24  # of refinement, when tested
RADIUS, LEVELS = 4, 4  # of the correlation that each place looks at
HIDDEN = 128
SMALLEST = 128  # pixels: below it the coarsest correlation has one place
UNUSED = ("att.pos_emb", "dad_encoder.model.3", "dad_encoder.model.4")  # in the released file, and never looked at


class Residual(nn.Module):
    """Two 3×3 convolutions beside a shortcut, each with its norm."""

    def __init__(self, width: int, out_width: int, stride: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, out_width, 3, stride, 1)
        self.conv2 = nn.Conv2d(out_width, out_width, 3, padding=1)
        self.norm1, self.norm2 = norm(out_width), norm(out_width)
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(width, out_width, 1, stride), norm(out_width))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu())).relu()
        return ((self.downsample(x) if hasattr(self, "downsample") else x) + y).relu()


class Encoder(nn.Module):
    """(N, 3, H, W) → (N, 256, H/8, W/8)."""

    def __init__(self, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 64, 7, 2, 3), norm(64)
        self.layer1 = nn.Sequential(Residual(64, 64, 1, norm), Residual(64, 64, 1, norm))
        self.layer2 = nn.Sequential(Residual(64, 96, 2, norm), Residual(96, 96, 1, norm))
        self.layer3 = nn.Sequential(Residual(96, 128, 2, norm), Residual(128, 128, 1, norm))
        self.conv2 = nn.Conv2d(128, 256, 1)

    def forward(self, images: Tensor) -> Tensor:
        seen = self.norm1(self.conv1(images)).relu()
        return self.conv2(self.layer3(self.layer2(self.layer1(seen))))


class Normed(nn.Module):
    """A convolution without bias and its batch norm."""

    def __init__(self, width: int, out_width: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, out_width, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out_width)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class Bottleneck(nn.Module):
    """ResNet-50's unit; the first of a stage changes the width."""

    def __init__(self, width: int, out_width: int, stride: int) -> None:
        super().__init__()
        inner = out_width // 4
        parts = {
            "conv1": Normed(width, inner, 1, stride),
            "conv2": Normed(inner, inner, 3),
            "conv3": Normed(inner, out_width, 1),
        }
        self.body = nn.ModuleDict(parts)
        if width != out_width:
            self.identity_conv = Normed(width, out_width, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = self.body["conv3"](self.body["conv2"](self.body["conv1"](x).relu()).relu())
        return (y + (self.identity_conv(x) if hasattr(self, "identity_conv") else x)).relu()


class FaceEncoder(nn.Module):
    """Stem and two stages of ResNet-50: (N, 3, H, W) → (N, 512, H/8, W/8)."""

    def __init__(self) -> None:
        super().__init__()

        def stage(width: int, out_width: int, units: int, stride: int) -> nn.ModuleDict:
            first = {"unit1": Bottleneck(width, out_width, stride)}
            return nn.ModuleDict(first | {f"unit{n}": Bottleneck(out_width, out_width, 1) for n in range(2, units + 1)})

        self.model = nn.ModuleList(
            [nn.ModuleDict({"conv": Normed(3, 64, 7, 2)}), stage(64, 256, 3, 1), stage(256, 512, 4, 2)]
        )

    def forward(self, images: Tensor) -> Tensor:
        stem, *stages = self.model
        seen = F.max_pool2d(stem["conv"](images).relu(), 3, 2, 1)  # type: ignore[index]
        for stage in stages:
            for unit in stage.values():  # type: ignore[operator]
                seen = unit(seen)
        return seen


class Joining(nn.Module):
    """A residual block that joins context and face: (N, 512, h, w) → (N, 256, h, w)."""

    def __init__(self, width: int, out_width: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(width, out_width, 3, padding=1, bias=False), nn.BatchNorm2d(out_width)
        self.conv2, self.bn2 = nn.Conv2d(out_width, out_width, 3, padding=1, bias=False), nn.BatchNorm2d(out_width)
        self.adjustment = nn.Sequential(nn.Conv2d(width, out_width, 1, bias=False), nn.BatchNorm2d(out_width))

    def forward(self, x: Tensor) -> Tensor:
        return (self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + self.adjustment(x)).relu()


class Attention(nn.Module):
    """(N, P, P) how much each place looks at each other, by what is seen there."""

    def __init__(self) -> None:
        super().__init__()
        self.to_qk = nn.Conv2d(HIDDEN, 2 * HIDDEN, 1, bias=False)

    def forward(self, context: Tensor) -> Tensor:
        query, key = self.to_qk(context).flatten(2).chunk(2, 1)
        return (query.transpose(1, 2) @ key * HIDDEN**-0.5).softmax(-1)


class MotionEncoder(nn.Module):
    """Correlation (N, 324, h, w) and flow (N, 2, h, w) → (N, 128, h, w)."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1, self.convc2 = nn.Conv2d(LEVELS * (2 * RADIUS + 1) ** 2, 256, 1), nn.Conv2d(256, 192, 3, padding=1)
        self.convf1, self.convf2 = nn.Conv2d(2, 128, 7, padding=3), nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(256, HIDDEN - 2, 3, padding=1)

    def forward(self, correlation: Tensor, flow: Tensor) -> Tensor:
        alike = self.convc2(self.convc1(correlation).relu()).relu()
        moved = self.convf2(self.convf1(flow).relu()).relu()
        return torch.cat([self.conv(torch.cat([alike, moved], 1)).relu(), flow], 1)


class Aggregator(nn.Module):
    """Motion, and what moves where one looks."""

    def __init__(self) -> None:
        super().__init__()
        self.to_v = nn.Conv2d(HIDDEN, HIDDEN, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, attention: Tensor, motion: Tensor) -> Tensor:
        values = self.to_v(motion).flatten(2).transpose(1, 2)
        return motion + self.gamma * (attention @ values).transpose(1, 2).unflatten(2, motion.shape[2:])


class Recurrence(nn.Module):
    """A gated recurrent unit of convolutions along rows, then along columns."""

    def __init__(self) -> None:
        super().__init__()
        for number, kernel in ((1, (1, 5)), (2, (5, 1))):
            for gate in "zrq":
                conv = nn.Conv2d(4 * HIDDEN, HIDDEN, kernel, padding=(kernel[0] // 2, kernel[1] // 2))
                self.add_module(f"conv{gate}{number}", conv)

    def forward(self, state: Tensor, seen: Tensor) -> Tensor:
        for number in "12":
            update, reset, new = (self.get_submodule(f"conv{gate}{number}") for gate in "zrq")
            both = torch.cat([state, seen], 1)
            z, r = update(both).sigmoid(), reset(both).sigmoid()
            state = (1 - z) * state + z * new(torch.cat([r * state, seen], 1)).tanh()
        return state


class FlowHead(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(HIDDEN, 256, 3, padding=1), nn.Conv2d(256, 2, 3, padding=1)

    def forward(self, state: Tensor) -> Tensor:
        return self.conv2(self.conv1(state).relu())


class Decoder(nn.Module):
    """One step of refinement: hidden state, correlation and flow → hidden state, and what is added to the flow."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.aggregator = MotionEncoder(), Aggregator()
        self.gru, self.flow_head = Recurrence(), FlowHead()
        self.mask = nn.Sequential(nn.Conv2d(HIDDEN, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 64 * 9, 1))

    def forward(
        self, state: Tensor, context: Tensor, correlation: Tensor, flow: Tensor, attention: Tensor
    ) -> tuple[Tensor, Tensor]:
        motion = self.encoder(correlation, flow)
        state = self.gru(state, torch.cat([context, motion, self.aggregator(attention, motion)], 1))
        return state, self.flow_head(state)


class FacialFlowNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fnet, self.cnet = Encoder(nn.InstanceNorm2d), Encoder(nn.BatchNorm2d)
        self.dad_encoder, self.change_dim = FaceEncoder(), nn.Conv2d(512, 256, 1)
        self.res1, self.att = Joining(512, 256), Attention()
        self.update_block, self.update_block_head = Decoder(), Decoder()

    def forward(self, first: Tensor, second: Tensor, steps: int = STEPS) -> tuple[Tensor, Tensor]:
        """Facial flow and head flow, (N, 2, H, W) each, horizontal first, in pixels.

        Args: first, second: (N, 3, H, W) RGB 0…255; sides are multiples of 8, at least 128.
        """
        first, second = (2 * image / 255 - 1 for image in (first, second))
        pyramid = correlations(self.fnet(first), self.fnet(second))
        joined = self.res1(torch.cat([self.cnet(first), self.change_dim(self.dad_encoder(first))], 1))
        state, context = joined[:, :HIDDEN].tanh(), joined[:, HIDDEN:].relu()
        attention = self.att(context)
        facial, head = (
            refined(decoder, state, context, pyramid, attention, steps)
            for decoder in (self.update_block, self.update_block_head)
        )
        return facial, head


def refined(
    decoder: Decoder, state: Tensor, context: Tensor, pyramid: list[Tensor], attention: Tensor, steps: int
) -> Tensor:
    """(N, 2, H, W) the flow that a decoder comes to, in so many steps from none."""
    height, width = state.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    places = torch.stack([x, y]).to(state)  # (2, h, w)
    flow = torch.zeros_like(state[:, :2])
    for _ in range(steps):
        state, added = decoder(state, context, around(pyramid, places + flow), flow, attention)
        flow = flow + added
    return enlarged(flow, 0.25 * decoder.mask(state))


def correlations(first: Tensor, second: Tensor) -> list[Tensor]:
    """Of each place of the first map with all places of the second: (N·h·w, 1, h, w), and averaged to halves of that."""
    all_pairs = first.flatten(2).transpose(1, 2) @ second.flatten(2) / first.shape[1] ** 0.5
    pyramid = [all_pairs.view(-1, 1, *second.shape[2:])]
    while len(pyramid) < LEVELS:
        pyramid.append(F.avg_pool2d(pyramid[-1], 2, 2))
    return pyramid


def around(pyramid: list[Tensor], places: Tensor) -> Tensor:
    """(N, 324, h, w) correlations in a window about each place, x outside, y inside. places: (N, 2, h, w), x first."""
    count, _, height, width = places.shape
    steps = torch.arange(-RADIUS, RADIUS + 1).to(places)
    window = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1)  # (9, 9, 2)
    centres = places.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    found = []
    for level, maps in enumerate(pyramid):
        edges = torch.tensor([maps.shape[3] - 1, maps.shape[2] - 1]).to(places)
        grid = 2 * (centres / 2**level + window) / edges - 1
        read = F.grid_sample(maps, grid, align_corners=True)
        found.append(read.view(count, height, width, -1))
    return torch.cat(found, -1).permute(0, 3, 1, 2)


def enlarged(flow: Tensor, mask: Tensor) -> Tensor:
    """(N, 2, h, w) → (N, 2, 8h, 8w): each new pixel is a mean of nine old ones, weighted by its mask."""
    count, _, height, width = flow.shape
    weights = mask.view(count, 1, 9, 8, 8, height, width).softmax(2)
    near = F.unfold(8 * flow, 3, padding=1).view(count, 2, 9, 1, 1, height, width)
    return (weights * near).sum(2).permute(0, 1, 4, 2, 5, 3).reshape(count, 2, 8 * height, 8 * width)


@lru_cache(maxsize=1)
def network(file: Path) -> FacialFlowNet:
    """With the user's weights, on the CPU. Raises WeightsError: no such file, or of another network."""
    made = FacialFlowNet()
    weights = {name: value for name, value in read_weights(file, WHAT).items() if ".norm3." not in name}  # told twice
    give_weights(made, weights, file, WHAT, UNUSED)
    return made.eval()


def facial_flow(file: Path, onset: np.ndarray, apex: np.ndarray, part: str = "expression") -> np.ndarray:
    """(2, H, W) float32 flow in pixels. onset, apex: (H, W, 3) uint8 RGB; part: "facial", "head", or their difference.

    Sides that the network cannot take are reflected to the next ones that it can.
    """
    height, width = onset.shape[:2]
    below, beside = (max(SMALLEST, -(-side // 8) * 8) - side for side in (height, width))
    padded = [np.pad(image, ((0, below), (0, beside), (0, 0)), mode="symmetric") for image in (onset, apex)]
    with torch.inference_mode():
        facial, head = network(file)(*(torch.from_numpy(image).permute(2, 0, 1)[None].float() for image in padded))
    wanted = {"facial": facial, "head": head, "expression": facial - head}[part]
    return wanted[0, :, :height, :width].numpy()
