"""What every protocol must keep, whoever adds it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsfmicro.errors import ConfigError, LeakageError, UnknownNameError
from tsfmicro.protocols.registry import PROTOCOLS, protocol
from tsfmicro.types import Fold, person_of

clips = st.lists(st.integers(0, 2), min_size=1, max_size=4)
people = st.fixed_dictionaries(
    {f"{dataset}/{n:03}": clips for dataset in ("casme2", "samm") for n in range(4)},
    optional={f"{dataset}/{n:03}": clips for dataset in ("casme2", "samm") for n in range(4, 8)},
)


def labels_of(people):
    return {f"{person}/EP{n:02}": label for person, labels in people.items() for n, label in enumerate(labels)}


@pytest.mark.parametrize("name", PROTOCOLS)
@given(people=people, val_people=st.integers(0, 2))
@settings(max_examples=30)
def test_every_clip_is_tested_once_and_nobody_is_on_two_sides(name, people, val_people):
    labels = labels_of(people)
    folds = protocol(name).folds(labels, val_people, np.random.default_rng(0))
    assert len({fold.name for fold in folds}) == len(folds)
    assert sorted(c for fold in folds for c in fold.test) == sorted(labels)
    for fold in folds:
        sides = [{person_of(c) for c in side} for side in (fold.train, fold.val, fold.test)]
        assert sum(len(s) for s in sides) == len(set.union(*sides))
        assert {c for side in (fold.train, fold.val, fold.test) for c in side} == set(labels)
        assert len(sides[1]) == val_people


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_order_of_the_clips_on_disk_changes_nothing(name):
    labels = labels_of({f"{d}/{p}": [0, 1, 1][:n] for d in "de" for n, p in enumerate("abc", 1)})
    backwards = dict(reversed(labels.items()))
    one, other = (protocol(name).folds(each, 1, np.random.default_rng(3)) for each in (labels, backwards))
    assert one == other


@pytest.mark.parametrize("name", PROTOCOLS)
def test_too_few_people_are_refused(name):
    with pytest.raises(ConfigError, match="at least"):
        protocol(name).folds({"d/a/1": 0, "d/a/2": 1}, 0, np.random.default_rng(0))
    with pytest.raises(ConfigError, match=r"val_people|at least"):
        protocol(name).folds({"d/a/1": 0, "d/b/1": 1, "e/a/1": 1}, 2, np.random.default_rng(0))


@pytest.mark.parametrize("name", PROTOCOLS)
def test_an_unknown_option_is_told_with_those_there_are(name):
    known = ", ".join(PROTOCOLS[name].model_fields) or "none"
    with pytest.raises(ConfigError, match=rf"protocol {name}: zzz: no such setting \(known: {known}\)"):
        protocol(name, {"zzz": 1})


def test_a_fold_with_one_person_on_both_sides_cannot_be_built():
    with pytest.raises(LeakageError, match=r"casme2/sub01.*train and test"):
        Fold("f", train=("casme2/sub01/EP1", "casme2/sub02/EP1"), test=("casme2/sub01/EP2",))


def test_people_of_two_datasets_with_one_number_are_two_people():
    Fold("f", train=("samm/01/EP1",), test=("casme2/01/EP1",))


def test_a_misspelt_protocol_is_told_the_right_name():
    with pytest.raises(UnknownNameError, match="loso"):
        protocol("lso")


def test_validation_people_hold_the_classes_as_the_whole_does():
    labels = labels_of({f"d/{p}": [0, 1, 1] for p in "abcdefg"} | {"d/h": [0, 0, 0], "d/i": [0, 0, 0]})
    for fold in protocol("loso").folds(labels, 2, np.random.default_rng(1)):
        shares = np.bincount([labels[c] for c in fold.val], minlength=2) / len(fold.val)
        assert abs(shares[0] - 13 / 27) < 0.2
