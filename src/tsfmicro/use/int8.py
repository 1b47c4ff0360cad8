"""An exported file's linears in whole numbers of eight bits, and what that changes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tsfmicro.errors import ExportError
from tsfmicro.models.base import Model
from tsfmicro.models.runtimes import METADATA, load_predictor
from tsfmicro.prepared import PreparedSet
from tsfmicro.run.watch import Watch
from tsfmicro.train.loader import Loader
from tsfmicro.use.graph import Images, facts, quiet

CALIBRATION = 64  # clips from which int8 learns how large values become
SAME_ANSWERS = 0.95  # share of those clips for which int8 must give the class that float32 gives


@dataclass(frozen=True)
class Shift:
    """What int8 changes, on prepared clips.

    Attributes:
        clips: how many were looked at; same: for how many of them the answer stays.
        logits: mean distance of a logit from its float32 value; spread: standard deviation of those values.
    """

    clips: int
    same: int
    logits: float
    spread: float


def to_int8(model: Model, source: Path, target: Path, prepared: PreparedSet, watch: Watch) -> Shift:
    """Raises ExportError: the answers do not survive it."""
    ids = _spread([clip.id for clip in prepared.clips], CALIBRATION)
    loader = Loader(prepared, model.inputs, torch.device("cpu"))
    batches: list[Images] = [
        {name: image.numpy() for name, image in loader.batch([clip], "annotated").items()} for clip in ids
    ]
    quantise(model, source, target, batches, watch)
    return _shift(source, target, batches, watch)


def quantise(model: Model, source: Path, target: Path, batches: Sequence[Images], watch: Watch | None = None) -> None:
    """Write an exported file again, its linears in int8; `batches` say how large values become.

    Convolutions stay as they are: in eight bits they move the logits six times as far as the linears do, since movement
    is small but for a few places, and the answers with them.
    """
    import onnx
    from onnxruntime import quantization

    graph = onnx.load(source)
    weights = {tensor.name for tensor in graph.graph.initializer}
    layers = ("MatMul", "Gemm")
    nodes = [n.name for n in graph.graph.node if n.op_type in layers and weights & set(n.input)]
    with quiet(), _root_quiet():
        quantization.quantize_static(
            source,
            target,
            _Batches(batches, watch or Watch()),
            op_types_to_quantize=list(layers),
            nodes_to_quantize=nodes,  # not the products of attention
            per_channel=True,
            activation_type=quantization.QuantType.QInt8,
            weight_type=quantization.QuantType.QInt8,
            # Seven bits, from −64 to 64: two products with an activation then fit the sixteen bits in which processors without
            # VNNI add them (2 · 64 · 255 < 2¹⁵). With eight they saturate there, and answers hang on the processor.
            reduce_range=True,
            extra_options={"ActivationSymmetric": True},  # faster in OpenVINO than with an offset
        )
    quantised = onnx.load(target)
    onnx.helper.set_model_props(quantised, {METADATA: facts(model, int8=True).to_json()})
    target.write_bytes(quantised.SerializeToString())


def _shift(before: Path, after: Path, batches: Sequence[Images], watch: Watch) -> Shift:
    exact, rounded = load_predictor(before), load_predictor(after)
    pairs = []
    for done, images in enumerate(batches):
        pairs.append((exact(images)[0], rounded(images)[0]))
        watch.progress("comparing int8", done + 1, len(batches))
    was, now = (np.stack(side) for side in zip(*pairs, strict=True))
    same = int((was.argmax(-1) == now.argmax(-1)).sum())
    shift = Shift(len(was), same, float(abs(now - was).mean()), float(was.std()))
    if same < SAME_ANSWERS * len(was):
        raise ExportError(
            f"in int8 the model gives another answer for {len(was) - same} of {len(was)} clips; no file was written. "
            "Export it without --int8."
        )
    return shift


class _Batches:
    """What onnxruntime's calibration asks for: images until there are none."""

    def __init__(self, batches: Sequence[Images], watch: Watch) -> None:
        self._batches, self._watch, self._done = batches, watch, 0

    def get_next(self) -> dict[str, Any] | None:
        if self._done == len(self._batches):
            return None
        self._done += 1
        self._watch.progress("calibrating int8", self._done, len(self._batches))
        return self._batches[self._done - 1]

    def __iter__(self) -> _Batches:
        return self

    def __next__(self) -> dict[str, Any]:
        images = self.get_next()
        if images is None:
            raise StopIteration
        return images


def _spread(ids: Sequence[str], count: int) -> list[str]:
    """So many of them, from all over the list, hence of many people."""
    if len(ids) <= count:
        return list(ids)
    return [ids[n * len(ids) // count] for n in range(count)]


@contextmanager
def _root_quiet() -> Iterator[None]:
    """onnxruntime's quantisation warns through the root logger that the graph was not prepared by its own tool."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)
