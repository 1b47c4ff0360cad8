import numpy as np
import pytest

from tsfmicro.errors import ConfigError
from tsfmicro.protocols.registry import protocol
from tsfmicro.types import person_of

# 24 people with 1 to 8 clips; every third shows the rare class 2 once.
LABELS = {
    f"casme2/{p:02}/{n}": 2 if n == 0 and p % 3 == 0 else n % 2 for p in range(24) for n in range(1 + (5 * p) % 8)
}


def folds(labels=LABELS, **options):
    return protocol("person_kfold", options).folds(labels, 0, np.random.default_rng(0))


def test_folds_have_nearly_as_many_clips_and_nearly_as_many_of_each_class():
    counts = np.array([np.bincount([LABELS[c] for c in fold.test], minlength=3) for fold in folds(k=4)])
    assert np.ptp(counts.sum(1)) <= 2
    assert (np.ptp(counts, axis=0) <= 2).all()
    assert counts[:, 2].min() >= 1, "the rare class is in every fold"


def test_the_folds_hang_on_the_protocols_seed_and_on_no_other():
    one, again = folds(k=4), protocol("person_kfold", {"k": 4}).folds(LABELS, 0, np.random.default_rng(9))
    assert one == again
    assert one != folds(k=4, seed=1)


def test_as_many_folds_as_people_leave_one_person_out():
    people = {person_of(c) for c in LABELS}
    assert {frozenset(person_of(c) for c in fold.test) for fold in folds(k=24)} == {frozenset([p]) for p in people}


@pytest.mark.parametrize(
    ("options", "said"),
    [({"k": 1}, "k: input should be greater than or equal to 2"), ({"k": 25}, "25 folds need at least 25")],
)
def test_too_few_folds_and_more_folds_than_people_are_told(options, said):
    with pytest.raises(ConfigError, match=said):
        folds(**options)
