"""What a trained model makes of an onset–apex pair, or of each moment in which a face moved in a video."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tsfmicro.card import Card, unit_of_flow
from tsfmicro.config import PrepareConfig
from tsfmicro.errors import ConfigError, FaceError, WeightsError
from tsfmicro.evaluate.calibrate import softmax
from tsfmicro.models.pretrained import CONFIG
from tsfmicro.models.runtimes import InTorch, Predictor, load_predictor
from tsfmicro.needs import Need
from tsfmicro.prepare.align import TEMPLATE
from tsfmicro.prepare.aligned import AlignedClip, find_on
from tsfmicro.prepare.face import finder
from tsfmicro.prepare.flow import flow_and_strain
from tsfmicro.prepare.images import read_image
from tsfmicro.prepare.prepare import PICTURE
from tsfmicro.prepare.products.base import product_of
from tsfmicro.prepare.products.flow import COMPUTED_ON
from tsfmicro.run.folder import FINAL, RunFolder
from tsfmicro.run.trained import SEE_RUN, card_of, fold_model, temperature
from tsfmicro.run.watch import Task, Watch
from tsfmicro.spot.rest import Known
from tsfmicro.spot.spot import LEVEL
from tsfmicro.spot.types import Expression, Spotting
from tsfmicro.spot.video import open_video
from tsfmicro.train.loader import deliver
from tsfmicro.types import Clip, Frames
from tsfmicro.use.answers import Answer, Moment, Reading
from tsfmicro.use.model_card import DEMONSTRATION, demonstration_folder
from tsfmicro.use.spot import SPOTTER, compare_faces, spot

THRESHOLD = 0.5  # below it another emotion is as likely as the named one
PICTURED = 60  # moments of a video whose pictures are kept, those of the highest confidence: an hour may have thousands
_TOGETHER = 48  # moments whose frames are in memory together; a long video has hundreds
_AROUND = 2.5  # distances between the eyes, from the face's middle to each side of what the detector looks at


class Recognizer:
    """Trained models that are asked together; their probabilities are averaged.

        recognizer = Recognizer.load("runs/casme2-5")
        for moment in recognizer.video("interview.mp4").moments:
            print(moment.expression.apex_s, moment.answer)

    Attributes:
        members: the models; those of a run are read from the disk when they are asked.
        classes: class names. card: what the models were trained on, and how clips must be prepared for them.
        threshold: below this probability it abstains.
    Raises: ConfigError: a threshold that is no probability, or models that learned from something no video gives.
    """

    def __init__(self, members: Sequence[Predictor], card: Card, threshold: float = THRESHOLD) -> None:
        if not 0 <= threshold <= 1:
            raise ConfigError(f"threshold {threshold}: give a probability from 0 to 1.")
        self.members, self.card, self.threshold = members, card, threshold
        first = members[0]
        self.classes = first.classes
        self.inputs = first.inputs
        self._products = {one.need: product_of(one.need, card.prepare.products) for one in self.inputs.values()}
        for need, (product, _) in self._products.items():
            check_unit(card, need, product.unit)
        faces = [need.size for need in self._products if need.product == "faces" and need.size]
        self._edge = max(faces, default=PICTURE)

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
            raise WeightsError(
                f"{place}: does not say what its classes are called. A start answers nothing: train with "
                f"--set train.start={place}. A model of your own is saved with model.classes set."
            )
        card = model.card or Card(str(place), "unknown", (), 0, 0, PrepareConfig(size=model.size))
        return cls([model], card, threshold)

    @classmethod
    def _of_run(cls, folder: RunFolder, fold: str | None, threshold: float) -> Recognizer:
        if fold is None and (folder.path / FINAL / CONFIG).exists():
            return cls.load(folder.path / FINAL, threshold=threshold)
        plan = folder.plan
        names = [f.name for f in plan.folds] if fold is None else [fold]
        tasks = [Task(name, seed) for seed in plan.config.train.seeds for name in names]
        what = f"fold {fold}" if fold else f"{len(names)} folds together"
        learned = plan.labels if fold is None else plan.fold(fold).train
        card = card_of(folder, f"{plan.config.name}, {what}", learned, SEE_RUN, temperature(folder))
        return cls(FoldModels(folder, tasks), card, threshold)

    @property
    def needs_sequences(self) -> bool:
        """Whether its models look at frames between onset and apex too, which only a video has."""
        return any(product.looks_between(options) for product, options in self._products.values())

    def images(self, onset: Path, apex: Path) -> Answer:
        """An onset and an apex frame from image files. Raises FrameError, FaceError; ConfigError: it wants a video."""
        return self.pair(read_image(Path(onset)), read_image(Path(apex)))

    def pair(self, onset: np.ndarray, apex: np.ndarray) -> Answer:
        """One onset and apex.

        Args: (H, W, 3) uint8 RGB of one size.
        Returns: what the models say; no emotion where nothing but the head has moved.
        Raises: FaceError: no face on the onset, or that of somebody else on the apex; FrameError: the two differ in size;
            ConfigError: it wants a video.
        """
        self._check_pair_is_enough()
        find = finder(self.card.prepare.detector)
        landmarks = find_on(onset, find, "onset image").landmarks
        clip = in_memory({0: onset, 1: apex}, landmarks, ("onset image", "apex image"))
        there = find(apex)
        compared = compare_faces(onset, apex, landmarks, landmarks if there is None else there.landmarks)
        if not compared.fits:
            raise FaceError(
                "onset and apex image: their faces do not fit onto each other. Two people, a hand before the face, or a head that "
                "turned? Give two frames of one recording, less than a second apart."
            )
        return replace(self.clips([clip])[0], moved=compared.moved, still=compared.still)

    def faces(self, faces: np.ndarray) -> Answer:
        """Faces that are aligned already. Args: (2, S, S, 3) uint8 RGB, onset and apex. Raises ConfigError: it wants a video."""
        self._check_pair_is_enough()
        landmarks = (TEMPLATE * faces.shape[1] - 0.5).astype(np.float64)
        return self.clips([in_memory(dict(enumerate(faces)), landmarks)])[0]

    @property
    def needs_depth(self) -> bool:
        """Whether its models look at depth pictures, which neither images nor videos have."""
        return any(product.depth for product, _ in self._products.values())

    def _check_depth(self) -> None:
        if self.needs_depth:
            wanted = ", ".join(str(n) for n, (product, _) in self._products.items() if product.depth)
            raise ConfigError(
                f"{self.card.name} needs {wanted}, and images and videos have no depth pictures beside them. "
                "Score it on a dataset that has them, with `tsfmicro run`."
            )

    def _check_pair_is_enough(self) -> None:
        self._check_depth()
        if self.needs_sequences:
            wanted = ", ".join(
                str(n) for n, (product, options) in self._products.items() if product.looks_between(options)
            )
            raise ConfigError(f"{self.card.name} needs {wanted}, and a pair of images has none between. Give a video.")

    def clips(self, clips: Sequence[AlignedClip], watch: Watch | None = None) -> list[Answer]:
        """What the models say of aligned clips; each model is read once for all of them."""
        watch = watch or Watch()
        images = [self._look_at(aligned) for aligned in clips]
        said: list[list[np.ndarray]] = [[] for _ in clips]
        for done, member in enumerate(self.members if clips else (), 1):
            for batch, its in zip(images, said, strict=True):
                its.append(softmax(member(batch)[0], self.card.temperature))
            watch.progress("recognising", done, len(self.members))
        means = [np.mean(its, axis=0) for its in said]
        heats = self._heats(images, [int(mean.argmax()) for mean in means])
        answers = []
        for aligned, mean, heat in zip(clips, means, heats, strict=True):
            faces = aligned.faces("annotated", self._edge)
            probabilities = dict(zip(self.classes, map(float, mean), strict=True))
            answers.append(Answer(probabilities, self.threshold, faces, flow_and_strain(*faces)[:2], heat))
        return answers

    def _look_at(self, aligned: AlignedClip) -> dict[str, np.ndarray]:
        """The models' inputs of one clip, (1, *shape)."""
        delivered, lengths = {}, {}
        for need, (product, options) in self._products.items():
            values = product.make(aligned, "annotated", need.size, options)
            if product.length(aligned.clip, options) is not None:
                lengths[need] = np.array([len(values)])
            delivered[need] = deliver(torch.from_numpy(values[None]), need, product.moves)
        batch = {name: one.view(delivered[one.need]).numpy() for name, one in self.inputs.items()}
        return batch | {f"{n}_length": lengths[o.need] for n, o in self.inputs.items() if o.differs_in_length}

    def video(
        self,
        path: str | Path,
        watch: Watch | None = None,
        fps: float | None = None,
        level: float = LEVEL,
        rest: Known | None = None,
        spotter: str = SPOTTER,
    ) -> Reading:
        """Spot the moments of a video and say what each may have shown.

        Args:
            watch: is told how it goes; what its `progress` raises stops the work.
            fps: of a folder of images. level, spotter: least confidence of a moment, and who says it; rest: how faces rest: see `spot`.
        Raises: VideoError, FrameError: it cannot be read. FaceError: no face in it. ConfigError: the models want depth.
        """
        self._check_depth()
        watch = watch or Watch()
        spotting = spot(Path(path), watch, fps, level=level, rest=rest, spotter=spotter)
        pictured = {id(e) for e in spotting.surest(PICTURED)}
        answers: dict[int, Answer] = {}
        fetched = moments_of(spotting, fps, watch, self.needs_sequences)
        while some := list(islice(fetched, _TOGETHER)):
            clips = [self._around_face(spotting, expression, frames) for expression, frames in some]
            said = zip(some, self.clips(clips, watch), strict=True)
            answers |= {id(e): answer if id(e) in pictured else answer.without_pictures() for (e, _), answer in said}
        wanted = spotting.expressions
        return Reading(spotting, tuple(Moment(e, answers[id(e)]) for e in wanted), self.card.line, self.classes)

    def _around_face(self, spotting: Spotting, expression: Expression, frames: Mapping[int, np.ndarray]) -> AlignedClip:
        """The face found as in training; where the detector fails, by the landmarks that were followed."""
        onset = frames[expression.onset]
        landmarks = spotting.segment_of(expression).landmarks_at(expression.onset)
        (x, y), reach = landmarks.mean(0), _AROUND * np.linalg.norm(landmarks[1] - landmarks[0])
        left, top = max(0, int(x - reach)), max(0, int(y - reach))
        face = finder(self.card.prepare.detector)(onset[top : int(y + reach), left : int(x + reach)])
        if face is not None:
            landmarks = face.landmarks + np.array([left, top], np.float32)
        return in_memory(frames, landmarks, (), expression.onset, expression.apex)

    def _heats(self, images: Sequence[Mapping[str, np.ndarray]], answers: Sequence[int]) -> list[np.ndarray | None]:
        """Grad-CAM of the joined features, averaged over the models; None without captum, or where there is no map."""
        from tsfmicro.report.saliency import JOINED, grad_cam

        nothing: list[np.ndarray | None] = [None] * len(images)
        if find_spec("captum") is None or not images:
            return nothing
        sums: list[torch.Tensor | None] = [None] * len(images)
        for member in self.members:
            if not isinstance(member, InTorch) or not member.model.has_map:
                return nothing
            for n, (batch, answer) in enumerate(zip(images, answers, strict=True)):
                given = {name: torch.from_numpy(values) for name, values in batch.items()}
                found = grad_cam(member.model, {}, given, torch.tensor([answer]))[JOINED]
                so_far = sums[n]
                sums[n] = found if so_far is None else so_far + found
        return [None if heat is None else self._spread(heat / len(self.members)) for heat in sums]

    def _spread(self, heat: torch.Tensor) -> np.ndarray:
        """(1, h, w) → (S, S), the highest place at 1."""
        large = torch.nn.functional.interpolate(heat[None], size=(self._edge,) * 2, mode="bilinear")
        return (large / large.max().clamp(min=1e-12))[0, 0].numpy()


