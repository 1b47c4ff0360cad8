"""A trained model as one ONNX file, checked against torch before it gets its name."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tsfmicro.errors import ConfigError, ExportError, RunError
from tsfmicro.files import named
from tsfmicro.models.base import Model
from tsfmicro.models.pretrained import CONFIG, from_pretrained
from tsfmicro.models.runtimes import Predictor, Runtime, load_predictor, need
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.prepared import PreparedSet
from tsfmicro.run.folder import FINAL, RunFolder
from tsfmicro.run.trained import SEE_RUN, card_of, fold_model, temperature
from tsfmicro.run.watch import Task, Watch
from tsfmicro.train.loader import Loader
from tsfmicro.use.graph import Images, graph
from tsfmicro.use.int8 import Shift, to_int8

TOLERANCE = 1e-4  # of the largest logit, or of 1 where that is smaller
RUNTIMES: tuple[Runtime, ...] = ("onnxruntime", "openvino")  # it is tried in
ROUNDING = 8  # times as far from torch as torch in float32 is from torch in float64
BATCHES = (1, 3)  # tried at the end; neither is the one that the graph was recorded with


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
        said = [
            f"{self.path}: {self.megabytes:.{1 if self.megabytes >= 1 else 3}f} MB; {of} within {self.difference:.1e} of torch's"
        ]
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
    model.card = card_of(folder, name, train, SEE_RUN, temperature(folder))
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
        recorded = graph(model)
        with named(out):
            part.write_bytes(recorded)
        watch.note("comparing with torch")
        difference = _difference(model, part)
        shift = None
        if calibrate is not None:
            shift = to_int8(model, part, whole, calibrate, watch)
            whole.replace(part)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
    return Exported(out, out.stat().st_size / 1e6, difference, shift)


def _difference(model: Model, file: Path) -> float:
    """Largest distance of the file's logits from torch's on random images, in each runtime that is installed.

    Raises ExportError: it is too large.
    """
    examples = [model.example(clips, torch.Generator().manual_seed(clips)) for clips in BATCHES]
    with torch.inference_mode():
        said = [model(**{name: example[name] for name in model.expects}).numpy() for example in examples]
    worst = 0.0
    for runtime in RUNTIMES:
        if find_spec(runtime):
            predictor = load_predictor(file, runtime)
            distances = (_distance(model, predictor, runtime, *one) for one in zip(examples, said, strict=True))
            worst = max([worst, *distances])
    return worst


def _distance(
    model: Model, predictor: Predictor, runtime: Runtime, example: dict[str, Tensor], ours: np.ndarray
) -> float:
    images: Images = {name: example[name].numpy() for name in model.expects}
    theirs = predictor(images)
    distance = float(abs(theirs - ours).max()) if theirs.shape == ours.shape else np.inf
    allowed = max(TOLERANCE, model.near_ties) * max(1.0, float(abs(ours).max()))
    if allowed < distance < np.inf:  # where torch's own rounding does as much, the file may too
        allowed = max(allowed, ROUNDING * _rounding(model, example, ours))
    if not distance <= allowed:
        raise ExportError(
            f"the exported graph differs from torch by {distance:.1e} in {runtime} for {len(ours)} clips (allowed: "
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
