"""MEGC2019's composite from pictures: the same clips and labels as its list, with the apexes of SMIC looked for."""

import csv
from collections import Counter

import numpy as np
import pytest

from tsfmicro.data.registry import dataset
from tsfmicro.errors import ConfigError
from tsfmicro.prepare.face import Face
from tsfmicro.run import apexes
from tsfmicro.run.experiment import label_clips, make_folds, read_clips, run
from tsfmicro.run.watch import Watch
from tsfmicro.study import shipped
from tsfmicro.types import dataset_of

NAMES = ("casme2", "smic-hs", "samm")
CLASSES = ("negative", "positive", "surprise")
SETTINGS = (
    "data.datasets=[casme2,smic-hs,samm]",
    "data.scheme=megc2019-3",
    "protocol.name=composite",
    "prepare.apex=missing",
)


@pytest.fixture(scope="module")
def composite(tmp_path_factory):
    """The settings, and the clips of full-size fakes."""
    root = tmp_path_factory.mktemp("composite")
    for name in NAMES:
        dataset(name).write_fake(root / name, np.random.default_rng(1))
    config = shipped.config("casme2-3-published", list(SETTINGS))
    return config, read_clips(config, {name: root / name for name in NAMES}, Watch())[0]


def test_442_clips_of_68_people_each_of_whom_is_left_out_once(composite):
    config, clips = composite
    kept, labels, _ = label_clips(clips, config, Watch())
    assert Counter(clip.dataset for clip in kept) == {"casme2": 145, "smic-hs": 164, "samm": 133}
    assert Counter(CLASSES[label] for label in labels.values()) == {"negative": 250, "positive": 109, "surprise": 83}
    folds, left = make_folds(labels, config, Watch())
    assert (len(folds), left) == (68, {})
    assert sum(len(fold.test) for fold in folds) == 442


def test_clip_by_clip_the_labels_are_those_of_a_list_in_the_challenge_s_spelling(composite, tmp_path):
    config, clips = composite
    kept, labels, _ = label_clips(clips, config, Watch())
    negative = {"disgust", "repression", "anger", "contempt", "fear", "sadness", "negative"}
    with (tmp_path / "list.csv").open("w", newline="") as file:
        for clip in kept:
            number = 0 if clip.emotion in negative else 1 if clip.emotion in ("happiness", "positive") else 2
            # The challenge pads SMIC's clips, and writes SAMM's subjects without zeros.
            name = f"s{clip.name[1:].partition('_')[0]:0>2}_{clip.name.partition('_')[2]}"
            named = {"casme2": clip.name, "smic-hs": name, "samm": clip.name}[clip.dataset]
            subject = clip.subject.lstrip("0")
            csv.writer(file).writerow([clip.dataset.removesuffix("-hs"), subject, named, number])
            stem = f"{clip.subject}_{named}" if clip.dataset == "casme2" else named
            (tmp_path / f"{stem} .png").touch()
    listed = {(clip.person, clip.name): clip.emotion for clip in dataset("flow-maps").read(tmp_path).clips}
    assert len(listed) == 442
    for clip in kept:
        name = (
            f"s{clip.name[1:].partition('_')[0]:0>2}_{clip.name.partition('_')[2]}"
            if clip.dataset == "smic-hs"
            else clip.name
        )
        assert listed[clip.person, name] == CLASSES[labels[clip.id]]


def test_apexes_are_looked_for_where_there_is_none_and_only_there(composite, tmp_path, monkeypatch):
    config, clips = composite
    eyes_nose_mouth = np.array([[5, 4], [10, 4], [8, 6], [6, 9], [9, 9]], np.float32)
    monkeypatch.setattr(apexes, "finder", lambda name: lambda image: Face(eyes_nose_mouth, name))
    found = apexes.with_spotted_apexes(clips, config.prepare, tmp_path, 1, Watch())
    before = {clip.id: clip.apex for clip in clips}
    for clip in found:
        assert clip.apex in clip.frames.numbers
        if before[clip.id] is not None:
            assert clip.apex == before[clip.id] and not any("spotted" in fix for fix in clip.fixes)
    kept, _, _ = label_clips(found, config, Watch())
    assert len(kept) == 442
    spotted = Counter(dataset_of(clip.id) for clip in kept if any("spotted" in fix for fix in clip.fixes))
    assert spotted == {"smic-hs": 164}


def test_without_looking_for_apexes_smic_is_missed_before_anything_is_prepared(tmp_path):
    for name in ("casme2", "smic-hs"):
        dataset(name).write_fake(tmp_path / name, np.random.default_rng(1), rows=30)
    wanted = [*SETTINGS[1:3], "data.datasets=[casme2,smic-hs]"]
    config = shipped.config("casme2-3-published", wanted)
    roots = {name: tmp_path / name for name in ("casme2", "smic-hs")}
    with pytest.raises(ConfigError, match=r"No clip of smic-hs can be used: .* set prepare\.apex=missing"):
        run(config, roots, tmp_path / "out", tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
