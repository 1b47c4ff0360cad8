"""Trained models for inference: a saved folder in torch, or an exported .onnx file in onnxruntime or OpenVINO.

All are called alike, with numpy arrays, so that a program need not know which it has.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, cast

import numpy as np

from tsfmicro.card import Card
from tsfmicro.errors import ConfigError, ShapeError, WeightsError
from tsfmicro.models.base import Model, check_choice
from tsfmicro.needs import Input
from tsfmicro.workers import cores

Runtime = Literal["torch", "openvino", "onnxruntime"]
Precision = Literal["float32", "bfloat16"]
EXTRAS = {"openvino": "openvino", "onnxruntime": "onnx"}  # the fastest first: extra that installs it
METADATA = "tsfmicro"  # key in an .onnx file's metadata under which the facts stand, as JSON
FORMAT = 2  # 1 is read too
Shape = tuple[int | None, ...]
SMALL = 64  # pixels: below, OpenVINO's fused attention may be wrong; of 4 tokens it was, of 16 and more it was not


@dataclass(frozen=True)
class Facts:
    """What an exported file says about its model: enough to run it.

    Attributes:
        recipe: what `create_model` builds the same model from.
        classes: their names in the order of the logits; empty where they were not known.
        inputs: the shape of one clip in each input, None for a length that differs from clip to clip.
        size: edge of the images it was built for, pixels.
        mean, std: of RGB in [0, 1], taken from pictures before anything else is done with them.
        version: of tsfmicro, that exported it.
        int8: its linears work with whole numbers of eight bits.
        card: what it was trained on and how its faces were prepared, where that is known.
    """

    recipe: Mapping[str, Any]
    classes: tuple[str, ...]
    inputs: Mapping[str, Shape]
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    version: str
    int8: bool = False
    card: Card | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self) | {"format": FORMAT, "card": self.card.to_dict() if self.card else None})

    @classmethod
    def from_json(cls, text: str | None, file: Path) -> Facts:
        """Raises WeightsError: the file has no facts, or some of another format."""
        try:
            values = json.loads(text or "{}")
            if (written := values.pop("format")) not in (1, FORMAT):
                raise WeightsError(f"{file}: was exported by another version of tsfmicro. Export it again.")
            card = values.pop("card")
            values |= {key: tuple(values[key]) for key in ("classes", "mean", "std")}
            if written == 1:  # which knew pictures of one size only
                values["inputs"] = dict.fromkeys(values["inputs"], (3, values["size"], values["size"]))
            values["inputs"] = {name: tuple(shape) for name, shape in values["inputs"].items()}
            return cls(**values, card=Card.from_dict(card, str(file)) if card else None)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise WeightsError(
                f"{file}: is an ONNX file, but not one of ours: it does not say what it looks at. Make it with `tsfmicro export`."
            ) from None


class Predictor(ABC):
    """A trained model that can only be asked.

    Attributes:
        shapes: of one clip in each input, in order; None for a length that differs from clip to clip.
        recipe: what `create_model` builds the same model from.
        size: edge of the images it was built for, pixels.
        classes: class names in the order of the logits; empty where they are not known.
        card: what it was trained on, where that is known.
    """

    def __init__(
        self,
        shapes: Mapping[str, Shape],
        recipe: Mapping[str, Any],
        size: int,
        classes: tuple[str, ...],
        card: Card | None,
    ) -> None:
        self.shapes, self.recipe, self.size, self.classes, self.card = dict(shapes), recipe, size, classes, card

    @property
    def inputs(self) -> Mapping[str, Input]:
        """What it needs of a clip, and how it looks at it. Raises WeightsError: a model that is not known here."""
        import torch

        from tsfmicro.models.registry import MODELS, create_model

        recipe = self.recipe
        if recipe["name"] not in MODELS:
            raise WeightsError(
                f"this is a model {recipe['name']!r}, which tsfmicro does not have: its own file says how it looks at a clip. "
                "Put that file into tsfmicro/models, or import it before."
            )
        with torch.device("meta"):
            return create_model(recipe["name"], recipe["num_classes"], recipe["size"], **recipe["options"]).inputs

    def __call__(self, images: Mapping[str, np.ndarray]) -> np.ndarray:
        """Logits of N clips.

        Args: images: for each input (N, *shape) float32, and (N,) int64 lengths where clips differ in length.
        Returns: (N, C) float32.
        Raises: ShapeError: an input is missing, not expected, or of another shape or type.
        """
        self._check(images)
        return self._logits({name: np.ascontiguousarray(images[name]) for name in self.expects})

    @property
    def expects(self) -> tuple[str, ...]:
        """Names of what it is asked with."""
        lengths = (f"{name}_length" for name, shape in self.shapes.items() if shape and shape[0] is None)
        return (*self.shapes, *lengths)

    @abstractmethod
    def digest(self) -> str:
        """SHA-256 of all that the answers hang on: of the exported file, or of weights and recipe."""

    @abstractmethod
    def _logits(self, images: dict[str, np.ndarray]) -> np.ndarray: ...

    def _check(self, images: Mapping[str, np.ndarray]) -> None:
        if set(images) != set(self.expects):
            raise ShapeError(
                f"this model looks at {', '.join(self.expects)}, but was given {', '.join(images) or 'nothing'}. Give those."
            )
        for name, shape in self.shapes.items():
            image = images[name]
            if not isinstance(image, np.ndarray) or image.dtype != np.float32:
                kind = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
                raise ShapeError(
                    f"{name} is {kind}, but must be a numpy array of float32: scale and normalise it first."
                )
            fits = image.ndim == 1 + len(shape) and len(image)
            if not fits or any(n is not None and n != m for n, m in zip(shape, image.shape[1:], strict=True)):
                wanted = ", ".join("length" if n is None else str(n) for n in shape)
                raise ShapeError(f"{name} is {image.shape}, but this model needs (N, {wanted}). Resize it.")
        if len({len(image) for image in images.values()}) > 1:
            counts = ", ".join(f"{name} {len(image)}" for name, image in images.items())
            raise ShapeError(f"these are images of different clips ({counts}). Give each clip once in every image.")


def load_predictor(
    place: str | Path, runtime: Runtime | None = None, threads: int | None = None, precision: Precision = "float32"
) -> Predictor:
    """A trained model, to be asked.

    Args:
        place: an .onnx file made by `tsfmicro export`, or what `from_pretrained` takes.
        runtime: 'openvino' or 'onnxruntime' for a file, 'torch' for a folder; by default the fastest that is installed.
        threads: by default one for each core; torch keeps its own setting.
        precision: 'bfloat16' is faster on processors that have it, and moves the logits by about a hundredth. OpenVINO only.
    Raises:
        WeightsError: no such file, not an ONNX file, not one of ours; and what `from_pretrained` raises.
        ConfigError: a runtime that is not installed, or cannot read this.
        UnknownNameError: a runtime or precision that does not exist.
    """
    check_choice("runtime", runtime or "torch", ("torch", *EXTRAS))
    check_choice("precision", precision, ("float32", "bfloat16"))
    is_file = Path(place).suffix == ".onnx" or Path(place).is_file()
    if is_file and runtime == "torch":
        raise ConfigError(f"{place}: torch reads saved folders, not files. Choose openvino or onnxruntime.")
    if not is_file and runtime in EXTRAS:
        raise ConfigError(f"{place}: {runtime} reads .onnx files, not folders. Make one with `tsfmicro export`.")
    chosen = runtime or (_installed(Path(place)) if is_file else "torch")
    if precision != "float32" and chosen != "openvino":
        raise ConfigError(f"{precision} is for OpenVINO only, and this runs in {chosen}. Leave it out.")
    if chosen == "torch":
        from tsfmicro.models.pretrained import from_pretrained  # knows the registry, which knows every file here

        return InTorch(from_pretrained(place))
    file = Path(place)
    _check_file(file)
    threads = threads or cores()
    return InOpenVino(file, threads, precision) if chosen == "openvino" else InOnnxRuntime(file, threads)


def _installed(file: Path) -> Runtime:
    from importlib.util import find_spec

    for name in ("openvino", "onnxruntime"):
        if find_spec(name):
            return name
    raise ConfigError(f"{file}: neither OpenVINO nor onnxruntime is installed. Run: pip install 'tsfmicro[openvino]'.")


def need(module: str, extra: str) -> ModuleType:
    """Import what an extra installs. Raises ConfigError that says which.

    Nobody is told that it is used: unless kept from it, onnxruntime sends Microsoft what it ran, with the file's name, and
    OpenVINO Google that it was loaded, through a package that it goes without where that cannot be imported.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    cast(dict[str, Any], sys.modules).setdefault("openvino_telemetry", None)
    try:
        return importlib.import_module(module)
    except ImportError:
        raise ConfigError(f"{module} is not installed. Run: pip install 'tsfmicro[{extra}]'.") from None


