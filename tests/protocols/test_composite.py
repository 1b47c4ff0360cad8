import numpy as np
import pytest

from tsfmicro.errors import ConfigError
from tsfmicro.protocols.registry import protocol


def folds(labels):
    return protocol("composite").folds(labels, 0, np.random.default_rng(0))


def test_everybody_of_all_datasets_is_left_out_once_and_the_others_of_all_datasets_are_learned_from():
    labels = {"casme2/01/a": 0, "casme2/02/a": 1, "samm/01/a": 0}
    assert {fold.name: (fold.test, fold.train) for fold in folds(labels)} == {
        "casme2-01": (("casme2/01/a",), ("casme2/02/a", "samm/01/a")),
        "casme2-02": (("casme2/02/a",), ("casme2/01/a", "samm/01/a")),
        "samm-001": (("samm/01/a",), ("casme2/01/a", "casme2/02/a")),
    }


def test_one_dataset_is_no_composite():
    with pytest.raises(ConfigError, match=r"all clips are of samm.*choose protocol loso"):
        folds({"samm/01/a": 0, "samm/02/a": 1})
