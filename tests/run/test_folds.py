"""From labels to folds: what is told, and what is refused."""

import pytest

from tests.run.conftest import SETTINGS
from tsfmicro.config import check_config
from tsfmicro.errors import ConfigError
from tsfmicro.run.experiment import make_folds
from tsfmicro.run.watch import Watch


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
