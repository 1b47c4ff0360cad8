"""What a trained model makes of an onset–apex pair, or of each moment in which a face moved in a video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tsfmicro.card import Card
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, FaceError, WeightsError
from tsfmicro.evaluate.calibrate import softmax
from tsfmicro.models.pretrained import CONFIG
from tsfmicro.models.runtimes import InTorch, Predictor, load_predictor
from tsfmicro.prepare.align import crop, to_template
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.images import read_image
from tsfmicro.prepare.prepare import align_pair
from tsfmicro.run.final import FINAL
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.trained import card_of, fold_model, temperature
from tsfmicro.run.watch import Task, Watch
from tsfmicro.spot.types import Expression, Spotting
from tsfmicro.spot.video import open_video
from tsfmicro.train.loader import images_of
from tsfmicro.use.spot import spot

THRESHOLD = 0.5  # below it another emotion is as likely as the named one
DEMONSTRATION = "demonstration"
_AROUND = 2.5  # distances between the eyes, from the face's middle to each side of what the detector looks at


@dataclass(frozen=True)
class Answer:
    """What a model says of one pair.

    Attributes:
        probabilities: of each class, calibrated where the model's card has a temperature.
        threshold: the model abstains where no class is as likely as this.
        faces: (2, S, S, 3) uint8 RGB, onset and apex as the model saw them.
        flow: (2, S, S) float16, how far each place moved right and down from onset to apex, pixels of the faces.
        heat: (S, S) float32 from 0 to 1, where the reasons lie (Grad-CAM); None where it cannot be told.
    """

    probabilities: Mapping[str, float]
    threshold: float
    faces: np.ndarray = field(repr=False)
    flow: np.ndarray = field(repr=False)
    heat: np.ndarray | None = field(repr=False, default=None)

    @property
    def likeliest(self) -> str:
        return max(self.probabilities, key=lambda name: self.probabilities[name])

    @property
    def emotion(self) -> str | None:
        """The likeliest class, None where the model abstains."""
        return self.likeliest if self.probabilities[self.likeliest] >= self.threshold else None

    def __str__(self) -> str:
        p = self.probabilities[self.likeliest]
        return f"{self.likeliest} {p:.0%}" if self.emotion else f"not sure ({self.likeliest} {p:.0%})"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "emotion": self.emotion,
            "probabilities": {name: round(p, 4) for name, p in self.probabilities.items()},
            "threshold": self.threshold,
        }


@dataclass(frozen=True)
class Moment:
    """A spotted expression and what the model says of it; `why_not` where its faces could not be prepared."""

    expression: Expression
    answer: Answer | None
    why_not: str = ""

    def to_dict(self) -> dict[str, Any]:
        said = self.answer.to_dict() if self.answer else {"emotion": None, "why_not": self.why_not}
        return self.expression.to_dict() | said


@dataclass(frozen=True)
class Reading:
    """A video that was read: what was spotted, what was recognised, and by which model."""

    spotting: Spotting
    moments: tuple[Moment, ...]
    model: str
    classes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        known = self.spotting.to_dict()
        known["expressions"] = [moment.to_dict() for moment in self.moments]
        return {"model": self.model, "classes": list(self.classes), **known}


class Recognizer:
    """Trained models that are asked together; their probabilities are averaged.

        recognizer = Recognizer.load("runs/casme2-5")
        for moment in recognizer.video("interview.mp4").moments:
            print(moment.expression.apex_s, moment.answer)

    Attributes:
        classes: class names. card: what the models were trained on, and how faces must be prepared for them.
        threshold: below this probability it abstains.
    """

    def __init__(self, members: Sequence[Predictor], card: Card, threshold: float = THRESHOLD) -> None:
        if not 0 <= threshold <= 1:
            raise ConfigError(f"threshold {threshold}: give a probability from 0 to 1.")
        self.members, self.card, self.threshold = tuple(members), card, threshold
        self.classes = members[0].classes
        size = members[0].size
        self._prepare = card.prepare.model_copy(update={"size": size})

    @classmethod
    def load(
        cls, place: str | Path = DEMONSTRATION, fold: str | None = None, threshold: float = THRESHOLD
    ) -> Recognizer:
        """Find trained models.

        Args:
            place: a run's folder (its final model where there is one, else all folds together), a saved model's folder,
                an exported .onnx file, hf://owner/name on the Hugging Face hub, or 'demonstration' for the small one that
                comes with the package and is not for use on people.
            fold: one fold of a run's folder.
        Raises:
            WeightsError, RunError: what is there cannot be used, and why.
        """
        path = demonstration_folder() if str(place) == DEMONSTRATION else Path(place)
        if (path / "run.json").exists():
            return cls._of_run(RunFolder.open(path), fold, threshold)
        if fold is not None:
            raise ConfigError(f"{place}: --fold is for a run's folder, and this is none. Leave it out.")
        model = load_predictor(path if path.exists() else str(place))
        if not model.classes:
            raise WeightsError(f"{place}: does not say what its classes are called. Save it with model.classes set.")
        card = model.card or Card(str(place), "unknown", (), 0, 0, PrepareConfig(size=model.size))
        return cls([model], card, threshold)

    @classmethod
    def _of_run(cls, folder: RunFolder, fold: str | None, threshold: float) -> Recognizer:
        if fold is None and (folder.path / FINAL / CONFIG).exists():
            return cls.load(folder.path / FINAL, threshold=threshold)
        plan = folder.plan
        names = [f.name for f in plan.folds] if fold is None else [fold]
        tasks = [Task(name, seed) for seed in plan.config.train.seeds for name in names]
        members = [InTorch(fold_model(folder, task)) for task in tasks]
        what = f"fold {fold}" if fold else f"{len(names)} folds together"
        fitted = temperature(folder) if not folder.missing() else 1.0
        card = card_of(folder, f"{plan.config.name}, {what}", plan.labels, temperature=fitted)
        return cls(members, card, threshold)

    def images(self, onset: Path, apex: Path) -> Answer:
        """An onset and an apex frame from image files. Raises FrameError, FaceError."""
        return self.pair(read_image(Path(onset)), read_image(Path(apex)))

    def pair(self, onset: np.ndarray, apex: np.ndarray) -> Answer:
        """One onset and apex. Args: (H, W, 3) uint8 RGB of one size. Raises FaceError, FrameError."""
        faces, _ = align_pair(onset, apex, self._prepare)
        return self.faces(faces)

    def faces(self, faces: np.ndarray) -> Answer:
        """Aligned faces. Args: (2, S, S, 3) uint8 RGB, onset and apex."""
        flow = flow_and_strain(*faces)
        images = {name: image.numpy() for name, image in images_of(torch.from_numpy(faces[None])).items()}
        images["flow"] = flow[None].astype(np.float32)
        said = [
            softmax(member({name: images[name] for name in member.inputs})[0], self.card.temperature)
            for member in self.members
        ]
        mean = np.mean(said, axis=0)
        probabilities = dict(zip(self.classes, map(float, mean), strict=True))
        return Answer(probabilities, self.threshold, faces, flow[:2], self._heat(images, int(mean.argmax())))

    def video(self, path: str | Path, watch: Watch | None = None, fps: float | None = None) -> Reading:
        """Spot the moments of a video and say what each may have shown.

        Args: watch: is told how it goes; what its `progress` raises stops the work. fps: of a folder of images.
        Raises: VideoError, FrameError: it cannot be read. FaceError: no face in it.
        """
        watch = watch or Watch()
        spotting = spot(Path(path), watch, fps)
        moments = []
        wanted = spotting.expressions
        for expression, pair in _pairs(spotting, fps, watch):
            try:
                moments.append(Moment(expression, self._around_face(spotting, expression, *pair)))
            except FaceError as reason:
                moments.append(Moment(expression, None, str(reason)))
            watch.progress("recognising", len(moments), len(wanted))
        order = {id(e): n for n, e in enumerate(wanted)}
        moments.sort(key=lambda moment: order[id(moment.expression)])
        return Reading(spotting, tuple(moments), self.card.line, self.classes)

    def _around_face(self, spotting: Spotting, expression: Expression, onset: np.ndarray, apex: np.ndarray) -> Answer:
        """Faces found and cropped as in training; where the detector fails, by the landmarks that were followed."""
        landmarks = spotting.segment_of(expression).landmarks_at(expression.onset)
        (x, y), reach = landmarks.mean(0), _AROUND * np.linalg.norm(landmarks[1] - landmarks[0])
        left, top = max(0, int(x - reach)), max(0, int(y - reach))
        part = np.s_[top : int(y + reach), left : int(x + reach)]
        try:
            return self.pair(onset[part], apex[part])
        except FaceError:
            size = self._prepare.size
            matrix = to_template(landmarks, size)
            return self.faces(np.stack([crop(image, matrix, size) for image in (onset, apex)]))

    def _heat(self, images: Mapping[str, np.ndarray], answer: int) -> np.ndarray | None:
        """Grad-CAM of the joined features, averaged over the models; None without captum, or where the model is a graph."""
        from tsfmicro.report.saliency import JOINED, grad_cam

        models = [member.model for member in self.members if isinstance(member, InTorch)]
        if not models or find_spec("captum") is None:
            return None
        maps = []
        for model in models:
            given: dict[str, torch.Tensor] = {name: torch.from_numpy(images[name]) for name in model.inputs}
            maps.append(grad_cam(model, {}, given, torch.tensor([answer]))[JOINED])
        heat = torch.nn.functional.interpolate(
            torch.stack(maps).mean(0)[None], size=(self._prepare.size,) * 2, mode="bilinear"
        )
        return (heat / heat.max().clamp(min=1e-12))[0, 0].numpy()


def _pairs(
    spotting: Spotting, fps: float | None, watch: Watch
) -> Iterator[tuple[Expression, tuple[np.ndarray, np.ndarray]]]:
    """The onset and apex frame of each expression, from one pass through the video."""
    kept: dict[int, np.ndarray] = {}
    waiting = sorted(spotting.expressions, key=lambda e: max(e.onset, e.apex))
    wanted = {number for e in waiting for number in (e.onset, e.apex)}
    total = max(wanted, default=0) + 1
    if not waiting:
        return
    for number, image in open_video(spotting.video.path, read_image, fps).pick(wanted):
        kept[number] = image
        watch.progress("fetching frames", number + 1, total)
        while waiting and number >= max(waiting[0].onset, waiting[0].apex):
            e = waiting.pop(0)
            yield e, (kept[e.onset], kept[e.apex])
            needed = {n for other in waiting for n in (other.onset, other.apex)}
            kept = {n: image for n, image in kept.items() if n in needed}


def demonstration_folder() -> Path:
    """The small model that comes with the package. It is trained on drawn faces and not for use on people."""
    return Path(str(files("tsfmicro") / DEMONSTRATION))


def example_video() -> Path:
    """A few seconds of a drawn person, to try things on."""
    return demonstration_folder() / "example.webm"
