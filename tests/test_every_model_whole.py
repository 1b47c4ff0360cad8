"""Every model from clips on disk to an answer: prepared, trained, killed, gone on, scored, reported, exported, asked."""

import cv2
import numpy as np
import pytest
import torch

from tests.doubles import DOUBLES, register_doubles
from tests.prepare.conftest import draw_face, write_image
from tsfmicro.about.zoo import kept_costs
from tsfmicro.config import check_config
from tsfmicro.errors import ConfigError, ExportError
from tsfmicro.models import registry
from tsfmicro.models.base import ClosedForm
from tsfmicro.models.registry import describe
from tsfmicro.prepare.aligned import align
from tsfmicro.prepare.face import finder
from tsfmicro.reading.audit import audit
from tsfmicro.reading.compare import compare
from tsfmicro.reading.gather import gather
from tsfmicro.run import experiment
from tsfmicro.run.folder import RunFolder
from tsfmicro.run.trained import fold_model
from tsfmicro.run.watch import Watch
from tsfmicro.train import checkpoint
from tsfmicro.types import ActionUnit, ActionUnits, Clip, Frames
from tsfmicro.use.export import export
from tsfmicro.use.recognise import Recognizer, in_memory

OPTIONS = {"linear": {"look": "flow"}, "htnet": {"width": 6, "blocks": [1, 1, 1]}}
SIZES = {"tsfmicro-small": 32, "linear": 32}  # the others are as small as they were made for
LARGE = 500_000  # parameters
EMOTIONS = ("disgust", "happiness", "surprise")
PEOPLE, LENGTHS = 3, (4, 5, 7)


def write_clip(root, person, number):
    """Somebody whose mouth rises, the faster the higher the emotion's number; sequences differ in length. Depth lies beside."""
    emotion, last = EMOTIONS[number], LENGTHS[number]
    folder = root / f"sub{person}" / emotion
    for n in range(last + 1):
        write_image(folder / f"img{n}.jpg", draw_face(d=46 + 2 * person, smile=0.05 * number * n / last))
        write_depth(folder / "depth" / f"img{n}.png", 600 + 10 * person - round(0.8 * number * n / last))
    units = ActionUnits("12", (ActionUnit(12 if number else 4),))
    depth = Frames(folder / "depth", {n: f"img{n}.png" for n in range(last + 1)})
    frames = Frames(folder, {n: f"img{n}.jpg" for n in range(last + 1)}, depth)
    return Clip("casme2", f"sub0{person}", emotion, frames, 0, last - 1, last, 50.0, emotion, units)


def write_depth(path, nearest):
    """A round head of 16 bits, in front of nothing."""
    y, x = np.indices((240, 320))
    away = ((x - 160) ** 2 + (y - 130) ** 2) / 110**2
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(cv2.imencode(".png", np.where(away < 1, nearest + 60 * away, 0).astype(np.uint16))[1].tobytes())


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    root = tmp_path_factory.mktemp("whole")
    return [write_clip(root, person, n) for person in range(PEOPLE) for n in range(len(EMOTIONS))]


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def small_models():
    """Those that train in seconds; the large ones are swept in tests/test_every_model.py."""
    return [name for name in registry.MODELS if (kept_costs().get(name) or describe(name)).parameters < LARGE]


def by_day(name):
    return pytest.param(name, marks=pytest.mark.slow if name.endswith("-approx") else ())


@pytest.fixture(scope="module", params=[*map(by_day, small_models()), *DOUBLES])
def name(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "MODELS", dict(registry.MODELS))
        register_doubles(registry.register)
        yield request.param


@pytest.fixture(scope="module")
def go(name, clips, cache):
    """Start the run of this model, or go on with it."""
    augment = {"flip": 0.5, "rotate": 5, "pad": 2}
    settings = {
        "name": f"whole-{name}",
        "data": {"datasets": ["casme2"], "scheme": "casme2-3"},
        "prepare": {"size": SIZES.get(name, registry.MODELS[name].size)},
        "model": {"name": name, "options": OPTIONS.get(name, {})},
        "protocol": {"name": "person_kfold", "options": {"k": 3}},
        "train": {"epochs": 3, "batch_size": 4, "lr": 1e-3, "augment": augment, "seeds": [0]},
    }

    def run(out, watch=None, final=False):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(experiment, "read_clips", lambda *given: (clips, {}))
            config = check_config(settings, name)
            return experiment.run(config, {}, out, cache, "cpu", 1, watch or Watch(), final=final)

    return run


@pytest.fixture(scope="module")
def finished(go, tmp_path_factory):
    out = tmp_path_factory.mktemp("finished") / "run"
    return RunFolder.open(out) if (out / "run.json").exists() else (go(out, final=True), RunFolder.open(out))[1]


