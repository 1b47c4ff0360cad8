"""A small run on noise faces in which class 1 brightens the apex's left half; nothing needs to be detected."""

import numpy as np
import pytest
import torch

from tsfmicro.config import PrepareConfig, check_config
from tsfmicro.needs import need
from tsfmicro.prepare.cache import open_prepared, product_part, write_set
from tsfmicro.prepare.products import PRODUCTS
from tsfmicro.run.folder import Plan, RunFolder
from tsfmicro.run.task import Job, given_labels
from tsfmicro.types import Clip, Fold, Frames

SETTINGS = {
    "name": "tiny",
    "data": {"datasets": ["casme2"], "scheme": "casme2-3"},
    "prepare": {"size": 32},
    "model": {
        "name": "tsfmicro",
        "options": {"widths": [8, 8, 8, 8], "stem": [4, 4, 8, 8], "spatial_width": 8, "head_width": 8},
    },
    "train": {"epochs": 3, "batch_size": 4, "lr": 0.01, "weight_decay": 0, "augment": {"pad": 2}, "seeds": [0, 1]},
}


def tiny_config(**train):
    return check_config({**SETTINGS, "train": {**SETTINGS["train"], **train}}, "tiny.yaml")


def made_clips(people=3, each=4):
    emotions = ["disgust", "happiness", "surprise", "happiness"]
    return [
        Clip("casme2", f"sub0{p}", f"EP0{n}", Frames(None, {}), 1, 5, 9, 200, emotions[n])
        for p in range(people)
        for n in range(each)
    ]


@pytest.fixture
def prepared_folder(tmp_path):
    return prepare_made(tmp_path / "cache" / "key", made_clips())


def prepare_made(folder, clips):
    """A prepared set of faces of 32 pixels, as preparation would leave it."""
    generator, faces = np.random.default_rng(0), PRODUCTS["faces"]
    part = product_part(folder.parent, folder.name, clips, faces, 32, faces.Options())
    records = part.resume()
    for clip in clips:
        onset = generator.integers(60, 120, (32, 32, 3), dtype=np.uint8)
        apex = onset.copy()
        apex[:, :16] += {"disgust": 0, "happiness": 60, "surprise": 120}[clip.emotion]
        pair = np.stack([onset, apex])
        row = part.rows[clip.id]
        records[clip.id] = {"clip": clip.id, "row": row, "sums": part.write(row, {"annotated": pair, "widest": pair})}
    part.finish(records)
    write_set(folder, clips, {need("faces", 32): part}, {}, PrepareConfig(size=32))
    return folder


@pytest.fixture
def plan(prepared_folder):
    return plan_of(tiny_config(), prepared_folder)


def plan_of(config, prepared_folder):
    clips = open_prepared(prepared_folder).clips
    classes = ("negative", "positive", "surprise")
    number = {"disgust": 0, "happiness": 1, "surprise": 2}
    labels = {clip.id: number[clip.emotion] for clip in clips}
    folds = tuple(
        Fold(
            person.replace("/", "-"),
            tuple(c for c in labels if not c.startswith(person)),
            tuple(c for c in labels if c.startswith(person)),
        )
        for person in sorted({clip.person for clip in clips})
    )
    return Plan(config, classes, labels, folds, prepared="key")


@pytest.fixture
def start(tmp_path, plan, prepared_folder):
    """Begin the run in a folder of that name; returns the run folder and the job."""

    def begin(name="run", plan=plan):
        folder = RunFolder.start(
            tmp_path / name, plan, made_clips(), [("casme2/sub09/EP1", "no face found")], {"cores": 1}
        )
        return folder, Job(folder.path, prepared_folder, "cpu", threads=1)

    return begin


def invent(folder, knowledge=0.0, shuffled=False):
    """Finish a run without training: logits are drawn, and those of the true class are raised by `knowledge`."""
    epochs, labels = folder.plan.config.train.epochs, folder.plan.labels
    for task in folder.missing(shuffled):
        fold = folder.plan.fold(task.fold)
        asked = [*fold.test, *fold.val]
        logits = np.random.default_rng([task.seed, *task.fold.encode()]).normal(size=(epochs, len(asked), 3))
        logits[:, range(len(asked)), [labels[clip] for clip in asked]] += knowledge
        weights = {"weight": torch.zeros(1)}
        folder.save(
            task, fold, given_labels(folder.plan, fold, task), logits.astype(np.float32), np.ones(epochs), weights
        )
    return folder
