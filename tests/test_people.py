"""A person is a person across datasets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsfmicro.data.registry import DATASETS
from tsfmicro.errors import ConfigError, LeakageError
from tsfmicro.evaluate.audit import people_are_apart
from tsfmicro.evaluate.score import tally
from tsfmicro.evaluate.select import answers_of
from tsfmicro.people import FAMILIES, family_of
from tsfmicro.protocols.people import fold_name
from tsfmicro.protocols.registry import protocol
from tsfmicro.types import Fold, Logits, person_of


@pytest.mark.parametrize(
    ("clip", "person"),
    [
        ("casme2/sub04/EP13_02", "casme2/sub04"),
        ("smic-hs/s1/s1_ne_01", "smic/s01"),
        ("smic-vis/s01/s1_ne_01", "smic/s01"),
        ("smic-nir/s11/s11_ne_01", "smic/s11"),
        ("samm/006/006_1_2", "samm/006"),
        ("samm-lv/6/006_1_2", "samm/006"),
        ("casme3/spNO.1/a_5", "casme3/spNO.1"),
        ("casme3-c/1/1", "casme3/spNO.1"),
        ("mine/somebody/1", "mine/somebody"),
    ],
)
def test_datasets_of_one_family_name_a_person_alike_however_they_spell_them(clip, person):
    assert person_of(clip) == person


def test_one_person_on_two_sides_under_two_names_cannot_be_built():
    with pytest.raises(LeakageError, match=r"smic/s11.*train and test"):
        Fold("f", train=("smic-vis/s11/s11_ne_01",), test=("smic-hs/s11/s11_ne_02",))
    with pytest.raises(LeakageError, match="samm/006"):
        Fold("f", train=("samm/006/006_1_2",), val=("samm-lv/6/006_1_2_macro",), test=("casme2/sub01/EP01_1",))


def test_who_two_datasets_show_is_left_out_once_with_the_clips_of_both():
    labels = {"smic-hs/s1/a": 0, "smic-vis/s01/a": 0, "smic-hs/s2/a": 1, "samm/006/a": 1}
    folds = {fold.name: fold.test for fold in protocol("loso").folds(labels, 0, np.random.default_rng(0))}
    assert folds["smic-s01"] == ("smic-hs/s1/a", "smic-vis/s01/a")
    assert set(folds) == {"smic-s01", "smic-s02", "samm-006"}


def test_the_interval_is_drawn_over_people_not_over_their_names():
    labels = {"smic-hs/s1/a": 0, "smic-vis/s01/a": 1, "samm/006/a": 0, "samm-lv/6/a": 1}
    said = Logits(tuple(labels), "all", 0, np.eye(2, dtype=np.float32)[None, [0, 1, 0, 1]])
    counts = tally([answers_of(said)], labels, ("a", "b"))
    assert counts.people == ("samm/006", "smic/s01")
    assert counts.for_acc[0].sum((1, 2)).tolist() == [2, 2]


def test_the_audit_of_a_run_knows_who_is_who():
    fold = {"name": "f", "train": ["smic-vis/s11/a"], "val": [], "test": ["smic-hs/s11/a"]}
    assert people_are_apart([fold]).problems == ("smic/s11 is in train and test of fold f",)


def test_across_datasets_whom_both_sides_show_is_tested_and_not_learned_from():
    labels = {"smic-hs/s1/a": 0, "smic-vis/s1/a": 0, "smic-vis/s2/a": 1, "casme2/sub01/a": 1}
    (fold,) = protocol("cross_dataset", {"test": "smic-hs"}).folds(labels, 0, np.random.default_rng(0))
    assert (fold.test, set(fold.train)) == (("smic-hs/s1/a",), {"smic-vis/s2/a", "casme2/sub01/a"})
    with pytest.raises(ConfigError, match="everybody in smic-hs is tested in smic-vis too"):
        protocol("cross_dataset", {"train": "smic-hs", "test": "smic-vis"}).folds(labels, 0, np.random.default_rng(0))


def test_two_people_never_share_the_folder_of_a_fold():
    assert fold_name("casme2/sub04") == "casme2-sub04"
    assert fold_name("a/b-c") != fold_name("a-b/c")


part = st.text("ab-%2D", min_size=1, max_size=5)


@given(st.tuples(part, part), st.tuples(part, part))
def test_different_people_have_different_folds(one, other):
    assert (fold_name("/".join(one)) == fold_name("/".join(other))) == (one == other)


@pytest.mark.parametrize("name", [name for name in DATASETS if family_of(name)])
def test_a_dataset_spells_its_subjects_as_its_family_does(name, tmp_path):
    DATASETS[name].write_fake(tmp_path, np.random.default_rng(0), rows=20)
    for clip in DATASETS[name].read(tmp_path).clips:
        assert family_of(name).subject(clip.subject) == clip.subject
        assert clip.person == f"{family_of(name).name}/{clip.subject}"


def test_no_dataset_is_in_two_families():
    datasets = [dataset for family in FAMILIES for dataset in family.datasets]
    assert len(datasets) == len(set(datasets))
