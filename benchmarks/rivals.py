"""Each rival's training step, and the features of the classical ones, against the plain program of the same mathematics.

Both are of the same numbers: before it is measured, each plain step's loss and gradients are held to ours, without dropout, and each
plain feature to ours. Both take turns in one process of one thread, as a worker is; large networks are made smaller, so that the
whole takes minutes. The optimiser is the one of the model's shipped settings: ours as `train.optimiser` makes it, the reference's as torch
gives it. Folds are trained one after another on both sides.

    python -m benchmarks.rivals [NAME ...]
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import plain
from benchmarks.shared import Row, alternate, compared, program
from tsfmicro.memory import keep_freed_memory
from tsfmicro.models import regions36
from tsfmicro.models.base import Model
from tsfmicro.models.registry import create_model
from tsfmicro.study.shipped import config
from tsfmicro.train.optimiser import optimiser

CLASSES, ROUNDS, SECONDS = 5, 3, 0.8
Work = Callable[[], object]
Step = Callable[[nn.Module, plain.Batch, Tensor], Tensor]


@dataclass(frozen=True)
class Network:
    """A training step that is measured: so many clips of this size; `published` adds to the plain one what ours leaves out."""

    step: Step
    size: int
    clips: int
    options: dict[str, Any] = field(default_factory=dict)
    published: Callable[[nn.Module], None] = lambda net: None


NETWORKS = {
    "sssnet": Network(plain.sssnet, 64, 32),
    "off-apexnet": Network(plain.off_apexnet, 28, 64),
    "rcn": Network(plain.rcn, 60, 64),
    "sfamnet": Network(plain.sfamnet, 42, 64, {"jitter": 0.0}),
    "htnet": Network(
        plain.htnet, 28, 64, {"crops": "constants", "width": 96, "blocks": (2, 2, 10)}, plain.with_queries
    ),
    "causalnet": Network(plain.causalnet, 28, 64, {"width": 48, "blocks": (1, 1, 2)}, plain.with_queries),
    "mmnet": Network(plain.mmnet, 112, 4),
    "strcn": Network(plain.strcn, 128, 8, {"maps": 64}),
    "au-gcn": Network(plain.au_gcn, 128, 32, {"form": "remade"}),
    "skd-tstsan": Network(plain.skd_tstsan, 128, 8),
    "srmcl": Network(plain.srmcl, 112, 8),
    "aman": Network(plain.aman, 64, 2, {"frames": 4}),
    "mol": Network(plain.mol, 64, 2),
    "lp-gcn": Network(plain.lp_gcn, 224, 8, {"augment": False}),
    "micron-bert": Network(plain.micron_bert, 64, 4),
}


def steps(name: str) -> tuple[Work, Work]:
    """Our training step of this network and the plain one, of equal numbers."""
    its = NETWORKS[name]
    torch.manual_seed(0)
    model = create_model(name, CLASSES, its.size, **its.options).train()
    net = copy.deepcopy(model)
    its.published(net)
    batch = example(model, its.clips)
    target = torch.arange(its.clips) % CLASSES
    agree(model, net, its.step, batch, target)
    train = config(f"zoo/{name}", []).train
    ours = [p for p in model.parameters() if p.requires_grad]
    theirs = [p for p in net.parameters() if p.requires_grad]
    kinds = {
        "sgd": torch.optim.SGD,
        "adam": torch.optim.Adam,
        "adamw": torch.optim.AdamW,
        "rmsprop": torch.optim.RMSprop,
    }
    moving = {"momentum": train.momentum} if train.optimiser in ("sgd", "rmsprop") else {}
    simple = kinds[train.optimiser](theirs, lr=train.lr, weight_decay=train.weight_decay, **moving)
    return (
        partial(one_step, partial(model.loss, batch, target), optimiser(ours, train, torch.device("cpu"), False)),
        partial(one_step, partial(its.step, net, batch, target), simple),
    )


def one_step(loss: Callable[[], Tensor], optimiser: torch.optim.Optimizer) -> None:
    value = loss()
    optimiser.zero_grad()
    value.backward()
    optimiser.step()


def example(model: Model, clips: int) -> dict[str, Tensor]:
    """A batch of noise, in which landmarks lie all over the face and flow is from 0 to 1 where a model looks at it so."""
    batch = model.example(clips, torch.Generator().manual_seed(0))
    for name, one in (model.inputs | model.targets).items():
        if one.need.product == "landmarks68":
            batch[name] = regions36.spread(batch[name], one.need.size or model.size)
    return batch


def agree(model: nn.Module, net: nn.Module, step: Step, batch: plain.Batch, target: Tensor) -> None:
    """Raises AssertionError: our loss or a gradient is not the plain program's, without dropout and with the same draws. All in
    float64, for in float32 rounding decides which of two all but equal values is pooled."""
    exact = {name: values.double() for name, values in batch.items()}
    found = []
    for one, loss in ((model, lambda m: m.loss(exact, target)), (net, lambda m: step(m, exact, target))):
        quiet = copy.deepcopy(one).double()
        for part in quiet.modules():
            if isinstance(part, nn.modules.dropout._DropoutNd):
                part.p = 0.0
        torch.manual_seed(1)
        torch.set_default_dtype(torch.float64)
        with patch.object(Tensor, "float", Tensor.double):
            value = loss(quiet)
        torch.set_default_dtype(torch.float32)
        value.backward()
        found.append((value.item(), {name: p.grad for name, p in quiet.named_parameters() if p.grad is not None}))
    (ours, our_gradients), (theirs, their_gradients) = found
    assert abs(ours - theirs) < 1e-6 * max(1, abs(theirs)), f"loss {ours}, plain {theirs}"
    largest = max(gradient.abs().max().item() for gradient in our_gradients.values())
    for name, gradient in our_gradients.items():
        off = (gradient - their_gradients[name]).abs().max().item()
        assert off < 1e-6 * largest, f"gradient of {name}: {off:.2g} off, the largest is {largest:.2g}"


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def descriptions(name: str) -> tuple[Work, Work]:
    """What a classical system says of some clips, ours and clip by clip in NumPy, of equal numbers."""
    model: Any = create_model(name, CLASSES, **({"frames": 4} if name == "mdmo" else {}))
    size, clips = model.size, 4
    one_clip: Callable[[int], np.ndarray]
    if name == "bi-woof":
        batch = {"flow": noise(clips, 3, size, size)}
        flows = batch["flow"][:, :2].numpy()
        one_clip = lambda n: plain.bi_woof(flows[n], model.blocks)  # noqa: E731
    elif name == "mdmo":
        batch = {
            "flows": noise(clips, 4, 2, size, size),
            "landmarks": regions36.spread(noise(clips, 68, 2), size),
        }
        polygons = regions36.corners(batch["landmarks"], model.lift).numpy()
        all_flows, landmarks = batch["flows"].numpy(), batch["landmarks"].numpy()
        one_clip = lambda n: plain.mdmo(all_flows[n], landmarks[n], polygons[n], model.beta)  # noqa: E731
    else:
        frames = model.inputs["frames"].shape[0]
        batch = {"frames": (128 + 40 * noise(clips, frames, size, size)).clamp(0, 255).round()}
        greys, counted = batch["frames"].numpy(), plain.lbp_top if name == "lbp-top" else plain.lbp_sip
        one_clip = lambda n: counted(greys[n], model.grid.rows, model.radii.x, model.radii.t)  # noqa: E731
    described, by_clip = model.describe(**batch).numpy(), np.stack([one_clip(n) for n in range(clips)])
    off = np.abs(described - by_clip).max()
    assert off < 1e-3, f"{name}: {off:.2g} off the plain features"
    return partial(model.describe, **batch), lambda: [one_clip(n) for n in range(clips)]


DESCRIPTIONS = ("lbp-top", "lbp-sip", "mdmo", "bi-woof")


def shortest(work: Work) -> float:
    """Milliseconds of this process's time: of one run, or of as many as fit into some time."""
    times: list[float] = []
    while not times or sum(times) < 1e3 * SECONDS:
        start = time.process_time()
        work()
        times.append(1e3 * (time.process_time() - start))
    return min(times)


def row(name: str) -> Row:
    if name in NETWORKS:
        works = dict(zip(("ours", "plain"), steps(name), strict=True))
        what = f"{name}, training step of {NETWORKS[name].clips} clips of {NETWORKS[name].size}"
    else:
        works = dict(zip(("ours", "plain"), descriptions(name), strict=True))
        what = f"{name}, features of 4 clips"
    for work in works.values():
        work()
    times = alternate(list(works), lambda case: shortest(works[case]), ROUNDS)
    return compared(what, "ms", times["ours"], times["plain"])


def rows() -> list[Row]:
    torch.set_num_threads(1)
    keep_freed_memory()
    chosen = [word for word in sys.argv[1:] if not word.startswith("-")]
    return [row(name) for name in (chosen or (*NETWORKS, *DESCRIPTIONS))]


if __name__ == "__main__":
    program(rows)
