"""Do generated people look like faces, and is their emotion hidden until they move?"""

from functools import cache

import cv2
import numpy as np
import pytest
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from tsfmicro.synthetic.actor import Actor
from tsfmicro.synthetic.cast import cast, scenes
from tsfmicro.synthetic.script import EMOTIONS

PEOPLE, CLIPS, SIZE = 6, 8, 24
NIGHT = pytest.mark.slow  # many are drawn
TEMPLATE = np.array([(0.32, 0.36), (0.68, 0.36), (0.5, 0.55), (0.36, 0.74), (0.64, 0.74)])


@cache
def filmed():
    """Aligned onset and apex of several people, (N, SIZE, SIZE) each, with their classes and people."""
    onsets, apexes, classes, people = [], [], [], []
    for person in range(PEOPLE):
        actor = Actor(cast(seed=1, person=person))
        for scene in scenes(seed=1, person=person, clips=CLIPS):
            take = actor.take(scene.staging, scene.movement)
            into = cv2.estimateAffinePartial2D(take.landmarks(), TEMPLATE * 112, method=cv2.LMEDS)[0]
            for frames, number in ((onsets, scene.onset), (apexes, scene.apex)):
                picture = take.frame(scene.seconds(number), scene.noise(number))
                face = cv2.warpAffine(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), into, (112, 112)).astype(np.float32)
                frames.append(cv2.resize(face, (SIZE, SIZE), interpolation=cv2.INTER_AREA))
            classes.append(EMOTIONS.index(scene.movement.emotion))
            people.append(person)
    return np.stack(onsets), np.stack(apexes), np.array(classes), np.array(people)


def recall_across_people(pictures):
    """UAR of a linear classifier that never saw the person, and the UAR it must exceed to be better than chance."""
    *_, classes, people = filmed()
    pictures = pictures.reshape(len(pictures), -1).copy()
    for person in range(PEOPLE):  # without each person's mean picture, which would hide a weak trace of the class
        pictures[people == person] -= pictures[people == person].mean(axis=0)
    guesses = np.empty_like(classes)
    for person in range(PEOPLE):
        model = make_pipeline(StandardScaler(), LinearSVC(C=1e-2, class_weight="balanced"))
        guesses[people == person] = model.fit(pictures[people != person], classes[people != person]).predict(
            pictures[people == person]
        )
    rng = np.random.default_rng(0)
    chance = [recall_score(rng.permutation(classes), guesses, average="macro") for _ in range(300)]
    return recall_score(classes, guesses, average="macro"), np.quantile(chance, 0.975)


@NIGHT
def test_the_onset_alone_does_not_tell_the_class():
    onset, _, _, _ = filmed()
    uar, better_than_chance = recall_across_people(onset)
    assert uar < better_than_chance


@NIGHT
def test_the_movement_does_tell_it_but_leaves_a_linear_model_work_to_do():
    onset, apex, _, _ = filmed()
    uar, better_than_chance = recall_across_people(apex - onset)
    assert uar > better_than_chance + 0.1
    assert uar < 0.9


@NIGHT
def test_an_onset_that_already_showed_the_movement_would_be_noticed():
    _, apex, _, _ = filmed()
    uar, better_than_chance = recall_across_people(apex)
    assert uar > better_than_chance


@pytest.mark.parametrize("seed", [21, *(pytest.param(seed, marks=NIGHT) for seed in (22, 23, 24))])
def test_mtcnn_finds_the_face_and_its_landmarks(seed):
    from tsfmicro.prepare.cascade import Cascade

    scene = next(scenes(seed, person=0, clips=1))
    take = Actor(cast(seed, person=0)).take(scene.staging, scene.movement)
    (face,) = Cascade()(cv2.cvtColor(take.frame(0, scene.noise(0)), cv2.COLOR_BGR2RGB))
    assert np.median(np.linalg.norm(face.points - take.landmarks(), axis=1)) < 12, "pixels; the face is about 330 high"
    assert 170 < face.box[2] < 330
    assert 240 < face.box[3] < 420


def test_people_differ_and_a_number_is_always_the_same_person():
    people = [cast(seed=0, person=k) for k in range(6)]
    assert cast(seed=0, person=2) == people[2]
    brows = [p.brow_y for p in people]
    assert np.ptp(brows) > 3, "mm"
    assert len({p.skin for p in people}) == 6


def test_a_clip_is_the_same_however_many_are_asked_for():
    assert next(scenes(0, 4, clips=12)).staging == next(scenes(0, 4, clips=1)).staging
