"""One model trained on everybody: what it says about itself, and that it is made once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tsfmicro.card import Card
from tsfmicro.errors import RunError
from tsfmicro.evaluate.calibrate import softmax
from tsfmicro.models.pretrained import from_pretrained
from tsfmicro.prepare.cache import open_prepared
from tsfmicro.run.final import make_final
from tsfmicro.run.here import Here
from tsfmicro.run.summary import evaluate_run
from tsfmicro.run.trained import fold_model, temperature
from tsfmicro.run.watch import Task, Watch


class Recorder(Watch):
    def __init__(self):
        self.tasks = []

    def epoch(self, task, epoch, epochs, loss):
        self.tasks.append(task.fold)


@pytest.fixture
def finished(start):
    folder, job = start()
    Here(1).train(job, folder.missing(), Watch())
    return folder, open_prepared(job.prepared), evaluate_run(folder)


def test_the_final_model_is_trained_on_everybody_once_and_tells_what_it_is(finished):
    folder, prepared, summary = finished
    watch = Recorder()
    place = make_final(folder, prepared, summary, "cpu", watch)
    make_final(folder, prepared, summary, "cpu", watch)
    assert watch.tasks == ["final"] * 3, "three epochs, and nothing the second time"
    model = from_pretrained(place)
    assert model.classes == folder.plan.classes
    assert (model.card.people, model.card.clips, model.card.prepare.size) == (3, 12, 32)
    assert model.card.scores == summary.line()
    assert (model.card.right, model.card.guessed) == (summary.model.acc.value, summary.floors["majority"].acc.value)


def test_a_final_model_that_was_cut_short_is_not_taken_for_one(finished):
    folder, prepared, summary = finished
    weights = make_final(folder, prepared, summary, "cpu", Watch()) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-40])
    with pytest.raises(RunError, match=r"cut short .* Or delete \S+final, and run the same command again"):
        make_final(folder, prepared, summary, "cpu", Watch())


def test_the_card_says_in_words_how_often_it_was_right_and_how_often_guessing_is():
    card = Card("a run", "casme2-5", ("casme2",), 25, 155, right=0.63, guessed=0.31)
    assert "It named 6 of 10 clips of people it had not seen rightly" in card.words
    assert "it would be right in 3." in card.words
    drawn = replace(card, demonstration=True)
    assert "6 of 10 clips of drawn people" in drawn.words and "never tried on anybody real" in drawn.words
    assert "of 10" not in replace(card, right=None).words, "a card of an earlier version does not say"


def test_its_temperature_makes_the_answers_about_people_left_out_most_likely(finished):
    folder, _, _ = finished
    found = temperature(folder)
    runs = [folder.logits(seed) for seed in (0, 1)]
    target = [folder.plan.labels[clip] for run in runs for clip in run.clips]

    def surprise(t):
        said = softmax(np.concatenate([run.values[-1] for run in runs]), t)
        return -np.log(said[range(len(target)), target]).mean()

    assert surprise(found) <= min(surprise(found * 1.05), surprise(found / 1.05))


def test_the_model_of_a_fold_says_what_the_run_stored(finished):
    folder, prepared, _ = finished
    fold = folder.plan.folds[0]
    model = fold_model(folder, Task(fold.name, 0))
    pair = prepared.faces("annotated")[prepared.rows_of(fold.test)] / np.float32(255)
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    onset, apex = (torch.from_numpy((pair[:, i] - mean) / std).permute(0, 3, 1, 2) for i in range(2))
    with torch.inference_mode():
        said = model(motion=apex - onset, onset=onset).numpy()
    stored = folder.logits(0)
    rows = [stored.clips.index(clip) for clip in fold.test]
    np.testing.assert_allclose(said, stored.values[-1, rows], atol=1e-5)


def test_a_fold_that_is_not_there_is_told(finished):
    with pytest.raises(RunError, match=r"nobody.*no such fold"):
        fold_model(finished[0], Task("nobody", 0))
