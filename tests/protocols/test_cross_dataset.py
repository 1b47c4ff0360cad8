import numpy as np
import pytest

from tsfmicro.errors import ConfigError
from tsfmicro.protocols.registry import protocol
from tsfmicro.types import dataset_of

LABELS = {
    f"{dataset}/{person}/{n}": n % 2
    for dataset in ("casme2", "samm", "smic")
    for person in ("01", "02")
    for n in (1, 2)
}


def folds(labels=LABELS, val_people=0, **options):
    return protocol("cross_dataset", options).folds(labels, val_people, np.random.default_rng(0))


def datasets(clips):
    return sorted({dataset_of(clip) for clip in clips})


def test_without_options_each_dataset_is_left_out_once():
    sides = {fold.name: (datasets(fold.train), datasets(fold.test)) for fold in folds()}
    assert sides == {
        "casme2": (["samm", "smic"], ["casme2"]),
        "samm": (["casme2", "smic"], ["samm"]),
        "smic": (["casme2", "samm"], ["smic"]),
    }


def test_train_on_one_test_on_another_is_one_fold_and_the_third_dataset_is_on_no_side():
    (fold,) = folds(train="casme2", test="samm")
    assert fold.name == "casme2-to-samm"
    assert (datasets(fold.train), datasets(fold.test)) == (["casme2"], ["samm"])
    assert len(fold.test) == 4


def test_the_side_that_is_not_named_is_all_other_datasets():
    (fold,) = folds(test=["samm"])
    assert (fold.name, datasets(fold.train)) == ("casme2+smic-to-samm", ["casme2", "smic"])
    (fold,) = folds(train=["samm"])
    assert (fold.name, datasets(fold.test)) == ("samm-to-casme2+smic", ["casme2", "smic"])


def test_validation_people_come_from_the_datasets_that_are_learned_from():
    (fold,) = folds(val_people=1, train=["casme2", "smic"], test=["samm"])
    assert len(fold.val) == 2
    assert set(datasets(fold.val)) <= {"casme2", "smic"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"train": "samm", "test": ["samm"]}, "samm is in train and in test"),
        ({"test": "casme3"}, r"no clip is of casme3 \(there are clips of casme2, samm, smic\)"),
        ({"tests": "samm"}, "did you mean test?"),
        ({"train": ["casme2", "samm", "smic"]}, "both sides need at least one dataset"),
    ],
)
def test_what_cannot_be_is_told(options, said):
    with pytest.raises(ConfigError, match=said):
        folds(**options)


def test_leave_one_dataset_out_has_a_name_of_its_own_and_is_of_any_number_of_datasets():
    named = protocol("leave_one_dataset_out").folds(LABELS, 0, np.random.default_rng(0))
    assert named == folds() and len(named) == 3


def test_holdout_database_evaluation_learns_from_each_of_two_datasets_once():
    two = {clip: label for clip, label in LABELS.items() if dataset_of(clip) != "smic"}
    one, other = protocol("hde").folds(two, 0, np.random.default_rng(0))
    assert (datasets(one.train), datasets(one.test)) == (["samm"], ["casme2"]) == (datasets(other.test), ["casme2"])
    with pytest.raises(ConfigError, match=r"of two datasets\. Choose protocol leave_one_dataset_out"):
        protocol("hde").folds(LABELS, 0, np.random.default_rng(0))


def test_people_of_a_family_are_tested_and_not_learned_from_whatever_the_datasets_are_called():
    family = {f"{dataset}/{person}/1": n % 2 for dataset in ("samm", "samm-lv") for n, person in enumerate("67")}
    labels = {**family, "samm-lv/8/1": 0, "casme2/6/1": 1}
    by_name = {fold.name: fold for fold in protocol("leave_one_dataset_out").folds(labels, 0, np.random.default_rng(0))}
    assert set(by_name["samm"].train) == {"casme2/6/1", "samm-lv/8/1"}


def test_loso_of_one_dataset_leaves_the_others_out_of_both_sides():
    inside = protocol("loso", {"only": "samm"}).folds(LABELS, 0, np.random.default_rng(0))
    assert len(inside) == 2
    assert {dataset_of(clip) for fold in inside for clip in (*fold.train, *fold.test)} == {"samm"}
    with pytest.raises(ConfigError, match="no clip is of smm"):
        protocol("loso", {"only": ["smm"]}).folds(LABELS, 0, np.random.default_rng(0))
