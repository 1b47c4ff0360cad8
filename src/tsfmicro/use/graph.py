"""A model recorded as an ONNX graph whose batch is open, with the facts that are needed to run it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import numpy as np
import torch
from torch import Tensor, nn

from tsfmicro.errors import ExportError
from tsfmicro.models.base import Model
from tsfmicro.models.runtimes import METADATA, Facts
from tsfmicro.train.loader import MEAN, STD

OPSET = 20  # the first in which GELU is one operation

Images = dict[str, np.ndarray]


def facts(model: Model, int8: bool = False) -> Facts:
    return Facts(
        recipe=model.recipe,
        classes=model.classes,
        inputs={name: one.shape for name, one in model.inputs.items()},
        size=model.size,
        mean=tuple(round(float(x) / 255, 6) for x in MEAN.flatten()),
        std=tuple(round(float(x) / 255, 6) for x in STD.flatten()),
        version=version("tsfmicro"),
        int8=int8,
        card=model.card,
    )


class _Positional(nn.Module):
    """A model called with its inputs in order, and without the checks that ask for a batch's number."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.model = model

    def forward(self, *images: Tensor) -> Tensor:
        return self.model.logits(**dict(zip(self.model.expects, images, strict=True)))


def graph(model: Model) -> bytes:
    """The model as an ONNX file's content. Raises ExportError."""
    from onnxscript import optimizer

    example = model.example(2)
    images = tuple(example[name] for name in model.expects)
    clips = torch.export.Dim("clips")
    longer = {
        name: {1: torch.export.Dim(f"length_of_{name}", min=2)}
        for name, one in model.inputs.items()
        if one.differs_in_length
    }
    open_batch = tuple({0: clips} | longer.get(name, {}) for name in model.expects)
    with quiet(), torch.no_grad():
        try:
            recorded = torch.export.export(_Positional(model).eval(), images, dynamic_shapes=(open_batch,))
            program = torch.onnx.export(
                recorded,
                dynamo=True,
                input_names=list(model.expects),
                output_names=["logits"],
                opset_version=OPSET,
                optimize=False,  # below, once, with weights of any size
                verbose=False,
            )
        except Exception as problem:  # the exporter's errors have no common class
            raise ExportError(_why(model, problem)) from problem
        assert program is not None
        made = program.model
        # What concerns weights alone is worked out now; by default the optimiser leaves large ones to each start.
        optimizer.fold_constants(made, input_size_limit=2**31, output_size_limit=2**31)
        optimizer.optimize(made)
    for node in made.graph:
        node.metadata_props.clear()  # where in the source it comes from, with the paths of this machine
    made.metadata_props[METADATA] = facts(model).to_json()
    return program.model_proto.SerializeToString()


def _why(model: Model, problem: Exception) -> str:
    name = model.recipe.get("name", type(model).__name__)
    if "specialized it to be a constant" in str(problem):
        return (
            f"model {name}: its graph would be for batches of one length only. "
            "Write x.shape[0] instead of len(x) in its code, and let no shape depend on the batch."
        )
    return f"model {name}: cannot be recorded as a graph ({str(problem).strip().splitlines()[0][:200]})."


@contextmanager
def quiet() -> Iterator[None]:
    """The exporter tells its authors much; none of it is for a user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)