def check_unit(card: Card, need: Need, unit: str) -> None:
    """Raises ConfigError: a model learned from something in another unit than a video gives."""
    learned = card.units.get(need.product, unit)
    if not card.units and need.product == "flow":
        # Cards of earlier versions do not say, and these measured flow on faces of the size that was wanted.
        small = need.size is not None and need.size < COMPUTED_ON
        learned = unit_of_flow({}, card.datasets) or (f"px of a face of {need.size}" if small else unit)
    if learned != unit:
        raise ConfigError(
            f"{card.name}: learned from {need.product} in {learned}, but of images it is in {unit}, so its answers would mean "
            "nothing. Train a model on images, or score this one with `tsfmicro run`."
        )


class FoldModels(Sequence[Predictor]):
    """The models of a run's folds. They are read when they are asked, and kept while they are small together."""

    def __init__(self, folder: RunFolder, tasks: Sequence[Task], room: float = 1e9) -> None:
        self._folder, self._tasks, self._room = folder, tasks, room
        self._kept: dict[int, Predictor] = {}
        self._used = 0.0

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[n] for n in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        if place in self._kept:
            return self._kept[place]
        model = fold_model(self._folder, self._tasks[place])
        found = InTorch(model)
        size = sum(t.numel() * t.element_size() for t in model.state_dict().values())
        if self._used + size <= self._room:
            self._used += size
            self._kept[place] = found
        return found


