"""A trained model as one ONNX file, checked against torch before it gets its name."""

from __future__ import annotations

import copy
import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tsfmicro.errors import ConfigError, ExportError, RunError
from tsfmicro.models.base import Model
from tsfmicro.models.pretrained import CONFIG, from_pretrained
from tsfmicro.models.runtimes import METADATA, Facts, Predictor, Runtime, load_predictor, need
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.prepared import PreparedSet
from tsfmicro.run.final import FINAL
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.trained import card_of, fold_model
from tsfmicro.run.watch import Task, Watch
from tsfmicro.train.loader import MEAN, STD, Loader

OPSET = 20  # the first in which GELU is one operation
TOLERANCE = 1e-4  # of the largest logit, or of 1 where that is smaller
RUNTIMES: tuple[Runtime, ...] = ("onnxruntime", "openvino")  # it is tried in
ROUNDING = 8  # times as far from torch as torch in float32 is from torch in float64
BATCHES = (1, 3)  # tried at the end; neither is the one that the graph was recorded with
CALIBRATION = 64  # clips from which int8 learns how large values become
SAME_ANSWERS = 0.95  # share of those clips for which int8 must give the class that float32 gives

Images = dict[str, np.ndarray]


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


@dataclass(frozen=True)
class Exported:
    """An exported file: its place and size, the largest distance of a logit from torch's, and what int8 changed."""

    path: Path
    megabytes: float
    difference: float
    int8: Shift | None = None

    def lines(self) -> list[str]:
        """What the command prints."""
        of = "float32 graph" if self.int8 else "logits"
        said = [f"{self.path}: {self.megabytes:.1f} MB; {of} within {self.difference:.1e} of torch's"]
        if self.int8:
            i = self.int8
            said.append(
                f"int8: {i.same} of {i.clips} answers as before; a logit moves by {i.logits:.3f} on average, "
                f"where logits spread by {i.spread:.3f}"
            )
        return said


def export_trained(
    place: Path, out: Path, fold: str | None, seed: int | None, int8: Path | None, watch: Watch
) -> Exported:
    """Find a trained model and write it as an ONNX file; `trained_model` and `export` say what may be wrong."""
    return export(trained_model(place, fold, seed), out, None if int8 is None else open_prepared(int8), watch)


def trained_model(place: Path, fold: str | None = None, seed: int | None = None) -> Model:
    """The model to export, with its classes and card.

    Args:
        place: a saved model's folder, a run's folder (its final model, or that of `fold` and `seed`), or the folder of
            one of its trainings, RUN/folds/FOLD/seed-N.
    Raises:
        RunError: a run without a final model and no fold named, or no such fold.
        WeightsError: not a model's folder, or a damaged one.
    """
    if (place / "run.json").exists():
        return _of_run(RunFolder.open(place), fold, seed)
    if fold is not None or seed is not None:
        raise RunError(f"{place}: --fold and --seed are for a run's folder, and this is none. Leave them out.")
    if place.parent.parent.name == "folds" and place.name.startswith("seed-"):
        run, name, number = place.parents[2], place.parent.name, place.name.removeprefix("seed-")
        if number.isdigit() and (run / "run.json").exists():
            return _of_fold(RunFolder.open(run), Task(name, int(number)))
    return from_pretrained(place)


def _of_run(folder: RunFolder, fold: str | None, seed: int | None) -> Model:
    seeds = folder.plan.config.train.seeds
    if fold is not None:
        return _of_fold(folder, Task(fold, seeds[0] if seed is None else seed))
    if (folder.path / FINAL / CONFIG).exists() and seed is None:
        return from_pretrained(folder.path / FINAL)
    names = [f.name for f in folder.plan.folds]
    shown = ", ".join(names[:4]) + (f" … {names[-1]}" if len(names) > 4 else "")
    raise RunError(
        f"{folder.path}: has a model for each of {len(names)} folds"
        f"{'' if len(seeds) == 1 else f' and seeds {seeds}'}, and none of everybody. "
        f"Train that with `tsfmicro run … --final`, or name a fold with --fold: {shown}."
    )


def _of_fold(folder: RunFolder, task: Task) -> Model:
    model = fold_model(folder, task)
    name, train = f"{folder.plan.config.name}, {task}", folder.plan.fold(task.fold).train
    model.card = card_of(folder, name, train, "see the run it comes from")
    return model


