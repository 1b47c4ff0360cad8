"""Runs as reports see them, made from answers alone: four people, three classes, eight clips, two seeds."""

import numpy as np
import pytest

from tsfmicro.config import check_config
from tsfmicro.evaluate.score import score, tally
from tsfmicro.evaluate.select import RULES, Answers
from tsfmicro.report.material import Features, Maps, Material
from tsfmicro.types import Interval

CLASSES = ("negative", "positive", "surprise")
CLIPS = tuple(f"casme2/sub0{p}/EP{n}" for p in range(4) for n in range(2))
TARGET = np.array([0, 1, 2, 0, 1, 2, 0, 1])
RIGHT = TARGET
ONE_WRONG = np.array([0, 1, 2, 0, 1, 2, 0, 2])


def scored(answers, rule="last", classes=CLASSES, clips=CLIPS, target=TARGET):
    """Scores of the answers of each seed."""
    labels = dict(zip(clips, target.tolist(), strict=True))
    seeds = [Answers(RULES[rule], n, clips, said, said) for n, said in enumerate(answers)]
    return score(tally(seeds, labels, classes), classes)


def made_run(
    name="tiny",
    variant="late",
    answers=(ONE_WRONG, ONE_WRONG),
    oracle=(RIGHT, RIGHT),
    dataset="casme2",
    model="tsfmicro",
    **more,
):
    """A run that answered so after its last epoch, and so when the epoch was chosen on the test person."""
    data = {"datasets": [dataset], "scheme": f"{dataset}-3"}
    options = {} if variant is None else {"variant": variant}
    config = check_config({"name": "tiny", "data": data, "model": {"name": model, "options": options}}, "made")
    scores = {"last": scored(answers)} | {rule: scored(oracle, rule) for rule in ("oracle", "released")}
    sure = np.stack([np.eye(3)[said] * 0.7 + 0.1 for said in answers])
    generator = np.random.default_rng(0)
    features = generator.normal(size=(8, 3)) + 20 * np.eye(3)[TARGET]
    values = {
        "name": name,
        "label": name,
        "config": config,
        "environment": {},
        "classes": CLASSES,
        "clips": CLIPS,
        "target": TARGET,
        "probabilities": sure,
        "curves": {s: np.linspace(0, [0.5, 0.7], 4).T for s in ("acc", "uf1", "uar")},
        "scores": scores,
        "recalls": {rule: [Interval(s.recall[c], 0.0, 1.0) for c in CLASSES] for rule, s in scores.items()},
        "leak": {s: Interval(0.1, 0.05, 0.2) for s in ("acc", "uf1", "uar")},
        "floors": {"majority": scored([np.zeros(8, int)])},
        "features": Features(features, features, "sub00", np.arange(8) < 2, seed=0),
        "maps": Maps({p: np.full((8, 2, 2), 255, np.uint8) for p in ("temporal", "joined")}, answers[0], seed=0),
    }
    return Material(**{**values, **more})


@pytest.fixture
def run():
    return made_run()
