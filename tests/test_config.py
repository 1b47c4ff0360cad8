"""Settings: every shipped config loads, every mistake is told at once."""

import json
from functools import cache
from itertools import pairwise

import pytest

from tsfmicro.config import check_config, load_config, parse_yaml
from tsfmicro.errors import ConfigError, UnknownNameError
from tsfmicro.models.registry import describe
from tsfmicro.run.experiment import check_names
from tsfmicro.study import shipped

GOOD = "name: mine\ndata: {datasets: [casme2], scheme: casme2-5}\n"


@pytest.fixture
def written(tmp_path):
    def write(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return path

    return write


@cache
def answers(model, size, options):
    """That it looks at images of this size, whatever the number of classes: most of the paper's settings are of one model."""
    return describe(model, 5, size, **json.loads(options))


@pytest.mark.parametrize("name", shipped.names())
def test_every_shipped_config_loads_and_names_what_exists(name):
    config = shipped.config(name)
    assert config.name == name.removeprefix("zoo/")
    assert check_names(config) >= 1
    assert answers(config.model.name, config.prepare.size, json.dumps(config.model.options))


def test_the_paper_has_a_released_and_a_published_config_for_each_dataset_and_class_count():
    experiments = ["casme2-5", "casme2-3", "samm-5", "samm-3", "casme3-7", "casme3-4"]
    assert {f"{e}-{kind}" for e in experiments for kind in ("released", "published")} <= set(shipped.names())


def test_small_numbers_may_be_written_as_scientists_do(written):
    assert load_config(written(GOOD + "train: {lr: 1e-3}")).train.lr == 0.001
    assert parse_yaml("[1e-3, 8E-4, 1.5e3, .5e1]") == [0.001, 0.0008, 1500.0, 5.0]
    assert parse_yaml("[e3, 1e, sub01e5]") == ["e3", "1e", "sub01e5"]


def test_overrides_reach_into_sections(written):
    config = load_config(
        written(GOOD),
        [
            "train.epochs=7",
            "train.seeds=[1, 2]",
            "model.options.variant=early",
            "prepare.products.flow.method=farneback",
        ],
    )
    assert (config.train.epochs, config.train.seeds, config.model.options, config.prepare.products) == (
        7,
        (1, 2),
        {"variant": "early"},
        {"flow": {"method": "farneback"}},
    )


def test_a_model_and_a_protocol_may_be_written_as_their_name_alone(written):
    config = load_config(written(GOOD + "model: tsfmicro-small\nprotocol: person_kfold\n"), ["protocol.options.k=4"])
    assert (config.model.name, config.model.options) == ("tsfmicro-small", {})
    assert (config.protocol.name, config.protocol.options) == ("person_kfold", {"k": 4})
    assert load_config(written(GOOD), ["protocol=composite"]).protocol.name == "composite"
    assert load_config(written(GOOD)).protocol.name == "loso"


def test_all_mistakes_are_told_at_once_with_their_paths(written):
    path = written("name: mine\ndata: {datasets: [], scheme: casme2-5}\ntrain: {epoch: 3, lr: fast}\nmodle: {}\n")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    line = str(error.value)
    assert "\n" not in line
    for part in (
        "data.datasets",
        "train.epoch: no such setting (did you mean epochs?)",
        "train.lr",
        "did you mean model?",
        "mine.yaml",
    ):
        assert part in line


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no settings"),
        ("- 1", "holds no settings"),
        ("a: [", "is not YAML"),
        ("name: a b\n", "name:"),
        ("name: x\n", "data: is missing"),
        ("name: " + "[" * 5000, "nested too deeply|is not YAML"),
        ("name: &a [*a]\n", "holds itself"),
        (
            "a: &a [1]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise("abcdefgh")),
            "stand for",
        ),
        (f"name: {list(range(900))}\n", r"it is \[0, 1, .*…\)"),
    ],
)
def test_a_file_that_is_no_config_is_told_in_words(written, text, said):
    with pytest.raises(ConfigError, match=said):
        load_config(written(text))


def test_a_missing_file_and_a_misspelt_name_are_told_in_words(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(UnknownNameError, match="Did you mean 'casme2-5-released'"):
        shipped.config("casme2-5-relesed")


@pytest.mark.parametrize(
    "override", ["epochs", "=3", "name.inner=3", "train.lr=[", "train.epochs=0", "train.nothing=1"]
)
def test_an_override_that_cannot_work_is_told_in_words(written, override):
    with pytest.raises(ConfigError):
        load_config(written(GOOD), [override])


def test_a_config_survives_being_written_and_read(written):
    config = load_config(written(GOOD))
    assert check_config(config.model_dump(mode="json"), "again") == config


def test_a_seed_that_is_there_twice_is_refused():
    with pytest.raises(ConfigError, match=r"train\.seeds: 0 is there twice"):
        check_names(check_config(parse_yaml(GOOD + "train: {seeds: [0, 1, 0]}\n"), "mine.yaml"))


def test_a_setting_given_without_its_section_is_told_with_it():
    for given, meant in (
        ("epochs: 3", "train.epochs"),
        ("train: {flip: 0}", "train.augment.flip"),
        ("flip: 0", "train.augment.flip"),
    ):
        with pytest.raises(ConfigError, match=rf"no such setting \(did you mean {meant}\?\)"):
            check_config(parse_yaml(f"{GOOD}{given}\n"), "mine.yaml")
