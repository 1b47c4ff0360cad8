"""From labels to folds: what is told, and what is refused."""

from dataclasses import replace

import pytest

from tests.run.conftest import SETTINGS, made_clips
from tsfmicro.config import check_config
from tsfmicro.errors import ConfigError
from tsfmicro.protocols.base import Protocol
from tsfmicro.protocols.registry import PROTOCOLS
from tsfmicro.run.experiment import make_folds, with_an_apex
from tsfmicro.run.watch import Watch
from tsfmicro.types import Fold


class Notes(Watch):
    def __init__(self):
        self.told = []

    def note(self, text):
        self.told.append(text)


def config(protocol="loso"):
    return check_config({**SETTINGS, "protocol": protocol}, "tiny.yaml")


def test_a_class_that_only_the_test_person_shows_is_told_and_the_fold_is_trained():
    watch = Notes()
    labels = {"casme2/01/a": 0, "casme2/02/a": 1, "casme2/03/a": 0, "casme2/03/b": 1, "casme2/03/c": 2}
    folds, unused = make_folds(labels, config(), watch)
    assert len(folds) == 3 and not unused
    assert watch.told == [
        "fold casme2-03: nobody on its training side shows surprise, so it cannot be learned there",
    ]


def test_a_training_side_with_one_class_is_refused():
    with pytest.raises(ConfigError, match="fold casme2-02: the training side shows no positive, surprise"):
        make_folds({"casme2/01/a": 0, "casme2/02/a": 1, "casme2/03/a": 0, "casme2/02/b": 2}, config(), Watch())


def test_clips_of_a_dataset_on_no_side_are_named():
    labels = {f"{d}/{p}/{n}": n for d in ("casme2", "samm", "smic") for p in "ab" for n in range(3)}
    there = {"name": "cross_dataset", "options": {"train": "casme2", "test": "samm"}}
    folds, unused = make_folds(labels, config(there), Watch())
    assert [fold.name for fold in folds] == ["casme2-to-samm"]
    assert set(unused) == {clip for clip in labels if clip.startswith("smic/")}
    assert set(unused.values()) == {"protocol cross_dataset has it on no side"}


@pytest.mark.parametrize("protocol", ["composite", {"name": "cross_dataset", "options": {"test": ["smic-hs"]}}])
@pytest.mark.parametrize("apex", ["annotated", "missing"])
def test_a_dataset_all_of_whose_clips_were_left_out_is_named_with_what_helps(protocol, apex):
    labels = {f"casme2/{person}/{n}": n for person in "abc" for n in range(3)}
    asked = {**SETTINGS, "protocol": protocol, "data": {**SETTINGS["data"], "datasets": ["casme2", "smic-hs"]}}
    settings = check_config({**asked, "prepare": {**SETTINGS["prepare"], "apex": apex}}, "tiny.yaml")
    with pytest.raises(ConfigError, match=r"No clip of smic-hs can be used") as told:
        make_folds(labels, settings, Watch())
    helps = "where they have no apex, set prepare.apex=missing."
    assert str(told.value).endswith(helps) == (apex == "annotated") and "\n" not in str(told.value)


A, B, C = ([f"casme2/{person}/{n}" for n in range(3)] for person in ("01", "02", "03"))
LABELS = {clip: int(clip[-1]) for clip in (*A, *B, *C)}


def folded(monkeypatch, watch, *folds):
    class Strange(Protocol):
        def folds(self, labels, val_people, generator):
            return folds

    monkeypatch.setitem(PROTOCOLS, "strange", Strange)
    return make_folds(LABELS, config("strange"), watch)


@pytest.mark.parametrize("name", ["casme2/01", "", "..", "a\\b", "a" * 201])
def test_a_fold_whose_name_can_be_no_folders_is_refused(monkeypatch, name):
    with pytest.raises(ConfigError, match=r"protocol strange: a fold is called '.*', which can be no folder's name"):
        folded(monkeypatch, Watch(), Fold(name, (*A, *B), tuple(C)))


def test_two_folds_of_one_name_are_refused(monkeypatch):
    with pytest.raises(ConfigError, match=r"protocol strange: two folds are called one. Give each a name of its own"):
        folded(monkeypatch, Watch(), Fold("one", (*A, *B), tuple(C)), Fold("one", (*A, *C), tuple(B)))


@pytest.mark.parametrize("other", ["two", "one"])
def test_a_clip_that_is_tested_twice_is_refused(monkeypatch, other):
    folds = [Fold("one", (*A, *B), tuple(C)), Fold("two", tuple(A), (*B, *C))]
    if other == "one":
        folds = [Fold("one", (*A, *B), (*C, C[0]))]
    says = f"protocol strange: casme2/03/0 is tested in fold one and once more in fold {other}. Test each clip once"
    with pytest.raises(ConfigError, match=says):
        folded(monkeypatch, Watch(), *folds)


def test_people_whom_no_fold_tests_are_told(monkeypatch):
    watch = Notes()
    folded(monkeypatch, watch, Fold("one", (*A, *B), tuple(C)))
    assert watch.told == ["protocol strange: 6 of 9 clips, of 2 people, are never tested"]


def test_a_dataset_that_is_only_learned_from_is_not_told_as_never_tested():
    watch = Notes()
    labels = {f"{d}/{p}/{n}": n for d in ("casme2", "samm") for p in "ab" for n in range(3)}
    make_folds(labels, config({"name": "cross_dataset", "options": {"train": "casme2"}}), watch)
    assert not watch.told


def test_clips_of_which_none_has_an_apex_are_told_as_such():
    clips = [replace(clip, apex=None) for clip in made_clips()]
    with pytest.raises(ConfigError, match=r"no clip of casme2 has an apex\. Spot it: prepare.apex=missing"):
        with_an_apex(clips, config())
    looked_for = check_config({**SETTINGS, "prepare": {"apex": "missing"}}, "tiny.yaml")
    assert with_an_apex(clips, looked_for) == clips