def in_memory(
    frames: Mapping[int, np.ndarray],
    landmarks: np.ndarray,
    names: Sequence[str] = (),
    onset: int = 0,
    apex: int = 1,
) -> AlignedClip:
    """An aligned clip of frames that are in memory; the last of them is its offset.

    Args: names: what messages call them.
    Raises: FrameError: frames of different sizes.
    """
    called = dict(zip(frames, names, strict=False))
    files = {number: called.get(number, f"frame {number}") for number in frames}
    clip = Clip("memory", "somebody", "clip", Frames(Path(), files), onset, apex, max(*frames, apex), 0, "")
    pair = (onset, apex)
    aligned = AlignedClip(
        clip, landmarks, {"annotated": pair, "widest": pair}, "", lambda numbers: {n: frames[n] for n in numbers}
    )
    aligned.frame(apex)
    return aligned


def moments_of(
    spotting: Spotting, fps: float | None, watch: Watch, whole: bool = False
) -> Iterator[tuple[Expression, dict[int, np.ndarray]]]:
    """Each expression with its onset and apex frame, or all frames of it, from one pass through the video."""
    kept: dict[int, np.ndarray] = {}
    wanted = {id(e): _frames_of(e, whole) for e in spotting.expressions}
    waiting = sorted(spotting.expressions, key=lambda e: wanted[id(e)][-1])
    everything = {number for numbers in wanted.values() for number in numbers}
    if not waiting:
        return
    for number, image in open_video(spotting.video.path, read_image, fps).pick(everything):
        kept[number] = image
        watch.progress("fetching frames", number + 1, max(everything) + 1)
        while waiting and number >= wanted[id(waiting[0])][-1]:
            e = waiting.pop(0)
            yield e, {n: kept[n] for n in wanted[id(e)]}
            needed = {n for other in waiting for n in wanted[id(other)]}
            kept = {n: image for n, image in kept.items() if n in needed}


def _frames_of(expression: Expression, whole: bool) -> list[int]:
    if whole:
        return list(range(expression.onset, expression.offset + 1))
    return sorted({expression.onset, expression.apex})


def example_video() -> Path:
    """A few seconds of a drawn person, to try things on."""
    return demonstration_folder() / "example.webm"
