"""A setting that would not reach a model is refused before anything is prepared."""

import pytest

from tests.run.conftest import SETTINGS
from tsfmicro.config import check_config
from tsfmicro.errors import ConfigError
from tsfmicro.run.experiment import check_names


def config(model, **train):
    return check_config(
        {**SETTINGS, "model": model, "prepare": {"size": 128}, "train": {**SETTINGS["train"], **train}}, "tiny"
    )


@pytest.mark.parametrize("loss", ["balanced", "focal"])
def test_a_model_with_a_loss_of_its_own_is_not_given_another(loss):
    with pytest.raises(ConfigError, match=rf"train\.loss={loss} does nothing for model sfamnet, which has a loss"):
        check_names(config("sfamnet", loss=loss))


def test_a_system_in_closed_form_has_neither_loss_nor_batches():
    with pytest.raises(
        ConfigError, match=r"train\.loss=focal and train\.sampling=balanced does nothing for model linear"
    ):
        check_names(config("linear", loss="focal", sampling="balanced"))


@pytest.mark.parametrize(
    ("model", "settings"),
    [("linear", {}), ("sfamnet", {"sampling": "balanced"}), ("tsfmicro-small", {"loss": "focal", "gamma": 1})],
)
def test_what_reaches_a_model_is_taken(model, settings):
    assert check_names(config(model, **settings)) >= 1