def _check_file(file: Path) -> None:
    try:
        with file.open("rb") as stream:
            start = stream.read(1)
    except OSError as problem:
        raise WeightsError(f"{file}: cannot be read ({problem.strerror}). Make it with `tsfmicro export`.") from None
    if start != b"\x08":  # the tag of an ONNX model's first field
        raise _not_onnx(file)


def _not_onnx(file: Path) -> WeightsError:
    return WeightsError(f"{file}: is not an ONNX file, or a damaged one. Make it with `tsfmicro export`.")


class InTorch(Predictor):
    """A model as it was trained, on the CPU."""

    def __init__(self, model: Model) -> None:
        self.model = model.cpu().eval()
        shapes = {name: one.shape for name, one in model.inputs.items()}
        super().__init__(shapes, model.recipe, model.size, model.classes, model.card)

    @property
    def inputs(self) -> Mapping[str, Input]:
        return self.model.inputs

    def digest(self) -> str:
        weights = self.model.state_dict()
        shapes = {name: [str(tensor.dtype), *tensor.shape] for name, tensor in weights.items()}
        digest = sha256(json.dumps([self.model.recipe, shapes], sort_keys=True).encode())
        for tensor in weights.values():
            digest.update(tensor.contiguous().numpy())
        return digest.hexdigest()

    def _logits(self, images: dict[str, np.ndarray]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self.model(**{name: torch.from_numpy(image) for name, image in images.items()}).numpy()


class InOnnxRuntime(Predictor):
    """An exported file in onnxruntime, on the CPU."""

    def __init__(self, file: Path, threads: int) -> None:
        self._file = file
        onnxruntime = need("onnxruntime", EXTRAS["onnxruntime"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Idle threads that spin take the core from a neighbour that works.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        except Exception:  # its errors have no common class
            raise _not_onnx(file) from None
        self.facts = Facts.from_json(self._session.get_modelmeta().custom_metadata_map.get(METADATA), file)
        facts = self.facts
        super().__init__(facts.inputs, facts.recipe, facts.size, facts.classes, facts.card)

    def digest(self) -> str:
        return sha256(self._file.read_bytes()).hexdigest()

    def _logits(self, images: dict[str, np.ndarray]) -> np.ndarray:
        return self._session.run(None, images)[0]


class InOpenVino(Predictor):
    """An exported file in OpenVINO, on the CPU.

    One clip at a time: with a fixed batch it plans its memory ahead, a sixth faster than with an open one, and several
    clips at once take no less for each.
    """

    def __init__(self, file: Path, threads: int, precision: Precision) -> None:
        self._file = file
        openvino = need("openvino", EXTRAS["openvino"])
        core = openvino.Core()
        try:
            model = core.read_model(file)
        except RuntimeError:
            raise _not_onnx(file) from None
        place = ["framework", METADATA]  # where it keeps an ONNX file's metadata
        self.facts = Facts.from_json(model.get_rt_info(place).astype(str) if model.has_rt_info(place) else None, file)
        facts = self.facts
        super().__init__(facts.inputs, facts.recipe, facts.size, facts.classes, facts.card)
        if all(n is not None for shape in self.shapes.values() for n in shape):
            model.reshape({name: [1, *shape] for name, shape in self.shapes.items()})
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "INFERENCE_PRECISION_HINT": "f32" if precision == "float32" else "bf16",
        }
        if self.size < SMALL:
            settings["SNIPPETS_MODE"] = "DISABLE"
        self._request = core.compile_model(model, "CPU", settings).create_infer_request()

    def digest(self) -> str:
        return sha256(self._file.read_bytes()).hexdigest()

    def _logits(self, images: dict[str, np.ndarray]) -> np.ndarray:
        clips = range(len(next(iter(images.values()))))
        return np.concatenate([self._ask({name: image[i : i + 1] for name, image in images.items()}) for i in clips])

    def _ask(self, images: dict[str, np.ndarray]) -> np.ndarray:
        return self._request.infer(images, share_inputs=True)[0].copy()
