"""TSFmicro written the straightforward way: what the fast one must agree with, and what its speed is measured against.

It follows the equations one by one, as a first program would: decay masks and rotations are worked out at each call,
queries, keys and values have a linear each, stem and convolutions see (N, C, H, W) and everything else (N, H, W, C),
scores are whole arrays. It shares no code with tsfmicro. Names of weights are those of the golden file.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

HEADS = 2
SPANS = (4, 4, 6, 6)
BLOCKS = (1, 1, 2, 1)


def conv_norm(width, out_width, stride=1):
    conv = nn.Conv2d(width, out_width, 3, stride=stride, padding=1)
    return nn.ModuleDict({"conv": conv, "norm": nn.BatchNorm2d(out_width)})


def depthwise(width, kernel):
    return nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width)


def convolve(conv, x):
    """A convolution of (N, H, W, C)."""
    return conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Stem(nn.ModuleList):
    """(N, 3, H, W) → (N, C, H/2, W/2)."""

    def __init__(self, widths):
        inputs = (3, *widths[:-1])
        super().__init__(
            conv_norm(a, b, 2 if i == 0 else 1) for i, (a, b) in enumerate(zip(inputs, widths, strict=True))
        )

    def forward(self, x):
        for i, layer in enumerate(self):
            x = layer["norm"](layer["conv"](x))
            if i < 3:
                x = F.gelu(x)
        return x


def rotate(x, height, width):
    """Turn channel pairs by the place's angle. x (N, heads, H, W, d)."""
    d = x.shape[-1]
    angle = (1 / 10_000 ** torch.linspace(0, 1, d // 2)).repeat_interleave(2)
    place = torch.arange(height * width).view(height, width, 1)
    a, b = x[..., 0::2], x[..., 1::2]
    turned = torch.stack((-b, a), dim=-1).flatten(-2)
    return x * torch.cos(place * angle) + turned * torch.sin(place * angle)


def manhattan_decay(span):
    return torch.log(1 - 2 ** (-2 - span * torch.arange(HEADS) / HEADS))


class Retention(nn.Module):
    def __init__(self, width, span, separable, causal):
        super().__init__()
        self.span, self.separable, self.causal = span, separable, causal
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.local_conv = depthwise(width, 5)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        n, height, width, channels = x.shape
        q, k, v = self.query(x), self.key(x), self.value(x)
        local = convolve(self.local_conv, v)
        k = k * (channels // HEADS) ** -0.5
        q, k, v = (t.view(n, height, width, HEADS, -1).permute(0, 3, 1, 2, 4) for t in (q, k, v))  # (N, heads, H, W, d)
        q, k = rotate(q, height, width), rotate(k, height, width)
        if self.separable:
            rows = torch.arange(height)
            columns = torch.arange(width)
            q, k, v = (t.transpose(1, 2) for t in (q, k, v))  # (N, H, heads, W, d)
            seen = self.mix(q, k, v, columns[:, None] - columns)
            q, k, v = (t.permute(0, 3, 2, 1, 4) for t in (q, k, seen))  # (N, W, heads, H, d)
            seen = self.mix(q, k, v, rows[:, None] - rows).permute(0, 3, 1, 2, 4)  # (N, H, W, heads, d)
        else:
            place = torch.arange(height * width)
            row, column = place // width, place % width
            apart = (row[:, None] - row).abs() + (column[:, None] - column).abs()
            if self.causal:
                apart = place[:, None] - place
            seen = self.mix(*(t.flatten(2, 3) for t in (q, k, v)), apart)  # (N, heads, H·W, d)
            seen = seen.unflatten(2, (height, width)).permute(0, 2, 3, 1, 4)
        if self.causal:
            mean, variance = seen.mean(-1, keepdim=True), seen.var(-1, keepdim=True, unbiased=False)
            seen = (seen - mean) / torch.sqrt(variance + 1e-6)
        return self.out(seen.reshape(n, height, width, channels) + local)

    def mix(self, q, k, v, apart):
        """q, k, v (…, heads, T, d); apart (T, T): how far each key is from each query."""
        scores = q @ k.transpose(-1, -2)
        if self.causal:
            gamma = 1 - 2.0 ** (-5 - torch.arange(HEADS))
            return scores * torch.where(apart >= 0, gamma[:, None, None] ** apart.abs(), 0.0) @ v
        return F.softmax(scores + manhattan_decay(self.span)[:, None, None] * apart.abs(), dim=-1) @ v


class FeedForward(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.expand = nn.Linear(width, 3 * width)
        self.conv = depthwise(3 * width, 3)
        self.shrink = nn.Linear(3 * width, width)

    def forward(self, x):
        hidden = F.gelu(self.expand(x))
        return self.shrink(hidden + convolve(self.conv, hidden))


class Block(nn.Module):
    def __init__(self, width, span, separable, causal, drop):
        super().__init__()
        self.drop = drop
        self.position_conv = depthwise(width, 3)
        self.retention_norm = nn.LayerNorm(width, eps=1e-6)
        self.retention = Retention(width, span, separable, causal)
        self.ffn_norm = nn.LayerNorm(width, eps=1e-6)
        self.ffn = FeedForward(width)

    def forward(self, x):
        x = x + convolve(self.position_conv, x)
        x = x + self.thin(self.retention(self.retention_norm(x)))
        return x + self.thin(self.ffn(self.ffn_norm(x)))

    def thin(self, branch):
        if not self.training or self.drop == 0:
            return branch
        kept = torch.rand(len(branch), 1, 1, 1) < 1 - self.drop
        return branch * kept / (1 - self.drop)


class Temporal(nn.Module):
    def __init__(self, widths, stem, causal, drop_path):
        super().__init__()
        self.stem = Stem(stem)
        drops = iter(torch.linspace(0, drop_path, sum(BLOCKS)).tolist())
        for i, width in enumerate(widths):
            stage = {f"block{b + 1}": Block(width, SPANS[i], i < 2, causal, next(drops)) for b in range(BLOCKS[i])}
            if i < 3:
                stage["down"] = conv_norm(width, widths[i + 1], stride=2)
            self.add_module(f"stage{i + 1}", nn.ModuleDict(stage))

    def stages(self, x):
        """(N, C, H, W) → (N, H/8, W/8, D)."""
        x = x.permute(0, 2, 3, 1)
        for i in range(4):
            stage = getattr(self, f"stage{i + 1}")
            for b in range(BLOCKS[i]):
                x = stage[f"block{b + 1}"](x)
            if i < 3:
                down = stage["down"]
                x = down["norm"](down["conv"](x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
        return x


class TransformerBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.attention_norm = nn.LayerNorm(width, eps=1e-6)
        self.attention = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "out": nn.Linear(width, width)})
        self.mlp_norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = nn.ModuleDict({"expand": nn.Linear(width, 4 * width), "shrink": nn.Linear(4 * width, width)})

    def forward(self, x):
        n, tokens, width = x.shape
        qkv = self.attention["qkv"](self.attention_norm(x)).view(n, tokens, 3, 4, width // 4)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)
        scores = F.softmax((q @ k.transpose(-1, -2)) * (width // 4) ** -0.5, dim=-1)
        x = x + self.attention["out"]((scores @ v).transpose(1, 2).reshape(n, tokens, width))
        return x + self.mlp["shrink"](F.gelu(self.mlp["expand"](self.mlp_norm(x))))


class Spatial(nn.Module):
    def __init__(self, size, width, patches):
        super().__init__()
        self.grid, self.patches = size // 16, patches
        self.embed = nn.Conv2d(3, width, 16, stride=16) if patches else nn.Conv2d(3, width, 1)
        self.position = nn.Parameter(0.02 * torch.randn(1, self.grid**2, width))
        self.block1, self.block2 = TransformerBlock(width), TransformerBlock(width)
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def tokens(self, image):
        if not self.patches:
            image = F.interpolate(image, size=(self.grid, self.grid), mode="bilinear", antialias=True)
        return self.embed(image).flatten(2).transpose(1, 2) + self.position

    def forward(self, image):
        tokens = self.norm(self.block2(self.block1(self.tokens(image))))
        return tokens.view(len(tokens), self.grid, self.grid, -1)


class Reference(nn.Module):
    """All six variants; `forward` takes movement and frame, and uses what the variant needs."""

    def __init__(
        self,
        num_classes=5,
        size=224,
        variant="late",
        widths=(64, 128, 256, 512),
        stem=(32, 32, 64, 64),
        spatial_width=512,
        head_width=1024,
        tokens="thumbnail",
        retention="manhattan",
        join="before",
        drop_path=0.1,
    ):
        super().__init__()
        self.variant, self.join = variant, join
        if variant != "spatial":
            self.temporal = Temporal(widths, stem, retention == "causal", drop_path)
        if variant not in ("temporal", "early"):
            self.spatial = Spatial(size, spatial_width, tokens == "patches")
        if variant == "early":
            self.onset_stem = Stem(stem)
        if variant == "spatial_to_temporal":
            down = (spatial_width, *widths[2::-1])
            ups = (nn.ConvTranspose2d(down[i], down[i + 1], 4, stride=2, padding=1) for i in range(3))
            self.spatial_to_temporal = nn.ModuleDict({f"up{i + 1}": up for i, up in enumerate(ups)})
        width = spatial_width if variant == "spatial" else widths[-1]
        project, classify = nn.Linear(width, head_width), nn.Linear(head_width, num_classes)
        self.head = nn.ModuleDict({"project": project, "norm": nn.BatchNorm1d(head_width), "classify": classify})

    def forward(self, movement, frame):
        x = self.features(movement, frame).flatten(1, 2)
        x = self.head["norm"](self.head["project"](x).transpose(1, 2))
        return self.head["classify"]((x * torch.sigmoid(x)).mean(dim=2))

    def features(self, movement, frame):
        """(N, h, w, D)."""
        if self.variant == "temporal":
            return self.temporal.stages(self.temporal.stem(movement))
        if self.variant == "spatial":
            return self.spatial(frame)
        if self.variant == "early":
            return self.temporal.stages(self.temporal.stem(movement) + self.onset_stem(frame))
        if self.variant == "spatial_to_temporal":
            where = self.spatial(frame).permute(0, 3, 1, 2)
            for up in self.spatial_to_temporal.values():
                where = up(where)
            return self.temporal.stages(self.temporal.stem(movement) + where)
        how = self.temporal.stages(self.temporal.stem(movement))
        if self.variant == "late":
            return how + self.spatial(frame)
        tokens, how = self.spatial.tokens(frame), how.flatten(1, 2)
        if self.join == "before":
            tokens = self.spatial.block2(self.spatial.block1(tokens + how))
        else:
            tokens = self.spatial.block2(self.spatial.block1(tokens)) + how
        return self.spatial.norm(tokens).unflatten(1, (self.spatial.grid, self.spatial.grid))