def export(model: Model, out: Path, calibrate: PreparedSet | None = None, watch: Watch | None = None) -> Exported:
    """Write a model as an ONNX file whose batch is open, with all that is needed to run it in its metadata.

    Args:
        out: the file, *.onnx. It is there only if it says what the model says, for batches of 1 and 3.
        calibrate: prepared faces; with them linears work with whole numbers of eight bits.
    Raises:
        ExportError: the model cannot be recorded as a graph, the file says something else than torch, or int8 changes
            too many answers.
        ConfigError: an extra is not installed, or `out` cannot be a file's name; or faces of another size.
    """
    for module in ("onnx", "onnxscript", "onnxruntime"):
        need(module, "onnx")
    if out.suffix != ".onnx" or out.is_dir():
        raise ConfigError(f"--out {out}: must be a file that ends in .onnx.")
    if calibrate is not None:
        Loader(calibrate, model.inputs, torch.device("cpu"))  # says what is lacking before anything takes time
    watch = watch or Watch()
    out.parent.mkdir(parents=True, exist_ok=True)
    part, whole = (out.with_name(f".{out.stem}.{os.getpid()}.{kind}.onnx") for kind in ("float32", "int8"))
    model = model.cpu().eval()
    try:
        watch.note("recording the graph")
        part.write_bytes(_graph(model))
        watch.note("comparing with torch")
        difference = _difference(model, part)
        shift = None
        if calibrate is not None:
            shift = _to_int8(model, part, whole, calibrate, watch)
            whole.replace(part)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
    return Exported(out, out.stat().st_size / 1e6, difference, shift)


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


def _graph(model: Model) -> bytes:
    """The model as an ONNX file's content. Raises ExportError."""
    from onnxscript import optimizer

    images = tuple(model.example(2).values())
    clips = torch.export.Dim("clips")
    longer = {
        name: {1: torch.export.Dim(f"length_of_{name}", min=2)}
        for name, one in model.inputs.items()
        if one.differs_in_length
    }
    open_batch = tuple({0: clips} | longer.get(name, {}) for name in model.expects)
    with _quiet(), torch.no_grad():
        try:
            recorded = torch.export.export(_Positional(model).eval(), images, dynamic_shapes=(open_batch,))
            program = torch.onnx.export(
                recorded,
                dynamo=True,
                input_names=list(model.expects),
                output_names=["logits"],
                opset_version=OPSET,
                verbose=False,
            )
        except Exception as problem:  # the exporter's errors have no common class
            raise ExportError(_why(model, problem)) from problem
        assert program is not None
        graph = program.model
        # What concerns weights alone is worked out now; by default the optimiser leaves large ones to each start.
        optimizer.fold_constants(graph, input_size_limit=2**31, output_size_limit=2**31)
        optimizer.optimize(graph)
    for node in graph.graph:
        node.metadata_props.clear()  # where in the source it comes from, with the paths of this machine
    graph.metadata_props[METADATA] = facts(model).to_json()
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
def _quiet() -> Iterator[None]:
    """The exporter tells its authors much; none of it is for a user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)


def _difference(model: Model, file: Path) -> float:
    """Largest distance of the file's logits from torch's on random images, in each runtime that is installed.

    Raises ExportError: it is too large.
    """
    worst = 0.0
    for runtime in RUNTIMES:
        if find_spec(runtime):
            predictor = load_predictor(file, runtime)
            worst = max([worst, *(_distance(model, predictor, runtime, clips) for clips in BATCHES)])
    return worst


def _distance(model: Model, predictor: Predictor, runtime: Runtime, clips: int) -> float:
    example = model.example(clips, torch.Generator().manual_seed(clips))
    images: Images = {name: values.numpy() for name, values in example.items()}
    with torch.inference_mode():
        ours = model(**{name: torch.from_numpy(image) for name, image in images.items()}).numpy()
    theirs = predictor(images)
    distance = float(abs(theirs - ours).max()) if theirs.shape == ours.shape else np.inf
    allowed = TOLERANCE * max(1.0, float(abs(ours).max()))
    if allowed < distance < np.inf:  # where torch's own rounding does as much, the file may too
        allowed = max(allowed, ROUNDING * _rounding(model, example, ours))
    if not distance <= allowed:
        raise ExportError(
            f"the exported graph differs from torch by {distance:.1e} in {runtime} for {clips} clips (allowed: "
            f"{allowed:.0e}); no file was written. Is there something random in the model, or a choice by values?"
        )
    return distance


def _rounding(model: Model, example: dict[str, Tensor], ours: np.ndarray) -> float:
    """How far float32 takes torch's own logits from what float64 gives; 0 where the model cannot be asked in that."""
    exact = copy.deepcopy(model).double()
    try:
        with torch.inference_mode():
            said = exact(**{name: x.double() if x.is_floating_point() else x for name, x in example.items()})
    except RuntimeError:
        return 0.0
    return float(abs(said.numpy() - ours).max())


def _to_int8(model: Model, source: Path, target: Path, prepared: PreparedSet, watch: Watch) -> Shift:
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
    with _quiet(), _root_quiet():
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