class Killed(Exception):
    pass


class Killer(Watch):
    """Ends the program in the middle of the second fold."""

    def __init__(self):
        self.seen = 0

    def epoch(self, task, epoch, epochs, loss):
        self.seen += 1
        if self.seen > epochs and (epoch == 3 or epochs == 1):
            raise Killed


class Seen(Watch):
    def __init__(self):
        self.epochs = []

    def epoch(self, task, epoch, epochs, loss):
        self.epochs.append(epoch)


def test_it_is_scored_beside_the_floors_passes_the_audit_and_can_be_compared(finished):
    assert not [check for check in audit(finished.path).checks if check.problems]
    assert compare(finished.path, "linear").differences


def test_killed_within_a_fold_it_goes_on_and_ends_the_same_to_the_last_bit(go, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint, "EVERY", 0.0)
    with pytest.raises(Killed):
        go(tmp_path / "run", Killer())
    if finished.plan.epochs > 1:
        assert len(list(tmp_path.glob("run/checkpoints/*.pt"))) == 1
    watch = Seen()
    go(tmp_path / "run", watch)
    if finished.plan.epochs > 1:
        assert watch.epochs[0] == 3, "it goes on after the second epoch"
    again = RunFolder.open(tmp_path / "run")
    for one, other in zip(finished.outcomes(0), again.outcomes(0), strict=True):
        assert (one.test.values == other.test.values).all()
    for task in finished.plan.tasks:
        weights = [fold_model(folder, task).state_dict() for folder in (finished, again)]
        assert all(torch.equal(tensor, weights[1][key]) for key, tensor in weights[0].items())
    assert not list(again.path.glob("checkpoints/*"))


def test_what_the_training_side_showed_is_all_that_it_knows(finished):
    model = fold_model(finished, finished.plan.tasks[0])
    if finished.plan.config.model.name != "units":
        return
    assert model.together.any() and model.together.max() == 1


def test_a_report_shows_it_or_says_what_cannot_be_drawn(finished, cache):
    found = gather(finished, "it", "it", [cache], "cpu", Watch())
    model = fold_model(finished, finished.plan.tasks[0])
    assert (found.maps is not None) == model.has_map
    if not model.has_map:
        assert any("has no map over the face" in line for line in found.lacking)
    assert found.features is not None


def test_it_is_exported_or_says_in_a_line_why_not(finished, name, tmp_path):
    if name not in DOUBLES:
        return  # tests/use/test_export.py does that with every registered model
    model = fold_model(finished, finished.plan.tasks[0])
    try:
        assert export(model, tmp_path / "model.onnx").path.exists()
    except ExportError as why:
        assert "\n" not in str(why) and not list(tmp_path.iterdir())
        assert not isinstance(model, ClosedForm), "a few products of matrices can be exported"


def test_asked_about_a_clip_it_answers_as_it_was_scored(finished, clips):
    """The folds together: each says of an unknown person what it said in the run."""
    clip = clips[0]
    fold = next(f for f in finished.plan.folds if clip.id in f.test)
    recognizer = Recognizer.load(finished.path, fold=fold.name)
    aligned = align(clip, finder("mtcnn"), 0)
    said = recognizer.clips([aligned])[0].probabilities
    logits = finished.outcome(next(t for t in finished.plan.tasks if t.fold == fold.name)).test
    stored = torch.tensor(logits.values[-1, logits.clips.index(clip.id)]) / recognizer.card.temperature
    wanted = dict(zip(finished.plan.classes, stored.softmax(-1).tolist(), strict=True))
    assert said == pytest.approx(wanted, abs=2e-3)


def test_one_that_looks_at_a_sequence_asks_for_a_video_and_the_others_take_a_pair(finished, clips):
    recognizer = Recognizer.load(finished.path)
    images = {n: clips[1].frames.path(n) for n in (0, 3, 5)}
    if recognizer.needs_depth:
        with pytest.raises(ConfigError, match="no depth pictures beside them"):
            recognizer.images(images[0], images[3])
        with pytest.raises(ConfigError, match="no depth pictures beside them"):
            recognizer.video("film.mp4")
    elif recognizer.needs_sequences:
        with pytest.raises(ConfigError, match="Give a video"):
            recognizer.images(images[0], images[3])
        aligned = align(clips[1], finder("mtcnn"), 0)
        frames = {n: aligned.frame(n) for n in range(6)}
        assert recognizer.clips([in_memory(frames, aligned.landmarks, (), 0, 4)])[0].probabilities
    else:
        assert sum(recognizer.images(images[0], images[3]).probabilities.values()) == pytest.approx(1)
